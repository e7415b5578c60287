"""`mnistkit assignment release`: from lessons to what students are given, through nbgrader."""

from __future__ import annotations

import io
import json
import logging
import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from mnistkit.course.lessons import Lesson, notebook_text
from mnistkit.course.parameters import read_schema
from mnistkit.course.student_edition import STUDENTS_CONFIG, add_kernel_cell
from mnistkit.errors import UserError
from mnistkit.files import write_atomically, zip_entry
from mnistkit.grading import course_folder as courses
from mnistkit.grading import nbgrader_bridge
from mnistkit.grading.ai_declaration import declaration_cell
from mnistkit.grading.course_folder import Released
from mnistkit.grading.dates.due_dates import DueDates, read_dates
from mnistkit.grading.exercises import Exercise, check_release, check_source, read_exercises
from mnistkit.grading.personalize import personal_names, personal_parameters, read_or_make_secret
from mnistkit.grading.release.normalize import check_valid, standard_form
from mnistkit.grading.release.self_check import self_check
from mnistkit.grading.roster import Student, read_roster
from mnistkit.grading.sandbox.bwrap import check_system

__all__ = ["Assignment", "plan_assignments", "release", "release_command", "with_parameters"]

_logger = logging.getLogger(__name__)

README = "README.txt"

_NOTE = """\
> **This copy of the lesson is an assignment: {exercises}, {points}.** Work through it from top to bottom.
> Where a function is still to be written, its check shows an error and says so; all other cells run, so you
> can run the whole notebook at any time. Leave the parameters and the checks as they are: what you write
> belongs into the cells for it. Then save, and hand in this file under its own name, `{file}`.{data}
>
{table}
"""

_README_TEXT = """\
{name}: {exercises}, {points}
{dates}
How to start
  1. Keep this folder together, and keep the names of the files.
  2. Put this folder into the course's folder "work", start JupyterLab as for the lessons (mnistkit lab),
     and open this folder in it. Or, in a terminal, change into this folder and start the JupyterLab of the
     course's environment there:
       jupyter lab
       C:\\mnistkit\\.venv\\Scripts\\jupyter lab      (Windows, if the course is in C:\\mnistkit)
     Open in it:
{files}
  3. Work from top to bottom. Cells with "YOUR CODE HERE" and "Your answer" are yours. The check below
     a function tells what is still wrong; your teacher's copy has more checks. "Run All" goes on after
     a check that fails.

How to check
  Kernel > Restart Kernel and Run All Cells, and read the checks. Or press "Validate" above the notebook,
  where JupyterLab has nbgrader's buttons: it does the same and lists the checks that fail. If it says
  CellTimeoutError, JupyterLab was started in another folder: start it as said above.
  Both take as long as the whole lesson. Neither looks at questions in words.

How to hand in
  Save. Hand in the notebook, with your work in it and under its own name, where your teacher says.
{personal}
What gives points
{table}
"""

_PERSONAL = """
Your own numbers
  This copy is for {student} only. Parameters of your own: {names}. So your data, and some
  answers, differ from your neighbour's. Leave them as they are.
"""


@dataclass(frozen=True)
class Assignment:
    """Lessons that are handed out together.

    Attributes
    ----------
    name : str
        nbgrader's name for it, and that of its folder.
    lessons : tuple of Lesson
        Its notebooks.
    """

    name: str
    lessons: tuple[Lesson, ...]

    @cached_property
    def exercises(self) -> list[Exercise]:
        """What gives points, in the order of the notebooks."""
        return [exercise for lesson in self.lessons for exercise in read_exercises(lesson)]


def plan_assignments(lessons: Sequence[Lesson], name: str | None) -> list[Assignment]:
    """Make each lesson an assignment, or all of them one.

    Parameters
    ----------
    lessons : sequence of Lesson
        What to hand out.
    name : str or None
        The name of one assignment with all lessons; None: one a lesson, with the lesson's name.

    Returns
    -------
    list of Assignment
        In the order of the lessons.

    Raises
    ------
    UserError
        If the name can't be one.
    """
    if name is None:
        return [Assignment(lesson.name, (lesson,)) for lesson in lessons]
    courses.check_assignment_name(name)
    return [Assignment(name, tuple(lessons))]


