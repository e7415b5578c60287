"""What holds for the project as a whole: its packaging, its structure, its README."""

import ast
import os
import re
import shlex
import subprocess
import sys
import tomllib
from graphlib import TopologicalSorter
from pathlib import Path

import click
import pytest
import yaml

import mnistkit
from mnistkit.cli import main
from mnistkit.course.lessons import find, find_folder

HOME = Path(mnistkit.__file__).parents[1]
PROJECT = tomllib.loads((HOME / "pyproject.toml").read_text())["project"]
LOCK = (HOME / "requirements.lock").read_text()
MODULES = sorted((HOME / "mnistkit").rglob("*.py"))


def names(requirements):
    return {
        re.split(r"[<>=!~ ;\[]", requirement)[0].lower().replace("_", "-") for requirement in requirements
    }


def test_the_lock_has_every_dependency_with_hashes_and_no_address():
    locked = names(line for line in LOCK.splitlines() if "==" in line)
    wanted = names(PROJECT["dependencies"]).union(*map(names, PROJECT["optional-dependencies"].values()))
    assert wanted <= locked
    assert "://" not in LOCK
    assert "index" not in re.sub(r"^\S+==.*$", "", LOCK, flags=re.M)
    for block in re.split(r"\n(?=\S)", LOCK.strip()):
        assert "--hash=sha256:" in block, block


def test_conda_brings_python_and_pip_and_postbuild_the_lock_and_the_package():
    conda = yaml.safe_load((HOME / "environment.yml").read_text())["dependencies"]
    assert [re.split("[ <>=]", d)[0] for d in conda] == ["python", "pip"]
    assert PROJECT["requires-python"] in conda[0]
    script = HOME / "postBuild"
    assert os.access(script, os.X_OK), "Binder executes it"
    lines = [line for line in script.read_text().splitlines() if not line.startswith("#")]
    assert lines[0] == "set -e"
    lock, package = (set(line.split()) for line in lines[1:3])
    assert {"pip", "install", "--no-deps", "--require-hashes", "requirements.lock"} <= lock
    assert {"pip", "install", "--no-deps", "--no-build-isolation", "-e", "."} <= package


def test_the_version_is_written_once_and_the_same():
    assert PROJECT["version"] == mnistkit.__version__


@pytest.mark.parametrize("module", ["mnistkit", "mnistkit.cli"])
def test_importing_loads_nothing_heavy(module):
    heavy = "{'numpy', 'pandas', 'sklearn', 'matplotlib', 'papermill', 'nbformat', 'tensorflow', 'requests', 'pooch'}"
    code = f"import sys, {module}\nprint({heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def name_of(path):
    parts = path.relative_to(HOME).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def imports(path, top_only=False, types=True):
    tree = ast.parse(path.read_text())
    nodes = tree.body if top_only else [*ast.walk(tree)]
    if not types:
        guards = [
            node for node in nodes if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        ]
        left_out = {id(inner) for guard in guards for inner in ast.walk(guard)}
        nodes = [node for node in nodes if id(node) not in left_out]
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def place(path):
    """Which room of the house a module is in: data, course, or its own name."""
    parts = path.relative_to(HOME / "mnistkit").with_suffix("").parts
    return parts[0]


ALLOWED = {
    "utils": {"utils"},
    "errors": set(),
    "files": {"errors", "utils"},
    "data": {"data", "errors", "files", "utils"},
    "records": {"data", "errors", "files", "records", "training", "utils"},
    "models": {"utils"},
    "training": {"errors", "files", "utils"},
    "activations": {"utils"},
    "clustering": {"utils"},
    "embedding": {"utils"},
    "evaluation": {"utils"},
    "augmentation": {"utils"},
    "duplicates": {"utils"},
    "exploration": {"data", "files", "utils"},
    "plots": {"plots", "utils"},
    "input_pipeline": {"data", "errors", "files", "utils"},
    "kaggle_submission": {"data", "errors", "files", "utils"},
    "transfer": {"data", "errors", "files", "training", "utils"},
    "lesson": {"lesson", "utils"},
    "widgets": {"clustering", "data", "errors", "plots", "records", "utils", "widgets"},
    "course": {"course", "data", "errors", "files", "lesson", "records", "transfer", "utils"},
    "grading": {"course", "data", "errors", "files", "grading", "records", "utils"},
    "doctor": {"course", "data", "doctor", "errors", "grading", "transfer", "utils"},
    "cli": {"cli", "course", "data", "doctor", "errors", "files", "grading", "utils"},
    "__init__": set(),
}


def test_imports_go_one_way():
    found = {}
    for module in MODULES:
        for name in imports(module):
            if re.match(r"mnistkit\.\w", name) and name.split(".")[1] in ALLOWED:
                found[place(module), name.split(".")[1]] = module
    allowed = {(room, used) for room in ALLOWED for used in ALLOWED[room]}
    assert {pair: found[pair] for pair in found.keys() - allowed} == {}
    assert allowed == found.keys(), "a room may use what it no longer uses"
    assert ALLOWED.keys() == {place(module) for module in MODULES}


