"""What a browser makes of reports, comparisons, grades and feedback, with the network cut: Chromium opens every page."""

import base64
import io
import re
from types import SimpleNamespace

import nbformat
import numpy as np
import pytest
from browser_helpers import IN_A_BROWSER, running_chromium
from click.testing import CliRunner
from course_helpers import task_of, write_course, write_lesson
from grades_helpers import (
    LESSON,
    check,
    class_feedback,
    class_page,
    collected,
    enter,
    fill_class,
    hand_in,
    release_small,
    score,
)
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output
from PIL import Image
from report_helpers import EVIL, FORMULA, TABLE, evil_cells, evil_entry, figure_cell, shown, write_run

from mnistkit.cli import main
from mnistkit.course import report
from mnistkit.course.report.html.layout import TEMPLATES
from mnistkit.course.report.pages import site
from mnistkit.course.report.pages.comparison import compare
from mnistkit.course.report.pages.reproduction import Reproduced
from mnistkit.course.report.pages.sweep import write_sweep
from mnistkit.course.running.execute import execute
from mnistkit.course.sweeps import runner
from mnistkit.course.sweeps.runner import Trial
from mnistkit.grading.ledger import Mark

pytestmark = IN_A_BROWSER
PAGES = (
    "run/report/index",
    "run/report/01_hostile",
    "run/report/02_plain",
    "run/report/03_waiting",
    "run/report/04_titled",
    "run/report/reproduction",
    "run/report/provenance",
    "run/report",
    "comparison/index",
    "sweep/index",
    f"course/grades/{LESSON}/index",
    f"course/feedback/evil/{LESSON}/{LESSON}",
)
ROWS = [
    Reproduced("a", "02_plain", "R0", "What a is", 0.9, 0.01, 0.905, 0.005, "reached", ""),
    Reproduced("b", "02_plain", "R0", "What b is", 0.9, 0.01, 0.8, -0.1, "missed", ""),
    Reproduced("c", "", "R3", "What c is", 0.9, 0.01, None, None, "not run", "no lesson does it"),
    Reproduced("d", "01_hostile", "R3", "d", 0.9, 0.01, 0.7, -0.2, "not comparable", "stand-in data"),
]
RECORDS = [{"name": "accuracy", "value": 0.5, "is_standin": False, "reference": 0.6, "report": "R0"}]
# In the dark a page differs in its colours only: axe's other rules would find the same again.
COLOUR_RULES = {"runOnly": ["color-contrast", "link-in-text-block"]}
LONG_LINE = "a long line of output " * 12


