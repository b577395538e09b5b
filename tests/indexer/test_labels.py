from __future__ import annotations

import pytest

from indexer.labels import is_label, split_label

NAMES = [
    "Lena",
    "Lena Ortiz",
    "LENA ORTIZ",
    "Ana de Souza (host)",
    "Dr. Mei-Ling Wu",
    "Jean-Luc d'Arc",
    "Ægir Þórsson",
    "Lena Ortiz & Omar Haddad",
    "SPEAKER_00",
    "Speaker 1",
    "Ludwig van der Aa",
    "J. R. Okafor",
    "李 小龍",
    "فاطمة الزهراء",
    "रवि शंकर",
    "Jose\u0301 Quin\u0303ones",
]
NO_NAMES = [
    "",
    "So here's the thing",
    "Note",
    "Q",
    "The question is",
    "And then",
    "dr. who",
    "Lena said",
    "Three things",
    "lenny",
    "12",
    "-",
    "One Two Three Four Five Six Seven",
    "Lena, Omar",
    "Really? Lena",
    "X" * 61,
    "所以事情是这样的我们今年已经落后了很多很多你知道吗",
]


@pytest.mark.parametrize("text", NAMES)
def test_a_name_is_a_label(text: str) -> None:
    assert is_label(text)


@pytest.mark.parametrize("text", NO_NAMES)
def test_the_start_of_a_sentence_is_no_label(text: str) -> None:
    assert not is_label(text)


def test_a_name_before_a_colon_is_split_off() -> None:
    assert split_label("Lena Ortiz: Good morning.") == ("Lena Ortiz", "Good morning.")
    assert split_label("Lena:") == ("Lena", "")


@pytest.mark.parametrize(
    "text",
    [
        "So here's the thing: we're behind.",
        "At 08:15 we left.",
        "Look: no hands.",
        "Lena:no blank behind it",
        "He asked me: why?",
        "See https://example.org now",
    ],
)
def test_words_with_a_colon_in_them_stay_whole(text: str) -> None:
    assert split_label(text) == (None, text)