def release_command(
    wanted: Sequence[str],
    course: Path,
    name: str | None,
    roster: Path | None,
) -> None:
    """Carry out ``mnistkit assignment release``: check everything, then make one assignment after the other.

    Parameters
    ----------
    wanted : sequence of str
        Lessons as `mnistkit.course.lessons.select` takes them.
    course : pathlib.Path
        The course's folder; made where there is none.
    name : str or None
        See `plan_assignments`.
    roster : pathlib.Path or None
        Who takes part, where each student is to have own numbers.

    Raises
    ------
    UserError
        If something can't be as it is asked for; before anything is written, unless nbgrader refuses. Also on
        Windows.
    """
    from mnistkit.course.lessons import find, find_folder, select

    check_system()
    nbgrader_bridge.require_nbgrader()
    assignments = plan_assignments(select(find(find_folder()), wanted), name)
    students = read_roster(roster) if roster else []
    for assignment in assignments:
        for lesson in assignment.lessons:
            check_source(lesson)
        personal_names(assignment.lessons)
    courses.open_course(course)
    late = {assignment.name: late_students(assignment, course, students) for assignment in assignments}
    for assignment in assignments:
        if not late[assignment.name]:
            courses.check_no_submissions(course, assignment.name)
    anew = [assignment for assignment in assignments if not late[assignment.name]]
    self_check([lesson for assignment in anew for lesson in assignment.lessons])
    for assignment in assignments:
        if new := late[assignment.name]:
            add_students(assignment, course, new)
            _logger.info(f"{assignment.name}: handed in already, so it stays; students added: {len(new)}")
            for student in new:
                _logger.info(f"  hand out:  {_personal(course, assignment.name) / student.id}.zip")
        else:
            _release_anew(assignment, course, students)


def _release_anew(assignment: Assignment, course: Path, students: Sequence[Student]) -> None:
    """Release, and say what to hand out."""
    name = assignment.name
    if earlier := earlier_students(name, course, students):
        _logger.info(f"{name}: not in this list, and kept from the release before: {len(earlier)} more")
    *hand_out, points = release(assignment, course, [*students, *earlier])
    _logger.info(f"{name}: {_counted(assignment.exercises)}")
    _logger.info(_text_table(assignment.exercises))
    for path in hand_out:
        _logger.info(f"  hand out:  {path}{'/ID.zip, each to its student' * path.is_dir()}")
    if students:
        _logger.info(f"  as mails:  mnistkit assignment export {name} --for eml --hand-out")
    _logger.info(f"  for you:   {points}")


def release(assignment: Assignment, course: Path, students: Sequence[Student] = ()) -> list[Path]:
    """Write an assignment's source, its students' version and what is handed out into a course.

    Everything is made and checked aside, without the gradebook, before the course is touched.

    Parameters
    ----------
    assignment : Assignment
        What to release.
    course : pathlib.Path
        A course's folder (`course_folder.open_course`).
    students : sequence of Student, optional
        Who gets a copy with own numbers. Without: all get the same.

    Returns
    -------
    list of pathlib.Path
        What to hand out, and the table of points.

    Raises
    ------
    UserError
        If the lesson can't be released, something that is secret would be in it, nbgrader refuses, or it was
        handed in already. The course is then as it was.
    """
    name = assignment.name
    for lesson in assignment.lessons:
        check_source(lesson)
    with courses.staging(course) as stage:
        courses.check_no_submissions(course, name)
        folder = stage / "source" / name
        _write_source(assignment, folder, read_dates(course, name), declaration_cell(course))
        made = nbgrader_bridge.generate(course, stage, name, into_gradebook=False)
        files = {path.name: path.read_text(encoding="utf-8") for path in sorted(made.iterdir())}
        for lesson in assignment.lessons:
            check_valid(json.loads(files[lesson.path.name]), f"release/{name}/{lesson.path.name}")
        names = personal_names(assignment.lessons)
        hand_outs = _hand_outs(assignment, files, course, students, names)
        check_release(
            assignment.lessons,
            {
                f"{whose}/{file}".removeprefix("/"): text
                for whose, texts in hand_outs.items()
                for file, text in texts.items()
            },
        )

        nbgrader_bridge.generate(course, stage, name, into_gradebook=True)
        if students:
            with nbgrader_bridge.gradebook(course) as book:
                nbgrader_bridge.enrol(book, students)  # who hands in nothing is known too
        courses.replace_folder(stage / "source" / name, course / "source" / name, stage)
        courses.replace_folder(made, course / "release" / name, stage)
        paths = _write_hand_outs(name, hand_outs, course / "release", stage)
        points = course / "release" / f"{name}-points.md"
        write_atomically(points, _markdown_table(assignment))
        ids = [student.id for student in students]
        note = Released(name, [lesson.name for lesson in assignment.lessons], bool(ids), ids, names)
        write_atomically(courses.note_path(course, name), note.text())
    return [*paths, points]


