"""The way back: grades, comments, feedback and hand-outs as platforms and mail programs take them."""
