"""Streaming: the same images as the arrays hold, in an order that is said, and errors that name the line."""

import gzip

import numpy as np
import pytest

from mnistkit import input_pipeline
from mnistkit.data import DataError
from mnistkit.data.formats.csv_tables import read_csv_table
from mnistkit.utils.keras_backend import import_keras

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (53, 28, 28), dtype=np.uint8)
IMAGES[:, 0, 0] = np.arange(53)  # each image's first pixel is its number: the order can be read off
LABELS = (np.arange(53) % 10).astype(np.uint8)


@pytest.fixture
def parts(tmp_path):
    return input_pipeline.write_parts(IMAGES, LABELS, tmp_path / "parts", 4, name="train")


def collected(batches):
    pairs = [(images.numpy(), labels.numpy()) for images, labels in batches]
    return np.concatenate([images for images, _ in pairs]), np.concatenate([labels for _, labels in pairs])


def order(batches):
    return collected(batches)[0][:, 0, 0, 0].tolist()


def test_parts_hold_all_images_in_order_and_differ_by_one_row_at_most(parts):
    assert [path.name for path in parts] == [f"train-0{i}-of-04.csv" for i in range(4)]
    tables = [read_csv_table(path) for path in parts]
    np.testing.assert_array_equal(np.concatenate([table.images for table in tables]), IMAGES)
    np.testing.assert_array_equal(np.concatenate([table.labels for table in tables]), LABELS)
    assert [len(table.labels) for table in tables] == [14, 13, 13, 13]
    assert parts[0].read_text().startswith("label,pixel0,pixel1,")


@pytest.mark.parametrize("parts", [0, 54])
def test_as_many_parts_as_images_at_most(tmp_path, parts):
    with pytest.raises(ValueError, match=f"parts is {parts}; expected"):
        input_pipeline.write_parts(IMAGES, LABELS, tmp_path, parts)


@pytest.mark.parametrize(("rows", "text"), [(1, 1 << 18), (5, 4000), (256, 10_000), (32, 10)])
def test_every_image_comes_once_with_its_label_whatever_the_block(parts, rows, text, monkeypatch):
    monkeypatch.setattr(input_pipeline, "read_csv_table", None)  # plain files need no second look
    monkeypatch.setattr(input_pipeline, "_BYTES_AT_ONCE", text)
    monkeypatch.setattr(input_pipeline, "_ROWS_A_TURN", rows)
    batches = input_pipeline.from_parts(parts, 8, readers=3)
    assert batches.element_spec[0].dtype == "uint8"
    images, labels = collected(batches)
    assert images.shape == (53, 28, 28, 1)
    numbers = images[:, 0, 0, 0]
    assert sorted(numbers) == list(range(53))
    np.testing.assert_array_equal(images[..., 0], IMAGES[numbers])
    np.testing.assert_array_equal(labels, LABELS[numbers])
    assert [len(labels) for _, labels in batches] == [8] * 6 + [5]


def test_files_take_turns_and_one_reader_keeps_the_order(parts, monkeypatch):
    monkeypatch.setattr(input_pipeline, "_ROWS_A_TURN", 1)
    assert order(input_pipeline.from_parts(parts, 8, readers=4))[:8] == [0, 14, 27, 40, 1, 15, 28, 41]
    assert order(input_pipeline.from_parts(parts, 8, readers=1)) == list(range(53))


@pytest.mark.slow
def test_shuffling_repeats_with_its_seed_and_differs_in_each_pass(parts):
    first, again, other = (
        input_pipeline.from_parts(parts, 8, shuffle=53, cache=True, seed=seed) for seed in (1, 1, 2)
    )
    passes = [order(first) for _ in range(2)]
    assert sorted(passes[0]) == list(range(53))
    assert passes[0] != passes[1]
    assert order(again) == passes[0] != order(other)


def test_a_cache_is_filled_once_and_then_needs_no_files(parts):
    batches = input_pipeline.from_parts(parts, 8, cache=True)
    before = collected(batches)
    for path in parts:
        path.unlink()
    np.testing.assert_array_equal(collected(batches)[0], before[0])


def test_arrays_and_parts_give_the_same_batches(parts):
    streamed = input_pipeline.from_parts(parts, 8, readers=1)
    for (a, b), (c, d) in zip(streamed, input_pipeline.from_arrays(IMAGES, LABELS, 8), strict=True):
        np.testing.assert_array_equal(a, c)
        np.testing.assert_array_equal(b, d)


