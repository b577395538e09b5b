"""The files to deploy with fit the program: they name settings that there are, and wait for it as long as it takes."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from service.server import TO_END_S
from service.stopping import IDLE_S
from tests.conftest import ROOT

FILES = sorted((ROOT / "docs/deploy").iterdir())
README = (ROOT / "README.md").read_text(encoding="utf-8")
ANALYZE = shutil.which("systemd-analyze")


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_settings_are_those_that_there_are(file: Path) -> None:
    named = set(re.findall(r"\bONRECORD_[A-Z_]+\b", file.read_text(encoding="utf-8")))
    assert named <= set(re.findall(r"`(ONRECORD_[A-Z_]+)`", README))


def test_the_unit_waits_longer_than_the_service_takes_to_stop() -> None:
    unit = (ROOT / "docs/deploy/onrecord.service").read_text(encoding="utf-8")
    [given], [waits] = re.findall(r"ONRECORD_STOP_WITHIN=(\d+)", unit), re.findall(r"TimeoutStopSec=(\d+)", unit)
    assert int(waits) > int(given) + IDLE_S + TO_END_S
    container = (ROOT / "docs/deploy/Containerfile").read_text(encoding="utf-8")
    assert re.findall(r"--stop-timeout (\d+)", container) == [waits]


@pytest.mark.skipif(ANALYZE is None, reason="systemd is not installed")
@pytest.mark.parametrize("name", ["onrecord.service", "onrecord-index.service", "onrecord-index.timer"])
def test_systemd_understands_its_files(name: str, tmp_path: Path) -> None:
    assert ANALYZE
    for file in (ROOT / "docs/deploy").glob("onrecord*"):
        text = file.read_text(encoding="utf-8").replace("/opt/onrecord/bin/onrecord", "/bin/true")
        (tmp_path / file.name).write_text(text, encoding="utf-8")
    done = subprocess.run(
        [ANALYZE, "verify", "--man=no", tmp_path / name], capture_output=True, text=True, check=False, timeout=60
    )
    assert name not in done.stderr, done.stderr
