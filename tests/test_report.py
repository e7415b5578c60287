"""Reports: nothing from a notebook takes effect, nothing is asked of the network, everything is said."""

import base64
import io
import re
from html.parser import HTMLParser

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image

from mnistkit.course import CourseError, report
from mnistkit.course.results import write_results

EVIL = {
    "script": "<script>alert(1)</script>",
    "onerror": '<img src="data:image/png;base64,AAAA" onerror="alert(1)">',
    "outside image": '<img src="https://example.org/x.png">',
    "svg image": '<img src="data:image/svg+xml;base64,PHN2Zz48L3N2Zz4=">',
    "javascript link": '<a href="javascript:alert(1)">x</a>',
    "data link": '<a href="data:text/html,<script>alert(1)</script>">x</a>',
    "iframe": '<iframe src="https://example.org"></iframe>',
    "form": '<form action="https://example.org"><input name="x"><button>go</button></form>',
    "style": "<style>body { display: none }</style>",
    "style attribute": '<div style="position: fixed; inset: 0">x</div>',
    "inline svg": "<svg onload='alert(1)'><script>alert(1)</script></svg>",
    "object": '<object data="https://example.org"></object><embed src="https://example.org">',
    "meta": '<meta http-equiv="refresh" content="0; url=https://example.org">',
    "link": '<link rel="stylesheet" href="https://example.org/x.css">',
    "base": '<base href="https://example.org/">',
    "tab in a link": '<a href="da&#9;ta:text/html,<script>alert(1)</script>">x</a>',
    "control character in a link": '<a href="&#1;data:text/html,x">x</a>',
    "capitals in a link": '<a href=" DATA:text/html,x">x</a>',
    "closing tags": "</details></div></main></body><script>alert(1)</script>",
}
EVIL_METADATA = [
    {"image/png": {"width": "1 style=position:fixed;inset:0 onerror=alert(1)", "height": "1><script>"}},
    {"image/png": {"alt": '"><script>alert(1)</script>'}},
    {"filenames": {"image/png": "https://example.org/x.png"}},
    {"image/png": "not a mapping"},
]
ENTRY = {
    "title": "01 · A <lesson>",
    "preset": "lab",
    "status": "completed",
    "kept": False,
    "parameters": {"seed": 42, "name": "<b>"},
    "data": [{"name": "mnist", "source": "folder <x>", "sha256": "a" * 64, "is_standin": False}],
    "records": [],
    "failure": None,
    "seconds": 12.3,
    "peak_memory_bytes": 345_000_000,
    "finished": "2026-01-01T12:34:56+00:00",
    "python": "3.11.1",
    "versions": {"numpy": "2.4.6"},
    "git_commit": "",
}


class Tags(HTMLParser):
    """Collects what a browser would see: tags with attributes, and the text."""

    def __init__(self, markup):
        super().__init__()
        self.seen, self.text = [], ""
        self.feed(markup)

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data

    def all(self, name):
        return [attributes for tag, attributes in self.seen if tag == name]


def png(color=255, size=(700, 500)):
    file = io.BytesIO()
    Image.new("L", size, color).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


def write_run(out, cells, **changes):
    """Write a finished run of one notebook and its report; give the lesson's page and the index."""
    out.mkdir(exist_ok=True)
    nbformat.write(new_notebook(cells=cells), out / "01_a.ipynb")
    machine = {"cores": 2, "memory_bytes": 25_000_000_000, "system": "Linux"}
    results = {
        "schema": 1,
        "started": ENTRY["finished"],
        "machine": machine,
        "notebooks": {"01_a": {**ENTRY, **changes}},
    }
    write_results(out, results)
    index = report.write_report(out)
    page = index.parent / "01_a.html"
    return page.read_text() if page.exists() else "", index.read_text()


def assert_harmless(markup):
    tags = Tags(markup)
    names = {tag for tag, _ in tags.seen}
    forbidden = {"script", "iframe", "form", "input", "button", "object", "embed", "link", "base", "svg"}
    assert not names & forbidden
    assert len(tags.all("style")) == 1  # the report's own
    metas = tags.all("meta")
    assert [m.get("http-equiv") for m in metas if "http-equiv" in m] == ["Content-Security-Policy"]
    for tag, attributes in tags.seen:
        assert not [a for a in attributes if a.startswith("on") or a == "style"], (tag, attributes)
    for image in tags.all("img"):
        assert re.match(r"data:image/(png|jpeg|gif);", image.get("src") or "data:image/png;")
    for link in tags.all("a"):
        address = re.sub(r"[\x00-\x20]", "", link.get("href") or "")
        assert not re.match(r"(javascript|data|vbscript):", address, re.I)


