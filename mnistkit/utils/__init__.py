"""What every room uses: checked arguments, threads, Keras' start."""
