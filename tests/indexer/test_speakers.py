from __future__ import annotations

import pytest

from indexer.speakers import resolve_speakers
from indexer.types import Dropped, Person, Role, Speaker, Transcript
from tests.indexer.making import spoken

ANSWER = "We counted the gauges for nine years, one at a time, and then all of them again for good measure."


def names(transcript: Transcript) -> dict[str, str]:
    return {label: speaker.name for label, speaker in resolve_speakers(transcript).items()}


def roles(transcript: Transcript) -> dict[str, Role]:
    return {speaker.name: speaker.role for speaker in resolve_speakers(transcript).values()}


def known(speaker: Speaker) -> tuple[str, Role, float, tuple[str, ...], str | None]:
    return speaker.name, speaker.role, speaker.confidence, speaker.aliases, speaker.description


def test_spellings_that_differ_in_case_are_one_person() -> None:
    found = resolve_speakers(spoken(("LENA ORTIZ", "Hi."), ("Lena Ortiz", "So."), ("lena ortiz", "Bye.")))
    assert len(set(found.values())) == 1
    assert found["LENA ORTIZ"].name == "Lena Ortiz"
    assert found["LENA ORTIZ"].aliases == ("LENA ORTIZ", "lena ortiz")


def test_a_name_seen_in_capitals_alone_stays_in_capitals() -> None:
    assert names(spoken(("LENA ORTIZ", "Hi."))) == {"LENA ORTIZ": "LENA ORTIZ"}


def test_a_first_name_joins_the_one_full_name_among_the_labels() -> None:
    talk = spoken(("Lena Ortiz", "Hi."), ("Lena", "So."), ("LENA", "Bye."), ("Omar", "Hm."))
    assert names(talk) == {"Lena Ortiz": "Lena Ortiz", "Lena": "Lena Ortiz", "LENA": "Lena Ortiz", "Omar": "Omar"}


def test_a_first_name_joins_the_full_name_that_metadata_states() -> None:
    assert names(spoken(("Lena", "Hi."), people=(Person("Lena Ortiz"),))) == {"Lena": "Lena Ortiz"}


@pytest.mark.parametrize(
    "words",
    [
        "I'm Lena Ortiz, and this is it.",
        "My name is Lena Ortiz.",
        "I’m your host, Lena Ortiz.",
        "This is Lena Ortiz’s show.",
        "Hi! Lena Ortiz and Omar here.",
    ],
)
def test_a_first_name_joins_the_full_name_that_is_introduced(words: str) -> None:
    assert names(spoken(("Lena", words), ("Omar", "Hm."))) == {"Lena": "Lena Ortiz", "Omar": "Omar"}


def test_a_first_name_joins_the_full_name_in_the_title_or_around_the_words() -> None:
    titled = spoken(("Lena", "Hi."), title="Lena Ortiz — Why Dams Leak")
    around = Transcript(titled.utterances, dropped=(Dropped("page furniture", 1, "With Lena Ortiz of Lowmark"),))
    longer = spoken(("Lena", "Hi."), title="Lena Ortiz On Why Every Dam Leaks")
    assert names(titled) == names(around) == names(longer) == {"Lena": "Lena Ortiz"}


def test_a_full_name_keeps_its_particles() -> None:
    assert names(spoken(("Ana", "I'm Ana de la Cruz van den Berg."))) == {"Ana": "Ana de la Cruz van den Berg"}


def test_two_people_joined_by_and_are_no_full_name() -> None:
    assert names(spoken(("Lena", "Lena and Omar Haddad are here."))) == {"Lena": "Lena"}


def test_two_anas_with_different_full_names_are_two_people() -> None:
    talk = spoken(("Ana Ruiz", "Hi."), ("Ana Costa", "Hello."), ("Ana", "Which one?"))
    assert names(talk) == {"Ana Ruiz": "Ana Ruiz", "Ana Costa": "Ana Costa", "Ana": "Ana"}


def test_two_anas_in_the_metadata_leave_a_bare_ana_alone() -> None:
    assert names(spoken(("Ana", "Hi."), people=(Person("Ana Ruiz"), Person("Ana Costa")))) == {"Ana": "Ana"}


def test_people_who_share_a_last_name_are_two() -> None:
    talk = spoken(("Ron Evans", "Hi."), ("Jon Evans", "Hello."), ("Evans", "Yes?"))
    assert names(talk) == {"Ron Evans": "Ron Evans", "Jon Evans": "Jon Evans", "Evans": "Evans"}


def test_a_first_name_is_not_the_beginning_of_another() -> None:
    assert names(spoken(("Ann", "Hi."), ("Anna Costa", "Hello."))) == {"Ann": "Ann", "Anna Costa": "Anna Costa"}


def test_a_stated_role_is_certain() -> None:
    people = (Person("Lena Ortiz", Role.HOST), Person("Omar Haddad", Role.GUEST, "of Lowmark"))
    found = resolve_speakers(spoken(("Omar", "Welcome to the show!"), ("Lena", "Thanks."), people=people))
    assert known(found["Lena"]) == ("Lena Ortiz", Role.HOST, 1.0, ("Lena",), None)
    assert known(found["Omar"]) == ("Omar Haddad", Role.GUEST, 1.0, ("Omar",), "of Lowmark")


