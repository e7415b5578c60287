"""Grading where a platform runs containers of its own: Gradescope, PrairieLearn, GitHub."""
