"""What the names of files and folders tell about a hand-in: whose it is, and which notebook.

Only texts are looked at here. They are of unknown origin: compared, shown, and never used as a path. What of
them a platform wrote, and when it got a file, says `mnistkit.grading.collect.lms`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from mnistkit.grading.collect.lms import Names, own_part
from mnistkit.grading.roster import Student
from mnistkit.utils.plain_letters import plain_letters, words

__all__ = ["Match", "Roster", "id_from", "is_about", "is_noise", "lesson_in", "on_one_line", "shown"]

_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue"})
_LONGEST_SHOWN = 120
_SHORTEST = 3
"""Letters of a name that can name a person by itself."""
_LONGEST_ID = 64
_SHORT_NUMBER = re.compile(r"\d{1,4}")
"""An id like this is also the number of a group or sheet, or a part of a date."""
_SEPARATED = re.compile(r"\s[-–—|]\s|\s[(\[].*")
"""What stands between a name and a text that is not of the name."""
_LONGEST_NAME = 300  # no file system has longer ones, but archives can

_ENDING = re.compile(r"\.(ipynb|zip)(\.(txt|json))?$", re.I)
# What programs write into the name of a copy: at its end, or (Drive, JupyterLab, browsers) anywhere.
_COPY_AT_END = re.compile(r"([ _-]*\(\d+\)|[ _-]+(copy|kopie|copie|copia)[ _-]*\d*|(?<=\D)-\d{1,2})$", re.I)
_COPY = re.compile(
    r"(?:(?<=[\W_])|^)(?:copy of|kopie von|kopia av|c[oó]pia d[ei]|copie de)(?=[\W_]|$)"
    r"|-copy\d*(?=[\W_]|$)|[ _-]*\(\d+\)",
    re.I,
)
# Words of many names that are nobody's own, and those of which a sentence is made.
_PARTICLES = {
    *("von", "vom", "van", "der", "den", "dem", "des", "de", "da", "do", "das", "dos", "di", "del", "della"),
    *("la", "las", "le", "les", "lo", "los", "el", "al", "an", "am", "zu", "zur", "zum", "und", "and", "ed"),
    *("et", "of", "the", "bin", "ibn", "bint", "ben", "af", "av", "ter", "ten", "te", "het", "san", "st"),
    *("sankt", "mc", "mac", "jr", "sr", "dr", "mr", "mrs", "ms"),
}
# What stands in the names of folders and files beside a name.
_AROUND = {
    *(
        "late",
        "final",
        "hand",
        "in",
        "handin",
        "homework",
        "hw",
        "submission",
        "abgabe",
        "zu",
        "spat",
        "spaet",
    ),
    *("entrega", "rendu"),
}
# More of them, which may stand beside a single name and leave it unmistakable.
_NOTHING = _AROUND | {
    *(
        "assignment",
        "exercise",
        "exercises",
        "solution",
        "solutions",
        "answer",
        "answers",
        "notebook",
        "lesson",
    ),
    *("version", "new", "last", "my", "by", "from", "group", "team", "re", "fw", "fwd", "aw", "wg", "uebung"),
    *("ubung", "aufgabe", "loesung", "losung", "lektion", "gruppe", "endversion", "neu", "fertig", "meine"),
    *("tarea", "devoir", "compito", "mail", "ipynb", "zip", "done", "part", "teil", "week", "woche", "sheet"),
    *("blatt", "uebungsblatt", "ubungsblatt", "lab", "task", "project", "projekt", "hausaufgabe", "tutorial"),
    *("tutorium", "semester"),
}
_NOBODY = _AROUND | {"1submissions", "abgaben", "lesson", "notebook", "submissions", "upload", "uploads"}


@dataclass(frozen=True)
class Match:
    """Who is meant by a text.

    Attributes
    ----------
    student : str
        The id; empty where it is nobody or not clear.
    why : str
        Where it is not clear: between whom. Where a single name decided: which.
    doubt : str
        Why it is not clear after all, unless something else names the same student.
    """

    student: str = ""
    why: str = ""
    doubt: str = ""

    @property
    def decided(self) -> Match:
        """The same, or nobody where a doubt is left."""
        return Match("", self.doubt) if self.doubt else self


def on_one_line(text: str) -> str:
    """Give a text on one line, without control characters, in its full length."""
    return "".join(character if character.isprintable() else "�" for character in text)


def shown(text: str) -> str:
    """Give a text as it can be shown: `on_one_line`, and not too long. Two long ones can be shown alike."""
    clean = on_one_line(text)
    return clean if len(clean) <= _LONGEST_SHOWN else clean[: _LONGEST_SHOWN - 1] + "…"


def is_about(text: str, nothing: Collection[str]) -> bool:
    """Tell whether a text has only words that are about a hand-in, these among them, and numbers."""
    said = words(text)
    return bool(said) and all(word in nothing or word in _NOTHING or word.isdigit() for word in said)


def is_noise(path: Sequence[str]) -> bool:
    """Tell whether a path is something that no student wrote: hidden files, macOS' and Windows' own."""
    *folders, file = path
    own = file.casefold() in ("thumbs.db", "desktop.ini")
    parts = folders if file.casefold() == ".ipynb" else path  # that one is hidden only by chance
    return own or any(part.startswith((".", "__MACOSX")) for part in parts)


def _stem(file: str) -> str:
    """Give a file's name without its ending and without the marks of copies."""
    short = unicodedata.normalize("NFC", file.strip()[-_LONGEST_NAME:])
    stem = _COPY.sub(" ", _ENDING.sub("", short)).strip()
    while (shorter := _COPY_AT_END.sub("", stem).strip()) != stem and shorter:
        stem = shorter
    return stem


