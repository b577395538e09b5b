"""A real browser on the pages of a real server."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, expect, sync_playwright

from tests.conftest import ROOT

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
AXE = ROOT / "build" / "node_modules" / "axe-core" / "axe.min.js"
# A page that never comes is an error; one that comes late, on a machine that does other work, is none.
_PATIENCE_MS = 30_000


def _missing(what: str, remedy: str) -> None:
    """Skips a test; in CI, where all of this is set up, it fails."""
    message = f"{what} is missing: {remedy}"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One for the tests of a file: its event loop runs in this thread, and no test beside it may run another."""
    executable = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if executable is None:
        _missing("Chromium", "install it (Debian: apt-get install chromium)")
    expect.set_options(timeout=_PATIENCE_MS)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=executable, args=list(FLAGS))
        yield started
        started.close()


@pytest.fixture
def context(browser: Browser, server: str) -> Iterator[BrowserContext]:
    """A fresh profile; relative addresses are the server's."""
    fresh = browser.new_context(base_url=server, permissions=["clipboard-read", "clipboard-write"])
    yield fresh
    fresh.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A tab. At its end there must have been no error in its console, and no request to anybody else."""
    tab = context.new_page()
    troubles: list[str] = []

    def on_console(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            troubles.append(message.text)

    def on_failure(request: Request) -> None:
        # A request that is given up because a newer one takes its place is no trouble.
        if request.failure != "net::ERR_ABORTED":
            troubles.append(request.url)

    tab.on("console", on_console)
    tab.on("pageerror", lambda error: troubles.append(str(error)))
    tab.on("requestfailed", on_failure)
    yield tab
    assert troubles == []


@pytest.fixture(scope="session")
def axe() -> Callable[[Page], list[str]]:
    """What axe-core finds wrong with a page, one line each."""
    if not AXE.is_file():
        _missing("axe-core", "make test installs it, if npm is there (Debian: apt-get install npm)")
    script = AXE.read_text(encoding="utf-8")

    def check(page: Page) -> list[str]:
        page.evaluate(script)
        found = page.evaluate(
            "() => axe.run({runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']})"
        )
        return [
            f"{violation['id']}: {node['html']} ({node['failureSummary']})"
            for violation in found["violations"]
            for node in violation["nodes"]
        ]

    return check


@pytest.fixture
def screenshots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("screenshots")
