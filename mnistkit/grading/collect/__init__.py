"""`mnistkit assignment collect`: what was handed in is put where nbgrader looks for it."""
