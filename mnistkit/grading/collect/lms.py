"""What learning platforms write into the paths of the files that they export, one parser a platform.

The rule: **what a platform wrote says whose a file is and when it came; what a student wrote says neither.**
A platform writes at one fixed place of a path, from the left: there each parser reads, and nowhere behind it.
Which platform an export is from is decided once for all of it (`Layout`). So a file that is *named* like
another platform's gains nothing, and what is inside a student's archive is never read by these parsers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

import yaml

from mnistkit.utils.yaml_text import load_yaml

__all__ = [
    "METADATA",
    "PLATFORMS",
    "Layout",
    "Names",
    "Platform",
    "choose_layout",
    "export_name",
    "export_number",
    "own_part",
    "read_metadata",
    "shared_folders",
]

METADATA = "submission_metadata.yml"
"""Gradescope's file that says whose each folder is."""


@dataclass(frozen=True)
class Names:
    """What stands in the path of a file.

    Attributes
    ----------
    owners : tuple of str
        Texts that name the student: of a platform, several ways to say who it is; of plain folders, from the
        outermost to the file.
    file : str
        The file's name without what a platform has put before it.
    platform : str
        Which platform wrote it; empty for names that people gave.
    received : datetime or None
        When the platform got it; without a zone where the platform names none.
    late : bool
        Whether the platform has marked it as late.
    key : str
        The platform's own number of the student; empty where it has none. Two of them are two people.
    rank : tuple of int
        Which of several counts, whatever their times: more is better.
    note : str
        What is odd about where it was.
    """

    owners: tuple[str, ...]
    file: str
    platform: str = ""
    received: datetime | None = None
    late: bool = False
    key: str = ""
    rank: tuple[int, ...] = ()
    note: str = ""


@dataclass(frozen=True)
class Platform:
    """A learning platform.

    Attributes
    ----------
    name : str
        Its name.
    read : callable
        Gets a path, from the folder on in which the platform puts everything, and what `read_metadata` gave;
        gives `Names`, or None where the path is not in this platform's way.
    pattern : re.Pattern or None
        What it writes into a name of a folder or file, where that can be told by itself; ``rest`` is what a
        student's own file was called.
    gives_back : bool
        Whether it takes feedback under the names that `pattern` finds in its export.
    names_people : bool
        Whether the outermost folder that it names is a student's.
    has_folders : bool
        Whether it makes folders.
    dated : bool
        Whether a file without a time in its path has the time in the archive; else that is the export's.
    """

    name: str
    read: Callable[[Sequence[str], Mapping[str, Names]], Names | None]
    pattern: re.Pattern[str] | None = None
    gives_back: bool = False
    names_people: bool = True
    has_folders: bool = True
    dated: bool = True


# Each pattern ends where the student's own text begins: `rest`.
_BRIGHTSPACE = re.compile(
    r"\d+-\d+ - (?P<owner>.+?) - (?P<time>[^\W\d_]{3,12}\.? \d{1,2}, \d{4} \d{1,2}[:.]?\d\d ?[AP]M)"
    r"(?: - (?P<rest>.+))?",
    re.I | re.S,
)
_CANVAS = re.compile(
    r"(?P<owner>(?=[^_\s]*[^\W\d_])[^_\s]+)(?P<late>_late)?"
    # With anonymous grading "anon" and five signs stand for the student.
    r"_(?P<key>\d+|(?<=^anon_)[a-z\d]{5}|(?<=^anon_late_)[a-z\d]{5})_(?P<upload>\d+)_(?P<rest>.+)",
    re.I | re.S,
)
_MOODLE = re.compile(
    r"(?P<owner>[^_].*?)_(?P<key>\d+)_assignsubmission_(?:file|onlinetext)_?(?P<rest>.*)", re.I | re.S
)
_BLACKBOARD = re.compile(
    r"(?P<owner>.+?)_attempt_(?P<time>\d{4}(?:-\d\d){5})(?:_(?P<rest>.*)|\.txt)?", re.I | re.S
)
_ILIAS = re.compile(r"(?P<owner>[^_]+_[^_]+_(?P<login>.+))_(?P<key>\d+)")
_ILIAS_TIME = re.compile(r"(\d{14})_(.+)", re.S)
_OLAT = re.compile(r"(?P<owner>[^_]+(?:_[^_]+)*_(?P<login>[^_]+))")
_OLAT_STEP = re.compile(
    r"\d{1,2}_(?:(?P<own>(?:submissions?|abgaben?|revisions?|überarbeitungen?)\b)|"
    r"(?:task|assignment|aufgabe|corrections?|korrekturen?|solutions?|musterlösung)\b).*",
    re.I,
)
# Teams' two folders, in the languages of Microsoft 365 that were seen.
_SUBMITTED = ("submitted files", "eingereichte dateien", "übermittelte dateien", "archivos enviados",
              "fichiers envoyés", "fichiers remis", "arquivos enviados", "file inviati")  # fmt: skip
_WORKING = ("working files", "arbeitsdateien", "archivos de trabajo", "fichiers de travail",
            "arquivos de trabalho", "file di lavoro")  # fmt: skip