def used_by_module():
    """Give what each module uses of the package when it runs; for types alone it may use any."""
    dotted = {name_of(path): path for path in MODULES}
    used = {
        module: {name if name in dotted else name.rpartition(".")[0] for name in imports(path, types=False)}
        for module, path in dotted.items()
    }
    return {module: names & dotted.keys() - {module} for module, names in used.items()}


def test_no_module_uses_one_that_uses_it():
    assert len([*TopologicalSorter(used_by_module()).static_order()]) == len(MODULES)


@pytest.mark.parametrize("house", ["course", "data", "grading"])
def test_no_room_of_a_house_uses_one_that_uses_it(house):
    def room(module):
        inner = module.removeprefix(f"mnistkit.{house}.").split(".")[0]
        return inner if (HOME / "mnistkit" / house / inner).is_dir() else None

    used = {}
    for module, names in used_by_module().items():
        if module.startswith(f"mnistkit.{house}.") and (own := room(module)):
            rooms = {room(name) for name in names if name.startswith(f"mnistkit.{house}.")}
            used.setdefault(own, set()).update(rooms - {own, None})
    assert len(used) > 1
    assert {*TopologicalSorter(used).static_order()} == used.keys()


@pytest.mark.parametrize("room", ["course/running/executors", "grading/sandbox"])
def test_a_room_that_others_build_on_imports_nothing_of_theirs(room):
    house, own = f"mnistkit.{room.split('/')[0]}.", f"mnistkit.{room.replace('/', '.')}"
    used = {name for path in (HOME / "mnistkit" / room).glob("*.py") for name in imports(path)}
    assert {name for name in used if name.startswith(house) and not name.startswith(own)} == set()


@pytest.mark.parametrize("path", MODULES, ids=[str(p.relative_to(HOME)) for p in MODULES])
def test_tensorflow_is_never_imported_at_the_top(path):
    assert not {"tensorflow", "keras"} & {name.split(".")[0] for name in imports(path, top_only=True)}


def test_functions_are_short():
    lengths = []
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef):
                documented = ast.get_docstring(node) is not None
                first = node.body[1] if documented and len(node.body) > 1 else node.body[0]
                lengths.append(node.end_lineno - first.lineno + 1)
    lengths.sort()
    assert lengths[int(0.9 * len(lengths))] < 40


def public_names(path):
    """Yield the public names that a module defines, at its top."""
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names = [node.name]
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = [n.id for target in targets for n in ast.walk(target) if isinstance(n, ast.Name)]
        else:
            names = []
        yield from (name for name in names if not name.startswith("_"))


def test_no_folder_has_more_files_than_can_be_read_at_a_glance():
    skipped = {"__pycache__", ".ipynb_checkpoints"}
    folders = [
        folder
        for top in ("mnistkit", "tests", "docs", "notebooks", "benchmarks")
        for folder in (HOME / top, *(p for p in (HOME / top).rglob("*") if p.is_dir()))
        if not skipped & set(folder.parts)
    ]
    assert len(folders) > 40
    crowded = {
        str(folder.relative_to(HOME)): count
        for folder in folders
        if (count := sum(path.is_file() for path in folder.iterdir())) > 15
    }
    assert crowded == {}


def test_a_public_name_is_defined_in_one_module():
    defined = {}
    for path in MODULES:
        for name in public_names(path):
            defined.setdefault(name, set()).add(str(path.relative_to(HOME)))
    assert {name: paths for name, paths in defined.items() if len(paths) > 1} == {}


