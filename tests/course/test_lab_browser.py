"""A student's first hour in a real JupyterLab: start page, prediction, Run All, an exercise and its check."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request

import pytest
from course_helpers import write_course

from mnistkit.course.lessons import find, find_folder
from mnistkit.course.new_lesson import new_lesson
from mnistkit.course.parameters import read_preset

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        CHROMIUM is None,
        reason="no Chromium here: install it (apt install chromium) to test JupyterLab in a browser",
    ),
]
TOKEN = "a-token-for-this-test"
SECONDS = 200


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A course of the kit's first lesson and of a new one, sized as the smoke preset has them."""
    folder = write_course(tmp_path_factory.mktemp("course"))
    kit = find(find_folder())
    lesson = kit[0]
    for path in (lesson.path, lesson.path.with_suffix(".yaml")):
        shutil.copy(path, folder)
    new_lesson("new", folder)
    lessons = find(folder)
    sizes = [read_preset(find_folder(), "smoke", kit)[lesson.name], {"data": "bundled", "n_train": 200}]
    for one, values in zip(lessons, sizes, strict=True):
        set_parameters(one.path, {**values, "further": False})
    return folder


def set_parameters(path, values):
    notebook = json.loads(path.read_text())
    (cell,) = (c for c in notebook["cells"] if "parameters" in c["metadata"].get("tags", ()))
    source = "".join(cell["source"])
    for name, value in values.items():
        source = re.sub(rf"^({name}: \w+ = ).*?(?=  #|$)", rf"\g<1>{value!r}", source, flags=re.M)
    cell["source"] = source
    path.write_text(json.dumps(notebook))


@pytest.fixture(scope="module")
def server(course, session_cache, tmp_path_factory):
    """Serve JupyterLab as `mnistkit lab` does; give its address."""
    home = tmp_path_factory.mktemp("jupyter")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    variables = {f"JUPYTER_{kind}_DIR": str(home / kind) for kind in ("CONFIG", "DATA", "RUNTIME")}
    variables |= {"MNISTKIT_CACHE": str(session_cache), "MNISTKIT_OFFLINE": "1", "MNISTKIT_DATA": ""}
    command = [sys.executable, "-m", "mnistkit.cli", "lab", "--no-browser", f"--port={port}"]
    # JupyterLab refuses root, as which tests may run; it listens on this machine only.
    command += [f"--IdentityProvider.token={TOKEN}", "--ServerApp.ip=127.0.0.1"]
    command += ["--LabApp.expose_app_in_browser=True", *(["--allow-root"] if os.geteuid() == 0 else [])]
    address = f"http://127.0.0.1:{port}"
    with (home / "log").open("w") as log:
        process = subprocess.Popen(
            command, cwd=course.parent, env=os.environ | variables, stdout=log, stderr=log
        )
    try:
        wait_for(lambda: answers(address) or process.poll() is not None, "JupyterLab")
        assert process.poll() is None, (home / "log").read_text()[-2000:]
        yield address
    finally:
        process.terminate()
        process.wait(timeout=30)


def answers(address):
    try:
        return urllib.request.urlopen(f"{address}/api?token={TOKEN}", timeout=5).status == 200
    except OSError:
        return False


def wait_for(condition, what):
    end = time.monotonic() + SECONDS
    while not (found := condition()):
        assert time.monotonic() < end, f"{what} did not come"
        time.sleep(0.2)
    return found