def plain_cells():
    code = "def f(x):  # a comment\n    return x + 1.5, 'text', " + ", ".join(f"name_{i}" for i in range(40))
    table = new_code_cell(code, outputs=[shown({"text/html": TABLE}), new_output("stream", text=LONG_LINE)])
    table.outputs.append(shown({"text/latex": "$$a^2 + b^2$$", "text/plain": "x"}))
    return [
        new_markdown_cell("# 01 · A <lesson>\n\nText.\n\n## First\n\n### Part\n\n" + FORMULA),
        table,
        new_markdown_cell("## Second\n\n<details><summary>Answer</summary>\n\n*Because.*\n\n</details>"),
        figure_cell(120, "A grey figure", ["thumbnail"], "figure"),
        figure_cell(250, "", (), "undescribed"),
    ]


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """Write a small run with hostile content, all its pages, and a comparison with another run."""
    home = tmp_path_factory.mktemp("site")
    hostile = [cell for markup in EVIL.values() for cell in evil_cells(markup)]
    everything = evil_entry("".join(EVIL.values()))
    plain = (plain_cells(), {"records": RECORDS})
    lessons = {
        # A title of its own, so that "taken" in it can only come from a script.
        "01_hostile": (hostile, {**everything, "title": "01 · Hostile"}),
        "02_plain": plain,
        "03_waiting": (None, {"status": "waiting", "title": "03 · Waiting"}),
        "04_titled": (plain_cells(), {"title": EVIL["style attribute"], "after": {"02_plain": "f"}}),
    }
    run = write_run(home / "run", lessons)
    other = write_run(
        home / "other", {**lessons, "02_plain": (plain_cells()[:4], {"parameters": {"seed": 1}})}
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(site, "reproduce", lambda results: ROWS)
        report.write_report(run)
        report.export_report(run, single_file=True)
    compare([run, other], home / "comparison")
    write_small_sweep(home / "sweep")
    write_grades(home)
    return home


def write_grades(home):
    """Write the pages of a graded class; one student has put evil wherever a student can write."""
    course = home / "course"
    everything = "".join(EVIL.values())
    release_small(course, write_course(home / "work"))
    fill_class(course)
    hostile = [cell for markup in EVIL.values() for cell in evil_cells(markup)]
    hand_in(course, "evil", why=everything, more=[*hostile, figure_cell(100, "A figure"), *plain_cells()])
    names = {"first_name": everything[:120], "last_name": everything[-120:]}
    enter(course, "evil", [score("double-check", 0.0, comment=everything)], hours=2, **names)
    check(course, "evil", Mark("double-check", 0.0, 2.0, everything), odd=EVIL.values(), sandboxed=False)
    class_feedback(course, LESSON)
    class_page(course, LESSON, collected("ada", evil=list(EVIL.values()), unclear=EVIL.values()))


def write_small_sweep(out):
    """Write the page of a sweep of three runs: two went well, one failed with a hostile message."""
    evil = "".join(EVIL.values())
    plan = SimpleNamespace(name="02_plain", lesson=SimpleNamespace(title=evil, content={"cells": []}))
    points = [Trial(runner.folder_name(s), s, [plan]) for s in ({"k": 1, "name": evil}, {"k": 2}, {"k": 3})]
    failed = {"status": "failed", "failure": {"kind": "error", "cell": evil, "message": evil}}
    for point, changes in zip(points, ({}, {}, failed), strict=True):
        records = [
            {**RECORDS[0], "value": 0.5 + point.setting["k"]},
            {**RECORDS[0], "name": "way", "value": evil},
        ]
        write_run(
            out / runner.RUNS / point.name, {"02_plain": (plain_cells(), {"records": records, **changes})}
        )
    write_sweep(points, out)


@pytest.fixture(scope="module")
def browser():
    """Start an installed Chromium."""
    with running_chromium() as chromium:
        yield chromium.browser


@pytest.fixture(scope="module")
def tab(browser):
    """Open one tab without network for all tests: each page in it starts anew, and a tab costs half a second."""
    context = browser.new_context()
    context.set_offline(True)
    tab = context.new_page()
    tab.asked, tab.complaints = [], []
    tab.on("request", lambda request: tab.asked.append(request.url))
    tab.on("console", lambda message: tab.complaints.append(message.text))
    tab.on("pageerror", lambda error: tab.complaints.append(str(error)))
    return tab


@pytest.fixture
def view(tab):
    """Give the tab, empty, on a light screen; it notes what it asks for and what it complains of."""
    tab.goto("about:blank")
    tab.emulate_media(media="screen", color_scheme="light")
    tab.set_viewport_size({"width": 1300, "height": 900})
    tab.asked.clear()
    tab.complaints.clear()
    return tab


def visit(tab, pages, name):
    path = pages / f"{name}.html"
    tab.goto(path.as_uri())
    return path


def unfold(tab):
    tab.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")


def serious_faults(tab, rules):
    """Let axe look for what keeps people from using the page in the tab."""
    from axe_playwright_python.base import AXE_SCRIPT

    if not tab.evaluate("'axe' in window"):
        tab.evaluate(AXE_SCRIPT)
    options = {"resultTypes": ["violations"], "selectors": False, **rules}
    return [
        (v["id"], v["impact"], [node["html"][:150] for node in v["nodes"]][:3])
        for v in tab.evaluate("options => axe.run(options)", options)["violations"]
        if v["impact"] in ("serious", "critical")
    ]


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_whole_without_network_and_nothing_in_it_takes_effect(view, pages, name):
    path = visit(view, pages, name)
    unfold(view)
    images = view.evaluate("[...document.images].map(i => i.naturalWidth)")
    assert all(images), "broken images"
    assert len(images) >= {
        "run/report/02_plain": 2,
        "run/report/index": 2,
        "run/report": 6,
        "comparison/index": 3,
        "sweep/index": 3,
        f"course/grades/{LESSON}/index": 1,
        f"course/feedback/evil/{LESSON}/{LESSON}": 3,
    }.get(name, 0)
    assert [url for url in view.asked if not url.startswith("data:")] == [path.as_uri()]
    assert view.complaints == []
    assert view.evaluate("window.taken") is None
    assert view.title() != "taken"
    assert (
        view.evaluate(
            "document.querySelectorAll('iframe, form, input:not([type=radio][name^=mk-]), object, embed, script, svg').length"
        )
        == 0
    )
    assert view.evaluate("document.styleSheets.length") == 1
    placed = view.evaluate(
        "[...document.querySelectorAll('main *')].filter(e =>"
        " ['fixed', 'sticky'].includes(getComputedStyle(e).position)).length"
    )
    assert placed == 0
    covered = view.evaluate(
        """() => [...document.querySelectorAll('h1, body > nav a, main h2, main p, footer')].filter(e => {
            if (!e.getClientRects().length) return false;
            e.scrollIntoView({block: 'center'});
            const box = e.getClientRects()[0];
            if (!box.width || !box.height) return false;
            const there = document.elementFromPoint(box.left + Math.min(3, box.width / 2), box.top + box.height / 2);
            return !(e === there || e.contains(there) || there?.contains(e));
        }).map(e => e.outerHTML.slice(0, 200))"""
    )
    assert covered == []
    assert view.evaluate("document.documentElement.scrollWidth") <= 1300, "the page itself scrolls sideways"
    for scheme, rules in (("light", {}), ("dark", COLOUR_RULES)):
        view.emulate_media(color_scheme=scheme)
        dark = view.evaluate("getComputedStyle(document.body).backgroundColor") != "rgb(255, 255, 255)"
        assert dark == (scheme == "dark")
        assert serious_faults(view, rules) == [], scheme


def test_what_the_other_tests_look_for_can_be_found(view, tmp_path):
    page = tmp_path / "bad.html"
    page.write_text(
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'"><title>x</title>'
        '<img src="https://example.org/x.png"><script>window.taken = 1</script>'
    )
    view.goto(page.as_uri())
    assert view.complaints
    page.write_text('<title>x</title><img src="https://example.org/x.png"><script>window.taken = 1</script>')
    view.goto(page.as_uri())
    assert any("example.org" in url for url in view.asked)
    assert view.evaluate("window.taken") == 1
    assert view.evaluate("document.images[0].naturalWidth") == 0
    page.write_text('<html lang="en"><title>x</title><img src="x.png"><p style="color: #aaa">Some text.</p>')
    view.goto(page.as_uri())
    assert {fault[0] for fault in serious_faults(view, {})} == {"image-alt", "color-contrast"}
    assert {fault[0] for fault in serious_faults(view, COLOUR_RULES)} == {"color-contrast"}


def test_in_the_dark_only_colours_are_other_ones():
    style = (TEMPLATES / "style.css").read_text()
    (dark,) = re.findall(r"@media \(prefers-color-scheme: dark\) \{\s*:root \{(.*?)\}\s*\}", style, re.S)
    properties = [line.partition(":") for line in dark.split(";") if line.strip()]
    assert properties
    assert all(name.strip().startswith("--") and value.strip()[0] == "#" for name, _, value in properties)
    assert style.count("prefers-color-scheme") == 1


@pytest.mark.parametrize("name", ["run/report/02_plain", "run/report"])
def test_headings_tables_and_folded_code_look_right(view, pages, name):
    visit(view, pages, name)
    size = "s => parseFloat(getComputedStyle(document.querySelector(s)).fontSize)"
    sizes = [view.evaluate(size, selector) for selector in ("h1", "h2", "h3", "main p.facts")]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] > sizes[1]
    table = view.locator("table.dataframe").first
    assert table.evaluate("t => getComputedStyle(t).display") == "table"
    assert not view.locator("style >> nth=1").count()
    left = (
        "t => [...t.querySelectorAll('tr')].map(r => [...r.cells].map(c => c.getBoundingClientRect().right))"
    )
    header, row = table.evaluate(left)
    assert header == pytest.approx(row)
    assert table.locator("td").first.evaluate("c => getComputedStyle(c).color") != "rgb(255, 0, 0)"
    assert view.locator("details.code:not([open])").count() == view.locator("details.code").count() > 0
    assert not view.locator("details.code pre").first.is_visible()


