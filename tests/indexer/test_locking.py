"""One indexer at a time: the second one is told of the first, and nobody of one that is dead."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from indexer.errors import ArchiveError, IndexBusy
from indexer.generations import current_generation, writing
from tests.conftest import ROOT
from tests.indexer.making import index, interview, write

_HOLDS = """
import sys
from pathlib import Path
from indexer.generations import writing
with writing(Path(sys.argv[1])):
    print("holds", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def talks(tmp_path: Path) -> Path:
    write(tmp_path / "talks" / "harbours.md", interview("harbours"))
    return tmp_path / "talks"


def test_the_holder_is_named_while_it_lives_and_is_no_obstacle_once_it_is_killed(talks: Path, tmp_path: Path) -> None:
    out = tmp_path / "index"
    with subprocess.Popen(
        [sys.executable, "-c", _HOLDS, out], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"holds\n"
        with pytest.raises(IndexBusy, match=rf"another indexer \(process {holder.pid}, since \d{{4}}-.+ UTC\)"):
            index(talks, out)
        os.kill(holder.pid, signal.SIGKILL)
        assert holder.wait() == -signal.SIGKILL
        assert str(holder.pid) in (out / ".lock").read_text(encoding="utf-8")
        assert index(talks, out).changed


def test_a_lock_file_that_names_a_living_process_of_another_program_is_no_obstacle(talks: Path, tmp_path: Path) -> None:
    out = tmp_path / "index"
    index(talks, out)
    (out / ".lock").write_text(f"{os.getppid()}, since 2020-01-01 00:00:00 UTC", encoding="utf-8")
    write(talks / "tunnels.md", interview("tunnels"))
    assert index(talks, out).changed


def test_a_file_system_without_locks_is_refused_before_anything_is_written(
    talks: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_locks(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    out = tmp_path / "index"
    monkeypatch.setattr(fcntl, "flock", no_locks)
    with pytest.raises(ArchiveError) as error:
        index(talks, out)
    assert str(error.value) == (
        f"{out}: its file system has no locks (No locks available), so that two indexers could not be kept apart. "
        "Choose an --out on another disk."
    )
    assert not list((out / "generations").iterdir())


def test_a_lock_is_given_free_when_the_run_ends_however_it_ends(talks: Path, tmp_path: Path) -> None:
    out = tmp_path / "index"
    with pytest.raises(KeyboardInterrupt), writing(out):
        raise KeyboardInterrupt
    assert index(talks, out).changed
    assert current_generation(out)
