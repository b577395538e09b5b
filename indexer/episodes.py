"""A parsed transcript to an episode: labels become people, utterances become turns, doubts become flags."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import groupby
from pathlib import PurePosixPath

from indexer.clock import clock
from indexer.errors import TranscriptError
from indexer.speakers import not_a_person, resolve_speakers
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

_CLOSING = re.compile(r"[,.;:!?…%)\]}’”]+")
_ROUNDING_S = 1.0
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
    spoken = _without_dead_clock([said for said in transcript.utterances if said.text.strip()])
    if not spoken:
        raise TranscriptError(
            f"taken for {format_name}: no words were found.",
            remedy="Check that the file holds the transcript's text, or force another format with --format.",
        )
    empty = tuple(
        Dropped("no words", utterance.line, "") for utterance in transcript.utterances if not utterance.text.strip()
    )
    people = resolve_speakers(replace(transcript, utterances=tuple(spoken)))
    doubt = _doubted_duration(transcript)
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
        duration_s=transcript.duration_s,
        link_template=None if doubt else transcript.link_template,
        notes=(doubt,) if doubt else (),
    )


def _without_dead_clock(spoken: list[Utterance]) -> list[Utterance]:
    """Utterances whose times are all zero have no times: a tool wrote its default."""
    times = [mark.seconds for utterance in spoken for mark in utterance.marks]
    if len(times) < 2 or any(times):
        return spoken
    return [replace(utterance, marks=(), end_s=utterance.end_s or None) for utterance in spoken]


def _doubted_duration(transcript: Transcript) -> str | None:
    """Why the stated duration cannot be that of this recording, so that no link into it can be trusted."""
    times = [mark.seconds for utterance in transcript.utterances for mark in utterance.marks]
    times += [utterance.end_s for utterance in transcript.utterances if utterance.end_s is not None]
    last = max(times, default=0.0)
    if transcript.duration_s is None or last <= transcript.duration_s + _ROUNDING_S:
        return None
    return f"duration contradicts: {clock(transcript.duration_s)} is stated, the last time is {clock(last)}"


def episode_id(source: str) -> str:
    """A readable id that is the file's alone: two files of one stem get two ids.

    >>> episode_id("2024/Ana Ruiz.md"), episode_id("2023/Ana Ruiz.md")
    ('ana-ruiz-4e022b', 'ana-ruiz-286ebd')
    """
    stem = re.sub(r"[^a-z0-9]+", "-", PurePosixPath(source).stem.casefold()).strip("-")[:60]
    return f"{stem or 'episode'}-{hashlib.sha256(source.encode()).hexdigest()[:6]}"


def flags_of(text: str) -> tuple[str, ...]:
    """The transcriber's doubts that stand in a text."""
    return tuple(name for name, pattern in _FLAGS.items() if pattern.search(text))


def _distinct(people: dict[str, Speaker]) -> tuple[Speaker, ...]:
    return tuple(dict.fromkeys(people.values()))


def _turns(spoken: list[Utterance], people: dict[str, Speaker]) -> Iterator[Turn]:
    def voice(utterance: Utterance) -> tuple[str | None, str | None, str | None]:
        label = utterance.label
        if label in people:
            return people[label].name, None, utterance.section
        return None, not_a_person(label) if label else None, utterance.section

    for (speaker, flag, section), said in groupby(spoken, voice):
        yield _turn(speaker, flag, section, list(said))


def _turn(speaker: str | None, flag: str | None, section: str | None, said: list[Utterance]) -> Turn:
    pieces: list[str] = []
    marks: list[TimeMark] = []
    length = 0
    for utterance in said:
        if pieces:
            pieces.append(_separator(utterance))
            length += len(pieces[-1])
        marks += (TimeMark(mark.char + length, mark.seconds) for mark in utterance.marks)
        pieces.append(utterance.text)
        length += len(utterance.text)
    text = "".join(pieces)
    end_s = next((utterance.end_s for utterance in reversed(said) if utterance.end_s is not None), None)
    runs_back = end_s is not None and any(mark.seconds > end_s for mark in marks)
    return Turn(
        speaker=speaker,
        text=text,
        section=section,
        flags=(*((flag,) if flag else ()), *flags_of(text)),
        marks=tuple(marks),
        end_s=None if runs_back else end_s,
    )


def _separator(utterance: Utterance) -> str:
    """What stands before a piece of a turn: captions cut words from their commas."""
    if utterance.starts_paragraph:
        return PARAGRAPH_SEPARATOR
    return "" if _CLOSING.fullmatch(utterance.text) else " "
