"""Pairs of submissions that are alike: a hint where to look, for the teacher only.

Code is compared without what is changed first when it is copied: names that a student chose, comments, texts
and formatting. What is left is cut into short overlapping pieces. Pieces that the hand-out has already, or
that much of the class has, say nothing and are left out. Two answers are as alike as the share of pieces that
they have in common (Jaccard).

For a class this is computed exactly, as a product of sparse matrices. MinHash would only estimate the same
number, which is of use from many thousands of submissions on.
"""

from __future__ import annotations

import builtins
import io
import keyword
import re
import tokenize
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

from mnistkit.grading.ai_declaration import Declaration, read_declaration
from mnistkit.grading.course_folder import submitted_path
from mnistkit.grading.feedback.gradebook_scores import AssignmentExercises
from mnistkit.grading.submission import NotANotebook, SubmittedCell, read_cells, read_submitted_cells

OTHER_CELLS = "other cells of their own"
"""What the code cells that students added are called, as if they were an exercise."""

ALIKE = 0.75
"""From this share of common pieces on a pair is listed; the tests show how it parts copies from others."""

_LEAST_TOGETHER, _LEAST_CODE, _LEAST_WORDS = 30, 150, 15
"""Common pieces that there must be in all code, in the code of one exercise, in a text. Two students often
find the same three lines for one exercise; for all of them, or of a long one, they rarely do."""

_CODE, _WORDS = 5, 3
"""Tokens of code, and words of a text, in a piece."""

_CLASS_SHARE, _CLASS_LEAST = 0.5, 4
"""A piece that more than this share of the class has, and more than so many students, is everybody's."""

_ROWS = 256
"""Students that are compared with the class at a time: memory grows with the class, not with its square."""

_MOST = 200_000
"""Characters of a notebook that are compared; the answers of a lesson have a few thousand."""

_LANGUAGE = frozenset(keyword.kwlist) | frozenset(dir(builtins))

Pieces = frozenset[str]


@dataclass(frozen=True)
class SimilarPair:
    """Two submissions that are alike.

    Attributes
    ----------
    first, second : str
        The students' ids.
    similarity : float
        Share of pieces in common, from 0 to 1: of all that they wrote, or of the exercise that is most alike.
    exercises : tuple of str
        Names of the exercises that are alike.
    """

    first: str
    second: str
    similarity: float
    exercises: tuple[str, ...]


class WrittenAnswers:
    """What each student of a class wrote, in pieces: noted while a command reads it, compared at the end.

    Parameters
    ----------
    course : pathlib.Path
        The course's folder.
    asked : AssignmentExercises
        The assignment and its exercises.
    """

    def __init__(self, course: Path, asked: AssignmentExercises) -> None:
        self._course, self._assignment = course, asked.assignment
        self._found: dict[str, dict[str, dict[str, Pieces]]] = {lesson: {} for lesson in asked.titles}
        self._given: dict[str, list[SubmittedCell]] = {}
        self._declared: dict[str, dict[str, Declaration]] = {}
        self._names: dict[str, dict[str, str]] = {}
        self._texts = [asked.label(e) for e in asked.exercises if not e.automatic]
        for lesson in asked.titles:
            release = course / "release" / self._assignment / f"{lesson}.ipynb"
            self._given[lesson] = read_cells(release.read_bytes(), ("code", "markdown"))
            self._names[lesson] = {
                cell: asked.label(exercise)
                for exercise in asked.exercises
                if exercise.lesson == lesson
                for cell in exercise.work
            }

    def note(self, student: str, lesson: str, cells: Iterable[SubmittedCell]) -> None:
        """Take note of what a student handed in for a lesson.

        Parameters
        ----------
        student, lesson : str
            Who, and the notebook's name.
        cells : iterable of SubmittedCell
            Its code and texts, in order.
        """
        cells, parts = list(cells), dict[str, Pieces]()
        given = (cell.source for cell in self._given[lesson])
        declaration = read_declaration(given, (cell.source for cell in cells))
        if declaration:
            self._declared.setdefault(student, {})[lesson] = declaration
        for name, cell in self._written(lesson, cells):
            parts[name] = parts.get(name, frozenset()) | pieces(cell)
        self._found[lesson][student] = parts

    def declarations(self, student: str) -> Mapping[str, Declaration]:
        """Give what a student declared on the use of AI, by lesson; of what was noted so far."""
        return self._declared.get(student, {})

    def similar_pairs(self, students: Iterable[str]) -> list[SimilarPair]:
        """Compare submissions with each other; those that were not noted yet are read now.

        Parameters
        ----------
        students : iterable of str
            Whose.

        Returns
        -------
        list of SimilarPair
            The most similar first; a file that can't be read is like no other.
        """
        answers: dict[str, dict[str, Pieces]] = {student: {} for student in students}
        for lesson, found in self._found.items():
            for student, parts in answers.items():
                if student not in found:
                    self._read(student, lesson)
                for name, cut in found[student].items():
                    parts[name] = parts.get(name, frozenset()) | cut
        given = chain.from_iterable(pieces(cell) for cells in self._given.values() for cell in cells)
        return compare_answers(answers, frozenset(given), self._texts)

    def _read(self, student: str, lesson: str) -> None:
        path = submitted_path(self._course, student, self._assignment, lesson)
        try:
            cells = read_submitted_cells(path, ("code", "markdown"))
        except NotANotebook:
            cells = []
        self.note(student, lesson, cells)

    def _written(self, lesson: str, cells: Iterable[SubmittedCell]) -> Iterator[tuple[str, SubmittedCell]]:
        """Give the cells that a student wrote, each with the name of its exercise."""
        given, names, left = {cell.source for cell in self._given[lesson]}, self._names[lesson], _MOST
        for cell in cells:
            added = OTHER_CELLS if cell.kind == "code" and not cell.grade_id else ""
            name = names.get(cell.grade_id, added)
            if name and cell.source not in given:
                yield name, replace(cell, source=cell.source[:left])
                left -= min(left, len(cell.source))


