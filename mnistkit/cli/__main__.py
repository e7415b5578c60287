"""``python -m mnistkit.cli`` is the command `mnistkit`."""

from mnistkit.cli.main import main

if __name__ == "__main__":
    main()