def earlier_students(name: str, course: Path, students: Sequence[Student]) -> list[Student]:
    """List who got own numbers in the release before and is not in the roster: classes have several lists.

    Parameters
    ----------
    name : str
        The assignment.
    course : pathlib.Path
        The course's folder.
    students : sequence of Student
        The roster; empty for a release without own numbers.

    Returns
    -------
    list of Student
        Without names and addresses, which the gradebook has.

    Raises
    ------
    UserError
        If the note of the release is broken.
    """
    if not students or not courses.note_path(course, name).exists():
        return []
    ids = {student.id.lower() for student in students}
    return [Student(one) for one in courses.read_released(course, name).students if one.lower() not in ids]


def late_students(assignment: Assignment, course: Path, students: Sequence[Student]) -> list[Student]:
    """List who has come late: in the roster now, and not when the notebooks with own numbers were made.

    Parameters
    ----------
    assignment : Assignment
        What is to be released.
    course : pathlib.Path
        The course's folder.
    students : sequence of Student
        The roster; empty for a release without own numbers.

    Returns
    -------
    list of Student
        Who can be added to what was handed out; nobody where it can be released anew, or is another one.

    Raises
    ------
    UserError
        If the note of the release is broken.
    """
    if not students or not courses.note_path(course, assignment.name).exists():
        return []
    released = courses.read_released(course, assignment.name)
    if not released.personal or released.lessons != [lesson.name for lesson in assignment.lessons]:
        return []
    try:
        courses.check_no_submissions(course, assignment.name)
    except UserError:
        return [student for student in students if student.id not in released.students]
    return []


def add_students(assignment: Assignment, course: Path, students: Sequence[Student]) -> None:
    """Make notebooks with own numbers for students who come late; nothing of anybody else changes.

    Parameters
    ----------
    assignment : Assignment
        What was released: they get the notebooks that the others got.
    course : pathlib.Path
        The course's folder.
    students : sequence of Student
        From `late_students`.
    """
    name = assignment.name
    with courses.staging(course):
        released = courses.read_released(course, name)
        folder = course / "release" / name
        files = {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.iterdir())}
        made = _hand_outs(assignment, files, course, students, released.personal_names)
        for student, texts in made.items():
            write_atomically(_personal(course, name) / f"{student}.zip", _archive(name, texts))
        with nbgrader_bridge.gradebook(course) as book:
            nbgrader_bridge.enrol(book, students)
        ids = [*released.students, *(student.id for student in students)]
        write_atomically(courses.note_path(course, name), replace(released, students=ids).text())


