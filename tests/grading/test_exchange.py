"""What passes between the grader and a student's process, and what does not."""

import json
import math
from collections import Counter, OrderedDict, defaultdict, deque, namedtuple
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest

from mnistkit.grading.sandbox.codec import MAX_NESTING, NotSerializable, changes, decode, encode, parse

SAMPLES = [
    None,
    True,
    0,
    -(2**70),
    0.1,
    "a ü \ud800 \n",
    b"\x00\xff",
    1 + 2j,
    [],
    [1, [2.0, "x"]],
    (1, (2,)),
    (),
    {1, 2},
    frozenset({"a"}),
    {"a": 1, 2: [3], (1, "b"): None},
    np.float32(0.1),
    np.int64(7),
    np.bool_(True),
    np.str_("text"),
    np.complex128(1j),
    Counter("abca"),
    OrderedDict(b=1, a=2),
    defaultdict(list, a=[1]),
    defaultdict(None, a=1),
    deque([1, 2]),
    range(2, 9, 3),
    Fraction(1, 3),
    Decimal("0.10"),
    Decimal("-inf"),
    np.datetime64("2026-11-29"),
    {"a": 1}.keys(),
    {"a": 1}.items(),
]


def through(value):
    return decode(json.loads(json.dumps(encode(value))))


@pytest.mark.parametrize("value", SAMPLES, ids=repr)
def test_values_come_back_with_their_types(value):
    back = through(value)
    assert type(back) is type(value)
    assert back == value


def test_kinds_of_dicts_stay_what_they_are():
    assert through(Counter("aab"))["nothing"] == 0
    assert through(defaultdict(list))["nothing"] == []
    with pytest.raises(KeyError):
        through(defaultdict(lambda: 3))["nothing"]
    assert list(through({"b": 3, "a": 4}.values())) == [3, 4]
    assert through(OrderedDict(a=1).keys()) == {"a"}
    point = through(namedtuple("Trial", "x y")(1, [2]))
    assert (point.x, point) == (1, (1, [2]))


def test_masked_arrays_and_arrays_of_objects_come_back():
    masked = through(np.ma.MaskedArray([1.0, 2.0], [False, True]))
    assert (masked.mask.tolist(), masked.data.tolist()) == ([False, True], [1.0, 2.0])
    objects = np.array([[1, None], ["a", Fraction(1, 2)]], dtype=object)
    assert through(objects).tolist() == objects.tolist()
    assert through(pd.NA) is pd.NA
    assert through(pd.Timestamp("2026-11-29")) == pd.Timestamp("2026-11-29")


def test_a_tensor_is_an_array():
    tensorflow = pytest.importorskip("tensorflow")
    back = through({"a": tensorflow.constant([[1.0, 2.0]]), "b": tensorflow.Variable(3)})
    assert (back["a"].tolist(), back["b"].tolist()) == ([[1.0, 2.0]], 3)


def test_what_is_not_a_finite_number_comes_back():
    assert math.isnan(through(math.nan))
    assert through([math.inf, -math.inf]) == [math.inf, -math.inf]
    assert math.isnan(through(np.float32("nan")))


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6, dtype=np.uint8).reshape(2, 3),
        np.array(3.5),
        np.zeros((0, 4)),
        np.array([True, False]),
        np.array(["a", "bcd"]),
        np.arange(12.0).reshape(3, 4).T[::2],
        np.array([1, 2], dtype=">i4"),
        np.array([np.nan, np.inf]),
    ],
    ids=str,
)
def test_arrays_come_back(array):
    back = through(array)
    assert back.dtype == array.dtype
    assert back.shape == array.shape
    np.testing.assert_array_equal(back, array)
    assert back.flags.writeable == array.flags.writeable


def test_a_read_only_array_stays_read_only():
    array = np.arange(3)
    array.flags.writeable = False
    assert not through(array).flags.writeable


