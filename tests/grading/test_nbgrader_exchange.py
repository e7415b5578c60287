"""nbgrader's exchange between what this kit releases and what it grades: one folder, its own four steps."""

import getpass
import json

import pytest
from class_helpers import NAME, make_batch, release_small
from nbgrader.auth import Authenticator
from nbgrader.coursedir import CourseDirectory
from nbgrader.exchange import default as exchange
from traitlets.config import Config

from mnistkit.grading.autograde.batch import students_of

pytestmark = pytest.mark.slow


@pytest.mark.filterwarnings("ignore")  # nbgrader's own
def test_an_assignment_goes_out_and_comes_back_through_the_exchange(tmp_path, monkeypatch):
    course, home, shared = release_small(tmp_path), tmp_path / "home", tmp_path / "exchange"
    home.mkdir()
    shared.mkdir()
    shared.chmod(0o777)  # as the exchange asks for

    def step(kind, root):
        config = Config(Exchange={"root": str(shared), "cache": str(tmp_path / "cache")})
        config.CourseDirectory.update(root=str(root), course_id="kmeans", assignment_id=NAME)
        kind(CourseDirectory(config=config), Authenticator(config=config), config=config).start()

    step(exchange.ExchangeReleaseAssignment, course)
    monkeypatch.chdir(home)
    step(exchange.ExchangeFetchAssignment, home)
    path = home / NAME / f"{NAME}.ipynb"
    released = path.read_text()
    assert "BEGIN HIDDEN TESTS" not in released and "def double" in released
    path.write_text(released.replace("raise NotImplementedError", "return 7; raise NotImplementedError", 1))
    step(exchange.ExchangeSubmit, home)
    step(exchange.ExchangeCollect, course)
    batch = make_batch(course)
    assert students_of(batch) == [getpass.getuser()]
    submitted = batch.read(getpass.getuser(), NAME)
    assert not submitted.restored.notes
    assert "return 7" in json.dumps([cell["source"] for cell in submitted.restored.cells])
