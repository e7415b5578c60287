"""A student's way through each lesson in a real JupyterLab: start page, Run All, a prediction, explorers, exercises, points.

Which explorers a lesson shows, and what each has to say, is in `explorer_helpers.WORDS`.
"""

import json
import math
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from ast import literal_eval
from contextlib import suppress

import pytest
from browser_helpers import IN_A_BROWSER, running_chromium
from course_helpers import least_sizes, set_parameters, write_course, write_lesson
from explorer_helpers import DRAWN, WORDS, ShownExplorer
from PIL import Image
from sandbox_helpers import hand_in, make_sandbox

from mnistkit.course.lessons import find, find_folder
from mnistkit.course.new_lesson import new_lesson
from mnistkit.course.parameters import read_preset
from mnistkit.grading.autograde.checks import check_submission
from mnistkit.grading.autograde.reference_solution import prepare
from mnistkit.grading.sandbox.bwrap import SandboxLimits

pytestmark = IN_A_BROWSER
TOKEN = "a-token-for-this-test"
SCREEN = {"width": 1400, "height": 1000}
SECONDS = 240  # many times what a quiet machine takes


KIT = find(find_folder())
LEAST = {lesson.name: least_sizes(lesson) for lesson in KIT}
NEW = f"{len(KIT) + 1:02}_new"
SAVED = "02_kmeans_elbow_silhouette"
MORE = {"07_digit_recognizer": {"n_train": 600, "epochs": 5}}  # so that its network knows a drawn 1 and 0


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A course of the kit's lessons and of a new one, as small as they may be."""
    folder = write_course(tmp_path_factory.mktemp("course"))
    for lesson in KIT:
        for path in (lesson.path, lesson.path.with_suffix(".yaml")):
            shutil.copy(path, folder)
    new_lesson("new", folder)
    sizes = read_preset(find_folder(), "smoke", KIT) | {NEW: {"data": "bundled", "n_train": 200}}
    for lesson in find(folder):
        least = LEAST.get(lesson.name, {}) | MORE.get(lesson.name, {})
        set_parameters(lesson.path, {**sizes[lesson.name], **least, "further": False})
    return folder


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


def wait_in(tab, condition):
    """Wait for a condition in a tab. Playwright's own way is to ask each frame, and draws 60 a second for that."""
    tab.wait_for_function(condition, polling=200)


class Lab:
    """JupyterLab in a tab; if the browser is lost, in a new one, with the same kernels: they are the server's."""

    def __init__(self, chromium, address):
        self._chromium, self._address, self.was_lost = chromium, address, False
        self.open()

    def open(self, place="/?"):
        """Open JupyterLab where `mnistkit lab` opens it, or at another place."""
        self.tab = self._chromium.new_page(viewport=SCREEN)
        self.tab.set_default_timeout(1000 * SECONDS)
        self.tab.goto(f"{self._address}{place}token={TOKEN}")
        wait_in(self.tab, "window.jupyterapp?.shell.currentWidget")
        self.tab.evaluate(COLLECT_ERRORS)

    def open_again_if_lost(self):
        """Say whether the browser, and not what it showed, has ended: there is a new one then."""
        self.was_lost = self._chromium.has_lost(self.tab)
        if self.was_lost:
            # With the start page alone: tabs of the last time would come to the front when they have been read.
            self.open("/lab/tree/START.md?reset&")
            self._chromium.warn_of_loss()
        return self.was_lost

    def take(self, path, step):
        """Take a step in a notebook; take it once more where the browser was lost on the way."""
        from playwright.sync_api import Error

        try:
            return step()
        except Error:
            if not self.open_again_if_lost():
                raise
            open_notebook(self.tab, path)
            return step()


@pytest.fixture(scope="module")
def lab(server):
    with running_chromium() as chromium:
        yield Lab(chromium, server)


@pytest.fixture
def tab(lab):
    lab.open_again_if_lost()  # in the test before
    return lab.tab


