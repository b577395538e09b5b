from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.drafts import draft_of_text
from service.quotations import find_quotations, read_quotations

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


@pytest.mark.parametrize(
    ("draft", "expected"),
    [
        # Markup in a quotation is typography.
        ('"It is *always* the **nurse**," says Ilse Brandvold.', [("It is always the nurse,", ILSE)]),
        ('“It is [always the](https://x.example/a_(b) "title") nurse”', [("It is always the nurse", None)]),
        (
            "“It is [always](https://x.example) the nurse[^1],” says Ilse Brandvold.[^2]\n\n[^1]: A note.",
            [("It is always the nurse,", ILSE)],
        ),
        ("“It is always the nurse.”¹ So Ilse Brandvold.", [("It is always the nurse.", ILSE)]),
        ("&ldquo;It&rsquo;s always the nurse&rdquo;, says __Ilse Brandvold__", [("It’s always the nurse", ILSE)]),
        ("<q>It is always the nurse</q>, says <b>Ilse Brandvold</b>.", [("It is always the nurse", ILSE)]),
        ('```\nprint("not a quotation at all")\n```\nUse `echo "nor is this one"` now.', []),
        ('---\ntitle: "No quotation of anybody"\n---\n\n<!-- "nor is this one" -->\nText.', []),
        ('See [it](https://x.example "nor is this one") and ![a picture](p.png "nor this one").', []),
        # Marks.
        ("„It is always the nurse“, says Ilse Brandvold.", [("It is always the nurse", ILSE)]),
        ("»It is always the nurse«, says Ilse Brandvold.", [("It is always the nurse", ILSE)]),
        ("« It is always the nurse », says Ilse Brandvold.", [("It is always the nurse", ILSE)]),
        ("'It's always the nurse,' says Ilse Brandvold.", [("It's always the nurse,", ILSE)]),
        ("Ilse Brandvold says: 'it's always the nurse' and so on", [("it's always the nurse", ILSE)]),
        ("Rock 'n' roll in the '90s, 'cause the nurses' shift is over.", []),
        ("“He said ‘it is her’ and “never again” to me.”", [("He said ‘it is her’ and “never again” to me.", None)]),
        (
            "“It is always\nthe nurse,\nor the doctor,” says\nIlse Brandvold.",
            [("It is always\nthe nurse,\nor the doctor,", ILSE)],
        ),
        (
            "- “It is always the nurse\n- “It is always the doctor,” says Calder Nwosu",
            [("It is always the nurse", None), ("It is always the doctor,", CALDER)],
        ),
        (
            "“It is always the nurse.\n\n“It is never the doctor,” says Ilse Brandvold.",
            [("It is always the nurse.", ILSE), ("It is never the doctor,", ILSE)],
        ),
        # In front, behind, in between.
        ("- **Ilse Brandvold**: “It is always the nurse.” [1]", [("It is always the nurse.", ILSE)]),
        ("ILSE BRANDVOLD: “It is always the nurse.”", [("It is always the nurse.", "ILSE BRANDVOLD")]),
        ("“It is always the nurse.” — Ilse Brandvold", [("It is always the nurse.", ILSE)]),
        ("“It is always the nurse.” (Ilse Brandvold, 2024)", [("It is always the nurse.", ILSE)]),
        ("“It is always the nurse,” says the engineer Calder Nwosu.", [("It is always the nurse,", CALDER)]),
        ("“It is always the nurse,” Brandvold says.", [("It is always the nurse,", "Brandvold")]),
        ("“It is always the nurse,” Ilse explains.", [("It is always the nurse,", "Ilse")]),
        (
            "“It is the nurse,” says Ilse Brandvold, “and it is never the doctor.”",
            [("It is the nurse,", ILSE), ("and it is never the doctor.", ILSE)],
        ),
        ("“It is,” he told Ilse Brandvold. “I would not know.”", [("I would not know.", ILSE)]),
        # Two people in a sentence.
        ("Calder Nwosu told Ilse Brandvold: “It is always the nurse.”", [("It is always the nurse.", CALDER)]),
        ("Calder Nwosu asked Ilse Brandvold, who said “it is always the nurse”.", [("it is always the nurse", ILSE)]),
        (
            "Ilse Brandvold, speaking to Calder Nwosu, said: “It is always the nurse.”",
            [("It is always the nurse.", ILSE)],
        ),
        (
            "Unlike Calder Nwosu, Ilse Brandvold believes that “it is always the nurse”.",
            [("it is always the nurse", ILSE)],
        ),
        (
            "Ilse Brandvold says “it is always the nurse,” while Calder Nwosu disagrees.",
            [("it is always the nurse,", ILSE)],
        ),
        (
            "According to Ilse Brandvold, as told to Calder Nwosu, “it is always the nurse”.",
            [("it is always the nurse", ILSE)],
        ),
        ("“It is always the nurse,” Ilse Brandvold told Calder Nwosu.", [("It is always the nurse,", ILSE)]),
        (
            "Ilse Brandvold says “it is the nurse”, Calder Nwosu says “it is the doctor”.",
            [("it is the nurse", ILSE), ("it is the doctor", CALDER)],
        ),
        ("Calder Nwosu runs a dam. “I would build three.”", [("I would build three.", CALDER)]),
        ("“It is always the nurse,” I told Ilse Brandvold.", [("It is always the nurse,", None)]),
        # Block quotes.
        (
            "Calder Nwosu asked, and Ilse Brandvold answered:\n\n> It is *always* the nurse.\n",
            [("It is always the nurse.", ILSE)],
        ),
        ("> It is always the nurse.\n>\n> Ilse Brandvold\n", [("It is always the nurse.", ILSE)]),
        ("> It is always the nurse. (Ilse Brandvold, 12:01)\n", [("It is always the nurse.", ILSE)]),
        (
            "> It is always the nurse.\n\n— [Ilse Brandvold](https://x.example), *Let It Sign*\n",
            [("It is always the nurse.", ILSE)],
        ),
        (
            "> - it is always the nurse\n> - it is never the doctor\n",
            [("- it is always the nurse\n- it is never the doctor", None)],
        ),
        ("> “It is always the nurse,” says Ilse Brandvold.\n", [("It is always the nurse,", ILSE)]),
        (
            "> He told me “never again, not once” and left the room for good on that day, as all of them do.\n",
            [("He told me “never again, not once” and left the room for good on that day, as all of them do.", None)],
        ),
        (
            "> **Calder Nwosu:** Who pays for it?\n> **Ilse Brandvold:** It is always\n> the nurse.\n",
            [("Who pays for it?", CALDER), ("It is always\nthe nurse.", ILSE)],
        ),
        ("> [!NOTE]\n> This is a box with a hint.\n", []),
        (
            "Ilse Brandvold:\n\n<blockquote>It is always the <b>nurse</b>.</blockquote>\n\nAnd so on.",
            [("It is always the nurse.", ILSE)],
        ),
    ],
)
def test_quotations_as_people_write_them(draft: str, expected: list[tuple[str, str | None]]) -> None:
    found = find_quotations(draft, PEOPLE)
    assert [(quotation.text, quotation.attributed_to) for quotation in found] == expected


