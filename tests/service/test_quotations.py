from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.quotations import find_quotations

ILSE, CALDER = PEOPLE = ("Ilse Brandvold", "Calder Nwosu")


@pytest.mark.parametrize(
    ("draft", "expected"),
    [
        ('Ilse Brandvold told me: "It is always the nurse."', [("It is always the nurse.", ILSE)]),
        ("“It is always the nurse,” said Ilse Brandvold.", [("It is always the nurse,", ILSE)]),
        (
            "“It is always the nurse,” said Brandvold. Ilse Brandvold is here.",
            [("It is always the nurse,", ILSE)],
        ),
        ("According to Jane Roe, «nothing was ever rewound».", [("nothing was ever rewound", "Jane Roe")]),
        ("‘It’s always the nurse,’ Calder Nwosu says.", [("It’s always the nurse,", CALDER)]),
        (
            "Calder Nwosu runs a dam. “I would build three,” he said.",
            [("I would build three,", CALDER)],
        ),
        (
            "He said “she told me ‘never again’ and left the room”.",
            [("she told me ‘never again’ and left the room", None)],
        ),
        ('A "smart" reader knows the "big thing".', []),
        ('It is 6" long and 4" wide, they say.', []),
        ("“We saw it\nall of it,” Calder Nwosu said.", [("We saw it\nall of it,", CALDER)]),
        (
            "> The doctor says nothing.\n> Nothing at all.\n> — Calder Nwosu, engineer\n",
            [("The doctor says nothing.\nNothing at all.", CALDER)],
        ),
        (
            "Ilse Brandvold puts it so:\n\n> “It is always the nurse.”\n\nAnd so on.",
            [("It is always the nurse.", ILSE)],
        ),
        (
            "“One two three four,” said Ilse Brandvold. “Five six seven eight,” said Calder Nwosu.",
            [("One two three four,", ILSE), ("Five six seven eight,", CALDER)],
        ),
    ],
)
def test_quotations_and_whose_they_are(draft: str, expected: list[tuple[str, str | None]]) -> None:
    found = find_quotations(draft, PEOPLE)
    assert [(quotation.text, quotation.attributed_to) for quotation in found] == expected


@settings(max_examples=200, deadline=None)
@given(st.text('“”"‘’«»>\n .,aIlse Brandvoldsaid—[]', max_size=120))
def test_any_draft_can_be_read_and_quotations_stand_where_they_are_said_to(draft: str) -> None:
    for quotation in find_quotations(draft, PEOPLE):
        assert 0 <= quotation.start < quotation.end <= len(draft)
        assert quotation.text.split()[0] in draft[quotation.start : quotation.end]


@pytest.mark.parametrize(
    "piece",
    ["Aa ", "A. ", "says ", '"a b ', "“a b c ", "‘a ", "> a b c\n\n", "— Aa ", "\n", "Ilse Brandvold “a b c”. "],
)
def test_reading_a_draft_takes_time_in_proportion_to_its_length(piece: str) -> None:
    """Ends within moments; where the time grew with the square of the length, nobody would wait for it."""
    find_quotations(piece * (200_000 // len(piece)), PEOPLE)