def say_dates(course: Path, name: str) -> None:
    """Write the dates that hold now into the README of what is handed out; nothing else of it changes.

    Parameters
    ----------
    course : pathlib.Path
        The course's folder.
    name : str
        An assignment that was released.

    Raises
    ------
    UserError
        If the note of the release, or the file of dates, is broken.
    """
    released, dates = courses.read_released(course, name), read_dates(course, name)
    assignment = Assignment(name, tuple(courses.source_lessons(course, released)))
    folders = (course / "source" / name, course / "release" / name)
    readmes = {folder / README: _readme(assignment, dates) for folder in folders}
    readmes[course / "release" / f"{name}.zip"] = _readme(assignment, dates)
    for student in released.students:
        personal = _personal_text(student, released.personal_names)
        text = _readme(assignment, dates, student, personal)
        readmes[_personal(course, name) / f"{student}.zip"] = text
    changed = {path: new for path, text in readmes.items() if (new := _with_readme(path, name, text))}
    if changed:
        with courses.staging(course):
            for path, content in changed.items():
                write_atomically(path, content)


def _with_readme(path: Path, name: str, text: str) -> str | bytes:
    """Give a README or a zip with another one in it; empty where it is there already, or there is no file."""
    if not path.is_file():
        return ""
    if path.suffix != ".zip":
        return text if path.read_text(encoding="utf-8") != text else ""
    with zipfile.ZipFile(path) as packed:
        names = (one.removeprefix(f"{name}/") for one in packed.namelist())
        files = {one: packed.read(f"{name}/{one}").decode() for one in names}
    return _archive(name, {**files, README: text}) if files.get(README) != text else b""


def _personal_text(student: str, names: Sequence[str]) -> str:
    return _PERSONAL.format(student=student, names=", ".join(names))


def _personal(course: Path, name: str) -> Path:
    return course / "release" / f"{name}-personal"


def _write_source(assignment: Assignment, folder: Path, dates: DueDates, declaration: str) -> None:
    """Write the instructor's notebooks: the lessons, with a note, and checks that stop nothing.

    Before the first code stands the cell about a wrong kernel, at the end the declaration on the use of AI,
    where there is one.
    """
    folder.mkdir(parents=True)
    for lesson in assignment.lessons:
        exercises = read_exercises(lesson)
        notebook = standard_form(lesson.text, lesson.path.name)
        table = "\n".join(f"> - {e.title}: {e.points:g} points, {_way(e)}" for e in exercises)
        data = f"\n> Its data set is {name}." if (name := _data_set(lesson)) else ""
        note = _NOTE.format(**_counts(exercises), file=lesson.path.name, data=data, table=table)
        notebook["cells"].insert(1, _markdown_cell("assignment-note", note))
        add_kernel_cell(notebook["cells"])
        if declaration:
            notebook["cells"].append(_markdown_cell("ai-declaration", declaration))
        for cell in notebook["cells"]:
            mark = cell["metadata"].get("nbgrader", {})
            if mark.get("grade") and cell["cell_type"] == "code":
                # JupyterLab's "Run All" ends at the first error, unless the cell is known to raise one.
                cell["metadata"].setdefault("tags", []).append("raises-exception")
        (folder / lesson.path.name).write_text(notebook_text(notebook), encoding="utf-8", newline="\n")
    (folder / README).write_text(_readme(assignment, dates), encoding="utf-8", newline="\n")
    (folder / nbgrader_bridge.CONFIG).write_text(STUDENTS_CONFIG, encoding="utf-8", newline="\n")


def _markdown_cell(identity: str, text: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "id": identity, "metadata": {}, "source": text.rstrip("\n")}


def _hand_outs(
    assignment: Assignment,
    files: Mapping[str, str],
    course: Path,
    students: Sequence[Student],
    names: Sequence[str],
) -> dict[str, dict[str, str]]:
    """Give the files of each archive by the archive's name: one for all, or one a student."""
    if not students:
        return {"": dict(files)}
    secret, dates = read_or_make_secret(course), read_dates(course, assignment.name)
    hand_outs = {}
    for student in students:
        numbers = personal_parameters(secret, student.id, assignment.name, names)
        readme = _readme(assignment, dates, student.id, _personal_text(student.id, names))
        notebooks = {
            name: with_parameters(text, numbers) for name, text in files.items() if name.endswith(".ipynb")
        }
        hand_outs[student.id] = {**files, **notebooks, README: readme}
    return hand_outs