README = (HOME / "README.md").read_text()
PAGES = {
    str(page.relative_to(HOME)): page.read_text()
    for page in (
        *(HOME / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")),
        *sorted((HOME / "docs").rglob("*.md")),
    )
}
IN_BLOCKS = [
    line.strip().removeprefix("$ ").split("  #")[0]
    for page in PAGES.values()
    for block in re.findall(r"```(?:bash|console|sh)\n(.*?)```", page, re.S)
    for line in block.splitlines()
]
COMMANDS = IN_BLOCKS + [
    command
    for page in PAGES.values()
    for command in re.findall(r"(?<!`)`((?:[\w./]*mnistkit|make|python3?) [^`\n]+)`", page)
]
"""What readers are told to type, in blocks and within lines."""


def test_the_page_of_the_course_names_every_lesson():
    text = (HOME / "docs" / "course.md").read_text()
    for lesson in find(find_folder()):
        assert lesson.path.name in text


def test_the_readme_is_short_enough_to_be_read():
    assert len(README.split()) < 500


def test_no_figure_was_left_to_be_filled_in():
    texts = {"README.md": README} | {lesson.path.name: lesson.text for lesson in find(find_folder())}
    for name, text in texts.items():
        assert not re.search(r"\b(TIME|MEMORY)(_[A-Z]+|\d+)?\b|\bTODO\b", text), name


def test_the_make_targets_of_the_pages_exist():
    targets = set(re.findall(r"^([a-z]+):", (HOME / "Makefile").read_text(), re.M))
    used = {found for command in COMMANDS for found in re.findall(r"(?:^|\s)make ([a-z]+)", command)}
    assert {"run", "test", "docs"} <= used <= targets


def test_the_commands_of_the_pages_parse():
    parsed = 0
    for line in COMMANDS:
        words = shlex.split(line, comments=True)
        start = next((i for i, word in enumerate(words) if word.split("/")[-1] == "mnistkit"), None)
        if start is None or not words[start + 1 :] or "-name" in words[start - 1] or words[0] == "python":
            continue
        command, arguments = main, words[start + 1 :]
        while isinstance(command, click.Group) and arguments:
            if arguments[0].startswith("-"):
                assert any(
                    arguments[0] in parameter.opts for parameter in command.get_params(click.Context(command))
                ), line
                break
            command = command.get_command(click.Context(command), arguments.pop(0))
            assert command is not None, line
        # Within a line, a command may be named alone.
        if not isinstance(command, click.Group) and (arguments or line in IN_BLOCKS):
            command.make_context("mnistkit", arguments)
        parsed += 1
    assert parsed > 80


def test_the_scripts_of_the_pages_are_there_and_have_these_options():
    scripts = [line.split() for line in COMMANDS if re.match(r"python3? [\w/.]+\.py", line)]
    assert len(scripts) >= 5
    for _, script, *arguments in scripts:
        source = (HOME / script).read_text()
        assert all(f'"{word}"' in source for word in arguments if word.startswith("--")), arguments


@pytest.mark.parametrize("page", [*PAGES, "CHANGELOG.md", "benchmarks/README.md"])
def test_links_and_pictures_of_the_pages_are_there(page):
    for target, heading in re.findall(
        r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)", (HOME / page).read_text()
    ):
        path = (HOME / page).parent / target if target else HOME / page
        assert path.exists(), target
        assert not heading or heading in headings(path), f"{target}#{heading}"


def headings(page):
    """Give the names of a page's headings as links have them."""
    found = re.findall(r"^#+ (.+)$", page.read_text(), re.M)
    return {re.sub(r"[^\w\- ]", "", heading).lower().replace(" ", "-") for heading in found}


def test_the_package_knows_no_lessons_number():
    """A lesson is added, moved or taken away in the course's folder alone."""
    for path in sorted((HOME / "mnistkit").rglob("*")):
        if path.suffix in (".py", ".j2"):
            found = re.search(r"\blessons?[\s#]+0\d", path.read_text(), re.I)
            assert not found, f"{path.relative_to(HOME)}: {found and found[0]}"


def test_nothing_of_a_machine_is_in_the_project():
    listed = subprocess.run(["git", "ls-files"], cwd=HOME, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("not a git checkout")
    for name in listed.stdout.split():
        path = HOME / name
        if (
            path.suffix in {".py", ".md", ".yml", ".yaml", ".toml", ".ipynb", ".lock", ".j2", ".json"}
            and path.exists()
        ):
            text = path.read_text()
            assert not re.search(r"/(home|root|Users|work)/\w", text), name


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "docs/engineer/architecture.md"])
def test_the_paths_that_a_developers_page_names_are_there(page):
    text = (HOME / page).read_text()
    paths = re.findall(r"`((?:mnistkit|notebooks|tests|docs)/[^`\s]*|[.\w-]+\.(?:md|yaml|toml|cff))`", text)
    assert len(paths) > 10
    for path in paths:
        assert (HOME / path).exists(), path
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", text):
        assert (HOME / page).parent.joinpath(target).exists(), target


def test_the_citation_names_this_version():
    citation = yaml.safe_load((HOME / "CITATION.cff").read_text())
    assert {"cff-version", "message", "title", "authors"} <= set(citation)
    assert (citation["version"], citation["license"]) == (PROJECT["version"], PROJECT["license"])


def test_the_hooks_before_a_commit_are_what_make_format_runs():
    hooks = yaml.safe_load((HOME / ".pre-commit-config.yaml").read_text())["repos"]
    assert {repository["repo"] for repository in hooks} == {"local"}
    makefile = (HOME / "Makefile").read_text()
    entries = [hook["entry"].removesuffix(" --force-exclude") for repo in hooks for hook in repo["hooks"]]
    assert {entry.split()[0] for entry in entries} == {"ruff", "nbstripout"}
    assert all(f"$(BIN)/{entry} " in makefile for entry in entries)
