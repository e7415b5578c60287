"""What a run is going to do: each lesson with its parameters, its data and all that its result needs."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from mnistkit import data as datasets
from mnistkit.course.lessons import Lesson, providers, unknown
from mnistkit.course.parameters import PRESETS, Value, read_schema
from mnistkit.course.running.dependencies import Dependencies, read_dependencies
from mnistkit.course.running.execute import NO_LIMITS, Limits, Task
from mnistkit.course.running.executors.installation import WEIGHTS, code_hash, installed_versions, json_hash
from mnistkit.errors import UserError
from mnistkit.records.artifacts import kept_models
from mnistkit.records.lesson_facts import (
    REFERENCES_VARIABLE,
    read_lesson_facts,
    read_references,
    references_as_text,
)
from mnistkit.records.references import Reference
from mnistkit.transfer import identify_weights

CELL_SECONDS = {"smoke": 120.0, "lab": 600.0, "full": 4 * 3600.0}
"""Longest time that one cell may take, by preset: far above what any needs, so that a hang ends."""


@dataclass(frozen=True)
class NotebookJob:
    """One lesson of a run, with all that its result depends on.

    Attributes
    ----------
    lesson : Lesson
        The notebook.
    parameters : dict
        The value of every parameter.
    data : tuple of dict
        name, source, sha256, is_standin of each data set that it loads.
    code : str
        Hash of the lesson code in the package.
    fingerprint : str
        Hash of everything that the result depends on, but for `after`, the number of threads, and what is in
        `doubts`.
    after : tuple of str
        Names of lessons whose models it takes over: it starts when those in the same run have ended.
    budget : Limits
        What it should take with this preset: more is noted, and stops nothing.
    needs : tuple of dict
        name, source, sha256 of each data set, and of VGG16's weights (`WEIGHTS`), as whoever runs it must be
        able to load them; the source as it is asked for.
    doubts : tuple of str
        Loads in its cells of which nobody can know before it runs what they load: a result with one of them
        is never kept.
    references : dict of str to Reference
        Figures of source reports that stand beside the lessons of its folder. No result depends on them.
    """

    lesson: Lesson
    parameters: dict[str, Value]
    data: tuple[dict[str, Any], ...]
    code: str
    fingerprint: str
    after: tuple[str, ...] = ()
    budget: Limits = NO_LIMITS
    needs: tuple[dict[str, str], ...] = ()
    doubts: tuple[str, ...] = ()
    references: dict[str, Reference] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The lesson's name."""
        return self.lesson.name


class JobMaker:
    """Makes the jobs of one command: each data set is loaded, and all else read, once for all of them.

    Loading here, before any kernel starts, shows a download's progress in the terminal, stops a run with bad
    data at once, and leaves the arrays in the cache for the kernels.
    """

    def __init__(self) -> None:
        self._load, self._identify = cache(_load), cache(identify_weights)
        self._references, self._read = cache(read_references), cache(_dependencies)
        installed = [f"{name}=={version}" for name, version in installed_versions().items()]
        self._code = code_hash()
        self._environment = [self._code, installed, platform.python_version()]

    def make(
        self,
        lessons: Sequence[Lesson],
        parameters: Mapping[str, dict[str, Value]],
        budgets: Mapping[str, Limits] | None = None,
    ) -> list[NotebookJob]:
        """Fix what the results of lessons depend on.

        Parameters
        ----------
        lessons : sequence of Lesson
            What to run.
        parameters : mapping of str to dict
            Values by parameter, by lesson name.
        budgets : mapping of str to Limits, optional
            What `read_budgets` gave.

        Returns
        -------
        list of NotebookJob
            One a lesson.

        Raises
        ------
        UserError
            If what stands beside a lesson is broken.
        mnistkit.data.DataError
            If a data set or VGG16's weights are asked for that can't be had, or are broken.
        """
        return [
            self._job(each, parameters[each.name], (budgets or {}).get(each.name, NO_LIMITS))
            for each in lessons
        ]

    def _job(self, lesson: Lesson, values: dict[str, Value], budget: Limits) -> NotebookJob:
        references = self._references(lesson.path.parent)  # before a download begins
        texts = ((name, value if isinstance(value, str) else None) for name, value in values.items())
        asked = self._read(lesson, tuple(texts))  # numbers do not decide what is loaded
        needs = tuple(self._needs(asked))
        cells = [(cell.kind, cell.source, cell.tags) for cell in lesson.cells]
        return NotebookJob(
            lesson,
            values,
            tuple({name: self._load(name, source) for name, source in asked.data}.values()),
            self._code,
            json_hash([cells, values, needs, *self._environment]),
            providers(lesson),
            budget,
            needs,
            tuple(asked.doubts),
            references,
        )

    def _needs(self, asked: Dependencies) -> Iterator[dict[str, str]]:
        for name, source in asked.data:
            yield {"name": name, "source": source, "sha256": self._load(name, source)["sha256"]}
        for one in asked.weights:
            yield {"name": WEIGHTS, "source": one, "sha256": self._identify(one)}


