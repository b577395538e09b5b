"""A small archive that goes from state to state, and what an index of each state must hold.

From one state to the next an episode is changed, another one comes or goes, and the rest stays. In each, one episode,
the log, says which it is: so every answer tells the state that it is of.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from indexer.catalog import CATALOG_FILE, CatalogReader
from indexer.generations import MANIFEST, REPORT, Generation
from indexer.lexical import LEXICAL_FOLDER, LexicalReader
from indexer.retired import RETIRED_FILE
from indexer.vectors import VectorReader
from tests.indexer.making import LENA, OMAR, markdown, write

ALWAYS = ("harbours", "tunnels", "weirs", "canals")
COMES_AND_GOES = "locks"
STATES = 4
# Of the log, which is another one in each state, there is more: for the model to do.
_LONGER = 4
# All passages hold this word, and no question does.
COMMON_WORD = "measured"
# What tells how a generation came to be, and not what is in it.
_HISTORY = (MANIFEST, RETIRED_FILE, REPORT)


def write_state(talks: Path, state: int, *, answers: int = 2) -> None:
    """Makes a folder hold the transcripts of a state, and nothing else.

    Args:
        answers: of each episode.
    """
    texts = _transcripts(state, answers)
    for path in talks.glob("*.md"):
        if path.name not in texts:
            path.unlink()
    for name, text in texts.items():
        path = talks / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            write(path, text)


def _transcripts(state: int, answers: int) -> dict[str, str]:
    topics = [*ALWAYS, *([COMES_AND_GOES] if state % 2 else [])]
    said = {topic: f"the plan for {topic}" for topic in topics}
    said["log"] = f"chapter {state}"
    return {
        f"{topic}.md": markdown(
            *(
                turn
                for number in range(answers * (_LONGER if topic == "log" else 1))
                for turn in (
                    (LENA, f"What did you find out about {topic} in year {number}?"),
                    (OMAR, f"In year {number} we {COMMON_WORD} {topic} every week, as {what} has it, page {number}."),
                )
            ),
            title=f"All about {topic}",
        )
        for topic, what in said.items()
    }


def contents(generation: Generation) -> dict[str, Any]:
    """What a generation holds, whatever way led to it: two of the same transcripts give the same.

    Bit for bit: vectors, columns, postings and the engine. Row for row: the catalog, whose pages may lie in another
    order. By its answers: tantivy's folder, whose files have names by chance. Of the report, what it says of the
    transcripts. Left out is history: the manifest, the retired ids, how many vectors were reused.
    """
    folder = generation.folder
    found: dict[str, Any] = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.iterdir()
        if path.is_file() and path.name not in (*_HISTORY, CATALOG_FILE)
    }
    with closing(sqlite3.connect(folder / CATALOG_FILE)) as catalog:
        tables = [name for (name,) in catalog.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            rows = catalog.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall()
            found[f"{CATALOG_FILE} {table}"] = hashlib.sha256(repr(rows).encode()).hexdigest()
    found[LEXICAL_FOLDER] = _lexical_answers(folder)
    history = ("vectors_", "ids_", "engine", "notes")
    found[REPORT] = {key: value for key, value in generation.report().items() if not key.startswith(history)}
    found["counts"] = generation.manifest.counts
    return dict(json.loads(json.dumps(found)))


def _lexical_answers(folder: Path) -> list[tuple[str, list[int]]]:
    lexical = LexicalReader(folder)
    words = (COMMON_WORD, "chapter", *ALWAYS, COMES_AND_GOES, *map(str, range(STATES)))
    phrases = [*words, *(f"{COMMON_WORD} {topic}" for topic in ALWAYS), "every week"]
    return [(phrase, sorted(lexical.holding_phrase(phrase, 10_000))) for phrase in phrases]


def _texts(generation: Generation) -> list[str]:
    catalog = CatalogReader(generation.folder)
    try:
        return [stored.passage.text for stored in catalog.all_passages()]
    finally:
        catalog.close()


def state_of(texts: Iterable[str], states: Sequence[frozenset[str]], *, all_of_it: bool) -> int | None:
    """Which state some passages are wholly of; None where they are of none, or mixed.

    Args:
        states: the words of all passages of each.
        all_of_it: they are to be all passages of the state.
    """
    found = frozenset(texts)
    fit = [number for number, state in enumerate(states) if (found == state if all_of_it else found <= state)]
    return fit[0] if len(fit) == 1 else None


def read_whole(generation: Generation) -> list[str]:
    """All words of a generation, read as a service does, and every vector and word of it asked for once."""
    texts = _texts(generation)
    vectors, lexical = VectorReader(generation.folder), LexicalReader(generation.folder)
    assert len(vectors) == len(lexical) == len(texts)
    assert np.isfinite(vectors.passages.vectors(np.arange(len(texts)))).all()
    assert len(lexical.holding_phrase(COMMON_WORD, 10_000)) == sum(COMMON_WORD in text for text in texts)
    return texts
