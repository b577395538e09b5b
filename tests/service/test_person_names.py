from __future__ import annotations

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service import person_names
from service.person_names import person_name


@pytest.mark.parametrize(
    ("spelled", "family", "given_names", "suffix"),
    [
        ("Calder Nwosu", "Nwosu", "Calder", ""),
        ("Ada B. Lovelace", "Lovelace", "Ada B.", ""),
        ("Tobias Achterberg-Nakamura", "Achterberg-Nakamura", "Tobias", ""),
        ("Marguerite van der Oyelaran-Smith", "van der Oyelaran-Smith", "Marguerite", ""),
        ("María de la Cruz Ilves", "de la Cruz Ilves", "María", ""),
        ("Robert De Nwosu", "De Nwosu", "Robert", ""),
        ("Erik St. Ilves", "St. Ilves", "Erik", ""),
        ("Van Ilves", "Ilves", "Van", ""),
        ("von Brandvold", "von Brandvold", "", ""),
        ("José Ortega y Tavares", "Ortega y Tavares", "José", ""),
        ("Dr. Ada Lovelace", "Lovelace", "Ada", ""),
        ("Prof. Dr. Ada Lovelace", "Lovelace", "Ada", ""),
        ("Drew Lovelace", "Lovelace", "Drew", ""),
        ("Ada Lovelace, PhD", "Lovelace", "Ada", ""),
        ("Ada Lovelace Jr.", "Lovelace", "Ada", "Jr."),
        ("Ada Lovelace, Jr., M.D.", "Lovelace", "Ada", "Jr."),
        ("Ada Lovelace III", "Lovelace", "Ada", "III"),
        ("danah ilves", "ilves", "danah", ""),
        ("Шура Иванова", "Иванова", "Шура", ""),
        ("Siobhán O’Ilves", "O’Ilves", "Siobhán", ""),
    ],
)
def test_names_come_apart(spelled: str, family: str, given_names: str, suffix: str) -> None:
    name = person_name(spelled)
    assert (name.family, name.given, name.suffix) == (family, given_names, suffix)


@pytest.mark.parametrize(
    "spelled",
    [
        "Ilse",
        "Dr. Ilse",
        "Lovelace Jr.",
        "山田太郎",
        "山田 太郎",
        "김 하나",
        "أحمد علي",
        "Speaker 1",
        "Ada L.",
        "Ada and Ilse",
        "Ada & Ilse",
        "Head of Storage",
        "Nwosu, Calder",
        "Ada (Grid Lab)",
        'Ada "X" Lovelace',
    ],
)
def test_a_name_whose_parts_are_not_sure_stays_whole(spelled: str) -> None:
    name = person_name(spelled)
    assert name.family == ""
    assert {name.natural, name.inverted, name.initialed, name.initials_first, name.short} == {spelled}


@pytest.mark.parametrize(
    ("spelled", "natural", "inverted", "initialed", "initials_first"),
    [
        ("Ada Lovelace Jr.", "Ada Lovelace Jr.", "Lovelace, Ada, Jr.", "Lovelace, A., Jr.", "A. Lovelace Jr."),
        ("Jean-Paul Ilves", "Jean-Paul Ilves", "Ilves, Jean-Paul", "Ilves, J.-P.", "J.-P. Ilves"),
        ("J.R. Ilves", "J.R. Ilves", "Ilves, J.R.", "Ilves, J. R.", "J. R. Ilves"),
        ("Dr. Ada van Ilves", "Ada van Ilves", "van Ilves, Ada", "van Ilves, A.", "A. van Ilves"),
        ("E\u0301lise Ilves", "E\u0301lise Ilves", "Ilves, E\u0301lise", "Ilves, É.", "É. Ilves"),
    ],
)
def test_how_references_write_a_name(
    spelled: str, natural: str, inverted: str, initialed: str, initials_first: str
) -> None:
    name = person_name(spelled)
    assert (name.natural, name.inverted, name.initialed) == (natural, inverted, initialed)
    assert name.initials_first == initials_first


@given(st.text("AdaÉ李 van.,-’'Jr1\t", min_size=1, max_size=30))
def test_no_part_of_a_name_is_made_up(spelled: str) -> None:
    name = person_name(spelled)
    assert name.short
    for part in (name.family, name.given, name.suffix):
        assert part in " ".join(spelled.split())


def test_the_examples_in_the_docstrings_are_true() -> None:
    assert doctest.testmod(person_names).failed == 0
