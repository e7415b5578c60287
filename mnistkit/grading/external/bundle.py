"""`mnistkit assignment autograder`: what to upload to a platform, so that its own containers grade."""

from __future__ import annotations

import logging
import shutil
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

from mnistkit.course.bundle.command import write_data, write_weights
from mnistkit.course.bundle.wheels import ANY, build_wheel, read_students_lock
from mnistkit.course.commands import ExecutionOptions
from mnistkit.course.project_checks import clone_folder
from mnistkit.course.running.executors.installation import WEIGHTS
from mnistkit.data import registry
from mnistkit.data.loader import own_folder
from mnistkit.errors import UserError
from mnistkit.files import expanded, replacing, zip_entry
from mnistkit.grading import course_folder as courses
from mnistkit.grading.autograde.batch import Batch, read_batch
from mnistkit.grading.external.command import check_gradable_alone

_logger = logging.getLogger(__name__)

_INSTALL = """\
apt-get update
apt-get install --yes bubblewrap python3-venv
for minor in 13 12 11; do
    if command -v python3.$minor > /dev/null || apt-get install --yes python3.$minor-venv; then break; fi
done
python3.$minor -m venv /opt/mnistkit
/opt/mnistkit/bin/pip install --require-hashes -r {here}/requirements.txt
/opt/mnistkit/bin/pip install --no-deps {here}/mnistkit-*.whl
"""

_GRADE = """\
export MNISTKIT_OFFLINE=1 MNISTKIT_DATA={data} MNISTKIT_CACHE=/var/tmp/mnistkit
mkdir -p "$MNISTKIT_CACHE"
exec /opt/mnistkit/bin/mnistkit assignment grade-file {name} {submission} \\
    --course {course} --for {platform} --to {to}{unsandboxed}
"""

_DOCKERFILE = """\
# The external grader: docker build --tag YOU/mnistkit-grader . && docker push YOU/mnistkit-grader
FROM debian:12
COPY requirements.txt mnistkit-*.whl setup.sh /tmp/
COPY data /opt/mnistkit-data
RUN bash /tmp/setup.sh && rm -r /tmp/*
"""

_INFO = """\
{{
    "externalGradingOptions": {{
        "enabled": true,
        "image": "YOU/mnistkit-grader",
        "entrypoint": "/grade/tests/run.sh",
        "timeout": 600
    }}
}}
"""

_WORKFLOW = """\
# For a private repository of yours that has this folder in it, never for one that students can read or write.
name: Autograding Tests
on:
  workflow_dispatch:
    inputs:
      repository:
        description: whose work to grade, such as my-course/kmeans-octocat
        required: true
permissions:
  checks: write
  actions: read
  contents: read
jobs:
  run-autograding-tests:
    runs-on: ubuntu-24.04
    steps:
      - uses: actions/checkout@v4
      - uses: actions/checkout@v4
        with:
          repository: ${{{{ inputs.repository }}}}
          path: submission
          token: ${{{{ secrets.SUBMISSIONS_TOKEN }}}}
      - run: |
          sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0
          sudo bash setup.sh
      - id: grade
        run: |
          sh grade.sh || test -s "$RUNNER_TEMP/results.json"
          echo "result=$(base64 --wrap=0 "$RUNNER_TEMP/results.json")" >> "$GITHUB_OUTPUT"
      - uses: classroom-resources/autograding-grading-reporter@v1
        env:
          GRADE_RESULTS: ${{{{ steps.grade.outputs.result }}}}
        with:
          runners: grade
"""

_BASH, _SH = "#!/usr/bin/env bash\nset -e\n", "#!/bin/sh\n"

_SCRIPTS: Mapping[str, tuple[Mapping[str, str], Mapping[str, str]]] = {
    "gradescope": (
        {"setup.sh": _BASH + _INSTALL, "run_autograder": _SH + _GRADE},
        {
            "here": "/autograder/source",
            "data": "/autograder/source/data",
            "course": "/autograder/source/course",
            "submission": "/autograder/submission",
            "to": "/autograder/results/results.json",
        },
    ),
    "prairielearn": (
        {
            "image/setup.sh": _BASH + _INSTALL,
            "image/Dockerfile": _DOCKERFILE,
            "question/info.json": _INFO,
            "question/tests/run.sh": _SH + _GRADE,
        },
        {
            "here": "/tmp",
            "data": "/opt/mnistkit-data",
            "course": "/grade/tests/course",
            "submission": "/grade/student",
            "to": "/grade/results/results.json",
        },
    ),
    "github": (
        {"setup.sh": _BASH + _INSTALL, "grade.sh": _SH + _GRADE, ".github/workflows/grade.yml": _WORKFLOW},
        {
            "here": ".",
            "data": '"$PWD/data"',
            "course": "course",
            "submission": "submission",
            "to": '"$RUNNER_TEMP/results.json"',
        },
    ),
}
"""By platform: the scripts with their paths, and the places that they name."""