@pytest.mark.parametrize("kind", EVIL)
def test_nothing_of_a_notebook_takes_effect(tmp_path, kind):
    markup = EVIL[kind]
    outputs = [
        new_output("display_data", data={"text/html": markup}),
        new_output("display_data", data={"text/markdown": markup}),
        new_output("display_data", data={"application/javascript": "alert(1)", "text/plain": markup}),
        new_output("display_data", data={"image/svg+xml": "<svg onload='alert(1)'/>", "text/plain": "x"}),
        new_output("display_data", data={"text/latex": markup, "text/plain": markup}),
        new_output("stream", text=markup),
        *(new_output("display_data", data={"image/png": png()}, metadata=m) for m in EVIL_METADATA),
        new_output("display_data", data={"text/html": markup}, metadata={"text/html": {"isolated": True}}),
        new_output("error", ename="E", evalue=markup, traceback=[markup]),
    ]
    metadata = {"tags": ['"><script>alert(1)</script>'], "alt": markup}
    cells = [new_markdown_cell(markup), new_code_cell(f"# {markup}", outputs=outputs, metadata=metadata)]
    failure = {"kind": "error", "cell": markup, "message": markup}
    data = [{**ENTRY["data"][0], "source": markup, "is_standin": True}]
    records = [{"name": "x", "value": markup, "is_standin": False, "reference": None, "report": ""}]
    changes = {"title": markup, "failure": failure, "data": data, "records": records}
    page, index = write_run(tmp_path, cells, **changes)
    assert_harmless(page)
    assert_harmless(index)


def test_a_policy_forbids_scripts_and_the_network_on_every_page(tmp_path):
    for markup in write_run(tmp_path, [new_markdown_cell("# x")]):
        (policy,) = [m["content"] for m in Tags(markup).all("meta") if "http-equiv" in m]
        assert "default-src 'none'" in policy
        assert "script-src" not in policy


def test_what_is_harmless_still_looks_right(tmp_path):
    table = '<div><style scoped>td {color: red}</style><table class="dataframe"><thead><tr><th></th><th>a</th></tr></thead><tbody><tr><th>0</th><td>1</td></tr></tbody></table></div>'
    cells = [
        new_markdown_cell(
            "# Heading\n\n**bold** [link](https://example.org)\n\n| a | b |\n|---|---|\n| 1 | 2 |"
        ),
        new_markdown_cell("<details><summary>Answer</summary>\n\n*Because.*\n\n</details>"),
        new_code_cell("x = 1  # why", outputs=[new_output("display_data", data={"text/html": table})]),
    ]
    page, _ = write_run(tmp_path, cells)
    tags = Tags(page)
    assert {"h1", "strong", "table", "details", "summary", "em", "pre"} <= {tag for tag, _ in tags.seen}
    assert any(a.get("href") == "https://example.org" for a in tags.all("a"))
    assert any(a.get("class") == "dataframe" for a in tags.all("table"))
    assert any(a.get("class") == "code" for a in tags.all("details"))
    assert "color: red" not in page
    assert '<span class="c1"># why</span>' in page


def test_figures_keep_their_alt_text_and_a_live_widget_becomes_its_picture(tmp_path):
    widget = {"application/vnd.jupyter.widget-view+json": {"model_id": "x"}, "image/png": png()}
    outputs = [new_output("display_data", data=widget, metadata={"image/png": {"alt": 'a "slider"'}})]
    page, _ = write_run(tmp_path, [new_code_cell("x", outputs=outputs)])
    (image,) = Tags(page).all("img")
    assert image["alt"] == 'a "slider"'
    assert "model_id" not in page


