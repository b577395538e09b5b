"""How long it takes on the search page from Enter until the quotes are painted, in Chromium, on the loopback.

    python -m tests.benchmarks.page [INDEX] [--questions FILE]

INDEX is the one that `make bench-speed` makes. Each question is put into the box whole and sent by Enter, before the
pause after which typing searches by itself. `Painted` is the first task after the frame in which the new quotes stand.
The same addresses are then asked for without a browser, with and without facets, to say where the time goes.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlencode

from playwright.sync_api import Page, sync_playwright

from indexer.generations import current_generation
from tests.benchmarks.servers import milliseconds, running

COMMAND = Path(sys.executable).with_name("onrecord")
FLAGS = ["--no-sandbox", "--disable-gpu"]
_FIRST_PAINT = """() => new Promise((resolve) => new PerformanceObserver((paints) => {
  for (const paint of paints.getEntries()) if (paint.name === "first-contentful-paint") resolve(paint.startTime);
}).observe({ type: "paint", buffered: true }))"""
# Resolves to the milliseconds from the key's own time stamp to the first task after the quotes were painted.
_WATCH = """() => { window.painted = new Promise((resolve) => {
  document.addEventListener("keydown", (key) => {
    const found = document.getElementById("found");
    new MutationObserver((_, observer) => {
      observer.disconnect();
      requestAnimationFrame(() => setTimeout(() => resolve(performance.now() - key.timeStamp)));
    }).observe(found, { childList: true });
  }, { once: true, capture: true });
}); }"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("index", type=Path, nargs="?", default=Path("build/bench/archive"))
    parser.add_argument("--questions", type=Path, default=Path("seeds/questions.jsonl"))
    arguments = parser.parse_args()
    questions = [json.loads(line)["query"] for line in arguments.questions.read_text(encoding="utf-8").splitlines()]
    counts = current_generation(arguments.index).manifest.counts
    say(f"{counts['episodes']} episodes, {counts['passages']} passages, {len(questions)} questions")
    say(f"{'milliseconds':<38} p50 / p95 / p99")
    command: list[str | Path] = [COMMAND, "serve", "--index", arguments.index, "--workers", "1", "--port", "8391"]
    with running(command, "/v1/search?query=") as server, sync_playwright() as playwright:
        origin = server.address.partition("/v1/")[0]
        chromium = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        page = chromium.new_page(base_url=origin)
        page.goto("/")
        say(f"{'first visit, painted':<38} {_first_paint(page):.0f}")
        _print_painted("Enter to painted", page, questions)
        page.goto("/?query=first&role=guest&date_from=2019-01-01&date_to=2030-12-31")
        _print_painted("Enter to painted, two filters", page, questions)
        chromium.close()
        for name, path in (
            ("/v1/search", "/v1/search?"),
            ("/v1/search, facets", "/v1/search?facets=true&"),
            ("/v1/search, facets, two filters", "/v1/search?facets=true&role=guest&date_from=2019-01-01&"),
            ("the page's HTML", "/?"),
        ):
            _print_times(name, [_timed(f"{origin}{path}{urlencode({'query': question})}") for question in questions])


def _print_painted(name: str, page: Page, questions: Sequence[str]) -> None:
    _print_times(name, [_painted(page, question) / 1000 for question in questions])


def _painted(page: Page, question: str) -> float:
    page.evaluate(_WATCH)
    page.locator("#query").fill(question)
    page.keyboard.press("Enter")
    milliseconds_: float = page.evaluate("() => window.painted")
    return milliseconds_


def _first_paint(page: Page) -> float:
    found: float = page.evaluate(_FIRST_PAINT)
    return found


def _timed(address: str) -> float:
    started = time.perf_counter()
    with urllib.request.urlopen(address) as answer:
        answer.read()
    return time.perf_counter() - started


def _print_times(name: str, seconds: Sequence[float]) -> None:
    say(f"{name:<38} {' / '.join(f'{each:.1f}' for each in milliseconds(seconds))}")


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