def with_parameters(text: str, values: Mapping[str, int]) -> str:
    """Set whole numbers in a notebook's parameters cell, and change nothing else.

    Parameters
    ----------
    text : str
        The notebook's JSON.
    values : mapping of str to int
        Value by name; a name that the notebook does not have is left out.

    Returns
    -------
    str
        The notebook's JSON.

    Raises
    ------
    UserError
        If there is no cell tagged ``parameters``, or it has none of them.
    """
    notebook = json.loads(text)
    done = 0
    for cell in notebook["cells"]:
        if "parameters" in cell["metadata"].get("tags", ()):
            source = "".join(cell["source"])
            for name, value in values.items():
                line = re.compile(rf"^({re.escape(name)}: int = )[-+\w]+", re.M)
                source, count = line.subn(rf"\g<1>{value}", source)
                done += count
            cell["source"] = source.splitlines(keepends=True)
    if not done:
        raise UserError(
            f"a notebook without any of the parameters {', '.join(values)}",
            expected="a line like 'seed: int = 42  # …' in the cell tagged parameters",
        )
    return notebook_text(notebook)


def _write_hand_outs(
    name: str, hand_outs: Mapping[str, Mapping[str, str]], folder: Path, stage: Path
) -> list[Path]:
    """Write the archives; those of an earlier release of the other kind are taken away."""
    common, personal = folder / f"{name}.zip", folder / f"{name}-personal"
    if "" in hand_outs:
        write_atomically(common, _archive(name, hand_outs[""]))
        if personal.exists():
            personal.rename(stage / "old-personal")
        return [common]
    made = stage / "personal"
    for student, files in hand_outs.items():
        write_atomically(made / f"{student}.zip", _archive(name, files))
    courses.replace_folder(made, personal, stage)
    common.unlink(missing_ok=True)  # its numbers are nobody's
    return [personal]


def _archive(folder: str, files: Mapping[str, str]) -> bytes:
    """Pack files into a zip: the same bytes for the same files."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            archive.writestr(zip_entry(f"{folder}/{name}"), files[name])
    return packed.getvalue()


def _readme(assignment: Assignment, dates: DueDates, student: str = "", personal: str = "") -> str:
    due = dates.text(student)
    return _README_TEXT.format(
        name=assignment.name,
        **_counts(assignment.exercises),
        files="\n".join(_named(lesson) for lesson in assignment.lessons),
        dates=f"{due}\n" if due else "",
        personal=personal,
        table=_text_table(assignment.exercises),
    )


def _named(lesson: Lesson) -> str:
    data = _data_set(lesson)
    return f"       {lesson.path.name}" + (f"  (data set: {data})" if data else "")


def _data_set(lesson: Lesson) -> str:
    """Name the data set that a lesson asks for; empty where it has no such parameter."""
    return next((str(each.default) for each in read_schema(lesson).values() if each.is_dataset), "")


def _counts(exercises: Sequence[Exercise]) -> dict[str, str]:
    points = sum(exercise.points for exercise in exercises)
    return {
        "exercises": f"{len(exercises)} exercise{'s' * (len(exercises) != 1)}",
        "points": f"{points:g} point{'s' * (points != 1)}",
    }


def _counted(exercises: Sequence[Exercise]) -> str:
    return ", ".join(_counts(exercises).values())


def _way(exercise: Exercise) -> str:
    return "by its checks" if exercise.automatic else "by hand"


def _text_table(exercises: Sequence[Exercise]) -> str:
    """Give the points as lines of text."""
    rows = [(f"{e.points:g}", _way(e), f"{e.lesson[:2]}  {e.title}") for e in exercises]
    return "\n".join(f"  {points:>3}  {way:<13}  {title}" for points, way, title in rows)


def _markdown_table(assignment: Assignment) -> str:
    """Give the points as a page."""
    lines = [f"# {assignment.name}", "", _counted(assignment.exercises) + ".", ""]
    lines += ["| notebook | exercise | cell | points | graded |", "|---|---|---|---:|---|"]
    for e in assignment.exercises:
        lines.append(f"| {e.lesson} | {e.title.replace('|', '·')} | `{e.id}` | {e.points:g} | {_way(e)} |")
    return "\n".join(lines) + "\n"
