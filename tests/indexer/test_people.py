from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from indexer.errors import ArchiveError
from indexer.names import name_key
from indexer.people import Appearance, join_people, read_people
from indexer.types import Person, Role, Speaker
from tests.indexer.making import write

HOST, GUEST, UNKNOWN = Role.HOST, Role.GUEST, Role.UNKNOWN


def joined(*episodes: Sequence[Speaker | str], stated: dict[str, Person] | None = None) -> list[Speaker]:
    appearances = [
        Appearance(number, "Slack Tide", speaker if isinstance(speaker, Speaker) else Speaker(speaker, UNKNOWN, 0.0))
        for number, speakers in enumerate(episodes)
        for speaker in speakers
    ]
    return join_people(appearances, stated or {})


def test_one_name_has_the_spelling_that_occurs_most_often() -> None:
    found = joined(["Noémie Varga"], ["NOEMIE VARGA"], ["Noémie Varga"])
    assert {speaker.name for speaker in found} == {"Noémie Varga"}
    assert found[1].aliases == ("NOEMIE VARGA",)


def test_names_that_differ_are_different_people() -> None:
    names = ["Ron Evans", "Jon Evans", "Ana Ruiz", "Ana Costa"]
    assert [speaker.name for speaker in joined(*[[name] for name in names])] == names


def test_a_first_name_is_the_full_name_that_recurs_in_the_show() -> None:
    found = joined(["Lena Ortiz"], ["Lena Ortiz"], ["Lena"])
    assert (found[2].name, found[2].aliases) == ("Lena Ortiz", ("Lena",))


@pytest.mark.parametrize("others", [["Lena Ortiz"], ["Lena Ortiz", "Lena Ortiz", "Lena Haddad", "Lena Haddad"]])
def test_a_first_name_that_no_one_alone_can_own_stays(others: list[str]) -> None:
    assert joined(*[[name] for name in others], ["Lena"])[-1].name == "Lena"


def test_a_numbered_speaker_is_nobody_elses_across_episodes() -> None:
    anonymous = Speaker("Speaker 1", UNKNOWN, 0.0, anonymous=True)
    assert [(s.name, s.role) for s in joined(*[[anonymous]] * 6)] == [("Speaker 1", UNKNOWN)] * 6


def test_who_speaks_in_most_episodes_is_the_host_and_the_others_are_guests() -> None:
    found = joined(*[["Lena Ortiz", f"Guest Number{letter}"] for letter in "ABCD"])
    assert [speaker.role for speaker in found] == [HOST, GUEST] * 4
    assert found[0].evidence == "speaks in 4 of 4 episodes of Slack Tide"


def test_a_stated_role_is_not_outvoted() -> None:
    stated = Speaker("Lena Ortiz", GUEST, 1.0)
    assert {speaker.role for speaker in joined(*[[stated]] * 5)} == {GUEST}


def test_the_users_own_list_wins_over_every_guess(tmp_path: Path) -> None:
    path = write(
        tmp_path / "speakers.yaml", "Lena Ortiz:\n  aliases: [Leni, L. O.]\n  role: host\nOmar Haddad: [Omi]\n"
    )
    found = joined(["LENI", "Omi", "Ana"], stated=read_people(path))
    assert [(s.name, s.role) for s in found[:2]] == [("Lena Ortiz", HOST), ("Omar Haddad", GUEST)]
    assert found[0].evidence == "stated in the list of speakers"
    assert found[0].aliases == ("LENI", "Leni", "L. O.")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("Lena: {role: chief}", "'Lena': expected a list of aliases, or {aliases: [...], role: host or guest}."),
        ("Lena: [1, [2]]", "'Lena': expected a list of aliases, or {aliases: [...], role: host or guest}."),
        ("Lena: [Leni]\nLeona: [LENI]", "'LENI' is given to both Lena and Leona."),
        ("Lena: [", "line 1: the metadata is no valid YAML"),
    ],
)
def test_a_list_of_speakers_that_cannot_be_understood_names_the_entry(
    content: str, message: str, tmp_path: Path
) -> None:
    path = write(tmp_path / "speakers.yaml", content)
    with pytest.raises(ArchiveError) as error:
        read_people(path)
    assert str(error.value).startswith(f"{path}: {message}")


def test_a_key_is_the_same_for_all_spellings_of_a_name() -> None:
    assert name_key("Dr. Noémie  Varga") == name_key("NOEMIE VARGA") != name_key("Noa Varga")
