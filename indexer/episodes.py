"""A parsed transcript to an episode: labels become people, utterances become turns, doubts become flags."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from pathlib import PurePosixPath

from indexer.errors import TranscriptError
from indexer.speakers import resolve_speakers
from indexer.types import (
    PARAGRAPH_SEPARATOR,
    Dropped,
    Episode,
    Speaker,
    TimeMark,
    Transcript,
    Turn,
    Utterance,
)

_FLAGS = {
    "inaudible": re.compile(r"[\[(](?:inaudible|unintelligible|indiscernible)\b[^\])]{0,40}[\])]", re.IGNORECASE),
    "crosstalk": re.compile(r"[\[(](?:crosstalk|cross talk|overlapping)\b[^\])]{0,40}[\])]", re.IGNORECASE),
}


def understand(transcript: Transcript, *, source: str, format_name: str) -> Episode:
    """The episode that a transcript tells.

    Args:
        source: the file's path below the indexed folder, with forward slashes. The id derives from it.

    Raises:
        TranscriptError: nobody says anything.
    """
    spoken = [utterance for utterance in transcript.utterances if utterance.text.strip()]
    if not spoken:
        raise TranscriptError("no words were found.", remedy="Check that the file holds the transcript's text.")
    empty = tuple(
        Dropped("no words", utterance.line, "") for utterance in transcript.utterances if not utterance.text.strip()
    )
    people = resolve_speakers(replace(transcript, utterances=tuple(spoken)))
    return Episode(
        id=episode_id(source),
        source=source,
        format=format_name,
        title=transcript.title or PurePosixPath(source).stem,
        show=transcript.show,
        date=transcript.date,
        url=transcript.url,
        language=transcript.language,
        speakers=_distinct(people),
        turns=tuple(_turns(spoken, people)),
        dropped=(*transcript.dropped, *empty),
    )


def episode_id(source: str) -> str:
    """A readable id that is the file's alone: two files of one stem get two ids.

    >>> episode_id("2024/Ana Ruiz.md"), episode_id("2023/Ana Ruiz.md")
    ('ana-ruiz-7a9417', 'ana-ruiz-4a06db')
    """
    stem = re.sub(r"[^a-z0-9]+", "-", PurePosixPath(source).stem.casefold()).strip("-")[:60]
    return f"{stem or 'episode'}-{hashlib.sha256(source.encode()).hexdigest()[:6]}"


def flags_of(text: str) -> tuple[str, ...]:
    """The transcriber's doubts that stand in a text."""
    return tuple(name for name, pattern in _FLAGS.items() if pattern.search(text))


def _distinct(people: dict[str, Speaker]) -> tuple[Speaker, ...]:
    return tuple(dict.fromkeys(people.values()))


def _turns(spoken: list[Utterance], people: dict[str, Speaker]) -> list[Turn]:
    turns: list[Turn] = []
    for utterance in spoken:
        speaker = people[utterance.label].name if utterance.label else None
        last = turns[-1] if turns else None
        if last and (last.speaker, last.section) == (speaker, utterance.section):
            turns[-1] = _extend(last, utterance)
        else:
            turns.append(Turn(speaker, utterance.text, utterance.section, marks=utterance.marks, end_s=utterance.end_s))
    return [replace(turn, flags=flags_of(turn.text)) for turn in turns]


def _extend(turn: Turn, utterance: Utterance) -> Turn:
    separator = PARAGRAPH_SEPARATOR if utterance.starts_paragraph else " "
    shift = len(turn.text) + len(separator)
    return replace(
        turn,
        text=f"{turn.text}{separator}{utterance.text}",
        marks=(*turn.marks, *(TimeMark(mark.char + shift, mark.seconds) for mark in utterance.marks)),
        end_s=utterance.end_s if utterance.end_s is not None else turn.end_s,
    )
