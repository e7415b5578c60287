"""Answers as plain data: what passes between the grader and a student's process, as JSON text.

Numbers (NumPy's with their type, fractions, decimals), texts, lists, tuples, sets, dicts of every usual kind
and their views, arrays (masked ones and those of objects too), tables and random generators; tensors as
arrays; of a fitted scikit-learn model its documented values. Never pickle, and never an object of a class
that the other side names: what is read here has one of the types below and nothing else, so that an object
that equals everything, or one with a method of its own, can't get across.

Both sides use this module. The student's side may do with its copy what it likes: `decode` believes
nothing.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import json
import math
import re
import sys
from collections import Counter, OrderedDict, defaultdict, deque, namedtuple
from collections.abc import Callable, Hashable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np

from mnistkit.grading.sandbox.keras_codec import CannotSend, build, describe_network, is_network
from mnistkit.grading.sandbox.sklearn_codec import FittedModel, documented_values, is_model

MAX_NESTING = 20
MAX_ITEMS = 500_000
MAX_KEYS = 5_000
"""Most elements of a set or dict: of numbers with one and the same hash they take quadratic time."""
MAX_ROWS = 10_000_000
MAX_MESSAGE = 2_000
"""Longest text that is shown of an answer or an error, in characters."""

_PLAIN_DTYPE = re.compile(
    r"[<>|](b1|[iu][1248]|f[248]|c8|c16|U\d{1,6}|S\d{1,6}|[mM]8(\[(Y|M|W|D|h|m|s|ms|us|ns)\])?)"
)
_NULLABLE = re.compile(r"U?Int(8|16|32|64)|Float(32|64)|boolean")
"""pandas' columns of numbers that know what is missing."""
_FACTORIES = {maker.__name__: maker for maker in (int, float, str, bool, list, dict, set, tuple)}
"""What a defaultdict may make."""
_MAX_DIGITS = 4000
_BIT_GENERATOR = "PCG64"  # what numpy.random.default_rng gives


class NotSerializable(Exception):  # noqa: N818 (it is an answer's property, not a fault of this program)
    """Something that is not plain data, or not in the form that `encode` gives."""


def encode(value: object) -> Any:
    """Turn plain data into what `json.dumps` can write.

    Parameters
    ----------
    value : object
        See above; nested at will. Also a Keras network of Keras' own layers.

    Returns
    -------
    JSON value
        For `decode`.

    Raises
    ------
    NotSerializable
        If there is anything else in it; the message names its type.
    """
    return _encode(value, 0)


def _encode(value: Any, depth: int) -> Any:
    if depth > MAX_NESTING:
        raise NotSerializable(f"it is nested more than {MAX_NESTING} levels deep")
    kind = type(value)
    if value is None or kind in (bool, int, str):
        return value
    if kind in (float, complex, bytes):
        return _encode_atom(value)
    if kind in (list, tuple):
        items = [_encode(item, depth + 1) for item in value]
        return items if kind is list else _tagged("tuple", v=items)
    if kind in (set, frozenset):
        items = sorted((_encode(item, depth + 1) for item in value), key=json.dumps)
        return _tagged(kind.__name__, v=items)  # equal sets give equal texts, whatever their order is
    if kind is dict:
        return _tagged("dict", v=_encode_pairs(value, depth))
    return _encode_object(value, kind, depth)


def _encode_pairs(value: Mapping[Any, Any], depth: int) -> list[Any]:
    return [[_encode(k, depth + 1), _encode(v, depth + 1)] for k, v in value.items()]


