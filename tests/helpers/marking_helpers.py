"""A course whose class has been graded, with nothing run: for the tests of marking by hand."""

import asyncio
import json
import queue
import threading
import warnings
from contextlib import ExitStack, contextmanager

from class_helpers import ANSWERS, NAME, POINTS, hand_in, notebook
from sqlalchemy import text

from mnistkit.course.lessons import Lesson
from mnistkit.grading.autograde.batch import read_submitted
from mnistkit.grading.exercises import read_exercises
from mnistkit.grading.judgements import Answered, Place, answer_sha256, enter_points
from mnistkit.grading.ledger import Graded, Mark, Result, write_graded
from mnistkit.grading.marking.server import start_server
from mnistkit.grading.nbgrader_bridge import gradebook

WHY = 3
"""Number of the question in words."""


def hand_in_all(course, answers):
    """Hand in for students what they wrote to the question in words, and grade it as `grade` does."""
    made = notebook(course)
    (why,) = (cell for cell in made["cells"] if cell["id"] == "why")
    for student, words in answers.items():
        why["source"] = words
        hand_in(course, student, json.dumps(made))
    enter_all(course, answers)


def enter_all(course, students, auto=2.0):
    """Enter what `grade` would enter, where the checks gave some points for `double` and all for the others."""
    exercises = read_exercises(Lesson(course / "source" / NAME / f"{NAME}.ipynb"))
    points = {f"{name}-check": float(POINTS[name]) for name in ANSWERS} | {"double-check": auto}
    with gradebook(course) as book, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # nbgrader's own, of sqlalchemy
        book.db.execute(text("PRAGMA synchronous=OFF"))  # a test need not survive a power cut
        for student in students:
            book.update_or_create_student(student, first_name=student.title())
            book.update_or_create_submission(NAME, student)
            submitted = read_submitted(course, NAME, student, NAME)
            for exercise in exercises:
                answered = Answered(answer_sha256(submitted.written(exercise)))
                place = Place(NAME, student, NAME, exercise.id)
                enter_points(book, place, points.get(exercise.id), answered)
            mark = Mark("double-check", auto, 2.0, "" if auto == 2 else "twice <b>1</b> and 2")
            write_graded(course, NAME, Graded(student, {NAME: Result((mark,))}))


@contextmanager
def serving(make_desk):
    """Serve the page for marking from a thread, in which its desk is made: SQLite wants one; give its address."""
    ready, ended = queue.Queue(), asyncio.Event()

    async def serve():
        with ExitStack() as stack:
            server, address = start_server(make_desk(stack))
            ready.put((asyncio.get_running_loop(), address))
            await ended.wait()
            server.stop()

    thread = threading.Thread(target=asyncio.run, args=[serve()], daemon=True)
    thread.start()
    loop, address = ready.get(timeout=30)
    try:
        yield address
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join(timeout=30)
