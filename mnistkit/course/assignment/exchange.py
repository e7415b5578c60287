"""Answers as plain data: what passes between the grader and a student's process, as JSON text.

Numbers (NumPy's with their type), texts, lists, tuples, sets, dicts, arrays, tables and random generators.
Never pickle, and never an object of a class that the other side names: what is read here has one of the
types below and nothing else, so that an object that equals everything, or one with a method of its own,
can't get across.

Both sides use this module. The student's side may do with its copy what it likes: `decode` believes
nothing.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
from collections.abc import Callable, Hashable, Sequence
from typing import Any

import numpy as np

from mnistkit.course.assignment.networks import NotAChain, build, describe, is_network

MAX_DEPTH = 20
MAX_ITEMS = 500_000
MAX_KEYS = 5_000
"""Most elements of a set or dict: of numbers with one and the same hash they take quadratic time."""
MAX_ROWS = 10_000_000
MAX_TEXT = 2_000
"""Longest text that is shown of an answer or an error, in characters."""

_PLAIN_DTYPE = re.compile(r"[<>|](b1|[iu][1248]|f[248]|c8|c16|U\d{1,6})")
_BIT_GENERATOR = "PCG64"  # what numpy.random.default_rng gives


class NotPlain(Exception):  # noqa: N818 (it is an answer's property, not a fault of this program)
    """Something that is not plain data, or not in the form that `encode` gives."""


def encode(value: object) -> Any:
    """Turn plain data into what `json.dumps` can write.

    Parameters
    ----------
    value : object
        None, bool, int, float, complex, str, bytes, list, tuple, set, frozenset, dict, NumPy scalar, array or
        generator, pandas Series, Index or DataFrame, nested at will; a Keras network without branches.

    Returns
    -------
    JSON value
        For `decode`.

    Raises
    ------
    NotPlain
        If there is anything else in it; the message names its type.
    """
    return _encode(value, 0)


def _encode(value: Any, depth: int) -> Any:
    if depth > MAX_DEPTH:
        raise NotPlain(f"it is nested more than {MAX_DEPTH} levels deep")
    kind = type(value)
    if value is None or kind in (bool, int, str):
        return value
    if kind in (float, complex, bytes):
        return _encode_atom(value)
    if kind in (list, tuple, set, frozenset):
        items = [_encode(item, depth + 1) for item in value]
        return items if kind is list else _tagged(kind.__name__, v=items)
    if kind is dict:
        return _tagged("dict", v=[[_encode(k, depth + 1), _encode(v, depth + 1)] for k, v in value.items()])
    return _encode_object(value, kind, depth)


def _encode_object(value: Any, kind: type, depth: int) -> Any:
    if isinstance(value, np.generic):
        return _tagged("scalar", v=_encode_array(np.asarray(value)))
    if kind in (np.ndarray, np.memmap):
        return _encode_array(value)
    if kind is np.random.Generator:
        return _encode_generator(value)
    if kind.__module__.split(".")[0] == "pandas":
        return _encode_pandas(value, depth)
    if is_network(value):
        return _encode_network(value, depth)
    raise NotPlain(f"a {kind.__qualname__[:MAX_TEXT]} object is not plain data")


def _tagged(kind: str, **parts: Any) -> dict[str, Any]:
    return {"$": kind, **parts}


def _encode_atom(value: float | complex | bytes) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else _tagged("float", v=repr(value))
    if isinstance(value, complex):
        return _tagged("complex", v=[_encode_atom(value.real), _encode_atom(value.imag)])
    return _tagged("bytes", v=base64.b64encode(value).decode())


def _encode_array(array: np.ndarray) -> dict[str, Any]:
    code = array.dtype.str
    if not _PLAIN_DTYPE.fullmatch(code):
        raise NotPlain(f"an array of dtype {array.dtype} is not plain data")
    return _tagged(
        "array",
        dtype=code,
        shape=list(array.shape),
        writeable=bool(array.flags.writeable),
        v=base64.b64encode(np.ascontiguousarray(array).tobytes()).decode(),
    )


def _encode_generator(rng: np.random.Generator) -> dict[str, Any]:
    state: Any = rng.bit_generator.state
    if state["bit_generator"] != _BIT_GENERATOR:
        raise NotPlain(f"a generator of {state['bit_generator']} is not supported, only {_BIT_GENERATOR}")
    numbers = [state["state"]["state"], state["state"]["inc"], state["has_uint32"], state["uinteger"]]
    return _tagged("generator", v=[str(number) for number in numbers])


def _encode_pandas(value: Any, depth: int) -> dict[str, Any]:
    import pandas as pd

    if type(value) is pd.DataFrame:
        columns = [_encode(name, depth + 1) for name in value.columns]
        data = [_encode_column(value.iloc[:, i], depth) for i in range(value.shape[1])]
        names = _encode(value.columns.name, depth + 1)
        return _tagged(
            "frame", columns=columns, name=names, data=data, index=_encode_index(value.index, depth)
        )
    if type(value) is pd.Series:
        name, index = _encode(value.name, depth + 1), _encode_index(value.index, depth)
        return _tagged("series", name=name, data=_encode_column(value, depth), index=index)
    if isinstance(value, pd.Index):
        return _encode_index(value, depth)
    raise NotPlain(f"a pandas {type(value).__name__[:MAX_TEXT]} is not plain data")


def _encode_index(index: Any, depth: int) -> dict[str, Any]:
    import pandas as pd

    name = _encode(index.name, depth + 1)
    if type(index) is pd.RangeIndex:
        return _tagged("range", v=[index.start, index.stop, index.step], name=name)
    if type(index) is not pd.Index:
        raise NotPlain(f"a {type(index).__name__[:MAX_TEXT]} is not plain data: use reset_index()")
    return _tagged("index", data=_encode_column(index, depth), name=name)


def _encode_column(column: Any, depth: int) -> Any:
    if isinstance(column.dtype, np.dtype) and column.dtype != object:
        return _encode_array(np.asarray(column))
    items = [
        item if isinstance(item, str) else None if item is None or item != item else item for item in column
    ]
    if isinstance(column.dtype, np.dtype) or str(column.dtype) in ("str", "string"):
        return _tagged("texts", v=[_encode(item, depth + 2) for item in items])
    raise NotPlain(f"a column of dtype {column.dtype} is not plain data")


def _encode_network(value: Any, depth: int) -> dict[str, Any]:
    try:
        shape, layers = describe(value)
    except NotAChain as error:
        raise NotPlain(str(error)) from error
    return _tagged("network", shape=_encode(shape, depth + 1), layers=_encode(layers, depth + 1))


def _decode_network(tree: Any, depth: int) -> Any:
    try:
        return build(_decode(tree["shape"], depth), _decode(tree["layers"], depth))
    except NotAChain as error:
        raise NotPlain(str(error)) from error


def decode(tree: Any) -> Any:
    """Turn what `encode` gave back into data of the same types.

    Parameters
    ----------
    tree : JSON value
        From anywhere: it is checked.

    Returns
    -------
    object
        Plain data (see `encode`).

    Raises
    ------
    NotPlain
        If it is not of that form.
    """
    try:
        return _decode(tree, 0)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, MemoryError) as error:
        raise NotPlain(f"not in the form of an answer ({type(error).__name__})") from error


def _decode(tree: Any, depth: int) -> Any:
    if depth > MAX_DEPTH:
        raise NotPlain(f"it is nested more than {MAX_DEPTH} levels deep")
    if tree is None or type(tree) in (bool, int, float, str):
        return tree
    if type(tree) is list:
        return [_decode(item, depth + 1) for item in tree]
    return _READERS[tree["$"]](tree, depth + 1)


def _items(tree: Any, depth: int) -> list[Any]:
    return [_decode(item, depth) for item in _list(tree["v"])]


def _list(value: Any) -> list[Any]:
    if type(value) is not list:
        raise NotPlain("not in the form of an answer (a list was expected)")
    return value


def _bytes(text: Any) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise NotPlain("not in the form of an answer (base64 was expected)") from error


def _decode_array(tree: Any, depth: int) -> np.ndarray:
    code, shape = tree["dtype"], [int(size) for size in _list(tree["shape"])]
    if not _PLAIN_DTYPE.fullmatch(code) or len(shape) > MAX_DEPTH or not all(0 <= n < 2**31 for n in shape):
        raise NotPlain("not in the form of an answer (an array of another kind)")
    dtype, content = np.dtype(code), _bytes(tree["v"])
    if math.prod(shape) * dtype.itemsize != len(content):
        raise NotPlain("not in the form of an answer (an array whose content does not fit its shape)")
    array = np.frombuffer(bytearray(content), dtype=dtype).reshape(shape)
    array.flags.writeable = tree["writeable"] is True
    return array


def _decode_scalar(tree: Any, depth: int) -> np.generic:
    array = _decode_array(tree["v"], depth)
    if array.shape != ():
        raise NotPlain("not in the form of an answer (a number was expected)")
    return array.reshape(1)[0]


def _keys(tree: Any) -> list[Any]:
    keys = _list(tree["v"])
    if len(keys) > MAX_KEYS:
        raise NotPlain(f"a {tree['$']} of more than {MAX_KEYS:,} elements is too large")
    return keys


def _decode_set(tree: Any, depth: int) -> set[Any]:
    return {_decode(key, depth) for key in _keys(tree)}


def _decode_dict(tree: Any, depth: int) -> dict[Hashable, Any]:
    return {_decode(key, depth): _decode(value, depth) for key, value in map(_list, _keys(tree))}


def _decode_float(tree: Any, depth: int) -> float:
    return {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}[tree["v"]]


def _decode_generator(tree: Any, depth: int) -> np.random.Generator:
    state, inc, has, number = (int(text) for text in _list(tree["v"]))
    rng = np.random.default_rng(0)
    rng.bit_generator.state = {
        "bit_generator": _BIT_GENERATOR,
        "state": {"state": state, "inc": inc},
        "has_uint32": has,
        "uinteger": number,
    }
    return rng


def _decode_column(tree: Any, depth: int) -> Any:
    if tree["$"] == "texts":
        return _items(tree, depth)
    array = _decode_array(tree, depth)
    if array.ndim != 1:
        raise NotPlain("not in the form of an answer (a column was expected)")
    array.flags.writeable = True
    return array


def _decode_index(tree: Any, depth: int) -> Any:
    import pandas as pd

    name: Any = _decode(tree["name"], depth)
    if tree["$"] == "range":
        numbers = range(*(int(number) for number in _list(tree["v"])))
        if len(numbers) > MAX_ROWS:
            raise NotPlain(f"it has more than {MAX_ROWS:,} rows")
        return pd.RangeIndex(numbers, name=name)
    if tree["$"] != "index":
        raise NotPlain("not in the form of an answer (an index was expected)")
    return pd.Index(_decode_column(tree["data"], depth), name=name)


def _decode_series(tree: Any, depth: int) -> Any:
    import pandas as pd

    data, index = _decode_column(tree["data"], depth), _decode_index(tree["index"], depth)
    if len(data) != len(index):
        raise NotPlain("not in the form of an answer (values and index differ in length)")
    name: Any = _decode(tree["name"], depth)
    return pd.Series(data, index=index, name=name)


def _decode_frame(tree: Any, depth: int) -> Any:
    import pandas as pd

    index = _decode_index(tree["index"], depth)
    data = [_decode_column(column, depth) for column in _list(tree["data"])]
    names = [_decode(name, depth) for name in _list(tree["columns"])]
    if len(names) != len(data) or any(len(column) != len(index) for column in data):
        raise NotPlain("not in the form of an answer (columns of different lengths)")
    frame = pd.DataFrame(dict(enumerate(data)), index=index)
    frame.columns = pd.Index(names, name=_decode(tree["name"], depth)) if names else frame.columns
    return frame


_READERS: dict[str, Callable[[Any, int], Any]] = {
    "float": _decode_float,
    "complex": lambda tree, depth: complex(*_items(tree, depth)),
    "bytes": lambda tree, depth: _bytes(tree["v"]),
    "tuple": lambda tree, depth: tuple(_items(tree, depth)),
    "set": _decode_set,
    "frozenset": lambda tree, depth: frozenset(_decode_set(tree, depth)),
    "dict": _decode_dict,
    "scalar": _decode_scalar,
    "array": _decode_array,
    "generator": _decode_generator,
    "range": _decode_index,
    "index": _decode_index,
    "series": _decode_series,
    "frame": _decode_frame,
    "network": _decode_network,
}


def parse(line: bytes) -> dict[str, Any]:
    """Read one message of a student's process as JSON, in bounded memory and time.

    Parameters
    ----------
    line : bytes
        What was written, of bounded length.

    Returns
    -------
    dict
        The message; what is in it is still to be checked.

    Raises
    ------
    NotPlain
        If it is not a JSON object, or one of too many parts.
    """
    if line.count(b",") + line.count(b"[") + line.count(b"{") > MAX_ITEMS:
        raise NotPlain(f"it has more than {MAX_ITEMS:,} parts")
    try:
        message = json.loads(line)
    except (ValueError, RecursionError, MemoryError) as error:
        raise NotPlain(f"not a message ({type(error).__name__})") from error
    if type(message) is not dict:
        raise NotPlain("not a message")
    return message


def is_empty(value: object) -> bool:
    """Tell whether there is an array, table, list or tuple without any element in plain data.

    NumPy compares an empty array with anything as "all equal": ``np.allclose(np.empty(0), 5)`` is true.

    Parameters
    ----------
    value : object
        Plain data.

    Returns
    -------
    bool
    """
    if isinstance(value, (list, tuple)):
        return not value or any(map(is_empty, value))
    if isinstance(value, dict):
        return any(map(is_empty, value.values()))
    size = getattr(value, "size", 1)
    return isinstance(size, int) and size == 0


def changes(before: Sequence[Any], after: Sequence[object]) -> dict[str, Any]:
    """Find which arguments a function has changed in place.

    Parameters
    ----------
    before : sequence of JSON values
        The encoded arguments before the call.
    after : sequence of object
        The arguments themselves, after it.

    Returns
    -------
    dict of str to JSON value
        Position to the changed argument, encoded.
    """
    encoded = {str(i): encode(value) for i, value in enumerate(after)}
    return {i: tree for i, tree in encoded.items() if tree != before[int(i)]}
