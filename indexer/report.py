"""What an indexing run read, left out and made, in numbers that add up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from indexer.files import SkippedFile
from indexer.types import Episode, Kind, Passage, Speaker


@dataclass(frozen=True, slots=True)
class FailedFile:
    """A file that could not be read as a transcript."""

    source: str
    line: int | None
    reason: str
    remedy: str


@dataclass(slots=True)
class Report:
    """Counts of one run.

    Every word of the canonical texts is in one of `words_indexed` (passages that are content), `words_of_kind`
    (passages that are not), `words_too_short` (turns too short for a passage) and `words_duplicate` (doubles).
    """

    skipped: list[SkippedFile] = field(default_factory=list)
    failed: list[FailedFile] = field(default_factory=list)
    duplicates: dict[str, str] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)
    formats: Counter[str] = field(default_factory=Counter)
    dropped_words: Counter[str] = field(default_factory=Counter)
    words_of_kind: Counter[str] = field(default_factory=Counter)
    times: Counter[str] = field(default_factory=Counter)
    flags: Counter[str] = field(default_factory=Counter)
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
    questions: int = 0
    vectors_reused: int = 0
    vectors_made: int = 0
    longest_passage_tokens: int = 0
    window_tokens: int = 0
    truncated_tokens: int = 0
    words_searched: int = 0
    engine: dict[str, Any] = field(default_factory=dict)

    def count_episode(self, episode: Episode) -> None:
        """Adds an episode as it was read."""
        self.episodes += 1
        if episode.notes:
            self.notes[episode.source] = "; ".join(episode.notes)
        self.formats[episode.format] += 1
        self.turns += len(episode.turns)
        self.turns_unnamed += sum(turn.speaker is None for turn in episode.turns)
        self.words += len(episode.text.split())
        self.flags.update(flag for turn in episode.turns for flag in turn.flags)
        for dropped in episode.dropped:
            self.dropped_words[dropped.reason] += len(dropped.text.split())

    def count_speakers(self, speakers: Sequence[Speaker]) -> None:
        """Adds the speakers of an episode, under the names that they have in the archive."""
        self.speakers |= {speaker.name for speaker in speakers if not speaker.anonymous}

    def count_passages(self, episode: Episode, passages: Sequence[Passage]) -> None:
        """Adds the passages of an episode."""
        total = len(episode.text.split())
        for passage in passages:
            words = len(passage.text.split())
            if passage.kind is Kind.CONTENT:
                self.words_indexed += words
            else:
                self.words_of_kind[passage.kind] += words
            total -= words
            self.times[passage.time] += 1
            self.sentences += len(passage.sentences)
        self.words_searched += len(episode.text.split())
        self.words_too_short += total
        self.passages += len(passages)

    def count_tokens(self, lengths: Sequence[int]) -> None:
        """Adds the token counts of embedded passages, prompts and special tokens included."""
        self.longest_passage_tokens = max(self.longest_passage_tokens, *lengths)
        self.truncated_tokens += sum(max(0, length - self.window_tokens) for length in lengths)

    def to_json(self) -> dict[str, Any]:
        hidden = ("skipped", "failed", "speakers", "words_searched")
        content = {name: getattr(self, name) for name in self.__slots__ if name not in hidden}
        return {
            "files_skipped": [asdict(entry) for entry in self.skipped],
            "files_failed": [asdict(entry) for entry in self.failed],
            "speakers": len(self.speakers),
            **{name: dict(value) if isinstance(value, Counter) else value for name, value in content.items()},
            "words_duplicate": self.words - self.words_searched,
        }
