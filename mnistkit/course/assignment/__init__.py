"""Assignments: the lessons' exercises handed out, handed in and graded safely, in the formats of nbgrader."""
