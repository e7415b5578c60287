"""YAML that people and other programs have written, read in one way."""

from __future__ import annotations

from typing import Any

import yaml

# Those of libyaml are ten times faster, where it is installed.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TEXT_LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


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
    return _load(text, _LOADER)


def load_texts(text: str | bytes) -> Any:
    """Read a YAML text without telling what its values are: each of them, and each name, stays a text.

    Parameters
    ----------
    text : str or bytes
        As for `load_yaml`.

    Returns
    -------
    object
        Dictionaries, lists and texts.

    Raises
    ------
    yaml.YAMLError
        If it can't be read.

    Examples
    --------
    >>> load_texts("0123456: 2026-11-20")
    {'0123456': '2026-11-20'}
    """
    return _load(text, _TEXT_LOADER)


def _load(text: str | bytes, loader: Any) -> Any:
    try:
        return yaml.load(text, Loader=loader)
    except (ValueError, RecursionError) as error:
        raise yaml.YAMLError(str(error)) from error
