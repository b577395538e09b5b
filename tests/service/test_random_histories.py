"""Archives that change at random: whatever happens to a transcript, what is said of every id that ever was holds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from embeddings.fake import FakeEmbedder
from indexer.generations import current_generation
from indexer.passages import Chunking
from indexer.types import Turn as StoredTurn
from service import schemas
from service.archive import Archive, assemble
from service.by_id import passage_by_id
from service.whereabouts import Status
from tests.indexer.making import LENA, OMAR, index, markdown, write

Turn = tuple[str, str]
Talks = dict[str, list[Turn]]
Change = Callable[[Talks], None]

IRIS = "Iris Vale"
PEOPLE = (LENA, OMAR, IRIS)
# Few, so that the same words are said often, by several people and in several places.
SENTENCES = (
    "The harbour froze over in the first winter that we spent there.",
    "Nobody had measured the weir before we came with our own gauge.",
    "I would do all of it again, but never again in that order.",
    "What did you find when the water had gone out of the lock?",
    "We found silt, and below the silt we found the old road.",
    "Is there anything that you would tell a younger engineer today?",
    "Thank you for listening, and see you again in the coming week.",
)
_NAMES = ("harbours", "weirs", "locks")

turns = st.tuples(st.sampled_from(PEOPLE), st.lists(st.sampled_from(SENTENCES), min_size=1, max_size=4).map(" ".join))
talk = st.lists(turns, min_size=2, max_size=7)
place = st.integers(0, 6)
name = st.sampled_from(_NAMES)


def _put(name: str, turns: list[Turn]) -> Change:
    return lambda talks: talks.update({name: list(turns)})


def _remove(name: str) -> Change:
    return lambda talks: talks.pop(name, None) if len(talks) > 1 else None  # type: ignore[return-value]


def _rename(name: str, other: str) -> Change:
    def change(talks: Talks) -> None:
        if name in talks:
            talks[other] = talks.pop(name)

    return change


def _turn(name: str, place: int, change: Callable[[Turn], list[Turn]]) -> Change:
    def changed(talks: Talks) -> None:
        if name in talks:
            found = talks[name]
            at = place % len(found)
            found[at : at + 1] = change(found[at])

    return changed


def _interrupted(turn: Turn) -> list[Turn]:
    who, words = turn
    half = len(words) // 2
    at = words.find(" ", half)
    by = next(person for person in PEOPLE if person != who)
    return [turn] if at < 0 else [(who, words[:at]), (by, "Wait, what was that?"), (who, words[at + 1 :])]


changes = st.one_of(
    st.builds(_put, name, talk),
    st.builds(_remove, name),
    st.builds(_rename, name, name),
    st.builds(
        lambda n, p, w: _turn(n, p, lambda turn: [(turn[0], turn[1].replace("the", w, 1))]),
        name,
        place,
        st.sampled_from(["a", "an old"]),
    ),
    st.builds(lambda n, p, who: _turn(n, p, lambda turn: [(who, turn[1])]), name, place, st.sampled_from(PEOPLE)),
    st.builds(lambda n, p, new: _turn(n, p, lambda turn: [new, turn]), name, place, turns),
    st.builds(lambda n, p: _turn(n, p, lambda turn: [turn, turn]), name, place),
    st.builds(lambda n, p: _turn(n, p, _interrupted), name, place),
)
steps = st.lists(
    st.tuples(st.lists(changes, min_size=1, max_size=3), st.sampled_from([12, 30, 200])), min_size=1, max_size=4
)


@settings(max_examples=25, deadline=None)
@given(first=st.fixed_dictionaries({"harbours": talk, "weirs": talk}), steps=steps)
def test_what_is_said_of_every_id_that_ever_was_holds(first: Talks, steps: list[tuple[list[Change], int]]) -> None:
    with TemporaryDirectory() as folder:
        out, embedder = Path(folder) / "index", FakeEmbedder()
        talks = {name: list(turns) for name, turns in first.items()}
        ever: dict[str, set[str | None]] = {}
        for wanted, max_tokens in [([], 200), *steps]:
            for change in wanted:
                change(talks)
            _write(talks, Path(folder) / "talks")
            index(Path(folder) / "talks", out, embedder, chunking=Chunking(max_tokens=max_tokens))
            archive = assemble(current_generation(out), embedder)
            for stored in archive.catalog.all_passages():
                ever.setdefault(stored.passage.id, set()).add(stored.passage.speaker)
            for passage_id, speakers in ever.items():
                _check(passage_id, speakers, archive)
            archive.close()


def _write(talks: Talks, folder: Path) -> None:
    for path in folder.glob("*.md"):
        path.unlink()
    for name, said in talks.items():
        write(folder / f"{name}.md", markdown(*said))


def _check(passage_id: str, speakers: set[str | None], archive: Archive) -> None:
    answer = passage_by_id(passage_id, archive)
    assert answer is not None
    live = archive.catalog.passages_by_id([passage_id])
    if isinstance(answer, schemas.CurrentPassage):
        assert live
        assert speakers <= {answer.speaker.name, *(one.name for one in answer.earlier_speakers)}
        return
    assert not live
    assert answer.was is not None
    assert speakers <= {answer.was.speaker.name, *(one.name for one in answer.earlier_speakers)}
    if answer.now is None:
        assert answer.status is Status.GONE
        _check_gone(answer.was, archive)
        return
    [row] = [row for row in archive.catalog.episodes if row.id == answer.now.episode.id]
    text, stored = archive.catalog.text(row.number), archive.catalog.turns(row.number)
    for stretch in answer.now.stretches:
        start, end, turn = stored[stretch.turn]
        assert start <= stretch.char_start < stretch.char_end <= end
        assert text[stretch.char_start : stretch.char_end] == stretch.text
        assert turn.speaker == answer.now.speaker.name
    words = [word for stretch in answer.now.stretches for word in stretch.text.split()]
    is_same = answer.now.speaker.name == answer.was.speaker.name
    if answer.status is Status.MOVED:
        assert (words, is_same) == (answer.was.text.split(), True)
    else:
        assert " ".join(change.was for change in answer.diff).split() == answer.was.text.split()
        assert " ".join(change.now for change in answer.diff).split() == words
        assert words != answer.was.text.split() or not is_same or len(answer.now.stretches) > 1


def _check_gone(was: schemas.PassageThen, archive: Archive) -> None:
    """Nobody who said it says it in a turn of its own episode."""
    assert was.episode is not None
    for row in archive.catalog.episodes:
        if row.id == was.episode.id:
            assert not any(_holds(turn, was) for _, _, turn in archive.catalog.turns(row.number))


def _holds(turn: StoredTurn, was: schemas.PassageThen) -> bool:
    return turn.speaker == was.speaker.name and was.text in turn.text
