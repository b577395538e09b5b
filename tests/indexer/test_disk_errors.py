"""What a disk refuses, in the words of the system and of the libraries: one error, with the folder and the remedy."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from indexer.disk import as_os_error, is_full, not_written
from indexer.generations import new_folder, writing


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (errno.ENOSPC, "no space is left on its disk"),
        (errno.EDQUOT, "no space is left on its disk"),
        (errno.EROFS, "it is on a read-only file system. Make that writable, or choose another --out."),
        (errno.EACCES, "cannot be written (Permission denied). Give this user the right to write there"),
        (errno.EIO, "its disk failed (Input/output error: "),
    ],
)
def test_each_cause_is_told_with_its_remedy(code: int, told: str, tmp_path: Path) -> None:
    error = OSError(code, os.strerror(code), str(tmp_path / "passages.npy"))
    said = str(not_written(tmp_path, error))
    assert said.startswith(str(tmp_path))
    assert told in said
    assert "--out" in said
    assert said.endswith("Nothing is live there yet.")


def test_a_pipe_that_nobody_reads_any_more_is_no_matter_of_the_disk(tmp_path: Path) -> None:
    with pytest.raises(BrokenPipeError), writing(tmp_path / "index"), new_folder(tmp_path / "index"):
        raise BrokenPipeError


def test_a_library_that_names_no_cause_had_no_room_or_a_failing_disk(tmp_path: Path) -> None:
    told = RuntimeError("write error in a.faiss: 307155 != 2560000 (No space left on device)")
    assert is_full(as_os_error(tmp_path / "passages.faiss", told), tmp_path)
    assert not is_full(as_os_error(tmp_path / "lexical", ValueError("a worker thread panicked")), tmp_path)
