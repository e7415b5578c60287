"""`mnistkit bundle` and `mnistkit serve`: what is in a bundle, what is not, and that it needs no network."""

import base64
import hashlib
import http.client
import io
import json
import re
import shutil
import subprocess
import sys
import sysconfig
import threading
import zipfile
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from course_helpers import write_course, write_lesson

import mnistkit
from mnistkit import transfer
from mnistkit.cli import main
from mnistkit.cli.bundle import _PYTHONS, _SYSTEMS
from mnistkit.course.bundle import command, wheels
from mnistkit.course.bundle.command import write_bundle, write_student_course
from mnistkit.course.bundle.serve import make_server
from mnistkit.course.bundle.student_wheel import write_student_wheel
from mnistkit.course.bundle.wheels import TARGETS, for_target
from mnistkit.course.lessons import Lesson, find, find_folder
from mnistkit.course.start_page import COURSE_PAGES
from mnistkit.course.student_edition import CODE_STUB, Secrets, start, without_solutions
from mnistkit.data import load
from mnistkit.errors import UserError

HOME = Path(mnistkit.__file__).resolve().parents[1]


def write_wheel(folder, name, files):
    """Write a wheel of pure Python as pip takes it; return its hash."""
    info = f"{name}-1.0.dist-info"
    files = {
        **files,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    digests = {path: hashlib.sha256(text.encode()).digest() for path, text in files.items()}
    record = "".join(
        f"{path},sha256={base64.urlsafe_b64encode(digest).rstrip(b'=').decode()},{len(files[path])}\n"
        for path, digest in digests.items()
    )
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for inner, text in {**files, f"{info}/RECORD": f"{record}{info}/RECORD,,\n"}.items():
            archive.writestr(inner, text)
    return hashlib.sha256(path.read_bytes()).hexdigest()


MAIN = "import needed\n\ndef main():\n    print('first figure', needed.NUMBER)\n"


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """Give a pretended clone: its kit needs one tiny package, which is in a pretended index."""
    home = tmp_path_factory.mktemp("clone")
    digest = write_wheel(home / "index", "needed", {"needed.py": "NUMBER = 42\n"})
    (home / "requirements.lock").write_text(
        f"needed==1.0 \\\n    --hash=sha256:{digest}\n    # via mnistkit (pyproject.toml)\n"
        f"elsewhere==1.0 ; sys_platform == 'never' \\\n    --hash=sha256:{digest}\n    # via needed\n"
    )
    extras = "networks = []\nassignments = []\ndrawing = []\n"
    (home / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\n[project]\ndependencies = ["needed"]\n'
        f"[project.optional-dependencies]\n{extras}"
    )
    for name in ("install.py", "LICENSE"):
        shutil.copyfile(HOME / name, home / name)
    return home


@pytest.fixture(scope="module")
def bundle(clone, tmp_path_factory):
    """Write a bundle of the real lessons, with the pretended clone's packages and noise as data."""

    def build_wheel(home, folder):
        entry = "[console_scripts]\nmnistkit = kit:main\n"
        files = {"kit.py": MAIN, "mnistkit-1.0.dist-info/entry_points.txt": entry}
        write_wheel(folder / "any", "mnistkit", files)

    def download(requirements, options, folder):
        assert [each.split("==")[0] for each in requirements] == ["needed"]
        shutil.copy(clone / "index" / "needed-1.0-py3-none-any.whl", folder)
        with zipfile.ZipFile(folder / "compiled-1.0-cp312-cp312-tag.whl", "w") as archive:
            archive.writestr("compiled.py", "")

    out = tmp_path_factory.mktemp("stick") / "mnistkit"
    weights = out.parent / "vgg16_other_name.h5"
    weights.write_bytes(b"weights")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wheels, "_download", download)
        patch.setattr(wheels, "build_wheel", build_wheel)
        patch.setattr(command, "load", lambda name, verify: made(name))
        patch.setattr(transfer, "find_imagenet_weights", lambda: weights)
        write_bundle(clone, find(find_folder()), out, ["linux", "windows"], ["3.12"])
    return out


def made(name):
    """Give noise for the digits, and a stand-in for the clothes."""
    from data_helpers import make_tiny

    return make_tiny(name) if name == "mnist" else load(name, "bundled")


