"""Numbers of each student's own: always the same for one student, known to nobody without the secret."""

import json
import re
import stat

import numpy as np
import pytest
from assignment_helpers import unpacked, write_exercises
from click.testing import CliRunner
from course_helpers import write_course
from sklearn.cluster import DBSCAN, KMeans
from sklearn.decomposition import PCA

from mnistkit import clustering
from mnistkit.cli import main
from mnistkit.course.lessons import Lesson, find, find_folder
from mnistkit.course.parameters import read_schema
from mnistkit.data import load, random_twist, subset
from mnistkit.errors import UserError
from mnistkit.grading import course_folder as courses
from mnistkit.grading import nbgrader_bridge
from mnistkit.grading.personalize import (
    SECRET,
    personal_names,
    personal_parameters,
    read_or_make_secret,
    read_secret,
)
from mnistkit.grading.release.command import Assignment, release, with_parameters
from mnistkit.grading.roster import Student, id_problem, is_id, read_roster

pytestmark = pytest.mark.slow

KEY = bytes(range(32))
NAMES = ["seed", "mystery_seed"]


def test_numbers_of_a_thousand_students_differ_and_repeat():
    ids = [f"s{number:04}" for number in range(1000)]
    numbers = [personal_parameters(KEY, student, "05", NAMES) for student in ids]
    assert numbers == [personal_parameters(KEY, student, "05", NAMES) for student in ids]
    for name in ("seed", "mystery_seed"):
        values = [each[name] for each in numbers]
        assert len(set(values)) == 1000
        assert min(values) >= 1
        assert max(values) <= 2_000_000_000, "a lesson adds to its seed, and numpy wants less than 2³²"
        assert len({value // 200_000_000 for value in values}) >= 10, "spread over the whole range"
    assert all(each["seed"] != each["mystery_seed"] for each in numbers)


def test_numbers_depend_on_student_assignment_and_secret():
    ours = personal_parameters(KEY, "ada", "05", NAMES)
    for other in [(KEY, "alan", "05"), (KEY, "ada", "06"), (KEY[::-1], "ada", "05"), (KEY, "05", "ada")]:
        theirs = personal_parameters(*other, NAMES)
        assert not set(ours.values()) & set(theirs.values())
    assert personal_parameters(KEY, "b", "a\0c", NAMES) != personal_parameters(KEY, "c\0b", "a", NAMES)


def test_numbers_stay_what_they_were():
    """What was handed out must still be graded right by a later version."""
    assert personal_parameters(KEY, "ada", "05_twist_clustering", NAMES) == {
        "seed": 763401616,
        "mystery_seed": 492509855,
    }


def test_a_number_depends_on_its_place_only_and_there_can_be_many():
    names = [f"n{i}" for i in range(9)]
    numbers = personal_parameters(KEY, "ada", "05", names)
    assert len(set(numbers.values())) == 9
    for count in range(9):
        assert (
            list(personal_parameters(KEY, "ada", "05", names[:count]).items())
            == list(numbers.items())[:count]
        )


def test_the_personal_parameters_are_those_beside_the_lessons(tmp_path):
    lessons = [write_exercises(tmp_path, name) for name in ("01_double", "02_double")]
    assert personal_names(lessons) == ["seed"], "where nothing is said"
    lessons[1].path.with_suffix(".yaml").write_text("personal: [k_max, seed]")
    assert personal_names(lessons) == ["seed", "k_max"]
    assert personal_names(lessons[1:]) == ["k_max", "seed"]
    lessons[0].path.with_suffix(".yaml").write_text("personal: []")
    assert personal_names(lessons[:1]) == []
    for wrong in ("sead", "rate"):
        lessons[0].path.with_suffix(".yaml").write_text(f"personal: [{wrong}]")
        with pytest.raises(
            UserError, match=rf"01_double\.yaml: personal\n  found: +'{wrong}'\n.*: seed, k_max"
        ):
            personal_names(lessons)


def test_the_lessons_of_this_course_keep_their_personal_parameters():
    for lesson in find(find_folder()):
        mystery = ["mystery_seed"] * lesson.name.startswith("05")
        assert personal_names([lesson]) == ["seed", *mystery]


def test_neighbours_get_other_mysteries():
    mysteries = [
        random_twist(personal_parameters(KEY, f"s{i}", "05", NAMES)["mystery_seed"]) for i in range(200)
    ]
    assert len(set(mysteries)) >= 198, "there are 75,600, so two of a class are seldom the same"


def test_a_secret_is_made_once_and_is_nobody_elses(tmp_path):
    one, other = tmp_path / "one", tmp_path / "other"
    one.mkdir()
    other.mkdir()
    secret = read_or_make_secret(one)
    assert len(secret) == 32
    assert stat.S_IMODE((one / SECRET).stat().st_mode) == 0o600
    assert [path.name for path in one.iterdir()] == [SECRET]
    assert read_or_make_secret(one) == read_secret(one) == secret
    assert read_or_make_secret(other) != secret


@pytest.mark.parametrize(
    ("text", "mode", "says"),
    [("", 0o600, "0 characters"), ("0" * 63, 0o600, "63 characters"), ("0" * 64, 0o644, "chmod 600")],
)
def test_a_secret_that_can_not_be_used_is_never_replaced(tmp_path, text, mode, says):
    path = tmp_path / SECRET
    path.write_text(text)
    path.chmod(mode)
    with pytest.raises(UserError, match=says):
        read_or_make_secret(tmp_path)
    assert path.read_text() == text


def test_a_missing_secret_is_not_made_for_a_grader(tmp_path):
    with pytest.raises(UserError, match="put the file back"):
        read_secret(tmp_path)
    assert not (tmp_path / SECRET).exists()


def roster(tmp_path, content):
    path = tmp_path / "roster.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_a_roster_is_read_as_spreadsheets_write_it(tmp_path):
    text = (
        '\ufeffemail, id ,last_name,group\r\na@b.org,ada-1,"Lovelace, Byron",7\r\n,,,\r\n,alan.t,Türing,8\r\n'
    )
    assert read_roster(roster(tmp_path, text)) == [
        Student("ada-1", "", "Lovelace, Byron", "a@b.org"),
        Student("alan.t", "", "Türing", ""),
    ]


ROSTER = "id,first_name,last_name,email\nada,Ada,Lovelace,ada@b.org\nzoe,Zoë,Müller,\n"
ADA, ZOE = Student("ada", "Ada", "Lovelace", "ada@b.org"), Student("zoe", "Zoë", "Müller")


@pytest.mark.parametrize(
    "content",
    [
        ROSTER.encode("utf-16"),
        ROSTER.encode("utf-16-le"),
        ROSTER.encode("utf-8-sig"),
        ROSTER.encode("cp1252"),
        ROSTER.replace(",", ";"),
        "sep=;\r\n" + ROSTER.replace(",", ";"),
        ROSTER.replace(",", "\t").replace("\n", "\r\n"),
        ROSTER.replace("id,first_name,last_name,email", "ID,First Name,Last_Name,E-Mail"),
        ROSTER.replace("id,first_name,last_name,email", "Benutzername,Vorname,Nachname,E-Mail-Adresse"),
        'Name;Username;Email\n"Lovelace, Ada";ada;ada@b.org\nZoë Müller;zoe;\n',
        "First name,Last name,ID number,Email address,Groups\nAda,Lovelace,ada,ada@b.org,G\nZoë,Müller,zoe,,\n",
        "OrgDefinedId,Username,Last Name,First Name,Email,End-of-Line Indicator\n"
        "#1,#ada,Lovelace,Ada,ada@b.org,#\n#2,#zoe,Müller,Zoë,,#\n",
        "OrgDefinedId,Username,Last Name,First Name,Email,Section\n"
        "#1,#ada,Lovelace,Ada,ada@b.org,S\n#2,#zoe,Müller,Zoë,,S\n",
        "Prénom,Nom de famille,Numéro d'identification,Adresse de courriel\n"
        "Ada,Lovelace,ada,ada@b.org\nZoë,Müller,zoe,\n",
        "Student,ID,SIS User ID,SIS Login ID,Section,Email,KMeans (1)\n    Points Possible,,,,,,10\n"
        '"Lovelace, Ada",1,s1,ada,A,ada@b.org,9\n"Müller, Zoë",2,s2,zoe,A,,\n"Student, Test",3,,c4f,A,,\n',
    ],
)
def test_a_roster_is_read_as_programs_and_platforms_write_it(tmp_path, content):
    assert read_roster(roster(tmp_path, content)) == [ADA, ZOE]


def test_from_which_column_the_ids_are_is_said(tmp_path, said):
    read_roster(roster(tmp_path, "Login,Name\nada,Ada Lovelace\n"))
    assert said == [f"{tmp_path / 'roster.csv'}: the students' ids are those of the column 'Login'"]
    read_roster(roster(tmp_path, "ID\nada\n"))
    assert len(said) == 1
    read_roster(roster(tmp_path, "ID;Name;Matrikelnummer;Kennung\n1;Ada Lovelace;4711;\n"))
    assert said[1:] == [
        f"{tmp_path / 'roster.csv'}: the students' ids are those of the column 'ID', not those of 'Matrikelnummer'"
    ]


def test_an_encoding_that_is_only_likely_is_said(tmp_path, said):
    read_roster(roster(tmp_path, "id;Name\nl;Łukasz Żak\n".encode("cp1250")))  # of Windows in Poland
    assert "read in the encoding Windows-1252, in which it has 'l;£ukasz'" in said[0]


def test_what_can_be_an_id_is_one_rule():
    for text in ("ada", "a", "1815", "ada@b.org", "a.b-c_d", "x" * 64):
        assert is_id(text)
        assert not id_problem(text)
    for text in ("", ".", "..", "ada lovelace", "zoë", "ada.", "-ada", "a/b", "x" * 65, None, 7):
        assert not is_id(text)
        assert f"{text!r} can't be an id" in id_problem(text)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "line 1\n  found:    the columns (none)"),
        ("name\nada\n", "line 1\n  found:    the columns name"),
        ("name;email\nada;x\n", "line 1\n  found:    the columns name, email"),
        ("ada,Ada,Lovelace,ada@b.org\n", "is this a student, and the header is missing?"),
        ("id;id\nada;x\n", "'id' is there more than once"),
        ("id,id\nada,alan\n", "one column id"),
        ("id\n", "no student"),
        ("id,email\nada,x\n,y\n", "line 3\n  found:    the id ''"),
        ("id\nada\nalan\nADA\n", "line 4\n  found:    the id 'ADA' of line 2 again"),
        ("id\n../ada\n", "line 2\n  found:    the id '../ada'"),
        ("id\n.ada\n", "line 2"),
        ("id\nada lovelace\n", "line 2"),
        ("id\nadä\n", "line 2"),
        ("id\n" + "a" * 65, "line 2"),
        ("id,email\nada,x,y\n", "line 2\n  found:    more values than columns"),
        ("id\n1.2E+11\n", "a number that a spreadsheet has shortened"),
        (b"PK\x03\x04...", "a workbook of a spreadsheet program"),
        ("<html><table>", "a web page"),
        (b"id\nada\0\n" + b"x\n" * 99, "null bytes: no text"),
        (b"\xff\xfei\0d\0\n", "a text that is no utf-16"),
        ("id,name\nada,Н\n".encode("cp866"), "neither UTF-8 nor Windows-1252"),
        (
            "First Name,Email Address\nAda,a@x.org\nBob,\n",
            "line 3\n  found:    the id '' in the column 'Email",
        ),
        ('id\n"ada\n', "line 2\n  found:    a line that can't be read"),
    ],
)
def test_a_roster_that_can_not_be_used_is_refused_with_the_line(tmp_path, text, says):
    with pytest.raises(UserError, match=re.escape(says)):
        read_roster(roster(tmp_path, text))


