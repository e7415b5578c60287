"""Two ways of the same work, by turns on the same input: that they agree, and what each takes.

A `Comparison` is a row of the table in ``docs/engineer/speed.md``; a `Growth` measures one at several sizes.
Each way has a process of its own, each time, so that its peak memory is its own. What it imports and the
input that it reads come before the clock starts. The process that leads imports nothing large: on Linux, a
process begins with the peak of the one that started it.
"""

from __future__ import annotations

import logging
import math
import multiprocessing
import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mnistkit.errors import UserError

if TYPE_CHECKING:
    import numpy as np

    from mnistkit.data import Dataset

MAXRSS_BYTES = 1 if sys.platform == "darwin" else 1024
"""What getrusage counts the peak in."""
CORES = "cores"
"""The size that is no input's: how many cores the processes may use."""


@dataclass(frozen=True)
class Given:
    """What both ways of a comparison get.

    Attributes
    ----------
    folder : pathlib.Path
        Where the input lies, and where a way may write.
    size : mapping of str to int
        How large it is.
    source : str
        Of the images, as for `mnistkit.data.load`.
    stack : contextlib.ExitStack
        Closed after the measurement: for servers and the like.
    """

    folder: Path
    size: Mapping[str, int]
    source: str = "auto"
    stack: ExitStack = field(default_factory=ExitStack)

    def save(self, name: str, array: np.ndarray) -> None:
        """Keep an array for the ways."""
        import numpy as np

        np.save(self.folder / f"{name}.npy", array)

    def array(self, name: str) -> np.ndarray:
        """Read an array that was kept."""
        import numpy as np

        return np.load(self.folder / f"{name}.npy")

    def fresh_folder(self) -> Path:
        """Make a new folder, for what no other turn may find."""
        return Path(tempfile.mkdtemp(dir=self.folder))


@dataclass(frozen=True)
class Timed:
    """A result of which only a part of the time counts, such as epochs after the first."""

    result: Any
    seconds: float


Way = Callable[[Given], Callable[[], Any]]
"""Imports and reads what it needs, and gives the work whose time is taken."""


def as_it_is(result: Any, given: Given) -> Any:
    """Take the result itself for what is compared."""
    return result


@dataclass(frozen=True)
class Comparison:
    """A row: the plain way to do something, and ours.

    Attributes
    ----------
    name : str
        What is done.
    ways : (str, str)
        The plain way and ours in words.
    prepare : callable
        Writes the input; says what data it is.
    plain, ours : Way
        The two.
    full, quick : mapping of str to int, or None
        The sizes; None: the row is in the full table only.
    tolerance : float
        How far the results may lie apart: absolutely, and relatively for values above 1.
    summary : callable
        Makes of a result the few values that are compared; its time does not count.
    pairs : int
        How often the two take turns.
    """

    name: str
    ways: tuple[str, str]
    prepare: Callable[[Given], str]
    plain: Way
    ours: Way
    full: Mapping[str, int]
    quick: Mapping[str, int] | None
    tolerance: float = 0.0
    summary: Callable[[Any, Given], Any] = as_it_is
    pairs: int = 3


LIMIT = "limit of "
"""How the name of a row begins that compares our way with the part of its work that no way can leave out."""


def nothing(result: Any, given: Given) -> None:
    """Compare nothing: the results of a limit's two sides are of different kinds."""


@dataclass(frozen=True)
class Growth:
    """How the cost of a row grows with one of its sizes.

    Attributes
    ----------
    row : Comparison
        What is done.
    by : str
        The size that grows; "cores" for the processor's.
    full, quick : sequence of int
        Its values.
    why : str
        A sentence: what makes it grow so.
    only_ours : bool
        Whether the plain way is left out, because it would take hours.
    turns : int
        How often each size is measured; the fastest counts.
    """

    row: Comparison
    by: str
    full: Sequence[int]
    quick: Sequence[int]
    why: str
    only_ours: bool = False
    turns: int = 2


@dataclass(frozen=True)
class Cost:
    """What one turn of one way took.

    Attributes
    ----------
    seconds : float
        Wall time.
    leading_bytes : int
        Peak memory of the process that did or led the work, with its imports and input.
    started_bytes : int
        That of the largest process that it started.
    summary : object
        What is compared.
    """

    seconds: float
    leading_bytes: int
    started_bytes: int
    summary: Any

    @property
    def peak_bytes(self) -> int:
        """Peak memory of the largest process."""
        return max(self.leading_bytes, self.started_bytes)


class DisagreementError(UserError):
    """The two ways gave different results: what they took says nothing then."""


