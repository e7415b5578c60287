"""The page for marking: who may see it, and a marker's way through it by keyboard."""

import http.client
import json
import re
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from browser_helpers import IN_A_BROWSER, running_chromium
from class_helpers import NAME
from click.testing import CliRunner
from marking_helpers import WHY, serving

from mnistkit.cli import main
from mnistkit.grading.feedback.gradebook_scores import read_class_scores
from mnistkit.grading.marking.command import _REDIRECT
from mnistkit.grading.marking.gradebook_sheet import GradebookSheet
from mnistkit.grading.marking.server import Desk, _ItemRequest, _MarkRequest, _Said
from mnistkit.grading.marking.sheet import HandMark, MarkConflict, PartFile, sheet_text
from mnistkit.grading.nbgrader_bridge import gradebook

HOSTILE = (
    "<script>document.title = 'taken'</script>",
    "<img src=x onerror=\"document.title='taken'\">",
    "</pre><h1 id=title>taken</h1>",
    "[x](javascript:alert(1)) ![](http://127.0.0.1:9/x) \u202e\u0000",
)


def answers(count):
    return {f"s{n:02}": f"Reason {n}. {HOSTILE[n % 4]}" for n in range(count)}


@pytest.fixture(scope="module")
def sheet(make_course):
    course = make_course(answers(8))
    with gradebook(course) as book:
        return GradebookSheet(course, book, NAME).sheet()


@pytest.fixture
def part(sheet, tmp_path):
    path = tmp_path / "part.json"
    path.write_text(sheet_text(sheet))
    return PartFile(path)


class Browser:
    """Asks a server as a browser, or anybody else, does."""

    def __init__(self, address):
        parts = urlsplit(address)
        self.host, self.token = parts.netloc, parts.query.removeprefix("token=")
        self.known = {"Host": self.host, "Cookie": f"mnistkit-mark-{parts.port}={self.token}"}

    def ask(self, path, body=None, **headers):
        connection = http.client.HTTPConnection(self.host, timeout=30)
        sent = {
            **self.known,
            **({"Content-Type": "application/json", "Origin": f"http://{self.host}"} if body else {}),
        }
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        content = body if isinstance(body, str) else json.dumps(body)
        connection.request("POST" if body else "GET", path, content if body else None, sent)
        response = connection.getresponse()
        text = response.read().decode()
        connection.close()
        return response.status, text, dict(response.getheaders())


def test_only_who_has_the_secret_on_this_machine_is_answered(part):
    with serving(lambda _: Desk(part, "grace")) as address:
        browser = Browser(address)
        status, _, headers = browser.ask(f"/?token={browser.token}", Cookie="")
        assert (status, headers["Location"]) == (302, "/")
        assert {"HttpOnly", "SameSite=Lax"} <= set(headers["Set-Cookie"].split("; "))
        for path in ("/", "/mark.js", "/mark.css", "/api/questions"):
            status, _, headers = browser.ask(path)
            assert status == 200
            assert "default-src 'none'; script-src 'self';" in headers["Content-Security-Policy"]
            assert "unsafe" not in headers["Content-Security-Policy"]
            assert headers["X-Content-Type-Options"] == "nosniff"
            assert browser.ask(path, Cookie="")[0] == 403
            assert browser.ask(path, Cookie=browser.known["Cookie"][:-1])[0] == 403
            assert browser.ask(path, Host=f"evil.example:{address.split(':')[2][:5]}")[0] == 403
        assert browser.ask("/../server.py")[0] == 404
        question = json.loads(browser.ask(f"/api/question/{WHY}")[1])
        answer = question["answers"][0]
        said = {"points": 2.0, "items": [], "comment": "", "sha256": answer["sha256"]}
        body = {"mark": said, "seen": answer["mark"]}
        path = f"/api/answer/{answer['key']}"
        assert browser.ask(path, body, Origin="http://evil.example")[0] == 403
        assert browser.ask(path, body, Cookie="")[0] == 403
        assert browser.ask(path, body, Content_Type="text/plain")[0] == 415
        for wrong in ("[]", "no json", {"mark": said}, {**body, "mark": {**said, "items": ["none"]}}):
            assert browser.ask(path, wrong)[0] == 400
        assert browser.ask("/api/answer/0123456789abcdef", body)[0] == 404
        assert browser.ask(f"/api/question/{WHY + 1}")[0] == 404
        assert all(mark.points is None for mark in part.sheet().marks), "nothing of this was kept"
        assert browser.ask(path, {**body, "mark": {**said, "points": -1.0}})[0] == 409
        assert browser.ask(path, body)[0] == 200
        assert browser.ask(path, {**body, "mark": {**said, "points": 3.0}})[0] == 409
    kept = [mark for mark in part.sheet().marks if mark.points is not None]
    assert kept == [HandMark("s00", NAME, "why", answer["sha256"], 2.0, (), "", "grace")]


