"""Check cells, which keep what a run found: an author writes the tag ``check``, and they are folded.

JupyterLab and Notebook 7 read ``jupyter.source_hidden`` from a cell's metadata, Colab ``cellView``. VS Code
reads nothing of the kind from a file: what is folded there, it keeps to itself. `make format` calls this
module for the course's notebooks.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mnistkit.files import write_atomically

CHECK_TAG = "check"
FOLDED: dict[str, Any] = {"cellView": "form", "jupyter": {"source_hidden": True}}
"""The metadata of a cell whose code is folded when a notebook is opened."""


def fold_check_cells(cells: Iterable[dict[str, Any]]) -> bool:
    """Mark check cells as folded, for each program that reads such a mark.

    Parameters
    ----------
    cells : iterable of dict
        A notebook's cells; the metadata of check cells is changed.

    Returns
    -------
    bool
        Whether there was anything to do.
    """
    open_ones = [
        cell["metadata"]
        for cell in cells
        if CHECK_TAG in cell["metadata"].get("tags", ()) and not FOLDED.items() <= cell["metadata"].items()
    ]
    for metadata in open_ones:
        metadata.update(FOLDED)
    return bool(open_ones)


def fold_files(paths: Iterable[str]) -> None:
    """Fold the check cells of notebooks, in their files.

    Parameters
    ----------
    paths : iterable of str
        Notebooks; one without open check cells stays as it is.
    """
    for path in map(Path, paths):
        notebook = json.loads(path.read_text(encoding="utf-8"))
        if fold_check_cells(notebook["cells"]):
            # As nbformat writes it.
            text = json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True)
            write_atomically(path, text + "\n")


if __name__ == "__main__":
    fold_files(sys.argv[1:])
