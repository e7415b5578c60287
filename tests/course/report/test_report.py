"""Reports: nothing from a notebook takes effect, nothing is asked of the network, everything is said."""

import base64
import html
import io
import re
import time
from concurrent.futures import Future
from itertools import pairwise
from pathlib import Path

import nbformat
import pytest
from bs4 import BeautifulSoup
from click.testing import CliRunner
from course_helpers import write_course, write_lesson
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output
from PIL import Image
from report_helpers import (
    ENTRY,
    EVIL,
    FORMULA,
    TABLE,
    Tags,
    assert_harmless,
    evil_cells,
    evil_entry,
    figure_cell,
    shown,
    write_run,
)

from mnistkit.cli import main
from mnistkit.course import report
from mnistkit.course.lessons import find, find_folder
from mnistkit.course.report.html.glossary import explain_words
from mnistkit.course.report.html.images import THUMBNAIL_PIXELS
from mnistkit.course.report.html.math import latex_output, markdown_to_html, mathml
from mnistkit.course.report.pages import site
from mnistkit.course.report.pages.lesson import lesson_content
from mnistkit.course.report.pages.reproduction import Reproduced
from mnistkit.course.running.delivery import Delivery
from mnistkit.course.running.execute import Outcome, prepare_notebook
from mnistkit.course.running.jobs import JobMaker
from mnistkit.course.running.runner import run
from mnistkit.errors import UserError
from mnistkit.grading.exercises import check_release
from mnistkit.lesson import FINDING_MIME
from mnistkit.records import RECORD_MIME


def write(out, cells, **changes):
    """Write a finished run of one notebook and its report; give the lesson's page and the index."""
    index = report.write_report(write_run(out, {"01_a": (cells, changes)}))
    return (index.parent / "01_a.html").read_text(), index.read_text()


@pytest.mark.slow
@pytest.mark.parametrize("kind", EVIL)
def test_nothing_of_a_notebook_takes_effect(tmp_path, kind):
    write(tmp_path, evil_cells(EVIL[kind]), **evil_entry(EVIL[kind]))
    pages = sorted((tmp_path / "report").glob("*.html"))
    assert len(pages) == 4
    for page in [*pages, report.export_report(tmp_path, single_file=True)[0]]:
        assert_harmless(page.read_text())


def test_a_policy_forbids_scripts_and_the_network_on_every_page(tmp_path):
    write(tmp_path, [new_markdown_cell("# x")])
    for page in [*(tmp_path / "report").glob("*.html"), report.export_report(tmp_path, single_file=True)[0]]:
        (policy,) = [m["content"] for m in Tags(page.read_text()).all("meta") if "http-equiv" in m]
        assert "default-src 'none'" in policy
        assert "script-src" not in policy


def test_what_is_harmless_still_looks_right(tmp_path):
    cells = [
        new_markdown_cell(
            "# Heading\n\n**bold** [link](https://example.org)\n\n| a | b |\n|---|---|\n| 1 | 2 |"
        ),
        new_markdown_cell("<details><summary>Answer</summary>\n\n*Because.*\n\n</details>"),
        new_code_cell("x = 1  # why", outputs=[shown({"text/html": TABLE})]),
    ]
    page, _ = write(tmp_path, cells)
    tags = Tags(page)
    assert {"h1", "h2", "strong", "table", "details", "summary", "em", "pre"} <= {tag for tag, _ in tags.seen}
    assert any(a.get("href") == "https://example.org" for a in tags.all("a"))
    assert any(a.get("class") == "dataframe" for a in tags.all("table"))
    assert any(a.get("class") == "code" for a in tags.all("details"))
    assert "color: red" not in page
    assert '<span class="c1"># why</span>' in page


def test_tables_say_what_their_headers_are_for_and_scroll_by_keyboard(tmp_path):
    page, _ = write(tmp_path, [new_code_cell("x", outputs=[shown({"text/html": TABLE})])])
    cells = page[page.index('<div class="cells">') :]
    assert re.search(r'<th scope="col">column_number_1</th>', cells)
    assert re.search(r'<th scope="row">row</th>', cells)
    assert not re.search(r"<th[^>]*></th>", cells)
    assert re.search(r'<div [^>]*tabindex="0"[^>]*><table class="dataframe">', cells)
    assert re.search(r'<details class="code">.*<div [^>]*tabindex="0"[^>]*><pre>', cells, re.S)


