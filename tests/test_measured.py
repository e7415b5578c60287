"""The figures of docs/course.md come from runs: what is kept of a run, and what is made of it."""

import importlib.util
import json
import re
from pathlib import Path

import nbformat
import pytest

import mnistkit
from mnistkit.cli.grading import grade_assignment
from mnistkit.course.lessons import find, find_folder
from mnistkit.course.running.results import write_results
from mnistkit.errors import UserError
from mnistkit.grading.autograde import check_limits
from mnistkit.grading.collect import archive, match_notebook
from mnistkit.grading.feedback import killable_call, student_page
from mnistkit.grading.sandbox import keras_codec
from mnistkit.grading.sandbox.bwrap import SandboxLimits
from mnistkit.records.lesson_facts import course_references

HOME = Path(mnistkit.__file__).parents[1]
REFERENCES = course_references()
spec = importlib.util.spec_from_file_location("measured", HOME / "docs" / "measured.py")
measured = importlib.util.module_from_spec(spec)
spec.loader.exec_module(measured)

LESSON = "06_vgg16_vs_tsne_gmm"
PAGE = """# x
<!-- measured: lessons -->
| lesson | what it is about | time |
|---|---|---|
| [01_explore_the_data.ipynb](../notebooks/01_explore_the_data.ipynb) | formats, PCA | 5 s |
| [06_vgg16_vs_tsne_gmm.ipynb](../notebooks/06_vgg16_vs_tsne_gmm.ipynb) | borrowed `layers` | 7 s |
<!-- end -->
between
<!-- measured: reports -->
<!-- end -->
after
"""


def record(name, value, *, differs="", is_standin=False, dataset="mnist"):
    known = REFERENCES.get(name)
    reference, report = (known.value, known.report) if known else (None, "")
    about = {"dataset": dataset, "data_source": "/srv/me/mnist", "is_standin": is_standin}
    return {
        "name": name,
        "value": value,
        "reference": reference,
        "report": report,
        "differs": differs,
    } | about


def make_run(folder, *records, lesson=LESSON, **changes):
    entry = {
        "title": "x",
        "preset": "full",
        "status": "completed",
        "seconds": 266.5,
        "slowest_cells": [
            {"cell": "slow", "seconds": 30.5, "peak_memory_bytes": 2},
            {"cell": "quick", "seconds": 2.0, "peak_memory_bytes": 1},
        ],
        "peak_memory_bytes": 2_249_000_000,
        "finished": "2026-01-01T12:34:56+00:00",
        "git_commit": "abc",
        "after": {},
        "parameters": {"data": "/srv/me/mnist", "vgg_weights": "/srv/me/vgg.h5", "image_size": 224},
        "data": [{"name": "mnist", "source": "/srv/me/mnist", "sha256": "ab" * 32, "is_standin": False}],
        "records": list(records),
        "notebook": f"{lesson}.ipynb",
    }
    machine = {"cores": 2, "memory_bytes": 25_200_000_000, "system": "Linux-my-laptop"}
    folder.mkdir(exist_ok=True)
    notebook = nbformat.read(HOME / "notebooks" / f"{lesson}.ipynb", as_version=4)
    injected = nbformat.v4.new_code_cell("seed = 7", metadata={"tags": ["injected-parameters"]})
    notebook.cells.insert(2, injected)  # what papermill adds is no other version
    nbformat.write(notebook, folder / f"{lesson}.ipynb")
    write_results(folder, {"schema": 1, "machine": machine, "notebooks": {lesson: entry | changes}})
    return folder


def table(text):
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if "|" in line]


def test_the_page_of_the_course_has_the_figures_that_were_taken():
    text = measured.COURSE.read_text()
    assert measured.written(text) == text, "python docs/measured.py write"


def test_the_table_of_memory_has_the_figures_that_were_taken():
    text = measured.MACHINES.read_text()
    assert measured.written_memory(text) == text, "python docs/measured.py write"


