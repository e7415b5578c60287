"""Assignments: the lessons' exercises handed out, handed in and graded, in the formats of nbgrader."""