@pytest.fixture(autouse=True)
def no_callback_fails(lab, tab):
    """The error of a callback stops nothing, and JupyterLab hides it in its log: here the test fails."""
    yield
    assert lab.tab.evaluate("errors.splice(0)") == []


COLLECT_ERRORS = """() => {
    window.errors = [];
    const collect = (_, { header, parent_header, content }) => {
        if (header.msg_type === 'error' && parent_header.msg_type === 'comm_msg') errors.push(content.traceback.join('\\n'));
    };
    const listened = new Set();
    jupyterapp.shell.currentChanged.connect((_, { newValue }) => {
        const session = newValue?.sessionContext;
        if (session && !listened.has(session)) listened.add(session) && session.iopubMessage.connect(collect);
    });
}"""
CELLS = "[...jupyterapp.shell.currentWidget.content.model.cells]"  # models: as JSON, with all figures, they take long
IS_IDLE = "jupyterapp.shell.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'"
HAS_ERROR = """(cell => Array.from(
    { length: cell.outputs?.length ?? 0 }, (_, number) => cell.outputs.get(number).type).includes('error'))"""
HAS_ENDED = f"""() => {{
    const code = {CELLS}.filter(cell => cell.type === 'code');
    const stopped = code.some(cell => {HAS_ERROR}(cell) && !(cell.getMetadata('tags') ?? []).includes('raises-exception'));
    return stopped || code.at(-1).executionCount !== null;
}}"""
WIDGET = "application/vnd.jupyter.widget-view+json"
EVALUATE = """async expression => {
    const kernel = jupyterapp.shell.currentWidget.sessionContext.session.kernel;
    const request = { code: '', silent: true, store_history: false, user_expressions: { value: expression } };
    return (await kernel.requestExecute(request).done).content.user_expressions.value;
}"""
FIRST_FIGURE_IS_IN_SIGHT = """() => {
    const box = document.querySelector('.jp-NotebookPanel:not(.lm-mod-hidden) .jp-OutputArea img').getBoundingClientRect();
    return box.height > 0 && box.top > 0 && box.bottom < window.innerHeight;
}"""
# Not `:visible`, and in no shadow tree: for these, Playwright looks at each element of the page.
ACTIVE_CELL = "css:light=.jp-NotebookPanel:not(.lm-mod-hidden) .jp-Cell.jp-mod-active"
OPEN = """path => {
    jupyterapp.commands.execute('docmanager:open', { path });
    return jupyterapp.shell.currentWidget.context?.path === path;
}"""
GO_TO = """number => {
    const notebook = jupyterapp.shell.currentWidget.content;
    notebook.activeCellIndex = number;
    notebook.mode = 'command';
    // Not awaited: the promise is kept only when the notebook has come to rest.
    notebook.scrollToItem(number, 'center').catch(() => {});
}"""


