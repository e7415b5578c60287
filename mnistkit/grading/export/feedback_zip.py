"""Feedback in one zip, under the names that a platform's own export has: it gives each to its student."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

from mnistkit.files import zip_entry
from mnistkit.grading.collect.lms import export_name
from mnistkit.grading.export.platforms import GRADE_FORMATS

__all__ = ["feedback_zip"]

_AROUND = {"ILIAS": "multi_feedback_{name}/"}
"""The folder that a platform wants around all others."""


def feedback_zip(
    platform: str, name: str, pages: Mapping[str, list[Path]], collected: Mapping[str, str]
) -> tuple[bytes, list[str]]:
    """Pack students' feedback for a platform.

    Parameters
    ----------
    platform : str
        Its name, as a command takes it.
    name : str
        The assignment.
    pages : mapping of str to list of pathlib.Path
        Feedback pages, by student.
    collected : mapping of str to str
        Where each student's work was in the platform's export, from what the platform wrote on.

    Returns
    -------
    content : bytes
        The zip; empty where nobody's work came from this platform.
    left_out : list of str
        Students whose work came in another way, so that the platform's name for them is not known.
    """
    system = GRADE_FORMATS[platform].platform
    packed, left_out, count = io.BytesIO(), [], 0
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for student, files in sorted(pages.items()):
            place = export_name(system, collected.get(student, ""))
            if not place:
                left_out.append(student)
                continue
            for file in files:
                entry = zip_entry(f"{_AROUND.get(system, '').format(name=name)}{place}{file.name}")
                archive.writestr(entry, file.read_bytes())
                count += 1
    return (packed.getvalue() if count else b""), left_out
