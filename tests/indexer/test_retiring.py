"""What an index remembers of the ids that it no longer holds, whatever happens to it."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from indexer import generations
from indexer.catalog import CATALOG_FILE, CatalogReader
from indexer.errors import IndexBroken
from indexer.generations import current_generation, hold_current
from indexer.passages import Chunking
from indexer.retired import RETIRED_FILE, Retired, RetiredReader, unsqueezed
from indexer.retiring import gaps
from tests.indexer.making import LENA, OMAR, index, interview, markdown, write
from tests.indexer.test_generations import kill


def live(out: Path) -> dict[str, str]:
    """The texts of the live passages, by their ids."""
    catalog = CatalogReader(current_generation(out).folder)
    found = {stored.passage.id: stored.passage.text for stored in catalog.all_passages()}
    catalog.close()
    return found


def retired(out: Path, ids: dict[str, str]) -> dict[str, Retired]:
    reader = RetiredReader(current_generation(out).folder)
    found = reader.find(list(ids))
    reader.close()
    return found


@pytest.fixture
def talks(tmp_path: Path) -> Path:
    write(tmp_path / "talks" / "harbours.md", interview("harbours"))
    write(tmp_path / "talks" / "tunnels.md", interview("tunnels"))
    return tmp_path / "talks"


def test_an_index_without_history_has_no_file_of_it(talks: Path, tmp_path: Path) -> None:
    report = index(talks, tmp_path / "index").report
    write(talks / "weirs.md", interview("weirs"))
    index(talks, tmp_path / "index")
    folder = current_generation(tmp_path / "index").folder
    assert (report["ids_retired"], (folder / RETIRED_FILE).exists()) == (0, False)


def test_every_passage_that_is_dropped_is_remembered_as_it_stood(talks: Path, tmp_path: Path) -> None:
    out = tmp_path / "index"
    write(
        talks / "harbours.md", markdown((LENA, "So, what did you find?"), (OMAR, "Silt was all that we found there."))
    )
    first = index(talks, out).generation
    before = live(out)
    catalog = CatalogReader(current_generation(out).folder)
    stood = {stored.passage.id: stored.passage for stored in catalog.all_passages()}
    catalog.close()
    (talks / "tunnels.md").unlink()
    report = index(talks, out).report
    gone = {key: text for key, text in before.items() if key not in live(out)}
    found = retired(out, before)
    assert len(gone) == 4 == report["ids_retired"]
    assert found.keys() == gone.keys()
    assert first is not None
    for key, entry in found.items():
        was = entry.was
        assert (entry.generation, entry.as_of) == (first.manifest.id, first.manifest.created)
        assert was is not None
        passage = stood[key]
        assert (was.text, was.speaker, was.turn) == (passage.text, passage.speaker, passage.turn)
        assert (was.char_start, was.char_end) == (passage.char_start, passage.char_end)
        assert was.episode is not None
        assert (was.episode.source, was.episode.title) == ("tunnels.md", "All about tunnels")


def test_neighbours_are_those_of_the_same_episode(talks: Path, tmp_path: Path) -> None:
    out = tmp_path / "index"
    index(talks, out)
    ids = live(out)
    write(talks / "tunnels.md", interview("weirs"))
    (talks / "harbours.md").unlink()
    index(talks, out)
    entries = [entry.was for entry in retired(out, ids).values() if entry.was]
    chains = {key: entry.was for key, entry in retired(out, ids).items() if entry.was}
    assert len(entries) == 8
    assert sum(was.before is None for was in entries) == sum(was.after is None for was in entries) == 2
    for key, was in chains.items():
        if was.after:
            after = chains[was.after]
            assert after.before == key
            assert after.episode == was.episode
            assert after.char_start > was.char_end


def test_what_comes_back_is_not_retired_any_more_and_the_file_goes_with_the_last(talks: Path, tmp_path: Path) -> None:
    out = tmp_path / "index"
    index(talks, out)
    ids = live(out)
    (talks / "tunnels.md").unlink()
    index(talks, out)
    assert len(retired(out, ids)) == 4
    write(talks / "tunnels.md", interview("tunnels"))
    assert index(talks, out).report["ids_retired"] == 0
    assert retired(out, ids) == {}
    assert not (current_generation(out).folder / RETIRED_FILE).exists()


def test_ids_of_three_generations_ago_are_known_with_the_generation_that_held_them(talks: Path, tmp_path: Path) -> None:
    out = tmp_path / "index"
    held: dict[str, str] = {}
    for step in range(4):
        write(talks / "harbours.md", interview(f"harbours{step}"))
        generation = index(talks, out, chunking=Chunking(max_tokens=200 - step)).generation
        assert generation is not None
        held |= dict.fromkeys(live(out), generation.manifest.id)
    now = live(out)
    found = retired(out, held)
    assert found.keys() == held.keys() - now.keys()
    assert {key: entry.generation for key, entry in found.items()} == {k: held[k] for k in found}
    assert len({entry.generation for entry in found.values()}) == 3


def test_an_unchanged_episode_is_not_compared_and_what_is_remembered_is_copied(
    talks: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "index"
    index(talks, out)
    (talks / "tunnels.md").unlink()
    index(talks, out)
    old = (current_generation(out).folder / RETIRED_FILE).read_bytes()
    compared: list[tuple[int, int]] = []

    def noted(taken: list[slice], total: int) -> list[tuple[int, int]]:
        compared.extend(gaps(taken, total))
        return list(gaps(taken, total))

    monkeypatch.setattr("indexer.retiring.gaps", noted)
    write(talks / "weirs.md", interview("weirs"))
    index(talks, out)
    assert compared == [(4, 8)]
    assert (current_generation(out).folder / RETIRED_FILE).read_bytes() == old


def test_the_same_history_gives_the_same_rows(talks: Path, tmp_path: Path) -> None:
    def rows(out: Path) -> list[tuple[object, ...]]:
        with closing(sqlite3.connect(current_generation(out).folder / RETIRED_FILE)) as db:
            return db.execute(
                "SELECT id, episode, speaker, turn, char_start, before, after, text FROM passages"
            ).fetchall()

    outs = [tmp_path / "one", tmp_path / "other"]
    for out in outs:
        index(talks, out)
    write(talks / "harbours.md", interview("canals"))
    (talks / "tunnels.md").rename(talks / "again.md")
    for out in outs:
        index(talks, out)
    assert rows(outs[0]) == rows(outs[1])
    assert len(rows(outs[0])) == 8


@pytest.mark.parametrize(("aliases", "noted"), [("[Omar]", {"Iris Vale"}), ("[]", {"Iris Vale", "Omar"})])
def test_another_name_is_noted_and_another_spelling_of_it_is_not(aliases: str, noted: set[str], tmp_path: Path) -> None:
    talks, out = tmp_path / "talks", tmp_path / "index"
    said = "We measured the harbour every week of that long and wet winter."
    asked = "What did you measure there, and how often was that?"
    for name in ("Iris Vale", "Omar", OMAR):
        write(talks / "harbours.md", markdown((LENA, asked), (name, said)))
        index(talks, out)
        write(talks / "speakers.yaml", f"{OMAR}: {{aliases: {aliases}}}\n")
    [key] = [key for key, text in live(out).items() if text == said]
    reader = RetiredReader(current_generation(out).folder)
    earlier = reader.earlier_speakers(key)
    reader.close()
    assert {one.name for one in earlier} == noted
    assert retired(out, {key: said}) == {}


def test_who_was_named_before_words_went_away_is_named_when_they_come_back_as_anothers(tmp_path: Path) -> None:
    talks, out = tmp_path / "talks", tmp_path / "index"
    said = "We measured the harbour every week of that long and wet winter."
    for turns in ([(LENA, "And?"), (OMAR, said)], [(LENA, "What is a harbour, after all?")], [(LENA, said)]):
        write(talks / "harbours.md", markdown(*turns))
        index(talks, out)
    [key] = [key for key, text in live(out).items() if text == said]
    reader = RetiredReader(current_generation(out).folder)
    assert [one.name for one in reader.earlier_speakers(key)] == [OMAR]
    reader.close()


@pytest.mark.parametrize("moment", ["embedding", "publishing"])
def test_kill_9_while_indexing_forgets_nothing(moment: str, talks: Path, tmp_path: Path) -> None:
    out = tmp_path / "index"
    index(talks, out)
    (talks / "tunnels.md").unlink()
    index(talks, out)
    served = live(out)
    remembered = RetiredReader(current_generation(out).folder)
    write(talks / "harbours.md", interview("weirs"))
    kill(talks, out, moment)
    assert live(out) == served
    index(talks, out)
    assert len(retired(out, served)) == 4
    with closing(sqlite3.connect(current_generation(out).folder / RETIRED_FILE)) as db:
        assert db.execute("SELECT count(*) FROM passages").fetchone() == (8,)
    remembered.close()


def test_where_another_part_of_the_index_is_broken_its_ids_are_remembered(talks: Path, tmp_path: Path) -> None:
    out = tmp_path / "index"
    index(talks, out)
    ids = live(out)
    (current_generation(out).folder / "columns.npy").write_bytes(b"")
    (talks / "tunnels.md").unlink()
    report = index(talks, out).report
    assert len(retired(out, ids)) == 4
    assert report["notes"] == {}


def test_where_the_catalog_is_broken_the_generation_before_it_is_remembered_and_the_report_says_so(
    talks: Path, tmp_path: Path
) -> None:
    out = tmp_path / "index"
    index(talks, out)
    ids = live(out)
    write(talks / "weirs.md", interview("weirs"))
    broken = index(talks, out).generation
    assert broken is not None
    (broken.folder / CATALOG_FILE).write_bytes(b"")
    (talks / "tunnels.md").unlink()
    report = index(talks, out).report
    assert len(retired(out, ids)) == 4
    assert report["notes"].keys() == {broken.manifest.id}
    assert "the ids of its passages are not remembered" in report["notes"][broken.manifest.id]


def test_an_index_of_another_format_is_remembered_as_far_as_it_can_be_read(
    talks: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "index"
    index(talks, out)
    ids = live(out)
    (talks / "tunnels.md").unlink()
    monkeypatch.setattr(generations, "FORMAT_VERSION", generations.FORMAT_VERSION + 1)
    index(talks, out)
    assert len(retired(out, ids)) == 4


def test_generations_after_the_one_that_was_set_back_to_are_remembered(talks: Path, tmp_path: Path) -> None:
    out = tmp_path / "index"
    write(talks / "canals.md", interview("canals"))
    index(talks, out)
    (talks / "canals.md").unlink()
    first = index(talks, out).generation
    (talks / "tunnels.md").rename(talks / "weirs.md")
    index(talks, out)
    served = live(out)
    assert first is not None
    (out / "CURRENT").write_text(f"{first.manifest.id}\n", encoding="utf-8")
    (talks / "weirs.md").rename(talks / "locks.md")
    index(talks, out)
    assert set(served) <= live(out).keys() | retired(out, served).keys()
    with closing(sqlite3.connect(current_generation(out).folder / RETIRED_FILE)) as db:
        known = {key for (key,) in db.execute("SELECT id FROM passages")}
    assert known.isdisjoint(live(out))
    assert len(known) == 3 * 4


def everything(out: Path) -> bytes:
    """All that is on disk, with what is squeezed as it was."""
    found = [path.read_bytes() for path in out.rglob("*") if path.is_file()]
    for path in out.rglob(RETIRED_FILE):
        with closing(sqlite3.connect(path)) as db:
            texts = db.execute("SELECT text FROM passages WHERE text IS NOT NULL").fetchall()
            found += [unsqueezed(text).encode() for (text,) in texts]
    return b"\n".join(found).lower()


@pytest.fixture
def secret(talks: Path, tmp_path: Path) -> Path:
    """An index that remembers words, a name and a title of an episode that was removed."""
    said = "I carried the zweihander over the mountain in the longest night of the year."
    asked = "What was it that you carried over the mountain?"
    write(talks / "secret.md", markdown((LENA, asked), ("Quentin Wildermuth", said), title="The Blade of Xanthippe"))
    index(talks, tmp_path / "index")
    (talks / "secret.md").unlink()
    index(talks, tmp_path / "index")
    return tmp_path / "index"


SECRETS = (b"zweihander", b"wildermuth", b"xanthippe")


def test_forgetting_leaves_no_word_name_or_title_anywhere_in_the_index(secret: Path, talks: Path) -> None:
    assert all(word in everything(secret) for word in SECRETS)
    with closing(sqlite3.connect(current_generation(secret).folder / RETIRED_FILE)) as db:
        ids = dict(db.execute("SELECT id, episode FROM passages").fetchall())
    outcome = index(talks, secret, forget=True)
    assert (outcome.changed, outcome.still_read) == (True, ())
    assert [word for word in SECRETS if word in everything(secret)] == []
    assert (outcome.report["ids_retired"], outcome.report["ids_forgotten"]) == (2, 2)
    assert {entry.was for entry in retired(secret, ids).values()} == {None}
    assert retired(secret, ids).keys() == ids.keys()


def test_forgetting_twice_changes_nothing_the_second_time(secret: Path, talks: Path) -> None:
    generation = index(talks, secret, forget=True).generation
    again = index(talks, secret, forget=True)
    assert (again.changed, again.generation) == (False, generation)


def test_removing_and_forgetting_at_once_leaves_nothing_either(talks: Path, tmp_path: Path) -> None:
    out = tmp_path / "index"
    write(talks / "secret.md", interview("zweihander"))
    index(talks, out)
    ids = live(out)
    (talks / "secret.md").unlink()
    index(talks, out, forget=True)
    assert b"zweihander" not in everything(out)
    assert len(retired(out, ids)) == 4


def test_forgetting_keeps_words_that_still_stand_wherever_they_do(talks: Path, tmp_path: Path) -> None:
    out = tmp_path / "index"
    write(talks / "secret.md", interview("zweihander"))
    index(talks, out)
    ids = live(out)
    (talks / "tunnels.md").rename(talks / "renamed.md")
    write(talks / "harbours.md", interview("harbours").replace("never", "hardly", 1))
    (talks / "secret.md").unlink()
    index(talks, out, forget=True)
    found = retired(out, ids)
    kept = {ids[key] for key, entry in found.items() if entry.was}
    assert len(found) == 4 + 4 + 1
    assert len(kept) == 4
    assert all("tunnels" in text for text in kept)


def test_a_generation_that_is_still_read_is_named_and_goes_with_the_next_run(
    secret: Path, talks: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("indexer.build.LET_GO_S", 0.0)
    generation, hold = hold_current(secret)
    assert index(talks, secret, forget=True).still_read == (generation.manifest.id,)
    hold.release()
    again = index(talks, secret, forget=True)
    assert (again.changed, again.still_read) == (False, ())
    assert [word for word in SECRETS if word in everything(secret)] == []


def test_an_altered_file_of_the_retired_is_found(secret: Path) -> None:
    path = current_generation(secret).folder / RETIRED_FILE
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(IndexBroken, match=RETIRED_FILE):
        current_generation(secret)
    manifest = json.loads((path.parent / "manifest.json").read_text(encoding="utf-8"))
    assert RETIRED_FILE in manifest["files"]