class Notebook:
    """A notebook that is open in the lab's tab."""

    def __init__(self, lab, cells):
        self.lab, self.ids = lab, [cell["id"] for cell in cells]

    @property
    def tab(self):
        return self.lab.tab

    def cell(self, name):
        """What the notebook has of a cell now."""
        return self.tab.evaluate(f"name => {CELLS}.find(cell => cell.id === name).toJSON()", name)

    def go_to(self, name):
        """Make a cell the active one, and give it."""
        from playwright.sync_api import TimeoutError as NotInSight

        cell = self.tab.locator(ACTIVE_CELL)

        def is_in_sight():
            self.tab.evaluate(GO_TO, self.ids.index(name))
            try:
                cell.scroll_into_view_if_needed(timeout=5_000)
            except NotInSight:  # a notebook that has just been opened is laid out anew
                return False
            return True

        wait_for(is_in_sight, f"cell {name}")
        return cell

    def run(self, name):
        """Run a cell with the keyboard; give its outputs."""
        self.go_to(name).locator(".jp-InputArea").focus()
        return self.run_here(name, "Control+Enter")

    def run_here(self, name, keys):
        """Run the cell that is the active one, and has the keyboard; give its outputs."""
        count = f"name => {CELLS}.find(cell => cell.id === name).executionCount"
        before = self.tab.evaluate(count, name)
        self.tab.keyboard.press(keys)
        # The number comes when a cell begins, and all outputs before the kernel rests.
        wait_for(lambda: self.tab.evaluate(count, name) not in (None, before), f"the start of {name}")
        wait_in(self.tab, IS_IDLE)
        return self.cell(name)["outputs"]

    def evaluate(self, expression):
        """Evaluate an expression in the kernel, beside all cells; give the value."""
        reply = self.tab.evaluate(EVALUATE, expression)
        assert reply["status"] == "ok", "\n".join(reply["traceback"])
        return literal_eval(reply["data"]["text/plain"])

    def explorer(self, name, script):
        """Give the explorer that a cell shows."""
        shown = [output["data"] for output in self.cell(name)["outputs"] if "data" in output]
        (model,) = (data[WIDGET]["model_id"] for data in shown if {WIDGET, "image/png"} <= set(data))
        return ShownExplorer(self.go_to(name), model, script, self.evaluate)

    def run_all(self):
        """Run all cells by the menu; give the ids of those with an error."""
        for item in ("Run", "Run All Cells"):
            label = re.compile(f"^{item}$")
            self.tab.locator(".lm-MenuBar-itemLabel, .lm-Menu-itemLabel").filter(has_text=label).click()
        wait_in(self.tab, HAS_ENDED)
        wait_in(self.tab, FIRST_FIGURE_IS_IN_SIGHT)
        self.save()
        return self.tab.evaluate(f"{CELLS}.filter({HAS_ERROR}).map(cell => cell.id)")

    def save(self):
        self.tab.evaluate("() => jupyterapp.commands.execute('docmanager:save').then(() => null)")


@pytest.mark.parametrize("name", [*(lesson.name for lesson in KIT), NEW])
def test_a_student_works_through_a_lesson(lab, tab, course, name, session_cache, tmp_path):
    (lesson,) = (lesson for lesson in find(course) if lesson.name == name)
    path = course.parent / "work" / lesson.path.name
    cells = stored(path)
    checks = [cell["id"] for cell in cells if is_exercise(cell, "grade")]
    tab.locator(".lm-TabBar-tabLabel", has_text="START.md").click()
    page = tab.locator(".jp-RenderedMarkdown:visible")
    page.get_by_role("heading", name="Start here").wait_for()
    page.get_by_role("link", name=lesson.title).click()
    tab.locator(".jp-NotebookPanel:visible .jp-Cell").first.wait_for()
    wait_in(tab, IS_IDLE)

    notebook, words = Notebook(lab, cells), WORDS.get(name, {})
    assert lab.take(path, notebook.run_all) == checks, "only the checks of exercises fail"
    outputs = [output for cell in stored(path) for output in cell.get("outputs", ())]
    assert [output["text"] for output in outputs if output.get("name") == "stderr"] == []
    lab.take(path, lambda: predict_and_be_answered(notebook, cells))
    assert explorers_of(cells) == list(words), "each explorer of a lesson is in the table"
    for shown in words.items():
        lab.take(path, lambda shown=shown: touch_the_explorer(notebook, cells, *shown, path.parent))
    lab.take(path, lambda: solve_the_exercises(notebook, json.loads(lesson.text)["cells"]))
    lab.take(path, lambda: save_and_see_progress(notebook, path, lesson, len(checks)))

    if name == SAVED:
        lab.take(path, lambda: see_explorers_without_a_kernel(lab, path))
    if name == NEW:  # the solutions of the others are graded in test_exercises_of_lessons.py
        assert_all_points(lesson, hand_in(tmp_path, path.read_text()), session_cache)
    close_notebook(lab.tab)  # each look at the page would go through its cells too, in all later lessons