_VERSION = re.compile(r"(?:version|versión|versão|versione) ?(\d{1,6})", re.I)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


def _time(text: str, form: str) -> datetime | None:
    try:
        return datetime.strptime(text, form)
    except ValueError:
        return None


def _file(path: Sequence[str], rest: str | None) -> str:
    """Give the student's name of a file: behind the platform's part of it, or inside of its folder."""
    return (rest or path[0]) if len(path) == 1 else path[-1]


def _read_brightspace(path: Sequence[str], metadata: Mapping[str, Names]) -> Names | None:
    if (found := _BRIGHTSPACE.fullmatch(path[0])) is None:
        return None
    clock = re.sub(r"(?<=\d)[:.](?=\d)", "", found["time"])
    month, day, year, time, half = re.findall(r"[^\W\d_]+|\d+", clock)
    number = _MONTHS.index(month[:3].casefold()) + 1 if month[:3].casefold() in _MONTHS else 0
    received = _time(f"{year}-{number}-{day} {time:0>4} {half}", "%Y-%m-%d %I%M %p")
    return Names((found["owner"],), _file(path, found["rest"]), "Brightspace", received)


def _read_canvas(path: Sequence[str], metadata: Mapping[str, Names]) -> Names | None:
    if (found := _CANVAS.fullmatch(path[0])) is None:
        return None
    owner, key = found["owner"], f"{found['owner']}_{found['key']}".casefold()
    if owner.casefold() == "anon":
        owner = key = found["key"]
    file, rank = _file(path, found["rest"]), (int(found["upload"]),)  # Canvas counts all uploads
    return Names((owner,), file, "Canvas", late=bool(found["late"]), key=key, rank=rank)


def _read_moodle(path: Sequence[str], metadata: Mapping[str, Names]) -> Names | None:
    if (found := _MOODLE.fullmatch(path[0])) is None:
        return None
    return Names((found["owner"],), _file(path, found["rest"]), "Moodle", key=found["key"])


def _read_blackboard(path: Sequence[str], metadata: Mapping[str, Names]) -> Names | None:
    if (found := _BLACKBOARD.fullmatch(path[0])) is None:
        return None
    # The task's name, which may have _ in it, and the login, which may too.
    said = found["owner"].split("_")
    owners = tuple("_".join(said[start:]) for start in reversed(range(len(said))))
    received = _time(found["time"], "%Y-%m-%d-%H-%M-%S")
    return Names(owners, _file(path, found["rest"]), "Blackboard", received)


def _read_ilias(path: Sequence[str], metadata: Mapping[str, Names]) -> Names | None:
    if len(path) != 2 or (found := _ILIAS.fullmatch(path[0])) is None:
        return None
    stamp = _ILIAS_TIME.fullmatch(path[1])
    if stamp is None or (received := _time(stamp[1], "%Y%m%d%H%M%S")) is None:
        return None
    name = found["owner"].rpartition("_")[0]
    return Names((found["login"], found["owner"], name), stamp[2], "ILIAS", received, key=found["key"])


def _read_olat(path: Sequence[str], metadata: Mapping[str, Names]) -> Names | None:
    if (
        len(path) < 3
        or not (found := _OLAT.fullmatch(path[0]))
        or not (step := _OLAT_STEP.fullmatch(path[1]))
    ):
        return None
    # Tasks and corrections are the teacher's.
    owners = (found["login"], found["owner"], found["owner"].rpartition("_")[0])
    return Names(owners if step["own"] else (), path[-1], "OLAT")


def _read_teams(path: Sequence[str], metadata: Mapping[str, Names]) -> Names | None:
    submitted = path[0].casefold() in _SUBMITTED
    if len(path) < 3 or not (submitted or path[0].casefold() in _WORKING):
        return None
    versions = [int(found[1]) for part in path[2:4] if (found := _VERSION.fullmatch(part))]
    note = "" if submitted else "it is from Teams' working files: it was not handed in there"
    return Names((path[1],), path[-1], "Teams", rank=(int(submitted), max(versions, default=0)), note=note)


def _read_gradescope(path: Sequence[str], metadata: Mapping[str, Names]) -> Names | None:
    known = metadata.get(path[0])
    return Names(known.owners, path[-1], "Gradescope", known.received) if known and len(path) > 1 else None


PLATFORMS = (
    Platform("Gradescope", _read_gradescope),
    Platform("Teams", _read_teams, names_people=False),
    Platform("OLAT", _read_olat),
    Platform("ILIAS", _read_ilias, _ILIAS, gives_back=True),
    Platform("Brightspace", _read_brightspace, _BRIGHTSPACE, gives_back=True),
    # A file can have a name that fits two of these; the one whose own part ends first is right then, since
    # the other one is read in what the student chose.
    Platform("Canvas", _read_canvas, _CANVAS, gives_back=True, has_folders=False, dated=False),
    Platform("Moodle", _read_moodle, _MOODLE, gives_back=True, dated=False),
    Platform("Blackboard", _read_blackboard, _BLACKBOARD),
)
"""All platforms that are known: a new one is a parser and a line here."""


