"""Zip archives are folders: their transcripts are read in them, and what is dangerous in one is refused by name."""

from __future__ import annotations

import random
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from indexer.archives import Limits, is_archive
from indexer.errors import ArchiveError, TranscriptError
from indexer.files import find_files, one_file
from indexer.gather import read_episode
from tests.indexer.making import LENA, OMAR, index, interview, markdown, write

TALK = markdown((LENA, "What changed?"), (OMAR, "Nothing did."), (LENA, "Nothing?"))
NOISE = random.Random(1).randbytes(1_200_000)


def packed(path: Path, members: Mapping[str, str | bytes], *, method: int = zipfile.ZIP_DEFLATED) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def found(root: Path, limits: Limits | None = None) -> dict[str, str | None]:
    """The sources below a path, each with the reason why it is refused."""
    files, _ = find_files([root], leave_out=root.parent / "index", limits=limits)
    return {file.source: str(file.refusal) if file.refusal else None for file in files}


def test_members_are_files_below_the_archive(tmp_path: Path) -> None:
    packed(tmp_path / "in" / "all.zip", {"a.md": TALK, "sub/b.md": TALK, "README.md": "x"})
    write(tmp_path / "in" / "c.md", TALK)
    files, skipped = find_files([tmp_path / "in"], leave_out=tmp_path / "index")
    assert [file.source for file in files] == ["all.zip/a.md", "all.zip/sub/b.md", "c.md"]
    assert [file.source for file in skipped] == ["all.zip/README.md"]
    assert [read_episode(file).turns[0].text for file in files] == ["What changed?"] * 3
    assert found(tmp_path / "in" / "all.zip") == {"all.zip/a.md": None, "all.zip/sub/b.md": None}


def test_a_large_member_is_read_whole(tmp_path: Path) -> None:
    [file], _ = find_files([packed(tmp_path / "all.zip", {"a.md": NOISE})], leave_out=tmp_path / "index")
    assert file.read() == NOISE


def test_an_archive_is_known_by_its_content_and_a_word_document_is_none(tmp_path: Path) -> None:
    assert is_archive(packed(tmp_path / "talks.backup", {"a.md": TALK}))
    assert not is_archive(packed(tmp_path / "word.zip", {"[Content_Types].xml": "x", "word/document.xml": "x"}))
    assert not is_archive(write(tmp_path / "a.zip", TALK))


def test_sidecars_inside_the_archive_go_with_their_transcripts(tmp_path: Path) -> None:
    archive = packed(tmp_path / "all.zip", {"sub/a.md": TALK, "sub/a.meta.yaml": "show: Deep Tide"})
    [file], [skipped] = find_files([archive], leave_out=tmp_path / "index")
    assert read_episode(file).show == "Deep Tide"
    assert (skipped.source, skipped.reason) == ("all.zip/sub/a.meta.yaml", "metadata beside a transcript")


def test_a_path_that_leads_out_leads_nowhere(tmp_path: Path) -> None:
    archive = packed(tmp_path / "in" / "all.zip", {"../../evil.md": TALK, "/etc/b.md": TALK, "..\\c.md": TALK})
    assert list(found(archive)) == ["all.zip/c.md", "all.zip/etc/b.md", "all.zip/evil.md"]
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["all.zip", "in"]


def test_hidden_members_and_those_of_macs_are_left_out(tmp_path: Path) -> None:
    names = {".DS_Store": "x", "__MACOSX/._a.md": "x", "a/.b.md": "x", "a.md": TALK}
    assert found(packed(tmp_path / "all.zip", names)) == {"all.zip/a.md": None}


def test_what_is_large_or_packed_too_well_or_an_archive_is_refused_and_the_rest_is_read(tmp_path: Path) -> None:
    inner = packed(tmp_path / "inner.zip", {"a.md": TALK}).read_bytes()
    members: dict[str, str | bytes] = {"a.md": TALK, "b.md": b"0" * 900_000, "c.txt": NOISE, "d.doc": inner}
    archive = packed(tmp_path / "in" / "all.zip", members)
    with zipfile.ZipFile(archive, "a", zipfile.ZIP_BZIP2) as more:
        more.writestr("e.md", TALK)
    assert found(archive, Limits(max_file_mb=1)) == {
        "all.zip/a.md": None,
        "all.zip/b.md": "it unpacks to more than 200 times its size, as bombs do. Unpack it yourself, if you trust it.",
        "all.zip/c.txt": "it holds 1.1 MB, more than 1. Raise --max-file-mb (ONRECORD_MAX_FILE_MB), or split the file.",
        "all.zip/d.doc": "an archive inside an archive. Unpack it, and index it beside the other.",
        "all.zip/e.md": "it is packed by a rare method. Make the archive again, as a usual zip.",
    }