def test_the_tables_of_speed_have_what_was_measured(tmp_path):
    text = measured.SPEED.read_text()
    assert measured.written_speed(text) == text, "python docs/measured.py write"
    made = {"date": "2026-01-01", "git_commit": "abc", "command": "python x", "versions": {"numpy": "2"}}
    made["machine"] = {"cores": 2, "memory_bytes": 25_200_000_000}
    row = {"ways": ["a loop", "a sweep"], "data": "stand-in for MNIST", "size": {"n": 42_000, "k": 14}}
    row |= {"seconds": [[9.0, 3.0], [8.0, 4.0], [10.0, 5.0]], "ratio": 2.0, "peak_bytes": [2e8, 1e9]}
    costs = {"seconds": [1.0, 2.04], "peak_bytes": [1e8, 1e8], "slope": 1.03}
    growth = {"row": "sweep", "by": "n", "values": [1_000, 2_000], "why": "Because.", "ways": {"ours": costs}}
    bench = {"rows": {"sweep": row | {"difference": 0.0, "made_with": made}}}
    bench["rows"]["limit of sweep"] = bench["rows"]["sweep"]
    bench["growth"] = {"sweep, by n": growth | {"made_with": made}}
    (tmp_path / "bench.json").write_text(json.dumps(bench))
    page = measured.written_speed(text, tmp_path)
    given = "stand-in for MNIST, n 42,000, k 14"
    assert ["sweep", "a loop", "a sweep", given, "9", "4", "**2**", "200 / 1,000", "0"] in table(page)
    assert ["sweep", "a loop", "a sweep", given, "9", "4", "**50%**"] in table(page)
    assert ["sweep", "n = 1,000, 2,000", "ours", "1, 2.04", "1.03", "100, 100", "Because."] in table(page)
    assert "- machine: 2 cores, 25 GB of memory, no GPU\n- date: 2026-01-01\n- commit: abc" in page


def test_the_figures_within_lines_are_those_that_were_measured():
    texts = {page: page.read_text() for page in measured.PAGES}
    for page, text in texts.items():
        assert measured.written_figures(text, page.name) == text, "python docs/measured.py write"
    for name, figure in measured.read_by_hand().items():
        assert set(figure) == {"figure", "conditions", "date"}
        assert any(f"<!-- measured: {name} -->" in text for text in texts.values()), f"{name} is used nowhere"


def test_a_figure_within_a_line_is_replaced_and_an_unknown_one_refused(tmp_path):
    figures = {"disk": {"figure": "3 GB", "conditions": "", "date": ""}}
    (tmp_path / "by_hand.json").write_text(json.dumps({"figures": figures}))
    line = "It has <!-- measured: {} -->9 GB<!-- end --> of <!-- measured: disk -->8<!-- end -->."
    written = measured.written_figures(line.format("disk"), "x.md", tmp_path)
    assert re.sub("<!--.*?-->", "", written) == "It has 3 GB of 3 GB."
    with pytest.raises(UserError, match=r"x\.md(.|\n)*measured: disc(.|\n)*disk"):
        measured.written_figures(line.format("disc"), "x.md", tmp_path)


def test_memory_for_a_class_is_that_of_a_lesson_times_its_students(tmp_path):
    measured.take([make_run(tmp_path / "run", preset="lab")], tmp_path / "lab.json")
    page = "# x\n<!-- measured: memory -->\n<!-- end -->\n"
    row = table(measured.written_memory(page, tmp_path))[2]
    assert row == ["06", "2.2 GB", "22 GB", "45 GB", "67 GB"]


def test_the_readme_says_what_all_lessons_took():
    text = measured.README.read_text()
    assert measured.written_readme(text) == text, "python docs/measured.py write"


def test_the_readme_is_not_written_without_a_run(tmp_path):
    with pytest.raises(
        UserError, match=r"README\.md\n  found:    no lab run in docs/measured\n  to do:    take one"
    ):
        measured.written_readme(measured.README.read_text(), tmp_path)


@pytest.mark.parametrize("lesson", find(find_folder()), ids=lambda lesson: lesson.name)
def test_a_lessons_header_has_the_figures_that_were_taken(lesson):
    header = nbformat.reads(lesson.text, as_version=4).cells[0].source
    assert measured.written_header(header, lesson.name) == header, "python docs/measured.py write"


@pytest.mark.parametrize("path", sorted(measured.MEASURED.iterdir()), ids=lambda path: path.name)
def test_what_was_taken_tells_nothing_of_a_machines_folders(path):
    text = path.read_text()
    assert not re.search(r'(^|[\s":=(])(~|[A-Za-z]:\\|/\w)', text, re.M)
    if path in (measured.BY_HAND, measured.MEASURED / "bench.json"):
        return
    assert path.stem in measured.PRESETS
    assert {lesson["preset"] for lesson in json.loads(text)["lessons"].values()} == {path.stem}


