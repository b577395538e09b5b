"""An operator's commands, and a service that goes on answering whatever has happened to its index."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import httpx2
import pytest
from typer.testing import CliRunner

from service.cli import app
from tests.conftest import Onrecord, serving
from tests.indexer.making import interview, write

ASKED = "what did you learn about weirs?"


@pytest.fixture(scope="module")
def built(onrecord: Onrecord, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two generations: the second one knows of weirs too."""
    folder = tmp_path_factory.mktemp("built")
    for topic in ("harbours", "weirs"):
        write(folder / "talks" / f"{topic}.md", interview(topic))
        done = onrecord("index", folder / "talks", "--out", folder / "index")
        assert done.returncode == 0, done.stderr
    return folder / "index"


@pytest.fixture
def upkeep() -> Onrecord:
    """Runs a command in this process, which has its libraries already."""

    def run(*arguments: str | Path, **_: str) -> subprocess.CompletedProcess[str]:
        words = list(map(str, arguments))
        done = CliRunner().invoke(app, words, catch_exceptions=False)
        return subprocess.CompletedProcess(words, done.exit_code, done.stdout, done.stderr)

    return run


@pytest.fixture
def out(built: Path, tmp_path: Path) -> Path:
    return shutil.copytree(built, tmp_path / "index")


def generations(out: Path) -> list[str]:
    return sorted(folder.name for folder in (out / "generations").iterdir())


def live(out: Path) -> str:
    return (out / "CURRENT").read_text(encoding="utf-8").strip()


def test_doctor_finds_nothing_wrong_with_a_sound_index(upkeep: Onrecord, out: Path) -> None:
    done = upkeep("doctor", "--index", out)
    assert (done.returncode, done.stderr) == (0, "")
    first, second = generations(out)
    assert done.stdout.splitlines() == [f"{second}, live: sound", f"{first}: sound"]


def test_doctor_names_what_is_wrong_and_mends_it(upkeep: Onrecord, onrecord: Onrecord, out: Path) -> None:
    first, second = generations(out)
    spoiled = out / "generations" / second / "sentences.npy"
    spoiled.write_bytes(spoiled.read_bytes()[:-1])
    (out / "generations" / first / "catalog.sqlite").unlink()
    search = onrecord("search", ASKED, "--index", out)
    assert search.returncode == 1
    assert str(spoiled) in search.stderr
    done = upkeep("doctor", "--index", out)
    assert done.returncode == 1
    assert f"{second}, live: not sound\n  {spoiled}: " in done.stdout
    assert f"`onrecord doctor --index {out} --repair` makes it anew out of the catalog." in done.stdout
    assert "catalog.sqlite: missing. Nobody can go back to it." in done.stdout
    described = json.loads(upkeep("doctor", "--index", out, "--json").stdout)
    assert described["sound"] is False
    assert [(one["live"], one["repairable"]) for one in described["generations"]] == [(True, True), (False, False)]
    assert described["generations"][0]["faults"][0]["path"] == str(spoiled)
    mended = upkeep("doctor", "--index", out, "--repair")
    assert mended.returncode == 0, mended.stderr
    assert f"generation {live(out)} was made anew out of the catalog, and is live." in mended.stderr
    assert f"generation {first} was spoiled, not live, and is removed." in mended.stderr
    assert generations(out) == [live(out)]
    found = onrecord("search", ASKED, "--index", out)
    assert "All about weirs" in found.stdout, found.stderr


def test_a_catalog_that_is_lost_is_told_with_what_is_left_to_do(
    upkeep: Onrecord, onrecord: Onrecord, out: Path
) -> None:
    _, second = generations(out)
    (out / "generations" / second / "catalog.sqlite").unlink()
    for arguments in (["doctor"], ["doctor", "--repair"]):
        done = upkeep(*arguments, "--index", out)
        assert done.returncode == 1
        assert f"onrecord rollback --index {out}" in done.stdout + done.stderr
    assert live(out) == second
    assert upkeep("rollback", "--index", out).returncode == 0
    assert onrecord("search", "harbours", "--index", out).returncode == 0


def test_rollback_names_the_one_before_or_any_that_is_kept(upkeep: Onrecord, onrecord: Onrecord, out: Path) -> None:
    first, second = generations(out)
    done = upkeep("rollback", "--index", out)
    assert (done.returncode, done.stderr) == (0, f"{out}: generation {first} is live.\n")
    assert "weirs" not in onrecord("search", ASKED, "--index", out).stdout
    again = upkeep("rollback", "--index", out)
    assert (again.returncode, live(out)) == (1, first)
    assert f"no generation is kept from before {first}" in again.stderr
    unknown = upkeep("rollback", "1999", "--index", out)
    assert unknown.returncode == 1
    assert f"Kept beside the live one: {second}." in unknown.stderr
    assert upkeep("rollback", second[:-2], "--index", out).returncode == 0
    assert live(out) == second
    missing = upkeep("rollback", "--index", out.parent / "none")
    assert missing.returncode == 1
    assert "no index there" in missing.stderr
    assert not (out.parent / "none").exists()


def test_what_is_not_sound_is_not_gone_back_to(upkeep: Onrecord, out: Path) -> None:
    first, second = generations(out)
    (out / "generations" / first / "terms.npy").unlink()
    done = upkeep("rollback", "--index", out)
    assert (done.returncode, live(out)) == (1, second)
    assert "terms.npy: missing. It cannot be gone back to" in done.stderr


