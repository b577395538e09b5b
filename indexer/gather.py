"""Files to the catalog's episodes: each is read once, then what takes the whole archive to know is concluded.

One episode is in memory at a time, beside a few numbers for each.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import PurePosixPath

from indexer.archives import DEFAULT_LIMITS, Limits
from indexer.blocks import Moved
from indexer.catalog_writer import CatalogWriter
from indexer.duplicates import find_duplicates, sketch
from indexer.episodes import understand
from indexer.errors import TranscriptError
from indexer.files import SourceFile, digest_of
from indexer.metadata import apply_file_name, apply_lists, apply_sidecar
from indexer.origins import Counts, KeptEpisode, Origin, same_voices
from indexer.parsers import parse_transcript
from indexer.people import Appearance, join_people
from indexer.progress import Progress
from indexer.report import FailedFile, Report, read_counts
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


class Fate(StrEnum):
    """What becomes of an episode's passages: taken over, cut anew, removed, or there are none as there were none."""

    TAKE = "take"
    CUT = "cut"
    REMOVE = "remove"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Gathered:
    """The episodes in the catalog, by number. `runs`: those that were taken over, with their voices.

    `cut_before`: what the report says of the passages of those that had some. `changed`: the sources of files that
    changed while they were read, which the next run is to read again.
    """

    fates: list[Fate]
    runs: list[tuple[Moved, Moved]]
    cut_before: dict[int, Counts]
    changed: list[str]


def gather_episodes(
    files: Sequence[SourceFile],
    digests: Mapping[str, str],
    kept: Sequence[KeptEpisode],
    catalog: CatalogWriter,
    stated: Mapping[str, Person],
    report: Report,
    progress: Progress,
    *,
    force_format: str | None,
    limits: Limits = DEFAULT_LIMITS,
) -> Gathered:
    """Puts every readable file into the catalog. Doubles of another episode are in it, and not to be searched.

    Args:
        digests: of each file with all that its episode is made from, by source.
        kept: episodes of an earlier generation; where nothing that one is made from changed, its file is not read.
        stated: the user's own list of people, see `indexer.people`.
    """
    known = {(entry.origin.source, entry.origin.digest): entry for entry in kept}
    origins: list[Origin] = []
    before: dict[int, KeptEpisode] = {}
    changed: list[str] = []
    taken = _Taking(catalog)
    for done, file in enumerate(files):
        progress("Reading transcripts", done, len(files))
        report.files += 1
        number = len(origins)
        if entry := known.get((file.source, digests[file.source])):
            before[number] = entry
            taken.add(entry.number, number)
            origins.append(entry.origin)
        else:
            try:
                episode = read_episode(file, force=force_format, limits=limits)
            except TranscriptError as error:
                report.failed.append(FailedFile(file.source, error.line, error.reason, error.remedy))
                if _has_changed(file, digests):
                    changed.append(file.source)
                continue
            taken.flush()
            if _has_changed(file, digests):
                changed.append(file.source)
            origins.append(_origin(episode, "" if file.source in changed[-1:] else digests[file.source]))
            catalog.add_episode(number, episode)
            catalog.add_origin(number, origins[-1])
        report.add(origins[-1].counts)
    taken.flush()
    progress("Reading transcripts", len(files), len(files))
    speakers = _joined(origins, stated)
    for number, joined in enumerate(speakers):
        report.count_speakers(joined)
        if number not in before or joined != before[number].speakers:
            catalog.set_speakers(number, joined)
    report.note_changed(changed)
    doubles = find_duplicates([origin.sketch for origin in origins])
    for source, other in sorted(doubles.items()):
        catalog.set_duplicate(source, other)
        report.duplicates[source] = other
    fates = [
        _fate(before.get(number), joined, is_double=origin.source in doubles)
        for number, (origin, joined) in enumerate(zip(origins, speakers, strict=True))
    ]
    for number in before:
        if fates[number] is Fate.REMOVE:
            catalog.set_cut(number, None)
            catalog.set_turn_kinds(number, {})
    return Gathered(fates, taken.runs, {number: entry.cut for number, entry in before.items() if entry.cut}, changed)


def _fate(before: KeptEpisode | None, speakers: tuple[Speaker, ...], *, is_double: bool) -> Fate:
    had_passages = before is not None and before.cut is not None
    if is_double:
        return Fate.REMOVE if had_passages else Fate.NONE
    as_before = before is not None and had_passages and same_voices(before.speakers, speakers)
    return Fate.TAKE if as_before else Fate.CUT


class _Taking:
    """Gathers episodes that follow each other in both generations, to take them over together."""

    def __init__(self, catalog: CatalogWriter) -> None:
        self.runs: list[tuple[Moved, Moved]] = []
        self._catalog = catalog
        self._run: Moved | None = None

    def add(self, old: int, new: int) -> None:
        run = self._run
        if run and (run.old + run.count, run.new + run.count) == (old, new):
            self._run = replace(run, count=run.count + 1)
            return
        self.flush()
        self._run = Moved(old, new, 1)

    def flush(self) -> None:
        """Takes over what was gathered."""
        if self._run:
            self.runs.append(self._catalog.take_episodes(self._run.old, self._run.new, self._run.count))
        self._run = None


def _has_changed(file: SourceFile, digests: Mapping[str, str]) -> bool:
    """Whether a file is another one than when the run began, so that what was read may be of either, or of both."""
    return digests[file.source] != digest_of(file.inputs())


def _origin(episode: Episode, digest: str) -> Origin:
    return Origin(
        source=episode.source,
        digest=digest,
        show=episode.show or str(PurePosixPath(episode.source).parent),
        speakers=episode.speakers,
        sketch=sketch(episode),
        counts=read_counts(episode),
    )


def _joined(origins: Sequence[Origin], stated: Mapping[str, Person]) -> list[tuple[Speaker, ...]]:
    """The speakers of each episode under the names and in the roles that they have in the archive."""
    appearances = [
        Appearance(number, origin.show, speaker) for number, origin in enumerate(origins) for speaker in origin.speakers
    ]
    speakers: dict[int, list[Speaker]] = defaultdict(list)
    for appearance, speaker in zip(appearances, join_people(appearances, stated), strict=True):
        speakers[appearance.episode].append(speaker)
    return [tuple(speakers[number]) for number in range(len(origins))]
