"""Any stretch of a transcript, cited: exactly the words between two offsets, each person's given to that person.

A stretch with the words of several people becomes one quotation of each, in order, because a citation names one
speaker: a question and its answer are two. Turns of one named person that follow each other are one. Blanks around a
quotation are left out, as its offsets say.
"""

from __future__ import annotations

import html
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime

from indexer.catalog import EpisodeRow, Voice
from indexer.types import Kind, Role, TimeSource, Turn
from service import schemas
from service.archive import Archive
from service.citations import Cited, Markup, Style, cite
from service.provenance import Times, episode_ref, recording_link, speaker_ref

MOST_PARTS = 20
_AS_RECORDS = (Style.BIBTEX, Style.CSL_JSON)


class NotAStretchError(ValueError):
    """There is nothing to cite between two offsets. `parameter` is the one to change."""

    def __init__(self, parameter: str, message: str) -> None:
        super().__init__(message)
        self.parameter = parameter


@dataclass(frozen=True, slots=True)
class Part:
    """One person's words: `[start:end]` of the canonical text, from turn `turn` on."""

    turn: int
    speaker: str | None
    kind: Kind
    start: int
    end: int


class Stretches:
    """Cites stretches of an archive's transcripts; each transcript is read once."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._times = Times(archive)
        self._today = datetime.now(UTC).date()
        self._read: dict[int, tuple[str, list[tuple[int, int, Turn]]]] = {}

    def text(self, row: EpisodeRow) -> str:
        """The canonical text of an episode."""
        return self._transcript(row)[0]

    def parts(self, row: EpisodeRow, start: int, end: int) -> list[tuple[Part, Cited]]:
        """The words between two offsets of an episode's canonical text, each person's by themselves.

        Raises:
            NotAStretchError: the offsets lie outside of the text, hold no words, or the words of too many turns.
        """
        text, turns = self._transcript(row)
        _refuse_bad_offsets(start, end, len(text))
        parts = _joined([*_parts(turns, start, end)])
        if not parts:
            raise NotAStretchError("char_end", "there are no words between these offsets")
        if len(parts) > MOST_PARTS:
            raise NotAStretchError(
                "char_end",
                f"these are {len(parts)} quotations, one for each change of speaker; {MOST_PARTS} are cited at once",
            )
        return [
            (part, _cited(part, text[part.start : part.end], row, self._times, self._today, self._archive))
            for part in parts
        ]

    def _transcript(self, row: EpisodeRow) -> tuple[str, list[tuple[int, int, Turn]]]:
        if row.number not in self._read:
            self._read[row.number] = self._archive.catalog.text(row.number), self._archive.catalog.turns(row.number)
        return self._read[row.number]


def cited_stretch(row: EpisodeRow, start: int, end: int, style: Style, archive: Archive) -> schemas.CitedStretch:
    """The words between two offsets of an episode's canonical text, with their citation.

    Raises:
        NotAStretchError: the offsets lie outside of the text, hold no words, or the words of too many turns.
    """
    parts = Stretches(archive).parts(row, start, end)
    return schemas.CitedStretch(
        episode=episode_ref(row),
        char_start=start,
        char_end=end,
        style=style,
        link=stretch_link(row.id, start, end),
        parts=[_described(part, one, style, row, archive) for part, one in parts],
        paste=_paste([one for _, one in parts], style),
    )


def stretch_link(episode_id: str, start: int, end: int) -> str:
    """The reader with a stretch marked and scrolled to."""
    return f"/episodes/{episode_id}?from={start}&to={end}#quote"


def cited_words(
    voice: Voice, row: EpisodeRow, text: str, start: int, end: int, times: Times, today: date, archive: Archive
) -> Cited:
    """One person's words as citations take them."""
    start_s, source = times.at(row.number, start)
    return Cited(
        text=text,
        speaker=_citable(voice),
        role=Role(voice.role),
        hosts=_hosts_beside(voice, archive),
        episode_id=row.id,
        title=row.title,
        show=row.show,
        date=row.date,
        url=row.url,
        deep_link=recording_link(row, start_s),
        language=row.language,
        start_s=start_s,
        time=source,
        char_start=start,
        char_end=end,
        accessed=today,
    )