def test_a_notebook_cannot_make_its_own_text_reachable_or_named_by_marks_of_ours(tmp_path):
    markup = '<div tabindex="0" role="group" aria-label="Table">x</div><p id="mk-main">y</p>'
    page, _ = write(tmp_path, [new_markdown_cell(markup)])
    cells = page[page.index('<div class="cells">') :]
    assert "tabindex" not in cells
    assert "mk-main" not in cells


def test_figures_keep_their_alt_text_and_a_live_widget_becomes_its_picture(tmp_path):
    cell = figure_cell(alt='a "slider"')
    cell.outputs[0].data["application/vnd.jupyter.widget-view+json"] = {"model_id": "x"}
    page, _ = write(tmp_path, [cell, figure_cell(), new_markdown_cell("![](https://example.org/x.png)")])
    described, plain = Tags(page).all("img")
    assert described["alt"] == 'a "slider"'
    assert plain["alt"] == "Figure without description"
    assert "model_id" not in page
    assert "[picture not shown: not in the notebook, or damaged]" in Tags(page).text


def test_the_index_shows_the_lessons_own_figure_made_small(tmp_path):
    cells = [figure_cell(0, "first"), figure_cell(200, "main", ["thumbnail"])]
    _, index = write(tmp_path, cells)
    (image,) = Tags(index).all("img")
    assert image["alt"] == "main"
    picture = Image.open(io.BytesIO(base64.b64decode(image["src"].partition(",")[2]))).convert("L")
    assert max(picture.size) == THUMBNAIL_PIXELS
    assert picture.getpixel((0, 0)) == 200
    _, index = write(tmp_path, cells[:1])
    assert Tags(index).all("img")[0]["alt"] == "first"


def test_a_standin_is_named_on_every_page_and_real_data_is_not_called_one(tmp_path):
    cells = [new_markdown_cell("# x")]
    for markup in write(tmp_path, cells):
        assert "stand-in" not in Tags(markup).text.lower()
        assert "folder <x>" in Tags(markup).text
    data = [{**ENTRY["data"][0], "is_standin": True}]
    for markup in write(tmp_path, cells, data=data):
        assert "Stand-in data." in Tags(markup).text
    assert "mnist (stand-in)" in Tags((tmp_path / "report/provenance.html").read_text()).text


def test_facts_records_and_failures_are_shown(tmp_path):
    records = [
        {"name": "purity", "value": 0.51234, "is_standin": True, "reference": 0.8365, "report": "R2"}
        | {"differs": "300 of 4,800 images"},
        {"name": "k", "value": 3, "is_standin": False, "reference": None, "report": ""},
    ]
    failure = {"kind": "timeout", "cell": "while True: pass", "message": "took too long"}
    slowest = [{"cell": "fit-all", "seconds": 7.25, "peak_memory_bytes": 321_000_000}]
    page, index = write(
        tmp_path,
        [new_markdown_cell("# x")],
        records=records,
        failure=failure,
        status="failed",
        slowest_cells=slowest,
    )
    for text in (
        "0.5123",
        "0.8365 (R2)",
        "not comparable: 300 of 4,800 images",
        "purity (stand-in)",
        "12 s",
        "345 MB",
        "failed",
        "seed",
    ):
        assert text in Tags(index).text
    for text in ("while True: pass", "took too long", "timeout", "seed", "42", "2.4.6", "12 s", "345 MB"):
        assert text in Tags(page).text
    assert re.search(r'href="#cell-id=fit-all">fit-all</a></th><td>7\.\d s</td><td>321 MB</td>', page)


def test_the_first_page_has_the_first_of_a_lessons_last_sentences(tmp_path):
    said = [("A section's <b> finding.", False), ("The answer <b>.", True), ("Another sentence.", True)]
    outputs = [
        new_output("display_data", {FINDING_MIME: [{"text": text, "is_conclusion": last}]})
        for text, last in said
    ]
    _, index = write(tmp_path, [new_code_cell("...", outputs=outputs)])
    text = Tags(index).text
    assert "The answer <b>." in text
    assert not any(other in text for other in ("finding.", "Another sentence."))


