"""Where words stand and who said them, in the words of the contract."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from indexer.catalog import EpisodeRow, StoredPassage, Voice
from indexer.links import deep_link
from indexer.retired import FormerEpisode
from indexer.times import Timeline
from indexer.types import Role, TimeSource
from service import schemas
from service.archive import Archive
from service.verify import Match


def passage_fields(stored: StoredPassage, question: schemas.Question | None, archive: Archive) -> dict[str, Any]:
    """What a passage and a hit both say."""
    row = archive.catalog.episodes[stored.episode]
    content = stored.passage
    return {
        "id": content.id,
        "text": content.text,
        "speaker": speaker_ref(archive.catalog.voices[stored.voice]),
        "question": question,
        "episode": episode_ref(row),
        "section": content.section,
        "kind": content.kind,
        "turn": content.turn,
        "char_start": content.char_start,
        "char_end": content.char_end,
        "start_s": content.start_s,
        "end_s": content.end_s,
        "time": content.time,
        "flags": list(content.flags),
        "link": f"/episodes/{row.id}#t{content.turn}",
        "deep_link": recording_link(row, content.start_s),
    }


def questions_of(passages: Sequence[StoredPassage], archive: Archive) -> dict[int, schemas.Question]:
    """What some passages reply to, by their numbers."""
    asked = [stored.number for stored in passages if stored.passage.question_turn is not None]
    found = archive.catalog.questions_of(asked) if asked else {}
    return {
        number: schemas.Question(speaker=speaker, text=text, turn=turn)
        for number, (turn, speaker, text) in found.items()
    }


def speaker_ref(voice: Voice) -> schemas.SpeakerRef:
    return schemas.SpeakerRef(name=voice.name, role=Role(voice.role))


def recording_link(row: EpisodeRow, start_s: float | None) -> str | None:
    if row.link_template is None or start_s is None:
        return None
    return deep_link(row.link_template, row.url, start_s)


def episode_ref(row: EpisodeRow | FormerEpisode) -> schemas.EpisodeRef:
    return schemas.EpisodeRef(
        id=row.id,
        title=row.title,
        show=row.show,
        date=row.date,
        language=row.language,
        url=row.url,
        source=row.source,
    )


class Times:
    """When the words of some episodes were said; each episode's times are read once."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._timelines: dict[int, Timeline] = {}

    def at(self, episode: int, char: int) -> tuple[float | None, TimeSource]:
        """The time of a code point of an episode's canonical text, in seconds, and how it is known."""
        if episode not in self._timelines:
            turns = self._archive.catalog.turns(episode)
            self._timelines[episode] = Timeline([(start, turn) for start, _, turn in turns])
        return self._timelines[episode].at(char)


def match_of(found: Match, times: Times, archive: Archive) -> schemas.Match:
    """Where the words of a quotation stand."""
    row = archive.catalog.episodes[found.episode]
    [voice] = [voice for voice in archive.voices_of[found.episode] if voice.name == found.speaker]
    start_s, source = times.at(found.episode, found.char_start)
    return schemas.Match(
        text=found.text,
        speaker=speaker_ref(voice),
        episode=episode_ref(row),
        turn=found.turn,
        char_start=found.char_start,
        char_end=found.char_end,
        start_s=start_s,
        time=source,
        link=f"/episodes/{row.id}#t{found.turn}",
        deep_link=recording_link(row, start_s),
    )
