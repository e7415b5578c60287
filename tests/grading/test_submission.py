"""A submission: what is written, and what is refused."""

import numpy as np
import pytest

from mnistkit.data import DataError
from mnistkit.kaggle_submission import ROWS, read_submission, write_submission

LABELS = np.array([7, 0, 9, 1])
GOOD = "ImageId,Label\n1,7\n2,0\n3,9\n4,1\n"


def test_a_submission_is_what_kaggle_takes(tmp_path):
    path = write_submission(LABELS, tmp_path / "new" / "submission.csv", rows=4)
    assert path.read_bytes() == GOOD.encode()
    np.testing.assert_array_equal(read_submission(path, rows=4), LABELS)
    assert [file.name for file in path.parent.iterdir()] == ["submission.csv"]


def test_all_of_kaggles_rows(tmp_path):
    labels = np.random.default_rng(0).integers(0, 10, ROWS)
    path = write_submission(labels, tmp_path / "submission.csv")
    lines = path.read_text().splitlines()
    assert (len(lines), lines[-1]) == (28_001, f"28000,{labels[-1]}")
    np.testing.assert_array_equal(read_submission(path), labels)


@pytest.mark.parametrize("ending", ["\r\n", "\r"])
def test_other_line_ends_and_excels_mark_are_read(tmp_path, ending):
    path = tmp_path / "submission.csv"
    path.write_bytes(b"\xef\xbb\xbf" + GOOD.replace("\n", ending).encode())
    np.testing.assert_array_equal(read_submission(path, rows=4), LABELS)


@pytest.mark.parametrize(
    "text",
    [
        '"ImageId","Label"\n1,7\n2,0\n3,9\n4,1\n',  # R, and pandas with QUOTE_NONNUMERIC
        '"ImageId","Label"\n"1","7"\n"2","0"\n"3","9"\n"4","1"\n',
        '"ImageId","Label"\r\n1,"7"\r\n2,"0"\r\n3,"9"\r\n4,"1"\r\n\r\n',
        GOOD + "\n \n",
        GOOD.rstrip(),
    ],
)
def test_quotes_and_blank_last_lines_are_read(tmp_path, text):
    (tmp_path / "submission.csv").write_text(text, newline="")
    np.testing.assert_array_equal(read_submission(tmp_path / "submission.csv", rows=4), LABELS)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([1, 2, 3], r"shape \(3,\)"),
        ([[1], [2], [3], [4]], r"shape \(4, 1\)"),
        ([1.0, 2.0, 3.0, 4.0], "float64"),
        ([1, 2, 10, 4], "10 in labels, for image 3"),
        ([1, -1, 3, 4], "-1 in labels, for image 2"),
    ],
)
def test_what_is_no_list_of_digits_is_not_written(tmp_path, labels, message):
    path = write_submission(LABELS, tmp_path / "submission.csv", rows=4)
    with pytest.raises(DataError, match=message):
        write_submission(labels, path, rows=4)
    assert path.read_bytes() == GOOD.encode(), "the earlier file must still be there"


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("", 1, "an empty file"),
        ("<!DOCTYPE html><title>Kaggle</title>", 1, "a web page"),
        ('"ImageId,Label"\n1,7\n', 1, "the header ImageId,Label"),
        (GOOD.replace("3,9", '3,"9'), 4, "a digit from 0 to 9"),
        ("id,label\n1,7\n", 1, "the header ImageId,Label"),
        (GOOD.replace("2,0\n", ""), 3, "image 2: each one once and in order"),
        (GOOD.replace("3,9", "2,9"), 4, "image 3: each one once and in order"),
        (GOOD.replace("3,9", "3,10"), 4, "a digit from 0 to 9"),
        (GOOD.replace("3,9", "3,9.0"), 4, "a digit from 0 to 9"),
        (GOOD.replace("3,9", "3,"), 4, "a digit from 0 to 9"),
        (GOOD.replace("1,7", "0,7"), 2, "an image's number"),
        (GOOD.replace("3,9\n", "3,9\n\n"), 5, "an image's number"),
        (GOOD.replace("3,9", "3,9.0"), 4, "not as 5.0"),
        (GOOD.replace("4,1\n", ""), 5, "4 images, and there are 3"),
        (GOOD + "5,5\n", 6, "no more than 4 images"),
        (GOOD.replace(",", ";"), 1, "the header ImageId,Label, with a comma"),
    ],
)
def test_a_broken_submission_is_refused_with_its_line(tmp_path, text, line, message):
    path = tmp_path / "submission.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=message) as caught:
        read_submission(path, rows=4)
    assert caught.value.where == f"{path}, line {line}"


def test_no_submission_there(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        read_submission(tmp_path / "submission.csv")
