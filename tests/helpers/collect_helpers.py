"""Sources of a collection, made up, and whose their files are found to be."""

import io
import json
import os
import tempfile
import zipfile
from email.message import EmailMessage
from pathlib import Path

from mnistkit.grading.collect import archive
from mnistkit.grading.collect.match_notebook import Lessons
from mnistkit.grading.collect.match_student import Roster
from mnistkit.grading.collect.sort_files import Sorter
from mnistkit.grading.collect.student_map import StudentMap
from mnistkit.grading.roster import Student

ADA = Student("al12", "Ada", "Lovelace", "ada@example.org")
ALAN = Student("alan", "Alan", "Turing")
LESSONS = ("01_double", "02_triple")
PEOPLE = [
    ADA,
    ALAN,
    Student("mtue", "Jürgen", "Müller-Türk"),
    Student("soren", "Søren", "Kierkegård"),
    Student("li1", "Li", "Wei"),
    Student("li2", "Li", "Na"),
    Student("x-1", "Jan", "Novak"),
    Student("x-12", "Jan", "Novak"),
    Student("a_b", "Anna", "Berg"),
    Student("ada", "Grace", "Hopper"),
]


def sort(paths, people=PEOPLE, source="export.zip", when=None, who=None, zone=None):
    """Sort files with these paths, each a notebook of the only lesson."""
    note = json.dumps({"cells": []}).encode()
    files = [
        archive.ArchiveEntry(
            tuple(part for part in path.split("/") if part != ".."),
            lambda path=path: io.BytesIO(zipped({"bob_02.ipynb": note}) if path.endswith(".zip") else note),
            when,
        )
        for path in paths
    ]
    lessons = Lessons(LESSONS[1:], dict.fromkeys(LESSONS[1:], frozenset()))
    with tempfile.TemporaryDirectory() as stage:
        sorter = Sorter(Roster(people), lessons, "week1", Path(stage), (), StudentMap(who or {}), zone)
        sorter.sort(files, Path(source))
    return sorter


def whose(paths, people=PEOPLE, source="export.zip", who=None):
    """Give the student of each path; empty where it is nobody's."""
    sorter = sort(paths, people, source, who=who)
    owners = {found.path: student for student, pile in sorter.piles.items() for found in pile.found}
    shown = ["/".join(part for part in path.split("/") if part != "..") for path in paths]
    return [owners.get(path) or owners.get(f"{path}/bob_02.ipynb") or "" for path in shown]


def put(folder, path, content, when=None):
    file = folder / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    if when:
        os.utime(file, (when.timestamp(), when.timestamp()))
    return file


def zipped(files, when=(2026, 11, 20, 12, 0, 0)):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name, when), content, zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def mail(sender, files=("02.ipynb",), received="Fri, 20 Nov 2026 18:00:00 +0100", content=b'{"cells": []}'):
    """Give a mail with these files attached."""
    message = EmailMessage()
    if received:
        message["Received"] = f"from a.example by mail.example; {received}"
    message["From"], message["Date"] = sender, "Thu, 01 Jan 2026 00:00:00 +0000"
    message.set_content("Here it is.")
    for file in files:
        message.add_attachment(content, maintype="application", subtype="octet-stream", filename=file)
    return message.as_bytes()