def texts(folder):
    """Read every file of a bundle that is text, also those in wheels."""
    for path in folder.rglob("*"):
        if path.suffix == ".whl":
            with zipfile.ZipFile(path) as archive:
                yield from (
                    (f"{path.name}:{name}", archive.read(name).decode()) for name in archive.namelist()
                )
        elif path.is_file() and path.suffix in {".ipynb", ".yaml", ".md", ".py", ".html", ".toml", ""}:
            yield path.name, path.read_text(encoding="utf-8")


def assert_no_secrets(folder):
    """See that no line of a lesson's solutions or hidden checks is in a file of the course."""
    lessons = find(find_folder())
    secret = set().union(*(Secrets(json.loads(lesson.text))._lines for lesson in lessons))
    secret = {line for line in secret if len(line) > 25}
    assert len(secret) > 100
    for name, text in texts(folder):
        lines = {line.strip() for line in text.splitlines()}
        if name.endswith(".ipynb"):
            cells = json.loads(text)["cells"]
            lines = {line.strip() for cell in cells for line in "".join(cell["source"]).splitlines()}
        assert not secret & lines, name
        assert name.endswith(".py") or not re.search("BEGIN (SOLUTION|HIDDEN TESTS)", text), name


def test_no_solution_and_no_hidden_check_is_in_it(bundle):
    assert_no_secrets(bundle)


def test_what_stands_beside_a_lesson_has_figures_and_no_answers(bundle):
    sections = set()
    for path in (bundle / "notebooks").glob("*.yaml"):
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        sections |= set(content)
    assert sections == {"references", "budgets"}


def test_students_begin_with_it_as_they_do_with_a_clone(bundle, tmp_path):
    for lesson, ours in zip(find(bundle / "notebooks"), find(find_folder()), strict=True):
        (copy,) = start([lesson], tmp_path / "bundle")
        (expected,) = start([ours], tmp_path / "clone")
        assert json.loads(copy.read_text())["cells"] == json.loads(expected.read_text())["cells"]


def test_a_solution_that_is_written_into_it_is_taken_out_again(bundle):
    notebook = json.loads((bundle / "notebooks" / "01_explore_the_data.ipynb").read_text(encoding="utf-8"))
    solved = [cell for cell in notebook["cells"] if CODE_STUB.split("\n")[1] in "".join(cell["source"])]
    assert solved
    for cell in solved:
        cell["source"] = "def secret():\n    return 42"
    assert "secret" not in json.dumps(without_solutions(notebook))


def test_it_has_the_data_that_is_real_and_the_weights(bundle):
    found = sorted(path.relative_to(bundle / "data").as_posix() for path in (bundle / "data").rglob("*.*"))
    assert "vgg16/vgg16_other_name.h5" in found
    assert sum(name.startswith("mnist/") for name in found) == 4
    assert len(found) == 5  # nothing of the stand-in
    again = load("mnist", bundle / "data")
    assert again.sha256 == made("mnist").sha256


def test_its_sums_are_those_of_its_files(bundle):
    lines = dict(reversed(line.split("  ", 1)) for line in (bundle / "SHA256SUMS").read_text().splitlines())
    files = {path.relative_to(bundle).as_posix(): path for path in bundle.rglob("*") if path.is_file()}
    assert set(lines) == set(files) - {"SHA256SUMS"}
    for name in ("install.py", "wheels/any/needed-1.0-py3-none-any.whl"):
        assert lines[name] == hashlib.sha256(files[name].read_bytes()).hexdigest()


def test_its_page_needs_nothing_from_elsewhere_and_says_this_systems_commands(bundle):
    page = (bundle / "index.html").read_text(encoding="utf-8")
    assert not re.search(r"(src|href)=|https?:|<script", page)
    assert "py install.py" in page and ".venv/bin/mnistkit lab" in page
    assert "Intel" not in page  # not for macOS
    assert "7 lessons" in page and "You need Python 3.12, 64-bit" in page


def test_a_folder_that_is_there_is_left_alone(clone, tmp_path):
    with pytest.raises(UserError, match="choose another"):
        write_bundle(clone, [], tmp_path, ["linux"], ["3.12"])


@pytest.mark.parametrize("text", ["references: [", "- no mapping", "references: 2026-13-45"])
def test_what_is_broken_beside_a_lesson_is_named(tmp_path, text):
    path = write_lesson(write_course(tmp_path), "01_a")
    path.with_suffix(".yaml").write_text(text)
    with pytest.raises(UserError, match=r"01_a\.yaml"):
        write_student_course([Lesson(path)], tmp_path / "out")


