"""Transcripts that change, vanish or grow while they are read: the report says so, the next run reads them again."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from indexer.errors import ArchiveError
from indexer.files import SourceFile
from indexer.generations import current_generation
from indexer.people import read_people
from tests.changing_archive import contents, read_whole
from tests.indexer.making import index, interview, write

Change = Callable[[Path], None]


@pytest.fixture
def talks(tmp_path: Path) -> Path:
    for topic in ("harbours", "tunnels"):
        write(tmp_path / "talks" / f"{topic}.md", interview(topic))
    return tmp_path / "talks"


@pytest.fixture
def while_read(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Change, Change], None]:
    """Has something done to a file just before it is read, and just after; once."""

    def arrange(name: str, before: Change, after: Change) -> None:
        read = SourceFile.read
        done: list[str] = []

        def reading(file: SourceFile) -> bytes:
            assert isinstance(file.path, Path)
            is_meant = file.path.name == name and not done
            if not is_meant:
                return read(file)
            done.append(name)
            before(file.path)
            try:
                return read(file)
            finally:
                after(file.path)

        monkeypatch.setattr(SourceFile, "read", reading)

    return arrange


def nothing(path: Path) -> None:
    """Leaves it as it is."""


def becomes(text: str) -> Change:
    def change(path: Path) -> None:
        write(path, text)

    return change


def truncated(path: Path) -> None:
    path.write_text(path.read_text(encoding="utf-8")[:200], encoding="utf-8")


def as_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (nothing, becomes(interview("weirs"))),
        (becomes(interview("weirs")), nothing),
        (nothing, truncated),
        (truncated, nothing),
        (nothing, Path.unlink),
        (nothing, as_a_folder),
    ],
    ids=["changed after", "changed before", "cut after", "cut before", "removed after", "a folder after"],
)
def test_a_file_that_changes_while_it_is_read_is_told_and_read_again(
    before: Change, after: Change, while_read: Callable[[str, Change, Change], None], talks: Path, tmp_path: Path
) -> None:
    while_read("harbours.md", before, after)
    first = index(talks, tmp_path / "index")
    assert first.report["notes"]["harbours.md"].endswith("it changed while it was read; the next run reads it again")
    assert "tunnels.md" not in first.report["notes"]
    second = index(talks, tmp_path / "index")
    assert second.changed
    assert second.generation is not None
    index(talks, tmp_path / "clean")
    assert contents(second.generation) == contents(current_generation(tmp_path / "clean"))
    assert not index(talks, tmp_path / "index").changed


@pytest.mark.parametrize("vanishes", [Path.unlink, as_a_folder], ids=["removed", "a folder"])
def test_a_file_that_is_gone_when_it_is_read_is_listed_and_read_when_it_is_there_again(
    vanishes: Change, while_read: Callable[[str, Change, Change], None], talks: Path, tmp_path: Path
) -> None:
    while_read("harbours.md", vanishes, nothing)
    first = index(talks, tmp_path / "index")
    [failed] = first.report["files_failed"]
    assert failed["source"] == "harbours.md"
    assert failed["reason"].startswith("cannot be read (")
    assert "run this again" in failed["remedy"]
    assert first.report["episodes"] == 1
    path = talks / "harbours.md"
    if path.is_dir():
        path.rmdir()
    # As it was when the first run began: that it was not read is all that tells it from what is indexed.
    write(path, interview("harbours"))
    second = index(talks, tmp_path / "index")
    assert (second.changed, second.report["episodes"]) == (True, 2)


def test_a_file_that_grows_all_the_while_is_whole_turns_and_whole_at_last(talks: Path, tmp_path: Path) -> None:
    grows = (
        "import sys, time\nwith open(sys.argv[1], 'a') as file:\n    number = 0\n    while True:\n"
        "        file.write('\\n**Lena Ortiz:** And what did you find there in the morning?\\n'\n"
        "                   f'\\n**Omar Haddad:** In night {number} we measured the harbour, all of us.\\n')\n"
        "        file.flush(); number += 1; time.sleep(0.001)\n"
    )
    path = talks / "harbours.md"
    with subprocess.Popen([sys.executable, "-c", grows, path]) as writer:
        while "night 5" not in path.read_text(encoding="utf-8"):
            assert writer.poll() is None
        outcome = index(talks, tmp_path / "index")
        writer.kill()
    assert outcome.generation is not None
    assert "changed while it was read" in outcome.report["notes"]["harbours.md"]
    written = path.read_text(encoding="utf-8")
    assert all(text in written for text in read_whole(outcome.generation) if "night" in text)
    index(talks, tmp_path / "index")
    index(talks, tmp_path / "clean")
    assert contents(current_generation(tmp_path / "index")) == contents(current_generation(tmp_path / "clean"))


def test_a_list_of_speakers_that_changes_after_it_was_read_is_read_again(
    talks: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    people_file = write(talks / "speakers.yaml", "Omar Haddad: {role: guest}\n")
    from indexer import build

    read = read_people

    def reading(path: Path) -> object:
        found = read(path)
        write(people_file, "Omar Haddad: {role: host}\n")
        return found

    monkeypatch.setattr(build, "read_people", reading)
    index(talks, tmp_path / "index")
    monkeypatch.undo()
    assert index(talks, tmp_path / "index").changed


def test_a_list_of_speakers_that_is_gone_when_it_is_read_is_named(
    talks: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from indexer import build

    monkeypatch.setattr(build, "find_people_file", lambda _: talks / "speakers.yaml")
    with pytest.raises(ArchiveError, match=r"speakers\.yaml: cannot be read \(No such file or directory\)"):
        index(talks, tmp_path / "index")
