"""What a notebook found: figures that a run collects from it and a report shows.

A record travels inside the executed notebook, as a display output with a MIME type of our own beside its
plain text. The runner reads it back with `read`; nothing else has to be written, named or kept in step.
"""

from __future__ import annotations

import contextlib
import html
import math
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from mnistkit.data.dataset import Dataset
from mnistkit.records.lesson_facts import course_references
from mnistkit.utils.arguments import checked

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "DATA_MIME",
    "RECORD_MIME",
    "Record",
    "differs_in",
    "figure",
    "read",
    "record",
    "show_data",
    "signed",
    "summary",
]

RECORD_MIME = "application/vnd.mnistkit.record+json"
DATA_MIME = "application/vnd.mnistkit.data+json"
_CELL = 50  # characters of a table's cell that pandas shows; the rest stands where the figure was recorded


@dataclass(frozen=True)
class Record:
    """One figure that a notebook found.

    Attributes
    ----------
    name : str
        What it is, in snake_case: ``purity_k10``.
    value : bool, int, float or str
        The figure, finite where it is a number.
    dataset, data_source : str
        Name and source of the data that it was found on.
    is_standin : bool
        True where that data is a stand-in: the figure must then not be read as one about the real data set.
    reference : float or None
        The figure of a source report to compare with.
    report : str
        Which report the reference is from: ``R2``.
    tolerance : float or None
        How far the figure may lie from the reference and still count as the same.
    better : str
        ``higher``, ``lower`` or ``equal``: which figures have reached the reference.
    differs : str
        Why the figure is not the report's, so that the two can't be compared: ``15,000 of 60,000 training
        images``. Empty where they can.
    """

    name: str
    value: bool | int | float | str
    dataset: str
    data_source: str
    is_standin: bool
    reference: float | None = None
    report: str = ""
    # Defaults: notebooks that were executed by earlier versions are still read.
    tolerance: float | None = None
    better: str = ""
    differs: str = ""


# The records of this kernel's notebook, by name: a cell that is run again replaces its record.
_recorded: dict[str, Record] = {}


def _fact(name: str, value: Any) -> Any:
    """Take a reason in words, or two numbers and what is counted."""
    match value:
        case str() | (int(), int(), str()):
            return value
    raise TypeError(f"{name} is {value!r:.60}; expected a text, or two whole numbers and a text")


@checked()
def record(name: str, value: Any, *, data: Dataset, differs: str = "") -> None:
    """Record a figure and show it, beside the source report's where there is one (all lessons).

    Parameters
    ----------
    name : str
        What it is, in snake_case. By it the report's figure is found in the YAML beside the lesson.
    value : bool, int, float, str or a NumPy scalar
        The figure.
    data : Dataset
        The data that it was found on.
    differs : str, optional
        Why this is not the report's figure, as `differs_in` says it: it is then shown, but not compared.

    Raises
    ------
    TypeError
        If `value` is not a single figure.
    ValueError
        If `name` is not an identifier, or a figure is NaN or infinite: that is a mistake upstream.

    Examples
    --------
    >>> from mnistkit.data import load
    >>> digits = load("mnist", "bundled")
    >>> record("images", len(digits.x_train), data=digits)
    recorded: images = 1500  [stand-in data]
    """
    from IPython.display import display

    if not name.isidentifier():
        raise ValueError(f"a record's name is an identifier like 'purity_k10', not {name!r}")
    found = Record(name, _plain(name, value), data.name, data.source, data.is_standin, differs=differs)
    if known := course_references().get(name):
        other_data = bool(known.data) and known.data != data.name
        found = replace(
            found,
            differs=differs_in(f"{data.name} instead of {known.data}" if other_data else "", differs),
            reference=float(known.value),
            report=known.report,
            tolerance=known.tolerance,
            better=known.better,
        )
    _recorded[name] = found
    display({RECORD_MIME: asdict(found), "text/plain": _line(found)}, raw=True)