def test_packages_that_can_not_be_had_leave_nothing_behind(clone, tmp_path, monkeypatch):
    monkeypatch.setattr(wheels, "_pip", lambda *given: pytest.fail("not reached"))
    monkeypatch.setattr(wheels, "fetch_wheels", refuse)
    with pytest.raises(UserError, match="no such wheel"):
        write_bundle(clone, find(find_folder()), tmp_path / "stick" / "out", ["linux"], ["3.12"])
    assert list((tmp_path / "stick").iterdir()) == []


def refuse(locked, system, pythons, folder):
    (folder / system).mkdir(parents=True)
    raise UserError("no such wheel")


@pytest.mark.slow
def test_pip_gets_the_locked_files_and_no_others(clone, tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(clone / "index"))
    locked = wheels.read_students_lock(clone)
    wheels.fetch_wheels(locked, "linux", ["3.12"], tmp_path / "good")
    found = [path.relative_to(tmp_path / "good").as_posix() for path in (tmp_path / "good").rglob("*.whl")]
    assert found == ["any/needed-1.0-py3-none-any.whl"]
    write_wheel(tmp_path / "index", "needed", {"needed.py": "NUMBER = 13\n"})
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    with pytest.raises(UserError, match=r"(?i)hash"):
        wheels.fetch_wheels(locked, "linux", ["3.12"], tmp_path / "forged")


@pytest.fixture(scope="module")
def student_wheel(tmp_path_factory):
    """Build the wheel for students of the kit's lessons, in a folder that has an older one."""
    out = tmp_path_factory.mktemp("wheel")
    (out / "mnistkit-0.1.0+students.1-py3-none-any.whl").touch()
    return write_student_wheel(HOME, find(find_folder()), out)


@pytest.mark.slow
def test_the_wheel_for_students_has_the_lessons_and_no_secrets(student_wheel, tmp_path):
    with zipfile.ZipFile(student_wheel) as archive:
        archive.extractall(tmp_path)
    course = tmp_path / "mnistkit" / "student_course"
    assert [lesson.name for lesson in find(course / "notebooks")] == [e.name for e in find(find_folder())]
    assert {path.name for path in (course / "docs").iterdir()} == set(COURSE_PAGES)
    beside = (yaml.safe_load(path.read_text()) for path in (course / "notebooks").glob("*.yaml"))
    assert set().union(*beside) == {"references", "budgets"}
    assert_no_secrets(tmp_path)
    assert {path.name for path in student_wheel.parent.iterdir()} == {student_wheel.name, "requirements.txt"}