def damaged(path, old, new):
    path.write_bytes(path.read_bytes().replace(old, new, 1))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"1,2,3", "found: +3 cells"),
        (b"", "found: +an empty line"),
        (b"3," + b",".join([b"0"] * 783 + [b"256"]), r"column 785 \(pixel783\)"),
        (b"3," + b",".join([b"0"] * 783 + [b"1000"]), r"column 785 \(pixel783\)"),
        (b"3," + b",".join([b"0"] * 783 + [b""]), "found: +an empty cell"),
        (b"3," + b",".join([b"0"] * 783 + [b"-1"]), "found: +'-1'"),
        (b"3," + b",".join([b"0"] * 783 + [b"1_0"]), "found: +'1_0'"),
        (b"3," + b"/".join([b"0"] * 784), "found: +2 cells"),
        (b"x," + b",".join([b"0"] * 784), r"column 1 \(label\)"),
    ],
)
def test_a_malformed_line_is_named(parts, line, message):
    lines = parts[2].read_bytes().split(b"\n")
    lines[9] = line
    parts[2].write_bytes(b"\n".join(lines))
    import_keras()
    from tensorflow.errors import OpError

    with pytest.raises(OpError, match=message) as caught:
        collected(input_pipeline.from_parts(parts, 8))
    assert f"{parts[2]}, line 10" in str(caught.value)


def test_a_cell_too_few_and_one_too_many_do_not_make_up_for_each_other(parts):
    lines = parts[0].read_bytes().split(b"\n")
    lines[3], lines[4] = lines[3].rpartition(b",")[0], lines[4] + b",7"
    parts[0].write_bytes(b"\n".join(lines))
    import_keras()
    from tensorflow.errors import OpError

    with pytest.raises(OpError, match=r"line 4\n +found: +784 cells"):
        collected(input_pipeline.from_parts(parts, 8))


@pytest.mark.parametrize(("old", "new"), [(b"\n", b"\r\n"), (b",", b", "), (b",", b" ,\t"), (b"\n", b"\n")])
def test_line_ends_and_blanks_do_not_matter(parts, old, new):
    header, _, rest = parts[1].read_bytes().partition(b"\n")
    parts[1].write_bytes(header + b"\n" + rest.rstrip(b"\n").replace(old, new))
    images, labels = collected(input_pipeline.from_parts(parts, 8, readers=1))
    np.testing.assert_array_equal(images[..., 0], IMAGES)
    np.testing.assert_array_equal(labels, LABELS)


@pytest.mark.parametrize("dialect", ["no-header", "semicolons", "quoted", "label-last", "utf-16", "index"])
def test_parts_in_another_dialect_give_the_same_images(parts, dialect):
    lines = [line.split(",") for line in parts[1].read_text().splitlines()]
    if dialect == "label-last":
        lines = [[*line[1:], line[0]] for line in lines]
    if dialect == "index":
        lines = [[str(number), *line] for number, line in enumerate(lines, start=7)]
        lines[0][0] = ""
    if dialect == "quoted":
        lines = [[f'"{cell}"' for cell in line] for line in lines]
    text = "\n".join((";" if dialect == "semicolons" else ",").join(line) for line in lines) + "\n\n"
    text = text.partition("\n")[2] if dialect == "no-header" else text
    parts[1].write_text(text, encoding="utf-16" if dialect == "utf-16" else "utf-8")
    images, labels = collected(input_pipeline.from_parts(parts, 8, readers=1))
    np.testing.assert_array_equal(images[..., 0], IMAGES)
    np.testing.assert_array_equal(labels, LABELS)


def test_a_compressed_part_is_read_too(parts):
    packed = parts[3].with_suffix(".csv.gz")
    packed.write_bytes(gzip.compress(parts[3].read_bytes()))
    images, _ = collected(input_pipeline.from_parts([*parts[:3], packed], 8, readers=1))
    np.testing.assert_array_equal(images[..., 0], IMAGES)


@pytest.mark.parametrize("header_only", [b"", b"\n"])
def test_a_part_without_rows_is_refused(parts, header_only):
    parts[1].write_bytes(parts[1].read_bytes().split(b"\n")[0] + header_only)
    import_keras()
    from tensorflow.errors import OpError

    with pytest.raises(OpError, match="a header and no rows"):
        collected(input_pipeline.from_parts(parts, 8))


def test_files_without_labels_and_no_files_are_refused(parts, tmp_path):
    with pytest.raises(DataError, match="no files"):
        input_pipeline.from_parts([], 8)
    lines = [line.partition(b",")[2] for line in parts[0].read_bytes().splitlines()]
    parts[0].write_bytes(b"\n".join(lines) + b"\n")
    with pytest.raises(DataError, match="no labels"):
        input_pipeline.from_parts(parts, 8)


def test_images_are_counted_in_the_last_pass(parts):
    batches = input_pipeline.from_parts(parts, 8, cache=True)
    assert input_pipeline.images_per_second(batches, passes=2) > 0