def test_formulas_are_drawn(view, pages):
    visit(view, pages, "run/report/02_plain")
    boxes = view.evaluate(
        "[...document.querySelectorAll('math')].map(m => [getComputedStyle(m).display,"
        " m.getBoundingClientRect().width, m.getBoundingClientRect().height])"
    )
    assert [display for display, _, _ in boxes] == ["math", "block math", "block math"]
    assert all(width > 20 and height > 10 for _, width, height in boxes)
    upper, lower = view.evaluate(
        "[...document.querySelector('mfrac').children].map(c => c.getBoundingClientRect())"
    )
    assert upper["bottom"] <= lower["top"]


@pytest.mark.parametrize(
    "name",
    [
        *("run/report/index", "run/report/02_plain", "comparison/index", "sweep/index"),
        f"course/grades/{LESSON}/index",
    ],
)
def test_the_keyboard_reaches_every_link_fold_and_box(view, pages, name):
    visit(view, pages, name)
    unfold(view)
    wanted = view.evaluate(
        "[...document.querySelectorAll('a[href], summary, [tabindex=\"0\"]')].map((e, i) => e.dataset.n = i)"
    )
    reached = []
    for _ in range(len(wanted) + 5):
        view.keyboard.press("Tab")
        reached.append(view.evaluate("document.activeElement.dataset.n"))
        seen = view.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert reached[-1] is None or seen != "none", "the focus can't be seen"
    assert {str(n) for n in wanted} <= set(reached)


