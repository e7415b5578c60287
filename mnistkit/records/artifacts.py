"""What one lesson of a run leaves for a later one: a trained model in the run's folder.

The runner reads from the notebooks' calls which lesson hands over what, and starts the one that takes it
over when the other has ended. A notebook that no run has started keeps nothing and finds nothing.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mnistkit.data.dataset import Dataset
from mnistkit.files import file_sha256, write_atomically
from mnistkit.utils.arguments import checked

if TYPE_CHECKING:
    import keras


__all__ = ["RUN_FOLDER", "Artifact", "kept_models", "load_artifact", "run_folder", "save_artifact"]

RUN_FOLDER = "MNISTKIT_RUN"
"""Environment variable with the folder of the run that this kernel belongs to; the runner sets it."""


@dataclass(frozen=True)
class Artifact:
    """A model that an earlier lesson of the same run has trained.

    Attributes
    ----------
    model : keras.Model
        The trained model.
    facts : dict
        What that lesson noted about it, such as ``test_accuracy``.
    """

    model: keras.Model
    facts: dict[str, Any]


@checked()
def save_artifact(name: str, model: keras.Model, *, data: Dataset, **facts: float | int | str) -> None:
    """Keep a trained model for later lessons of the same run, and say where.

    Parameters
    ----------
    name : str
        What `load_artifact` asks for: ``cnn``.
    model : keras.Model
        The model.
    data : Dataset
        The whole data set, as `load` returned it, that the model was trained on a part of.
    **facts : float, int or str
        What to know about the model, such as its test accuracy.

    Raises
    ------
    mnistkit.training.ModelFileError, OSError
        If the model, or the note beside it, can't be written.
    """
    from mnistkit import training

    folder = _folder()
    if folder is None:
        print(f"The model {name!r} is not kept: this notebook was not started by 'mnistkit run'.")  # noqa: T201
        return
    path = folder / f"{name}.keras"
    # The old note first, the new one last and with its model's hash: a note never fits another model.
    path.with_suffix(".json").unlink(missing_ok=True)
    training.save_model(model, path)
    note = {"sha256": file_sha256(path), "dataset": data.name, "data_sha256": data.sha256, "facts": facts}
    write_atomically(path.with_suffix(".json"), json.dumps(note))
    print(f"The model {name!r} is kept for later lessons of this run: models/{path.name}")  # noqa: T201


@checked()
def load_artifact(name: str, *, data: Dataset) -> Artifact | None:
    """Find the model that an earlier lesson of the same run has kept, and say what was found.

    Parameters
    ----------
    name : str
        As it was handed over: ``cnn``.
    data : Dataset
        The whole data set, as `load` returned it: a model that was trained on other data is not taken.

    Returns
    -------
    Artifact or None
        None where there is no run, no such model in it, or not one for this data.
    """
    try:
        handed = _take(name, data)
    except _NotThereError as reason:
        print(f"There is no model {name!r} to take over: {reason}.")  # noqa: T201
        return None
    print(f"The model {name!r} of an earlier lesson of this run is used.")  # noqa: T201
    return handed


def run_folder() -> Path:
    """Return where a lesson writes what people take away, such as a submission.

    Returns
    -------
    pathlib.Path
        The run's folder; the current folder where no run has started this notebook.
    """
    return Path(os.environ.get(RUN_FOLDER, ""))


class _NotThereError(Exception):
    """Why there is nothing to take over."""


def _take(name: str, data: Dataset) -> Artifact:
    from mnistkit import training  # not above: the runner imports this module too, and needs no pandas

    folder = _folder()
    if folder is None:
        raise _NotThereError("this notebook was not started by 'mnistkit run'")
    path = folder / f"{name}.keras"
    try:
        note = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        sha256, trained_on, facts = note["sha256"], note["data_sha256"], dict(note["facts"])
    except FileNotFoundError:
        raise _NotThereError("no earlier lesson of this run has kept one") from None
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise _NotThereError(f"its note can't be read ({type(error).__name__}: {error})") from error
    if trained_on != data.sha256:
        raise _NotThereError(f"the one in this run was trained on other data than this {data.name}")
    with contextlib.suppress(OSError):
        if file_sha256(path) == sha256:
            try:
                return Artifact(training.load_model(path), facts)
            except training.ModelFileError as error:
                raise _NotThereError(str(error)) from error
    raise _NotThereError("the file has changed since the lesson wrote it")


@checked()
def kept_models(names: Iterable[str], run: Path | str) -> list[Path]:
    """Say which files `save_artifact` keeps in a run's folder.

    Parameters
    ----------
    names : iterable of str
        Names of models.
    run : pathlib.Path or str
        The run's folder.

    Returns
    -------
    list of pathlib.Path
        Each model and its note; they need not be there.
    """
    return [Path(run) / "models" / f"{name}{ending}" for name in names for ending in (".keras", ".json")]


def _folder() -> Path | None:
    run = os.environ.get(RUN_FOLDER)
    return Path(run) / "models" if run else None
