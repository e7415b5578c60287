"""The commands of assignments, from release to feedback and export."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mnistkit.cli.options import COURSE, MEMORY_LIMIT, PATH, SECONDS_LIMIT, execution_options

if TYPE_CHECKING:
    from mnistkit.course.commands import ExecutionOptions


@click.group("assignment")
def assignment_group() -> None:
    """Hand out, collect and grade the lessons' exercises, with nbgrader."""


@assignment_group.command("release", short_help="Make what to hand out.")
@click.argument("lessons", nargs=-1, metavar="[LESSON]...")
@click.option(
    "--course",
    type=PATH,
    default=Path("course"),
    show_default=True,
    help="The course's folder; made where there is none. It holds solutions: keep it to yourself.",
)
@click.option("--name", help="Make one assignment of all LESSONs, with this name. Default: one a lesson.")
@click.option(
    "--personal",
    "roster",
    metavar="ROSTER.CSV",
    type=PATH,
    help="Give each student of this list (id, first_name, last_name, email) own data; those of earlier lists"
    " keep theirs.",
)
def release_assignment(lessons: tuple[str, ...], course: Path, name: str | None, roster: Path | None) -> None:
    """Make assignments of LESSONs (of all, if none is given) and write what to hand out.

    Solutions and hidden checks are taken out; should one be left, nothing is released. Hand out the zip in
    COURSE/release, or with --personal each student's own. The points are in COURSE/release/…-points.md.

    \b
    Examples:
      mnistkit assignment release 02
      mnistkit assignment release 01 02 --name week1
      mnistkit assignment release 05 --personal roster.csv
    """
    from mnistkit.grading.release.command import release_command

    release_command(lessons, course, name, roster)


@assignment_group.command("check", short_help="Try the grading of a lesson's exercises; write nothing.")
@click.argument("lessons", nargs=-1, metavar="[LESSON]...")
def check_exercises(lessons: tuple[str, ...]) -> None:
    """Try the grading of LESSONs (of all, if none is given) as `release` does, and write nothing.

    Your own solutions must get all points in the sandbox, and the untouched notebook none. The wrong answers
    in the YAML file beside a lesson must lose points, the right ones none. What a check can't get of an
    answer is said, with a way to ask for it.

    \b
    Example:
      mnistkit assignment check 01
    """
    from mnistkit.grading.release.self_check import check_command

    check_command(lessons)


@assignment_group.command("new", short_help="Add the cells of an exercise to a lesson.")
@click.argument("lesson")
@click.argument("name")
@click.option("--words", is_flag=True, help="A question to answer in words, which a person marks.")
def begin_exercise(lesson: str, name: str, words: bool) -> None:
    """Add the cells of an exercise called NAME at the end of LESSON, for you to move and to fill.

    They can be graded as they are: a text, a function with its solution, and a check of two parts, with
    visible and hidden asserts. Nothing that is there is changed.

    \b
    Examples:
      mnistkit assignment new 01 mean_value
      mnistkit assignment new 01 why_so_grey --words
    """
    from mnistkit.grading.release.new_exercise import new_exercise

    click.echo(f"added to {new_exercise(lesson, name, words=words)}")


@assignment_group.command("collect", short_help="Put what was handed in where it is graded.")
@click.argument("name")
@click.argument("source", type=PATH)
@COURSE
@click.option(
    "--roster",
    metavar="ROSTER.CSV",
    type=PATH,
    help="Who takes part (id, first_name, last_name, email). Default: who is in the gradebook.",
)
@click.option(
    "--due",
    metavar="TIME",
    help='When it was due, like "2026-11-20 18:00": who was late is named. Kept in the gradebook.',
)
@click.option(
    "--who",
    metavar="TABLE.CSV",
    type=PATH,
    help="Whose it is where names don't say it: a column id, and others with folders, files, mail addresses,"
    " GitHub names or participant numbers; Moodle's grading worksheet too. Kept with the assignment.",
)
@click.option("--move-due", is_flag=True, help="Let --due take the place of another date, for everybody.")
def collect_assignment(
    name: str,
    source: Path,
    course: Path,
    roster: Path | None,
    due: str | None,
    who: Path | None,
    move_due: bool,
) -> None:
    """Put what was handed in for the assignment NAME where it is graded: COURSE/submitted/ID/NAME.

    SOURCE is a folder, a zip as Moodle, Canvas, Blackboard, ILIAS or others export it, or one notebook or
    mail (.eml). Whose a file is stands in its name or its folder's; which notebook it is, in its cells. What
    is odd is shown and stops nothing. Collect again as often as you like: what is newer replaces, nothing is
    taken away.

    \b
    Examples:
      mnistkit assignment collect week1 export.zip --roster roster.csv
      mnistkit assignment collect week1 ~/mails --due "2026-11-20 18:00"
    """
    from mnistkit.grading.collect.command import collect_command

    collect_command(name, source, course, roster, due, move_due=move_due, who=who)