def test_the_skip_link_leads_to_the_content_and_wide_tables_scroll_by_keys(view, pages):
    view.set_viewport_size({"width": 600, "height": 800})
    visit(view, pages, "run/report/02_plain")
    view.keyboard.press("Tab")
    assert view.evaluate("document.activeElement.getBoundingClientRect().left") >= 0
    view.keyboard.press("Enter")
    assert view.evaluate("document.activeElement.id") == "mk-main"
    box = view.locator("div.scroll:has(> table.dataframe)")
    box.focus()
    view.keyboard.press("ArrowRight")
    # Not wait_for_function: it evaluates text in the page, which the page's policy forbids.
    for _ in range(100):
        if box.evaluate("e => e.scrollLeft") > 0:
            break
        view.wait_for_timeout(50)
    assert box.evaluate("e => e.scrollLeft") > 0
    assert view.evaluate("document.documentElement.scrollWidth") <= 600


def test_print_shows_figures_whole_and_hides_what_paper_has_no_use_for(view, pages):
    view.emulate_media(media="print", color_scheme="dark")
    visit(view, pages, "run/report/02_plain")
    assert view.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    for selector in ("nav.menu", "nav.contents", "details.code"):
        assert not view.locator(selector).first.is_visible(), selector
    assert view.locator("img").first.is_visible()
    assert view.locator(".output_png").first.evaluate("e => getComputedStyle(e).breakInside") == "avoid"
    assert view.get_by_text("Because.").is_visible()


