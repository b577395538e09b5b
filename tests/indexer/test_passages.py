from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from embeddings.fake import FakeEmbedder
from indexer.passages import Chunking, embedded_text, make_passages
from indexer.segments import Segment
from indexer.types import Episode, Kind, Passage, Role, Speaker, TimeMark, TimeSource, Turn
from tests.indexer.making import LENA, OMAR, episode_with, passages_of

COUNT = FakeEmbedder().count_tokens
WORDS = st.sampled_from("grid, water never. Really? the why it's 3.5 harbour; …and « Dr. thing: naïve 日本 so!".split())
LONG_WORD = st.text("abcdefg", min_size=20, max_size=60)


@st.composite
def episodes(draw: st.DrawFn) -> Episode:
    """Turns of any length, in any voice and section, some with stamps."""
    turns = []
    for _ in range(draw(st.integers(0, 7))):
        said = draw(st.lists(WORDS, min_size=1, max_size=draw(st.sampled_from([4, 30, 150]))))
        breaks = draw(st.sampled_from([" ", " ", "\n"]))
        text = " ".join(said[: len(said) // 2]) + breaks + " ".join(said[len(said) // 2 :])
        marks = draw(st.sampled_from([(), (TimeMark(0, 5.0),), (TimeMark(0, 5.0), TimeMark(len(text) // 2, 9.0))]))
        speaker = draw(st.sampled_from([LENA, OMAR, None]))
        turns.append(Turn(speaker, text.strip(), draw(st.sampled_from([None, "The long road"])), marks=marks))
    speakers = (Speaker(LENA, Role.HOST, 1.0), Speaker(OMAR, Role.GUEST, 1.0))
    title = draw(st.sampled_from(["T", "A title of quite a few words that somebody wrote — all of them"]))
    return replace(episode_with(turns), title=title, speakers=speakers)


windows = st.integers(20, 300)
chunkings = st.builds(Chunking, max_tokens=st.integers(10, 300), header_tokens=st.integers(0, 60))


@settings(max_examples=60, deadline=None)
@given(episodes(), chunkings, windows)
def test_every_passage_fits_the_models_window_with_its_header(e: Episode, chunking: Chunking, window: int) -> None:
    for passage in passages_of(e, chunking, window):
        text, _ = embedded_text(passage)
        assert COUNT([text])[0] <= window
        assert COUNT([passage.text])[0] <= chunking.max_tokens


@settings(max_examples=60, deadline=None)
@given(episodes(), chunkings, windows)
def test_a_passage_is_a_stretch_of_one_speakers_turn_word_for_word(e: Episode, chunking: Chunking, window: int) -> None:
    for passage in passages_of(e, chunking, window):
        turn, offset = e.turns[passage.turn], e.turn_offsets[passage.turn]
        assert e.text[passage.char_start : passage.char_end] == passage.text == passage.text.strip()
        assert offset <= passage.char_start < passage.char_end <= offset + len(turn.text)
        assert (passage.speaker, passage.section, passage.kind) == (turn.speaker, turn.section, Kind.CONTENT)


@settings(max_examples=60, deadline=None)
@given(episodes(), chunkings, windows)
def test_sentences_lie_inside_their_passage_and_cover_it(e: Episode, chunking: Chunking, window: int) -> None:
    for passage in passages_of(e, chunking, window):
        spans = passage.sentences
        assert (spans[0][0], spans[-1][1]) == (passage.char_start, passage.char_end)
        assert all(left[1] <= right[0] for left, right in pairwise(spans))
        assert "".join(e.text[start:end] for start, end in spans).split() == [
            *"".join(passage.text[s - passage.char_start : t - passage.char_start] for s, t in spans).split()
        ]
        text, inside = embedded_text(passage)
        assert [text[start:end] for start, end in inside] == [e.text[start:end] for start, end in spans]


@settings(max_examples=60, deadline=None)
@given(episodes(), chunkings, windows)
def test_every_word_is_in_one_passage_or_in_a_turn_too_short_for_one(
    e: Episode, chunking: Chunking, window: int
) -> None:
    passages = passages_of(e, chunking, window)
    for number, turn in enumerate(e.turns):
        indexed = [word for passage in passages if passage.turn == number for word in passage.text.split()]
        assert indexed == (turn.text.split() if len(turn.text.split()) >= chunking.min_words else [])


@settings(max_examples=60, deadline=None)
@given(episodes(), chunkings, windows)
def test_ids_are_unique_and_the_same_every_time(e: Episode, chunking: Chunking, window: int) -> None:
    passages = passages_of(e, chunking, window)
    assert len({passage.id for passage in passages}) == len(passages)
    assert passages_of(e, chunking, window) == passages


@settings(max_examples=30, deadline=None)
@given(st.lists(LONG_WORD, min_size=6, max_size=12), st.integers(12, 40))
def test_words_without_end_are_cut_until_they_fit(words: list[str], window: int) -> None:
    text = "x,".join(words) + " and five words more here"
    passages = passages_of(episode_with([Turn(LENA, text)]), window=window)
    assert all(COUNT([embedded_text(p)[0]])[0] <= window for p in passages)
    assert "".join(p.text for p in passages).replace(" ", "") == text.replace(" ", "")


@settings(max_examples=30, deadline=None)
@given(episodes(), windows)
def test_every_passage_fits_where_a_whole_counts_more_tokens_than_its_parts(e: Episode, window: int) -> None:
    def count(texts: Sequence[str]) -> list[int]:
        return [tokens + tokens * tokens // 150 for tokens in COUNT(texts)]

    passages = make_passages(e, (), Chunking(), count, window)
    assert all(count([embedded_text(passage)[0]])[0] <= window for passage in passages)
    assert [word for passage in passages for word in passage.text.split()] == [
        word for turn in e.turns if len(turn.text.split()) >= Chunking().min_words for word in turn.text.split()
    ]


def test_a_few_words_behind_a_long_sentence_are_not_lost() -> None:
    long = "we " + "counted them and " * 30 + "stopped."
    passages = cut(Turn(OMAR, f"{long} No."), chunking=Chunking(max_tokens=93))
    assert [p.text for p in passages] == [long, "No."]


def cut(*turns: Turn, speakers: tuple[Speaker, ...] = (), chunking: Chunking | None = None) -> list[Passage]:
    episode = replace(episode_with(turns), speakers=speakers)
    return passages_of(episode, chunking)


def sentence(number: int, words: int = 10) -> str:
    return f"Sentence {number} " + "goes on and " * ((words - 4) // 3) + "ends here."


def test_a_turn_of_a_few_words_is_no_passage_but_keeps_its_place_in_the_text() -> None:
    passages = cut(Turn(LENA, "Yeah."), Turn(OMAR, "We counted every gauge on that quay."))
    assert [(p.text, p.turn, p.char_start) for p in passages] == [("We counted every gauge on that quay.", 1, 7)]


def test_passages_of_one_turn_are_even() -> None:
    text = " ".join(sentence(n) for n in range(12))
    passages = cut(Turn(OMAR, text), chunking=Chunking(max_tokens=100))
    assert len({len(passage.sentences) for passage in passages}) == 1


def test_a_paragraphs_end_is_the_better_place_for_a_break() -> None:
    text = f"{sentence(1)} {sentence(2)} {sentence(3)}\n{sentence(4)} {sentence(5)} {sentence(6)}"
    passages = cut(Turn(OMAR, text), chunking=Chunking(max_tokens=50))
    assert [p.text for p in passages] == text.split("\n")


def test_the_header_names_title_section_and_speaker() -> None:
    turn = Turn(OMAR, sentence(1), "At the quay")
    assert cut(turn)[0].header == "E — At the quay\nOmar Haddad: "
    assert cut(replace(turn, speaker=None, section=None))[0].header == "E\n"


def test_a_long_title_is_cut_at_a_word_and_the_speaker_stays() -> None:
    episode = replace(episode_with([Turn(OMAR, sentence(1))]), title="one two three four five six seven")
    passages = passages_of(episode, Chunking(header_tokens=7))
    assert passages[0].header == "one two three four\nOmar Haddad: "


def test_a_title_of_one_endless_word_leaves_the_speaker_in_the_header() -> None:
    episode = replace(episode_with([Turn(OMAR, sentence(1))]), title="a.b.c.d.e.f.g.h.i.j")
    assert passages_of(episode, Chunking(header_tokens=7))[0].header == "Omar Haddad: "


def test_an_answer_knows_its_question_past_a_nod() -> None:
    speakers = (Speaker(LENA, Role.HOST, 1.0), Speaker(OMAR, Role.GUEST, 1.0))
    question = Turn(LENA, "What did you find under the old quay there?")
    turns = [question, Turn(OMAR, sentence(1)), Turn(LENA, "Mm-hm."), Turn(OMAR, sentence(2)), Turn(LENA, sentence(3))]
    assert [(p.turn, p.question_turn) for p in cut(*turns, speakers=speakers)] == [(0, None), (1, 0), (3, 0), (4, None)]


def test_an_answer_to_the_audience_knows_what_the_audience_asked() -> None:
    speakers = (Speaker(LENA, Role.HOST, 1.0), Speaker(OMAR, Role.GUEST, 1.0))
    asked = Turn(LENA, "What did you find under the old quay there?")
    heard = Turn(None, "And who paid for the digging in the end?", flags=("audience",))
    laughs = Turn(None, "That was not what we came here for.", flags=("audience",))
    turns = [asked, Turn(OMAR, sentence(1)), heard, Turn(OMAR, sentence(2)), laughs, Turn(OMAR, sentence(3))]
    passages = cut(*turns, speakers=speakers)
    assert [p.question_turn for p in passages if p.speaker == OMAR] == [0, 2, 2]


def test_what_stands_under_a_replies_to_what_stands_under_q() -> None:
    asked = Turn(None, "What did you find under the old quay there", flags=("question",))
    told = Turn(None, sentence(1), flags=("answer",))
    assert [p.question_turn for p in cut(asked, told, asked, told)] == [None, 0, None, 2]


def test_without_a_known_host_a_question_is_what_asks() -> None:
    told, asked = Turn(LENA, sentence(1)), Turn(LENA, "And what did they find under it?")
    assert [p.question_turn for p in cut(told, Turn(OMAR, sentence(2)), asked, Turn(OMAR, sentence(3)))] == [
        None,
        None,
        None,
        2,
    ]


def test_a_passage_is_timed_where_its_words_are() -> None:
    turn = Turn(OMAR, sentence(1), marks=(TimeMark(0, 61.0),), end_s=70.0)
    (passage,) = cut(turn)
    assert (passage.start_s, passage.end_s, passage.time) == (61.0, 70.0, TimeSource.EXACT)
    (untimed,) = cut(replace(turn, marks=(), end_s=None))
    assert (untimed.start_s, untimed.end_s, untimed.time) == (None, None, TimeSource.ABSENT)


def test_a_flag_is_the_passages_own_not_the_whole_turns() -> None:
    text = f"{sentence(1, 30)} {sentence(2, 30)}\nIt was [inaudible] there and there and there again {sentence(3, 30)}"
    passages = cut(Turn(OMAR, text, flags=("inaudible",)), chunking=Chunking(max_tokens=80))
    assert {"[inaudible]" in p.text: p.flags for p in passages} == {False: (), True: ("inaudible",)}


def test_the_same_words_twice_in_one_episode_have_two_ids() -> None:
    first, second = cut(Turn(OMAR, sentence(1)), Turn(LENA, "Hm."), Turn(OMAR, sentence(1)))
    assert first.text == second.text
    assert first.id != second.id


def test_an_id_survives_new_words_before_it() -> None:
    kept = Turn(OMAR, sentence(1))
    assert cut(kept)[0].id == cut(Turn(LENA, sentence(2)), kept)[1].id


def test_a_passage_never_spans_a_segments_border() -> None:
    text = f"{sentence(1)} {sentence(2)} {sentence(3)}"
    episode = episode_with([Turn(LENA, sentence(0)), Turn(OMAR, text)])
    start = episode.text.index("Sentence 2")
    segment = Segment(1, start, episode.text.index(" Sentence 3"), Kind.SPONSOR, said_again_at=7)
    passages = make_passages(episode, [segment], Chunking(), COUNT, 254)
    assert [(p.text, p.kind, p.said_again_at) for p in passages] == [
        (sentence(0), Kind.CONTENT, None),
        (sentence(1), Kind.CONTENT, None),
        (sentence(2), Kind.SPONSOR, 7),
        (sentence(3), Kind.CONTENT, None),
    ]