_PACKAGES = {"prairielearn": "image/"}
_COURSE = {"prairielearn": "question/tests/"}


def write_autograder(course: Path, name: str, platform: str, *, unsandboxed: bool) -> Path:
    """Write what a platform's containers need to grade an assignment, as one zip.

    Parameters
    ----------
    course : pathlib.Path
        The course's folder.
    name : str
        The assignment.
    platform : str
        One of `mnistkit.grading.external.result_formats.RESULT_FORMATS`.
    unsandboxed : bool
        Let students' code run as an ordinary process there.

    Returns
    -------
    pathlib.Path
        The zip, ``COURSE/export/NAME-PLATFORM-autograder.zip``.

    Raises
    ------
    UserError
        If it was not released, can't be graded without its course, loads images of your own by a path of this
        machine, or mnistkit is not installed from a clone.
    """
    name = courses.released_name(course, name)
    batch = read_batch(course, name, ExecutionOptions(), unsandboxed)
    check_gradable_alone(batch)
    home = clone_folder()
    out = course / "export" / f"{name}-{platform}-autograder.zip"
    out.parent.mkdir(exist_ok=True)
    scripts, places = _SCRIPTS[platform]
    flag = " --unsandboxed" if unsandboxed else ""
    values = {**places, "name": name, "platform": platform, "unsandboxed": flag}
    with tempfile.TemporaryDirectory(prefix="mnistkit-") as scratch, replacing(out) as made:
        folder = Path(scratch)
        (folder / "data").mkdir()
        build_wheel(home, folder)
        _write_needed(batch, folder / "data")
        packages = _PACKAGES.get(platform, "")
        with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as packed:
            for script, template in scripts.items():
                _add_script(packed, script, template.format(**values))
            packed.writestr(f"{packages}requirements.txt", "\n".join(read_students_lock(home)) + "\n")
            for wheel in (folder / ANY).iterdir():
                packed.write(wheel, packages + wheel.name)
            for path in _below(folder / "data"):
                packed.write(path, f"{packages}{path.relative_to(folder)}")
            for path in _of_course(course, name):
                packed.write(path, f"{_COURSE.get(platform, '')}course/{path.relative_to(course)}")
    return out


def _write_needed(batch: Batch, folder: Path) -> None:
    needs = {(need["name"], need["source"]) for plan in batch.plans for need in plan.needs}
    names = {name for name, _ in needs}
    write_data(folder, sorted(names.intersection(registry.names())))
    for name, source in sorted(needs):
        if name not in {*registry.names(), WEIGHTS}:
            _copy_own(name, source, folder)
    if WEIGHTS in names:
        write_weights(folder)


def _copy_own(name: str, source: str, folder: Path) -> None:
    """Copy one's own images as they are: written in a data set's form they would lose the classes' names."""
    path = expanded(name)
    if source != "auto" or path.is_absolute() or ".." in path.parts:
        raise UserError(
            f"data set {name!r}",
            found=f"a place on this machine, asked for from {source!r}",
            expected="the name of a folder in a data folder: the platform's containers have nothing else",
            todo=f"put it into the folder data, and load it as {path.name!r} from 'auto'",
        )
    shutil.copytree(own_folder(name), folder / path)
    _logger.info(f"{name}: your own images, as they are")


def _of_course(course: Path, name: str) -> list[Path]:
    """List what grading one submission reads of a course: nothing of students, no key."""
    folders = (course / "source" / name, course / "release" / name)
    return [courses.note_path(course, name), *(path for folder in folders for path in _below(folder))]


def _below(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _add_script(packed: zipfile.ZipFile, path: str, text: str) -> None:
    """Add a file that can be executed, where it is a script."""
    packed.writestr(zip_entry(path, 0o755 if text.startswith("#!") else 0o644), text)