@assignment_group.command("dates", short_help="Show or set due dates, extensions, late penalties.")
@click.argument("name")
@COURSE
@click.option("--due", metavar="TIME", help='When it is due, like "2026-11-20 18:00".')
@click.option("--timezone", metavar="ZONE", help="Of times without one, in the whole course: Europe/Berlin.")
@click.option("--penalty", metavar="PERCENT/UNIT", help="What lateness costs: 10/day or 2/hour begun.")
@click.option("--most", type=float, metavar="PERCENT", help="What the penalty takes at most.")
@click.option("--grace", type=float, metavar="MINUTES", help="Lateness that costs nothing.")
@click.option(
    "--extend",
    multiple=True,
    metavar="WHO=TIME",
    help='Another date for a student or group: ada="+3 days"; an empty TIME takes it away.',
)
@click.option("--extra-time", multiple=True, metavar="WHO=TIME", help="A time more in all assignments.")
def show_dates(
    name: str,
    course: Path,
    due: str | None,
    timezone: str | None,
    penalty: str | None,
    most: float | None,
    grace: float | None,
    extend: tuple[str, ...],
    extra_time: tuple[str, ...],
) -> None:
    """Show when the assignment NAME is due, for whom, and what lateness costs; with options, set it.

    All of it stands in COURSE/dates.yaml, which you may edit. The latest date counts that a student has.
    Given before `release`, the hand-out says it.

    \b
    Examples:
      mnistkit assignment dates 02 --due "2026-11-20 18:00" --timezone Europe/Berlin
      mnistkit assignment dates 02 --penalty 10/day --most 50 --grace 15
      mnistkit assignment dates 02 --extend ada="+3 days" --extra-time alan="+90 minutes"
    """
    from mnistkit.grading.dates.set_dates import DateChanges, parse_pairs, parse_penalty
    from mnistkit.grading.dates_command import dates_command

    changes = DateChanges(
        due or "",
        timezone or "",
        parse_penalty(penalty) if penalty else None,
        most,
        grace,
        parse_pairs(extend, "--extend"),
        parse_pairs(extra_time, "--extra-time"),
    )
    dates_command(name, course, changes)


@assignment_group.command("export", short_help="Give grades and feedback back to a learning platform.")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@COURSE
@click.option(
    "--for",
    "target",
    required=True,
    type=click.Choice(["canvas", "moodle", "moodle-offline", "brightspace", "ilias", "eml", "mbox"]),
    help="For whom: a platform, or mails as drafts (eml) or in one mailbox (mbox).",
)
@click.option(
    "--gradebook",
    metavar="FILE.CSV",
    type=PATH,
    help="The platform's own exported table: it is filled in, and stays as it is else.",
)
@click.option(
    "--column", "columns", multiple=True, metavar="NAME=COLUMN", help="An assignment's column in it."
)
@click.option("--scale", is_flag=True, help="Convert points where the platform has another maximum.")
@click.option("--hand-out", is_flag=True, help="Mail the personal hand-outs, not the feedback.")
def export_grades(
    names: tuple[str, ...],
    course: Path,
    target: str,
    gradebook: Path | None,
    columns: tuple[str, ...],
    scale: bool,
    hand_out: bool,
) -> None:
    """Write the grades of the assignments NAME into one table as a learning platform imports it.

    The feedback goes into a zip for each assignment, in the names of the platform's own export, so that it
    can be uploaded there. What is not final (nothing handed in, not graded, waiting for you) is no grade: it
    is named and left as it is. Nothing is sent.

    \b
    Examples:
      mnistkit assignment export 01 02 --for canvas --gradebook Grades-CS101.csv
      mnistkit assignment export 02 --for eml
    """
    from mnistkit.grading.export.command import ExportOptions, export_command

    export_command(names, course, ExportOptions(target, gradebook, columns, scale, hand_out))


