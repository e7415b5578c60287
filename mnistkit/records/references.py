"""The figures of the source reports, each under the name of the record that reproduces it.

They stand beside each lesson, in the YAML file of the notebook's name. Every report's figure is one draw: one
run, one seed. So is a lesson's. How far apart two draws may lie and still count as the same is a reference's
*tolerance*.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import yaml

from mnistkit.data.dataset import DataError


@dataclass(frozen=True)
class Reference:
    """One figure of a source report.

    Attributes
    ----------
    report : str
        Which report: ``R3``; ``Kaggle`` for what Kaggle asks for.
    what : str
        The figure in words: model, data and size.
    value : float
        The figure.
    tolerance : float
        How far one run may lie from it and still count as the same, in the figure's own unit.
    better : str
        ``higher`` or ``lower``: what is better than the report's figure has reached it too. ``equal``: only
        the same figure has.
    lesson : str
        Number of the lesson that reproduces it: ``03``.
    any_data : bool
        True for what a network has before it sees any data, such as its parameters: found on a stand-in it
        counts too.
    """

    report: str
    what: str
    value: float
    tolerance: float
    better: str
    lesson: str
    any_data: bool = False


def read_references(folder: Path) -> dict[str, Reference]:
    """Read the figures beside the lessons of a folder.

    Parameters
    ----------
    folder : pathlib.Path
        Where the notebooks are.

    Returns
    -------
    dict of str to Reference
        By the name of the record, in the order of the course; a lesson without a file has none.

    Raises
    ------
    DataError
        If a file can't be read, or an entry of its ``references`` is not one.
    """
    references: dict[str, Reference] = {}
    for path in sorted(folder.glob("[0-9][0-9]_*.yaml")):
        try:
            facts = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
            for entry in facts.get("references") or ():
                fields = dict(entry)
                references[fields.pop("name")] = Reference(lesson=path.stem[:2], **fields)
        except (OSError, yaml.YAMLError, LookupError, TypeError, ValueError, AttributeError) as error:
            raise DataError(
                str(path),
                found=f"{type(error).__name__}: {error}",
                expected="references: a list with name, report, what, value, tolerance and better of each",
                todo="correct the entry, or restore the file",
            ) from error
    return references


def _folder() -> Path:
    """Find the notebooks from where a kernel or a command works: upwards, else beside the package."""
    here = Path.cwd()
    homes = (here, *here.parents, Path(__file__).resolve().parents[2])
    home = next((home for home in homes if (home / "notebooks" / "presets").is_dir()), homes[-1])
    return home / "notebooks"


REFERENCES = read_references(_folder())
