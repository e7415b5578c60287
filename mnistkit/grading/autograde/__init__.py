"""`mnistkit assignment grade`: points for what was handed in."""
