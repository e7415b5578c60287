"""The commands ``mnistkit data …``."""

import subprocess
import sys

import numpy as np
import pytest
from click.testing import CliRunner

from mnistkit.cli import main
from mnistkit.data import describe, discovery, export, load, verify
from mnistkit.data.formats import readers
from mnistkit.data.registry import PARTS, names

pytestmark = pytest.mark.usefixtures("fresh_cache")


def run(*args):
    return CliRunner().invoke(main, ["data", *map(str, args)], catch_exceptions=False)


@pytest.fixture
def shared(tiny, tiny_fashion, tmp_path, monkeypatch):
    """A folder with both data sets, named by MNISTKIT_DATA."""
    export(tiny, tmp_path / "shared" / "mnist", "idx-gz")
    export(tiny_fashion, tmp_path / "shared" / "fashion-mnist", "idx")
    monkeypatch.setenv("MNISTKIT_DATA", str(tmp_path / "shared"))
    return tmp_path / "shared"


def test_help_needs_no_heavy_imports():
    code = (
        "import sys, mnistkit.cli; "
        "heavy = {'numpy', 'pandas', 'sklearn', 'requests', 'pooch', 'matplotlib'} & set(sys.modules); "
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert subprocess.run([sys.executable, "-m", "mnistkit.cli"], capture_output=True).returncode in (0, 2)


@pytest.mark.parametrize("command", ["list", "info", "fetch", "verify", "export"])
def test_every_command_has_help(command):
    result = run(command, "--help")
    assert result.exit_code == 0
    assert command == "list" or "Example" in result.output


def test_list_names_sources_without_reading(shared, monkeypatch):
    monkeypatch.setattr(
        "mnistkit.data.formats.readers.read_dataset", lambda *args: pytest.fail("read the data")
    )
    output = run("list").output
    assert all(name in output for name in names())
    assert f"{shared / 'mnist'}: idx" in output
    assert "made from fashion-mnist" in output
    assert "switched off by MNISTKIT_OFFLINE" in output
    assert "bundled: stand-in" in output


def test_list_shows_what_is_unusable(shared):
    (shared / "mnist" / "t10k-labels-idx1-ubyte.gz").unlink()
    result = run("list")
    assert result.exit_code == 0
    assert "unusable" in result.output
    assert "y_test" in result.output


def test_info_describes_a_data_set(shared, tiny):
    output = run("info", "mnist").output
    for words in ("60 × 28 × 28", tiny.sha256, str(shared / "mnist"), "not the official images"):
        assert words in output
    assert output.count("train       6  test      2") == 10
    assert "unlabelled" in run("info", "digit-recognizer").output
    assert "group 4" in run("info", "twist", "--source", shared).output


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["info", "mnits"], "did you mean 'mnist'"),
        (["info", "mnist", "--source", "nowhere"], "no such file or folder"),
        (["fetch", "mnst"], "did you mean 'mnist'"),
        (["fetch"], "MNISTKIT_OFFLINE"),
        (["verify", "nowhere"], "no such file or folder"),
        (["verify", "."], "no data files"),
        (["verify", ""], "an empty text"),
        (["info", "mnist", "--source", ""], "an empty text"),
        (["export", "mnist", "--format", "parquet", "--out", "x", "--source", "SHARED"], "idx-gz"),
        (
            ["export", "mnist", "--format", "npz", "--out", "x", "--source", "SHARED", "--n-train", "61"],
            "n_train=61",
        ),
    ],
)
def test_errors_are_clean(args, words, shared):
    result = run(*[shared if arg == "SHARED" else arg for arg in args])
    assert result.exit_code == 1
    assert words in result.stderr
    assert "Traceback" not in result.output
    assert result.stdout == ""


def test_export(shared, tiny, tmp_path):
    result = run("export", "mnist", "--format", "csv", "--out", tmp_path / "out")
    assert result.exit_code == 0
    assert "mnist_train.csv" in result.output
    assert load("mnist", tmp_path / "out").sha256 == tiny.sha256
    again = run("export", "mnist", "--format", "csv", "--out", tmp_path / "out")
    assert again.exit_code == 1
    assert "--overwrite" in again.stderr
    assert run("export", "mnist", "--format", "csv", "--out", tmp_path / "out", "--overwrite").exit_code == 0