@pytest.fixture(scope="module")
def classes(tmp_path_factory):
    """Release a lesson with a mystery for two students; give the course and the lesson."""
    home = tmp_path_factory.mktemp("class")
    folder, course = write_course(home), home / "course"
    courses.open_course(course)
    lesson = write_exercises(folder)
    notebook = json.loads(lesson.text)
    notebook["cells"][1]["source"] += "\nmystery_seed: int = -1  # -1: the course's"
    lesson.path.write_text(json.dumps(notebook))
    lesson.path.with_suffix(".yaml").write_text("personal: [seed, mystery_seed]")
    lesson = Lesson(lesson.path)
    students = [Student("ada", "Ada", "Lovelace", "ada@example.org"), Student("alan")]
    release(Assignment("mine", (lesson,)), course, students)
    return course, lesson


def own_copy(course, student):
    files = unpacked(course / "release" / "mine-personal" / f"{student}.zip")
    assert set(files) == {"mine/01_double.ipynb", "mine/README.txt", "mine/nbgrader_config.py"}
    assert f"for {student} only" in files["mine/README.txt"]
    assert "of your own: seed, mystery_seed." in files["mine/README.txt"]
    return json.loads(files["mine/01_double.ipynb"])


def test_each_student_gets_own_numbers_and_else_the_same(classes, tmp_path):
    course, lesson = classes
    common = json.loads((course / "release" / "mine" / "01_double.ipynb").read_text())
    for student in ("ada", "alan"):
        notebook = own_copy(course, student)
        expected = personal_parameters(read_secret(course), student, "mine", NAMES)
        path = tmp_path / "own.ipynb"
        path.write_text(json.dumps(notebook))
        schema = read_schema(Lesson(path))
        assert {name: schema[name].default for name in expected} == expected
        as_it_was = read_schema(lesson)
        assert {name: p.help for name, p in schema.items()} == {n: p.help for n, p in as_it_was.items()}
        assert schema["k_max"] == as_it_was["k_max"]
        notebook["cells"][3]["source"] = common["cells"][3]["source"]
        assert notebook == common, "nothing but the parameters cell differs"


