"""A passage's id to what it says today: the passage, or what became of it. An id that was once served stays known."""

from __future__ import annotations

from collections.abc import Sequence

from indexer.catalog import StoredPassage
from indexer.retired import FormerPassage, Retired
from service import answers, schemas
from service.archive import Archive
from service.exchange import alone, exchange_of
from service.provenance import Times, episode_ref, recording_link, speaker_ref
from service.whereabouts import Now, Status, Stretch, whereabouts


def passage_by_id(passage_id: str, archive: Archive) -> schemas.CurrentPassage | schemas.RetiredPassage | None:
    """What an id stands for; None when the index never had it."""
    earlier = [
        schemas.EarlierSpeaker(name=one.name, role=one.role, generation=one.generation, as_of=one.as_of)
        for one in archive.retired.earlier_speakers(passage_id)
    ]
    stored = _live(passage_id, archive)
    if stored:
        current = answers.passage(stored, archive)
        others = [one for one in earlier if one.name != current.speaker.name]
        return schemas.CurrentPassage(**dict(current), earlier_speakers=others)
    retired = archive.retired.find([passage_id]).get(passage_id)
    if retired is None:
        return None
    found = whereabouts(retired, archive)
    assert found.status is not Status.CURRENT
    return schemas.RetiredPassage(
        id=passage_id,
        status=found.status,
        generation=retired.generation,
        as_of=retired.as_of,
        was=_then(retired.was) if retired.was else None,
        now=_now(found.now, archive) if found.now else None,
        diff=[schemas.WordChange(was=change.was, now=change.now) for change in found.diff],
        earlier_speakers=earlier,
    )


def exchange_by_id(passage_id: str, archive: Archive) -> schemas.Exchange | Retired | None:
    """The exchange that an id's words belong to now; what is left of the id where they are gone; None as above."""
    stored = _live(passage_id, archive)
    if stored:
        return _exchange(stored, Status.CURRENT, archive)
    retired = archive.retired.find([passage_id]).get(passage_id)
    if retired is None:
        return None
    found = whereabouts(retired, archive)
    if found.now is None:
        return retired
    if found.now.passages:
        return _exchange(found.now.passages[0], found.status, archive)
    row = archive.catalog.episodes[found.now.episode]
    turn = found.now.stretches[0].turn
    return answers.exchange(alone(row.number, turn, archive), row, None, found.status)


def _live(passage_id: str, archive: Archive) -> StoredPassage | None:
    return next(iter(archive.catalog.passages_by_id([passage_id])), None)


def _exchange(stored: StoredPassage, status: Status, archive: Archive) -> schemas.Exchange:
    row = archive.catalog.episodes[stored.episode]
    return answers.exchange(exchange_of(stored, archive), row, stored.passage.id, status)


def _then(was: FormerPassage) -> schemas.PassageThen:
    return schemas.PassageThen(
        text=was.text,
        speaker=schemas.SpeakerRef(name=was.speaker, role=was.role),
        episode=episode_ref(was.episode) if was.episode else None,
        section=was.section,
        turn=was.turn,
        char_start=was.char_start,
        char_end=was.char_end,
        start_s=was.start_s,
        time=was.time,
    )


def _now(now: Now, archive: Archive) -> schemas.PassageNow:
    row = archive.catalog.episodes[now.episode]
    [voice] = [voice for voice in archive.voices_of[now.episode] if voice.name == now.speaker]
    return schemas.PassageNow(
        episode=episode_ref(row),
        speaker=speaker_ref(voice),
        stretches=_stretches(now.stretches, now.episode, archive),
        passages=answers.passages(now.passages, archive),
    )


def _stretches(stretches: Sequence[Stretch], episode: int, archive: Archive) -> list[schemas.Stretch]:
    row = archive.catalog.episodes[episode]
    times = Times(archive)
    found = []
    for stretch in stretches:
        start_s, time = times.at(episode, stretch.start)
        found.append(
            schemas.Stretch(
                text=stretch.text,
                turn=stretch.turn,
                char_start=stretch.start,
                char_end=stretch.end,
                start_s=start_s,
                time=time,
                link=f"/episodes/{row.id}#t{stretch.turn}",
                deep_link=recording_link(row, start_s),
            )
        )
    return found
