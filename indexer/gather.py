"""Files to the catalog's episodes: each is read once, then what takes the whole archive to know is concluded.

One episode is in memory at a time, beside a few numbers for each.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath

from indexer.archives import DEFAULT_LIMITS, Limits
from indexer.catalog import CatalogWriter
from indexer.duplicates import Sketch, find_duplicates, sketch
from indexer.episodes import understand
from indexer.errors import TranscriptError
from indexer.files import SourceFile
from indexer.metadata import apply_file_name, apply_lists, apply_sidecar
from indexer.parsers import parse_transcript
from indexer.people import Appearance, join_people
from indexer.progress import Progress
from indexer.report import FailedFile, Report
from indexer.types import Episode, Person, Speaker


def read_episode(file: SourceFile, *, force: str | None = None, limits: Limits = DEFAULT_LIMITS) -> Episode:
    """One file as an episode, on its own evidence.

    Args:
        force: the format to take it for, whatever it looks like.

    Raises:
        TranscriptError: it cannot be read as a transcript.
    """
    format_name, transcript = parse_transcript(file.read(), force=force, limits=limits)
    if file.sidecar:
        transcript = apply_sidecar(file.sidecar, transcript)
    transcript = apply_lists(file.stated, file.shows, transcript)
    transcript = apply_file_name(file.source, transcript)
    return understand(transcript, source=file.source, format_name=format_name)


def gather_episodes(
    files: Sequence[SourceFile],
    catalog: CatalogWriter,
    stated: Mapping[str, Person],
    report: Report,
    progress: Progress,
    *,
    force_format: str | None,
    limits: Limits = DEFAULT_LIMITS,
) -> list[int]:
    """Puts every readable file into the catalog, and returns the numbers of the episodes that are to be searched.

    Doubles of another episode are in the catalog and not among them.

    Args:
        stated: the user's own list of people, see `indexer.people`.
    """
    appearances: list[Appearance] = []
    sketches: list[Sketch] = []
    for number, episode in enumerate(_readable(files, report, progress, force_format, limits)):
        catalog.add_episode(number, episode)
        report.count_episode(episode)
        show = episode.show or str(PurePosixPath(episode.source).parent)
        appearances += (Appearance(number, show, speaker) for speaker in episode.speakers)
        sketches.append(sketch(episode))
    _set_speakers(appearances, stated, catalog, report)
    doubles = find_duplicates(sketches)
    for source, kept in sorted(doubles.items()):
        catalog.set_duplicate(source, kept)
        report.duplicates[source] = kept
    return [number for number, entry in enumerate(sketches) if entry.source not in doubles]


def _readable(
    files: Sequence[SourceFile], report: Report, progress: Progress, force_format: str | None, limits: Limits
) -> Iterator[Episode]:
    for done, file in enumerate(files):
        progress("Reading transcripts", done, len(files))
        report.files += 1
        try:
            yield read_episode(file, force=force_format, limits=limits)
        except TranscriptError as error:
            report.failed.append(FailedFile(file.source, error.line, error.reason, error.remedy))
    progress("Reading transcripts", len(files), len(files))


def _set_speakers(
    appearances: Sequence[Appearance], stated: Mapping[str, Person], catalog: CatalogWriter, report: Report
) -> None:
    speakers: dict[int, list[Speaker]] = defaultdict(list)
    for appearance, speaker in zip(appearances, join_people(appearances, stated), strict=True):
        speakers[appearance.episode].append(speaker)
    for number, joined in speakers.items():
        catalog.set_speakers(number, joined)
        report.count_speakers(joined)