def _encode_object(value: Any, kind: type, depth: int) -> Any:
    if isinstance(value, np.generic):
        return _tagged("scalar", v=_encode_array(np.asarray(value)))
    if kind is np.ma.MaskedArray:
        mask = _encode_array(np.ma.getmaskarray(value))
        return _tagged("masked", data=_encode(np.asarray(value.data), depth + 1), mask=mask)
    if kind in (np.ndarray, np.memmap):
        return _encode_objects(value, depth) if value.dtype == object else _encode_array(np.asarray(value))
    if kind is np.random.Generator:
        return _encode_generator(value)
    libraries = ((_is_pandas, _encode_pandas), (is_network, _encode_network), (is_model, _encode_model))
    for is_one, write in libraries:
        if is_one(value):
            return write(value, depth)
    if (tensor := _as_array(value)) is not None:
        return _encode(tensor, depth)
    if kind in _WRITERS:
        return _WRITERS[kind](value, depth)
    if isinstance(value, tuple) and (names := getattr(value, "_fields", None)):
        return _tagged("named", names=list(names), v=[_encode(item, depth + 1) for item in value])
    raise NotSerializable(f"a {kind.__qualname__[:MAX_MESSAGE]} object is not plain data")


def _as_array(value: Any) -> Any:
    """Give the numbers of a tensor of TensorFlow or Keras, without importing either; None for others."""
    tensorflow, keras = sys.modules.get("tensorflow"), sys.modules.get("keras")
    is_tensor = tensorflow is not None and tensorflow.is_tensor(value)
    if is_tensor or (keras is not None and isinstance(value, keras.Variable)):
        return value.numpy() if hasattr(value, "numpy") else None
    return None


def _encode_default(value: defaultdict[Any, Any], depth: int) -> dict[str, Any]:
    made = getattr(value.default_factory, "__name__", "")
    factory = made if _FACTORIES.get(made) is value.default_factory else ""
    return _tagged("default", factory=factory, v=_encode_pairs(value, depth))


def _writer(tag: str) -> Callable[[Any, int], Any]:
    """Write the items of something one after the other."""
    return lambda value, depth: _tagged(tag, v=[_encode(item, depth + 1) for item in value])


_WRITERS: dict[type, Callable[[Any, int], Any]] = {
    Counter: lambda value, depth: _tagged("counter", v=_encode_pairs(value, depth)),
    OrderedDict: lambda value, depth: _tagged("ordered", v=_encode_pairs(value, depth)),
    defaultdict: _encode_default,
    deque: _writer("deque"),
    range: lambda value, depth: _tagged("span", v=[value.start, value.stop, value.step]),
    Fraction: lambda value, depth: _tagged("fraction", v=[int(value.numerator), int(value.denominator)]),
    Decimal: lambda value, depth: _tagged("decimal", v=str(value)),
    bytearray: lambda value, depth: _encode_atom(bytes(value)),
}
_VIEWS = ("keys", "values", "items")
_WRITERS |= {type(getattr(kind(), view)()): _writer(view) for kind in (dict, OrderedDict) for view in _VIEWS}


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
        raise NotSerializable(f"an array of dtype {array.dtype} is not plain data")
    return _tagged(
        "array",
        dtype=code,
        shape=list(array.shape),
        writeable=bool(array.flags.writeable),
        v=base64.b64encode(np.ascontiguousarray(array).tobytes()).decode(),
    )


def _encode_objects(array: np.ndarray, depth: int) -> dict[str, Any]:
    items = [_encode(item, depth + 1) for item in array.ravel().tolist()]
    return _tagged("objects", shape=list(array.shape), v=items)


def _encode_generator(rng: np.random.Generator) -> dict[str, Any]:
    state: Any = rng.bit_generator.state
    if state["bit_generator"] != _BIT_GENERATOR:
        raise NotSerializable(
            f"a generator of {state['bit_generator']} is not supported, only {_BIT_GENERATOR}"
        )
    numbers = [state["state"]["state"], state["state"]["inc"], state["has_uint32"], state["uinteger"]]
    return _tagged("generator", v=[str(number) for number in numbers])


def _is_pandas(value: object) -> bool:
    return type(value).__module__.split(".")[0] == "pandas"


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
    if value is pd.NA:
        return _tagged("NA")
    if isinstance(value, pd.api.extensions.ExtensionArray):
        return _tagged("column", data=_encode_column(value, depth))
    if value is pd.NaT or (isinstance(value, pd.Timestamp | pd.Timedelta) and not getattr(value, "tz", None)):
        return _encode(value.to_numpy(), depth)
    raise NotSerializable(f"a pandas {type(value).__name__[:MAX_MESSAGE]} is not plain data")


