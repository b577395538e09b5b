"""A clean bill is never given to versions that nobody looked up."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.audit import report
from tests.conftest import ROOT

_SOUND = {"name": "sound", "version": "1.0", "vulns": []}
_KNOWN = {"name": "leaky", "version": "2.0", "vulns": [{"id": "PYSEC-1", "fix_versions": ["2.1"]}]}


def test_a_known_vulnerability_fails_and_is_told_with_its_remedy(capsys: pytest.CaptureFixture[str]) -> None:
    assert report([_SOUND, _KNOWN]) == 1
    assert "leaky 2.0: PYSEC-1, mended in 2.1" in capsys.readouterr().out


def test_versions_that_the_service_does_not_know_are_not_called_clean(capsys: pytest.CaptureFixture[str]) -> None:
    assert report([_SOUND, {"name": "unheard", "skip_reason": "not found"}]) == 0
    printed = capsys.readouterr().out
    assert "1 of 2 versions checked" in printed
    assert "NOT CHECKED, the service here does not know them: unheard" in printed


def test_a_service_that_is_not_reached_is_told_so(tmp_path: Path) -> None:
    constraints = tmp_path / "constraints.txt"
    constraints.write_text("numpy==2.0.0\n", encoding="utf-8")
    environment = {**os.environ, "HTTPS_PROXY": "http://127.0.0.1:9", "XDG_CACHE_HOME": str(tmp_path)}
    command = [sys.executable, "-m", "tests.audit", str(constraints)]
    done = subprocess.run(command, cwd=ROOT, env=environment, check=False, capture_output=True, text=True)
    assert done.returncode == 0
    assert "NOT CHECKED, no service answers" in done.stderr