def test_the_index_shows_the_lessons_own_figure_made_small(tmp_path):
    def figure(color, alt, tags):
        output = new_output(
            "display_data", data={"image/png": png(color)}, metadata={"image/png": {"alt": alt}}
        )
        return new_code_cell("x", outputs=[output], metadata={"tags": tags})

    cells = [figure(0, "first", []), figure(200, "main", ["thumbnail"])]
    _, index = write_run(tmp_path, cells)
    (image,) = Tags(index).all("img")
    assert image["alt"] == "main"
    picture = Image.open(io.BytesIO(base64.b64decode(image["src"].partition(",")[2]))).convert("L")
    assert max(picture.size) == report.THUMBNAIL_PIXELS
    assert picture.getpixel((0, 0)) == 200
    _, index = write_run(tmp_path, cells[:1])
    assert Tags(index).all("img")[0]["alt"] == "first"


def test_a_standin_is_named_on_every_page_and_real_data_is_not_called_one(tmp_path):
    cells = [new_markdown_cell("# x")]
    for markup in write_run(tmp_path, cells):
        assert "stand-in" not in Tags(markup).text.lower()
        assert "folder <x>" in Tags(markup).text
    data = [{**ENTRY["data"][0], "is_standin": True}]
    for markup in write_run(tmp_path, cells, data=data):
        assert "Stand-in data." in Tags(markup).text


def test_facts_records_and_failures_are_shown(tmp_path):
    records = [
        {"name": "purity", "value": 0.51234, "is_standin": True, "reference": 0.8365, "report": "R2"},
        {"name": "k", "value": 3, "is_standin": False, "reference": None, "report": ""},
    ]
    failure = {"kind": "timeout", "cell": "while True: pass", "message": "took too long"}
    page, index = write_run(
        tmp_path, [new_markdown_cell("# x")], records=records, failure=failure, status="failed"
    )
    for text in ("0.5123", "0.8365 (R2)", "purity (stand-in)", "12 s", "345 MB", "failed"):
        assert text in Tags(index).text
    for text in ("while True: pass", "took too long", "timeout", "seed", "42", "2.4.6", "12 s", "345 MB"):
        assert text in Tags(page).text


def test_a_lesson_that_has_not_run_yet_has_a_line_and_no_link(tmp_path):
    entry = {key: ENTRY[key] for key in ("title", "preset", "kept", "parameters", "data", "records")}
    results = {
        "schema": 1,
        "started": ENTRY["finished"],
        "machine": {"cores": 2, "memory_bytes": 1e9, "system": "Linux"},
        "notebooks": {"01_a": {**entry, "status": "waiting"}},
    }
    write_results(tmp_path, results)
    tags = Tags(report.write_report(tmp_path).read_text())
    assert "waiting" in tags.text
    assert not tags.all("a")


def test_a_formula_that_cannot_be_drawn_is_shown_as_text(tmp_path):
    latex = new_output("display_data", data={"text/latex": "$a^2$", "text/plain": "<Latex object>"})
    page, _ = write_run(tmp_path, [new_code_cell("x", outputs=[latex])])
    assert "$a^2$" in Tags(page).text


def test_a_figure_that_is_no_picture_gives_no_thumbnail(tmp_path):
    for content in ("AAAA", "no base64!", base64.b64encode(b"x" * 100).decode()):
        output = new_output("display_data", data={"image/png": content})
        _, index = write_run(tmp_path, [new_code_cell("x", outputs=[output])])
        assert not Tags(index).all("img")


def test_only_the_pages_asked_for_are_written_again(tmp_path):
    write_run(tmp_path, [new_markdown_cell("# x")])
    page = tmp_path / "report" / "01_a.html"
    page.write_text("old")
    report.write_report(tmp_path, pages=())
    assert page.read_text() == "old"
    report.write_report(tmp_path, pages=("01_a",))
    assert page.read_text() != "old"


def test_a_lesson_that_waits_is_not_linked_though_an_earlier_result_is_there(tmp_path):
    write_run(tmp_path, [new_markdown_cell("# x")], status="waiting")
    assert not Tags((tmp_path / "report" / "index.html").read_text()).all("a")


def test_lessons_are_linked_in_order(tmp_path):
    names = ["01_a", "02_b", "03_c"]
    assert report._links("02_b", names) == [
        ("All lessons", "index.html"),
        ("← 01_a", "01_a.html"),
        ("03_c →", "03_c.html"),
    ]
    assert [target for _, target in report._links("01_a", names)] == ["index.html", "02_b.html"]
    assert [target for _, target in report._links("03_c", names)] == ["index.html", "02_b.html"]


def test_a_folder_without_a_run_is_refused(tmp_path):
    with pytest.raises(CourseError, match="no results"):
        report.write_report(tmp_path)