def save_and_see_progress(notebook, path, lesson, checks):
    """Save the solved notebook by keyboard, and see on the start page that all checks pass."""
    tab = notebook.tab
    tab.keyboard.press("Control+s")
    solved = tab.evaluate(f"{CELLS}.map(cell => cell.sharedModel.getSource())")
    wait_for(lambda: is_saved(path, solved), "the saved file, in which no check fails")
    tab.locator(".lm-TabBar-tabLabel", has_text="START.md").click()
    row = tab.locator(".jp-RenderedMarkdown:visible").get_by_role("row")
    row = row.filter(has=tab.get_by_role("link", name=lesson.title))
    row.get_by_text(f"{checks} of {checks} checks passed").wait_for()
    tab.locator(".lm-TabBar-tabLabel", has_text=path.name[:20]).click()


def see_explorers_without_a_kernel(lab, path):
    """Open it as somebody else does who gets the file: no kernel, not trusted; pictures stand for the explorers."""
    notebook = json.loads(path.read_text())
    assert len(json.dumps(notebook["metadata"]["widgets"])) < 1_000_000
    gone = {"name": "gone", "display_name": "Gone", "language": "gone"}
    notebook["metadata"] |= {"kernelspec": gone, "language_info": {"name": "gone"}}
    copy, tab, complaints = path.with_name("without_a_kernel.ipynb"), lab.tab, []
    copy.write_text(json.dumps(notebook))
    tab.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    wait_for(lambda: tab.evaluate(OPEN, copy.name), copy.name)
    tab.locator(".jp-Dialog select").select_option(label="No Kernel")
    tab.locator(".jp-Dialog .jp-mod-accept").click()
    shown = Notebook(lab, notebook["cells"])
    for name in WORDS[path.stem]:
        picture = shown.go_to(name).locator(".jp-OutputArea img")
        picture.wait_for()
        assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") == 1000
    assert complaints == []
    tab.evaluate("() => jupyterapp.shell.currentWidget.dispose()")


def assert_all_points(lesson, submission, cache):
    sandbox = make_sandbox(limits=SandboxLimits(), cache=cache)
    result = check_submission(prepare(lesson.text, {}), submission, sandbox)
    assert [mark.grade_id for mark in result.marks if mark.points == 0] == []
    assert len(result.marks) == len([cell for cell in stored(lesson.path) if is_exercise(cell, "grade")])


EXPLORERS = """
import numpy as np
from mnistkit import clustering, widgets
blobs = np.repeat([[0.0, 0], [5, 0], [0, 5]], 20, axis=0) + np.random.default_rng(0).normal(size=(60, 2))
sweep = clustering.kmeans_sweep(blobs, [1, 2, 3, 5], progress=False)
display(widgets.kmeans_explorer(sweep, blobs, shape=(1, 2), k=2, x=blobs))
widgets.kmeans_steps(blobs, [(sweep.labels[3], sweep.centers[3])] * 2)
"""
SHOWN = ".jp-NotebookPanel:visible .widget-image"


