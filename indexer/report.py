"""What an indexing run read, left out and made, in numbers that add up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from indexer.files import SkippedFile
from indexer.origins import Counts
from indexer.retired import RetiredCounts
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
    ids_retired: int = 0
    ids_forgotten: int = 0
    forgets: bool = False
    engine: dict[str, Any] = field(default_factory=dict)

    def add(self, counts: Counts) -> None:
        """Adds what `read_counts` or `cut_counts` say of an episode."""
        for name, value in counts.items():
            if name == "longest_passage_tokens":
                self.longest_passage_tokens = max(self.longest_passage_tokens, value)
            elif isinstance(value, dict):
                getattr(self, name).update(value)
            else:
                setattr(self, name, getattr(self, name) + value)

    def count_speakers(self, speakers: Sequence[Speaker]) -> None:
        """Adds the speakers of an episode, under the names that they have in the archive."""
        self.speakers |= {speaker.name for speaker in speakers if not speaker.anonymous}

    def count_retired(self, counts: RetiredCounts) -> None:
        """Adds what is remembered of earlier generations."""
        self.ids_retired, self.ids_forgotten = counts.ids, counts.forgotten
        for generation in counts.unread:
            self.note_unread(generation)

    def note_changed(self, sources: Sequence[str]) -> None:
        """Says of files that they changed while they were read."""
        for source in sources:
            before = f"{self.notes[source]}; " if source in self.notes else ""
            self.notes[source] = f"{before}it changed while it was read; the next run reads it again"

    def note_unread(self, generation: str) -> None:
        """Says that the ids of an earlier generation are lost."""
        self.notes[generation] = "this earlier generation cannot be read; the ids of its passages are not remembered"

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


def read_counts(episode: Episode) -> Counts:
    """What a report counts of an episode as it was read."""
    dropped: Counter[str] = Counter()
    for entry in episode.dropped:
        dropped[entry.reason] += len(entry.text.split())
    return {
        "episodes": 1,
        "notes": {episode.source: "; ".join(episode.notes)} if episode.notes else {},
        "formats": {episode.format: 1},
        "turns": len(episode.turns),
        "turns_unnamed": sum(turn.speaker is None for turn in episode.turns),
        "words": len(episode.text.split()),
        "flags": dict(Counter(flag for turn in episode.turns for flag in turn.flags)),
        "dropped_words": dict(dropped),
    }


def cut_counts(episode: Episode, passages: Sequence[Passage], lengths: Sequence[int], window: int) -> Counts:
    """What a report counts of an episode's passages.

    Args:
        lengths: the tokens of each as it is embedded, prompts and special tokens included.
        window: how many tokens the model reads.
    """
    words: Counter[str] = Counter()
    for passage in passages:
        words[passage.kind] += len(passage.text.split())
    total = len(episode.text.split())
    return {
        "words_indexed": words[Kind.CONTENT],
        "words_of_kind": {str(kind): count for kind, count in words.items() if kind is not Kind.CONTENT},
        "words_too_short": total - words.total(),
        "words_searched": total,
        "times": {str(time): count for time, count in Counter(passage.time for passage in passages).items()},
        "passages": len(passages),
        "sentences": sum(len(passage.sentences) for passage in passages),
        "longest_passage_tokens": max(lengths, default=0),
        "truncated_tokens": sum(max(0, length - window) for length in lengths),
    }