def test_the_course_map_names_the_lesson_whose_model_is_used(tmp_path):
    lessons = {
        "03_a": ([new_markdown_cell("# x")], {"title": "03 · Nets"}),
        "04_b": (
            [new_markdown_cell("# x")],
            {"title": "04 · Layers", "after": {"03_a": "f" * 64, "99_gone": "f"}},
        ),
    }
    text = Tags(report.write_report(write_run(tmp_path, lessons)).read_text()).text
    assert "uses the model of 03 · Nets" in " ".join(text.split())
    assert text.count("uses the model") == 1


@pytest.mark.parametrize("status", ["waiting", "interrupted"])
def test_a_lesson_that_has_not_ended_has_a_short_page_and_links_stay_whole(tmp_path, status):
    lessons = {
        "01_a": ([new_markdown_cell("# x")], {}),
        # What an earlier run has left there is not shown.
        "02_b": ([new_markdown_cell("# old text")], {"status": status, "title": "02 · B"}),
        "03_c": (None, {"status": "waiting", "title": "03 · C"}),
    }
    report.write_report(write_run(tmp_path, lessons))
    pages = {path.name: path.read_text() for path in (tmp_path / "report").glob("*.html")}
    assert "old text" not in pages["02_b.html"]
    assert status in Tags(pages["02_b.html"]).text
    for name, markup in pages.items():
        ids = {a["id"] for _, a in Tags(markup).seen if "id" in a}
        for link in Tags(markup).all("a"):
            target = link["href"]
            assert target[1:] in ids if target.startswith("#") else target in pages, (name, target)


def test_a_lesson_that_failed_before_its_first_cell_says_why(tmp_path):
    failure = {"kind": "error", "cell": "", "message": "no kernel"}
    write_run(tmp_path, {"01_a": (None, {"status": "failed", "failure": failure})})
    report.write_report(tmp_path)
    assert "no kernel" in Tags((tmp_path / "report/01_a.html").read_text()).text


def test_lessons_are_linked_in_order_by_their_titles_above_and_below(tmp_path):
    titles = {"01_a": "01 · A", "02_b": "02 · B", "03_c": "03 · C"}
    lessons = {name: ([new_markdown_cell("x")], {"title": title}) for name, title in titles.items()}
    report.write_report(write_run(tmp_path, lessons))
    found = {
        name: re.findall(
            r'<a rel="(prev|next)" href="(\w+)\.html">', (tmp_path / f"report/{name}.html").read_text()
        )
        for name in titles
    }
    assert found == {
        "01_a": [("next", "02_b")] * 2,
        "02_b": [("prev", "01_a"), ("next", "03_c")] * 2,
        "03_c": [("prev", "02_b")] * 2,
    }
    assert "01 · A" in Tags((tmp_path / "report/02_b.html").read_text()).text


def test_the_contents_list_the_headings_of_the_text(tmp_path):
    cells = [
        new_markdown_cell("# 01 · A <lesson>\n\n## One\n\n### Part\n\n## One"),
        new_markdown_cell("# Another title"),
        new_code_cell("x", outputs=[shown({"text/html": '<h2 id="not">Not in the list</h2>'})]),
    ]
    page, _ = write(tmp_path, cells)
    contents = re.search(r'<nav class="contents".*?</nav>', page, re.S)[0]
    links = re.findall(r'class="level-(\d)"><a href="#([^"]+)">([^<]+)<', contents)
    assert links == [
        ("2", "One", "One"),
        ("3", "Part", "Part"),
        ("2", "One-2", "One"),
        ("2", "Another-title", "Another title"),
    ]
    assert len(Tags(page).all("h1")) == 1


def test_links_between_notebooks_go_to_their_pages_and_dead_ones_are_text(tmp_path):
    text = "[b](02_b.ipynb) [c](02_b.ipynb#x) [gone](notes.txt) [none](#nowhere) [here](#Head)\n\n## Head"
    lessons = {"01_a": ([new_markdown_cell(text)], {}), "02_b": ([new_markdown_cell("x")], {})}
    report.write_report(write_run(tmp_path, lessons))
    page = (tmp_path / "report/01_a.html").read_text()
    cells = Tags(page[page.index('<div class="cells">') : page.index("</main>")])
    assert [a.get("href") for a in cells.all("a")] == ["02_b.html", "02_b.html", None, None, "#Head"]


