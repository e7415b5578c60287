"""Assignments: the lessons' exercises handed out, handed in and graded safely, in the formats of nbgrader.

The way of an assignment through these modules:

- hand out: `release` (with `exercises`, `personal`, `standard_form`; `self_check` grades the solutions first)
  into the folder that `course` keeps
- take in: `collect` (with `entries`, `handed_in`, `lms`, `sorting`, `found`, `outputs`; `roster` says whose)
- grade: `grade` plans jobs; `examination` gives each to an `examiner`, a process that runs the instructor's
  notebook (`instructor`, `slices`) and its checks (`checks`, `outlines`, within `limits`), and asks the
  student's process for answers: `sandbox` starts it (with `cgroups` and `system_calls`), `inside` runs there,
  `exchange` and `networks` are what passes between the two
- keep: `marks` on disk; `rebuilt` notebooks, with `restored` answers, through nbgrader into its gradebook
- read: `feedback` for students (with `shown`, laid out by `killable`), `overview` and `gradesheet` for the
  teacher, from the gradebook's `standings`, with pairs from `similarity`; `texts` makes what students wrote
  fit to be shown

Whatever a student hands in is read by `cells`, or named by `not_a_notebook`, and believed by nobody.
"""