def test_the_generation_that_was_live_is_kept_when_the_next_one_comes_after_a_rollback(
    upkeep: Onrecord, onrecord: Onrecord, built: Path, out: Path
) -> None:
    first, second = generations(out)
    assert upkeep("rollback", "--index", out).returncode == 0
    talks = shutil.copytree(built.parent / "talks", out.parent / "talks")
    write(talks / "tunnels.md", interview("tunnels"))
    assert onrecord("index", talks, "--out", out).returncode == 0
    assert generations(out) == [first, live(out)]
    assert second not in generations(out)


def test_info_lists_the_generations(upkeep: Onrecord, out: Path) -> None:
    first, second = generations(out)
    lines = upkeep("info", "--generations", "--index", out).stdout.splitlines()
    assert [line.split()[0] for line in lines] == [second, first]
    assert lines[0].endswith("live")
    assert "2 episodes" in lines[0]
    listed = json.loads(upkeep("info", "--generations", "--json", "--index", out).stdout)
    assert [(one["id"], one["live"], one["counts"]["episodes"]) for one in listed] == [
        (second, True, 2),
        (first, False, 1),
    ]


def test_a_backup_is_brought_back_elsewhere(upkeep: Onrecord, onrecord: Onrecord, out: Path, tmp_path: Path) -> None:
    file = tmp_path / "backup.tar"
    done = upkeep("backup", file, "--index", out)
    assert done.returncode == 0, done.stderr
    assert f"{file}: generation {live(out)}" in done.stderr
    assert upkeep("backup", file, "--index", out).returncode == 1
    done = upkeep("restore", file, "--out", tmp_path / "elsewhere")
    assert (done.returncode, done.stderr) == (0, f"{tmp_path / 'elsewhere'}: generation {live(out)} is live.\n")
    assert "weirs" in onrecord("search", ASKED, "--index", tmp_path / "elsewhere").stdout


def _ready(address: str) -> dict[str, Any]:
    found: dict[str, Any] = httpx2.get(f"{address}/readyz", trust_env=False).json()
    return found


def _until(address: str, generation: str) -> dict[str, Any]:
    end = time.monotonic() + 60
    while (ready := _ready(address))["index"]["generation"] != generation:
        assert time.monotonic() < end
        time.sleep(0.05)
    return ready


@pytest.mark.parametrize("name", ["catalog.sqlite", "manifest.json"])
def test_a_spoiled_live_generation_is_told_and_the_one_before_it_served(
    name: str, out: Path, offline: dict[str, str], tmp_path: Path
) -> None:
    first, second = generations(out)
    spoiled = out / "generations" / second / name
    stored = bytearray(spoiled.read_bytes())
    stored[len(stored) // 2] ^= 1
    spoiled.write_bytes(stored)
    log = tmp_path / "log"
    with serving(out, offline, log, workers=1) as (address, _):
        answer = httpx2.get(f"{address}/v1/search", params={"query": ASKED}, trust_env=False, timeout=60).json()
        assert answer["index"]["generation"] == first
        end = time.monotonic() + 60
        while not (notes := _ready(address)["notes"]):
            assert time.monotonic() < end
            time.sleep(0.05)
        assert str(spoiled) in notes[0]
        assert notes[0].startswith("A newer generation is not served: ")
    told = log.read_text(encoding="utf-8")
    assert f"{spoiled}: " in told
    assert f"Generation {first}, an earlier one, is served in its place." in told


def test_a_service_goes_over_to_what_is_rolled_back_to_repaired_and_restored(
    upkeep: Onrecord, out: Path, offline: dict[str, str], tmp_path: Path
) -> None:
    first, second = generations(out)
    assert upkeep("backup", tmp_path / "backup.tar", "--index", out).returncode == 0
    with serving(out, offline, tmp_path / "log") as (address, _):
        assert _ready(address)["index"]["generation"] == second
        assert upkeep("rollback", "--index", out).returncode == 0
        assert _until(address, first)["notes"] == []
        assert upkeep("restore", tmp_path / "backup.tar", "--out", out).returncode == 0
        assert _until(address, second)["notes"] == []
        (out / "generations" / second / "passages.faiss").unlink()
        assert upkeep("doctor", "--repair", "--index", out).returncode == 0
        assert _until(address, live(out))["notes"] == []


def test_where_nothing_is_whole_the_service_does_not_start_and_says_what_is_wrong(
    onrecord: Onrecord, out: Path
) -> None:
    for name in generations(out):
        (out / "generations" / name / "terms.txt").unlink()
    done = onrecord("serve", "--index", out, "--port", "0", "--workers", "1")
    assert done.returncode == 1
    assert f"error: {out / 'generations' / generations(out)[1] / 'terms.txt'}: missing." in done.stderr


def test_a_generation_of_another_format_is_left_to_its_own_program(
    upkeep: Onrecord, onrecord: Onrecord, out: Path, offline: dict[str, str], tmp_path: Path
) -> None:
    first, second = generations(out)
    manifest = out / "generations" / second / "manifest.json"
    manifest.write_text(json.dumps({**json.loads(manifest.read_bytes()), "format_version": 99}), encoding="utf-8")
    refused = onrecord("search", ASKED, "--index", out)
    assert refused.returncode == 1
    assert "index format 99, this program reads format" in refused.stderr
    examined = upkeep("doctor", "--index", out)
    assert examined.returncode == 1
    assert "`onrecord index` makes it anew; until then, the program that wrote it answers from it." in examined.stdout
    with serving(out, offline, tmp_path / "log", workers=1) as (address, _):
        assert _ready(address)["index"]["generation"] == first
    assert upkeep("rollback", "--index", out).returncode == 0
    # Now it is an earlier one, which another program may go back to: neither a fault, nor to be removed.
    assert upkeep("doctor", "--repair", "--index", out).returncode == 0
    assert generations(out) == [first, second]
