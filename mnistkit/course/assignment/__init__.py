"""Assignments made from the lessons' exercises, and how what students hand in is graded safely."""