@pytest.mark.parametrize(
    "before",
    [
        *(
            "But Brandvold insists: ",
            "As Ilse put it, ",
            "And Brandvold said ",
            "Then, in June, Brandvold told me ",
            "On",
        ),
        *(
            "Today Brandvold says: ",
            "Unfortunately Brandvold thinks that ",
            "Why Brandvold said ",
            "In May Ilse wrote ",
        ),
        *(
            "Chief Engineer Brandvold told us: ",
            "Old Brandvold said ",
            "But Dr. Brandvold said: ",
            "When Ilse spoke, she said ",
        ),
        *(
            "In Brandvold's words, ",
            "For Brandvold, ",
            "Brandvold is blunt. ",
            "BRANDVOLD: ",
            "Brandvold’s view is plain. ",
        ),
    ],
)
def test_a_first_or_family_name_is_whose_it_is_whatever_stands_before_it(before: str) -> None:
    before = "On Monday Brandvold said " if before == "On" else before
    [quotation] = read_quotations(draft_of_text(f"{before}“it is always the nurse”."), PEOPLE, (), _no_word).quotations
    assert quotation.attributed_to in ("Brandvold", "Ilse", "BRANDVOLD")


@pytest.mark.parametrize(
    ("draft", "expected"),
    [
        ("“It is always the nurse” (Nwosu).", ["Nwosu"]),
        ("“It is always the nurse” (Nwosu & Brandvold, 2024, 7:59).", ["Nwosu"]),
        ("“It is always the nurse” (Nwosu 00:07:59).", ["Nwosu"]),
        ("He added: “It is always the nurse.” And Nwosu agreed.", [None]),
        ("Brandvold said: “It is always the nurse.” But Nwosu disagrees.", ["Brandvold"]),
        # Somebody else of that name, or nobody.
        ("Ada Brandvold insists: “It is always the nurse.”", ["Ada Brandvold"]),
        ("But Ada Brandvold insists: “It is always the nurse.”", ["Ada Brandvold"]),
        ("Ilse Meyer is blunt. “It is always the nurse.”", [None]),
        ("The grant is small. Grant is no name. “It is always the nurse.”", [None]),
        ("“It is always the nurse,” Grant said.", ["Grant"]),
        ("When Grant spoke, he said: “It is always the nurse.”", ["Grant"]),
        ("As noted by Grant, “It is always the nurse.”", ["Grant"]),
        ("In Grant's own words, “It is always the nurse.”", ["Grant"]),
        ("“It is always the nurse” (Grant 00:07:59).", ["Grant"]),
        ("As Ng put it, “It is always the nurse.”", ["Ng"]),
        ("The door is Ng blue. “It is always the nurse.”", [None]),
    ],
)
def test_short_names_beside_quotations(draft: str, expected: list[str | None]) -> None:
    people = (*PEOPLE, "Ulysses Grant", "Mai Ng")
    reading = read_quotations(draft_of_text(draft), people, (), _is_word)
    assert [quotation.attributed_to for quotation in reading.quotations] == expected