@assignment_group.command("grade", short_help="Give points, by visible and hidden checks.")
@click.argument("name")
@COURSE
@execution_options
@click.option(
    "--unsandboxed",
    is_flag=True,
    help="Without bubblewrap: only for submissions of people whom you trust with all your files.",
)
def grade_assignment(name: str, course: Path, execution: ExecutionOptions, unsandboxed: bool) -> None:
    """Give points for what was handed in of the assignment NAME, by its visible and hidden checks.

    Each student's code runs in a sandbox (bubblewrap) and only answers; the checks run outside of it. Points
    go into nbgrader's gradebook; questions in words wait there for you (`mnistkit assignment mark`). What was
    graded already is kept, so the command can be given again at any time. The limits are those of one
    submission (300 s and 2 GiB, where none are given).

    \b
    Examples:
      mnistkit assignment grade 02_kmeans_elbow_silhouette
      mnistkit assignment grade week1 -j 2 --max-seconds 120
      mnistkit assignment grade week1 --scheduler tcp://host:8786
    """
    from mnistkit.grading.autograde.command import grade_command

    grade_command(name, course, execution, unsandboxed)


_PLATFORM = click.option(
    "--for",
    "platform",
    required=True,
    type=click.Choice(["gradescope", "prairielearn", "github"]),
    help="The platform whose format it is.",
)


@assignment_group.command("grade-file", short_help="Grade one submission, in a platform's container.")
@click.argument("name")
@click.argument("submission", type=PATH)
@COURSE
@_PLATFORM
@click.option("--to", required=True, metavar="FILE.JSON", type=PATH, help="What to write.")
@SECONDS_LIMIT
@MEMORY_LIMIT
@click.option(
    "--unsandboxed",
    is_flag=True,
    help="Without bubblewrap: students' code can then read the solutions and write its own result.",
)
@click.pass_context
def grade_one_file(
    ctx: click.Context,
    name: str,
    submission: Path,
    course: Path,
    platform: str,
    to: Path,
    max_seconds: float | None,
    max_memory_bytes: int | None,
    unsandboxed: bool,
) -> None:
    """Grade one SUBMISSION of the assignment NAME as `grade` does, and write the platform's result file.

    SUBMISSION is a notebook, or a folder or zip with it. No gradebook is needed, and none is changed. With
    --for github the exit status is 1 unless the checks gave all points. What could not be graded gets no
    file, and exit status 1. `mnistkit assignment autograder` makes what calls this on the platform.

    \b
    Example:
      mnistkit assignment grade-file week1 ada.ipynb --for gradescope --to results.json
    """
    from mnistkit.course.commands import ExecutionOptions
    from mnistkit.grading.external.command import ResultTarget, grade_file_command

    execution = ExecutionOptions(max_seconds=max_seconds, max_memory_bytes=max_memory_bytes)
    passed = grade_file_command(name, submission, course, ResultTarget(platform, to), execution, unsandboxed)
    if platform == "github" and not passed:
        ctx.exit(1)


@assignment_group.command("autograder", short_help="Write what a platform needs to grade by itself.")
@click.argument("name")
@COURSE
@_PLATFORM
@click.option(
    "--unsandboxed",
    is_flag=True,
    help="Let students' code run without bubblewrap there: it can then read the solutions.",
)
def make_autograder(name: str, course: Path, platform: str, unsandboxed: bool) -> None:
    """Write a zip with which a platform's own containers grade the assignment NAME.

    It has the solutions, the hidden checks, the data and mnistkit itself: upload it to the platform only,
    never to a place that students can read.

    \b
    Example:
      mnistkit assignment autograder week1 --for gradescope
    """
    from mnistkit.grading.external.bundle import write_autograder

    click.echo(f"upload: {write_autograder(course, name, platform, unsandboxed=unsandboxed)}")