def own_part(text: str) -> str:
    """Give what a platform wrote of a file's or folder's name, where it is named in some platform's way.

    Parameters
    ----------
    text : str
        The name.

    Returns
    -------
    str
        Who it is by; the whole name where no platform's way is known in it.
    """
    patterns = (one.pattern for one in PLATFORMS if one.pattern and "rest" in one.pattern.groupindex)
    return next((found["owner"] for pattern in patterns if (found := pattern.fullmatch(text))), text)


def export_name(platform: str, path: str) -> str:
    """Give what a platform wrote before a student's file: files are given back under the same name.

    Parameters
    ----------
    platform : str
        Its name in `PLATFORMS`.
    path : str
        A path in its export, from what the platform wrote on: behind that, it is the student's.

    Returns
    -------
    str
        A folder's name with a ``/`` at its end, or the beginning of a file's name; empty where the path is
        not in this platform's way, or the platform takes no feedback so.
    """
    pattern = next((one.pattern for one in PLATFORMS if one.name == platform and one.gives_back), None)
    part, inside, _ = path.partition("/")
    if pattern is None or (found := pattern.fullmatch(part)) is None:
        return ""
    if found.groupdict().get("rest"):  # a file, or an archive that a student handed in
        return part[: found.start("rest")]
    return f"{part}/" if inside else ""


def export_number(path: str) -> str:
    """Give Moodle's number of a participant in a path as `export_name` takes it; empty for none."""
    found = _MOODLE.fullmatch(path.partition("/")[0])
    return found["key"] if found else ""


def read_metadata(text: bytes) -> dict[str, Names]:
    """Read Gradescope's file of who handed in what.

    Parameters
    ----------
    text : bytes
        The content of `METADATA`.

    Returns
    -------
    dict of str to Names
        Match and time by folder; empty where it is no such file.
    """
    try:
        found = load_yaml(text)
    except yaml.YAMLError:
        return {}
    if not isinstance(found, dict):
        return {}
    return {
        folder: _submission(said)
        for folder, said in found.items()
        if isinstance(folder, str) and re.fullmatch(r"submission_\d+", folder)
    }


def _submission(said: Any) -> Names:
    said = said if isinstance(said, dict) else {}
    people = [one for one in said.get(":submitters") or () if isinstance(one, dict)]
    ways = (":email", ":sid", ":name")
    owners = tuple(str(one[way]) for one in people for way in ways if one.get(way) not in (None, ""))
    time = said.get(":created_at")
    if isinstance(time, date) and not isinstance(time, datetime):
        time = None
    if isinstance(time, datetime) and time.tzinfo is None:  # as YAML gives what ends with Z or a zone
        time = time.replace(tzinfo=UTC)
    return Names(owners, "", "Gradescope", time if isinstance(time, datetime) else None)


@dataclass(frozen=True)
class Layout:
    """How a source is laid out: decided once, for all of its files.

    Attributes
    ----------
    platform : Platform or None
        Which platform has made it; None for folders and files that people named.
    root : int
        How many folders stand around what the platform wrote.
    metadata : mapping of str to Names
        What `read_metadata` gave.
    """

    platform: Platform | None = None
    root: int = 0
    metadata: Mapping[str, Names] = field(default_factory=dict)

    def read(self, path: Sequence[str]) -> Names | None:
        """Read a path; None where it is not in the platform's way."""
        if self.platform is None:
            return Names(tuple(path), path[-1])
        return self.platform.read(path[self.root :], self.metadata) if len(path) > self.root else None


def choose_layout(
    paths: Sequence[Sequence[str]],
    shared: int,
    metadata: Mapping[str, Names],
    is_person: Callable[[str], bool],
) -> Layout:
    """Decide which platform has made a source: the one in whose way at least half of its files are named.

    Parameters
    ----------
    paths : sequence of sequence of str
        Of the notebooks and archives.
    shared : int
        In how many folders all of them are.
    metadata : mapping of str to Names
        What `read_metadata` gave.
    is_person : callable
        Tells whether a folder's name is a student's. What is in it has the student named.

    Returns
    -------
    Layout
        Without a platform where none fits.
    """
    for root in range(shared + 1):
        if root and paths and is_person(paths[0][root - 1]):
            break
        layouts = [Layout(platform, root, metadata) for platform in PLATFORMS]
        fits = [(sum(_is_read(layout, path, root < shared) for path in paths), layout) for layout in layouts]
        most = max(count for count, _ in fits)
        if most and 2 * most >= len(paths):
            return next(layout for count, layout in fits if count == most)
    return Layout()


def _is_read(layout: Layout, path: Sequence[str], around_all: bool) -> bool:
    if layout.platform is None:
        return False
    if not layout.platform.has_folders and around_all and len(path) > layout.root + 1:
        return False  # "week_1_2_all" around everything is somebody's own
    return layout.read(path) is not None


def shared_folders(paths: Iterable[Sequence[str]]) -> int:
    """Count the folders in which all files are."""
    count = 0
    for names in zip(*(path[:-1] for path in paths), strict=False):
        if len(set(names)) > 1:
            break
        count += 1
    return count
