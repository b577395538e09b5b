"""A clock that goes back between two runs: generations keep the order in which they were made."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from pathlib import Path

import pytest

from indexer import generations
from indexer.catalog import CATALOG_FILE
from indexer.generations import current_generation, earlier_generations, live_name
from indexer.retired import RETIRED_FILE, RetiredReader
from tests.indexer.making import index, interview, write


class Clock:
    """The clock that generations are named and dated by."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = datetime(2026, 11, 20, 12, tzinfo=UTC)
        clock = self

        class Faked(datetime):
            @classmethod
            def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
                return clock.now

        monkeypatch.setattr(generations, "datetime", Faked)

    def says(self, text: str) -> None:
        self.now = datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def publish(tmp_path: Path, topic: str) -> str:
    """Replaces the one transcript; the name of the new generation."""
    for path in (tmp_path / "talks").glob("*.md"):
        path.unlink()
    write(tmp_path / "talks" / f"{topic}.md", interview(topic))
    generation = index(tmp_path / "talks", tmp_path / "index").generation
    assert generation is not None
    return generation.manifest.id


def test_what_is_published_after_the_clock_went_back_is_live_and_the_one_before_it_is_kept(
    clock: Clock, tmp_path: Path
) -> None:
    out = tmp_path / "index"
    names = []
    for topic, time in (
        ("harbours", "2026-11-20T12:00:00"),
        ("tunnels", "2026-11-20T12:00:05"),
        ("weirs", "2026-11-19T08:00:00"),
        ("canals", "2026-11-19T08:00:00"),
        ("locks", "2020-01-01T00:00:00"),
        ("mills", "2026-11-20T12:00:06"),
        ("dams", "2026-12-01T09:30:00"),
    ):
        clock.says(time)
        names.append(publish(tmp_path, topic))
        assert live_name(out) == names[-1]
        assert {path.name for path in (out / "generations").iterdir()} == set(names[-2:])
        assert current_generation(out).manifest.created == f"{time}Z"
    assert names == sorted(names)
    assert names[-1].startswith("20261201T093000Z-")
    assert [name.partition("-")[0] for name in names[:3]] == [
        "20261120T120000Z",
        "20261120T120005Z",
        "20261120T120006Z",
    ]


def test_a_generation_follows_the_live_one_and_those_after_it_whatever_the_clock_said(
    clock: Clock, tmp_path: Path
) -> None:
    out = tmp_path / "index"
    first = publish(tmp_path, "harbours")
    clock.says("2020-01-01T00:00:00")
    second = publish(tmp_path, "tunnels")
    live = current_generation(out)
    followed = earlier_generations(out, live, needed=CATALOG_FILE, beside=RETIRED_FILE)
    assert [one.id for one in followed] == [second]
    (out / "CURRENT").write_text(f"{first}\n", encoding="utf-8")
    followed = earlier_generations(out, current_generation(out), needed=CATALOG_FILE, beside=RETIRED_FILE)
    assert [one.id for one in followed] == [first, second]


def test_whom_a_passage_was_given_to_last_comes_first_whatever_the_clock_said(clock: Clock, tmp_path: Path) -> None:
    talks, out = tmp_path / "talks", tmp_path / "index"
    text = interview("harbours")
    for name, time in (
        ("Omar Haddad", "2026-11-20T12:00:00"),
        ("Iris Vale", "2026-11-19T12:00:00"),
        ("Kim Alder", "2026-11-18T12:00:00"),
    ):
        clock.says(time)
        write(talks / "harbours.md", text.replace("Omar Haddad", name))
        generation = index(talks, out).generation
    assert generation is not None
    retired = RetiredReader(generation.folder)
    from indexer.catalog import CatalogReader

    catalog = CatalogReader(generation.folder)
    [passage, *_] = [one.passage for one in catalog.all_passages() if one.passage.speaker == "Kim Alder"]
    assert [earlier.name for earlier in retired.earlier_speakers(passage.id)] == ["Iris Vale", "Omar Haddad"]
    catalog.close()
    retired.close()
