"""An index on a read-only disk: it is read by all, and written by nobody, who is told so."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.conftest import Onrecord, serving
from tests.disks import make_read_only, small_disk
from tests.indexer.making import interview, write


@pytest.fixture
def read_only(seeds_index: Path, tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", kilobytes=20_000) as disk:
        shutil.copytree(seeds_index, disk / "index")
        make_read_only(disk)
        yield disk / "index"


def test_a_read_only_index_is_searched_and_served(
    read_only: Path, onrecord: Onrecord, offline: dict[str, str], tmp_path: Path
) -> None:
    found = onrecord("search", "who pays when the machine is wrong?", "--index", read_only, "--json")
    assert found.returncode == 0, found.stderr
    assert json.loads(found.stdout)["results"]
    assert onrecord("info", "--index", read_only).returncode == 0
    with serving(read_only, offline, tmp_path / "log", workers=1) as (address, _):
        response = httpx2.get(f"{address}/v1/search", params={"query": "pumped hydro"}, trust_env=False, timeout=60)
    assert response.json()["results"]


def test_whoever_indexes_into_it_is_told(read_only: Path, onrecord: Onrecord, tmp_path: Path) -> None:
    live = (read_only / "CURRENT").read_text(encoding="utf-8").strip()
    write(tmp_path / "talks" / "harbours.md", interview("harbours"))
    done = onrecord("index", tmp_path / "talks", "--out", read_only)
    assert done.returncode == 1
    assert done.stderr == (
        f"error: {read_only}: it is on a read-only file system. Make that writable, or choose another --out. "
        f"Generation {live} is live.\n"
    )
