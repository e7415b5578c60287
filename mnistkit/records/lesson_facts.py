"""What a course knows of a lesson besides its notebook: the YAML file of the same name beside it.

``03_name.yaml`` stands beside ``03_name.ipynb``, and may be missing, as may each of its sections::

    references:               # figures of source reports, under the name of the record that reproduces them
      - name: cnn_validation_accuracy
        report: R0
        what: "CNN on 48,000 images, 20 epochs: validation accuracy"
        value: 0.9175
        tolerance: 0.01       # how far one run may lie from it
        better: higher        # higher, lower or equal: what has reached it
        data: fashion-mnist   # the report's data set, where the lesson can have another
        any_data: false       # true: it is the same on every data set
    budgets:                  # what the lesson should take with a preset
      smoke: {seconds: 400, memory_mb: 2000}
    personal: [seed]          # parameters of which each student can get numbers of his own
    wrong_answers:            # what students typically write, by exercise: a check must notice it
      exercise-mean:
        divides by one less: |
          return sum(values) / (len(values) - 1)
    right_answers:            # solutions in another style than the instructor's: a check must let them pass
      exercise-mean:
        numpy: |
          return np.mean(values)
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from mnistkit.errors import UserError
from mnistkit.files import read_yaml
from mnistkit.records.references import Reference

REFERENCES_VARIABLE = "MNISTKIT_REFERENCES"
"""In a run, the kernel's environment has the references here: its folder, or machine, may be another one."""
NOTEBOOKS_VARIABLE = "MNISTKIT_NOTEBOOKS"
"""Environment variable with the folder of a course's notebooks, for work that lies elsewhere."""
INSTALLED_COURSE = "student_course"
"""The folder in the package that has the course, where it was installed from a wheel for students."""
_SHOWN = 300  # characters of what was found that a message repeats


@dataclass(frozen=True)
class Budget:
    """What a lesson should take.

    Attributes
    ----------
    seconds : float
        Time, with the start of its kernel.
    memory_mb : float
        Peak memory in MB.
    """

    seconds: float
    memory_mb: float


@dataclass(frozen=True)
class LessonFacts:
    """What stands beside a lesson.

    Attributes
    ----------
    references : dict of str to Reference
        Figures of source reports, by the name of the record that reproduces them.
    budgets : dict of str to Budget
        By the name of the preset.
    personal : tuple of str or None
        Parameters of which each student can get numbers of his own; None: nothing is said about it.
    wrong_answers, right_answers : dict of str to dict
        What students may write instead of the instructor's solution, by its name, by the exercise.
    """

    references: dict[str, Reference] = field(default_factory=dict)
    budgets: dict[str, Budget] = field(default_factory=dict)
    personal: tuple[str, ...] | None = None
    wrong_answers: dict[str, dict[str, str]] = field(default_factory=dict)
    right_answers: dict[str, dict[str, str]] = field(default_factory=dict)


def read_lesson_facts(notebook: Path) -> LessonFacts:
    """Read what stands beside a lesson.

    Parameters
    ----------
    notebook : pathlib.Path
        The lesson's notebook.

    Returns
    -------
    LessonFacts
        Empty sections where it has none, or no such file.

    Raises
    ------
    UserError
        If the file can't be read, or something in it is not what it should be; the message names it.
    """
    path = notebook.with_suffix(".yaml")
    if not path.exists():
        return LessonFacts()
    content = read_yaml(path)
    number = path.stem.partition("_")[0]
    sections: dict[str, Callable[[str, Any], Any]] = {
        "references": lambda where, found: _references(where, found, number),
        "budgets": _budgets,
        "personal": _personal,
        "wrong_answers": _answers,
        "right_answers": _answers,
    }
    facts = {} if content is None else _fields(str(path), content, {}, dict.fromkeys(sections, _ANYTHING))
    return LessonFacts(**{name: sections[name](f"{path}: {name}", found) for name, found in facts.items()})


def read_references(folder: Path) -> dict[str, Reference]:
    """Read the figures of source reports beside all the lessons of a folder.

    Parameters
    ----------
    folder : pathlib.Path
        Where the notebooks are.

    Returns
    -------
    dict of str to Reference
        By the name of the record, in the order of the course.

    Raises
    ------
    UserError
        If a lesson's file is broken (`read_lesson_facts`), or two lessons have a reference of one name.
    """
    references: dict[str, Reference] = {}
    for path in sorted(folder.glob("*.yaml")):
        if path.with_suffix(".ipynb").is_file():
            own = read_lesson_facts(path).references
            if twice := own.keys() & references.keys():
                raise _wrong(
                    f"{path}: references",
                    f"{', '.join(sorted(twice))}, as beside another lesson",
                    "each name beside one lesson of the course",
                )
            references |= own
    return references


def course_folder() -> Path | None:
    """Find the folder of the course that is worked in.

    Returns
    -------
    pathlib.Path or None
        The one that ``MNISTKIT_NOTEBOOKS`` names; else a folder ``notebooks`` that holds ``presets``, upwards
        from here, then beside the package, then in it. None where there is none.

    Raises
    ------
    UserError
        If ``MNISTKIT_NOTEBOOKS`` names something else: whoever set it wants that course.
    """
    if named := os.environ.get(NOTEBOOKS_VARIABLE):
        if not (Path(named) / "presets").is_dir():
            raise UserError(
                f"{NOTEBOOKS_VARIABLE}={named}",
                found="no folder of a course",
                expected="a folder with notebooks and 'presets' in it",
                todo=f"correct or unset {NOTEBOOKS_VARIABLE}",
            )
        return Path(named)
    here = Path.cwd()
    package = Path(__file__).resolve().parents[1]
    homes = (here, *here.parents, package.parent, package / INSTALLED_COURSE)
    return next((home / "notebooks" for home in homes if (home / "notebooks" / "presets").is_dir()), None)