def lesson_in(file: str, lessons: Iterable[str]) -> str:
    """Tell which lesson a file's name is about.

    Parameters
    ----------
    file : str
        As the student named it: ``02_kmeans (1).ipynb``, ``ada_02.ipynb``, ``Lesson 2 final.IPYNB``.
    lessons : iterable of str
        Names of lessons, like ``02_kmeans``.

    Returns
    -------
    str
        The lesson; empty where it is none, or more than one would fit.
    """
    stem = words(_stem(file))
    joined, known = "".join(stem), list(lessons)
    by_name = [lesson for lesson in known if "".join(words(lesson)) in joined]
    if by_name:
        return max(by_name, key=len)
    by_number = {lesson for lesson in known if _number(lesson) and _number(lesson) in stem}
    by_number |= {
        lesson
        for lesson in known
        if _number(lesson)
        and re.search(rf"(lesson|lektion|notebook) ?0?{int(_number(lesson))}\b", " ".join(stem))
    }
    return by_number.pop() if len(by_number) == 1 else ""


def _number(lesson: str) -> str:
    found = re.match(r"\d{2}(?=_)", lesson)
    return found[0] if found else ""


class Roster:
    """Everybody who takes part, to be found by what a text says.

    Parameters
    ----------
    students : iterable of Student
        Ids, and names where they are known.
    """

    def __init__(self, students: Iterable[Student]) -> None:
        self.students = {student.id: student for student in students}
        self._ids: dict[str, set[str]] = {}  # by the words of ids and addresses
        self._names: dict[str, set[str]] = {}  # by first and last name in one
        self._single: dict[str, set[str]] = {}  # by one name, or a part of it
        self._own: dict[str, set[str]] = {}  # by id: all words of the student's names, id and address
        for student in self.students.values():
            for text in filter(None, (student.id, student.email)):
                self._ids.setdefault(" ".join(words(text)), set()).add(student.id)
            self._own[student.id] = {*words(student.id), *words(student.email)}
            for first, last in _spellings(student):
                self._own[student.id] |= {*first, *last}
                if first and last:
                    for name in ("".join(first + last), "".join(last + first)):
                        self._names.setdefault(name, set()).add(student.id)
                for name in {*first, *last, "".join(first), "".join(last)}:
                    if _is_somebodys(name):
                        self._single.setdefault(name, set()).add(student.id)

    def is_person(self, text: str, lessons: Sequence[str]) -> bool:
        """Tell whether a text is a student's name or id, and nothing else but what is about the hand-in."""
        said = words(_without_lesson(own_part(text), lessons))
        whole = len(said)
        while said and said[0] in _AROUND:
            said = said[1:]
        while said and said[-1] in _AROUND:
            said = said[:-1]
        if len(said) < whole and _SHORT_NUMBER.fullmatch(" ".join(said)):
            return False
        people = self._ids.get(" ".join(said), set()) | self._names.get("".join(said), set())
        return bool(said) and len(people) == 1

    def exactly(self, text: str) -> str:
        """Give the student whose id, mail address or full name a text is; empty where it is nobody or two."""
        ids = {student for student in self.students if student.casefold() == text.strip().casefold()}
        people = ids or self._ids.get(" ".join(words(text)), set()) | self._names.get(
            "".join(words(text)), set()
        )
        return min(people) if len(people) == 1 else ""

    def is_name(self, word: str) -> bool:
        """Tell whether a word is somebody's id, or a name of somebody."""
        return word in self._single or word in self._ids

    def names_one(self, text: str, nothing: Collection[str]) -> bool:
        """Tell whether a text has the id or the full name of one student in it, and else only `nothing`."""
        owner = self._in(own_part(text), "", nothing)
        return bool(owner.student) and not owner.why

    def find(self, names: Names, lessons: Sequence[str], about: Collection[str] = ()) -> Match:
        """Find the student whom a path names.

        A part of a name counts only if it is unmistakable: it is one student's, and beside it stands nothing
        that could be of another person's name, or all other parts of the name stand there too.

        Parameters
        ----------
        names : Names
            What the path tells.
        lessons : sequence of str
            The assignment's; their words are nobody's name.
        about : collection of str
            Further words that are about the hand-in, and nobody's name.

        Returns
        -------
        Match
            The student; nobody where it could be two.
        """
        nothing = {*about, *(word for lesson in lessons for word in words(lesson))}
        if names.platform:  # the same person, said in several ways: they must agree
            found = [self._in(text, names.platform, nothing).decided for text in names.owners]
            unclear = next((owner for owner in found if owner.why and not owner.student), None)
            sure = {owner.student for owner in found if owner.student and not owner.why}
            people = sure or {owner.student for owner in found if owner.student}
            if len(people) == 1:
                return next(owner for owner in found if owner.student in people)
            return _one_of(people) if people else unclear or Match()
        weak = Match()
        for number, name in enumerate(names.owners):
            of_file = number == len(names.owners) - 1 or _ENDING.search(name)
            text = own_part(name)
            owner = self._in(_without_lesson(text, lessons) if of_file else text, names.platform, nothing)
            if weak.student and owner != Match() and owner.student != weak.student:
                return _one_of({weak.student, owner.student}) if owner.student else owner
            if owner.student and owner.why:
                # A single name may be a tutor's or a group's: the rest of the path may say more.
                weak = weak if weak.student and not weak.doubt else owner
            elif owner != Match():
                return owner
        return weak.decided

    def find_sender(self, address: str, name: str) -> Match:
        """Find the student who has sent a mail.

        Parameters
        ----------
        address, name : str
            As the mail says.

        Returns
        -------
        Match
            By the address that the list has; else by full name, or by an id before the domain of somebody on
            the list, and then the reason says so.
        """
        by_address = self._ids.get(" ".join(words(address)), set())
        if "@" in address and len(by_address) == 1:
            return Match(min(by_address))
        local, _, domain = address.casefold().partition("@")
        domains = {one.email.casefold().partition("@")[2] for one in self.students.values()} - {""}
        ids = {one for one in self.students if one.casefold() == local and domain in domains}
        named = self._in(name, "mail", ()).decided
        people = ids | {who for who in (named.student,) if who}
        if len(people) == 1:
            return Match(min(people), shown(f"{name} <{address}>" if named.student else address))
        return _one_of(people) if people else named

    def _in(self, text: str, platform: str, nothing: Collection[str]) -> Match:
        """Find the student in one text: by id or full name, else by the only name that fits."""
        said = words(text)[:40]
        spans: dict[tuple[int, int], set[str]] = {}
        for start in range(len(said)):
            for end in range(start + 1, min(len(said), start + 12) + 1):
                whole = (start, end) == (0, len(said))
                if found := self._called(said[start:end], whole=whole, platform=platform):
                    spans[start, end] = found
        outer = {span: who for span, who in spans.items() if not any(_inside(span, other) for other in spans)}
        people = set().union(*outer.values())
        if len(agreed := set(people).intersection(*outer.values())) == 1:  # a name that two have, and an id
            people = agreed
        if len(people) > 1:
            exact = {who for who in people if who.casefold() == text.strip().casefold()}
            people = exact if len(exact) == 1 else people
        of_ids = all(end - start == 1 and said[start] not in self._names for start, end in outer)
        if len(people) == 1 and of_ids:
            return self._by_one_word(min(people), said, nothing)
        if len(people) == 1:
            around = [
                word
                for place, word in enumerate(said)
                if not any(start <= place < end for start, end in outer)
            ]
            return self._by_full_name(min(people), text, around, platform, nothing)
        if people:
            return _one_of(people)
        return self._by_single_names(said, nothing, strict=bool(platform))

    def _by_one_word(self, student: str, said: Sequence[str], nothing: Collection[str]) -> Match:
        """Judge an id of one word, such as "will" or "alan", which can be another person's name."""
        strangers = self._strangers(student, said, nothing)
        if not strangers or any(character.isdigit() for character in student):
            return Match(student)
        return Match(student, student, _only(student, student, strangers))

    def _by_full_name(
        self, student: str, text: str, around: Sequence[str], platform: str, nothing: Collection[str]
    ) -> Match:
        """Judge a full name: with more words around it, it can be a part of another person's."""
        one = self.students[student]
        strangers = self._strangers(student, around, nothing)
        parts = _SEPARATED.split(text)
        if (
            not strangers
            or any(_has_sign(text, sign) for sign in (one.id, one.email))
            or (len(parts) > 1 and any(self._in(part, platform, nothing) == Match(student) for part in parts))
        ):
            return Match(student)
        return Match(student, shown(text), _longer(student, strangers))

    def _strangers(self, student: str, said: Sequence[str], nothing: Collection[str]) -> list[str]:
        """List the words that are neither the student's nor about the hand-in."""
        own = self._own[student]
        known = {*nothing, *_NOTHING, *_PARTICLES, *own, *(word[0] for word in own)}
        return [word for word in said if word not in known and not any(map(str.isdigit, word))]

    def _called(self, said: Sequence[str], *, whole: bool, platform: str) -> set[str]:
        """Give whose id or full name some words are."""
        joined = "".join(said)
        found = set(self._names.get(joined, ())) if _is_somebodys(joined) else set()
        if found and len(said) == 1:
            found |= self._single.get(joined, set())  # "lina" can be Li Na, and Lina
        # Platforms write full names: an id that is a part of one is somebody else's name.
        if whole or (not platform and _is_somebodys(joined) and not _SHORT_NUMBER.fullmatch(joined)):
            found |= self._ids.get(" ".join(said), set())
        return found

    def _by_single_names(self, said: Sequence[str], nothing: Collection[str], *, strict: bool) -> Match:
        named = [(word, self._single[word]) for word in said if word in self._single]
        if len(named) < 1 + strict:
            return Match()
        people = set.intersection(*(who for _, who in named)) or set().union(*(who for _, who in named))
        if len(people) > 1:
            return _one_of(people)
        student = min(people)
        names = " ".join(dict.fromkeys(word for word, _ in named))
        if len(names) < _SHORTEST and names.isascii():
            return Match()
        strangers = self._strangers(student, said, nothing)
        if not any({*first, *last} <= {*said} for first, last in _spellings(self.students[student])):
            return Match(student, names, _only(names, student, strangers) if strangers else "")
        places = [place for place, word in enumerate(said) if student in self._single.get(word, ())]
        outside = self._strangers(student, (*said[: places[0]], *said[places[-1] :]), nothing)
        return Match(student, names, _longer(student, outside) if outside else "")  # else: a middle name