def test_a_run_is_kept_without_paths(tmp_path):
    run = make_run(tmp_path / "run", record("tsne_gmm_purity", 0.84), record("vgg16_weights", "/srv/me/w.h5"))
    measured.take([run], tmp_path / "full.json")
    text = (tmp_path / "full.json").read_text()
    assert not re.search("srv|me/|laptop", text)
    lesson = json.loads(text)["lessons"][LESSON]
    assert lesson["parameters"] == {"vgg_weights": "vgg.h5", "image_size": 224}
    assert lesson["slowest_cells"] == {"slow": 30.5, "quick": 2.0}
    assert lesson["changed"] == {"vgg_weights": "vgg.h5"}, "224 is the preset's"
    assert lesson["data"] == [{"name": "mnist", "is_standin": False}]
    assert lesson["machine"] == {"cores": 2, "memory_bytes": 25_200_000_000}
    assert lesson["records"]["tsne_gmm_purity"] == {
        "value": 0.84,
        "data": "mnist",
        "reference": 0.8365,
        "report": "R2",
        "differs": "",
    }
    assert lesson["records"]["vgg16_weights"]["value"] == "w.h5"


def test_a_figure_of_an_earlier_version_is_called_so(tmp_path):
    measured.take([make_run(tmp_path / "run")], tmp_path / "full.json")
    lesson = measured.read(tmp_path / "full.json")[LESSON]
    assert "version" not in measured.cost(lesson)
    assert measured.cost(lesson | {"code_sha256": "0" * 64}).endswith(", an earlier version")


def test_lessons_that_are_not_in_the_run_stay(tmp_path):
    to = tmp_path / "full.json"
    measured.take([make_run(tmp_path / "a"), make_run(tmp_path / "b", lesson="01_explore_the_data")], to)
    measured.take([make_run(tmp_path / "c", seconds=5)], to)
    lessons = json.loads(to.read_text())["lessons"]
    assert {name: lesson["seconds"] for name, lesson in lessons.items()} == {
        "01_explore_the_data": 266.5,
        LESSON: 5,
    }


@pytest.mark.parametrize("changes", [{"status": "failed"}, {"status": "waiting"}, {"preset": "lab"}])
def test_only_completed_lessons_of_the_files_preset_are_taken(tmp_path, changes):
    with pytest.raises(UserError, match=LESSON):
        measured.take([make_run(tmp_path / "run", **changes)], tmp_path / "full.json")
    assert not (tmp_path / "full.json").exists()


@pytest.mark.parametrize(("preset", "compared"), [("full", True), ("lab", False)])
def test_an_earlier_versions_small_run_is_not_compared(tmp_path, preset, compared):
    old = record("tsne_gmm_purity", 0.84)
    del old["differs"]
    measured.take([make_run(tmp_path / "run", old, preset=preset)], tmp_path / f"{preset}.json")
    assert ("reached" in measured.written(PAGE, tmp_path)) == compared


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (19.4, "19 s"),
        (89.4, "89 s"),
        (91, "1½ min"),
        (120, "2 min"),
        (266.5, "4½ min"),
        (280, "4½ min"),
        (290, "5 min"),
        (2881, "48 min"),
        (5399, "90 min"),
        (5401, "1½ h"),
        (8915, "2½ h"),
        (7200, "2 h"),
        (40_000, "11 h"),
    ],
)
def test_times_are_rounded_to_what_they_are_worth(seconds, words):
    assert measured.duration(seconds) == words


def test_the_lessons_keep_their_words_and_get_their_figures(tmp_path):
    measured.take([make_run(tmp_path / "run", after={"03_ann_vs_cnn": "x"})], tmp_path / "full.json")
    text = measured.written(PAGE, tmp_path)
    rows = table(text)[2:4]
    assert rows[0][1:] == ["formats, PCA", "–", "–"]
    assert rows[1][1:] == ["borrowed `layers`", "–", "4½ min after 03, 2.2 GB (`vgg_weights=vgg.h5`)"]
    assert "measured on 2 cores with 25 GB of memory" in text
    assert "real MNIST" in text
    assert text.startswith("# x\n")
    assert "\nbetween\n" in text
    assert text.endswith("\nafter\n")
    assert measured.written(text, tmp_path) == text, "written twice, it is the same"


