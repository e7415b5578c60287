"""Runs made for the tests of reports and comparisons, and what must not take effect in them."""

import base64
import io
import re
from html.parser import HTMLParser

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image

from mnistkit.course.running.results import write_results
from mnistkit.records.states import State, States, states_output

_DO = "document.title = window.taken = 'taken'"
EVIL = {
    "script": f"<script>{_DO}</script>",
    "onerror": f'<img src="data:image/png;base64,AAAA" onerror="{_DO}">',
    "outside image": '<img src="https://example.org/x.png">',
    "svg image": '<img src="data:image/svg+xml;base64,PHN2Zz48L3N2Zz4=">',
    "javascript link": f'<a href="javascript:{_DO}">x</a>',
    "data link": f'<a href="data:text/html,<script>{_DO}</script>">x</a>',
    "iframe": '<iframe src="https://example.org"></iframe>',
    "form": '<form action="https://example.org"><input name="x" autofocus><button>go</button></form>',
    "style": "<style>body { display: none } main { position: fixed; left: -9999px }</style>",
    "style attribute": '<div style="position: fixed; inset: 0; background: red; z-index: 99">x</div>',
    "classes of the frame": '<a class="skip" href="#x">x</a><nav class="contents menu steps">x</nav>',
    "ids of the frame": '<p id="mk-main">x</p><p id="mk-map">x</p>',
    "inline svg": f"<svg onload='alert(1)'><script>{_DO}</script><style>*{{display:none}}</style></svg>",
    "object": '<object data="https://example.org"></object><embed src="https://example.org">',
    "meta": '<meta http-equiv="refresh" content="0; url=https://example.org">',
    "link": '<link rel="stylesheet" href="https://example.org/x.css">',
    "base": '<base href="https://example.org/">',
    "tab in a link": f'<a href="da&#9;ta:text/html,<script>{_DO}</script>">x</a>',
    "control character in a link": '<a href="&#1;data:text/html,x">x</a>',
    "capitals in a link": '<a href=" DATA:text/html,x">x</a>',
    "closing tags": f"</details></div></main></body></html><script>{_DO}</script>",
    "open comment and raw text": f'<!-- <title><textarea><noscript></noscript><img src=x onerror="{_DO}">',
    "math link": f'<math><mrow href="javascript:{_DO}" xlink:href="javascript:{_DO}"><mi>x</mi></mrow></math>',
    "math action": f'<math><maction actiontype="statusline"><mi onclick="{_DO}">x</mi></maction></math>',
    "math with HTML in it": f'<math><mtext><img src="x" onerror="{_DO}"></mtext><annotation-xml encoding="text/html"><script>{_DO}</script></annotation-xml></math>',
    "math mutation": f'<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror={_DO}&gt;">',
    "math style": '<math style="position: fixed; inset: 0"><mi mathbackground="red" mathsize="999px">x</mi></math>',
    "math that covers": '<math><mspace width="-900px"/><mo minsize="9000px" stretchy="true">|</mo><mspace width="99em" height="99em"/></math>',
    "formula with tags": rf"$\text{{<script>{_DO}</script><img src=x onerror='{_DO}'>}}$",
    "formula with a link": rf"$\href{{javascript:{_DO}}}{{x}}$ $$\style{{position:fixed;inset:0}}{{x}}$$ $\class{{skip}}{{x}}$",
    "formula that covers": r"$$\hspace{-900em} \rule{900em}{900em} \Huge x$$",
    "formula without end": r"$$\def\a{\b\b}\def\b{\c\c}\def\c{\a\a}\a$$ $\frac{$ $\begin{matrix} x$",
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
FORMULA = (
    r"The mean is $\bar{x} = \frac{1}{n} \sum_{i=1}^{n} x_i$." + "\n\n" + r"$$\int_0^1 x^2 \, dx = \frac13$$"
)
TABLE = (
    '<div><style scoped>td {color: red}</style><table class="dataframe"><thead><tr><th></th>'
    + "".join(f"<th>column_number_{i}</th>" for i in range(12))
    + "</tr></thead><tbody><tr><th>row</th>"
    + "".join(f"<td>{i}.25</td>" for i in range(12))
    + "</tr></tbody></table></div>"
)


class Tags(HTMLParser):
    """Collects what a browser would see: tags with attributes, and the text."""

    def __init__(self, markup):
        super().__init__()
        self.seen, self.text = [], ""
        self._style = False
        self.feed(markup)

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))
        self._style = tag == "style"

    def handle_endtag(self, tag):
        self._style = False

    def handle_data(self, data):
        self.text += "" if self._style else data

    def all(self, name):
        return [attributes for tag, attributes in self.seen if tag == name]


def png(color=255, size=(700, 500)):
    file = io.BytesIO()
    Image.new("L", size, color).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


def shown(data, **metadata):
    return new_output("display_data", data=data, metadata=metadata)