def pieces(cell: SubmittedCell) -> Pieces:
    """Cut what a cell says into short overlapping pieces.

    Parameters
    ----------
    cell : SubmittedCell
        Code or a text.

    Returns
    -------
    frozenset of str
        Runs of a few tokens or words each.
    """
    if cell.kind == "code":
        return _runs(_tokens(cell.source), _CODE)
    return _runs(re.findall(r"\w+", cell.source.casefold()), _WORDS)


def _runs(parts: Sequence[str], length: int) -> Pieces:
    return frozenset(" ".join(parts[i : i + length]) for i in range(len(parts) - length + 1))


def _tokens(source: str) -> list[str]:
    """Give the tokens of code; all names that the student chose are the same one."""
    found: list[str] = []
    for token in _readable(source):
        if token.type in (tokenize.OP, tokenize.NUMBER):
            found.append(token.string)
        elif token.type == tokenize.NAME:
            attribute = found[-1:] == ["."]  # a library's name, as a rule
            found.append(token.string if attribute or token.string in _LANGUAGE else "name")
        elif token.type == tokenize.STRING:
            found.append("text")
    return found


def _readable(source: str) -> Iterator[tokenize.TokenInfo]:
    """Give tokens up to the place where the text is no longer Python."""
    try:
        yield from tokenize.generate_tokens(io.StringIO(source).readline)
    except (tokenize.TokenError, SyntaxError, ValueError):
        return


def compare_answers(
    answers: Mapping[str, Mapping[str, Pieces]], given: Collection[str], texts: Collection[str] = ()
) -> list[SimilarPair]:
    """Find the students whose answers are alike.

    Parameters
    ----------
    answers : mapping of str to mapping of str to frozenset of str
        By student and name of the exercise: the pieces of what was written.
    given : collection of str
        Pieces that the hand-out has.
    texts : collection of str, optional
        Names of the exercises that are answered in words.

    Returns
    -------
    list of SimilarPair
        The most similar first.
    """
    students, known = list(answers), frozenset(given)
    own = {s: {name: found - known for name, found in parts.items()} for s, parts in answers.items()}
    found: dict[tuple[int, int], float] = {}
    concerned: dict[tuple[int, int], list[str]] = {}
    for name in dict.fromkeys(chain.from_iterable(own.values())):
        written = [own[student].get(name, frozenset()) for student in students]
        similar = _alike(written, least=1)
        least = _LEAST_WORDS if name in texts else _LEAST_CODE
        for pair in similar:
            concerned.setdefault(pair, []).append(name)
        for pair, (similarity, common) in similar.items():
            if common >= least:
                found[pair] = max(similarity, found.get(pair, 0.0))
    code = [_together({name: p for name, p in own[s].items() if name not in texts}) for s in students]
    for pair, (similarity, _) in _alike(code, _LEAST_TOGETHER).items():
        found[pair] = max(similarity, found.get(pair, 0.0))
    pairs = [
        SimilarPair(students[i], students[j], round(similarity, 3), tuple(concerned.get((i, j), ())))
        for (i, j), similarity in found.items()
    ]
    return sorted(pairs, key=lambda pair: (-pair.similarity, pair.first, pair.second))


def _together(parts: Mapping[str, Pieces]) -> Pieces:
    """Join the pieces of several exercises; the same piece in another exercise is another one."""
    return frozenset(f"{name}: {piece}" for name, found in parts.items() for piece in found)


def _alike(written: Sequence[Pieces], least: int) -> dict[tuple[int, int], tuple[float, int]]:
    """Give similarity and common pieces of the pairs that are alike, by their places in the sequence."""
    import numpy as np
    from scipy.sparse import csr_array

    columns: dict[str, int] = {}
    places = [columns.setdefault(piece, len(columns)) for parts in written for piece in parts]
    ends = np.cumsum([0, *map(len, written)])
    table = csr_array((np.ones(len(places), np.int64), places, ends), (len(written), len(columns)))
    rare = table.sum(axis=0) <= max(_CLASS_LEAST, _CLASS_SHARE * len(written))
    table = table[:, np.flatnonzero(rare)]
    sizes, found = table.sum(axis=1), {}
    for start in range(0, len(written), _ROWS):
        some = slice(start, start + _ROWS)
        common = (table[some] @ table.T).toarray()
        similarity = common / np.maximum(sizes[some, None] + sizes - common, 1)
        for i, j in np.argwhere(np.triu((similarity >= ALIKE) & (common >= least), k=start + 1)):
            found[start + int(i), int(j)] = float(similarity[i, j]), int(common[i, j])
    return found
