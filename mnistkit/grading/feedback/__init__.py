"""`mnistkit assignment feedback`: pages for students and their teacher, and the table of grades."""
