"""What the lists of episodes in a folder state of the transcripts in it and below it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from indexer.archives import Member
from indexer.episodes_csv import EPISODES_FILE, read_episodes_csv
from indexer.errors import TranscriptError
from indexer.feeds import SUFFIXES, is_feed, read_feed
from indexer.listings import assign
from indexer.reading import decode

_BEGINNING = 20_000


@dataclass(frozen=True, slots=True)
class Statements:
    """By the source of a transcript: what is stated of it, and of shows, the most trusted first.

    By the source of a list: what became of it, or why it cannot be read.
    """

    entries: dict[str, list[Mapping[str, Any]]] = field(default_factory=lambda: defaultdict(list))
    shows: dict[str, list[Mapping[str, Any]]] = field(default_factory=lambda: defaultdict(list))
    read: dict[str, str] = field(default_factory=dict)
    broken: dict[str, TranscriptError] = field(default_factory=dict)


def is_list(file: Path | Member) -> bool:
    """Whether a file is a list of episodes: by its name, and a feed by its first element besides."""
    name = file.name.casefold()
    return name == EPISODES_FILE or (name.endswith(SUFFIXES) and is_feed(_beginning(file)))


def read_statements(
    lists: Mapping[str, Path | Member], transcripts: Sequence[str], *, whole_folder: bool
) -> Statements:
    """What the lists state of the transcripts; both are named by their sources.

    An `episodes.csv` is trusted more than a feed, and of two lists the one in the nearer folder.

    Args:
        whole_folder: a file that a list names and that is not among the transcripts is missing.
    """
    found = Statements()
    for source in sorted(lists, key=lambda source: (not _is_csv(source), -source.count("/"), source)):
        try:
            found.read[source] = _apply_list(source, lists[source], transcripts, found, whole_folder=whole_folder)
        except TranscriptError as error:
            found.broken[source] = error
    return found


def _apply_list(
    source: str, file: Path | Member, transcripts: Sequence[str], found: Statements, *, whole_folder: bool
) -> str:
    try:
        text = decode(file.read_bytes())
    except OSError as error:
        raise TranscriptError(f"cannot be read ({error.strerror}).", remedy="Check its permissions.") from error
    listing = read_episodes_csv(text) if _is_csv(source) else read_feed(text)
    folder = PurePosixPath(source).parent
    below = {PurePosixPath(t).relative_to(folder): t for t in transcripts if PurePosixPath(t).is_relative_to(folder)}
    entries, doubts = assign(listing, below)
    for path, entry in entries.items():
        found.entries[below[path]].append(entry.metadata)
    for transcript in below.values():
        found.shows[transcript] += listing.shows
    told = [f"metadata of {len(entries)} transcripts", *(doubts if whole_folder else ())]
    return "; ".join(told)


def _is_csv(source: str) -> bool:
    return PurePosixPath(source).name.casefold() == EPISODES_FILE


def _beginning(file: Path | Member) -> bytes:
    try:
        if isinstance(file, Member):
            return file.beginning(_BEGINNING)
        with file.open("rb") as content:
            return content.read(_BEGINNING)
    except (OSError, TranscriptError):
        return b""
