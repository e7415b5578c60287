"""`mnistkit lab`: what JupyterLab is started with, and what its kernels know of the course."""

import os
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner
from course_helpers import write_course, write_lesson

from mnistkit.cli import main
from mnistkit.course import lab
from mnistkit.data import loader
from mnistkit.data.loader import search_folders
from mnistkit.errors import UserError
from mnistkit.records.lesson_facts import course_folder


@pytest.fixture
def started(monkeypatch):
    """Note what JupyterLab would be started with, and leave the environment as it was."""
    labapp = pytest.importorskip("jupyterlab.labapp")
    calls = []
    monkeypatch.setattr(
        labapp.LabApp, "launch_instance", lambda argv: calls.append((argv, Path.cwd(), dict(os.environ)))
    )
    for name in ("MNISTKIT_NOTEBOOKS", "MNISTKIT_DATA", "JUPYTER_PREFER_ENV_PATH"):
        monkeypatch.setenv(name, "")
    return calls


@pytest.fixture
def course(tmp_path, monkeypatch):
    folder = write_course(tmp_path)
    write_lesson(folder, "01_first", "1 + 1")
    monkeypatch.chdir(tmp_path)
    return folder


def invoke(*arguments):
    result = CliRunner().invoke(main, ["lab", *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output


def test_a_student_begins_at_the_start_page_in_the_work_folder(course, tmp_path, started):
    (tmp_path / "data").mkdir()
    invoke("--no-browser", "--port", "9999")
    ((options, folder, variables),) = started
    assert folder == tmp_path / "work"
    assert f"--ServerApp.root_dir={folder}" in options
    assert "--LabApp.default_url=/lab/tree/START.md" in options
    assert "--FileContentsManager.post_save_hook=mnistkit.course.start_page.update_start_page" in options
    settings, extensions, _ = lab.student_options()  # a Hub's administrator gives them too
    assert {settings, extensions} <= set(options)
    assert (Path(settings.partition("=")[2]) / "overrides.json").is_file()
    assert (Path(extensions.partition("=")[2]) / "mnistkit" / "package.json").is_file()
    assert options[-3:] == ["--no-browser", "--port", "9999"]
    assert {"01_first.ipynb", "START.md"} <= {path.name for path in folder.iterdir()}
    assert variables["MNISTKIT_NOTEBOOKS"] == str(course)
    assert variables["MNISTKIT_DATA"] == str(tmp_path / "data")


def test_in_another_folder_the_course_and_its_data_are_found_too(course, tmp_path, started, monkeypatch):
    (tmp_path / "files").mkdir()
    monkeypatch.setenv("MNISTKIT_DATA", "files")
    elsewhere = tmp_path / "elsewhere" / "mine"
    invoke("--into", str(elsewhere))
    assert Path.cwd() == elsewhere
    assert course_folder() == course
    assert search_folders() == [tmp_path / "files"]


def test_a_teacher_sees_the_sources_and_nothing_is_copied(course, tmp_path, started):
    invoke("--teach")
    ((options, folder, _),) = started
    assert folder == course
    assert f"--ServerApp.root_dir={tmp_path}" in options
    assert "--LabApp.default_url=/lab/workspaces/teach/tree/notebooks" in options
    assert not set(lab.student_options()) & set(options)
    assert not any((tmp_path / "work").iterdir())
    refused = CliRunner().invoke(main, ["lab", "--teach", "--into", "x"])
    assert refused.exit_code == 2
    assert "leave --into out" in refused.output


def test_a_folder_that_is_no_course_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("MNISTKIT_NOTEBOOKS", str(tmp_path))
    with pytest.raises(UserError, match="no folder of a course") as refused:
        course_folder()
    assert refused.value.todo == "correct or unset MNISTKIT_NOTEBOOKS"


def test_the_data_folder_of_the_clone_is_found_once_and_from_everywhere(course, tmp_path, monkeypatch):
    (tmp_path / "data").mkdir()
    monkeypatch.setattr(loader, "sys", SimpleNamespace(prefix=str(tmp_path / ".venv"), base_prefix=""))
    for place in (tmp_path, course, tmp_path / "work", tmp_path / "work" / "week1"):
        place.mkdir(exist_ok=True)
        monkeypatch.chdir(place)
        assert [folder.resolve() for folder in search_folders()] == [tmp_path / "data"]


def test_the_settings_are_those_of_the_installed_jupyterlab(tmp_path):
    """A setting of another name would change nothing, and nobody would notice."""
    import json
    import sys

    share = Path(sys.prefix, "share", "jupyter")
    overrides = json.loads((lab._SETTINGS / "overrides.json").read_text())
    for plugin, settings in overrides.items():
        package, _, name = plugin.partition(":")
        places = (share / "lab/schemas", share / "labextensions" / package / "schemas")
        (found,) = (path for place in places if (path := place / package / f"{name}.json").exists())
        schema = json.loads(found.read_text())
        assert settings.keys() <= schema["properties"].keys()
    disabled = json.loads((lab._SETTINGS / "page_config.json").read_text())["disabledExtensions"]
    text = "".join(
        path.read_text(encoding="utf-8")
        for package in (
            "labextensions/@jupyter/nbgrader",
            "labextensions/@jupyter-notebook/lab-extension",
            "lab",
        )
        for path in (share / package / "static").glob("*.js")
    )
    assert all(plugin in text for plugin in disabled)