def test_print_shows_the_code_of_exercises_and_no_other(view, pages):
    view.emulate_media(media="print")
    visit(view, pages, f"course/feedback/ada/{LESSON}/{LESSON}")
    assert view.locator("details.code.own pre").first.is_visible()
    assert view.locator("details.code:not(.own)").count()
    assert not view.locator("details.code:not(.own)").first.is_visible()
    assert view.get_by_text("Good: 1 < 2").is_visible()


def test_the_pdf_is_printed(pages, tmp_path):
    run = write_run(tmp_path / "run", {"02_plain": (plain_cells(), {})})
    result = CliRunner().invoke(main, ["report", str(run), "--pdf", "--single-file"])
    assert result.exit_code == 0, result.output
    for name in ("report/index.html", "report.html", "report.pdf"):
        assert str(run / name) in result.output
    content = (run / "report.pdf").read_bytes()
    assert content.startswith(b"%PDF")
    assert content.rstrip().endswith(b"%%EOF")
    assert sorted(path.name for path in run.iterdir()) == [
        "02_plain.ipynb",
        "report",
        "report.html",
        "report.pdf",
        "results.json",
    ]


# -- explorers, with scripts switched off --------------------------------------------------------------------------

EXPLORERS = """
import numpy as np
from mnistkit import clustering, plots, widgets
rng = np.random.default_rng(0)
blobs = np.repeat([[0.0, 0], [5, 0], [0, 5]], [10, 20, 30], axis=0) + rng.normal(size=(60, 2))
sweep = clustering.kmeans_sweep(blobs, [1, 2, 3, 5], progress=False)
display(widgets.kmeans_explorer(sweep, blobs, shape=(1, 2), k=2))
display(widgets.kmeans_steps(blobs, [(sweep.labels[3], sweep.centers[3])] * 2))
plots.show(plots.elbow_figure(sweep.table.set_index("k")[["inertia"]], {"inertia": 3}, {5: 3}, title="The elbow"))
"""


@pytest.fixture(scope="module")
def explored_run(tmp_path_factory):
    """Execute a lesson with explorers as a run does, and write its report; give the run's folder."""
    home = tmp_path_factory.mktemp("explored")
    (home / "out").mkdir()
    outcome = execute(task_of(write_lesson(home, "02_k", EXPLORERS), home))
    assert outcome.status == "completed", outcome.failure
    notebook = nbformat.read(home / "out/02_k.ipynb", as_version=4)
    run = write_run(home / "out", {"02_k": (notebook.cells, {})})
    report.write_report(run)
    report.export_report(run, single_file=True)
    return run


@pytest.fixture
def still_tab(browser):
    """Give a tab that runs no script of a page."""
    context = browser.new_context(java_script_enabled=False)
    context.set_offline(True)
    tab = context.new_page()
    tab.asked = []
    tab.on("request", lambda request: tab.asked.append(request.url))
    yield tab
    context.close()


def chosen_of(fieldset):
    """Give of an explorer what is chosen and what can be seen: label, alt text, caption and picture."""
    figure = fieldset.locator("figure:visible")
    assert figure.count() == 1
    image = figure.locator("img")
    assert image.evaluate("i => i.complete && i.naturalWidth > 0")
    return (
        fieldset.locator("label:has(input:checked)").inner_text().strip(),
        image.get_attribute("alt"),
        figure.locator("figcaption").inner_text(),
        image.get_attribute("src"),
    )