def test_the_secret_is_in_nothing_that_is_handed_out(classes):
    course, _ = classes
    secret = read_secret(course)
    forms = [secret, secret.hex().encode(), SECRET.encode()]
    handed_out = [path for path in (course / "release").rglob("*") if path.is_file()]
    assert len([path for path in handed_out if path.suffix == ".zip"]) == 2
    for path in [*handed_out, *(course / "source").rglob("*.*"), course / "gradebook.db"]:
        contents = [path.read_bytes()]
        if path.suffix == ".zip":
            contents += [text.encode() for text in unpacked(path).values()]
        assert not any(form in content for form in forms for content in contents), path


def test_the_gradebook_and_the_note_know_the_class(classes):
    course, _ = classes
    with nbgrader_bridge.gradebook(course) as book:
        known = {s.id: (s.first_name, s.last_name, s.email) for s in book.students}
    assert known == {"ada": ("Ada", "Lovelace", "ada@example.org"), "alan": (None, None, None)}
    note = courses.read_released(course, "mine")
    assert (note.personal, note.students) == (True, ["ada", "alan"])
    assert note.personal_names == NAMES
    with pytest.raises(UserError, match="assignment release"):
        courses.read_released(course, "theirs")


def test_a_release_of_the_other_kind_leaves_nothing_of_the_first(classes):
    course, lesson = classes
    folder = course / "release"
    release(Assignment("both", (lesson,)), course)
    assert (folder / "both.zip").exists()
    release(Assignment("both", (lesson,)), course, [Student("ada")])
    assert not (folder / "both.zip").exists()
    release(Assignment("both", (lesson,)), course, [Student("alan")])
    assert [path.name for path in (folder / "both-personal").iterdir()] == ["alan.zip"]
    release(Assignment("both", (lesson,)), course)
    assert not (folder / "both-personal").exists()
    assert courses.read_released(course, "both").students == []