def test_what_is_encrypted_or_a_link_or_named_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "all.zip"
    link = zipfile.ZipInfo("link.md")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(path, "w") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr("a.md", TALK)
        archive.writestr(link, "/etc/passwd")
        archive.writestr("secret.md", TALK)
        archive.writestr("a.md", TALK)
    data = bytearray(path.read_bytes())
    entry = data.rindex(b"PK\x01\x02", 0, data.rindex(b"secret.md"))
    data[entry + 8] |= 1
    path.write_bytes(data)
    assert found(path) == {
        "all.zip/a (again).md": "two files of the archive have this name. Rename one of them.",
        "all.zip/a.md": None,
        "all.zip/link.md": "it is a link. Put the file itself into the archive.",
        "all.zip/secret.md": "it is encrypted. Make the archive again without a password.",
    }


def test_an_archive_that_is_too_large_broken_or_empty_is_refused_as_a_whole(tmp_path: Path) -> None:
    many = packed(tmp_path / "many.zip", {"a.md": TALK, "b.md": TALK})
    assert found(many, Limits(max_zip_files=1)) == {
        "many.zip": "it holds 2 files, more than 1. "
        "Raise --max-zip-files (ONRECORD_MAX_ZIP_FILES), or make several archives."
    }
    large = packed(tmp_path / "large.zip", {"a.md": NOISE, "b.md": NOISE})
    assert found(large, Limits(max_zip_mb=2)) == {
        "large.zip": "it unpacks to 2.3 MB, more than 2. "
        "Raise --max-zip-mb (ONRECORD_MAX_ZIP_MB), or make several archives."
    }
    (tmp_path / "broken.zip").write_bytes(many.read_bytes()[:60])
    assert found(tmp_path / "broken.zip") == {
        "broken.zip": "a broken zip archive, or a broken document that is one inside, as .docx is. "
        "Make the archive again, or save the document again."
    }
    assert found(packed(tmp_path / "empty.zip", {})) == {"empty.zip": "an empty archive. Remove it."}


def test_a_member_whose_bytes_are_not_those_that_were_packed_is_refused(tmp_path: Path) -> None:
    path = packed(tmp_path / "all.zip", {"a.md": TALK}, method=zipfile.ZIP_STORED)
    path.write_bytes(path.read_bytes().replace(b"Nothing did.", b"Nothing DID."))
    [file], _ = find_files([path], leave_out=tmp_path / "index")
    with pytest.raises(TranscriptError, match=r"^the archive is broken here\. Make the archive again\.$"):
        file.read()


def test_a_member_that_states_a_smaller_size_than_it_has_is_refused(tmp_path: Path) -> None:
    path = packed(tmp_path / "all.zip", {"a.md": TALK + "x" * 90_000})
    data = bytearray(path.read_bytes())
    entry = data.rindex(b"PK\x01\x02")
    data[entry + 24 : entry + 28] = struct.pack("<I", 50)
    path.write_bytes(data)
    [file], _ = find_files([path], leave_out=tmp_path / "index")
    with pytest.raises(TranscriptError, match=r"^the archive is broken here\."):
        file.read()


def test_a_file_larger_than_the_limit_is_listed_as_failed_and_the_others_are_indexed(tmp_path: Path) -> None:
    write(tmp_path / "in" / "a.md", TALK)
    write(tmp_path / "in" / "b.md", TALK * 20_000)
    assert found(tmp_path / "in", Limits(max_file_mb=1)) == {
        "a.md": None,
        "b.md": "it holds 1.7 MB, more than 1. Raise --max-file-mb (ONRECORD_MAX_FILE_MB), or split the file.",
    }


def test_one_file_is_the_only_one_of_its_archive(tmp_path: Path) -> None:
    one = packed(tmp_path / "one.zip", {"a.md": TALK})
    assert read_episode(one_file(one)).source == "one.zip/a.md"
    two = packed(tmp_path / "two.zip", {"a.md": TALK, "b.md": TALK})
    with pytest.raises(ArchiveError) as error:
        one_file(two)
    assert str(error.value) == f"{two}: an archive of 2 files. Index it, or unpack the one that is meant."


def test_an_archive_that_changes_is_indexed_again_and_one_that_does_not_is_not(tmp_path: Path) -> None:
    inner = packed(tmp_path / "x.zip", {"a": "b"}).read_bytes()
    archive = packed(tmp_path / "in" / "all.zip", {"a.md": interview("tides"), "inner.zip": inner})
    first = index(tmp_path / "in", tmp_path / "index")
    assert first.report["files_failed"] == [
        {
            "source": "all.zip/inner.zip",
            "line": None,
            "reason": "an archive inside an archive.",
            "remedy": "Unpack it, and index it beside the other.",
        }
    ]
    assert first.report["episodes"] == 1
    assert not index(tmp_path / "in", tmp_path / "index").changed
    packed(archive, {"a.md": interview("storms")})
    assert index(tmp_path / "in", tmp_path / "index").changed
