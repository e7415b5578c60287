"""The registry: one module with a `DatasetSpec` is all that a new data set takes."""

import hashlib
import json
import shutil
import subprocess
import sys

import pytest
from click.testing import CliRunner
from conftest import make_tiny

from mnistkit.cli import main
from mnistkit.data import DataError, download, export, load, registry, sets, verify
from mnistkit.data.dataset import part_sha256
from mnistkit.data.registry import IDX_STEM, PARTS, dataset_spec, names

MODULE = '''
"""Kuzushiji-MNIST, made up."""

from mnistkit.data.registry import DatasetSpec, FourArrays, OfficialPart, Published
from mnistkit.data.sets.mnist import MNIST


def _standin() -> FourArrays:
    return MNIST.published.standin()


KMNIST = DatasetSpec(
    name="kmnist",
    summary="cursive Japanese characters",
    licence="CC BY-SA 4.0",
    class_names=("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
    spelling="k[-_ ]?mnist",
    origin=Published(
        files={part: OfficialPart(**facts) for part, facts in FACTS.items()},
        mirrors=("https://localhost/kmnist/",),
        standin=_standin,
        standin_source="stand-in: digits (not Kuzushiji-MNIST)",
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
def kmnist(add, tmp_path):
    """Add KMNIST by one module: 60 + 20 images are all of it."""
    dataset = make_tiny(seed=5)
    published = {path.name: path for path in export(dataset, tmp_path / "kmnist", "idx-gz")}
    files = {part: published[f"{IDX_STEM[part]}.gz"].read_bytes() for part in PARTS}
    facts = {
        part: {
            "gz_sha256": hashlib.sha256(content).hexdigest(),
            "gz_bytes": len(content),
            "content_sha256": part_sha256(getattr(dataset, part)),
        }
        for part, content in files.items()
    }
    add("kmnist", f"FACTS = {facts!r}\n{MODULE}")
    return dataset


def test_kmnist_is_no_data_set_without_its_module(tmp_path, tiny):
    export(tiny, tmp_path / "kmnist", "idx")
    with pytest.raises(DataError, match="one of mnist, fashion-mnist, twist, digit-recognizer"):
        load("kmnist", tmp_path)
    assert {row.status for row in verify(tmp_path)} == {"other"}


@pytest.mark.parametrize("source", ["auto", "folder", "file", "downloaded"])
def test_an_added_data_set_is_loaded_from_idx_files(kmnist, tmp_path, monkeypatch, source):
    assert names() == ("mnist", "fashion-mnist", "twist", "digit-recognizer", "kmnist")
    folder = tmp_path / "kmnist"
    if source == "auto":
        monkeypatch.setenv("MNISTKIT_DATA", str(tmp_path))
    if source == "downloaded":
        monkeypatch.setenv("MNISTKIT_CACHE", str(tmp_path / "cache"))
        shutil.move(folder, download.downloads_folder("kmnist"))
        assert download.fetch("kmnist") == tmp_path / "cache" / "downloads" / "kmnist"
    source = {"folder": folder, "file": folder / f"{IDX_STEM['x_test']}.gz", "downloaded": "download"}.get(
        source
    )
    loaded = load("kmnist", source or "auto")
    assert (loaded.name, loaded.sha256, loaded.is_standin) == ("kmnist", kmnist.sha256, False)
    assert loaded.class_names == dataset_spec("kmnist").class_names


def test_an_added_data_set_is_told_from_the_others(kmnist, tmp_path, monkeypatch, tiny):
    export(tiny, tmp_path / "mnist", "idx")
    monkeypatch.setenv("MNISTKIT_DATA", str(tmp_path))
    assert load("mnist").sha256 == tiny.sha256
    assert load("kmnist").sha256 == kmnist.sha256
    with pytest.raises(DataError, match="by its content"):
        load("mnist", tmp_path / "kmnist")


def test_an_added_data_set_is_in_every_command(kmnist, tmp_path, monkeypatch):
    monkeypatch.setenv("MNISTKIT_DATA", str(tmp_path))

    def run(*args):
        result = CliRunner().invoke(main, ["data", *map(str, args)])
        assert result.exit_code == 0, result.output
        return result.output

    assert "kmnist            cursive Japanese characters" in run("list")
    assert f"{tmp_path / 'kmnist'}: idx" in run("list")
    told = run("info", "kmnist")
    assert "content  official" in told
    assert "tsu" in told
    assert run("verify", "kmnist").count("official  ") == 4
    assert "kmnist: x_train 60 × 28 × 28" in run("verify", tmp_path / "kmnist")
    for fmt in ("idx", "csv", "npz"):
        out = tmp_path / "written" / fmt
        run("export", "kmnist", "--format", fmt, "--out", out)
        assert load("kmnist", out).sha256 == kmnist.sha256
    assert (tmp_path / "written" / "csv" / "kmnist_train.csv").is_file()
    assert (tmp_path / "written" / "npz" / "kmnist.npz").is_file()


def test_an_added_data_set_has_its_stand_in(kmnist):
    standin = load("kmnist", "bundled")
    assert standin.is_standin
    assert standin.source == "stand-in: digits (not Kuzushiji-MNIST)"
    assert standin.class_names == dataset_spec("kmnist").class_names


def test_two_data_sets_of_one_name_are_a_mistake(kmnist, add):
    add("again", f"FACTS = {{}}\n{MODULE}")
    with pytest.raises(ValueError, match="kmnist' is there already"):
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
