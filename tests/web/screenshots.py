"""The pictures in the README, of the sample interviews: `make screenshots`."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.conftest import ROOT, serving
from tests.web.conftest import FLAGS

FOLDER = ROOT / "docs" / "images"
PICTURES = {
    "search": ("/?query=who+pays+when+the+machine+is+wrong%3F&role=guest", "light"),
    "verify": ("/verify", "dark"),
}
_DRAFT = """Ilse Brandvold says of the people who warn her: “It's always in the end the nurse, or the youngest doctor.”

Desmond Achterloo disagrees. “Indemnity prices the mistakes that become claims,” he says.

“We rewound two of the units in 2018,” Calder Nwosu recalls.
"""


def main(index: Path) -> int:
    """Writes the pictures of the pages that are served over an index."""
    executable = shutil.which("chromium")
    if executable is None:
        print("error: Chromium is missing: install it (Debian: apt-get install chromium)", file=sys.stderr)
        return 1
    FOLDER.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(index, dict(os.environ), Path(folder) / "log.txt") as (address, _),
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=executable, args=list(FLAGS))
        for name, (path, scheme) in PICTURES.items():
            page = browser.new_page(
                base_url=address,
                viewport={"width": 1120, "height": 720},
                color_scheme="dark" if scheme == "dark" else "light",
            )
            page.goto(path)
            if name == "verify":
                page.locator("textarea").first.fill(_DRAFT)
                page.locator("main button[type=submit], main form button").first.click()
                page.get_by_text("altered").first.wait_for()
                page.get_by_text("3 quotations").first.evaluate("element => element.scrollIntoView()")
            page.screenshot(path=FOLDER / f"{name}.png")
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
