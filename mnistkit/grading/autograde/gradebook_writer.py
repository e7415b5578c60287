"""Results into nbgrader's gradebook, student by student, each as soon as nothing of theirs is missing."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mnistkit.course.running.jobs import NotebookJob
from mnistkit.grading import course_folder as courses
from mnistkit.grading import nbgrader_bridge
from mnistkit.grading.autograde.batch import Batch, Submitted
from mnistkit.grading.autograde.formgrader_notebook import rebuild
from mnistkit.grading.course_folder import TIMESTAMP
from mnistkit.grading.exercises import read_exercises
from mnistkit.grading.judgements import Answered, answer_sha256
from mnistkit.grading.ledger import Graded, Result, read_graded, write_graded
from mnistkit.grading.plain_text import plain
from mnistkit.grading.submission import (
    NotANotebook,
    read_any_cells,
    read_handed_in,
    submission_sha256,
)


@dataclass
class _Staged:
    """What lies ready of a student."""

    lessons: set[str] = field(default_factory=set)
    undecided: set[tuple[str, str]] = field(default_factory=set)
    answers: dict[tuple[str, str], Answered] = field(default_factory=dict)


class GradebookWriter:
    """What each student has so far; entered into the gradebook as soon as nothing of it is missing.

    Parameters
    ----------
    batch : Batch
        The assignment.
    students : sequence of str
        Whose.
    stage : pathlib.Path
        What `courses.staging` gave.
    """

    def __init__(self, batch: Batch, students: Sequence[str], stage: Path) -> None:
        self.done: dict[str, Graded] = {}
        self._batch, self._stage = batch, stage
        self._earlier = read_graded(batch.course, batch.released.name)
        self._entered = _entered(batch)
        self._staged: dict[str, _Staged] = {student: _Staged() for student in students}
        self._results: dict[str, dict[str, Result]] = {student: self._kept(student) for student in students}
        for student in students:
            self._enter(student)

    def _kept(self, student: str) -> dict[str, Result]:
        """Give the earlier results of a student that still hold."""
        batch = self._batch
        earlier = self._earlier[student].results if student in self._earlier else {}
        kept = {}
        for plan in batch.plans:
            result = earlier.get(plan.name)
            if result is None or not result.completed:
                continue
            try:
                content = read_handed_in(batch.submission(student, plan.name))
            except OSError:
                continue
            if result.key == batch.key(plan, student, submission_sha256(content)):
                kept[plan.name] = result
        return kept

    def missing(self) -> list[tuple[str, NotebookJob]]:
        """List what is to be graded, by lesson first: a grading process keeps one of them ready."""
        found = [(student, plan) for plan in self._batch.plans for student in self._results]
        return [(student, plan) for student, plan in found if plan.name not in self._results[student]]

    def take(self, student: str, plan: NotebookJob, result: Result, submitted: Submitted | None) -> None:
        """Keep the result of a notebook; what was handed in is None where it can't be read."""
        self._results[student][plan.name] = result
        self._stage_notebook(student, plan, result, submitted)
        self._enter(student)

    def _enter(self, student: str) -> None:
        found, sandboxed = self._results[student], not self._batch.unsandboxed
        results = {plan.name: found[plan.name] for plan in self._batch.plans if plan.name in found}
        graded = Graded(student, results, sandboxed)
        kept = Graded(student, {name: r for name, r in results.items() if r.completed}, sandboxed)
        is_new = self._earlier.get(student) != kept
        all_there = len(results) == len(self._batch.plans)
        # What is written down here is in the gradebook: it is written after it, and taken back before it.
        if is_new and graded != kept and (kept.results or student in self._earlier):
            self._write(kept)
        if all_there:
            if is_new or graded != kept or student not in self._entered:
                self._enter_grades(graded)
            self.done[student] = graded
        if is_new and graded == kept and results:
            self._write(kept)

    def _write(self, kept: Graded) -> None:
        write_graded(self._batch.course, self._batch.released.name, kept)
        self._earlier[kept.student] = kept

    def _stage_notebook(
        self, student: str, plan: NotebookJob, result: Result, submitted: Submitted | None
    ) -> None:
        """Lay a notebook that is safe to open ready for nbgrader: nothing parsed is kept for later."""
        batch, staged, exercises = self._batch, self._staged[student], read_exercises(plan.lesson)
        before = self._before(student)
        notebook = _shown(batch, plan, result, submitted, before)
        for exercise in exercises:
            if not (result.completed or (submitted and not exercise.automatic)):
                staged.undecided.add((plan.name, exercise.id))
        staged.undecided |= {(plan.name, mark.grade_id) for mark in result.marks if mark.by_hand}
        same_file = self._is_same_file(student, plan, submitted)
        for exercise in exercises:
            digest = answer_sha256(submitted.written(exercise)) if submitted else None
            staged.answers[plan.name, exercise.id] = Answered(digest, same_file)
        folder = self._folder(student)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{plan.name}.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
        staged.lessons.add(plan.name)

    def _is_same_file(self, student: str, plan: NotebookJob, submitted: Submitted | None) -> bool:
        """Say whether what lies there is what was graded before; so where nothing is known."""
        earlier = self._earlier.get(student)
        known = earlier.results[plan.name].content if earlier and plan.name in earlier.results else None
        return submitted is None or known in (None, submission_sha256(submitted.notebook.content))

    def _before(self, student: str) -> Path:
        return self._batch.course / "autograded" / student / self._batch.released.name

    def _folder(self, student: str) -> Path:
        return self._stage / "submitted" / student / self._batch.released.name

    def _enter_grades(self, graded: Graded) -> None:
        """Enter points into the gradebook, and give formgrader the notebooks."""
        batch, student, staged = self._batch, graded.student, self._staged[graded.student]
        for plan in batch.plans:
            if plan.name not in staged.lessons:  # its result was kept from an earlier run
                try:
                    submitted = batch.read(student, plan.name)
                except OSError:
                    submitted = None
                self._stage_notebook(student, plan, graded.results[plan.name], submitted)
        if time := _text_of(batch.submission(student, "").with_name(TIMESTAMP)):
            (self._folder(student) / TIMESTAMP).write_bytes(time + b"\n")
        made = nbgrader_bridge.enter_grades(
            batch.course, self._stage, batch.released.name, student, staged.undecided, staged.answers
        )
        courses.replace_folder(made, self._before(student), self._stage)