@checked(facts=_fact)
def differs_in(*facts: str | tuple[int, int, str]) -> str:
    """Say in what a run differs from a report's, for `record`.

    Parameters
    ----------
    *facts : str or tuple of (int, int, str)
        Each a reason in words, or this run's number, the report's and what is counted. An empty text and
        equal numbers say nothing.

    Returns
    -------
    str
        ``15,000 of 60,000 training images; 8 of 20 epochs``; empty where nothing differs.

    Raises
    ------
    TypeError
        If one of the facts is neither a text nor two numbers and a text.

    Examples
    --------
    >>> differs_in((15_000, 60_000, "training images"), (20, 20, "epochs"), "")
    '15,000 of 60,000 training images'
    """
    return "; ".join(filter(None, (fact if isinstance(fact, str) else _counted(*fact) for fact in facts)))


def _counted(ours: int, theirs: int, what: str) -> str:
    if ours == theirs:
        return ""
    return f"{ours:,} {'of' if ours < theirs else 'instead of'} {theirs:,} {what}"


def _plain(name: str, value: Any) -> bool | int | float | str:
    """Turn a NumPy scalar into Python's own and refuse what is not a single finite figure."""
    if getattr(value, "size", 1) == 1 and hasattr(value, "item"):
        value = value.item()
    if not isinstance(value, bool | int | float | str):
        raise TypeError(
            f"record {name!r}: value is a {type(value).__name__}; expected one number, bool or str"
        )
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"record {name!r}: value is {value}; expected a finite number")
    return value


def _line(found: Record) -> str:
    differs = f"; not comparable: {found.differs}" if found.differs else ""
    reference = (
        "" if found.reference is None else f"  ({found.report} reports {_short(found.reference)}{differs})"
    )
    standin = "  [stand-in data]" if found.is_standin else ""
    return f"recorded: {found.name} = {_value(found)}{reference}{standin}"


def _value(found: Record) -> str:
    return figure(found.value) if isinstance(found.value, float) else str(found.value)


def figure(value: Any) -> str:
    """Write a recorded value.

    Parameters
    ----------
    value : bool, int, float or str
        What a notebook recorded.

    Returns
    -------
    str
        Four decimals, more digits only where the value is small.

    Examples
    --------
    >>> figure(0.85416), figure(0.0000342), figure(60000)
    ('0.8542', '3.42e-05', '60,000')
    """
    if not isinstance(value, float):
        return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
    return f"{value:.4f}" if value == 0 or abs(value) >= 0.01 else f"{value:.3g}"


@checked()
def show_data(*datasets: Dataset) -> None:
    """Say which data this notebook uses and where it came from, so that a stand-in can't be overlooked.

    Parameters
    ----------
    *datasets : Dataset
        What the notebook has loaded.

    Examples
    --------
    >>> from mnistkit.data import load
    >>> show_data(load("mnist", "bundled"))  # doctest: +ELLIPSIS
    STAND-IN for mnist: 1,500 training and 297 test images. Source: ...
    """
    from IPython.display import display

    for data in datasets:
        facts = {
            "name": data.name,
            "source": data.source,
            "sha256": data.sha256,
            "is_standin": data.is_standin,
        }
        sizes = f"{len(data.x_train):,} training and {len(data.x_test):,} test images"
        kind = "STAND-IN for " if data.is_standin else ""
        markup = (
            f"<p><strong>{kind}{html.escape(data.name)}</strong>: {sizes}.<br>Source: "
            f"{html.escape(data.source)} (content hash {data.sha256[:12]})</p>"
        )
        plain = f"{kind}{data.name}: {sizes}. Source: {data.source} (content hash {data.sha256[:12]})"
        display({DATA_MIME: facts, "text/html": markup, "text/plain": plain}, raw=True)