def test_a_mark_is_saved_without_reading_the_class_again(part, monkeypatch):
    desk = Desk(part, "grace")
    desk.set_item(WHY, _ItemRequest("before", 1.0, None))
    (answer, *_), items = (desk.question(WHY)[name] for name in ("answers", "items"))
    desk.set_item(WHY, _ItemRequest("new", 0.5, None))
    chosen = [item.id for item in part.sheet().items]
    assert [item["id"] for item in items] == chosen[:1]
    read, whole = [], part.sheet
    monkeypatch.setattr(part, "sheet", lambda: read.append(1) or whole())
    before = _Said(**answer["mark"])
    mark = replace(before, items=chosen, points=0.0, sha256=answer["sha256"])
    made = desk.save(answer["key"], _MarkRequest(mark, before))
    assert (made["mark"]["points"], made["open"]) == (1.5, False)
    assert len(read) == 1, "by the store, as it writes"
    part._path.write_text(sheet_text(replace(whole(), answers=(), marks=())))
    with pytest.raises(MarkConflict, match="no such answer"):
        desk.save(answer["key"], _MarkRequest(mark, before))


def test_the_command_opens_the_page_and_gives_its_secret_to_nobody_else(sheet, tmp_path, monkeypatch):
    path = tmp_path / "part.json"
    path.write_text(sheet_text(sheet))
    seen = {}

    def open_in_a_browser(uri):
        file = Path(urlsplit(uri).path)
        seen.update(uri=uri, file=file, text=file.read_text(), mode=file.parent.stat().st_mode & 0o777)
        raise KeyboardInterrupt  # as Ctrl-C

    monkeypatch.setattr("click.launch", open_in_a_browser)
    done = CliRunner().invoke(main, ["assignment", "mark", str(path)])
    assert done.exit_code == 0, done.output
    (address,) = re.findall(r"http://127\.0\.0\.1:\d+/\?token=[\w-]+", done.output)
    assert f"url={address}" in seen["text"]
    assert "token" not in seen["uri"]
    assert seen["mode"] == 0o700
    assert not seen["file"].exists()
    assert "all marks are saved" in done.output


def test_blind_tells_no_names_and_each_question_has_its_own_order(part):
    blind = Desk(part, "grace", blind=True)
    shown = [blind.question(number) for number in (0, WHY)]
    assert "s0" not in json.dumps(shown).replace(HOSTILE[0], "").lower()
    orders = [[answer["key"] for answer in question["answers"]] for question in shown]
    texts = [
        [a["cells"][0] for a in Desk(part, "", seed=seed).question(WHY)["answers"]] for seed in (1, 1, 2)
    ]
    assert texts[0] == texts[1] != texts[2]
    assert [blind.question(WHY)["answers"][i]["key"] for i in range(8)] == orders[1], "the same each time"
    assert [a["whose"] for a in Desk(part, "").question(WHY)["answers"]][:2] == ["s00 S00", "s01 S01"]


@pytest.fixture(scope="module")
def tab():
    with running_chromium() as chromium:
        tab = chromium.new_page()
        tab.set_default_timeout(60_000)
        yield tab


