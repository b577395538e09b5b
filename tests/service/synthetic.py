"""An archive of invented episodes, without files and without a model: what a search of it must give can be computed."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from embeddings.base import Embedder, PassageInput
from indexer.catalog_writer import AskedIn, CatalogWriter
from indexer.generations import GENERATIONS, Generation, new_folder, publish
from indexer.lexical import LexicalWriter, Worded
from indexer.types import Episode, Kind, Passage, Role, Speaker, TimeSource, Turn
from indexer.vectors import VectorWriter
from service.archive import Archive

TOPICS = "harbour lantern kiln orchard bridge ledger turbine violin glacier compass loom beehive".split()
_SYLLABLES = "ba de fi go ku la me ni po ru sa te vi xo zu".split()
# Enough words that no two passages share half of theirs by chance.
WORDS = [one + two + three for one in _SYLLABLES for two in _SYLLABLES[::2] for three in _SYLLABLES[::3]]
_SECTIONS = (None, "Opening", "The long middle", "Advice for beginners")
_TURNS = 20
_KINDS = {0: Kind.INTRO, 1: Kind.TEASER, 6: Kind.SPONSOR, _TURNS - 1: Kind.OUTRO}

ORLA = Speaker("Orla Finch", Role.HOST, 1.0)
ADA = Speaker("Ada Merriweather", Role.GUEST, 1.0, aliases=("Dr. Merriweather", "ADA M."))
KIM = Speaker("Kim Alder", Role.GUEST, 0.7, aliases=("Kim",))
OTHER_KIM = Speaker("Kim Birch", Role.GUEST, 0.7)
JOSE = Speaker("José Ünal", Role.UNKNOWN, 0.0)

_EPISODES: tuple[tuple[str, str, str | None, str | None, tuple[Speaker, ...]], ...] = (
    ("2021/first.md", "The First Kiln", "Slow Craft", "2021-03-01", (ORLA, ADA)),
    ("2021/second.md", "Bridges", "Slow Craft", "2021-09-30", (ORLA, KIM)),
    ("2022/first.md", "The First Glacier", "Cold Facts", "2022-01-01", (replace(KIM, role=Role.HOST), OTHER_KIM)),
    ("2022/second.md", "Ledgers", "Cold Facts", "2022-12-31", (replace(KIM, role=Role.HOST), ADA)),
    ("2023/first.md", "Looms", "Slow Craft", "2023-06-15", (ORLA, JOSE)),
    ("2023/second.md", "Beehives", "Slow Craft", None, (ORLA, OTHER_KIM)),
    ("2024/first.md", "Violins", None, "2024-02-29", (ORLA, ADA, KIM)),
    ("2024/second.md", "Turbines", None, None, (JOSE, ADA)),
    ("2024/unnamed.srt", "Nobody Named", None, "2024-03-01", ()),
    ("2025/last.md", "The Last Kiln", "Cold Facts", "2025-01-01", (replace(KIM, role=Role.HOST), JOSE)),
)
_LANGUAGES = {"2021/second.md": "en-US", "2023/first.md": "es", "2022/second.md": "es_MX", "2024/second.md": None}


class Synthetic:
    """An open archive, and its passages with their episodes, in its order."""

    def __init__(self, archive: Archive, entries: Sequence[tuple[Episode, Passage]]) -> None:
        self.archive = archive
        self.entries = entries

    @property
    def ids(self) -> list[str]:
        return [passage.id for _, passage in self.entries]


def episodes() -> list[Episode]:
    return [_episode(*row) for row in _EPISODES]


def passages_of(episode: Episode) -> Iterator[Passage]:
    """Two sentences a passage; every other turn answers the one before it."""
    for number, (turn, offset) in enumerate(zip(episode.turns, episode.turn_offsets, strict=True)):
        ends = [i + 1 for i, letter in enumerate(turn.text) if letter == "."]
        spans = list(zip([0, *(end + 1 for end in ends[:-1])], ends, strict=True))
        size = len(spans) if turn.speaker == ORLA.name else 2
        for group in (spans[i : i + size] for i in range(0, len(spans), size)):
            start, end = group[0][0], group[-1][1]
            yield Passage(
                id=hashlib.sha256(f"{episode.id} {number} {start}".encode()).hexdigest()[:16],
                turn=number,
                char_start=offset + start,
                char_end=offset + end,
                text=turn.text[start:end],
                header=f"{episode.title}\n",
                sentences=tuple((offset + left, offset + right) for left, right in group),
                speaker=turn.speaker,
                section=turn.section,
                kind=turn.kind,
                flags=turn.flags,
                question_turn=number - 1 if number % 2 else None,
                start_s=None,
                end_s=None,
                time=TimeSource.ABSENT,
            )


def write(index: Path, contents: Sequence[tuple[Episode, Sequence[Passage]]], embedder: Embedder) -> Generation:
    """A generation that holds these passages, written by the indexer's own writers."""
    (index / GENERATIONS).mkdir(parents=True)
    with new_folder(index) as folder:
        catalog, lexical = CatalogWriter(folder), LexicalWriter(folder)
        questions: list[str] = []
        for number, (episode, passages) in enumerate(contents):
            asked = {p.question_turn for p in passages if p.question_turn is not None}
            offsets = episode.turn_offsets
            catalog.add_episode(number, episode)
            catalog.add_passages(
                number,
                passages,
                [passage.id for passage in passages],
                {
                    t: AskedIn(offsets[t], offsets[t] + len(episode.turns[t].text), f"{number} {t}")
                    for t in sorted(asked)
                },
            )
            questions += [episode.turns[turn].text for turn in sorted(asked)]
            lexical.add_episode([_worded(passage, episode) for passage in passages])
        catalog.close()
        lexical.close()
        flat = [passage for _, passages in contents for passage in passages]
        sentences = sum(len(passage.sentences) for passage in flat)
        vectors = VectorWriter(
            folder,
            dimension=embedder.fingerprint.dimension,
            passages=len(flat),
            sentences=sentences,
            questions=len(questions),
        )
        made = embedder.embed_passages([_input(passage) for passage in flat])
        vectors.put(
            np.arange(len(flat)),
            np.stack([one.vector for one in made]),
            np.arange(sentences),
            np.concatenate([one.spans for one in made]),
        )
        vectors.put_questions(np.arange(len(questions)), embedder.embed_queries(questions))
        engine = asdict(vectors.close())
        counts = {"episodes": len(contents), "passages": len(flat), "sentences": sentences}
        model = embedder.fingerprint.to_json()
        return publish(index, folder, model=model, settings={}, counts=counts, engine=engine, inputs={})