def test_words_of_the_glossary_are_explained_on_the_page_that_links_to_them(tmp_path):
    links = ["Learning-rate", "Grad-CAM", "Learning-rate", "no-such-word", "Data"]
    text = " ".join(f"[x](../docs/glossary.md#{word})" for word in links)
    run = write_run(tmp_path, {"01_a": ([new_markdown_cell(text)], {})})
    report.write_report(run)
    report.export_report(run, single_file=True)
    for file, mine in (("report/01_a.html", ""), ("report.html", "mk-01_a-")):
        page = BeautifulSoup((run / file).read_text(), "html.parser")
        rate, cam = f"#{mine}mk-word-Learning-rate", f"#{mine}mk-word-Grad-CAM"
        assert [a.get("href") for a in page.select(".text_cell a")] == [rate, cam, rate, None, None]
        explained = page.select_one("section.words")
        assert [word["id"] for word in explained.select("[id]")] == [rate[1:], cam[1:]]
        assert "How large the steps of training are" in explained.get_text()


def test_a_course_of_ones_own_has_its_own_words(tmp_path, monkeypatch):
    monkeypatch.setenv("MNISTKIT_NOTEBOOKS", str(write_course(tmp_path)))
    linked = "[k](../docs/glossary.md#k) [rate](../docs/glossary.md#Learning-rate)"
    for words in ("## k\nHow many groups.\n", "## k\nHow many groups there are.\n"):
        (tmp_path / "docs").mkdir(exist_ok=True)
        (tmp_path / "docs" / "glossary.md").write_text(words)
        soup = BeautifulSoup(markdown_to_html({}, linked), "html.parser")
        explain_words(soup)
        (section,) = soup.select("section.words")
        assert section.get_text(" ", strip=True) == f"Words k {words[5:].strip()}"


def test_formulas_become_mathml(tmp_path):
    latex = shown({"text/latex": "$$a^2$$", "text/plain": "<Latex object>"})
    page, _ = write(tmp_path, [new_markdown_cell(FORMULA), new_code_cell("x", outputs=[latex])])
    tags = Tags(page)
    assert [m["display"] for m in tags.all("math")] == ["inline", "block", "block"]
    assert {"mfrac", "msubsup", "msup", "mover"} <= {tag for tag, _ in tags.seen}
    assert "$" not in tags.text


@pytest.mark.parametrize(
    "latex",
    [
        r"\frac{",
        r"\unknowncommand{x}",
        r"\newcommand{\a}{\a\a}\a",
        r"\def\a{\b\b}\def\b{\c\c}\a",
        # Each macro is the next one twice: a million letters in the end.
        "".join(rf"\newcommand{{\{a}}}{{\{b}\{b}}}" for a, b in pairwise("abcdefghijklmnopqrst")) + r"\a",
        "x" * 5000,
        "{" * 3000,
    ],
)
def test_a_formula_that_is_not_understood_is_shown_as_its_source(latex):
    start = time.process_time()
    markup = mathml(latex, block=False)
    assert time.process_time() - start < 5
    assert markup.startswith("<code")
    assert Tags(markup).text == latex.strip()


def test_text_in_formulas_stays_text():
    assert Tags(mathml(r"a < b \text{ <b> & }", block=False)).text == "a<b\xa0<b>\xa0&\xa0"
    assert "columnalign" in mathml(r"\begin{aligned} a &= b \\ c &= d \end{aligned}", block=True)
    assert latex_output("two $a$ and $b$").startswith("<code>")
    assert 'display="inline"' in latex_output(" $a$ ")


def test_a_figure_that_is_no_picture_is_left_out(tmp_path):
    for content in ("AAAA", "no base64!", base64.b64encode(b"x" * 100).decode()):
        output = new_output("display_data", data={"image/png": content})
        for markup in write(tmp_path, [new_code_cell("x", outputs=[output])]):
            assert not Tags(markup).all("img")