@assignment_group.command("mark", short_help="Give points by hand, on a page for the keyboard.")
@click.argument("name")
@COURSE
@click.option("--blind", is_flag=True, help="Show no names, and the answers in an order of chance.")
@click.option("--shuffle", "seed", type=int, metavar="SEED", help="Shuffle the answers to each question.")
@click.option("--marker", default="", help="Who marks; is noted with each mark.  [default: your account]")
@click.option("--no-browser", is_flag=True, help="Only print the page's address.")
@click.option("--split", "count", type=click.IntRange(2, 100), help="Write files for so many markers.")
@click.option(
    "--merge",
    "parts",
    multiple=True,
    metavar="FILE",
    type=PATH,
    help="Take over the marks of such a file (repeatable).",
)
def mark_assignment(
    name: str,
    course: Path,
    blind: bool,
    seed: int | None,
    marker: str,
    no_browser: bool,
    count: int | None,
    parts: tuple[Path, ...],
) -> None:
    """Give points by hand for the assignment NAME: one question across all students, by keyboard.

    A page opens in your browser; it is there for this machine only, until Ctrl-C. Rubric items can be changed
    later, for all who have them. Points and comments go into nbgrader's gradebook. For several markers,
    --split writes files of some students each; a marker opens one in place of NAME, without the course;
    --merge takes over what came back, and names what was changed on both sides.

    \b
    Examples:
      mnistkit assignment mark week1 --blind
      mnistkit assignment mark week1 --split 3
      mnistkit assignment mark week1-part-2.json --marker grace
      mnistkit assignment mark week1 --merge week1-part-1.json --merge week1-part-2.json
    """
    from mnistkit.grading.marking import command

    if count:
        command.split_command(name, course, count)
    elif parts:
        command.merge_command(name, course, parts)
    else:
        show = (lambda _: None) if no_browser else click.launch
        command.mark_command(name, course, show, blind=blind, seed=seed, marker=marker)


@assignment_group.command("confirm", short_help="Let points by hand stand after a change, all in one step.")
@click.argument("name")
@COURSE
@click.option("--yes", is_flag=True, help="Don't ask.")
def confirm_marks(name: str, course: Path, yes: bool) -> None:
    """Show which points by hand of the assignment NAME should be looked at again and why; let them stand.

    Points by hand stay as long as the answer is the same. Shown are two things: another answer, for which
    they don't count until you say so; and points by the checks that have changed since, where they count.

    \b
    Example:
      mnistkit assignment confirm week1
    """
    from mnistkit.grading.marking.command import confirm_command

    confirm_command(name, course, (lambda _: True) if yes else click.confirm)


@assignment_group.command("feedback", short_help="Write what students get back, and your page.")
@click.argument("name")
@COURSE
def give_feedback(name: str, course: Path) -> None:
    """Write what students get back for the assignment NAME, and your page and table of grades.

    Again after every time that you have graded by hand: points and comments are those of the gradebook.

    \b
    COURSE/feedback/ID/NAME/      a page for each notebook, for the student
    COURSE/grades/NAME/index.html your page
    COURSE/grades/NAME/grades.csv the grades as a table

    \b
    Example:
      mnistkit assignment feedback week1
    """
    from mnistkit.grading.feedback.student_page import feedback_command

    feedback_command(course, name)


@assignment_group.command("questions", short_help="Questions to each student about the own code.")
@click.argument("name")
@COURSE
@click.option("--blind", is_flag=True, help="Numbers in the place of names; who.csv has both.")
def ask_questions(name: str, course: Path, blind: bool) -> None:
    """Write two or three questions to each student about the own code and numbers, with answers for you.

    They are made by reading what was handed in for the assignment NAME: nothing is run, no network is used.
    For a talk of a few minutes with each.

    \b
    COURSE/grades/NAME/questions/index.html   your page, with the answers
    COURSE/grades/NAME/questions/sheets/      a sheet for each student, without them

    \b
    Example:
      mnistkit assignment questions week1 --blind
    """
    from mnistkit.grading.questions.command import questions_command

    click.echo(f"your page: {questions_command(course, name, blind=blind)}")