def _worded(passage: Passage, episode: Episode) -> Worded:
    asked = passage.question_turn
    return Worded(passage.text, passage.header, None if asked is None else episode.turns[asked].text)


def _input(passage: Passage) -> PassageInput:
    shift = len(passage.header) - passage.char_start
    return PassageInput(passage.header + passage.text, tuple((s + shift, e + shift) for s, e in passage.sentences))


def _episode(source: str, title: str, show: str | None, date: str | None, speakers: tuple[Speaker, ...]) -> Episode:
    chance = random.Random(source)
    return Episode(
        id=source.replace("/", "-").replace(".", "-"),
        source=source,
        format="invented",
        title=title,
        show=show,
        date=date,
        url=None,
        language=_LANGUAGES.get(source, "en"),
        speakers=speakers,
        turns=tuple(_turn(number, speakers, chance) for number in range(_TURNS)),
    )


def _turn(number: int, speakers: tuple[Speaker, ...], chance: random.Random) -> Turn:
    return Turn(
        speaker=speakers[number % len(speakers)].name if speakers and number != 9 else None,
        text=" ".join(_sentence(chance) for _ in range(1 + 3 * (number % 3))),
        section=_SECTIONS[number * len(_SECTIONS) // _TURNS],
        kind=_KINDS.get(number, Kind.CONTENT),
    )


def _sentence(chance: random.Random) -> str:
    words = [*chance.sample(WORDS, 6), *chance.sample(TOPICS, 2)]
    chance.shuffle(words)
    return f"{' '.join(words).capitalize()}."