@pytest.mark.slow
def test_pages_are_written_again_when_asked_for_or_out_of_date(tmp_path):
    write(tmp_path, [new_markdown_cell("# x")])
    page = tmp_path / "report" / "01_a.html"
    page.write_text(page.read_text() + "<!-- old -->")
    report.write_report(tmp_path, pages=())
    assert page.read_text().endswith("<!-- old -->")
    report.write_report(tmp_path, pages=("01_a",))
    assert "<!-- old -->" not in page.read_text()
    for change in ({"status": "waiting"}, {"status": "completed"}, {"title": "new"}, {"seconds": 99.0}):
        write_run(tmp_path, {"01_a": ([new_markdown_cell("# x")], change)})
        before = page.read_text()
        report.write_report(tmp_path, pages=())
        assert page.read_text() != before, change
    page.unlink()
    report.write_report(tmp_path, pages=())
    assert page.exists()


class Preparing:
    """An executor that writes notebooks as they would be executed, and starts no kernel."""

    slots, threads, asked, shares_files = 1, 1, None, True

    def submit(self, function, task):
        prepare_notebook(task)
        done = Future()
        done.set_result(Delivery(Outcome("completed", 1.0, 1)))
        return done

    def progress(self, futures):
        return 0


def test_a_run_parses_each_executed_notebook_once_and_makes_each_page_once(tmp_path, monkeypatch):
    course, parsed, made = write_course(tmp_path), [], []
    for name in ("01_a", "02_b", "03_c"):
        write_lesson(course, name)
    plans = JobMaker().make(find(course), {lesson.name: {"k_max": 7} for lesson in find(course)})
    real_reads, real_content = nbformat.reads, site.lesson_content

    def counting_reads(text, *args, **options):
        if "injected-parameters" in text:
            parsed.append(re.search(r"Title of (\w+)", text)[1])
        return real_reads(text, *args, **options)

    def counting_content(notebook, entry, *args, **options):
        made.append(entry["title"])
        return real_content(notebook, entry, *args, **options)

    monkeypatch.setattr(nbformat, "reads", counting_reads)
    monkeypatch.setattr(site, "lesson_content", counting_content)
    options = {"executor": Preparing(), "progress": False, "say": lambda line: None}
    assert run(plans, tmp_path / "run", preset="lab", report=report.write_report, **options)
    assert parsed == ["01_a", "02_b", "03_c"]
    assert made == [f"Title of {name}" for name in parsed]
    changed = tmp_path / "run" / "02_b.ipynb"
    changed.write_text(changed.read_text().replace("Title of 02_b", "Title of 02_c"))
    report.write_report(tmp_path / "run", pages=())
    assert parsed[3:] == ["02_c"], "a card that is out of date is read again, and no other"


ROWS = [
    Reproduced("a", "01_a", "R0", "What a is", 0.9, 0.01, 0.905, 0.005, "reached", ""),
    Reproduced("b", "01_a", "R3", "What <b> is", 0.9, 0.01, 0.8, -0.1, "missed", ""),
    Reproduced("c", "", "R3", "What c is", 0.9, 0.01, None, None, "not run", "no lesson does it"),
    Reproduced("n", "01_a", "R3", "How many n there are", 10, 0, 10, 0, "reached", ""),
    Reproduced("d", "09_x", "R3", "What d is", 0.9, 0.01, 0.7, -0.2, "not comparable", "stand-in data"),
]


def test_the_reproduction_table_says_what_was_reached_in_words(tmp_path, monkeypatch):
    monkeypatch.setattr(site, "reproduce", lambda results: ROWS)
    _, index = write(tmp_path, [new_markdown_cell("x")])
    sentence = "Results of the source reports: 2 of 4 comparable, 1 reached. "
    sentence += "Parameters, sizes and counts: 1 of 1 equal."
    assert sentence in Tags(index).text
    page = (tmp_path / "report" / "reproduction.html").read_text()
    text = " ".join(Tags(page).text.split())
    for words in (sentence, "✓ reached", "✗ missed", "not runno lesson", "not comparablestand-in", "−0.1"):
        assert words in text.replace("◌ ", "").replace("– ", ""), words
    assert "What <b> is" in text
    assert {a.get("href") for a in Tags(page).all("a")} >= {"01_a.html", "#mk-R0", "#mk-R3"}
    assert "09_x.html" not in page


def test_without_figures_of_reports_the_index_says_nothing_about_them(tmp_path, monkeypatch):
    monkeypatch.setattr(site, "reproduce", lambda results: [])
    _, index = write(tmp_path, [new_markdown_cell("x")])
    assert "figures of the source reports" not in index
    assert "No figure of a source report" in (tmp_path / "report" / "reproduction.html").read_text()


