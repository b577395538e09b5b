"""The vocabulary: what a transcript, an episode and a passage are. Nothing here does any work.

Offsets count Unicode code points. Times are seconds from the start of the recording.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

TURN_SEPARATOR = "\n\n"
PARAGRAPH_SEPARATOR = "\n"
SHOWN_AGAIN = "shown again"


class Role(StrEnum):
    HOST = "host"
    GUEST = "guest"
    UNKNOWN = "unknown"


class Kind(StrEnum):
    """What a stretch of an episode is for."""

    CONTENT = "content"
    TEASER = "teaser"
    SPONSOR = "sponsor"
    INTRO = "intro"
    OUTRO = "outro"


class TimeSource(StrEnum):
    """Whether a time was read (`exact`), lies between two that were (`interpolated`), or is not known."""

    EXACT = "exact"
    INTERPOLATED = "interpolated"
    ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody whom metadata, page furniture or a label names; `role` and `aliases` only where they are stated."""

    name: str
    role: Role | None = None
    description: str | None = None
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TimeMark:
    """The words from code point `char` on are spoken from `seconds` on."""

    char: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Utterance:
    """What a parser reads: a stretch of speech under one label as it is spelled in the file.

    `label` is None where the file names nobody. `starts_paragraph` tells a new paragraph from the next
    piece of a sentence that captions cut.
    """

    label: str | None
    text: str
    line: int
    marks: tuple[TimeMark, ...] = ()
    end_s: float | None = None
    section: str | None = None
    starts_paragraph: bool = True


@dataclass(frozen=True, slots=True)
class Dropped:
    """Text of the file that is not speech, and why it is taken for that."""

    reason: str
    line: int
    text: str


@dataclass(frozen=True, slots=True)
class Transcript:
    """One file as its parser reads it, before anything is concluded from it.

    `duration_s` is the recording's length where it is stated; `link_template` opens it at a time, see `indexer.links`.
    """

    utterances: tuple[Utterance, ...]
    title: str | None = None
    show: str | None = None
    date: str | None = None
    url: str | None = None
    language: str | None = None
    people: tuple[Person, ...] = ()
    dropped: tuple[Dropped, ...] = ()
    duration_s: float | None = None
    link_template: str | None = None


@dataclass(frozen=True, slots=True)
class Speaker:
    """A person of one episode. `confidence`, 0 to 1, is how sure the role is, and `evidence` is why.

    `aliases` are the other labels seen, and those that the user's list states. `anonymous`: the transcript numbers the
    person and does not name them.
    """

    name: str
    role: Role
    confidence: float
    aliases: tuple[str, ...] = ()
    description: str | None = None
    evidence: str = ""
    anonymous: bool = False


@dataclass(frozen=True, slots=True)
class Turn:
    """What one speaker says until another speaks or a new section begins. `speaker`: None when not named."""

    speaker: str | None
    text: str
    section: str | None = None
    kind: Kind = Kind.CONTENT
    flags: tuple[str, ...] = ()
    marks: tuple[TimeMark, ...] = ()
    end_s: float | None = None

    @property
    def start_s(self) -> float | None:
        return self.marks[0].seconds if self.marks and self.marks[0].char == 0 else None

    @property
    def is_unnamed_question(self) -> bool:
        """True for what stands under `Q:`, and for what the audience asks."""
        return "question" in self.flags or ("audience" in self.flags and "?" in self.text)


@dataclass(frozen=True, slots=True)
class Episode:
    """One interview. `source` is the file's path below the folder that was indexed; `id` derives from it.

    `notes` are doubts about what is stated of it, for the report.
    """

    id: str
    source: str
    format: str
    title: str
    show: str | None
    date: str | None
    url: str | None
    language: str | None
    speakers: tuple[Speaker, ...]
    turns: tuple[Turn, ...]
    dropped: tuple[Dropped, ...] = ()
    duration_s: float | None = None
    link_template: str | None = None
    notes: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The canonical text: the turns' words alone. Every offset in every answer counts in it."""
        return TURN_SEPARATOR.join(turn.text for turn in self.turns)

    @property
    def turn_offsets(self) -> tuple[int, ...]:
        """Where each turn begins in `text`."""
        offsets, position = [], 0
        for turn in self.turns:
            offsets.append(position)
            position += len(turn.text) + len(TURN_SEPARATOR)
        return tuple(offsets)


@dataclass(frozen=True, slots=True)
class Passage:
    """Consecutive sentences of one turn: `episode.text[char_start:char_end]` is `text`.

    `sentences` are (start, end) in the canonical text. `header` is what is embedded before the text: title,
    section, speaker. `question_turn` is the interviewer's turn that it answers. `said_again_at` is where in the
    canonical text a teaser's words are really said.
    """

    id: str
    turn: int
    char_start: int
    char_end: int
    text: str
    header: str
    sentences: tuple[tuple[int, int], ...]
    speaker: str | None
    section: str | None
    kind: Kind
    flags: tuple[str, ...]
    question_turn: int | None
    start_s: float | None
    end_s: float | None
    time: TimeSource
    said_again_at: int | None = None