def test_stand_ins_are_never_called_real(tmp_path):
    data = [{"name": "mnist", "source": "", "sha256": "", "is_standin": True}]
    found = record("tsne_gmm_purity", 0.84, is_standin=True)
    measured.take([make_run(tmp_path / "run", found, data=data)], tmp_path / "full.json")
    text = measured.written(PAGE, tmp_path)
    assert "stand-ins for mnist" in text
    assert "`tsne_gmm_purity` (stand-in data)" in text
    assert "real" not in text
    assert "reached" not in text


def test_the_reports_figures_are_set_beside_ours(tmp_path):
    found = (
        record("vgg16_parameters", 17_927_370),
        record("vgg16_trainable_parameters", 7),
        record("vgg16_validation_accuracy", 0.11, differs="random weights"),
        record("tsne_gmm_purity", 0.8365 + 0.01),
        record("tsne_gmm_purity_2400", 0.7),
        record("tsne_gmm_nmi", 0.5),
    )
    measured.take([make_run(tmp_path / "run", *found, parameters={})], tmp_path / "full.json")
    text = measured.written(PAGE, tmp_path)
    rows = [row for row in table(text) if row[0] == "R2"]
    assert [row[2:] for row in rows] == [
        ["3212682", "7", "missed", "06, full", "MNIST"],
        ["0.8365", "0.8465", "reached", "06, full", "MNIST"],
        ["0.8325", "0.7000", "missed", "06, full", "MNIST"],
    ]
    assert rows[1][1] == REFERENCES["tsne_gmm_purity"].what
    assert "1 of 2 are equal" in text
    assert "`vgg16_validation_accuracy` (random weights)." in text


def test_the_full_preset_is_preferred_where_it_can_be_compared(tmp_path):
    full = [record("tsne_gmm_purity", 0.85), record("tsne_gmm_purity_2400", 0.9, differs="another way")]
    lab = [record("tsne_gmm_purity", 0.84), record("tsne_gmm_purity_2400", 0.83)]
    measured.take([make_run(tmp_path / "f", *full)], tmp_path / "full.json")
    measured.take([make_run(tmp_path / "l", *lab, preset="lab")], tmp_path / "lab.json")
    rows = [row for row in table(measured.written(PAGE, tmp_path)) if row[0] == "R2"]
    assert [(row[3], row[5][:8]) for row in rows] == [("0.8500", "06, full"), ("0.8300", "06, lab ")]


def test_a_readme_without_the_places_is_refused():
    with pytest.raises(UserError, match="lessons"):
        measured.written("# x\n")


def test_limits_on_the_teachers_pages_are_those_of_the_code():
    mega, giga, limits = 1_000_000, 1 << 30, SandboxLimits()
    pages = sorted((HOME / "docs" / "teacher").glob("*.md"))
    page = " ".join(" ".join(path.read_text() for path in pages).split())
    said = [
        f"at most {keras_codec.MAX_MULTIPLY_ADDS // mega} million multiplications",
        f"| over {match_notebook.MAX_WHOLE // mega} MB | put in place without its outputs |",
        f"| over {archive.MAX_FILE // mega} MB, or over {match_notebook.MAX_WHOLE // mega} MB without its outputs |",
        f"over {archive._MAX_OWN_ENTRIES:,} files or over {archive._MAX_OWN_BYTES // mega} MB, or expand more than "
        f"{archive._MAX_RATIO} times",
        f"over {check_limits.MAX_CHECK_BYTES // giga} GB or {check_limits.MAX_CHECK_SECONDS:g} s of processor time",
        f"{limits.seconds:g} s and {limits.memory_bytes // giga} GiB in all (`--max-seconds`, `--max-memory`), "
        f"{limits.call_seconds:g} s for each call of a function, {limits.cell_seconds:g} s for each cell",
        f"more than {student_page.MAX_SECONDS:g} s or {killable_call.MEMORY_BYTES // giga} GB to lay out",
    ]
    assert [text for text in said if text not in page] == []
    shown = " ".join((grade_assignment.help or "").split())
    assert f"({limits.seconds:g} s and {limits.memory_bytes // giga} GiB, where none are given)" in shown