def _encode_index(index: Any, depth: int) -> dict[str, Any]:
    import pandas as pd

    if isinstance(index, pd.MultiIndex):
        levels = [_encode_column(index.get_level_values(i), depth) for i in range(index.nlevels)]
        return _tagged("levels", data=levels, names=[_encode(name, depth + 1) for name in index.names])
    name = _encode(index.name, depth + 1)
    if type(index) is pd.RangeIndex:
        return _tagged("range", v=[index.start, index.stop, index.step], name=name)
    return _tagged("index", data=_encode_column(index, depth), name=name)


def _encode_column(column: Any, depth: int) -> Any:
    import pandas as pd

    dtype = column.dtype
    of_objects = dtype == np.dtype(object)
    if isinstance(dtype, np.dtype) and not of_objects:
        return _encode_array(np.asarray(column))
    if isinstance(dtype, pd.CategoricalDtype):
        codes = pd.Categorical(column).codes
        of = _encode_column(dtype.categories, depth)
        return _tagged("categories", codes=_encode_array(codes), of=of, ordered=bool(dtype.ordered))
    missing = np.asarray(pd.isna(column))
    if _NULLABLE.fullmatch(str(dtype)):
        plain = column.to_numpy(dtype=dtype.numpy_dtype, na_value=dtype.numpy_dtype.type(0))
        return _tagged("nullable", dtype=str(dtype), data=_encode_array(plain), mask=_encode_array(missing))
    items = [None if gone else item for item, gone in zip(column, missing, strict=True)]
    if str(dtype) in ("str", "string") or (of_objects and all(isinstance(i, str | None) for i in items)):
        return _tagged("texts", v=[_encode(item, depth + 2) for item in items])
    if of_objects:
        return _encode_objects(np.asarray(column), depth)
    raise NotSerializable(f"a column of dtype {dtype} is not plain data")


def _encode_network(value: Any, depth: int) -> dict[str, Any]:
    try:
        config, weights = describe_network(value)
    except CannotSend as error:
        raise NotSerializable(str(error)) from error
    return _tagged("network", config=config, weights=_encode(weights, depth + 1))


def _decode_network(tree: Any, depth: int) -> Any:
    try:
        return build(tree["config"], _decode(tree["weights"], depth))
    except CannotSend as error:
        raise NotSerializable(str(error)) from error


def _encode_model(value: Any, depth: int) -> dict[str, Any]:
    found = []
    for name, part in documented_values(value).items():
        with contextlib.suppress(NotSerializable):  # what is no plain data stays behind
            found.append([name, _encode(part, depth + 1)])
    return _tagged("model", name=type(value).__name__, v=found)


