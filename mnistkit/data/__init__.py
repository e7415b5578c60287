"""Data for the lessons: `load` finds it, reads any of its formats, and keeps it for the next time.

>>> from mnistkit.data import load
>>> mnist = load("mnist")
"""

from mnistkit.data.checking import verify
from mnistkit.data.dataset import DataError, Dataset
from mnistkit.data.download import fetch
from mnistkit.data.loader import load
from mnistkit.data.recognizer import known_labels
from mnistkit.data.registry import NAMES
from mnistkit.data.subsets import subset
from mnistkit.data.twist import DEFAULT_TWIST, make_twist, random_twist
from mnistkit.data.writing import export

__all__ = [
    "DEFAULT_TWIST",
    "NAMES",
    "DataError",
    "Dataset",
    "export",
    "fetch",
    "known_labels",
    "load",
    "make_twist",
    "random_twist",
    "subset",
    "verify",
]
