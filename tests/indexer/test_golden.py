"""Real-shaped files beside what must be understood of them; every expected file was checked by hand.

After a change that is meant: `onrecord parse FILE --json > FILE-WITHOUT-SUFFIX.expected.json`, and read the diff.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from indexer.files import SourceFile
from indexer.gather import read_episode
from indexer.metadata import SIDECAR_SUFFIXES, sidecar_of
from indexer.parsers import FORMATS
from indexer.segments import with_kinds
from service.episode_view import episode_json

DATA = Path(__file__).parents[1] / "data"
EXPECTED = ".expected.json"
WRITTEN_BY_PEOPLE = {"markdown", "page-sections", "page-times", "podcast-json", "srt", "webvtt"}


def transcript_of(expected: Path) -> Path:
    """The one file beside an expected JSON that it tells about."""
    stem = expected.name.removesuffix(EXPECTED)
    (found,) = (
        path
        for path in expected.parent.iterdir()
        if path.stem == stem and not path.name.endswith((EXPECTED, *SIDECAR_SUFFIXES))
    )
    return found


PAIRS = [transcript_of(expected) for expected in sorted(DATA.glob(f"*/*{EXPECTED}"))]


@pytest.mark.parametrize("path", PAIRS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_file_is_understood_as_its_expected_json_says(path: Path) -> None:
    episode = with_kinds(read_episode(SourceFile(path, path.name, sidecar_of(path))))
    expected = json.loads(path.with_name(path.stem + EXPECTED).read_text(encoding="utf-8"))
    assert json.loads(json.dumps(episode_json(episode))) == expected


@pytest.mark.parametrize("path", PAIRS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_file_is_read_as_the_format_it_is_in_whatever_its_suffix(path: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.bin"
    copy.write_bytes(path.read_bytes())
    assert read_episode(SourceFile(copy, copy.name, None)).format == path.parent.name


def test_every_format_that_people_write_has_a_golden_pair() -> None:
    assert WRITTEN_BY_PEOPLE <= {path.parent.name for path in PAIRS} <= {row.name for row in FORMATS}


def test_windows_line_ends_and_a_byte_order_mark_change_nothing(tmp_path: Path) -> None:
    for path in (path for path in PAIRS if path.parent.name in WRITTEN_BY_PEOPLE):
        copy = tmp_path / path.name
        copy.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
        read = [read_episode(SourceFile(file, path.name, sidecar_of(path))) for file in (path, copy)]
        assert read[0] == read[1], path.name
