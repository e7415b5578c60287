"""A student's code, shut in: the process, what it may do, and what passes to and fro."""
