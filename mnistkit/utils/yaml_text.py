"""YAML that people and other programs have written, read in one way."""

from __future__ import annotations

from typing import Any

import yaml

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times faster, where libyaml is installed


def load_yaml(text: str | bytes) -> Any:
    """Read a YAML text without making anything but plain data of it.

    Parameters
    ----------
    text : str or bytes
        The text; bytes are UTF-8, or UTF-16 with a mark.

    Returns
    -------
    object
        Dictionaries, lists, texts, numbers, dates, truth values and None.

    Raises
    ------
    yaml.YAMLError
        If it can't be read, whatever PyYAML itself raises: it lets a date like 2026-13-45 or deep nesting out
        as other exceptions.

    Examples
    --------
    >>> load_yaml("personal: [seed]")
    {'personal': ['seed']}
    """
    try:
        return yaml.load(text, Loader=_LOADER)
    except (ValueError, RecursionError) as error:
        raise yaml.YAMLError(str(error)) from error
