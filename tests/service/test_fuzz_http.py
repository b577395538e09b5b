"""A short run of `make fuzz-http`: every answer is one that the OpenAPI description states."""

from __future__ import annotations

from pathlib import Path

from tests.fuzz_http import fuzz


def test_answers_hold_to_the_description(server: str, tmp_path: Path) -> None:
    done = fuzz(server, 3, 7, tmp_path, phases="examples,fuzzing")
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    assert "No issues found" in done.stdout
