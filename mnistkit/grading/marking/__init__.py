"""`mnistkit assignment mark` and `confirm`: points by hand, for which answer they were given, rubrics."""
