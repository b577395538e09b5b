"""An index that grew, shrank and changed is the one that a clean build makes, to the byte; only what is new is read.

What it retired is history, which a clean build has not: it has a file of its own, see test_retiring.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from indexer import gather
from indexer.files import SourceFile
from indexer.generations import current_generation
from indexer.lexical import LexicalReader
from indexer.retired import RETIRED_FILE
from indexer.types import Episode
from tests.indexer.making import LENA, OMAR, CountingEmbedder, content, index, interview, markdown, write

TOPICS = ("harbours", "reservoirs", "tunnels", "weirs", "canals", "sluices", "locks")


def show(topic: str, *, host: str = LENA, guest: str = OMAR, section: str | None = None) -> str:
    """An interview with a heading and with words of its own; a last name alone where the full one may be known."""
    turns = (
        (host, f"Welcome to the show. What did you see at the {topic}, and when?"),
        (guest, f"I saw {topic} from the first winter on. Nobody had measured the {topic} before us."),
        (host, f"And would you do the {topic} again, with what you know?"),
        (guest, f"I would. Not the same {topic}, and never in that order, but I would."),
    )
    heading = f"## {section}\n\n" if section else ""
    return heading + markdown(*turns)


def phrases(out: Path) -> dict[str, list[int]]:
    """Where some words stand side by side, by tantivy."""
    lexical = LexicalReader(current_generation(out).folder)
    return {topic: sorted(lexical.holding_phrase(f"measured the {topic}", 100)) for topic in TOPICS}


def assert_like_a_clean_build(talks: Path, out: Path, clean: Path) -> None:
    report = index(talks, clean).report
    assert content(out) == content(clean)
    assert phrases(out) == phrases(clean)
    ours = current_generation(out).report()
    history = ("vectors_made", "vectors_reused", "ids_retired")
    assert {k: v for k, v in ours.items() if k not in history} == {k: v for k, v in report.items() if k not in history}
    assert (files(clean), report["ids_retired"]) == (files(out) - {RETIRED_FILE}, 0)
    assert (RETIRED_FILE in files(out)) == (ours["ids_retired"] > 0)


def files(out: Path) -> set[str]:
    """What is in the live generation, but for tantivy's files, whose names are random."""
    return {name for name in current_generation(out).manifest.files if not name.startswith("lexical/")}


@pytest.mark.parametrize("seed", range(6))
def test_any_changes_in_any_order_end_where_a_clean_build_ends(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    talks, out = tmp_path / "talks", tmp_path / "index"
    for topic in TOPICS[:3]:
        write(talks / f"{topic}.md", show(topic))
    index(talks, out)
    for step in range(5):
        for _ in range(chance.randint(1, 3)):
            path = talks / chance.choice(("", "more")) / f"{chance.choice(TOPICS)}.md"
            what = chance.choice(("write", "write", "remove", "double", "rename"))
            if what == "remove" and path.exists() and len(list(talks.rglob("*.md"))) > 1:
                path.unlink()
            elif what == "double" and path.exists():
                write(talks / f"again-{path.name}", path.read_text(encoding="utf-8"))
            elif what == "rename" and path.exists():
                path.rename(path.with_name(f"renamed-{path.name}"))
            else:
                section = chance.choice((None, "Water", "Stone"))
                guest = chance.choice((OMAR, "Haddad", "Iris Vale"))
                write(path, show(path.stem, guest=guest, section=section))
        index(talks, out)
        assert_like_a_clean_build(talks, out, tmp_path / f"clean-{step}")


def test_files_that_did_not_change_are_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    talks, out = tmp_path / "talks", tmp_path / "index"
    for topic in TOPICS:
        write(talks / f"{topic}.md", interview(topic))
    index(talks, out)
    read: list[str] = []
    really = gather.read_episode

    def noted(file: SourceFile, **how: Any) -> Episode:
        read.append(file.source)
        return really(file, **how)

    monkeypatch.setattr(gather, "read_episode", noted)
    write(talks / "harbours.md", interview("harbours", answers=3))
    write(talks / "moats.md", interview("moats"))
    embedder = CountingEmbedder()
    index(talks, out, embedder)
    assert read == ["harbours.md", "moats.md"]
    assert len(embedder.embedded) == 2 + 4


def test_an_episode_whose_people_are_concluded_anew_is_cut_anew(tmp_path: Path) -> None:
    """Whoever recurs in a show is its host: the fourth episode changes the roles in the three before it."""
    talks, out = tmp_path / "talks", tmp_path / "index"
    guests = ("Iris Vale", "Piet Marsh", "Nora Quill", "Abel Stroud")
    for topic, guest in zip(TOPICS[:3], guests, strict=False):
        write(
            talks / f"{topic}.md", markdown((LENA, f"So, {topic}?"), (guest, f"We built the {topic} twice over there."))
        )
    index(talks, out)
    write(talks / "weirs.md", markdown((LENA, "So, weirs?"), (guests[3], "We built the weirs twice over there.")))
    index(talks, out)
    assert_like_a_clean_build(talks, out, tmp_path / "clean")


def test_a_removed_episode_is_remembered_in_the_file_of_the_retired_alone(tmp_path: Path) -> None:
    talks, out = tmp_path / "talks", tmp_path / "index"
    write(talks / "harbours.md", interview("harbours"))
    write(talks / "secret.md", interview("zweihander"))
    index(talks, out)
    (talks / "secret.md").unlink()
    index(talks, out)
    folder = current_generation(out).folder
    paths = [path for path in folder.rglob("*") if path.is_file() and path.name not in ("manifest.json", RETIRED_FILE)]
    assert len(paths) > 10
    assert not [path.name for path in paths if b"zweihand" in path.read_bytes().lower()]


def test_a_file_that_changes_while_it_is_read_is_read_again_even_when_it_is_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    talks, out = tmp_path / "talks", tmp_path / "index"
    path = write(talks / "harbours.md", interview("harbours"))
    really = gather.read_episode

    def too_late(file: SourceFile, **how: Any) -> Episode:
        path.write_text(interview("tunnels"), encoding="utf-8")
        return really(file, **how)

    with monkeypatch.context() as patch:
        patch.setattr(gather, "read_episode", too_late)
        index(talks, out)
    write(path, interview("harbours"))
    assert index(talks, out).changed
    assert_like_a_clean_build(talks, out, tmp_path / "clean")
    assert not index(talks, out).changed