def _decode_model(tree: Any, depth: int) -> FittedModel:
    values = {str(name): value for name, value in _decode_dict(tree, depth).items()}
    return FittedModel(tree["name"], values)


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
    NotSerializable
        If it is not of that form.
    """
    try:
        return _decode(tree, 0)
    except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, MemoryError) as error:
        raise NotSerializable(f"not in the form of an answer ({type(error).__name__})") from error


def _decode(tree: Any, depth: int) -> Any:
    if depth > MAX_NESTING:
        raise NotSerializable(f"it is nested more than {MAX_NESTING} levels deep")
    if tree is None or type(tree) in (bool, int, float, str):
        return tree
    if type(tree) is list:
        return [_decode(item, depth + 1) for item in tree]
    return _READERS[tree["$"]](tree, depth + 1)


def _items(tree: Any, depth: int) -> list[Any]:
    return [_decode(item, depth) for item in _list(tree["v"])]


def _list(value: Any) -> list[Any]:
    if type(value) is not list:
        raise NotSerializable("not in the form of an answer (a list was expected)")
    return value


def _bytes(text: Any) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise NotSerializable("not in the form of an answer (base64 was expected)") from error


def _decode_array(tree: Any, depth: int) -> np.ndarray:
    code, shape = tree["dtype"], [int(size) for size in _list(tree["shape"])]
    if not _PLAIN_DTYPE.fullmatch(code) or len(shape) > MAX_NESTING or not all(0 <= n < 2**31 for n in shape):
        raise NotSerializable("not in the form of an answer (an array of another kind)")
    dtype, content = np.dtype(code), _bytes(tree["v"])
    if math.prod(shape) * dtype.itemsize != len(content):
        raise NotSerializable("not in the form of an answer (an array whose content does not fit its shape)")
    array = np.frombuffer(bytearray(content), dtype=dtype).reshape(shape)
    array.flags.writeable = tree["writeable"] is True
    return array


def _decode_scalar(tree: Any, depth: int) -> np.generic:
    array = _decode_array(tree["v"], depth)
    if array.shape != ():
        raise NotSerializable("not in the form of an answer (a number was expected)")
    return array.reshape(1)[0]


def _keys(tree: Any) -> list[Any]:
    keys = _list(tree["v"])
    if len(keys) > MAX_KEYS:
        raise NotSerializable(f"a {tree['$']} of more than {MAX_KEYS:,} elements is too large")
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


def _decode_objects(tree: Any, depth: int) -> np.ndarray:
    items, shape = _items(tree, depth), [int(size) for size in _list(tree["shape"])]
    if len(shape) > MAX_NESTING or math.prod(shape) != len(items):
        raise NotSerializable("not in the form of an answer (an array whose content does not fit its shape)")
    array = np.empty(len(items), dtype=object)
    for position, item in enumerate(items):
        array[position] = item
    return array.reshape(shape)


def _decode_masked(tree: Any, depth: int) -> np.ma.MaskedArray:
    data, mask = _decode(tree["data"], depth), _decode_array(tree["mask"], depth)
    if not isinstance(data, np.ndarray) or mask.shape != data.shape:
        raise NotSerializable("not in the form of an answer (a masked array)")
    return np.ma.MaskedArray(data, mask.astype(bool))


def _decode_named(tree: Any, depth: int) -> tuple[Any, ...]:
    return namedtuple("Answer", [str(name) for name in _list(tree["names"])])(*_items(tree, depth))


def _decode_decimal(tree: Any, depth: int) -> Decimal:
    """Of a size that one can compute with: a whole number of 10^999999999 has a billion digits."""
    number = Decimal(tree["v"]) if len(tree["v"]) < _MAX_DIGITS else Decimal("nan")
    if number.is_finite() and abs(number.adjusted()) > _MAX_DIGITS:
        raise NotSerializable("it is too large a number")
    return number


def _decode_range(tree: Any, depth: int) -> range:
    numbers = range(*(int(number) for number in _list(tree["v"])))
    if len(numbers) > MAX_ROWS:
        raise NotSerializable(f"it has more than {MAX_ROWS:,} numbers")
    return numbers


def _decode_nullable(tree: Any) -> Any:
    import pandas as pd

    if not _NULLABLE.fullmatch(tree["dtype"]):
        raise NotSerializable("not in the form of an answer (a column was expected)")
    values = pd.array(_decode_array(tree["data"], 0).ravel(), dtype=tree["dtype"])
    values[_decode_array(tree["mask"], 0).astype(bool)] = pd.NA
    return values


def _decode_categories(tree: Any, depth: int) -> Any:
    import pandas as pd

    of = pd.Index(_decode_column(tree["of"], depth + 1))
    return pd.Categorical.from_codes(_decode_array(tree["codes"], 0), of, ordered=tree["ordered"] is True)


def _decode_column(tree: Any, depth: int) -> Any:
    if depth > MAX_NESTING:
        raise NotSerializable(f"it is nested more than {MAX_NESTING} levels deep")
    kind = tree["$"]
    if kind == "texts":
        return _items(tree, depth)
    if kind == "nullable":
        return _decode_nullable(tree)
    if kind == "categories":
        return _decode_categories(tree, depth)
    array = _decode_objects(tree, depth) if kind == "objects" else _decode_array(tree, depth)
    if array.ndim != 1:
        raise NotSerializable("not in the form of an answer (a column was expected)")
    array.flags.writeable = True
    return array


def _decode_index(tree: Any, depth: int) -> Any:
    import pandas as pd

    if tree["$"] == "levels":
        levels = [_decode_column(level, depth) for level in _list(tree["data"])]
        names: Any = [_decode(name, depth) for name in _list(tree["names"])]
        return pd.MultiIndex.from_arrays(levels, names=names)
    name: Any = _decode(tree["name"], depth)
    if tree["$"] == "range":
        numbers = range(*(int(number) for number in _list(tree["v"])))
        if len(numbers) > MAX_ROWS:
            raise NotSerializable(f"it has more than {MAX_ROWS:,} rows")
        return pd.RangeIndex(numbers, name=name)
    if tree["$"] != "index":
        raise NotSerializable("not in the form of an answer (an index was expected)")
    return pd.Index(_decode_column(tree["data"], depth), name=name)


def _decode_series(tree: Any, depth: int) -> Any:
    import pandas as pd

    data, index = _decode_column(tree["data"], depth), _decode_index(tree["index"], depth)
    if len(data) != len(index):
        raise NotSerializable("not in the form of an answer (values and index differ in length)")
    name: Any = _decode(tree["name"], depth)
    return pd.Series(data, index=index, name=name)


def _decode_frame(tree: Any, depth: int) -> Any:
    import pandas as pd

    index = _decode_index(tree["index"], depth)
    data = [_decode_column(column, depth) for column in _list(tree["data"])]
    names = [_decode(name, depth) for name in _list(tree["columns"])]
    if len(names) != len(data) or any(len(column) != len(index) for column in data):
        raise NotSerializable("not in the form of an answer (columns of different lengths)")
    frame = pd.DataFrame(dict(enumerate(data)), index=index)
    frame.columns = pd.Index(names, name=_decode(tree["name"], depth)) if names else frame.columns
    return frame


def _missing() -> Any:
    import pandas as pd

    return pd.NA


_READERS: dict[str, Callable[[Any, int], Any]] = {
    "float": _decode_float,
    "complex": lambda tree, depth: complex(*_items(tree, depth)),
    "bytes": lambda tree, depth: _bytes(tree["v"]),
    "tuple": lambda tree, depth: tuple(_items(tree, depth)),
    "set": _decode_set,
    "frozenset": lambda tree, depth: frozenset(_decode_set(tree, depth)),
    "dict": _decode_dict,
    "counter": lambda tree, depth: Counter(_decode_dict(tree, depth)),
    "ordered": lambda tree, depth: OrderedDict(_decode_dict(tree, depth)),
    "default": lambda tree, depth: defaultdict(_FACTORIES.get(tree["factory"]), _decode_dict(tree, depth)),
    "named": _decode_named,
    "keys": lambda tree, depth: dict.fromkeys(_items({**tree, "v": _keys(tree)}, depth)).keys(),
    "values": lambda tree, depth: dict(enumerate(_items(tree, depth))).values(),
    "items": lambda tree, depth: dict(_items({**tree, "v": _keys(tree)}, depth)).items(),
    "deque": lambda tree, depth: deque(_items(tree, depth)),
    "span": _decode_range,
    "fraction": lambda tree, depth: Fraction(*(int(number) for number in _list(tree["v"]))),
    "decimal": _decode_decimal,
    "objects": _decode_objects,
    "masked": _decode_masked,
    "column": lambda tree, depth: _decode_column(tree["data"], depth),
    "NA": lambda tree, depth: _missing(),
    "levels": _decode_index,
    "scalar": _decode_scalar,
    "array": _decode_array,
    "generator": _decode_generator,
    "range": _decode_index,
    "index": _decode_index,
    "series": _decode_series,
    "frame": _decode_frame,
    "network": _decode_network,
    "model": _decode_model,
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
    NotSerializable
        If it is not a JSON object, or one of too many parts.
    """
    if line.count(b",") + line.count(b"[") + line.count(b"{") > MAX_ITEMS:
        raise NotSerializable(f"it has more than {MAX_ITEMS:,} parts")
    try:
        message = json.loads(line)
    except (ValueError, RecursionError, MemoryError) as error:
        raise NotSerializable(f"not a message ({type(error).__name__})") from error
    if type(message) is not dict:
        raise NotSerializable("not a message")
    return message


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