def _dependencies(lesson: Lesson, values: tuple[tuple[str, str | None], ...]) -> Dependencies:
    return read_dependencies(lesson, dict(values))


def _load(name: str, source: str) -> dict[str, Any]:
    found = datasets.load(name, source, verify=True)
    return {
        "name": found.name,  # not the path of a folder
        "source": found.source,
        "sha256": found.sha256,
        "is_standin": found.is_standin,
    }


def read_budgets(lessons: Sequence[Lesson], preset: str) -> dict[str, Limits]:
    """Read what lessons should take with a preset, from the YAML files beside them.

    Parameters
    ----------
    lessons : sequence of Lesson
        The lessons.
    preset : str
        Name of the preset.

    Returns
    -------
    dict of str to Limits
        By lesson name, without those that say nothing for the preset.

    Raises
    ------
    UserError
        If such a file is broken, or has a budget for an unknown preset.
    """
    limits = {}
    for lesson in lessons:
        budgets = read_lesson_facts(lesson.path).budgets
        for name in budgets:
            if name not in PRESETS:
                where = lesson.path.with_suffix(".yaml")
                raise UserError(f"{where}: budgets: {unknown('preset', name, PRESETS)}")
        if budget := budgets.get(preset):
            limits[lesson.name] = Limits(budget.seconds, int(budget.memory_mb * 1e6))
    return limits


def make_task(plan: NotebookJob, out: Path, preset: str, limits: Limits) -> Task:
    """Make the work of one lesson into plain data for the kernel's side.

    Parameters
    ----------
    plan : NotebookJob
        The lesson.
    out : pathlib.Path
        The run's folder.
    preset : str
        For the limit on cells.
    limits : Limits
        What the whole notebook may take.

    Returns
    -------
    Task
        With only those parameters that differ from the notebook's own.
    """
    schema = read_schema(plan.lesson)
    env = {REFERENCES_VARIABLE: references_as_text(plan.references)}
    if _would_download(plan):
        env["MNISTKIT_OFFLINE"] = "1"  # a download was tried when the run began
    return Task(
        plan.lesson.text,
        str(out / f"{plan.name}.ipynb"),
        parameters={name: v for name, v in plan.parameters.items() if v != schema[name].default},
        env=env,
        cell_seconds=CELL_SECONDS[preset],
        limits=limits,
        data=plan.needs,
        uses=tuple(path.as_posix() for path in kept_models(plan.lesson.takes_over, Path())),
    )


def _would_download(plan: NotebookJob) -> bool:
    """Whether the notebook itself would try to get what could not be had when the run began."""
    standins = {data["name"] for data in plan.data if data["is_standin"]}
    auto = {need["name"]: need["sha256"] for need in plan.needs if need["source"] == "auto"}
    return bool(standins & set(auto)) or auto.get(WEIGHTS) == "random"
