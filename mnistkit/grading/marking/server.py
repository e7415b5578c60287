"""The page for marking: served to this machine's own browser, to whoever has the secret of the address.

What students wrote goes to the page as data, and the page writes it as text. Should a script be in it all the
same, the page's policy runs none but the page's own file.
"""

from __future__ import annotations

import hashlib
import random
import secrets
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tornado.escape import json_decode
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, HTTPError, RequestHandler

from mnistkit.course.report.html.math import markdown_to_html
from mnistkit.course.report.html.sanitize import clean_html
from mnistkit.course.stored_files import validated
from mnistkit.errors import UserError
from mnistkit.grading.marking.sheet import (
    Answer,
    HandMark,
    MarkConflict,
    MarkStore,
    Question,
    RubricItem,
    Sheet,
)

LOOPBACK = "127.0.0.1"
_PAGE = Path(__file__).parent / "page"
_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_MOST_TEXT = 10_000


@dataclass(frozen=True)
class _Said:
    """A mark as the page sends it: whose it is stands in the address."""

    points: float | None
    items: list[str]
    comment: str
    sha256: str


@dataclass(frozen=True)
class _MarkRequest:
    mark: _Said
    seen: _Said


@dataclass(frozen=True)
class _ItemRequest:
    text: str
    points: float
    seen: RubricItem | None


class Desk:
    """What the page asks for, in the order and with the names that the marker wishes.

    Parameters
    ----------
    store : MarkStore
        The gradebook, or a part.
    marker : str
        Who marks; is noted with each mark.
    blind : bool
        Whether nothing tells whose an answer is.
    seed : int or None
        By which the answers to each question are shuffled; None: in the order of the students.
    """

    def __init__(
        self, store: MarkStore, marker: str, *, blind: bool = False, seed: int | None = None
    ) -> None:
        self._store, self._marker, self._blind = store, marker, blind
        self._key = secrets.token_bytes(32)
        self._answers: dict[str, Answer] = {}  # what the page has got, by key
        self._items: dict[str, RubricItem] = {}
        self._seed = secrets.randbits(32) if blind and seed is None else seed

    def questions(self) -> list[dict[str, Any]]:
        """List the questions with how many answers there are, and how many wait for a person."""
        sheet = self._store.sheet()
        marks = {mark.place: mark for mark in sheet.marks}
        found = []
        for question in sheet.questions:
            answers = [answer for answer in sheet.answers if _is_of(answer, question)]
            waiting = sum(_is_open(answer, marks[answer.place]) for answer in answers)
            found.append({"title": question.title, "count": len(answers), "waiting": waiting})
        return found

    def question(self, number: int) -> dict[str, Any]:
        """Give a question with everybody's answers, its rubric, and comments in the order of their use."""
        sheet = self._store.sheet()
        question = self._question(sheet, number)
        marks = {mark.place: mark for mark in sheet.marks}
        answers = self._in_order(sheet, question)
        self._answers |= {self._key_of(answer): answer for answer in answers}
        self._items |= {item.id: item for item in sheet.items}
        comments = Counter(marks[answer.place].comment.strip() for answer in answers)
        del comments[""]
        return {
            "assignment": sheet.assignment,
            "title": question.title,
            "most": question.most,
            "text": clean_html(markdown_to_html({}, question.text)),
            "solution": question.solution,
            "items": [vars(item) for item in sheet.items if _is_of(item, question)],
            "comments": [comment for comment, _ in comments.most_common(9)],
            "answers": [self._shown(answer, marks[answer.place]) for answer in answers],
        }

    def save(self, key: str, request: _MarkRequest) -> dict[str, Any]:
        """Keep a mark for the answer of that key, as the page has got it; give the answer with it.

        A class is not read for each key that is pressed: the store sees whether there is another answer now.
        """
        answer = self._answers.get(key)
        if answer is None:
            raise HTTPError(404)
        known = {item.id for item in self._items.values() if _is_of(item, answer)}
        if not set(request.mark.items) <= known:
            raise HTTPError(400)
        mark, seen = _hand_mark(answer, request.mark), _hand_mark(answer, request.seen)
        marker = self._marker if mark.points is not None else ""
        return self._shown(answer, self._store.save(replace(mark, marker=marker), seen))

    def set_item(self, number: int, request: _ItemRequest) -> None:
        """Keep a rubric item: a new one where none was seen."""
        question = self._question(self._store.sheet(), number)
        identity = request.seen.id if request.seen else secrets.token_hex(6)
        text = " ".join(request.text.split())[:_MOST_TEXT]
        if not text or abs(request.points) > 1000:
            raise HTTPError(400)
        item = RubricItem(identity, question.lesson, question.exercise, text, request.points)
        self._store.set_item(item, request.seen)
        self._items[identity] = item

    def _question(self, sheet: Sheet, number: int) -> Question:
        if not 0 <= number < len(sheet.questions):
            raise HTTPError(404)
        return sheet.questions[number]

    def _in_order(self, sheet: Sheet, question: Question) -> list[Answer]:
        answers = sorted(
            (answer for answer in sheet.answers if _is_of(answer, question)), key=lambda a: a.student
        )
        if self._seed is not None:
            random.Random(f"{self._seed} {question.key}").shuffle(answers)
        return answers

    def _key_of(self, answer: Answer) -> str:
        """Name an answer for the page so that the name tells nothing, and stays when others are added."""
        return hashlib.blake2b(repr(answer.place).encode(), key=self._key, digest_size=8).hexdigest()

    def _shown(self, answer: Answer, mark: HandMark) -> dict[str, Any]:
        whose = "" if self._blind else f"{answer.student} {answer.name}".strip()
        return {
            "key": self._key_of(answer),
            "whose": whose,
            "cells": answer.cells,
            "sha256": answer.sha256,
            "auto": answer.auto,
            "reason": answer.reason,
            "declaration": answer.declaration,
            "open": _is_open(answer, mark),
            "mark": {
                "points": mark.points,
                "items": mark.items,
                "comment": mark.comment,
                "sha256": mark.sha256,
            },
            "marker": mark.marker,
        }


