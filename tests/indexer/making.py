"""Small makers that the indexer's tests share."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from embeddings.base import Embedder, PassageInput, PassageVectors, Vectors
from embeddings.fake import FakeEmbedder
from indexer.build import Outcome, build_index
from indexer.catalog import CATALOG_FILE
from indexer.episodes import understand
from indexer.generations import current_generation
from indexer.parsers import parse_transcript
from indexer.passages import Chunking, make_passages
from indexer.types import Episode, Passage, Person, TimeMark, Transcript, Turn, Utterance

OTHERWISE = "If it is in another format, force that with --format."
LENA, OMAR = "Lena Ortiz", "Omar Haddad"


class CountingEmbedder(FakeEmbedder):
    """Remembers every passage and every question that it embedded."""

    def __init__(self, *, dimension: int = 32) -> None:
        super().__init__(dimension=dimension)
        self.embedded: list[str] = []
        self.asked: list[str] = []

    def embed_passages(self, passages: Sequence[PassageInput]) -> list[PassageVectors]:
        self.embedded += [passage.text for passage in passages]
        return super().embed_passages(passages)

    def embed_queries(self, queries: Sequence[str]) -> Vectors:
        self.asked += queries
        return super().embed_queries(queries)


def no_progress(stage: str, done: int, total: int) -> None:
    """Tells nobody."""


def never_loaded() -> Embedder:
    raise AssertionError("the model was loaded although nothing was to embed")


def index(
    paths: Path | Sequence[Path],
    out: Path,
    embedder: Embedder | None = None,
    *,
    load: Callable[[], Embedder] | None = None,
    chunking: Chunking | None = None,
    strict: bool = False,
    forget: bool = False,
) -> Outcome:
    """One run of the indexer, by default with an embedder that needs no model."""
    used = embedder or FakeEmbedder()
    return build_index(
        [paths] if isinstance(paths, Path) else paths,
        out,
        model=used.fingerprint,
        load_embedder=load or (lambda: used),
        chunking=chunking or Chunking(),
        strict=strict,
        progress=no_progress,
        forget=forget,
    )


def content(out: Path) -> dict[str, Any]:
    """Every row of every table of an index, and every vector."""
    folder = current_generation(out).folder
    with closing(sqlite3.connect(folder / CATALOG_FILE)) as catalog:
        tables = [name for (name,) in catalog.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        rows = {table: catalog.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall() for table in tables}
    return {**rows, **{path.name: path.read_bytes() for path in folder.glob("*.npy")}}


def markdown(*turns: tuple[str, str], title: str | None = None) -> str:
    """A Markdown transcript of (name, words) turns."""
    front = f'---\ntitle: "{title}"\n---\n\n' if title else ""
    return front + "\n\n".join(f"**{name}:** {words}" for name, words in turns) + "\n"


def interview(topic: str, *, answers: int = 2) -> str:
    """A Markdown interview whose words are its topic's own, so that two topics share no passage."""
    turns = []
    for number in range(answers):
        turns += [
            (LENA, f"What did you learn about {topic} in year {number}?"),
            (OMAR, f"In year {number} we measured {topic} every week. It was never what the {topic} plan said."),
        ]
    return markdown(*turns, title=f"All about {topic}")


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def episode_of(text: str, source: str = "talk.txt") -> Episode:
    """What a transcript says, without a file."""
    format_name, transcript = parse_transcript(text.encode())
    return understand(transcript, source=source, format_name=format_name)


def spoken(*turns: tuple[str | None, str], title: str | None = None, people: tuple[Person, ...] = ()) -> Transcript:
    """A transcript of (label, words) utterances, without any format."""
    utterances = tuple(Utterance(label, words, line) for line, (label, words) in enumerate(turns, 1))
    return Transcript(utterances, title=title, people=people)


def episode_with(turns: Sequence[Turn]) -> Episode:
    """An episode of given turns whose speakers nobody has asked for."""
    return Episode("e-1", "e.md", "markdown", "E", None, None, None, None, speakers=(), turns=tuple(turns))


def marked(text: str, *marks: tuple[int, float], end_s: float | None = None) -> Turn:
    return Turn(LENA, text, marks=tuple(TimeMark(char, seconds) for char, seconds in marks), end_s=end_s)


def passages_of(
    episode: Episode, chunking: Chunking | None = None, window: int = 254, embedder: FakeEmbedder | None = None
) -> list[Passage]:
    """The passages of an episode that is content throughout."""
    return make_passages(episode, (), chunking or Chunking(), (embedder or FakeEmbedder()).count_tokens, window)