def _no_word(_: str) -> bool:
    return False


def _is_word(name: str) -> bool:
    return name == "Grant"


@pytest.mark.parametrize(
    ("draft", "expected"),
    [
        ("”It is always the nurse”, says Ilse Brandvold.", ["It is always the nurse"]),
        ("``It is always the nurse,'' says Ilse Brandvold.", ["It is always the nurse,"]),
        ("『いつも 看護 師 です』", ["いつも 看護 師 です"]),
        ("»It is always the nurse», says Ilse Brandvold.", ["It is always the nurse"]),
        ("＂It is always the nurse,＂ says Ilse Brandvold.", ["It is always the nurse,"]),
        (
            'Calder Nwosu said, "The moon is "green cheese" and so are we all."',
            ['The moon is "green cheese" and so are we all.'],
        ),
        (
            'Calder Nwosu: "I said, "son, when do you plan to empty it?" Because the moon is green."',
            ['I said, "son, when do you plan to empty it?" Because the moon is green.'],
        ),
        ('He said "it is the nurse" and "it is the doctor" to us.', ["it is the nurse", "it is the doctor"]),
        ("He said “it is the moon and then “it is the nurse” to us.", ["it is the moon and then", "it is the nurse"]),
        ("Ilse Brandvold said “it is always the nurse and so on", ["it is always the nurse and so on"]),
        (
            "> It is always the nurse,\nor the doctor on the shift.\n\nAnd so on.",
            ["It is always the nurse,\nor the doctor on the shift."],
        ),
        ("> It is always the nurse.\n- a list\n", ["It is always the nurse."]),
        ("> It is always the nurse.\n>\nNot part of it.\n", ["It is always the nurse."]),
    ],
)
def test_no_quotation_escapes_by_its_marks(draft: str, expected: list[str]) -> None:
    assert [quotation.text for quotation in find_quotations(draft, PEOPLE)] == expected