@pytest.mark.slow
def test_from_the_wheel_alone_students_begin_as_they_do_with_a_clone(student_wheel, tmp_path):
    """In an environment of its own; what mnistkit needs is taken from this one."""
    venv = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    (packages,) = venv.glob("lib/*/site-packages")
    (packages / "others.pth").write_text(sysconfig.get_path("purelib"))
    pip = [sys.executable, "-m", "pip", "--python", venv / "bin" / "python", "install", "--quiet"]
    subprocess.run([*pip, "--no-index", "--no-deps", student_wheel], check=True)
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    started = [venv / "bin" / "mnistkit", "start"]
    done = subprocess.run(started, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("START.md\nNext: mnistkit lab\n")
    work = tmp_path / "mnistkit-work"
    for copy, ours in zip(sorted(work.glob("*.ipynb")), find(find_folder()), strict=True):
        (expected,) = start([ours], tmp_path / "clone")
        assert json.loads(copy.read_text())["cells"] == json.loads(expected.read_text())["cells"]
    assert (work / "docs" / "glossary.md").is_file()


@pytest.mark.slow
def test_the_kits_own_wheel_has_the_package_and_nothing_of_the_course(tmp_path):
    (tmp_path / "any").mkdir()
    wheels.build_wheel(HOME, tmp_path)
    (wheel,) = (tmp_path / "any").iterdir()
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    ours = {path.relative_to(HOME).as_posix() for path in (HOME / "mnistkit").rglob("*.*") if path.is_file()}
    ours = {name for name in ours if "__pycache__" not in name}
    assert {name for name in names if ".dist-info/" not in name} == ours
    assert {"mnistkit/course/bundle/index.html.j2", "mnistkit/course/report/templates/style.css"} <= ours


def test_markers_are_asked_about_the_machine_that_the_wheels_are_for():
    locked = [
        "a==1 ; sys_platform == 'win32' \\\n    --hash=sha256:1",
        "b==2 ; platform_machine != 'x86_64' or sys_platform != 'darwin' \\\n    --hash=sha256:2",
        "c==3 ; python_full_version < '3.12' \\\n    --hash=sha256:3",
        "d==4 \\\n    --hash=sha256:4",
    ]

    def names(system, python):
        return ["".join(line[0] for line in for_target(locked, target, python)) for target in TARGETS[system]]

    assert names("windows", "3.11") == ["abcd"]
    assert names("macos", "3.12") == ["bd", "d"]  # Apple's processor, Intel's
    assert names("linux", "3.13") == ["bd"]
    assert for_target(locked, TARGETS["linux"][0], "3.13")[-1] == "d==4 \\\n    --hash=sha256:4"


def test_the_command_takes_the_systems_and_pythons_that_there_are(tmp_path):
    assert set(_SYSTEMS) == set(TARGETS)
    metadata = (HOME / "pyproject.toml").read_text()
    assert f'requires-python = ">={_PYTHONS[0]},<3.{int(_PYTHONS[-1][2:]) + 1}"' in metadata
    done = CliRunner().invoke(main, ["bundle", "--for", "windows,beos", str(tmp_path / "x")])
    assert done.exit_code == 2
    assert "'beos' is none of windows, macos, linux" in done.output


@pytest.fixture
def served(bundle):
    """Serve the bundle on a port of this machine; give what asks for a path."""

    def ask(path, method="GET"):
        connection = http.client.HTTPConnection(*server.server_address, timeout=20)
        connection.request(method, path)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer.status, content

    with make_server(bundle, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield ask
        server.shutdown()
        thread.join()


def test_the_server_offers_an_archive_for_each_system(served, bundle):
    status, page = served("/")
    assert status == 200
    assert b"mnistkit-windows.zip" in page and b"mnistkit-macos.zip" not in page
    status, packed = served("/mnistkit-linux.zip")
    assert status == 200
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        assert archive.read("mnistkit/install.py") == (bundle / "install.py").read_bytes()
    assert "mnistkit/wheels/any/needed-1.0-py3-none-any.whl" in names
    assert "mnistkit/wheels/linux/compiled-1.0-cp312-cp312-tag.whl" in names
    assert not [name for name in names if "wheels/windows" in name]


def test_the_server_gives_nothing_but_the_bundles_files_and_takes_nothing(served, bundle):
    assert served("/install.py")[1] == (bundle / "install.py").read_bytes()
    for path in ("/SHA256SUMS", "/", "/mnistkit-linux.zip"):
        assert served(path, "HEAD") == (200, b"")
    secret = bundle / "private.txt"
    secret.write_text("mine")
    try:
        for path in (
            "/private.txt",
            "/../mnistkit/private.txt",
            "/%2e%2e/vgg16_other_name.h5",
            "/data/",
            "/mnistkit-macos.zip",
        ):
            assert served(path)[0] == 404, path
        assert served("/private.txt", "HEAD")[0] == 404
        for method in ("PUT", "POST", "DELETE"):
            assert served("/install.py", method)[0] == 501
    finally:
        secret.unlink()


def test_what_is_no_bundle_is_not_served(tmp_path):
    done = CliRunner().invoke(main, ["serve", str(tmp_path)])
    assert done.exit_code == 1
    assert "mnistkit bundle" in done.output


def without_network():
    """Give what starts a command in a network namespace without any interface that is up."""
    for prefix in (["unshare", "-rn"], ["bwrap", "--dev-bind", "/", "/", "--unshare-net"]):
        if shutil.which(prefix[0]) and not subprocess.run([*prefix, "true"], capture_output=True).returncode:
            return prefix
    pytest.skip("neither unshare nor bubblewrap may make a network namespace here")


@pytest.mark.slow
def test_it_installs_and_runs_where_there_is_no_network(bundle, tmp_path):
    folder = tmp_path / "own disk"
    shutil.copytree(bundle, folder)
    offline = without_network()
    probe = "import socket; socket.create_connection(('192.0.2.1', 80), timeout=2)"
    refused = subprocess.run([*offline, sys.executable, "-c", probe], capture_output=True, text=True)
    assert "unreachable" in refused.stderr

    def run(*command):
        return subprocess.run(
            [*offline, *command], cwd=folder, env=environment, capture_output=True, text=True
        )

    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path / "home")}
    installed = run(sys.executable, "install.py")
    assert installed.returncode == 0, installed.stderr
    assert ".venv/bin/mnistkit lab" in installed.stdout
    assert run(".venv/bin/mnistkit").stdout == "first figure 42\n"
