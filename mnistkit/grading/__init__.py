"""Assignments: the lessons' exercises handed out, handed in and graded safely, in the formats of nbgrader.

The way of an assignment through these modules:

- `release` hands out: `normalize` makes what students get, from `exercises`; `self_check` grades the
  solutions first. `course_folder` keeps it, `nbgrader_bridge` is the way to nbgrader
- `dates` says when it is due for whom: `due_dates` reads the course's file, `set_dates` changes it,
  `gradebook_dates` enters it
- `collect` takes in: `archive` unpacks, `lms` knows the platforms' names, `match_student` and
  `match_notebook` say whose and which a file is, `sort_files` decides, `strip_outputs` cuts large ones
- `autograde` gives points: `batch` says what is graded, `command` sends it to `worker_pool`, whose `worker`
  runs the instructor's notebook (`reference_solution`) and its `checks`; `gradebook_writer` enters points,
  with answers from `restore_answers` in the `formgrader_notebook`
- `external` does so for one file in a platform's container, in that platform's `result_formats`
- `sandbox` runs students' code: `bwrap` starts it (with `seccomp` and `cgroups`), `child` is inside, `codec`
  and `keras_codec` are what passes between the two; `code_dependencies` says what an answer needs of it
- `marking` is for what a person judges: a `sheet` of answers, which `server` shows
- `feedback` is read: `student_page`, `instructor_page` and `grades_csv`, from `gradebook_scores`, with pairs
  from `similarity`
- `export` is the way back into the platforms' tables (`platforms`, `grades_table`), and `mails`
- `questions` asks students about code of their own

No room uses one that uses it. What several need stands beside them: who a student is (`roster`) and with
which numbers (`personalize`), what was graded (`ledger`) and judged by hand (`judgements`), what may
be shown of it (`plain_text`).

Whatever a student hands in is read by `submission`, or named by `not_a_notebook`, and believed by nobody.
"""