def _is_of(part: Answer | RubricItem, question: Question | Answer) -> bool:
    return (part.lesson, part.exercise) == (question.lesson, question.exercise)


def _is_open(answer: Answer, mark: HandMark) -> bool:
    """Tell whether an answer waits for a person: without points, or with points for an earlier answer."""
    if mark.points is None:
        return answer.auto is None
    return mark.sha256 != answer.sha256


def _hand_mark(answer: Answer, said: _Said) -> HandMark:
    items = tuple(dict.fromkeys(said.items))
    return HandMark(*answer.place, said.sha256, said.points, items, said.comment[:_MOST_TEXT])


class _Handler(RequestHandler):
    """Answers only the browser to which the secret address was given, on the page's own host."""

    desk: Desk
    token: str
    host: str

    def initialize(self, desk: Desk, token: str, host: str) -> None:
        """Take over what all requests share."""
        self.desk, self.token, self.host = desk, token, host

    @property
    def cookie(self) -> str:
        """The cookie's name: cookies don't tell ports apart."""
        return f"mnistkit-mark-{self.host.rpartition(':')[2]}"

    def set_default_headers(self) -> None:
        """Forbid all that the page does not need, in errors too."""
        self.set_header("Content-Security-Policy", _POLICY)
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Referrer-Policy", "no-referrer")
        self.set_header("Cache-Control", "no-store")
        self.clear_header("Server")

    def prepare(self) -> None:
        """Refuse other names of this machine, requests without the secret, and those of other pages."""
        given = self.get_query_argument("token", "") or self.get_cookie(self.cookie) or ""
        if self.request.host != self.host or not secrets.compare_digest(given.encode(), self.token.encode()):
            raise HTTPError(403)
        if self.request.method != "GET":
            if self.request.headers.get("Origin") != f"http://{self.host}":
                raise HTTPError(403)
            if self.request.headers.get("Content-Type") != "application/json":
                raise HTTPError(415)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Say in a word what is wrong."""
        self.finish({"error": self._reason})

    def asked(self, model: type[Any]) -> Any:
        """Give the request's body, checked."""
        try:
            return validated(json_decode(self.request.body), model, "the page", "reload the page")
        except (ValueError, UserError) as error:
            raise HTTPError(400) from error


class _File(_Handler):
    """The page and its two files."""

    def get(self, name: str | None) -> None:
        """Give one; the page itself keeps the secret as a cookie, and takes it out of the address."""
        if self.get_query_argument("token", ""):
            # Lax: a file leads here, which is another site; what changes something has to come from the page.
            self.set_cookie(self.cookie, self.token, httponly=True, samesite="Lax", expires_days=None)
            self.redirect("/")
            return
        path = _PAGE / (name or "mark.html")
        self.set_header("Content-Type", f"{_TYPES[path.suffix]}; charset=utf-8")
        self.finish(path.read_bytes())


class _Questions(_Handler):
    def get(self) -> None:
        """List the questions."""
        self.finish({"questions": self.desk.questions()})


class _Question(_Handler):
    def get(self, number: str) -> None:
        """Give one with its answers."""
        self.finish(self.desk.question(int(number)))


class _Mark(_Handler):
    def post(self, key: str) -> None:
        """Keep a mark."""
        self._kept(lambda: self.desk.save(key, self.asked(_MarkRequest)))

    def _kept(self, keep: Callable[[], dict[str, Any] | None]) -> None:
        try:
            self.finish(keep() or {})
        except MarkConflict as conflict:
            self.set_status(409)
            self.finish({"error": str(conflict)})


class _Item(_Mark):
    def post(self, number: str) -> None:
        """Keep a rubric item."""
        self._kept(lambda: self.desk.set_item(int(number), self.asked(_ItemRequest)))


def start_server(desk: Desk) -> tuple[HTTPServer, str]:
    """Start to answer, on this machine only; to be called where an event loop runs.

    Parameters
    ----------
    desk : Desk
        What to answer with.

    Returns
    -------
    server : tornado.httpserver.HTTPServer
        To be stopped at the end.
    address : str
        Of the page, with its secret: who has it can read and mark.
    """
    (socket,) = bind_sockets(0, LOOPBACK)  # a port that is free
    host = f"{LOOPBACK}:{socket.getsockname()[1]}"
    shared: Mapping[str, Any] = {"desk": desk, "token": secrets.token_urlsafe(32), "host": host}
    rules = [
        (r"/(mark\.css|mark\.js)?", _File),
        (r"/api/questions", _Questions),
        (r"/api/question/(\d{1,4})", _Question),
        (r"/api/answer/([0-9a-f]{16})", _Mark),
        (r"/api/question/(\d{1,4})/item", _Item),
    ]
    application = Application(
        [(rule, handler, dict(shared)) for rule, handler in rules],
        default_handler_class=_Missing,
        default_handler_args=dict(shared),
        log_function=lambda handler: None,
    )
    server = HTTPServer(application, max_body_size=1_000_000)
    server.add_socket(socket)
    return server, f"http://{host}/?token={shared['token']}"


class _Missing(_Handler):
    def get(self) -> None:
        """There is no such page."""
        raise HTTPError(404)
