"""The documentation as a site: every page is in it, what is made from the course is right, and no link is dead."""

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from bs4 import BeautifulSoup
from nbformat.v4 import new_code_cell, new_markdown_cell
from report_helpers import figure_cell, write_run

import mnistkit
from mnistkit.course.lessons import find, find_folder
from mnistkit.course.parameters import read_schema
from mnistkit.doctor import CHECKS
from mnistkit.grading.exercises import read_exercises
from mnistkit.records.lesson_facts import read_lesson_facts

HOME = Path(mnistkit.__file__).parents[1]
DOCS = HOME / "docs"
INDEX = DOCS / "index.md"
LESSONS = find(find_folder())
TROUBLESHOOTING = (DOCS / "troubleshooting.md").read_text()


def links(page):
    """Give where a page leads: the targets of its links, and the entries of its tables of contents."""
    text = page.read_text()
    entries = "\n".join(re.findall(r"```\{toctree\}\n(.*?)```", text, re.S))
    names = re.findall(r"^(?!:)(?:.*<(.+)>|(\S+))$", entries, re.M)
    targets = [f"{a or b}.md" for a, b in names] + re.findall(r"\]\((?!https?:)([^)#\s]+)", text)
    return [(page.parent / target).resolve() for target in targets]


def test_every_page_is_in_a_table_of_contents_once():
    text = INDEX.read_text()
    entries = re.findall(
        r"^(?:.*<(\S+)>|([\w./-]+))$", "".join(re.findall(r"```\{toctree\}(.*?)```", text, re.S)), re.M
    )
    listed = [(DOCS / f"{a or b}.md").resolve() for a, b in entries]
    assert len(listed) == len(set(listed))
    pages = [HOME / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md")]
    pages += [HOME / "benchmarks" / "README.md", *DOCS.rglob("*.md")]
    assert set(listed) == set(pages) - {INDEX}


def test_questions_are_answered_within_two_clicks():
    page = DOCS / "engineer" / "questions.md"
    text = page.read_text()
    rows = re.findall(
        r"^\| (student|teacher|report-maker|engineer) \| (.+?) \| \[.+?\]\((\S+?)#\S+\) \|$",
        text,
        re.M,
    )
    assert len(rows) == len(re.findall(r"^\| ", text, re.M)) - 1 >= 20, "each but the head leads to a heading"
    assert {who for who, *_ in rows} == {"student", "teacher", "report-maker", "engineer"}
    one_click = links(INDEX)
    for _, question, target in rows:
        assert (page.parent / target).resolve() in one_click, question  # the second is the heading


def test_each_check_of_doctor_is_explained():
    table = TROUBLESHOOTING.split("## What doctor looks at")[1]
    assert set(re.findall(r"^\| (\w+) \|", table, re.M)) - {"check"} == set(CHECKS)


def test_messages_in_the_page_by_symptom_are_those_of_the_code():
    code = "\n".join(path.read_text() for path in (*(HOME / "mnistkit").rglob("*.py"), HOME / "install.py"))
    symptoms = [cell for cell in re.findall(r"^\| (.*?) \|", TROUBLESHOOTING, re.M) if "`" in cell]
    messages = [said for cell in symptoms for said in re.findall("`([^`]+)`", cell) if said != "work"]
    assert len(messages) > 15
    assert [said for said in messages if said not in code] == []


@pytest.fixture(scope="module")
def directives():
    spec = importlib.util.spec_from_file_location("site_directives", DOCS / "site_directives.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.name)
def test_a_lesson_plan_has_minutes_exercises_typical_errors_and_answers(directives, lesson):
    plan = directives.lesson_plan(lesson)
    assert "| section | minutes |" in plan
    assert re.search("^You need (lesson|no machine|arrays)|You need lesson", plan, re.M)
    assert re.findall("^## ", plan, re.M) == ["## "], "one heading of its level"
    assert "Measured with" in plan
    assert not re.search("(BEGIN|END) SOLUTION", plan)
    for exercise in read_exercises(lesson):
        assert f"**{exercise.title}** ({exercise.points:g} points" in plan
    errors = [label for kinds in read_lesson_facts(lesson.path).wrong_answers.values() for label in kinds]
    assert errors
    assert all(f"\n- {label}\n" in f"{plan}\n" for label in errors)
    cells = json.loads(lesson.text)["cells"]
    solved = [
        c for c in cells if c["metadata"].get("nbgrader", {}).get("solution") and c["cell_type"] == "code"
    ]
    assert plan.count("<details><summary>Answer</summary>") == len(solved)


def test_the_table_of_parameters_has_each_with_its_value_in_each_preset(directives):
    tables = directives.parameter_tables()
    for lesson in LESSONS:
        for name, parameter in read_schema(lesson).items():
            assert re.search(
                rf"^\| `{name}` \| {parameter.type} \|.*\| `{re.escape(str(parameter.default))}` \|",
                tables,
                re.M,
            )
    assert "| `n_train` | int | `1000` | `10000` | `60000` |" in tables


# ---- Built


SECRET = "the_solution_of_the_exercise"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Build it with a run of one lesson, as `make docs` does; a warning fails."""
    home = tmp_path_factory.mktemp("site")
    marks = {
        "nbgrader": {"grade": False, "grade_id": "e", "locked": False, "schema_version": 3, "solution": True}
    }
    solved = new_code_cell(f"### BEGIN SOLUTION\n{SECRET} = 1\n### END SOLUTION", metadata=marks)
    cells = [new_markdown_cell("# 02 · Groups\n\nText."), solved, figure_cell(120, "A grey figure")]
    run = write_run(home / "run", {"02_kmeans_elbow_silhouette": (cells, {"title": "02 · Groups"})})
    out = home / "site"
    command = [
        sys.executable,
        "-m",
        "sphinx",
        "-W",
        "--keep-going",
        "-q",
        "-d",
        str(home / "trees"),
        "-c",
        str(DOCS),
    ]
    done = subprocess.run(
        [*command, "-D", f"course_run={run}", str(HOME), str(out)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return out


@pytest.fixture(scope="module")
def soups(site):
    return {path: BeautifulSoup(path.read_text(), "html.parser") for path in sorted(site.rglob("*.html"))}


@pytest.mark.slow
def test_nothing_on_the_site_is_loaded_from_elsewhere(site, soups):
    for path, soup in soups.items():
        loaded = [
            tag.get("src") or tag.get("href") or "" for tag in soup(["script", "img", "iframe", "source"])
        ]
        loaded += [tag["href"] for tag in soup("link")]
        assert not [url for url in loaded if re.match(r"(https?:)?//", url)], path
    for style in site.rglob("*.css"):
        assert not re.search(r"url\([\"']?(https?:)?//|@import", style.read_text()), style


@pytest.mark.slow
def test_no_link_on_the_site_is_dead(soups):
    ids = {path: {tag["id"] for tag in soup.find_all(id=True)} for path, soup in soups.items()}
    checked = 0
    for path, soup in soups.items():
        for link in soup.find_all("a", href=True):
            url = urlsplit(link["href"])
            if url.scheme or url.netloc:
                continue
            target = (path.parent / unquote(url.path)).resolve() if url.path else path
            assert target.is_file(), (path, link["href"])
            checked += 1
            if url.fragment and target in ids and not link["href"].startswith("#"):
                assert unquote(url.fragment) in ids[target], (path, link["href"])
    assert checked > 1000


@pytest.mark.slow
def test_a_lesson_of_the_run_is_a_page_with_its_figure_and_without_its_solution(site, soups):
    page = site / "lessons" / "02_kmeans_elbow_silhouette.html"
    assert soups[page].find("img", alt="A grey figure")
    assert SECRET not in page.read_text()
    assert soups[page].find("a", href="../docs/index.html", string="Documentation")
    leads = {a.get_text(): a["href"] for a in soups[site / "docs" / "lessons.html"].select("article li a")}
    here = {LESSONS[1].title: "../lessons/02_kmeans_elbow_silhouette.html"}
    assert leads == {lesson.title: here.get(lesson.title, "#") for lesson in LESSONS}
    assert not list(site.rglob("0*.ipynb")), "a notebook has its solutions"


@pytest.mark.slow
def test_captions_have_a_level_and_what_scrolls_is_reached_by_keyboard(soups):
    pages = [soup for path, soup in soups.items() if "lessons" not in path.parts]
    captions = [tag for soup in pages for tag in soup.select("[role=heading]")]
    scrolling = [tag for soup in pages for tag in soup.select("pre, .table-wrapper")]
    assert captions and all(tag.get("aria-level") for tag in captions)
    assert scrolling and all(tag.get("tabindex") == "0" for tag in scrolling)
