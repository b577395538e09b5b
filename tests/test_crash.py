"""A short run of `make crash`: whatever stops an indexing run, readers go on, and the next run completes."""

from __future__ import annotations

import subprocess
import sys

from tests.conftest import ROOT


def test_runs_that_are_killed_or_refused_leave_a_whole_index_and_the_next_one_completes() -> None:
    # In a process of its own, which forks one for each run: pytest's has threads, with which nobody should fork.
    command = [sys.executable, "-m", "tests.crash", "6", "7", "--moments", "6", "--real", "0"]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True, encoding="utf-8")
    assert done.returncode == 0, done.stdout + done.stderr
    killed, refused, random = done.stdout.splitlines()
    assert killed.startswith("killed at 6 moments that touch the disk: 6 killed;")
    assert refused.startswith("refused at 6 moments that touch the disk:")
    assert killed.endswith("; 0 wrong")
    assert refused.endswith("; 0 wrong")
    assert random.endswith(" 0 errors; 0 unequal")