def test_a_saved_notebook_shows_its_explorers_when_it_is_opened_again(lab, tab, course):
    path = write_lesson(course.parent / "work", "explorers", EXPLORERS)
    empty = path.stat().st_size
    open_notebook(tab, path)
    for _ in range(3):
        tab.evaluate("() => jupyterapp.commands.execute('notebook:run-all-cells').then(() => null)")
        wait_in(tab, IS_IDLE)
    tab.locator(SHOWN).nth(1).wait_for()
    slider = tab.locator(".jp-NotebookPanel:visible .noUi-handle").first
    slider.focus()
    slider.press("ArrowRight")
    words = tab.locator(".jp-NotebookPanel:visible").get_by_text("K-means with k = 3")
    words.wait_for()
    tab.keyboard.press("Control+s")
    state = wait_for(lambda: saved_state(path, "k = 3"), "the saved file")
    assert [model["model_name"] for model in state.values()].count("ImageModel") == 2, "only of the last run"
    assert path.stat().st_size - empty < 1_000_000

    Notebook(lab, []).evaluate("setattr(widgets.KMeansExplorer, 'describe', lambda explorer: 1 / 0)")
    slider.press("ArrowRight")
    tab.get_by_text("Can't draw k = 5: ZeroDivisionError").wait_for()
    (error,) = wait_for(lambda: tab.evaluate("errors.splice(0)"), "the error by which other tests fail")
    assert "ZeroDivisionError" in error
    close_notebook(tab)

    complaints = []
    tab.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    open_notebook(tab, path)
    tab.locator(SHOWN).nth(1).wait_for()
    assert tab.locator(SHOWN).count() == 2
    assert tab.locator(SHOWN).first.evaluate("image => image.complete && image.naturalWidth") == 1000
    assert words.is_visible()
    assert not tab.get_by_text("Error displaying widget").count()
    assert complaints == []

    tab.set_viewport_size({"width": 400, "height": 800})
    assert tab.locator(SHOWN).first.bounding_box()["width"] == 700, "its text can be read: it scrolls"
    labels = tab.locator(".jp-NotebookPanel:visible .widget-vbox .widget-label:visible").all()
    assert [label.inner_text() for label in labels] == ["clusters k", "show", "move"]
    assert all(label.evaluate("label => label.scrollWidth <= label.clientWidth") for label in labels)
    tab.set_viewport_size(SCREEN)
    close_notebook(tab)


def open_notebook(tab, path):
    wait_in(tab, "window.jupyterapp?.shell.currentWidget")
    wait_for(lambda: tab.evaluate(OPEN, path.name), path.name)
    tab.locator(".jp-NotebookPanel:visible .jp-Cell").first.wait_for()
    wait_in(tab, IS_IDLE)


def close_notebook(tab):
    """End its kernel, and close it without a question."""
    tab.evaluate("() => jupyterapp.shell.currentWidget.sessionContext.shutdown().then(() => null)")
    tab.evaluate("() => jupyterapp.shell.currentWidget.dispose()")


def saved_state(path, words):
    """Give the state of widgets in a saved notebook, when these words are in it."""
    with suppress(ValueError):  # JupyterLab is writing it
        widgets = json.loads(path.read_text())["metadata"].get("widgets", {})
        states = widgets.get("application/vnd.jupyter.widget-state+json", {}).get("state", {})
        return states if words in json.dumps(states) else None


def is_saved(path, sources):
    with suppress(ValueError):  # JupyterLab is writing it
        cells = stored(path)
        return ["".join(cell["source"]) for cell in cells] == sources and not any(map(has_error, cells))


def is_exercise(cell, kind):
    return cell["cell_type"] == "code" and cell["metadata"].get("nbgrader", {}).get(kind)


def stored(path):
    return json.loads(path.read_text())["cells"]


def has_error(cell):
    return any(output["output_type"] == "error" for output in cell.get("outputs", ()))


