"""The form of a lesson: a prediction before the figure, a finding after it, five sentences at the end.

A lesson asks (`predict`) before anything is computed, and answers (`finding`) from the run's own values, with
what the student had said. It ends with `in_five_sentences`. Where a claim does not hold in this run, `check`
says so: kindly to a student who has changed something, as an error in tests.
"""

from mnistkit.lesson.checks import check
from mnistkit.lesson.findings import FINDING_MIME, Finding, finding, in_five_sentences, read_findings
from mnistkit.lesson.predictions import Prediction, predict

__all__ = [
    "FINDING_MIME",
    "Finding",
    "Prediction",
    "check",
    "finding",
    "in_five_sentences",
    "predict",
    "read_findings",
]
