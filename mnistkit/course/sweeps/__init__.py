"""Many runs over a grid of parameters."""
