"""What was handed in as a notebook and is none is called what it is, the same by every command."""

import json

import pytest

from mnistkit.grading.submission import NotANotebook, read_any_cells, read_submitted_cells

NOTEBOOK = json.dumps(
    {"cells": [{"cell_type": "code", "metadata": {}, "source": ["x = 1\n", "y"], "outputs": []}]}, indent=1
)
CONFLICT = NOTEBOOK.replace('"y"', '\n<<<<<<< HEAD\n"y"\n=======\n"z"\n>>>>>>> origin/main\n')


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "it is empty"),
        (b" \n", "it is empty but for blanks"),
        (b"\0" * 4096, "all of its 4,096 bytes are zero"),
        ("\ufeff <!DOCTYPE html><html>", "it is not a notebook but a web page"),
        ("<HTML>", "it is not a notebook but a web page"),
        ("<?xml version='1.0'?><Error><Code>AccessDenied", "it is not a notebook but an XML file"),
        ("version https://git-lfs.github.com/spec/v1\noid sha256:1\n", "a pointer of Git LFS"),
        ("[InternetShortcut]\nURL=https://x", "it is not a notebook but a link"),
        ("https://colab.research.google.com/drive/1", "it is not a notebook but a link"),
        ('{"doc_id":"1abc","resource_key":"","email":"s@example.org"}', "a link of Google Drive"),
        ('{"url": "https://docs.google.com/open?id=1", "doc_id": "1"}', "a link of Google Drive"),
        (CONFLICT, "the marks of a merge conflict of Git, in line"),
        (CONFLICT.encode("utf-8-sig"), "the marks of a merge conflict of Git, in line"),
        (NOTEBOOK[:-30], "a notebook that was cut off"),
        (NOTEBOOK[: NOTEBOOK.index("x = 1") + 2], "a notebook that was cut off: it ends in line 7"),
        (NOTEBOOK + NOTEBOOK, "a notebook with something behind its end, in line"),
        (NOTEBOOK.replace("[]", "[,]"), "it is no JSON from line"),
        ("# %%\ndef purity_of(t): pass", "it is not a notebook but Python code"),
        ("#!/usr/bin/env python\n# coding: utf-8\n\n# In[1]:\nx\n", "it is not a notebook but Python code"),
        ("import numpy as np\n", "it is not a notebook but Python code"),
        ("# My answers\n\nI think so.", "it is not a notebook but a text"),
        ("[]", "it is JSON, but a list"),
        ('"text"', "it is JSON, but a text"),
        ("null", "it is JSON, but null"),
        ("7", "it is JSON, but a number"),
        ("{}", "it is JSON without a list of cells"),
        ('{"cells": {}}', "it is JSON without a list of cells"),
        ("[" * 100_000, "it is nested too deep"),
        (f'{{"cells": [{"1" * 5000}]}}', "a number in it is too long"),
        (b"PK\x03\x04", "it is not a notebook but a zip archive"),
        (b"PK\x03\x04" + bytes(26) + b"[Content_Types].xml", "a document of an office program"),
        (b"\x1f\x8b\x08", "a file packed with gzip"),
        (b"SQLite format 3\0", "an SQLite database"),
        (b"bplist00\xd1_\x10\x0fWebMainResource", "a web page that Safari has saved"),
        (b"bplist00\xd1SURL", "a bookmark"),
        ("<!-- saved from url=(0014)about:internet -->\n<html>", "it is not a notebook but a web page"),
        (b"%PDF-1.7", "it is not a notebook but a PDF"),
        (b"\x89PNG\r\n", "it is not a notebook but a picture"),
        (b"{\\rtf1", "a text of a word processor"),
        (b"\xff\xfe\x00", "it is no text in UTF-8"),
        (b'{"cells": "\xfc"}', "it is no text in UTF-8"),
    ],
)
def test_a_file_is_called_what_it_is(tmp_path, content, says):
    file = tmp_path / "x.ipynb"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(NotANotebook) as raised:
        read_any_cells(file)
    assert str(raised.value).startswith("it is ")
    assert says in str(raised.value)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_a_notebook_is_read_in_every_encoding_of_unicode(tmp_path, encoding):
    file = tmp_path / "x.ipynb"
    file.write_bytes(NOTEBOOK.encode(encoding))
    assert [cell.source for cell in read_submitted_cells(file)] == ["x = 1\ny"]


def test_what_is_no_file_or_too_large_is_said(tmp_path):
    (tmp_path / "link.ipynb").symlink_to(tmp_path / "nothing")
    for name in ("link.ipynb", "nothing.ipynb", "."):
        with pytest.raises(NotANotebook, match="it is no file"):
            read_any_cells(tmp_path / name)
    with (tmp_path / "large.ipynb").open("wb") as file:
        file.truncate(100_000_001)
    with pytest.raises(NotANotebook, match="it has 100 MB"):
        read_any_cells(tmp_path / "large.ipynb")


def test_an_old_notebook_is_read_as_a_new_one(tmp_path):
    mark = {"nbgrader": {"grade_id": "double", "solution": True}}
    cells = [
        {"cell_type": "heading", "level": 2, "metadata": {}, "source": "Two\nlines"},
        {"cell_type": "heading", "level": 10**9, "metadata": {}, "source": "Deep"},
        {"cell_type": "markdown", "metadata": {}, "source": ["a\n", "b"]},
        {
            "cell_type": "code",
            "metadata": mark,
            "input": ["x = 1\n", "x"],
            "prompt_number": 3,
            "language": "python",
            "outputs": [
                {"output_type": "pyout", "prompt_number": 3, "text": ["1"], "png": "aWk="},
                {"output_type": "stream", "stream": "stderr", "text": "oh"},
                {"output_type": "pyerr", "ename": "E", "evalue": "v", "traceback": []},
                "nonsense",
            ],
        },
        {"cell_type": "code", "outputs": 3},
        "nonsense",
    ]
    file = tmp_path / "x.ipynb"
    file.write_text(
        json.dumps({"nbformat": 3, "worksheets": [{"cells": cells[:3]}, {"cells": cells[3:]}, 1, {}]})
    )
    read = read_any_cells(file)
    assert [cell["source"] for cell in read[:2]] == ["## Two lines", "# Deep"]
    assert [cell.source for cell in read_submitted_cells(file, ("markdown",))] == [
        "## Two lines",
        "# Deep",
        "a\nb",
    ]
    code = read_submitted_cells(file)
    assert [(cell.source, cell.grade_id, cell.solution) for cell in code] == [
        ("x = 1\nx", "double", True),
        ("", "", False),
    ]
    result, stream, error, nonsense = read[3]["outputs"]
    assert result["output_type"] == "execute_result"
    assert result["data"] == {"text/plain": ["1"], "image/png": "aWk="}
    assert (stream["name"], stream["text"]) == ("stderr", "oh")
    assert (error["output_type"], error["ename"]) == ("error", "E")
    assert nonsense == {}