@pytest.mark.parametrize("page", ["report/02_k.html", "report.html"])
def test_arrow_keys_choose_among_an_explorers_pictures_without_a_script(still_tab, explored_run, page):
    path = explored_run / page
    still_tab.goto(path.as_uri())
    assert still_tab.evaluate("window.axe === undefined")
    sweep, steps = still_tab.locator("fieldset").all()
    untouched = chosen_of(steps)
    assert untouched[0] == "at a glance"
    while still_tab.evaluate("document.activeElement.type") != "radio":
        still_tab.keyboard.press("Tab")
    seen = [chosen_of(sweep)]
    for _ in range(4):
        still_tab.keyboard.press("ArrowRight")
        seen.append(chosen_of(sweep))
    assert [label for label, *_ in seen] == ["2", "3", "5", "1", "2"]
    for label, alt, caption, _ in seen:
        assert alt == caption
        assert alt.startswith(f"K-means with k = {label}: inertia")
        sizes = re.findall(r"c\d+: (\d+)", alt)
        assert len(sizes) == int(label)
        assert sum(map(int, sizes)) == 60
    assert seen[0] == seen[-1]
    assert len({picture for *_, picture in seen}) == 4
    described = "e => document.getElementById(e.getAttribute('aria-describedby')).alt"
    assert still_tab.locator(":focus").evaluate(described) == seen[-1][1]
    still_tab.keyboard.press("ArrowLeft")
    assert chosen_of(sweep) == seen[3]
    assert chosen_of(steps) == untouched, "each explorer has its own choice"
    steps.get_by_text("1", exact=True).click()
    assert chosen_of(steps)[1].startswith("Step 1 of 2: the centres have moved")
    assert chosen_of(sweep) == seen[3]
    assert [url for url in still_tab.asked if not url.startswith("data:")] == [path.as_uri()]


def test_what_is_shown_for_a_k_is_the_picture_of_that_k(still_tab, explored_run):
    """A picture has one bar for each cluster: they are counted in what the browser shows."""
    still_tab.goto((explored_run / "report/02_k.html").as_uri())
    sweep = still_tab.locator("fieldset").first
    for k in (1, 2, 3, 5):
        sweep.get_by_text(str(k), exact=True).click()
        label, *_, source = chosen_of(sweep)
        picture = np.asarray(
            Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2]))).convert("L"), dtype=int
        )
        floor = picture[455, 576:980]  # just above the axis of the bars, which are grey
        bars = (np.abs(floor - 140) < 6).astype(int)
        assert (np.diff(bars) == 1).sum() == k == int(label)


@pytest.mark.parametrize("size", [(1280, 800), (400, 800)])
def test_figures_and_explorers_fit_the_screen_and_have_no_serious_fault(view, explored_run, size):
    """In a tab with scripts: axe is one, and waits for ever without timers."""
    view.set_viewport_size(dict(zip(("width", "height"), size, strict=True)))
    view.goto((explored_run / "report/02_k.html").as_uri())
    assert view.evaluate("document.documentElement.scrollWidth") <= size[0]
    pictures = view.locator("main img:visible").all()
    assert len(pictures) == 3, "two explorers and a figure"
    for picture in pictures:
        assert picture.bounding_box()["width"] > 700, "its text can be read: in a box that scrolls"
    boxes = view.evaluate(
        "[...document.querySelectorAll('label')].map(l => l.getBoundingClientRect().height)"
    )
    assert min(boxes) >= 24
    view.locator("input:checked").first.focus()
    assert (
        view.evaluate("getComputedStyle(document.activeElement.closest('label')).outlineStyle") == "solid"
    ), "the focus can't be seen"
    for scheme, rules in (("light", {}), ("dark", COLOUR_RULES)):
        view.emulate_media(color_scheme=scheme)
        assert serious_faults(view, rules) == [], scheme
    assert view.complaints == []


def test_print_shows_what_is_chosen_and_no_buttons(view, explored_run):
    view.goto((explored_run / "report/02_k.html").as_uri())
    sweep = view.locator("fieldset").first
    sweep.get_by_text("5", exact=True).click()
    view.emulate_media(media="print")
    assert chosen_of(sweep)[1].startswith("K-means with k = 5")
    assert sweep.locator("label:visible").all_inner_texts() == ["5"]
    assert not sweep.locator("input:visible").count()
