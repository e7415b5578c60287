"""An installed Chromium for tests that look at pages, and the mark of such tests."""

import contextlib
import os
import re
import tempfile
import warnings
from pathlib import Path
from unittest import mock

import pytest

from mnistkit.course.report.export import find_browser
from mnistkit.errors import UserError

CHROMIUM = None
with contextlib.suppress(UserError):
    CHROMIUM = find_browser()
IN_A_BROWSER = [
    pytest.mark.slow,
    pytest.mark.skipif(
        CHROMIUM is None,
        reason="no Chromium here: install it (apt install chromium) to test pages in a browser",
    ),
]
FLAGS = [
    # As root, Chromium starts only without its sandbox; what it opens here are our own pages.
    "--no-sandbox",
    # The browser ends itself ("GPU process isn't usable. Goodbye.") when the process that paints has ended six
    # times. Painting without a GPU's emulation, and starting that process again whenever it ends, keeps pages.
    "--disable-gpu",
    "--disable-gpu-process-crash-limit",
]


class Chromium:
    """The browser. It can be lost, also without a fault of what it shows: then a new page is in a new one.

    Parameters
    ----------
    kind : playwright.sync_api.BrowserType
        What starts it.
    log : pathlib.Path
        Where Playwright writes what the browser says, and how it ended.
    """

    def __init__(self, kind, log):
        self._kind, self._log, self._crashed = kind, log, set()
        self._start()

    def _start(self):
        self.browser = self._kind.launch(executable_path=CHROMIUM, args=FLAGS)

    def new_page(self, **options):
        if not self.browser.is_connected():
            self._start()
        page = self.browser.new_page(**options)
        page.on("crash", lambda _: self._crashed.add(page))
        return page

    def has_lost(self, page):
        """Whether the browser has ended, or the process of its that shows this page."""
        return page.is_closed() or page in self._crashed

    def warn_of_loss(self):
        said = [
            line
            for line in self._log.read_text().splitlines()
            if re.search("exit|FATAL|ERROR:(?!dbus)", line)
        ]
        warnings.warn("Chromium was lost:\n" + "\n".join(said[-8:]), stacklevel=2)


@contextlib.contextmanager
def running_chromium():
    """Start the browser, and end it."""
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        with (
            mock.patch.dict(os.environ, DEBUG="pw:browser", DEBUG_FILE=str(log)),
            sync_playwright() as playwright,
        ):
            chromium = Chromium(playwright.chromium, log)
            yield chromium
            if not chromium.browser.is_connected():
                chromium.warn_of_loss()
            chromium.browser.close()
