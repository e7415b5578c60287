"""What a notebook found: figures that a run collects from it and a report shows.

A record travels inside the executed notebook, as a display output with a MIME type of our own beside its
plain text. The runner reads it back with `read`; nothing else has to be written, named or kept in step.
"""

from __future__ import annotations

import contextlib
import html
import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from mnistkit.data import Dataset

RECORD_MIME = "application/vnd.mnistkit.record+json"
DATA_MIME = "application/vnd.mnistkit.data+json"


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
    """

    name: str
    value: bool | int | float | str
    dataset: str
    data_source: str
    is_standin: bool
    reference: float | None = None
    report: str = ""


# The records of this kernel's notebook, by name: a cell that is run again replaces its record.
_recorded: dict[str, Record] = {}


def record(name: str, value: Any, *, data: Dataset, reference: float | None = None, report: str = "") -> None:
    """Record a figure and show it (all lessons).

    Parameters
    ----------
    name : str
        What it is, in snake_case.
    value : bool, int, float, str or a NumPy scalar
        The figure.
    data : Dataset
        The data that it was found on.
    reference : float, optional
        The figure of a source report to compare with.
    report : str, optional
        Which report the reference is from.

    Raises
    ------
    TypeError
        If `value` is not a single figure.
    ValueError
        If `name` is not an identifier, or a figure is NaN or infinite: that is a mistake upstream.
    """
    from IPython.display import display

    if not name.isidentifier():
        raise ValueError(f"a record's name is an identifier like 'purity_k10', not {name!r}")
    reference = None if reference is None else float(_plain(name, reference))
    found = Record(name, _plain(name, value), data.name, data.source, data.is_standin, reference, report)
    _recorded[name] = found
    display({RECORD_MIME: asdict(found), "text/plain": _line(found)}, raw=True)


def _plain(name: str, value: Any) -> bool | int | float | str:
    """Turn a NumPy scalar into Python's own and refuse what is not a single finite figure."""
    value = value.item() if hasattr(value, "item") else value
    if not isinstance(value, bool | int | float | str):
        raise TypeError(f"record {name!r}: expected one number, bool or str, found {type(value).__name__}")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"record {name!r}: expected a finite number, found {value}")
    return value


def _line(found: Record) -> str:
    value = f"{found.value:.4f}" if isinstance(found.value, float) else f"{found.value}"
    reference = "" if found.reference is None else f"  ({found.report} reports {found.reference:g})"
    standin = "  [stand-in data]" if found.is_standin else ""
    return f"recorded: {found.name} = {value}{reference}{standin}"


def show_data(*datasets: Dataset) -> None:
    """Say which data this notebook uses and where it came from, so that a stand-in can't be overlooked.

    Parameters
    ----------
    *datasets : Dataset
        What the notebook has loaded.
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
        One row a record, in the order of recording: value, reference, difference, report, data. The
        difference is left empty where the data is a stand-in: those figures can't be compared.
    """
    import pandas as pd

    rows = [
        {
            "record": r.name,
            "value": f"{r.value:.4f}" if isinstance(r.value, float) else str(r.value),
            "reference": "" if r.reference is None else f"{r.reference:g}",
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
    if found.is_standin:
        return "not comparable"
    return f"{float(found.value) - found.reference:+.4g}"


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
    """
    records: dict[str, Record] = {}
    data: dict[tuple[str, str], dict[str, Any]] = {}
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            bundle = output.get("data", {})
            # Anything can be displayed under our types: what is not as `record` makes it is no record.
            with contextlib.suppress(TypeError, ValueError, LookupError, AttributeError):
                found = Record(**bundle[RECORD_MIME])
                _plain(found.name, found.value)
                _plain(found.name, 0 if found.reference is None else float(found.reference))
                records[str(found.name)] = found
            with contextlib.suppress(TypeError, ValueError, LookupError, AttributeError):
                facts: dict[str, Any] = {
                    key: str(bundle[DATA_MIME][key]) for key in ("name", "source", "sha256")
                }
                facts["is_standin"] = bool(bundle[DATA_MIME]["is_standin"])
                data[facts["name"], facts["sha256"]] = facts
    return list(records.values()), list(data.values())
