"""The page of a bundle, which opens by a double click and says the steps."""

from __future__ import annotations

import re
from pathlib import Path

import jinja2

from mnistkit.course.bundle.wheels import TARGETS
from mnistkit.data import registry

BUNDLE_PAGE = "index.html"
_TEMPLATE = Path(__file__).with_name("index.html.j2")
_NAMES = {"windows": "Windows", "macos": "macOS", "linux": "Linux"}
_INSTALLED_GIGABYTES = 3.0


def systems_of(folder: Path) -> list[str]:
    """List the systems that a bundle has packages for.

    Parameters
    ----------
    folder : pathlib.Path
        The bundle.

    Returns
    -------
    list of str
        Of `TARGETS`.
    """
    return [system for system in TARGETS if (folder / "wheels" / system).is_dir()]


def render_page(folder: Path, *, served: bool = False) -> str:
    """Write the page of a bundle.

    Parameters
    ----------
    folder : pathlib.Path
        The bundle.
    served : bool
        Whether it is offered in a network: then it leads to one archive a system.

    Returns
    -------
    str
        HTML, with nothing from elsewhere.
    """
    systems, data = systems_of(folder), folder / "data"
    names = (path.name for system in systems for path in (folder / "wheels" / system).glob("*.whl"))
    minors = {int(found[1]) for name in names if (found := re.search(r"-cp3(\d+)-cp3\1-", name))}
    bytes_ = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    template = jinja2.Environment(autoescape=True).from_string(_TEMPLATE.read_text(encoding="utf-8"))
    return template.render(
        systems={system: _NAMES[system] for system in systems},
        pythons=[f"3.{minor}" for minor in sorted(minors)],
        lessons=[path.stem for path in sorted((folder / "notebooks").glob("*.ipynb"))],
        data=[_full_name(path.name) for path in sorted(data.iterdir())] if data.is_dir() else [],
        gigabytes=bytes_ / 1e9,
        installed=_INSTALLED_GIGABYTES,
        served=served,
    )


def _full_name(folder: str) -> str:
    """Say what a folder of a bundle's data has."""
    if folder in registry.published_names():
        return registry.dataset_spec(folder).full_name
    return "VGG16's weights" if folder == "vgg16" else folder