def _entered(batch: Batch) -> set[str]:
    """List whose submissions the gradebook and formgrader have, with the time that is now theirs."""
    name = batch.released.name
    with nbgrader_bridge.gradebook(batch.course) as book:
        known = {submission.student_id for submission in book.find_assignment(name).submissions}
    return {
        student
        for student in known
        if (folder := batch.course / "autograded" / student / name).is_dir()
        and _text_of(folder / TIMESTAMP) == _text_of(batch.submission(student, "").with_name(TIMESTAMP))
    }


def _text_of(path: Path) -> bytes:
    try:
        return path.read_bytes().strip()
    except OSError:
        return b""


def _shown(
    batch: Batch, plan: NotebookJob, result: Result, submitted: Submitted | None, before: Path
) -> dict[str, Any]:
    """Give the notebook for formgrader: what was read before, where the file can't be read."""
    file = f"{plan.name}.ipynb"
    released = (batch.course / "release" / batch.released.name / file).read_text(encoding="utf-8")
    note = "" if result.completed else f"Not graded by the checks: {plain(result.why)}."
    if submitted is None:
        cells = _cells_of(before / file)
        return rebuild(released, cells, (), "" if cells else note)
    if submitted.notebook.problem:
        note = f"What was handed in can't be shown: {submitted.notebook.problem}."
    return rebuild(released, submitted.restored.cells, result.marks, note)


def _cells_of(path: Path) -> list[dict[str, Any]]:
    try:
        return read_any_cells(path)
    except NotANotebook:
        return []
