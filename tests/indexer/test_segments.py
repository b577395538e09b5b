from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.segments import Segment, find_segments
from indexer.types import Episode, Kind, Role, Speaker, Turn
from tests.indexer.making import LENA, OMAR, episode_with

SPEAKERS = (Speaker(LENA, Role.HOST, 1.0), Speaker(OMAR, Role.GUEST, 1.0))
TEASER = "A harbour with no accidents is a harbour where nobody ever writes any of them down, and I can prove it."


def filler(count: int) -> str:
    return " ".join(f"Gauge {n} on quay {n * 7} was read by nobody in year {n + 1900}." for n in range(count))


def talk(*turns: tuple[str, str]) -> Episode:
    return replace(episode_with([Turn(speaker, text) for speaker, text in turns]), speakers=SPEAKERS)


def kinds(episode: Episode) -> list[tuple[Kind, str]]:
    return [(segment.kind, episode.text[segment.start : segment.end]) for segment in find_segments(episode)]


def test_a_plain_conversation_is_content_throughout() -> None:
    assert kinds(talk((LENA, "What did you find on the quay?"), (OMAR, filler(30)), (LENA, "And then?"))) == []


def test_a_cold_open_is_a_teaser_that_knows_where_its_words_are_said_again() -> None:
    episode = talk((OMAR, TEASER), (LENA, "So tell me about it."), (OMAR, f"{filler(40)} {TEASER} {filler(3)}"))
    (segment,) = find_segments(episode)
    assert (segment.kind, episode.text[segment.start : segment.end]) == (Kind.TEASER, TEASER)
    assert segment.said_again_at == episode.text.rindex(TEASER)


def test_a_sponsor_read_is_marked_and_what_surrounds_it_is_not() -> None:
    read = (
        "This episode is brought to you by Kestrelmark. They make gauges. Go to kestrelmark.example for a free trial, "
        "and use code TIDE for 20% off."
    )
    episode = talk((OMAR, filler(10)), (LENA, f"Interesting. {read} Now, what about the quays?"), (OMAR, filler(10)))
    assert kinds(episode) == [(Kind.SPONSOR, read)]


def test_a_sponsor_who_is_only_mentioned_is_content() -> None:
    assert kinds(talk((OMAR, f"{filler(5)} The gauges were sponsored by the town. {filler(5)}"), (LENA, "Yes?"))) == []


def test_the_hosts_welcome_is_the_intro_and_the_farewell_the_outro() -> None:
    welcome = "Welcome to Slack Tide. I'm your host, Lena Ortiz."
    thanks = "Thank you so much for joining me, Omar."
    episode = talk((LENA, f"{welcome} What did you find?"), (OMAR, filler(60)), (LENA, thanks), (OMAR, "Bye!"))
    assert kinds(episode) == [(Kind.INTRO, welcome), (Kind.OUTRO, thanks), (Kind.OUTRO, "Bye!")]


sentences = st.sampled_from(
    [
        TEASER,
        "Welcome to the show.",
        "Brought to you by Kestrelmark.",
        "Use code TIDE for 20% off.",
        "Subscribe!",
        "Why?",
    ]
    + [f"Nothing else happened in week {n} of that long year." for n in range(8)]
)
conversations = st.lists(
    st.tuples(st.sampled_from([LENA, OMAR]), st.lists(sentences, min_size=1, max_size=12)), max_size=12
)


@settings(max_examples=100, deadline=None)
@given(conversations)
def test_segments_are_whole_sentences_of_one_turn_in_order_without_overlap(turns: list[tuple[str, list[str]]]) -> None:
    episode = talk(*((speaker, " ".join(said)) for speaker, said in turns))
    end = 0
    for segment in find_segments(episode):
        assert isinstance(segment, Segment)
        offset = episode.turn_offsets[segment.turn]
        assert end <= segment.start < segment.end <= offset + len(episode.turns[segment.turn].text)
        assert offset <= segment.start
        assert segment.kind is not Kind.CONTENT
        assert (segment.said_again_at is not None) == (segment.kind is Kind.TEASER)
        end = segment.end