@pytest.mark.parametrize(
    "table",
    [
        pd.DataFrame({"k": [2, 3], "share": [0.1, np.nan], "name": ["a", "b"]}),
        pd.DataFrame({"k": [2, 3]}, index=pd.Index(["x", "y"], name="row")),
        pd.DataFrame(np.arange(4).reshape(2, 2), columns=pd.Index([5, 7], name="digit")),
        pd.DataFrame({"k": [1, 2, 3]}).iloc[::-1],
        pd.DataFrame({"flag": [True, False]}),
        pd.DataFrame({"n": pd.array([1, None], dtype="Int64"), "f": pd.array([True, None], dtype="boolean")}),
        pd.DataFrame({"x": pd.array([0.5, None], dtype="Float32")}),
        pd.DataFrame({"c": pd.Categorical(["b", "a", None], ["b", "a"], ordered=True)}),
        pd.DataFrame({"o": np.array([1, "a"], dtype=object), "t": pd.date_range("2026-01-01", periods=2)}),
        pd.DataFrame({"a": [1]}, index=pd.MultiIndex.from_tuples([(1, "x")], names=["m", "n"])),
        pd.DataFrame({("a", "b"): [1]}, index=pd.CategoricalIndex(["u"])),
        pd.DataFrame(),
    ],
    ids=str,
)
def test_tables_come_back(table):
    pd.testing.assert_frame_equal(through(table), table, check_column_type=len(table) > 0)


def test_series_come_back():
    series = pd.Series([0.5, 1.5], index=["a", "b"], name="share")
    pd.testing.assert_series_equal(through(series), series)


def test_a_generator_goes_on_where_it_was():
    rng = np.random.default_rng(3)
    rng.integers(10, size=3, dtype=np.int32)
    assert through(rng).integers(1000, size=9).tolist() == rng.integers(1000, size=9).tolist()


class Trick:
    def __eq__(self, other):
        return True

    __hash__ = object.__hash__


class Number(float):
    def __eq__(self, other):
        return True

    __hash__ = float.__hash__


class Array(np.ndarray):
    pass


REFUSED = [
    Trick(),
    Number(3),
    [Trick()],
    {"a": Trick()},
    np.arange(3).view(Array),
    np.array([Trick()]),
    np.array([(1, 2)], dtype=[("a", int), ("b", int)]),
    type("Frame", (pd.DataFrame,), {})({"a": [1]}),
    pd.DataFrame({"a": [Trick()]}),
    pd.cut(pd.Series([1, 2]), 2),
    (number for number in [1]),
    np.random.Generator(np.random.MT19937(0)),
    print,
    Trick,
    object(),
]


@pytest.mark.parametrize("value", REFUSED, ids=lambda value: type(value).__name__)
def test_objects_are_refused_by_name(value):
    with pytest.raises(NotSerializable, match=r"plain data|supported"):
        encode(value)


def test_the_refusal_names_the_type():
    with pytest.raises(NotSerializable, match="Trick object"):
        encode([1, Trick()])


def test_depth_is_limited_on_both_sides():
    deep = []
    for _ in range(MAX_NESTING + 1):
        deep = [deep]
    for turn in (encode, decode):
        with pytest.raises(NotSerializable, match="deep"):
            turn(deep)


ARRAY = {"$": "array", "dtype": "<f8", "shape": [1], "writeable": True, "v": "AAAAAAAAAAA="}