def test_a_role_behind_a_label_is_certain_and_no_part_of_the_name() -> None:
    found = resolve_speakers(spoken(("Lena Ortiz (host)", "Hi."), ("Lena Ortiz", "So."), ("Omar", ANSWER)))
    assert known(found["Lena Ortiz"]) == ("Lena Ortiz", Role.HOST, 1.0, ("Lena Ortiz (host)",), None)


def test_a_role_behind_a_first_name_is_the_full_names() -> None:
    found = resolve_speakers(spoken(("Lena (host)", "Hi."), ("Omar", ANSWER), people=(Person("Lena Ortiz"),)))
    assert (found["Lena (host)"].name, found["Lena (host)"].role) == ("Lena Ortiz", Role.HOST)


def test_a_role_stated_of_a_first_name_is_the_full_names() -> None:
    found = resolve_speakers(spoken(("Lena Ortiz", "Hi."), ("Omar", ANSWER), people=(Person("Lena", Role.HOST),)))
    assert (found["Lena Ortiz"].name, found["Lena Ortiz"].role) == ("Lena Ortiz", Role.HOST)


def test_a_role_stated_of_one_of_two_anas_is_nobody_elses() -> None:
    talk = spoken(("Ana Ruiz", ANSWER), ("Ana Costa", ANSWER), ("Omar", ANSWER), people=(Person("Ana", Role.HOST),))
    assert set(roles(talk).values()) == {Role.UNKNOWN}


@pytest.mark.parametrize(
    "words",
    [
        "You're listening to Slack Tide.",
        "I'm your host, as ever.",
        "Welcome back to the Slack Tide podcast.",
        "My guest today has dug four tunnels.",
        "Today I'm joined by Omar Haddad.",
        "Thanks so much for joining us.",
    ],
)
def test_who_presents_the_show_is_the_host_and_the_other_the_guest(words: str) -> None:
    found = resolve_speakers(spoken(("Lena", words), ("Omar", ANSWER)))
    assert {label: speaker.role for label, speaker in found.items()} == {"Lena": Role.HOST, "Omar": Role.GUEST}


def test_who_asks_most_and_says_least_is_a_guessed_host() -> None:
    talk = spoken(("Lena", "How many?"), ("Omar", ANSWER), ("Lena", "And then? Really?"), ("Omar", ANSWER))
    found = resolve_speakers(talk)
    assert (found["Lena"].role, found["Omar"].role) == (Role.HOST, Role.GUEST)
    assert 0 < found["Omar"].confidence <= found["Lena"].confidence <= 0.5


def test_who_is_named_in_the_title_is_a_guest() -> None:
    talk = spoken(("Omar", ANSWER), ("Lena", ANSWER), ("Ana", ANSWER), title="Dams, with Omar Haddad")
    assert roles(talk) == {"Omar Haddad": Role.GUEST, "Lena": Role.UNKNOWN, "Ana": Role.UNKNOWN}


def test_a_role_comes_with_the_reason_for_it() -> None:
    found = resolve_speakers(spoken(("Lena", "I'm your host, as ever."), ("Omar", ANSWER)))
    assert found["Lena"].evidence == "says “I'm your host”"
    assert found["Omar"].evidence == "the only one who speaks with the host"


def test_spellings_that_differ_in_accents_or_titles_are_one_person() -> None:
    labels = ("Noémie Tavares", "NOEMIE TAVARES", "Dr. Noémie Tavares")
    assert set(names(spoken(*((label, "Hi.") for label in labels))).values()) == {"Noémie Tavares"}


@pytest.mark.parametrize("label", ["Break", "Jingle", "OUTRO", "Clip", "Audience Member", "Unknown Speaker"])
def test_a_label_that_is_no_person_is_no_speaker(label: str) -> None:
    assert set(names(spoken(("Lena", "Hi."), (label, "La la la.")))) == {"Lena"}


def test_a_numbered_speaker_is_anonymous_and_takes_nobodys_name() -> None:
    found = resolve_speakers(spoken(("SPEAKER_1", "I'm Lena Ortiz."), ("Lena", "No, I am.")))
    assert (found["SPEAKER_1"].name, found["SPEAKER_1"].anonymous) == ("SPEAKER_1", True)
    assert not found["Lena"].anonymous


def test_nothing_is_guessed_where_nothing_speaks_for_it() -> None:
    found = resolve_speakers(spoken(("Lena", ANSWER), ("Omar", ANSWER), (None, "Applause.")))
    assert {(speaker.role, speaker.confidence) for speaker in found.values()} == {(Role.UNKNOWN, 0.0)}


def test_speech_that_nobody_is_named_for_makes_no_speaker() -> None:
    assert resolve_speakers(spoken((None, "Hello."))) == {}
