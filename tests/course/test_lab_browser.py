"""A student's way through each lesson in a real JupyterLab: start page, Run All, a prediction, the exercises, points."""

import html
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request

import explorer_helpers
import ipywidgets
import nbformat
import numpy as np
import pytest
from browser_helpers import IN_A_BROWSER, running_chromium
from course_helpers import write_course, write_lesson
from sandbox_helpers import hand_in, make_sandbox

from mnistkit.course.lessons import find, find_folder
from mnistkit.course.new_lesson import new_lesson
from mnistkit.course.parameters import read_preset
from mnistkit.grading.autograde.checks import check_submission
from mnistkit.grading.autograde.reference_solution import prepare
from mnistkit.grading.sandbox.bwrap import SandboxLimits

pytestmark = IN_A_BROWSER
TOKEN = "a-token-for-this-test"
SECONDS = 240  # many times what a quiet machine takes


KIT = find(find_folder())
NEW = f"{len(KIT) + 1:02}_new"


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A course of the kit's lessons and of a new one, as the smoke preset sizes them; networks see all once."""
    folder = write_course(tmp_path_factory.mktemp("course"))
    for lesson in KIT:
        for path in (lesson.path, lesson.path.with_suffix(".yaml")):
            shutil.copy(path, folder)
    new_lesson("new", folder)
    sizes = read_preset(find_folder(), "smoke", KIT) | {NEW: {"data": "bundled", "n_train": 200}}
    for lesson in find(folder):
        once = {name: 1 for name in sizes[lesson.name] if name.endswith("epochs")}
        set_parameters(lesson.path, {**sizes[lesson.name], **once, "further": False})
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
    with running_chromium() as browser:
        tab = browser.new_page(viewport={"width": 1400, "height": 1000})
        tab.set_default_timeout(1000 * SECONDS)
        tab.goto(f"{server}/?token={TOKEN}")
        yield tab


CELLS = "[...jupyterapp.shell.currentWidget.content.model.cells]"  # models: as JSON, with all figures, they take long
IS_IDLE = "jupyterapp.shell.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'"
HAS_ERROR = """(cell => Array.from(
    { length: cell.outputs?.length ?? 0 }, (_, number) => cell.outputs.get(number).type).includes('error'))"""
HAS_ENDED = f"""() => {{
    const code = {CELLS}.filter(cell => cell.type === 'code');
    const stopped = code.some(cell => {HAS_ERROR}(cell) && !(cell.getMetadata('tags') ?? []).includes('raises-exception'));
    return stopped || code.at(-1).executionCount !== null;
}}"""
FIRST_FIGURE_IS_IN_SIGHT = """() => {
    const box = document.querySelector('.jp-NotebookPanel:not(.lm-mod-hidden) .jp-OutputArea img').getBoundingClientRect();
    return box.height > 0 && box.top > 0 && box.bottom < window.innerHeight;
}"""
GO_TO = """number => {
    const notebook = jupyterapp.shell.currentWidget.content;
    notebook.activeCellIndex = number;
    notebook.mode = 'command';
    // Not awaited: the promise is kept only when the notebook has come to rest.
    notebook.scrollToItem(number, 'center').catch(() => {});
}"""


class Notebook:
    """A notebook that is open in the tab."""

    def __init__(self, tab, cells):
        self.tab, self.ids = tab, [cell["id"] for cell in cells]

    def cell(self, name):
        """What the notebook has of a cell now."""
        return self.tab.evaluate(f"name => {CELLS}.find(cell => cell.id === name).toJSON()", name)

    def go_to(self, name):
        """Make a cell the active one, and give it."""
        self.tab.evaluate(GO_TO, self.ids.index(name))
        cell = self.tab.locator(".jp-NotebookPanel:visible .jp-Cell.jp-mod-active")
        cell.scroll_into_view_if_needed()
        return cell

    def run(self, name):
        """Run a cell with the keyboard; give its outputs."""
        count = f"name => {CELLS}.find(cell => cell.id === name).executionCount"
        before = self.tab.evaluate(count, name)
        self.go_to(name).locator(".jp-InputArea").focus()
        self.tab.keyboard.press("Control+Enter")
        # The number comes when a cell begins, and all outputs before the kernel rests.
        wait_for(lambda: self.tab.evaluate(count, name) not in (None, before), f"the start of {name}")
        self.tab.wait_for_function(IS_IDLE)
        return self.cell(name)["outputs"]

    def run_all(self):
        """Run all cells by the menu; give the ids of those with an error."""
        for item in ("Run", "Run All Cells"):
            label = re.compile(f"^{item}$")
            self.tab.locator(".lm-MenuBar-itemLabel, .lm-Menu-itemLabel").filter(has_text=label).click()
        self.tab.wait_for_function(HAS_ENDED, polling=500)
        return self.tab.evaluate(f"{CELLS}.filter({HAS_ERROR}).map(cell => cell.id)")