def test_provenance_says_once_what_is_the_same(tmp_path):
    cells = [new_markdown_cell("x")]
    hashes = {"notebook_sha256": "c" * 64, "fingerprint": "d" * 64}
    lessons = {
        "01_a": (cells, {"versions": {"numpy": "1.5", "scipy": "3.5"}, "git_commit": "b" * 40, **hashes}),
        "02_b": (cells, {"versions": {"numpy": "1.5", "scipy": "4.5"}}),
        "03_c": (None, {"status": "waiting"}),
    }
    del lessons["03_c"][1]["status"]
    write_run(tmp_path, lessons)
    page = (report.write_report(tmp_path).parent / "provenance.html").read_text()
    text = Tags(page).text
    assert [text.count(version) for version in ("1.5", "3.5", "4.5")] == [1, 1, 1]
    for words in ("b" * 40, "c" * 64, "d" * 64, "a" * 64, "not recorded", "25 GB", "Linux", "3.11.1"):
        assert words in text, words
    write_run(tmp_path, lessons, lock_sha256="e" * 64)
    report.write_report(tmp_path)
    assert "e" * 64 in (tmp_path / "report" / "provenance.html").read_text()


def test_one_file_has_all_pages_and_every_link_leads_somewhere_in_it(tmp_path):
    text = "## Head\n\n[b](02_b.ipynb) [here](#Head)"
    lessons = {name: ([new_markdown_cell(text), figure_cell()], {}) for name in ("01_a", "02_b")}
    write_run(tmp_path, lessons)
    markup = report.export_report(tmp_path, single_file=True)[0].read_text()
    assert_harmless(markup)
    tags = Tags(markup)
    ids = {attributes["id"] for _, attributes in tags.seen if "id" in attributes}
    links = [a["href"] for a in tags.all("a")]
    assert {"#mk-01_a", "#mk-02_b", "#mk-reproduction", "#mk-provenance", "#mk-02_b-Head"} <= set(links)
    assert not [link for link in links if link[1:] not in ids]
    assert tags.text.count("What this run was made with") >= 1
    assert len(tags.all("img")) == 4


def test_a_pdf_without_a_browser_says_what_was_looked_for(tmp_path, monkeypatch):
    write_run(tmp_path, {"01_a": ([new_markdown_cell("x")], {})})
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("mnistkit.course.report.export._BROWSERS", ("chromium", "google-chrome"))
    with pytest.raises(UserError, match=r"none of chromium, google-chrome.*\n.*\n.*apt install chromium"):
        report.export_report(tmp_path, pdf=True)


@pytest.mark.skipif(not Path("/bin/sh").exists(), reason="the pretended browser is a shell script")
def test_a_browser_that_prints_nothing_leaves_the_earlier_pdf(tmp_path, monkeypatch):
    write_run(tmp_path / "run", {"01_a": ([new_markdown_cell("x")], {})})
    browser = tmp_path / "browser"
    browser.write_text("#!/bin/sh\necho 'no display' >&2\nexit 3\n")
    browser.chmod(0o755)
    monkeypatch.setattr("mnistkit.course.report.export._BROWSERS", (str(browser),))
    (tmp_path / "run" / "report.pdf").write_text("earlier")
    with pytest.raises(UserError, match="it said: no display"):
        report.export_report(tmp_path / "run", pdf=True)
    assert (tmp_path / "run" / "report.pdf").read_text() == "earlier"
    assert not list((tmp_path / "run").glob("printing-*"))


def test_the_command_for_a_folder_without_a_run_says_so(tmp_path):
    result = CliRunner().invoke(main, ["report", str(tmp_path)])
    assert result.exit_code == 1
    assert "expected: the folder of a run" in result.output
    assert not list(tmp_path.glob("report*"))


def test_a_folder_without_a_run_is_refused(tmp_path):
    for write_it in (report.write_report, report.export_report):
        with pytest.raises(UserError, match="no results"):
            write_it(tmp_path)


