"""What a sweep varies: the settings of its runs, from ``--grid`` options or a YAML file.

A plan in YAML has any of these parts; the runs of all of them are made::

    lessons: [02]            # all lessons where it is missing
    preset: smoke
    set: {data: bundled}     # the same for all runs
    grid: {k_max: [8, 12, 16], seed: 0..4}
    list:
      - {k_max: 20, seed: 0}
    random:
      samples: 10
      seed: 1
      parameters:
        k_max: 4..20
        step: {low: 0.001, high: 0.1, scale: log}
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mnistkit.course.lessons import unknown
from mnistkit.course.parameters import PRESETS, Value
from mnistkit.errors import UserError
from mnistkit.files import read_yaml

_PARTS = ("lessons", "preset", "set", "grid", "list", "random")
_RANGE = re.compile(r"(-?\d+)\.\.(-?\d+)")
_MOST_RUNS = 100_000


@dataclass(frozen=True)
class SweepPlan:
    """What to run, with which settings.

    Attributes
    ----------
    settings : list of dict
        Values by parameter, one dict a run; as texts where they were typed on the command line.
    lessons : tuple of str
        Lessons as `mnistkit.course.lessons.select` takes them; empty: all.
    preset : str or None
        Where the plan names one.
    """

    settings: list[dict[str, Value]]
    lessons: tuple[str, ...] = ()
    preset: str | None = None


@dataclass
class _Reader:
    """Reads the parts of a plan; what is wrong is said with the place where it stands."""

    where: str

    def fail(self, part: str, found: Any, expected: str) -> UserError:
        return UserError(f"{self.where}: {part}", found=f"{found!r}", expected=expected)

    def mapping(self, part: str, found: Any, expected: str) -> dict[str, Any]:
        if not isinstance(found, dict) or not found or not all(isinstance(name, str) for name in found):
            raise self.fail(part, found, expected)
        return found

    def grid(self, found: Any) -> Iterator[dict[str, Value]]:
        # Not sklearn's ParameterGrid, which gives the same: that takes two seconds to import.
        axes = self.mapping("grid", found, "name: [value, value, …] lines")
        values = {name: self.values(f"grid: {name}", axes[name]) for name in axes}
        names = sorted(values)
        for combined in itertools.product(*(values[name] for name in names)):
            yield dict(zip(names, combined, strict=True))

    def values(self, part: str, found: Any) -> list[Value]:
        """Read the values of one parameter: a list, a range ``0..4`` with both ends, or a single value."""
        values = found if isinstance(found, list) else [found]
        spread = [value for each in values for value in self._spread(part, each)]
        if not spread or not all(isinstance(value, bool | int | float | str) for value in spread):
            raise self.fail(part, found, "values like [8, 12, 16] or 0..4")
        return spread

    def _spread(self, part: str, value: Any) -> Sequence[Value]:
        ends = _RANGE.fullmatch(value) if isinstance(value, str) else None
        if ends is None:
            return [value]
        low, high = int(ends[1]), int(ends[2])
        if not low <= high < low + _MOST_RUNS:
            raise self.fail(
                part, value, f"a range from a lower to a higher number, below {_MOST_RUNS:,} values"
            )
        return range(low, high + 1)

    def listed(self, found: Any) -> Iterator[dict[str, Value]]:
        if not isinstance(found, list):
            raise self.fail("list", found, "- {name: value, …} lines")
        for each in found:
            yield self.mapping("list", each, "{name: value, …}")

    def random(self, found: Any) -> Iterator[dict[str, Value]]:
        from sklearn.model_selection import ParameterSampler

        expected = "samples: a number of runs; seed: a whole number; parameters: what to draw"
        part = self.mapping("random", found, expected)
        if set(part) != {"samples", "seed", "parameters"}:
            raise self.fail("random", sorted(part), expected)
        samples, seed = part["samples"], part["seed"]
        if type(samples) is not int or type(seed) is not int or not 0 < samples <= _MOST_RUNS or seed < 0:
            raise self.fail("random", {"samples": samples, "seed": seed}, expected)
        axes = self.mapping("random: parameters", part["parameters"], "name: values lines")
        drawn = {name: self._distribution(f"random: {name}", axes[name]) for name in axes}
        for setting in ParameterSampler(drawn, samples, random_state=seed):
            yield {
                name: getattr(value, "item", lambda value=value: value)() for name, value in setting.items()
            }

    def _distribution(self, part: str, found: Any) -> Any:
        from scipy import stats

        if not isinstance(found, dict):
            return self.values(part, found)
        match found:
            case {"low": int() | float() as low, "high": int() | float() as high, **more} if low < high:
                scale = more.pop("scale", "linear")
                if not more and scale == "linear":
                    return stats.uniform(low, high - low)
                if not more and scale == "log" and low > 0:
                    return stats.loguniform(low, high)
        expected = "{low: number, high: number, scale: linear or log}, low below high, above 0 for log"
        raise self.fail(part, found, expected)


def parse_grid(texts: Sequence[str]) -> dict[str, list[str]]:
    """Split ``NAME=VALUE,VALUE`` texts of the command line.

    Parameters
    ----------
    texts : sequence of str
        The texts.

    Returns
    -------
    dict of str to list of str
        The grid of a plan.

    Raises
    ------
    UserError
        If one has no ``=`` or no value, or a name comes twice.
    """
    grid: dict[str, list[str]] = {}
    for text in texts:
        name, _, values = text.partition("=")
        if not values or "" in values.split(","):
            raise UserError(f"--grid {text}: expected NAME=VALUE,VALUE,… or NAME=0..4")
        if name in grid:
            raise UserError(f"--grid {name} is given twice")
        grid[name] = values.split(",")
    return grid


def read_plan(path: Path) -> dict[str, Any]:
    """Read a plan from a YAML file.

    Parameters
    ----------
    path : pathlib.Path
        The file.

    Returns
    -------
    dict
        Its parts, for `make_plan`.

    Raises
    ------
    UserError
        If the file can't be read, or has a part that no plan has.
    """
    content = read_yaml(path)
    if not isinstance(content, dict):
        raise UserError(path, found=f"{content!r}", expected=f"parts: {', '.join(_PARTS)}")
    for name in content:
        if name not in _PARTS:
            raise UserError(f"{path}: {unknown('part', str(name), _PARTS)}")
    return content


def make_plan(content: Mapping[str, Any], where: str) -> SweepPlan:
    """Work out the settings of all runs of a sweep.

    Parameters
    ----------
    content : mapping
        The parts of a plan.
    where : str
        The file's name or ``--grid``, for messages.

    Returns
    -------
    SweepPlan
        In the order grid, list, random.

    Raises
    ------
    UserError
        If a part is not as it should be, or there is nothing to vary.
    """
    read = _Reader(where)
    fixed = read.mapping("set", content["set"], "name: value lines") if content.get("set") else {}
    readers = {"grid": read.grid, "list": read.listed, "random": read.random}
    settings = [
        {**fixed, **varied}
        for part, reader in readers.items()
        if part in content
        for varied in reader(content[part])
    ]
    if not settings:
        raise UserError(
            f"{where}: nothing to vary",
            todo="give --grid NAME=VALUE,VALUE or a plan with grid, list or random",
        )
    lessons = content.get("lessons") or []
    if not isinstance(lessons, list):
        raise read.fail("lessons", lessons, "a list like [02, 03]")
    preset = content.get("preset")
    if not isinstance(preset, str | None):
        raise read.fail("preset", preset, f"one of {', '.join(PRESETS)}")
    # YAML 1.1 reads 02 as the number 2 and 08 as a text: both name a lesson.
    return SweepPlan(settings, tuple(str(name) for name in lessons), preset)
