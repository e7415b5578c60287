"""YAML that people and other programs have written, read in one way."""

from __future__ import annotations

from typing import Any

import yaml


class _EachNameOnce:
    """Refuses a name that a mapping has twice, of which PyYAML would drop the first without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and (key.tag, key.value) in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"{key.value!r} stands twice in one mapping", key.start_mark
                )
            seen.add((key.tag, str(key.value)))
        return super().construct_mapping(node, deep)  # type: ignore[misc]


# Those of libyaml are ten times faster, where it is installed.
class _Loader(_EachNameOnce, getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Values become what they look like."""


class _TextLoader(_EachNameOnce, getattr(yaml, "CBaseLoader", yaml.BaseLoader)):  # type: ignore[misc]
    """Values stay texts."""


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
        as other exceptions. Or if a name stands twice in a mapping.

    Examples
    --------
    >>> load_yaml("personal: [seed]")
    {'personal': ['seed']}
    """
    return _load(text, _Loader)


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
        As for `load_yaml`.

    Examples
    --------
    >>> load_texts("0123456: 2026-11-20")
    {'0123456': '2026-11-20'}
    """
    return _load(text, _TextLoader)


def _load(text: str | bytes, loader: Any) -> Any:
    try:
        return yaml.load(text, Loader=loader)
    except (ValueError, RecursionError) as error:
        raise yaml.YAMLError(str(error)) from error