def test_large_pictures_are_stored_with_fewer_bytes_in_one_file(tmp_path):
    noise = Image.effect_noise((300, 300), 80).convert("RGB")
    noise.putpixel((0, 0), (255, 0, 0))
    file = io.BytesIO()
    noise.save(file, "PNG", compress_level=0)
    output = shown({"image/png": base64.b64encode(file.getvalue()).decode()})
    page, _ = write(tmp_path, [new_code_cell("x", outputs=[output])])
    whole = report.export_report(tmp_path, single_file=True)[0].read_text()
    pictures = [Tags(markup).all("img")[-1]["src"] for markup in (page, whole)]
    assert len(pictures[1]) < 0.6 * len(pictures[0])
    small = Image.open(io.BytesIO(base64.b64decode(pictures[1].partition(",")[2])))
    assert small.size == (300, 300)


def test_what_is_for_the_run_or_for_who_waits_is_not_shown_to_readers(tmp_path):
    claim = shown({"text/markdown": "**This run does not show it:** more is better", "text/plain": "x"})
    recorded = shown({RECORD_MIME: {"name": "purity"}, "text/plain": "recorded: purity = 0.5"})
    bar = "\rk:   0%|          | 0/14 [00:00<?, ?it/s]\rk: 100%|#####| 14/14 [00:02<00:00,  5.6it/s]\n"
    cells = [
        new_code_cell("check(more > less)", outputs=[claim, recorded], metadata={"tags": ["check"]}),
        new_code_cell(
            "fit()",
            outputs=[new_output("stream", text=bar), new_output("stream", text=f"{bar}0.25 | 50%|\n")],
        ),
    ]
    page, _ = write(tmp_path, cells)
    text = html.unescape(re.sub("<[^>]*>", "", page.split("<main")[1]))
    assert "check(" not in text
    assert "recorded" not in text
    assert "it/s" not in text
    assert "This run does not show it: more is better" in text
    assert "fit()" in text
    assert "0.25 | 50%|" in text, "what only looks a little like a bar"


LESSONS = find(find_folder())


@pytest.mark.slow
@pytest.mark.parametrize("lesson", LESSONS, ids=[lesson.name for lesson in LESSONS])
def test_no_line_of_a_solution_or_hidden_check_is_in_a_report(lesson):
    notebook = nbformat.reads(lesson.text, as_version=4)
    for with_solutions in (False, True):
        page, _ = lesson_content(notebook, {**ENTRY, "title": lesson.title}, with_solutions=with_solutions)
        released = {"the report": Tags(page).text}
        if with_solutions:
            with pytest.raises(UserError):
                check_release([lesson], released)
        else:
            check_release([lesson], released)


def test_a_traceback_shows_no_line_of_a_solution(tmp_path):
    marks = {"nbgrader": {"solution": True, "grade": False, "grade_id": "a"}}
    solved = new_code_cell(
        "def f(x):\n    ### BEGIN SOLUTION\n    return secret(x)\n    ### END SOLUTION", metadata=marks
    )
    trace = [
        "\x1b[31mNameError\x1b[39m",
        "      1 f(1)\n----> 3 \x1b[38mreturn\x1b[39m secret(x)",
        "NameError: s",
    ]
    called = new_code_cell(
        "f(1)", outputs=[new_output("error", ename="NameError", evalue="s", traceback=trace)]
    )
    failure = {
        "kind": "error",
        "cell": solved.source,
        "message": "----> 3     return secret(x)\nNameError: s",
    }
    page, _ = write(tmp_path, [solved, called], status="failed", failure=failure)
    text = Tags(page).text
    assert "secret(x)" not in text
    assert text.count("NameError: s") == 2
    assert "1 f(1)" in text


def test_what_is_no_mark_of_nbgraders_is_passed_over(tmp_path):
    page, _ = write(tmp_path, [new_code_cell("x = 1", metadata={"nbgrader": "text"})])
    assert "x = 1" in Tags(page).text.replace("\xa0", " ")


def test_the_command_shows_solutions_only_where_it_is_asked_to(tmp_path):
    marks = {"nbgrader": {"solution": True, "grade": False, "grade_id": "a"}}
    write_run(tmp_path, {"01_a": ([new_code_cell("secret = 1", metadata=marks)], {})})
    page = tmp_path / "report" / "01_a.html"
    for options, there in ((["--with-solutions", "--single-file"], True), (["--single-file"], False)):
        result = CliRunner().invoke(main, ["report", str(tmp_path), *options])
        assert result.exit_code == 0, result.output
        for path in (page, tmp_path / "report.html"):
            assert ("secret" in Tags(path.read_text()).text) == there