@pytest.mark.parametrize("name", [*(lesson.name for lesson in KIT), NEW])
def test_a_student_works_through_a_lesson(tab, course, name, session_cache, tmp_path):
    (lesson,) = (lesson for lesson in find(course) if lesson.name == name)
    path = course.parent / "work" / lesson.path.name
    cells = stored(path)
    checks = [cell["id"] for cell in cells if is_exercise(cell, "grade")]
    tab.locator(".lm-TabBar-tabLabel", has_text="START.md").click()
    page = tab.locator(".jp-RenderedMarkdown:visible")
    page.get_by_role("heading", name="Start here").wait_for()
    page.get_by_role("link", name=lesson.title).click()
    tab.locator(".jp-NotebookPanel:visible .jp-Cell").first.wait_for()
    tab.wait_for_function(IS_IDLE)

    notebook = Notebook(tab, cells)
    assert notebook.run_all() == checks, "only the checks of exercises fail"
    tab.wait_for_function(FIRST_FIGURE_IS_IN_SIGHT)
    predict_and_be_answered(notebook, cells)
    solve_the_exercises(notebook, json.loads(lesson.text)["cells"])
    tab.keyboard.press("Control+s")
    solved = [notebook.cell(name)["source"] for name in notebook.ids]
    wait_for(lambda: is_saved(path, solved), "the saved file, in which no check fails")
    tab.locator(".lm-TabBar-tabLabel", has_text="START.md").click()
    row = page.get_by_role("row").filter(has=tab.get_by_role("link", name=lesson.title))
    row.get_by_text(f"{len(checks)} of {len(checks)} checks passed").wait_for()
    tab.locator(".lm-TabBar-tabLabel", has_text=path.name[:20]).click()

    if name == NEW:  # the solutions of the others are graded in test_exercises_of_lessons.py
        assert_all_points(lesson, hand_in(tmp_path, path.read_text()), session_cache)
    tab.evaluate("() => jupyterapp.shell.currentWidget.sessionContext.shutdown()")


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
display(widgets.kmeans_explorer(sweep, blobs, shape=(1, 2), k=2))
widgets.kmeans_steps(blobs, [(sweep.labels[3], sweep.centers[3])] * 2)
"""
SHOWN = ".jp-NotebookPanel:visible .widget-image"


def test_a_saved_notebook_shows_its_explorers_when_it_is_opened_again(tab, course):
    path = write_lesson(course.parent / "work", "explorers", EXPLORERS)
    empty = path.stat().st_size
    open_notebook(tab, path)
    for _ in range(3):
        tab.evaluate("() => jupyterapp.commands.execute('notebook:run-all-cells').then(() => null)")
        tab.wait_for_function(IS_IDLE)
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
    close_notebook(tab)

    open_notebook(tab, path)
    tab.locator(SHOWN).nth(1).wait_for()
    assert tab.locator(SHOWN).count() == 2
    assert tab.locator(SHOWN).first.evaluate("image => image.complete && image.naturalWidth") == 1000
    assert words.is_visible()
    assert not tab.get_by_text("Error displaying widget").count()
    close_notebook(tab)


CONTROLS = ipywidgets.ToggleButtons, ipywidgets.IntSlider, ipywidgets.SelectionSlider
PICTURE_OF = """async image => {
    const bytes = new Uint8Array(await (await fetch(image.src)).arrayBuffer());
    return Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join('');
}"""


def test_each_explorer_shows_what_keyboard_and_mouse_choose(tab, course, course_style):
    """Words and picture in the browser are those of the same explorer here, whose controls are set by value."""
    source = f"{explorer_helpers.SOURCE}\nfor explorer in explorers:\n    display(explorer)\n"
    open_notebook(tab, write_lesson(course.parent / "work", "touched", source))
    tab.evaluate("() => jupyterapp.commands.execute('notebook:run-all-cells').then(() => null)")
    explorers = explorer_helpers.made_explorers()
    shown = tab.locator(".jp-NotebookPanel:visible .widget-vbox:has(> .widget-image)")
    shown.nth(len(explorers) - 1).wait_for()
    for explorer, there in zip(explorers, shown.all(), strict=True):
        parts = dict(zip(explorer.children, there.locator("xpath=./*").all(), strict=True))
        controls = [part for part in parts if isinstance(part, CONTROLS)]
        assert controls
        for operate in (use_keyboard, use_mouse):
            for control in controls:
                before = explorer.text.value
                operate(parts[control], control)
                assert explorer.text.value != before, f"{control.description} changes nothing"
                words = html.unescape(explorer.text.value)
                parts[explorer.text].get_by_text(words, exact=True).wait_for()
                assert parts[explorer.image].evaluate(PICTURE_OF) == bytes(explorer.image.value).hex()
    close_notebook(tab)


def is_slider(control):
    return not isinstance(control, ipywidgets.ToggleButtons)


def positions(control):
    """Name what says where a slider or a row of buttons stands; give its first and last place."""
    if isinstance(control, ipywidgets.IntSlider):
        return "value", control.min, control.max
    return "index", 0, len(control.options) - 1


def use_keyboard(there, control):
    """Go to the next place by an arrow key or by Enter, there, and by its value here."""
    name, _, last = positions(control)
    forward = getattr(control, name) < last
    place = getattr(control, name) + (1 if forward else -1)
    if is_slider(control):
        there.locator("[role=slider]").press("ArrowRight" if forward else "ArrowLeft")
    else:
        there.locator("button").nth(place).press("Enter")
    setattr(control, name, place)


def use_mouse(there, control):
    """Click on the last place, or on the first where it stands at the last."""
    name, first, last = positions(control)
    place = first if getattr(control, name) == last else last
    if is_slider(control):
        track = there.locator(".noUi-base")
        size = track.bounding_box()
        track.click(
            position={"x": 1 if place == first else size["width"] - 1, "y": size["height"] / 2}, force=True
        )
    else:
        there.locator("button").nth(place).click()
    setattr(control, name, place)


def open_notebook(tab, path):
    tab.wait_for_function("window.jupyterapp?.shell.currentWidget")
    tab.evaluate("path => { jupyterapp.commands.execute('docmanager:open', { path }) }", path.name)
    tab.locator(".jp-NotebookPanel:visible .jp-Cell").first.wait_for()
    tab.wait_for_function(IS_IDLE)


def close_notebook(tab):
    """End its kernel, and close it without a question."""
    tab.evaluate("() => jupyterapp.shell.currentWidget.sessionContext.shutdown().then(() => null)")
    tab.evaluate("() => jupyterapp.shell.currentWidget.dispose()")


def saved_state(path, words):
    """Give the state of widgets in a saved notebook, when these words are in it."""
    widgets = json.loads(path.read_text())["metadata"].get("widgets", {})
    states = widgets.get("application/vnd.jupyter.widget-state+json", {}).get("state", {})
    return states if words in json.dumps(states) else None


def is_saved(path, sources):
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
        for done in (name, check):
            outputs = notebook.run(done)
            assert not has_error({"outputs": outputs}), (done, outputs)


HANDWRITING = """
import numpy as np
from sklearn.neighbors import KNeighborsClassifier
from mnistkit import widgets
from mnistkit.data import load
digits = load("mnist", "bundled")
machine = KNeighborsClassifier(5).fit(digits.x_train.reshape(-1, 784), digits.y_train)
network = lambda images: machine.predict_proba(images.reshape(-1, 784))
widgets.drawn_digit(network, digits.x_test[0], digits.class_names)
"""


def test_a_1_and_a_0_that_the_mouse_draws_are_read_as_such(tab, server, course):
    pytest.importorskip("ipycanvas", reason="the extra drawing is not installed")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(HANDWRITING, id="draw")])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, course.parent / "work" / "handwriting.ipynb")
    tab.goto(f"{server}/lab/tree/handwriting.ipynb?token={TOKEN}")
    # JupyterLab may show the notebook that was open before, until it has this one.
    tab.wait_for_function("window.jupyterapp?.shell.currentWidget?.context?.path === 'handwriting.ipynb'")
    tab.locator(".jp-NotebookPanel:visible .jp-Cell").first.wait_for()
    tab.wait_for_function(IS_IDLE)
    Notebook(tab, notebook.cells).run("draw")
    output = tab.locator(".jp-NotebookPanel:visible .jp-OutputArea")
    turns = np.linspace(0, 2 * np.pi, 30)
    strokes = {
        "1": [(150 - step, 60 + 12 * step) for step in range(13)],
        "0": [(140 + 45 * np.sin(turn), 140 - 75 * np.cos(turn)) for turn in turns],
    }
    for digit, places in strokes.items():
        output.get_by_role("button", name="new sheet").click()
        sheet = output.locator("canvas")
        sheet.scroll_into_view_if_needed()
        corner = sheet.bounding_box()
        for number, (x, y) in enumerate(places):
            tab.mouse.move(corner["x"] + x, corner["y"] + y)
            if number == 0:
                tab.mouse.down()
        tab.mouse.up()
        output.get_by_text(re.compile(f"your drawing: .*centred: {digit} \\(")).wait_for()
    tab.evaluate("() => jupyterapp.shell.currentWidget.sessionContext.shutdown()")
