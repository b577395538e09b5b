"""What an indexing run read, left out and made, in numbers that add up."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any

from indexer.files import SkippedFile
from indexer.types import Episode, Passage, TimeSource


@dataclass(frozen=True, slots=True)
class FailedFile:
    """A file that could not be read as a transcript."""

    source: str
    line: int | None
    reason: str
    remedy: str


@dataclass(slots=True)
class Report:
    """Counts of one run. `words` are those of the canonical texts; `words_indexed` those in passages."""

    skipped: list[SkippedFile] = field(default_factory=list)
    failed: list[FailedFile] = field(default_factory=list)
    formats: Counter[str] = field(default_factory=Counter)
    dropped_words: Counter[str] = field(default_factory=Counter)
    times: Counter[str] = field(default_factory=Counter)
    speakers: set[str] = field(default_factory=set)
    files: int = 0
    episodes: int = 0
    turns: int = 0
    turns_unnamed: int = 0
    words: int = 0
    words_indexed: int = 0
    words_too_short: int = 0
    passages: int = 0
    sentences: int = 0
    vectors_reused: int = 0
    vectors_made: int = 0
    longest_passage_tokens: int = 0
    window_tokens: int = 0
    truncated_tokens: int = 0

    def count(self, episode: Episode, passages: list[Passage]) -> None:
        """Adds one episode."""
        words = len(episode.text.split())
        indexed = sum(len(passage.text.split()) for passage in passages)
        self.episodes += 1
        self.formats[episode.format] += 1
        self.turns += len(episode.turns)
        self.turns_unnamed += sum(turn.speaker is None for turn in episode.turns)
        self.speakers |= {speaker.name for speaker in episode.speakers}
        self.words += words
        self.words_indexed += indexed
        self.words_too_short += words - indexed
        self.passages += len(passages)
        self.sentences += sum(len(passage.sentences) for passage in passages)
        self.times.update({str(source): sum(p.time is source for p in passages) for source in TimeSource})
        for dropped in episode.dropped:
            self.dropped_words[dropped.reason] += len(dropped.text.split())

    def to_json(self) -> dict[str, Any]:
        content = {
            name: getattr(self, name)
            for name in self.__slots__  # the order of declaration is the order of reading
            if name not in ("skipped", "failed", "speakers")
        }
        return {
            "files_read": self.files,
            "files_skipped": [asdict(entry) for entry in self.skipped],
            "files_failed": [asdict(entry) for entry in self.failed],
            "speakers": len(self.speakers),
            **{name: dict(value) if isinstance(value, Counter) else value for name, value in content.items()},
        }