def predict_and_be_answered(notebook, cells):
    """Press the first answer of the first prediction by keyboard, and read what the run says to it."""
    sources = {cell["id"]: "".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"}
    asked = [name for name, source in sources.items() if re.search(r"= predict\(", source)]
    if not asked:
        return  # a lesson of the first edition
    answered = next(
        name for name in list(sources)[list(sources).index(asked[0]) :] if "prediction=" in sources[name]
    )
    answer = notebook.go_to(asked[0]).locator(".widget-toggle-button").first
    words = answer.inner_text().strip()
    answer.press("Enter")
    said = "".join("".join(o.get("data", {}).get("text/plain", "")) for o in notebook.run(answered))
    assert f"You said “{words}”" in said


def explorers_of(cells):
    """Name the cells that show an explorer."""
    sources = {cell["id"]: "".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"}
    return [name for name, source in sources.items() if re.search(r"\bwidgets\.\w+\(", source)]


def touch_the_explorer(notebook, cells, name, script, folder):
    """Operate an explorer by keyboard and by mouse; one of the optional part in its section alone."""
    if name.startswith("further"):
        notebook.evaluate("globals().update(further=True)")
        kinds = {cell["id"]: cell["cell_type"] for cell in cells}
        before = notebook.ids[: notebook.ids.index(name)]
        section = max(number for number, other in enumerate(before) if kinds[other] != "code")
        for other in [*before[section + 1 :], name]:
            assert not has_error({"outputs": notebook.run(other)}), other
    elif notebook.lab.was_lost:
        notebook.run(name)  # a new browser does not know what the lost one showed
    explorer = notebook.explorer(name, script)
    if name == DRAWN:
        draw_and_keep_digits(explorer, folder / "drawings")
    else:
        explorer.operate()


TURNS = [number * 2 * math.pi / 29 for number in range(30)]
STROKES = {
    "1": [(150 - step, 60 + 12 * step) for step in range(13)],
    "0": [(140 + 45 * math.sin(turn), 140 - 75 * math.cos(turn)) for turn in TURNS],
}


def draw_and_keep_digits(explorer, folder):
    """Draw digits by mouse, keep one by keyboard and one by mouse, and upload one again by keyboard."""
    shutil.rmtree(folder, ignore_errors=True)
    for digit, press in (("1", lambda button: button.press("Enter")), ("0", lambda button: button.click())):
        press(explorer.button("new sheet"))
        explorer.expect_answer(lambda places=STROKES[digit]: draw(explorer.box.locator("canvas"), places))
        assert f"centred: {digit} (" in explorer.words()
        explorer.assert_picture_is_of_the_choice()
        press(explorer.button(digit))
        wait_for(lambda digit=digit: explorer.ask("explorer.label.value") == digit, f"the choice of {digit}")
        press(explorer.button("keep it"))
        said = wait_for(lambda: explorer.ask("explorer.kept.value"), "an answer to “keep it”")
        assert "in MNIST&#x27;s form, without your name" in said
        explorer.box.get_by_text("in MNIST's form, without your name").wait_for()
        (path,) = (folder / digit).glob("*.png")
        centred = explorer.ask("explorer._steps_and_answers()[0]['centred'].tobytes().hex()")
        assert Image.open(path).tobytes().hex() == centred
    with explorer.box.page.expect_file_chooser() as chooser:
        explorer.box.locator(".widget-upload").press("Enter")
    explorer.expect_answer(lambda: chooser.value.set_files(path))
    explorer.assert_picture_is_of_the_choice()


def draw(sheet, places):
    """Draw one stroke with the mouse."""
    sheet.scroll_into_view_if_needed()
    corner, mouse = sheet.bounding_box(), sheet.page.mouse
    mouse.move(corner["x"] + places[0][0], corner["y"] + places[0][1])
    mouse.down()
    for x, y in places[1:]:
        mouse.move(corner["x"] + x, corner["y"] + y)
    mouse.up()


def solve_the_exercises(notebook, solved):
    """Write each solution into its cell, run it, and see its check pass."""
    for number, cell in enumerate(solved):
        if not is_exercise(cell, "solution"):
            continue
        name, check = cell["id"], solved[number + 1]["id"]
        notebook.go_to(name).locator(".cm-content").click()
        notebook.tab.keyboard.press("Control+A")
        source = "".join(cell["source"])
        notebook.tab.keyboard.insert_text(re.sub(r".*### (BEGIN|END) SOLUTION\n?", "", source))
        for done, keys in ((name, "Shift+Enter"), (check, "Control+Enter")):  # the first goes on to the next
            outputs = notebook.run_here(done, keys)
            assert not has_error({"outputs": outputs}), (done, outputs)