def course_references() -> dict[str, Reference]:
    """Read the figures of the source reports of the course that is worked in.

    Returns
    -------
    dict of str to Reference
        By the name of the record, in the order of the course.

    Raises
    ------
    UserError
        If a lesson's file is broken.
    """
    if text := os.environ.get(REFERENCES_VARIABLE):
        return {name: Reference(**fields) for name, fields in json.loads(text).items()}
    folder = course_folder()
    return read_references(folder) if folder else {}


def references_as_text(references: Mapping[str, Reference]) -> str:
    """Write references as the kernel of a run gets them, in `REFERENCES_VARIABLE`.

    Parameters
    ----------
    references : mapping of str to Reference
        By the name of the record.

    Returns
    -------
    str
        JSON.
    """
    return json.dumps({name: asdict(reference) for name, reference in references.items()})


# ---- What each entry of the file must be


@dataclass(frozen=True)
class _Kind:
    """What a value must be: a test, and the same in words."""

    fits: Callable[[Any], bool]
    words: str


def _is_number(found: Any) -> bool:
    return isinstance(found, int | float) and not isinstance(found, bool) and math.isfinite(found)


_ANYTHING = _Kind(lambda found: True, "")
_NAME = _Kind(lambda found: isinstance(found, str) and found.isidentifier(), "a name like purity_k10")
_TEXT = _Kind(lambda found: isinstance(found, str) and bool(found.strip()), "a text")
_NUMBER = _Kind(_is_number, "a number")
_NOT_NEGATIVE = _Kind(lambda found: _is_number(found) and found >= 0, "a number that is 0 or more")
_ABOVE_ZERO = _Kind(lambda found: _is_number(found) and found > 0, "a number above 0")
_BETTER = _Kind(lambda found: found in ("higher", "lower", "equal"), "higher, lower or equal")
_BOOL = _Kind(lambda found: isinstance(found, bool), "true or false")

_REFERENCE = {
    "name": _NAME,
    "report": _TEXT,
    "what": _TEXT,
    "value": _NUMBER,
    "tolerance": _NOT_NEGATIVE,
    "better": _BETTER,
}
_BUDGET = {"seconds": _ABOVE_ZERO, "memory_mb": _ABOVE_ZERO}


def _references(where: str, found: Any, lesson: str) -> dict[str, Reference]:
    references: dict[str, Reference] = {}
    for number, entry in enumerate(_list(where, found), start=1):
        here = f"{where}, entry {number}"
        fields = _fields(here, entry, _REFERENCE, {"data": _TEXT, "any_data": _BOOL})
        name = fields.pop("name")
        if name in references:
            raise _wrong(here, f"the name {name!r} again", "each name once")
        references[name] = Reference(lesson=lesson, **fields)
    return references


def _budgets(where: str, found: Any) -> dict[str, Budget]:
    return {
        preset: Budget(**_fields(f"{where}.{preset}", budget, _BUDGET))
        for preset, budget in _mapping(where, found).items()
    }


def _personal(where: str, found: Any) -> tuple[str, ...]:
    names = _list(where, found)
    if not all(map(_NAME.fits, names)) or len(set(names)) < len(names):
        raise _wrong(where, repr(found), "names of parameters, each once")
    return tuple(names)


def _answers(where: str, found: Any) -> dict[str, dict[str, str]]:
    answers = {name: _mapping(f"{where}.{name}", given) for name, given in _mapping(where, found).items()}
    for exercise, given in answers.items():
        for name, body in given.items():
            _check(f"{where}.{exercise}.{name}", body, _TEXT)
    return answers


def _list(where: str, found: Any) -> list[Any]:
    if not isinstance(found, list):
        raise _wrong(where, repr(found), "a list")
    return found


def _mapping(where: str, found: Any) -> dict[str, Any]:
    if not isinstance(found, dict):
        raise _wrong(where, repr(found), "'name: value' lines")
    return {str(name): value for name, value in found.items()}


def _fields(
    where: str, found: Any, needed: Mapping[str, _Kind], more: Mapping[str, _Kind] | None = None
) -> dict[str, Any]:
    """Give the fields of an entry that has all that are needed, and no unknown one."""
    known = {**needed, **(more or {})}
    fields = _mapping(where, found)
    if unknown := [name for name in fields if name not in known]:
        raise _wrong(where, f"the field {unknown[0]!r}", f"only {', '.join(known)}")
    if missing := [name for name in needed if name not in fields]:
        raise _wrong(where, f"no field {missing[0]!r}", f"{', '.join(needed)}")
    for name, value in fields.items():
        _check(f"{where}: {name}", value, known[name])
    return fields


def _check(where: str, value: Any, kind: _Kind) -> None:
    if not kind.fits(value):
        raise _wrong(where, repr(value), kind.words)


def _wrong(where: object, found: str, expected: str) -> UserError:
    shown = found if len(found) <= _SHOWN else f"{found[:_SHOWN]} …"
    return UserError(where, found=shown, expected=expected, todo="correct the file, then try again")