def _only(names: str, student: str, strangers: Sequence[str]) -> str:
    """Say why a part of a name is not enough."""
    beside = " ".join(dict.fromkeys(strangers))
    return f"of {student}'s name it has only '{shown(names)}', beside '{shown(beside)}'"


def _longer(student: str, strangers: Sequence[str]) -> str:
    """Say why a full name in a longer one is not enough."""
    beside = " ".join(dict.fromkeys(strangers))
    return f"beside {student}'s name stands '{shown(beside)}': it can be another person's"


def _has_sign(text: str, sign: str) -> bool:
    """Tell whether a text has an id or address in it that is no word or small number."""
    if sign.isalpha() or not sign or _SHORT_NUMBER.fullmatch(sign):
        return False
    return re.search(rf"(?<![^\W_]){re.escape(sign)}(?![^\W_])", text, re.I) is not None


def _is_somebodys(word: str) -> bool:
    """Tell whether a word can name a person by itself."""
    return len(word) > 1 and word not in _PARTICLES


def _spellings(student: Student) -> list[tuple[list[str], list[str]]]:
    """Give first and last name as words: once as they are without accents, once with ä as ae."""
    first, last = (
        unicodedata.normalize("NFC", n).casefold() for n in (student.first_name, student.last_name)
    )
    plain = (words(first), words(last))
    spelt = (words(first.translate(_UMLAUTS)), words(last.translate(_UMLAUTS)))
    return [plain] if plain == spelt else [plain, spelt]


