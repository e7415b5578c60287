"""What is unusual in a submission's text: a hint for the teacher where to look, and no verdict.

A trick that gains nothing leaves no other trace: who looks for the gradebook in the sandbox finds nothing and
answers as if nothing had been.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from mnistkit.grading.submission import SubmittedCell

_CODE = re.compile(
    r"\b(?:os|sys|io|ast|gc|glob|socket|ctypes|inspect|builtins|importlib|subprocess|shutil|pathlib|signal|"
    r"threading|multiprocessing|asyncio|pickle|marshal|urllib|requests|http|resource|"
    r"__import__|get_ipython|exec|eval|open|compile|globals|setattr|__(?!init__|name__)[a-z]+__)\b"
    r"|\bmnistkit\.(?:course|grading)\b"
)
_TEXT = re.compile(
    r"<\s*(?P<tag>script|iframe|img|svg|object|embed|form|link|style|meta|base|video)\b"
    r"|\b(?P<what>javascript:|on(?:error|load|click|focus)\s*=)",
    re.IGNORECASE,
)
_SHOWN = 8


def unusual(cells: Sequence[SubmittedCell], usual: Iterable[SubmittedCell]) -> list[str]:
    """Name what a submission uses that exercises of this kind don't need.

    Parameters
    ----------
    cells : sequence of SubmittedCell
        Code and markdown that was handed in.
    usual : iterable of SubmittedCell
        The instructor's code cells: what they use is not unusual.

    Returns
    -------
    list of str
        At most one sentence about code, and one about text.
    """
    known = {name for cell in usual for name in _CODE.findall(cell.source)}
    names = {name for cell in cells if cell.kind == "code" for name in _CODE.findall(cell.source)}
    found = (match for cell in cells if cell.kind == "markdown" for match in _TEXT.finditer(cell.source))
    parts = {(match["tag"] or match["what"]).lower() for match in found}
    sentences = {
        "its code uses what such exercises don't need": sorted(names - known),
        "its text has what pages leave out": sorted(parts),
    }
    return [f"{said}: {', '.join(these[:_SHOWN])}" for said, these in sentences.items() if these]