def _refuse_bad_offsets(start: int, end: int, length: int) -> None:
    if start >= length:
        raise NotAStretchError("char_start", f"the text ends at {length}")
    if end > length:
        raise NotAStretchError("char_end", f"the text ends at {length}")
    if end <= start:
        raise NotAStretchError("char_end", "must be greater than char_start")


def _parts(turns: list[tuple[int, int, Turn]], start: int, end: int) -> Iterator[Part]:
    for number, (turn_start, turn_end, turn) in enumerate(turns):
        left, right = max(start, turn_start), min(end, turn_end)
        words = turn.text[left - turn_start : max(right, left) - turn_start]
        if words.strip():
            left += len(words) - len(words.lstrip())
            yield Part(number, turn.speaker, turn.kind, left, left + len(words.strip()))


def _joined(parts: list[Part]) -> list[Part]:
    """Turns that follow each other as one where one person speaks; two who are not named may be two people."""
    joined: list[Part] = []
    for part in parts:
        last = joined[-1] if joined else None
        if last and part.speaker is not None and (last.speaker, last.kind) == (part.speaker, part.kind):
            joined[-1] = Part(last.turn, last.speaker, last.kind, last.start, part.end)
        else:
            joined.append(part)
    return joined


def _cited(part: Part, text: str, row: EpisodeRow, times: Times, today: date, archive: Archive) -> Cited:
    voice = _voice(part.speaker, row, archive)
    return cited_words(voice, row, text, part.start, part.end, times, today, archive)


def _described(part: Part, cited: Cited, style: Style, row: EpisodeRow, archive: Archive) -> schemas.CitedPart:
    return schemas.CitedPart(
        text=cited.text,
        speaker=speaker_ref(_voice(part.speaker, row, archive)),
        kind=part.kind,
        turn=part.turn,
        char_start=part.start,
        char_end=part.end,
        start_s=cited.start_s,
        time=TimeSource(cited.time),
        link=f"/episodes/{row.id}#t{part.turn}",
        deep_link=cited.deep_link,
        citation=cite(cited, style),
    )


def _paste(cited: list[Cited], style: Style) -> schemas.Paste:
    """What goes on a clipboard: words and reference, or the records alone where these are for a program."""
    if style is Style.CSL_JSON:
        items = [cite(one, style) for one in cited]
        return schemas.Paste(text=json.dumps(items, ensure_ascii=False, indent=1), html=None)
    if style in _AS_RECORDS or style is Style.MARKDOWN:
        return schemas.Paste(text="\n\n".join(str(cite(one, style)) for one in cited), html=None)
    return schemas.Paste(
        text="\n\n".join(f"“{one.text}”\n\n{cite(one, style)}" for one in cited),
        html="\n".join(_as_html(one, style) for one in cited),
    )


def _as_html(cited: Cited, style: Style) -> str:
    paragraphs = [html.escape(line, quote=False) for line in cited.text.split("\n") if line.strip()]
    words = "".join(f"<p>{line}</p>" for line in paragraphs)
    return f"<blockquote>{words}</blockquote>\n<p>{cite(cited, style, Markup.HTML)}</p>"


def _voice(speaker: str | None, row: EpisodeRow, archive: Archive) -> Voice:
    return next(voice for voice in archive.voices_of[row.number] if voice.name == speaker)


def _hosts_beside(speaker: Voice, archive: Archive) -> tuple[str, ...]:
    voices = archive.voices_of[speaker.episode]
    hosts = (_citable(voice) for voice in voices if voice.role is Role.HOST and voice != speaker)
    return tuple(name for name in hosts if name)


def _citable(voice: Voice) -> str | None:
    """A person's name; "Speaker 1" is none."""
    return None if voice.anonymous else voice.name
