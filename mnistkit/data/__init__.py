"""Data for the lessons: `load` finds it, reads any of its formats, and keeps it for the next time.

>>> from mnistkit.data import load
>>> mnist = load("mnist")
"""

from mnistkit.data.dataset import Dataset
from mnistkit.data.download import fetch
from mnistkit.data.drawings import collect_drawings, save_drawing
from mnistkit.data.formats.export import export
from mnistkit.data.handwriting import normalisation_steps
from mnistkit.data.loader import load
from mnistkit.data.sets.digit_recognizer import known_labels
from mnistkit.data.sets.twist import DEFAULT_TWIST, make_twist, random_twist
from mnistkit.data.subset import subset
from mnistkit.data.verify import verify
from mnistkit.errors import DataError

__all__ = [
    "DEFAULT_TWIST",
    "DataError",
    "Dataset",
    "collect_drawings",
    "export",
    "fetch",
    "known_labels",
    "load",
    "make_twist",
    "normalisation_steps",
    "random_twist",
    "save_drawing",
    "subset",
    "verify",
]