def figure_cell(color=255, alt="", tags=(), cell_id=None):
    cell = new_code_cell("x", metadata={"tags": list(tags)})
    cell.outputs = [shown({"image/png": png(color)}, **{"image/png": {"alt": alt}})]
    if cell_id:
        cell.id = cell_id
    return cell


def explored(states, still=None):
    """Make the output of an explorer in a run: the picture that stands for it, and its states."""
    still = still or states.states[states.chosen].picture
    return shown({"image/png": still, "text/plain": "x", **states_output(states)})


def states_of(text="words", colors=(10, 120, 250), chosen=1):
    """Make states: a grey of its own, a label and a sentence each."""
    made = (State(f"{text[:50]} {n}", png(color, (30, 20)), f"{text} {n}") for n, color in enumerate(colors))
    return States(text[:60], tuple(made), chosen)


def evil_cells(markup):
    """Put a text wherever a notebook can have one."""
    outputs = [
        shown({"text/html": markup}),
        shown({"text/markdown": markup}),
        shown({"application/javascript": "document.title = 'taken'", "text/plain": markup}),
        shown({"image/svg+xml": "<svg onload='alert(1)'/>", "text/plain": "x"}),
        shown({"text/latex": markup, "text/plain": markup}),
        shown({"text/latex": f"$\\text{{{markup}}}$", "text/plain": markup}),
        new_output("stream", text=markup),
        *(new_output("display_data", data={"image/png": png()}, metadata=m) for m in EVIL_METADATA),
        new_output("display_data", data={"text/html": markup}, metadata={"text/html": {"isolated": True}}),
        explored(states_of(markup)),
        new_output("error", ename="E", evalue=markup, traceback=[markup]),
    ]
    metadata = {"tags": ['"><script>alert(1)</script>'], "alt": markup}
    return [new_markdown_cell(markup), new_code_cell(f"# {markup}", outputs=outputs, metadata=metadata)]


def evil_entry(markup):
    """Put a text wherever the results of a lesson can have one."""
    return {
        "title": markup,
        "failure": {"kind": "error", "cell": markup, "message": markup},
        "data": [{**ENTRY["data"][0], "source": markup, "is_standin": True}],
        "records": [{"name": "x", "value": markup, "is_standin": False, "reference": None, "report": ""}],
        "parameters": {"a": markup},
        "slowest_cells": [{"cell": markup, "seconds": 1.0, "peak_memory_bytes": 1}],
    }


def write_run(out, lessons, **top):
    """Write the folder of a run: for each lesson its cells (None: no notebook) and changes to its entry."""
    out.mkdir(parents=True, exist_ok=True)
    entries = {}
    for name, (cells, changes) in lessons.items():
        if cells is not None:
            nbformat.write(new_notebook(cells=cells), out / f"{name}.ipynb")
        entries[name] = {**ENTRY, **changes}
    machine = {"cores": 2, "memory_bytes": 25_000_000_000, "system": "Linux"}
    results = {
        "version": "1.0",
        "started": ENTRY["finished"],
        "machine": machine,
        "notebooks": entries,
        **top,
    }
    write_results(out, results)
    return out


def assert_harmless(markup):
    tags = Tags(markup)
    names = {tag for tag, _ in tags.seen}
    forbidden = {"script", "iframe", "form", "button", "object", "embed", "link", "base", "svg"}
    forbidden |= {"maction", "annotation-xml", "mglyph", "textarea", "noscript"}
    assert not names & forbidden
    assert len(tags.all("style")) == 1  # the report's own
    for button in tags.all("input"):  # only those that choose among the pictures of an explorer
        assert set(button) <= {"type", "name", "checked", "aria-describedby"}
        assert button["type"] == "radio"
        assert button["name"].startswith("mk-")
    metas = tags.all("meta")
    assert [m.get("http-equiv") for m in metas if "http-equiv" in m] == ["Content-Security-Policy"]
    for tag, attributes in tags.seen:
        bad = {"style", "mathbackground", "mathcolor", "mathsize", "xlink:href"}
        assert not [a for a in attributes if a.startswith("on") or a in bad], (tag, attributes)
        assert "href" not in attributes or tag == "a"
        lengths = [attributes.get(a) or "0" for a in ("width", "minsize", "maxsize") if tag.startswith("m")]
        assert all(re.fullmatch(r"-?[0-3]?(\.\d+)?(em)?", length) for length in lengths), attributes
    for image in tags.all("img"):
        assert re.match(r"data:image/(png|jpeg|gif);", image["src"])
        assert image["alt"].strip()
    for link in tags.all("a"):
        address = re.sub(r"[\x00-\x20]", "", link.get("href") or "")
        assert not re.match(r"(javascript|data|vbscript):", address, re.I)
    ids = [attributes["id"] for _, attributes in tags.seen if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert len(tags.all("h1")) == 1