@pytest.mark.parametrize(
    "tree",
    [
        {"$": "pickle", "v": "gASVAAA="},
        {"v": 1},
        {"$": ["array"]},
        {"$": "tuple", "v": "abc"},
        {"$": "tuple", "v": {"0": 1}},
        {"$": "dict", "v": [[1]]},
        {"$": "dict", "v": [[[1], 2]]},
        {"$": "set", "v": [[1]]},
        {"$": "float", "v": "1"},
        {"$": "complex", "v": ["1", {}]},
        {"$": "bytes", "v": "?"},
        {"$": "decimal", "v": "1e999999999"},
        {"$": "fraction", "v": [1, 0]},
        {"$": "span", "v": [0, 10**12, 1]},
        {"$": "named", "names": ["a b"], "v": [1]},
        {"$": "objects", "shape": [3], "v": [1]},
        {"$": "column", "data": {"$": "nullable", "dtype": "object", "data": ARRAY, "mask": ARRAY}},
        {"$": "masked", "data": [1], "mask": ARRAY},
        {"$": "bytes", "v": 5},
        {"$": "scalar", "v": ARRAY},
        {"$": "generator", "v": ["1", "2", "3"]},
        {"$": "generator", "v": ["x", "1", "0", "0"]},
        ARRAY | {"dtype": "|O8"},
        ARRAY | {"dtype": "|V8"},
        ARRAY | {"dtype": "O"},
        ARRAY | {"dtype": ["<f8"]},
        ARRAY | {"shape": [2]},
        ARRAY | {"shape": [-1]},
        ARRAY | {"shape": [2**40, 0], "v": ""},
        ARRAY | {"shape": [1] * 30},
        ARRAY | {"v": "AAAAAAAAAA"},
        {"$": "range", "v": [0, 10**15, 1], "name": None},
        {"$": "range", "v": [0, 1, 0], "name": None},
        {"$": "series", "data": ARRAY, "index": {"$": "range", "v": [0, 2, 1], "name": None}, "name": None},
        {"$": "series", "data": ARRAY, "index": ARRAY, "name": None},
        {
            "$": "frame",
            "columns": [],
            "data": [ARRAY],
            "name": None,
            "index": {"$": "range", "v": [0, 1, 1], "name": None},
        },
    ],
    ids=str,
)
def test_what_no_encoder_gives_is_refused(tree):
    with pytest.raises(NotSerializable):
        decode(tree)


@pytest.mark.parametrize(
    "line", [b"", b"nonsense", b"[1]", b"3", b"[" * 100_000, b'{"a":' * 3000, b"9" * 10_000, b"\xff{}"]
)
def test_a_message_is_a_json_object(line):
    with pytest.raises(NotSerializable):
        parse(line)


def test_a_message_of_too_many_parts_is_not_even_parsed():
    with pytest.raises(NotSerializable, match="parts"):
        parse(b'{"value": [' + b"[]," * 600_000 + b"[]]}")


@pytest.mark.parametrize("kind", [set, frozenset, lambda items: [({"k": set(items)},)]])
def test_a_set_is_the_same_in_whatever_order_it_stands(kind):
    """Two processes have two orders of the same texts; these numbers have the order of their making."""
    one, other = kind([0, 8]), kind([8, 0])
    assert str(one) != str(other)
    assert encode(one) == encode(other)
    assert changes([encode(one)], [other]) == {}


def test_changed_arguments_are_found():
    values = [np.zeros(2), [1, 2], "text"]
    before = [encode(value) for value in values]
    assert changes(before, values) == {}
    values[0][1] = 7
    values[1].append(3)
    changed = changes(before, values)
    assert sorted(changed) == ["0", "1"]
    assert decode(changed["0"]).tolist() == [0, 7]
    assert decode(changed["1"]) == [1, 2, 3]


@pytest.mark.parametrize("kind", ["set", "frozenset", "dict"])
def test_keys_with_the_same_hash_take_no_quadratic_time(kind):
    """Half a million of these keys would take half an hour."""
    same_hash = [number * (2**61 - 1) for number in range(100_000)]
    keys = [[key, 0] for key in same_hash] if kind == "dict" else same_hash
    with pytest.raises(NotSerializable, match=f"a {kind} of more than 5,000 elements"):
        decode({"$": kind, "v": keys})
    assert len(decode(encode(set(range(5_000))))) == 5_000