def compare(row: Comparison, *, quick: bool = False, pairs: int | None = None, source: str = "auto") -> dict:
    """Measure a row.

    Parameters
    ----------
    row : Comparison
        What to do.
    quick : bool
        Whether at the small sizes.
    pairs : int, optional
        How often; what the row says where not given.
    source : str
        Of the images.

    Returns
    -------
    dict
        Plain data: the seconds of each pair, the median of their ratios, how far the results lay apart.

    Raises
    ------
    DisagreementError
        If the results lie further apart than the row allows, in any turn.
    """
    size = row.quick if quick and row.quick else row.full
    turns: list[tuple[Cost, Cost]] = []
    with _prepared(row, size, source) as (given, data):
        for _ in range(pairs or (1 if quick else row.pairs)):
            plain, ours = (in_process(_cost, way, row.summary, given) for way in (row.plain, row.ours))
            found = apart(plain.summary, ours.summary)
            if not found <= row.tolerance:
                raise DisagreementError(
                    row.name,
                    found=f"a difference of {found:.3g}:\n{plain.summary!s:.300}\n{ours.summary!s:.300}",
                    expected=f"at most {row.tolerance:g}",
                )
            turns.append((plain, ours))
    return {
        "ways": row.ways,
        "data": data,
        "size": dict(size),
        "seconds": [[plain.seconds, ours.seconds] for plain, ours in turns],
        "ratio": statistics.median(plain.seconds / ours.seconds for plain, ours in turns),
        "peak_bytes": [max(cost.peak_bytes for cost in side) for side in zip(*turns, strict=True)],
        "difference": max(apart(plain.summary, ours.summary) for plain, ours in turns),
        "tolerance": row.tolerance,
    }


def grow(growth: Growth, *, quick: bool = False, source: str = "auto") -> dict:
    """Measure how the cost of a row grows.

    Parameters
    ----------
    growth : Growth
        What to do.
    quick : bool
        Whether at the small sizes.
    source : str
        Of the images.

    Returns
    -------
    dict
        Plain data: for each way the seconds, the peaks of the process that leads, and the slope of the times
        (log-log).
    """
    row, values = growth.row, growth.quick if quick else growth.full
    base = row.quick if quick and row.quick else row.full
    costs: dict[str, list[Cost]] = {"ours": []} if growth.only_ours else {"plain": [], "ours": []}
    for value in values:
        with (
            _on_cores(value if growth.by == CORES else None),
            _prepared(row, {**base, growth.by: value}, source) as (given, data),
        ):
            for name, found in costs.items():
                turns = (
                    in_process(_cost, getattr(row, name), row.summary, given) for _ in range(growth.turns)
                )
                found.append(min(turns, key=lambda cost: cost.seconds))
    return {
        "row": row.name,
        "by": growth.by,
        "values": list(values),
        "data": data,
        "size": {name: number for name, number in base.items() if name != growth.by},
        "why": growth.why,
        "ways": {
            name: {
                "seconds": [cost.seconds for cost in found],
                "peak_bytes": [cost.leading_bytes for cost in found],
                "slope": slope(values, [cost.seconds for cost in found]),
            }
            for name, found in costs.items()
        },
    }


def slope(sizes: Sequence[float], costs: Sequence[float]) -> float:
    """Fit the exponent with which a cost grows.

    Parameters
    ----------
    sizes, costs : sequence of float
        Positive.

    Returns
    -------
    float
        1 where the cost grows as the size does, 2 for its square, 0 where it stays.
    """
    logs = ([math.log(value) for value in values] for values in (sizes, costs))
    return statistics.linear_regression(*logs).slope


@contextmanager
def _prepared(row: Comparison, size: Mapping[str, int], source: str) -> Iterator[tuple[Given, str]]:
    with tempfile.TemporaryDirectory() as folder:
        given = Given(Path(folder), size, source)
        yield given, in_process(_written, row.prepare, given)


@contextmanager
def _on_cores(number: int | None) -> Iterator[None]:
    """Keep the processes that are started to so many cores."""
    if number is None:
        yield
        return
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(allowed)[:number])
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


def in_process(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function in a process of its own."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def _written(prepare: Callable[[Given], str], given: Given) -> str:
    logging.getLogger("mnistkit").setLevel(logging.ERROR)  # that data is a stand-in, each row says
    return prepare(given)


def _cost(way: Way, summary: Callable[[Any, Given], Any], given: Given) -> Cost:
    with ExitStack() as stack:
        given = replace(given, stack=stack)
        work = way(given)
        start = time.perf_counter()
        result = work()
        seconds = time.perf_counter() - start
        leading = _peak(resource.RUSAGE_SELF)
    if isinstance(result, Timed):
        result, seconds = result.result, result.seconds
    return Cost(seconds, leading, _peak(resource.RUSAGE_CHILDREN), summary(result, given))


def _peak(who: int) -> int:
    return resource.getrusage(who).ru_maxrss * MAXRSS_BYTES


def apart(one: Any, other: Any) -> float:
    """Say how far two results lie apart at most; infinitely where one is of another kind, or not a number."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        if set(one) != set(other):
            return math.inf
        return max((apart(one[name], other[name]) for name in one), default=0.0)
    if isinstance(one, int | float) and isinstance(other, int | float):
        found = abs(one - other) / max(1.0, abs(one))
        return math.inf if math.isnan(found) else found
    if isinstance(one, list | tuple) and isinstance(other, list | tuple) and len(one) == len(other):
        return max(map(apart, one, other), default=0.0)
    return 0.0 if one == other else math.inf


def kind_of(dataset: Dataset) -> str:
    """Name the data of a measurement; a stand-in is called one."""
    return f"{'stand-in for ' * dataset.is_standin}{dataset.title}"


def rows_of_pixels(given: Given, name: str = "mnist") -> tuple[np.ndarray, np.ndarray, str]:
    """Give the first `n` training images as rows of bytes, their labels, and what data it is."""
    from mnistkit.data import load

    data, n = load(name, given.source), given.size["n"]
    return data.x_train[:n].reshape(-1, 784), data.y_train[:n], kind_of(data)
