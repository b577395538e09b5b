"""Links in a folder of transcripts: what lies outside of it is not read through them."""

from __future__ import annotations

from pathlib import Path

import pytest

from embeddings.fake import FakeEmbedder
from indexer.catalog import CatalogReader
from indexer.files import find_files, find_people_file
from tests.indexer.making import index, interview, write


@pytest.fixture
def talks(tmp_path: Path) -> Path:
    """A folder with a transcript, and beside it another that nobody gave."""
    write(tmp_path / "talks" / "harbours.md", interview("harbours"))
    write(tmp_path / "private" / "letters.md", interview("letters"))
    write(tmp_path / "private" / "harbours.meta.yaml", "title: A secret")
    write(tmp_path / "private" / "speakers.yaml", "A Secret: {role: host}")
    return tmp_path / "talks"


def test_a_link_that_leads_out_is_refused_and_told_with_the_remedy(talks: Path, tmp_path: Path) -> None:
    (talks / "letters.md").symlink_to(tmp_path / "private" / "letters.md")
    (talks / "passwords.txt").symlink_to("/etc/passwd")
    built = index(talks, tmp_path / "index", FakeEmbedder())
    assert built.generation is not None
    catalog = CatalogReader(built.generation.folder)
    assert [row.source for row in catalog.episodes] == ["harbours.md"]
    catalog.close()
    told = [(failed["source"], failed["reason"]) for failed in built.report["files_failed"]]
    assert told == [(name, "a link that leads out of the folder.") for name in ("letters.md", "passwords.txt")]


def test_metadata_behind_such_a_link_is_not_read(talks: Path, tmp_path: Path) -> None:
    for name in ("harbours.meta.yaml", "speakers.yaml"):
        (talks / name).symlink_to(tmp_path / "private" / name)
    files, _ = find_files([talks], leave_out=tmp_path / "index")
    assert {file.source: (file.sidecar, file.refusal is not None) for file in files} == {
        "harbours.md": (None, False),
        "harbours.meta.yaml": (None, True),
        "speakers.yaml": (None, True),
    }
    assert find_people_file([talks]) is None


def test_a_link_inside_the_folder_is_a_file_and_a_linked_folder_is_not_entered(talks: Path, tmp_path: Path) -> None:
    (talks / "again.md").symlink_to("harbours.md")
    (talks / "others").symlink_to(tmp_path / "private")
    (talks / "round").symlink_to(talks)
    files, _ = find_files([talks], leave_out=tmp_path / "index")
    assert {file.source: file.refusal for file in files} == {"again.md": None, "harbours.md": None}


def test_a_link_that_is_given_itself_is_read(talks: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(talks)
    [file], _ = find_files([link], leave_out=tmp_path / "index")
    assert file.refusal is None
