"""What a file is, from its first bytes."""

import bz2
import gzip
import io
import json
import lzma
import pickle
import tarfile
import zipfile

import numpy as np
import pytest

from mnistkit.data.formats.content_type import describe_content

HEADER = "label," + ",".join(f"pixel{i}" for i in range(784))


def zipped(name, content=b"x"):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr(name, content)
    return stream.getvalue()


def tarred():
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("train-images-idx3-ubyte"), io.BytesIO())
    return stream.getvalue()


def saved(save, *args, **kwargs):
    stream = io.BytesIO()
    save(stream, *args, **kwargs)
    return stream.getvalue()


NONE = np.zeros(3, np.uint8)
LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:440fcabf\nsize 9912422\n"

KINDS = [
    (b"", "an empty file", "again"),
    (gzip.compress(b""), "an empty file", "again"),
    (bytes(500), "zero bytes only", "again"),
    (b"\n <!DOCTYPE html>\n<html><head><title>Sign\n in</title>", "a web page (Sign in)", "again"),
    (b"\xef\xbb\xbf<HTML><BODY>", "a web page", "again"),
    (b'<?xml version="1.0"?><!DOCTYPE html PUBLIC ""><html><title>403</title>', "a web page (403)", "again"),
    (
        b'<?xml version="1.0"?>\n<Error><Code>AccessDenied</Code>',
        "an XML error message (AccessDenied)",
        "again",
    ),
    (b'<svg xmlns="x">', "an XML file", "again"),
    (LFS, "a Git LFS pointer", "git lfs pull"),
    (gzip.compress(LFS), "a Git LFS pointer", "git lfs pull"),
    (b"../.git/annex/objects/aa/bb", "a git-annex pointer", "git annex get"),
    (b'{"message": "Not Found"}', 'JSON ({"message": "Not Found"})', "not read"),
    (json.dumps([[0, 1], [2, 3]]).encode(), "JSON", "not read"),
    (b"404: Not Found", "a server's message (404: Not Found)", "again"),
    (zipped("train-images-idx3-ubyte"), "a zip archive", "unpack"),
    (zipped("[Content_Types].xml"), "an office program, such as Excel", "CSV"),
    (zipped("xl/workbook.xml"), "an Excel workbook", "CSV"),
    (saved(np.savez, x_train=NONE), "a NumPy archive", ".npz"),
    (saved(np.savez_compressed, x_train=NONE), "a NumPy archive", ".npz"),
    (saved(np.save, NONE), "a NumPy array", ".npy"),
    (b"7z\xbc\xaf\x27\x1c\0\4", "a 7-Zip archive", "unpack"),
    (b"Rar!\x1a\x07\x01\0", "a RAR archive", "unpack"),
    (tarred(), "a tar archive", "unpack"),
    (gzip.compress(tarred()), "a tar archive", "unpack"),
    (bz2.compress(b"x"), "bzip2", "unpack"),
    (lzma.compress(b"x"), "xz", "unpack"),
    (gzip.compress(gzip.compress(gzip.compress(b"x"))), "more than twice", "unpack"),
    *((pickle.dumps((NONE, 1), protocol), "a Python pickle", "never opened") for protocol in (2, 3, 4, 5)),
    (pickle.dumps(NONE, 0), "a Python pickle", "never opened"),
    (gzip.compress(pickle.dumps((NONE, NONE))), "a Python pickle", "never opened"),
    (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "a picture", "subfolder"),
    (b"\xff\xd8\xff\xe0\0\x10JFIF", "a picture", "subfolder"),
    (b"\x89HDF\r\n\x1a\n\0\0", "an HDF5 file", "convert"),
    (b"PAR1\x15\x04", "a Parquet file", "convert"),
    (b"MATLAB 5.0 MAT-file, Platform", "a MATLAB file", "convert"),
    (HEADER.encode("utf-16"), "text in UTF-16", "UTF-8"),
    (HEADER.encode("utf-16-be"), "text in UTF-16", "UTF-8"),
    (HEADER.encode("utf-32"), "text in UTF-32", "UTF-8"),
    (b"<<<<<<< HEAD\nlabel,pixel0\n", "a Git conflict", "conflict"),
]


@pytest.mark.parametrize(("data", "what", "todo"), KINDS, ids=[f"{i}-{k[1]}" for i, k in enumerate(KINDS)])
def test_every_kind_is_named_with_what_to_do(tmp_path, data, what, todo):
    (tmp_path / "file").write_bytes(data)
    content = describe_content(tmp_path / "file")
    assert content is not None
    assert what in content.what
    assert todo in content.todo


@pytest.mark.parametrize(
    "data",
    [
        HEADER.encode(),
        gzip.compress(HEADER.encode()),
        b"5;0;0;0\n",
        b"0\n7\n2\n",
        b"V1,V2,V3\n",
        b'"label","1x1"\n',
        b"\0\0\x08\x03\0\0\0\x3c\0\0\0\x1c\0\0\0\x1c" + bytes(784),
        b"\x03\x08\0\0\x1e\0\0\0\x1c\0\0\0\x1c\0\0\0" + bytes(784),
        b"\0\0\x0b\x01\0\0\0\x03\0\x07\0\x02\0\x01",
    ],
)
def test_what_a_reader_can_judge_itself_is_not_named(tmp_path, data):
    (tmp_path / "file").write_bytes(data)
    assert describe_content(tmp_path / "file") is None


def test_a_file_that_cannot_be_read_is_the_readers_to_report(tmp_path):
    (tmp_path / "cut.gz").write_bytes(gzip.compress(HEADER.encode())[:20])
    assert describe_content(tmp_path / "cut.gz") is None
    assert describe_content(tmp_path / "absent") is None