def _inside(span: tuple[int, int], other: tuple[int, int]) -> bool:
    return span != other and other[0] <= span[0] and span[1] <= other[1]


def _one_of(people: set[str]) -> Match:
    if len(people) == 1:
        return Match(min(people))
    some = sorted(people)
    return Match("", f"it could be of {', '.join(some[:3])}{', …' * (len(some) > 3)}")


def _without_lesson(file: str, lessons: Sequence[str]) -> str:
    """Take out of a file's name what is about the lesson."""
    stem = _stem(file)
    for lesson in sorted(lessons, key=len, reverse=True):
        loose = r"[\W_]*".join(map(re.escape, re.findall(r"[^\W_]+", lesson)))
        stem = re.sub(loose, " ", stem, flags=re.I)
        if number := _number(lesson):
            stem = re.sub(rf"(?<![^\W_]){number}(?![^\W_])", " ", stem)
    return stem.strip(" _-.")


def id_from(names: Names, common: int, lessons: Sequence[str], assignment: str) -> str:
    """Make an id out of names, where no list says who there is.

    Parameters
    ----------
    names : Names
        What the path tells.
    common : int
        How many folders all files of the source are in: they are nobody's.
    lessons : sequence of str
        The assignment's; what is left of a file's name without them is the student.
    assignment : str
        Its name, which is nobody's either.

    Returns
    -------
    str
        Letters, digits and ``. _ @ -``; empty where no name is left, or where it has letters that an id can't
        have: without them, two students could get one id.
    """
    if names.platform:
        return next(filter(None, map(_as_id, names.owners)), "")
    *folders, file = (
        _without_lesson(own_part(text), lessons) if _ENDING.search(text) else own_part(text)
        for text in names.owners
    )
    nobody = {"".join(words(name)) for name in (*lessons, assignment, *_NOBODY)}
    for text in (*folders[common:], file, *reversed(folders[:common])):
        if words(text) and "".join(words(text)) not in nobody:
            return _as_id(text)
    return ""


def _as_id(text: str) -> str:
    """Make an id of a name; empty where something of the name would be lost."""
    plain = plain_letters(text)
    made = re.sub(r"[^A-Za-z0-9._@-]+", "_", plain).strip("._@-")
    lost = any(character.isalnum() and not character.isascii() for character in plain)
    return "" if lost or len(made) > _LONGEST_ID else made
