from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from indexer.errors import ArchiveError
from indexer.files import SkippedFile, find_files
from tests.indexer.making import write


def found(*paths: Path, out: Path | None = None) -> list[str]:
    return [file.source for file in find_files(paths, leave_out=out or Path("nowhere"))[0]]


def refusal(*paths: Path) -> str:
    with pytest.raises(ArchiveError) as error:
        find_files(paths, leave_out=Path("nowhere"))
    return str(error.value)


def test_sources_are_paths_below_the_folder_in_order(tmp_path: Path) -> None:
    for name in ("b.md", "a/transcript.md", "a/b/c.vtt", "B.srt"):
        write(tmp_path / name, "x")
    assert found(tmp_path) == ["B.srt", "a/b/c.vtt", "a/transcript.md", "b.md"]
    assert found(tmp_path / "a" / "transcript.md") == ["transcript.md"]


def test_a_sidecar_goes_with_its_transcript(tmp_path: Path) -> None:
    beside = write(tmp_path / "talk.meta.yaml", "title: x")
    write(tmp_path / "talk.srt", "x")
    write(tmp_path / "other.srt", "x")
    files, skipped = find_files([tmp_path], leave_out=tmp_path / "index")
    assert {file.source: file.sidecar for file in files} == {"talk.srt": beside, "other.srt": None}
    assert skipped == [SkippedFile("talk.meta.yaml", "metadata beside a transcript")]


def test_metadata_that_no_transcript_takes_is_told_from_that_which_one_takes(tmp_path: Path) -> None:
    for name in ("talk.srt", "talk.meta.yaml", "talk.meta.json", "tlak.meta.yaml"):
        write(tmp_path / name, "x")
    _, skipped = find_files([tmp_path], leave_out=tmp_path / "index")
    reasons = {file.source: file.reason for file in skipped}
    assert reasons["talk.meta.yaml"] == "metadata beside a transcript"
    assert reasons["talk.meta.json"] == reasons["tlak.meta.yaml"] != reasons["talk.meta.yaml"]


def test_what_is_not_meant_as_a_transcript_is_named_with_the_reason(tmp_path: Path) -> None:
    question = json.dumps({"query": "why?", "anchors": ["because"]})
    for name, text in {"README.md": "x", "LICENSE": "x", "q.jsonl": question, "talk.jsonl": "{}", "a.md": "x"}.items():
        write(tmp_path / name, text)
    files, skipped = find_files([tmp_path], leave_out=tmp_path / "index")
    assert [file.source for file in files] == ["a.md", "talk.jsonl"]
    assert skipped == [
        SkippedFile("LICENSE", "about the folder, not a transcript"),
        SkippedFile("README.md", "about the folder, not a transcript"),
        SkippedFile("q.jsonl", "questions for `onrecord eval`"),
    ]


def test_hidden_files_and_the_index_itself_are_not_read(tmp_path: Path) -> None:
    for name in ("a.md", ".git/config", ".hidden.md", "index/CURRENT", "index/generations/1/manifest.json"):
        write(tmp_path / name, "x")
    assert found(tmp_path, out=tmp_path / "index") == ["a.md"]


def test_a_name_that_is_no_utf8_is_skipped_and_named(tmp_path: Path) -> None:
    write(tmp_path / "a.md", "x")
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.md")).write_text("x", encoding="utf-8")
    files, skipped = find_files([tmp_path], leave_out=tmp_path / "index")
    assert [file.source for file in files] == ["a.md"]
    assert skipped == [SkippedFile("caf\ufffd.md", "its name is not UTF-8; rename it")]


def test_a_path_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path / "gone") == f"{tmp_path / 'gone'}: no such file or folder."


def test_an_empty_folder_is_refused_with_the_remedy(tmp_path: Path) -> None:
    assert refusal(tmp_path) == f"{tmp_path}: no files to index. Put transcripts there, or give another path."


def test_two_files_of_one_source_are_refused_naming_both(tmp_path: Path) -> None:
    one, two = write(tmp_path / "one/talk.md", "x"), write(tmp_path / "two/talk.md", "y")
    assert refusal(tmp_path / "one", tmp_path / "two") == (
        f"{two} and {one} are both called talk.md below their folders. "
        "Index the folder that holds both, so that their names differ."
    )
    assert found(tmp_path) == ["one/talk.md", "two/talk.md"]