@pytest.mark.parametrize(
    ("options", "sizes"),
    [
        (["--n-train", "20"], (20, 20)),
        (["--n-test", "10"], (60, 10)),
        (["--n-train", "30", "--n-test", "5"], (30, 5)),
    ],
)
def test_export_of_a_subset(shared, tmp_path, options, sizes):
    assert run("export", "mnist", "--format", "npz", "--out", tmp_path / "out", *options).exit_code == 0
    dataset = load("mnist", tmp_path / "out")
    assert (len(dataset.x_train), len(dataset.x_test)) == sizes


def test_verify_passes_sound_files(shared):
    for args in ([], ["mnist"], [shared], [shared / "mnist" / "t10k-labels-idx1-ubyte.gz"]):
        result = run("verify", *args)
        assert result.exit_code == 0, result.output
        assert "readable" in result.output
        assert "BROKEN" not in result.output


def test_verify_finds_every_broken_file(shared):
    (shared / "mnist" / "train-images-idx3-ubyte.gz").write_bytes(b"\x1f\x8bnonsense")
    (shared / "fashion-mnist" / "t10k-labels-idx1-ubyte").write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 1, 3]))
    result = run("verify")
    assert result.exit_code == 1
    rows = verify(shared)
    broken = {row.file: row.detail for row in rows if row.status == "BROKEN"}
    assert set(broken) == {
        str(shared / "mnist" / "train-images-idx3-ubyte.gz"),
        str(shared / "fashion-mnist" / "t10k-labels-idx1-ubyte"),
    }
    assert "1 labels for 20 images" in broken[str(shared / "fashion-mnist" / "t10k-labels-idx1-ubyte")]
    assert len(rows) == 9  # eight files, and one pair that does not belong together


def test_verify_looks_into_each_folder_and_reads_each_file_once(shared, monkeypatch):
    looked, read = [], []
    listed, read_file = discovery.candidates, readers.read_file
    monkeypatch.setattr(discovery, "candidates", lambda folder: looked.append(folder) or listed(folder))
    monkeypatch.setattr(
        readers, "read_file", lambda *given, **how: read.append(given[1]) or read_file(*given, **how)
    )
    assert len(verify()) == 8
    assert looked == [shared]
    assert sorted(read) == sorted(path for path in shared.rglob("*-ubyte*"))


def test_a_survey_looks_into_each_folder_once(shared, monkeypatch):
    looked, listed = [], discovery.candidates
    monkeypatch.setattr(describe, "candidates", lambda folder: looked.append(folder) or listed(folder))
    rows = describe.survey()
    assert looked == [shared]
    assert [row.name for row in rows] == list(names())
    assert [row.name for row in describe.survey(["kmnist"])] == ["kmnist"]


def test_verify_says_once_what_is_broken_for_several_names(shared):
    (shared / "mnist").rename(shared / "other")
    for path in (shared / "other").iterdir():
        path.unlink()
    (shared / "mnist.zip").write_bytes(b"PK")
    rows = [row for row in verify() if row.status == "BROKEN"]
    assert [row.file for row in rows] == [str(shared / "mnist.zip")]


def test_verify_finds_missing_files(shared):
    (shared / "mnist" / "t10k-labels-idx1-ubyte.gz").unlink()
    assert any(row.status == "BROKEN" and "y_test" in row.detail for row in verify("mnist"))
    assert all(row.status == "readable" for row in verify("fashion-mnist"))


def test_verify_knows_official_content(tiny, tmp_path, monkeypatch):
    from mnistkit.data.dataset import part_sha256

    owners = {part_sha256(getattr(tiny, part)): [("mnist", part)] for part in PARTS}
    monkeypatch.setattr("mnistkit.data.registry._owners", lambda: owners)
    export(tiny, tmp_path / "fine", "csv")
    export(tiny, tmp_path / "fashion-mnist", "idx")
    assert {row.status for row in verify(tmp_path / "fine")} == {"official"}
    broken = [row for row in verify(tmp_path / "fashion-mnist") if row.status == "BROKEN"]
    assert "official mnist" in broken[0].detail
    np.savez(tmp_path / "mnist.npz", **{part: getattr(tiny, part)[::-1] for part in PARTS})
    assert [row.status for row in verify(tmp_path / "mnist.npz")] == ["readable"]
