"""The check of the notebooks with nbval, as the Makefile calls it."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

from course_helpers import write_lesson

import mnistkit

HOME = Path(mnistkit.__file__).resolve().parents[1]


def test_a_kernel_that_dies_fails_its_notebook_at_once(tmp_path):
    """With nbval alone: after the 120 s of a cell."""
    write_lesson(tmp_path, "01_dies", "1", "import os\nos._exit(0)", "2", "3")
    write_lesson(tmp_path, "02_lives", "1 + 1")
    options = re.search(
        r"-m pytest (-p no:cacheprovider .*?) build/smoke", (HOME / "Makefile").read_text(), re.S
    )
    command = [sys.executable, "-m", "pytest", *options[1].replace("\\\n", " ").split(), str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(HOME / "tests")}
    start = time.monotonic()
    done = subprocess.run(command, cwd=HOME, env=environment, capture_output=True, text=True, timeout=110)
    assert time.monotonic() - start < 60
    assert done.returncode == 1
    assert done.stdout.count("the kernel died in this cell") >= 1
    assert "3 failed, 4 passed" in done.stdout
