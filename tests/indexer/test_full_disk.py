"""A disk with too little room, at whatever moment it runs out: a clear error, and the old generation stays live."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from indexer.generations import current_generation
from tests.changing_archive import contents, read_whole, write_state
from tests.conftest import ROOT, Onrecord
from tests.disks import free_kilobytes, leave_free, small_disk
from tests.indexer.making import index

# In a process of its own: what is written to a mapping that finds no room ends the process that does it.
_RUNS = """
import gc, json, sys
from pathlib import Path
from indexer.errors import OnRecordError
from tests.disks import free_kilobytes, leave_free
from tests.indexer.making import index

talks, disk, step = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
room = 0
while True:
    ballast = leave_free(disk, room)
    before = free_kilobytes(disk)
    try:
        index(talks, disk / "index")
        said = None
    except OnRecordError as error:
        said = f"{type(error).__name__}: {error}"
    gc.collect()  # what is removed takes its room until nobody has it open
    after = free_kilobytes(disk)
    ballast.unlink()
    print(json.dumps({"room": room, "said": said, "lost": before - after}), flush=True)
    if said is None:
        break
    room += step
"""


def test_wherever_the_room_ends_the_old_generation_stays_live_and_the_disk_is_not_left_full(tmp_path: Path) -> None:
    talks = tmp_path / "talks"
    with small_disk(tmp_path / "disk", kilobytes=8_000) as disk:
        write_state(talks, 0, answers=40)
        old = index(talks, disk / "index").generation
        assert old is not None
        write_state(talks, 1, answers=40)
        ran = subprocess.run(
            [sys.executable, "-c", _RUNS, talks, disk, "40"], cwd=ROOT, check=True, capture_output=True, text=True
        )
        *refused, completed = map(json.loads, ran.stdout.splitlines())
        assert len(refused) > 8
        for run in refused:
            assert run["said"].startswith(f"IndexNotWritten: {disk / 'index'}: no space is left on its disk. "), run
            assert "takes 0." in run["said"] or "takes 1." in run["said"], run
            assert run["said"].endswith(
                "MB were free. Free space there or choose another --out, and run this again. "
                f"Generation {old.manifest.id} is live."
            )
            # Only the file that says who is writing may have grown.
            assert run["lost"] <= 8, run
        assert completed["said"] is None
        new = current_generation(disk / "index")
        assert new != old
        index(talks, tmp_path / "clean")
        assert contents(new) == contents(current_generation(tmp_path / "clean"))


def test_a_first_index_on_a_full_disk_says_that_there_is_none(tmp_path: Path, onrecord: Onrecord) -> None:
    write_state(tmp_path / "talks", 0)
    with small_disk(tmp_path / "disk", kilobytes=100) as disk:
        done = onrecord("index", tmp_path / "talks", "--out", disk / "index")
        assert done.returncode == 1
        assert "Traceback" not in done.stderr
        error = done.stderr[done.stderr.index("error: ") :].strip()
        assert error.startswith(
            f"error: {disk / 'index'}: no space is left on its disk. The new generation had reached"
        )
        assert error.endswith("and run this again. Nothing is live there yet.")
        assert free_kilobytes(disk) > 90


def test_a_run_that_the_full_disk_stopped_completes_when_there_is_room(tmp_path: Path) -> None:
    talks = tmp_path / "talks"
    write_state(talks, 0)
    with small_disk(tmp_path / "disk", kilobytes=2_000) as disk:
        index(talks, disk / "index")
        ballast = leave_free(disk, 40)
        texts = read_whole(current_generation(disk / "index"))
        assert texts
        ballast.unlink()
        write_state(talks, 1)
        assert index(talks, disk / "index").changed
        assert read_whole(current_generation(disk / "index")) != texts