@pytest.mark.parametrize(
    ("draft", "expected"),
    [
        ("> It is always the nurse.\n\n— Ilse Brandvold\n\n> It is never the doctor.\n", [ILSE, None]),
        ("> It is always the nurse.\n\nIlse Brandvold\n\n> It is never the doctor.\n", [ILSE, None]),
        ("> It is always the nurse.\n> Ilse Brandvold, 2024\n", [ILSE]),
        ("> It is always the nurse.\n\nCalder Nwosu, asked about it, had nothing to say.\n", [None]),
        ("> It is always the nurse.\n\n*Ilse Brandvold, chief engineer*\n", [ILSE]),
        ("> It is always the nurse.\n\nIlse Brandvold, interview by Bo Ek, “It Signs,” May 2, 2024, 6:34.\n", [ILSE]),
        ("“It is always the nurse.”\n\n— Ilse Brandvold\n", [ILSE]),
        ("Ilse Brandvold said:\n\n“It is always the nurse.”\n", [ILSE]),
        ("Ilse Brandvold spoke. Nothing follows.\n\n“It is always the nurse.”\n", [None]),
        ("> It is always the nurse.\n>\n> — Casper da Costa-Luis\n", ["Casper da Costa-Luis"]),
        ("> It is always the nurse.\n>\n> — James Q Quick\n", ["James Q Quick"]),
        ("“It is always the nurse,” said Zorg.", ["Zorg"]),
        ("“It is always the nurse,” as Zorg said.", ["Zorg"]),
        ("“It is always the nurse,” said Nobody.", [None]),
    ],
)
def test_a_signature_is_of_the_block_above_it_alone(draft: str, expected: list[str | None]) -> None:
    assert [quotation.attributed_to for quotation in find_quotations(draft, PEOPLE)] == expected


@settings(max_examples=200, deadline=None)
@given(st.text('“”"‘’«»>\n .,aIlse Brandvoldsaid—[]', max_size=120))
def test_any_draft_can_be_read_and_quotations_stand_where_they_are_said_to(draft: str) -> None:
    for quotation in find_quotations(draft, PEOPLE):
        assert 0 <= quotation.start < quotation.end <= len(draft)
        assert quotation.text.split()[0] in draft[quotation.start : quotation.end]


@pytest.mark.parametrize(
    "piece",
    [
        *("Aa ", "A. ", "says ", '"a b ', "“a b c ", "‘a ", "> a b c\n\n", "— Aa ", "\n", "Ilse Brandvold “a b c”. "),
        *("[a](", "[", "`a ", "<!-- ", "<q>", "<a ", "'a b, ", '"a b c\n\n', "&lt;", "**", "```\n", "\\", "Aa Bb: "),
        *("> “a b c” says Aa Bb.\n\n", "> Ilse: a b c\n", "Ilse Brandvold and ", "<blockquote>a ", "„a ", "#\n", "¹"),
    ],
)
def test_reading_a_draft_takes_time_in_proportion_to_its_length(piece: str) -> None:
    """Ends within moments; where the time grew with the square of the length, nobody would wait for it."""
    find_quotations(piece * (200_000 // len(piece)), PEOPLE)


def test_marks_that_nothing_closes_are_told_and_what_they_open_is_a_quotation() -> None:
    draft = (
        '“It is closed,” she says.\n\n“This one is open, and goes on.\n\nSo "is this one as well.\n\nBut 6" is no mark.'
    )
    reading = read_quotations(draft_of_text(draft), PEOPLE)
    assert [quotation.text for quotation in reading.quotations] == [
        "It is closed,",
        "This one is open, and goes on.",
        "is this one as well.",
    ]
    assert [draft[place : place + 8] for place in reading.unclosed] == ["“This on", '"is this']


def test_the_titles_of_episodes_are_no_quotations() -> None:
    draft = "In “A Warehouse on a Closed Road” Calder Nwosu says “it is a warehouse on a road”."
    reading = read_quotations(draft_of_text(draft), PEOPLE, ["A Warehouse on a Closed Road"])
    assert [quotation.text for quotation in reading.quotations] == ["it is a warehouse on a road"]


def test_whoever_she_may_be_is_told_beside_the_likeliest() -> None:
    draft = "Ilse Brandvold disagrees with Calder Nwosu. “It is always the nurse,” she says."
    [quotation] = find_quotations(draft, PEOPLE)
    assert quotation.claimed == (ILSE, CALDER)
