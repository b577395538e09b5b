"""How long a transcript of 5,000 turns takes to open in the reader, and whether it scrolls smoothly, in Chromium.

    python -m tests.benchmarks.long_transcript [--turns N] [--loads N]

The transcript is invented. The reference, in the same run, is a page of nothing but the same words in paragraphs: what
any page with this much text costs. `Opened` is from the click to the end of the load, all scripts run. Scrolling goes
on by a third of a screen in every frame; a frame that takes more than two of the screen's 60 in a second is late.
"""

from __future__ import annotations

import argparse
import html
import random
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from playwright.sync_api import Page, sync_playwright

from tests.benchmarks.page import COMMAND, FLAGS, say
from tests.benchmarks.servers import milliseconds, running

_WORDS = (
    "bridge ledger kiln turbine orchard pressure valve Tuesday nobody measured the a of and to we they that when "
    "because almost never spring water contract engineer promised quietly again before after morning inspection"
).split()
_LATE_MS = 2 * 1000 / 60
_OPENED = "() => performance.getEntriesByType('navigation')[0].loadEventEnd"
_SCROLLED = """() => new Promise((resolve) => {
  const frames = [];
  let last = performance.now();
  const step = (now) => {
    frames.push(now - last);
    last = now;
    window.scrollBy(0, window.innerHeight / 3);
    if (frames.length < 240) requestAnimationFrame(step);
    else resolve(frames.slice(1));
  };
  requestAnimationFrame(step);
})"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=5000)
    parser.add_argument("--loads", type=int, default=9)
    arguments = parser.parse_args()
    turns = list(_turns(arguments.turns))
    words = sum(len(text.split()) for _, text in turns)
    say(f"A transcript of {len(turns):,} turns and {words:,} words; {arguments.loads} loads of each page")
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        (here / "long.md").write_text(
            "# A Very Long Inspection\n\n" + "\n\n".join(f"**{who}:** {text}" for who, text in turns), encoding="utf-8"
        )
        plain = here / "plain.html"
        paragraphs = "\n".join(f"<p>{html.escape(f'{who}: {text}')}" for who, text in turns)
        plain.write_text(f"<!doctype html><meta charset=utf-8><title>Plain</title>{paragraphs}", encoding="utf-8")
        index = here / "index"
        subprocess.run([COMMAND, "index", here / "long.md", "--out", index], check=True, capture_output=True)
        command: list[str | Path] = [COMMAND, "serve", "--index", index, "--workers", "1", "--port", "8391"]
        with running(command, "/v1/search?query=") as server, sync_playwright() as playwright:
            chromium = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
            origin = server.address.partition("/v1/")[0]
            page = chromium.new_page(viewport={"width": 1120, "height": 720})
            page.goto(f"{origin}/archive")
            episode = str(page.locator("main a[href^='/episodes/']").first.get_attribute("href"))
            say(f"{'':<28} {'opened, ms (p50 / most)':>24} {'frame, ms (p50 / p99)':>24} {'late':>6}")
            for name, address in (("the reader", f"{origin}{episode}"), ("plain paragraphs", plain.as_uri())):
                _print_row(name, page, address, arguments.loads)
            chromium.close()


def _print_row(name: str, page: Page, address: str, loads: int) -> None:
    opened = [_opened(page, address) for _ in range(loads)]
    frames = [frame / 1000 for frame in page.evaluate(_SCROLLED)]
    p50, _, p99 = milliseconds(frames)
    late = float(np.mean(np.array(frames) * 1000 > _LATE_MS))
    times = f"{np.median(opened):.0f} / {max(opened):.0f}"
    say(f"{name:<28} {times:>24} {f'{p50:.1f} / {p99:.1f}':>24} {late:>6.1%}")


def _opened(page: Page, address: str) -> float:
    page.goto("about:blank")
    page.goto(address)
    end = 0.0
    while not end:
        end = page.evaluate(_OPENED)
        time.sleep(0.01)
    return end


def _turns(count: int) -> Iterator[tuple[str, str]]:
    """A host who asks, and a guest who answers; the same at every call."""
    chance = random.Random(1)
    for number in range(count):
        host = number % 2 == 0
        sentences = [
            " ".join(chance.choices(_WORDS, k=chance.randint(6, 18))).capitalize()
            for _ in range(1 if host else chance.randint(1, 5))
        ]
        yield ("Petra Voss", f"{sentences[0]}?") if host else ("Ines Carrow", ". ".join(sentences) + ".")


if __name__ == "__main__":
    main()
