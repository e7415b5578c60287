"""The registry: one module with a `DatasetSpec` is all that a new data set takes."""

import hashlib
import json
import shutil
import subprocess
import sys

import pytest
from click.testing import CliRunner
from data_helpers import make_tiny

from mnistkit.cli import main
from mnistkit.data import DataError, download, export, load, registry, sets, verify
from mnistkit.data.dataset import part_sha256
from mnistkit.data.registry import IDX_STEM, PARTS, dataset_spec, names

MODULE = '''
"""Kannada-MNIST, made up."""

from mnistkit.data.registry import DatasetSpec, FourArrays, OfficialPart, Published
from mnistkit.data.sets.mnist import MNIST


def _standin() -> FourArrays:
    return MNIST.published.standin()


KANNADA = DatasetSpec(
    name="kannada-mnist",
    summary="Kannada digits",
    licence="CC BY-SA 4.0",
    class_names=("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
    spelling="kannada",
    origin=Published(
        files={part: OfficialPart(**facts) for part, facts in FACTS.items()},
        mirrors=("https://localhost/kannada-mnist/",),
        standin=_standin,
        standin_source="stand-in: digits (not Kannada-MNIST)",
    ),
)
'''


@pytest.fixture
def add(tmp_path, monkeypatch):
    """Put modules into the package's folder of data sets, for the length of a test."""
    folder = tmp_path / "more_sets"
    folder.mkdir()
    before = set(sys.modules)
    monkeypatch.setattr(sets, "__path__", [*sets.__path__, str(folder)])

    def write(name, text):
        (folder / f"{name}.py").write_text(text, encoding="utf-8")
        registry.datasets.cache_clear()

    yield write
    registry.datasets.cache_clear()
    for module in {name for name in sys.modules if name.startswith(f"{sets.__name__}.")} - before:
        del sys.modules[module]
        delattr(sets, module.rpartition(".")[2])


@pytest.fixture
def kannada(add, tmp_path):
    """Add KANNADA by one module: 60 + 20 images are all of it."""
    dataset = make_tiny(seed=5)
    published = {path.name: path for path in export(dataset, tmp_path / "kannada-mnist", "idx-gz")}
    files = {part: published[f"{IDX_STEM[part]}.gz"].read_bytes() for part in PARTS}
    facts = {
        part: {
            "gz_sha256": hashlib.sha256(content).hexdigest(),
            "gz_bytes": len(content),
            "content_sha256": part_sha256(getattr(dataset, part)),
        }
        for part, content in files.items()
    }
    add("kannada", f"FACTS = {facts!r}\n{MODULE}")
    return dataset


def test_kannada_is_no_data_set_without_its_module(tmp_path, tiny):
    export(tiny, tmp_path / "kannada-mnist", "idx")
    with pytest.raises(DataError, match="one of mnist, fashion-mnist, twist, digit-recognizer"):
        load("kannada", tmp_path)
    assert {row.status for row in verify(tmp_path)} == {"other"}


@pytest.mark.parametrize("source", ["auto", "folder", "file", "downloaded"])
def test_an_added_data_set_is_loaded_from_idx_files(kannada, tmp_path, monkeypatch, source):
    assert names()[-1] == "kannada-mnist"
    folder = tmp_path / "kannada-mnist"
    if source == "auto":
        monkeypatch.setenv("MNISTKIT_DATA", str(tmp_path))
    if source == "downloaded":
        monkeypatch.setenv("MNISTKIT_CACHE", str(tmp_path / "cache"))
        shutil.move(folder, download.downloads_folder("kannada-mnist"))
        assert download.fetch("kannada-mnist") == tmp_path / "cache" / "downloads" / "kannada-mnist"
    source = {"folder": folder, "file": folder / f"{IDX_STEM['x_test']}.gz", "downloaded": "download"}.get(
        source
    )
    loaded = load("kannada-mnist", source or "auto")
    assert (loaded.name, loaded.sha256, loaded.is_standin) == ("kannada-mnist", kannada.sha256, False)
    assert loaded.class_names == dataset_spec("kannada-mnist").class_names


def test_an_added_data_set_is_told_from_the_others(kannada, tmp_path, monkeypatch, tiny):
    export(tiny, tmp_path / "mnist", "idx")
    monkeypatch.setenv("MNISTKIT_DATA", str(tmp_path))
    assert load("mnist").sha256 == tiny.sha256
    assert load("kannada-mnist").sha256 == kannada.sha256
    with pytest.raises(DataError, match="by its content"):
        load("mnist", tmp_path / "kannada-mnist")


def test_an_added_data_set_is_in_every_command(kannada, tmp_path, monkeypatch):
    monkeypatch.setenv("MNISTKIT_DATA", str(tmp_path))

    def run(*args):
        result = CliRunner().invoke(main, ["data", *map(str, args)])
        assert result.exit_code == 0, result.output
        return result.output

    assert "kannada-mnist     Kannada digits" in run("list")
    assert f"{tmp_path / 'kannada-mnist'}: idx" in run("list")
    told = run("info", "kannada-mnist")
    assert "content  official" in told
    assert "tsu" in told
    assert run("verify", "kannada-mnist").count("official  ") == 4
    assert "kannada-mnist: x_train 60 × 28 × 28" in run("verify", tmp_path / "kannada-mnist")
    for fmt in ("idx", "csv", "npz"):
        out = tmp_path / "written" / fmt
        run("export", "kannada-mnist", "--format", fmt, "--out", out)
        assert load("kannada-mnist", out).sha256 == kannada.sha256
    assert (tmp_path / "written" / "csv" / "kannada-mnist_train.csv").is_file()
    assert (tmp_path / "written" / "npz" / "kannada-mnist.npz").is_file()


def test_an_added_data_set_has_its_stand_in(kannada):
    standin = load("kannada-mnist", "bundled")
    assert standin.is_standin
    assert standin.source == "stand-in: digits (not Kannada-MNIST)"
    assert standin.class_names == dataset_spec("kannada-mnist").class_names


def test_two_data_sets_of_one_name_are_a_mistake(kannada, add):
    add("again", f"FACTS = {{}}\n{MODULE}")
    with pytest.raises(ValueError, match="kannada-mnist' is there already"):
        names()


def test_every_data_set_says_what_it_is():
    for name, spec in registry.datasets().items():
        assert spec.name == name
        assert spec.summary
        assert spec.licence
        assert spec.is_meant_by(name)
        assert set(spec.published.files) == set(spec.published.idx_stem) == set(PARTS)
    assert dataset_spec("twist").base.name == "fashion-mnist"
    assert dataset_spec("digit-recognizer").base.name == "mnist"


def test_data_sets_are_listed_without_what_makes_stand_ins():
    code = (
        "import sys, json, mnistkit.cli\n"
        "early = 'numpy' in sys.modules\n"
        "from mnistkit.data import registry\n"
        "registry.names()\n"
        "print(json.dumps([early, sorted({'scipy', 'sklearn', 'pandas', 'pooch'} & set(sys.modules))]))"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(ended.stdout) == [False, []]