@pytest.fixture(scope="module")
def tab(server):
    """Open JupyterLab where `mnistkit lab` opens it."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # As root, Chromium starts only without its sandbox; what it opens here are our own pages.
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        tab = browser.new_page(viewport={"width": 1400, "height": 1000})
        tab.set_default_timeout(1000 * SECONDS)
        tab.goto(f"{server}/?token={TOKEN}")
        yield tab
        browser.close()


class Notebook:
    """A notebook that is open in the tab, and its file."""

    def __init__(self, tab, path):
        self.tab, self.path = tab, path

    @property
    def cells(self):
        return json.loads(self.path.read_text())["cells"]

    def go_to(self, name):
        """Make a cell the active one, and give it."""
        number = [cell["id"] for cell in self.cells].index(name)
        self.tab.evaluate(
            """async number => {
                const notebook = jupyterapp.shell.currentWidget.content;
                notebook.activeCellIndex = number;
                notebook.mode = 'command';
                await notebook.scrollToItem(number, 'center');
            }""",
            number,
        )
        return self.tab.locator(".jp-NotebookPanel:visible .jp-Cell.jp-mod-active")

    def run(self, name):
        """Run a cell with the keyboard; give its outputs."""
        cell = self.go_to(name)
        before = self.stored(name)["execution_count"]
        cell.locator(".jp-InputArea, .jp-InputPlaceholder").first.focus()
        self.tab.keyboard.press("Control+Enter")
        return wait_for(lambda: self.ran(name, before), f"the end of {name}")["outputs"]

    def ran(self, name, before=None):
        self.tab.evaluate("jupyterapp.commands.execute('docmanager:save')")
        cell = self.stored(name)
        return cell if cell["execution_count"] not in (None, before) else None

    def stored(self, name):
        return next(cell for cell in self.cells if cell["id"] == name)

    def run_all(self):
        """Run all cells by the menu, and wait for the last one; give the ids of those with an error."""
        code = [cell for cell in self.cells if cell["cell_type"] == "code"]
        self.tab.locator(".lm-MenuBar-itemLabel", has_text=re.compile("^Run$")).click()
        self.tab.locator(".lm-Menu-itemLabel", has_text=re.compile("^Run All Cells$")).click()
        wait_for(lambda: self.ran(code[-1]["id"]) or self.stopped(), "the end of Run All")
        return self.errors()

    def errors(self):
        return [
            cell["id"]
            for cell in self.cells
            if any(output["output_type"] == "error" for output in cell.get("outputs", ()))
        ]

    def stopped(self):
        """Whether an error has ended Run All."""
        return any(
            "raises-exception" not in self.stored(name)["metadata"].get("tags", ()) for name in self.errors()
        )


@pytest.mark.parametrize("number", [0, 1], ids=["the kit's first lesson", "a new lesson"])
def test_a_student_works_through_a_lesson(tab, course, number):
    lesson = find(course)[number]
    notebook = Notebook(tab, course.parent / "work" / lesson.path.name)
    cells = notebook.cells
    assert "SOLUTION" not in notebook.path.read_text()

    tab.locator(".lm-TabBar-tabLabel", has_text="START.md").click()
    page = tab.locator(".jp-RenderedMarkdown:visible")
    assert page.get_by_role("heading", name="Start here").is_visible()
    page.get_by_role("link", name=lesson.title).click()
    tab.locator(".jp-NotebookPanel:visible .jp-Cell").first.wait_for()
    tab.wait_for_function(
        "jupyterapp.shell.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'"
    )

    checks = [
        c["id"] for c in cells if c["metadata"].get("nbgrader", {}).get("grade") and c["cell_type"] == "code"
    ]
    assert notebook.run_all() == checks, "only the checks of exercises fail"
    predict_and_be_answered(notebook)
    solve_first_exercise(notebook, lesson)
    tab.screenshot(path=f"/tmp/try/e2e{number}.png")


def predict_and_be_answered(notebook):
    predictions = [
        c["id"] for c in notebook.cells if "predict(" in "".join(c["source"]) and c["cell_type"] == "code"
    ]
    predictions = [name for name in predictions if "import" not in "".join(notebook.stored(name)["source"])]
    if not predictions:
        return
    asked = predictions[0]
    cell = notebook.go_to(asked)
    answer = cell.locator(".widget-radio-box label").first
    words = answer.inner_text().strip()
    answer.click()
    order = [c["id"] for c in notebook.cells]
    answered = next(
        name
        for name in order[order.index(asked) :]
        if "prediction=" in "".join(notebook.stored(name)["source"])
    )
    (text,) = (
        o["data"]["text/plain"]
        for o in notebook.run(answered)
        if "data" in o and "What this run shows" in "".join(o["data"]["text/plain"])
    )
    assert f"You said “{words}”" in "".join(text)


def solve_first_exercise(notebook, lesson):
    solved = json.loads(lesson.text)["cells"]
    number = next(
        n
        for n, c in enumerate(solved)
        if c["cell_type"] == "code" and c["metadata"].get("nbgrader", {}).get("solution")
    )
    name, check = solved[number]["id"], solved[number + 1]["id"]
    editor = notebook.go_to(name).locator(".cm-content")
    editor.click()
    notebook.tab.keyboard.press("Control+A")
    notebook.tab.keyboard.insert_text("".join(solved[number]["source"]))
    notebook.run(name)
    assert notebook.run(check) == [], "the check passes"