def press(tab, *keys):
    for key in keys:
        tab.keyboard.press(key)


@pytest.mark.slow
@IN_A_BROWSER[1]
def test_thirty_answers_are_marked_and_a_changed_item_scores_all_anew(make_course, tab, tmp_path):
    from playwright.sync_api import expect

    expect.set_options(timeout=60_000)
    asked, said, course = [], [], make_course(answers(30))

    def desk(stack):
        return Desk(GradebookSheet(course, stack.enter_context(gradebook(course)), NAME), "grace")

    with serving(desk) as address:
        tab.on("request", lambda request: asked.append(request.url))
        tab.on("console", lambda message: said.append(message.text))
        leads_there = tmp_path / "open.html"  # as the command's file
        leads_there.write_text(_REDIRECT.format(address=address))
        tab.goto(leads_there.as_uri())
        expect(tab.locator("#progress")).to_have_text("answer 1 of 30, 30 wait")
        press(tab, "[", "[")
        expect(tab.locator("#progress")).to_have_text("answer 1 of 30, 0 wait")
        press(tab, "]", "]", "]")
        expect(tab.locator("#progress")).to_have_text("answer 1 of 30, 30 wait")
        assert "token" not in tab.url
        for text, points in (("a reason", "2"), ("clear", "1")):
            press(tab, "n")
            tab.keyboard.type(text)
            press(tab, "Tab")
            tab.keyboard.type(points)
            press(tab, "Enter")
            expect(tab.locator("#items")).to_contain_text(text)
        press(tab, "c")
        tab.keyboard.type("Why 1 < 2 & so?")
        press(tab, "Escape", "1", "2", "Enter")
        press(tab, "r", "1", "1", "Enter")
        for _ in range(27):
            press(tab, "1", "Enter")
        press(tab, "0")
        expect(tab.locator("#saved")).to_have_text("saved")
        assert "0 wait" in tab.text_content("#progress")
        assert tab.text_content("#points") == "0 of 4 points"
        press(tab, "e", "1", "Tab")
        tab.keyboard.type("1.5")
        press(tab, "Enter")
        expect(tab.locator("#items")).to_contain_text("+1.5")
        for number in range(30):
            assert tab.text_content(
                "#answer pre"
            ) == f"Reason {29 - number}. {HOSTILE[(29 - number) % 4]}".replace(" \u202e\u0000", " ")
            press(tab, "k")
        for wanted, found in (
            ("S17", "s17 S17"),
            (" s1 ", "s18 S18"),
            ("s1", "s19 S19"),
            ("nobody", "s19 S19"),
        ):
            press(tab, "/")
            tab.keyboard.type(wanted)
            press(tab, "Enter")
            assert tab.text_content("#whose") == found
        assert tab.text_content("#saved") == "no answer of nobody"
        press(tab, "/")
        tab.keyboard.type("s00")
        press(tab, "Enter")
        assert tab.title() == "Marking"
        with gradebook(course) as book:  # somebody else, in formgrader
            book.find_grade("why", NAME, NAME, "s00").manual_score = 3.0
            book.db.commit()
        press(tab, "2")
        expect(tab.locator("#problem")).to_contain_text(
            "Not saved: s00, 01_small, why: 3 points with a comment is kept"
        )
        assert tab.text_content("#points") == "3 of 4 points"
        assert tab.text_content("#title") != "taken"
    assert {urlsplit(url).netloc for url in asked} == {"", urlsplit(address).netloc}
    assert [text for text in said if "409" not in text] == []
    scores = {s.student: s.scores[WHY] for s in read_class_scores(course, NAME).students}
    points = [scores[student].points for student in sorted(scores)]
    assert points == [3] + 28 * [1.5] + [0]
    assert not any(score.waiting for score in scores.values())
    assert [scores[s].comment for s in ("s00", "s01", "s02")] == 2 * ["Why 1 < 2 & so?"] + [""]