def test_the_command_takes_a_roster(classes, tmp_path, monkeypatch):
    course, lesson = classes
    monkeypatch.chdir(lesson.path.parents[1])
    words = ["assignment", "release", "--course", str(course), "--name", "again", "--personal"]
    done = CliRunner().invoke(main, [*words, str(roster(tmp_path, "id\neve\n"))])
    assert done.exit_code == 0, done.output
    assert str(course / "release" / "again-personal") in done.output
    refused = CliRunner().invoke(main, [*words, str(roster(tmp_path, "id\neve\neve\n"))])
    assert refused.exit_code == 1
    assert "line 3" in refused.output


def test_every_lesson_can_be_given_a_seed_and_the_twist_a_mystery(tmp_path):
    for lesson in find(find_folder()):
        own = tmp_path / lesson.path.name
        own.write_text(with_parameters(lesson.text, {"seed": 123, "mystery_seed": 456}))
        schema, before = read_schema(Lesson(own)), read_schema(lesson)
        changed = {name: p.default for name, p in schema.items() if p != before[name]}
        assert changed == {"seed": 123} | ({"mystery_seed": 456} if lesson.name.startswith("05") else {})


def test_a_notebook_without_such_parameters_is_refused():
    cell = {"cell_type": "code", "metadata": {"tags": ["parameters"]}, "source": "speed: int = 1"}
    with pytest.raises(UserError, match="without any of the parameters seed"):
        with_parameters(json.dumps({"cells": [cell]}), {"seed": 1})