def summary() -> pd.DataFrame:
    """Everything this notebook recorded, beside the source reports' figures (last cell of every lesson).

    Returns
    -------
    pandas.DataFrame
        One row a record, in the order of recording: value, reference, difference, report, data. Instead of
        a difference stands why the two can't be compared, where the data is a stand-in or the run was not
        as the report's.

    Examples
    --------
    >>> from mnistkit.data import load
    >>> record("images", 1500, data=load("mnist", "bundled"))
    recorded: images = 1500  [stand-in data]
    >>> summary().loc["images", ["value", "data"]].tolist()
    ['1500', 'mnist (STAND-IN)']
    """
    import pandas as pd

    rows = [
        {
            "record": r.name,
            "value": _value(r),
            "reference": "" if r.reference is None else _short(r.reference),
            "difference": _difference(r),
            "report": r.report,
            "data": f"{r.dataset} (STAND-IN)" if r.is_standin else r.dataset,
        }
        for r in _recorded.values()
    ]
    columns = ["record", "value", "reference", "difference", "report", "data"]
    return pd.DataFrame(rows, columns=columns).set_index("record")


def _difference(found: Record) -> str:
    if found.reference is None:
        return ""
    known = course_references().get(found.name)
    if found.is_standin and not (known and known.any_data):
        return "not comparable: stand-in data"
    if isinstance(found.value, str):
        return "not comparable: not a number"
    if found.differs:
        why = f"not comparable: {found.differs}"
        return why if len(why) <= _CELL else f"{why.split(';')[0]} …"
    return signed(float(found.value) - found.reference)


def signed(difference: float) -> str:
    """Write the difference between two figures.

    Parameters
    ----------
    difference : float
        Any number.

    Returns
    -------
    str
        With its sign, and four digits, or whole where it is large.

    Examples
    --------
    >>> signed(-0.012344), signed(1234567)
    ('-0.01234', '+1,234,567')
    """
    return f"{difference:+,.0f}" if abs(difference) >= 1000 else f"{difference:+.4g}"


def _short(figure: float) -> str:
    """Write 0.8541, 17927370: a count keeps all its digits."""
    return f"{figure:.0f}" if figure == int(figure) else f"{figure:g}"


def read(notebook: Any) -> tuple[list[Record], list[dict[str, Any]]]:
    """Read what an executed notebook recorded.

    Parameters
    ----------
    notebook : nbformat.NotebookNode
        An executed notebook.

    Returns
    -------
    records : list of Record
        In the order of recording; the last one counts where a name was recorded twice.
    data : list of dict
        What `show_data` showed: name, source, sha256, is_standin; each data set once.

    Examples
    --------
    >>> from nbformat.v4 import new_code_cell, new_notebook, new_output
    >>> figure = {"name": "purity", "value": 0.5, "dataset": "mnist", "data_source": "x", "is_standin": True}
    >>> output = new_output("display_data", {RECORD_MIME: figure})
    >>> found, _ = read(new_notebook(cells=[new_code_cell("...", outputs=[output])]))
    >>> found[0].name, found[0].value
    ('purity', 0.5)
    """
    records: dict[str, Record] = {}
    data: dict[tuple[str, str], dict[str, Any]] = {}
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            bundle = output.get("data", {})
            # Anything can be displayed under our types: what is not as `record` makes it is no record.
            with contextlib.suppress(TypeError, ValueError, LookupError, AttributeError):
                found = Record(**bundle[RECORD_MIME])
                _check(found)
                records[str(found.name)] = found
            with contextlib.suppress(TypeError, ValueError, LookupError, AttributeError):
                facts: dict[str, Any] = {
                    key: str(bundle[DATA_MIME][key]) for key in ("name", "source", "sha256")
                }
                facts["is_standin"] = bool(bundle[DATA_MIME]["is_standin"])
                data[facts["name"], facts["sha256"]] = facts
    return list(records.values()), list(data.values())


def _check(found: Record) -> None:
    """Refuse what `record` would not have written.

    Raises
    ------
    TypeError, ValueError
        If something is not of its type, or not finite.
    """
    _plain(found.name, found.value)
    for number in (found.reference, found.tolerance):
        if not (number is None or (type(number) in (int, float) and math.isfinite(number))):
            raise TypeError(f"record {found.name!r}: expected finite numbers in reference and tolerance")
    texts = (found.name, found.dataset, found.data_source, found.report, found.better, found.differs)
    if not (all(isinstance(text, str) for text in texts) and isinstance(found.is_standin, bool)):
        raise TypeError(f"record {found.name!r}: expected texts, and is_standin true or false")