# The exercises whose answers depend on the numbers: as the notebooks' own cells check them.


def cells_of(number):
    [lesson] = [lesson for lesson in find(find_folder()) if lesson.name.startswith(number)]
    return {cell["id"]: "".join(cell["source"]) for cell in json.loads(lesson.text)["cells"]}


def images_of(seed):
    """Give what lesson 02 has at hand when exercises 1 and 2 come, on few images."""
    dataset = subset(load("digit-recognizer", "bundled"), 300, seed=seed)
    pixels = dataset.x_train.reshape(300, -1).astype("float32") / 255
    known = {"np": np, "clustering": clustering, "KMeans": KMeans, "ds": dataset, "seed": seed}
    known |= {"pixels": pixels, "y": dataset.y_train, "n_classes": 10, "names": dataset.class_names}
    known["plane"] = PCA(n_components=2, random_state=seed).fit_transform(pixels)
    exec(cells_of("02")["own-images"], known)
    return known


def line_of(seed):
    """Give what lesson 05 has at hand when exercise 1 comes."""
    return {"np": np, "DBSCAN": DBSCAN, "seed": seed}


@pytest.mark.parametrize(
    ("number", "parameter", "at_hand", "function", "cells"),
    [
        ("02", "seed", images_of, "my_findings", ["exercise-own"]),
        ("02", "seed", images_of, "what_is_wrong", ["exercise-fault"]),
        ("05", "seed", line_of, "my_eps", ["exercise-line"]),
    ],
)
def test_a_neighbours_answer_is_wrong(number, parameter, at_hand, function, cells):
    source = cells_of(number)
    answers, known = {}, {}
    for student in ("ada", "alan"):
        known[student] = at_hand(personal_parameters(KEY, student, number, NAMES)[parameter])
        for cell in [*cells, f"{cells[-1]}-check"]:
            exec(source[cell], known[student])
        answers[student] = known[student][function]()
    assert answers["ada"] != answers["alan"]
    known["ada"][function] = lambda: answers["alan"]
    with pytest.raises((AssertionError, IndexError)):
        exec(source[f"{cells[-1]}-check"], known["ada"])


def test_who_comes_late_gets_own_numbers_and_nothing_of_the_others_changes(tmp_path):
    write_exercises(tmp_path / "work")
    (tmp_path / "roster.csv").write_text("id\nada\nbob\n")
    arguments = ["assignment", "release", "01", "--course", str(tmp_path / "course"), "--personal"]
    arguments.append(str(tmp_path / "roster.csv"))

    def run():
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(tmp_path / "work")
            patch.setattr("mnistkit.grading.release.command.self_check", lambda lessons: None)
            return CliRunner().invoke(main, arguments)

    assert run().exit_code == 0
    (tmp_path / "roster.csv").write_text("id\nbob\n")
    assert "kept from the release before: 1 more" in run().output
    course = tmp_path / "course"
    (name,) = [path.stem for path in (course / "assignments").glob("*.json")]
    assert courses.read_released(course, name).students == ["bob", "ada"]
    (course / "submitted" / "ada" / name).mkdir(parents=True)
    folder = course / "release" / f"{name}-personal"
    before = {
        path: path.read_bytes() for path in course.rglob("*") if path.is_file() and path.suffix != ".db"
    }
    (tmp_path / "roster.csv").write_text("id,last_name\nada,L\nzoe,Late\n")
    shown = run()
    assert shown.exit_code == 0, shown.output
    assert f"hand out:  {folder / 'zoe'}.zip" in shown.output
    note = courses.note_path(course, name)
    changed = {path for path, content in before.items() if path.read_bytes() != content}
    assert changed == {note}
    assert courses.read_released(course, name).students == ["bob", "ada", "zoe"]
    with nbgrader_bridge.gradebook(course) as book:
        assert book.find_student("zoe").last_name == "Late"
    numbers = {student: str(unpacked(folder / f"{student}.zip")) for student in ("bob", "zoe")}
    assert numbers["bob"] != numbers["zoe"]
    assert str(personal_parameters(read_secret(course), "zoe", name, ["seed"])["seed"]) in numbers["zoe"]
    # The same roster once more adds nobody, and a new release is refused as before.
    assert "it has been handed in by 1 already" in run().output
