"""PDF files: lines become paragraphs again, and what a page adds to the words is dropped with its page."""

from __future__ import annotations

import random
import tracemalloc
import zlib
from functools import lru_cache

import pytest
from fpdf import FPDF
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.archives import DEFAULT_LIMITS, Limits
from indexer.documents import Paragraph
from indexer.errors import TranscriptError
from indexer.pages import Page, PageLine, read_layout
from indexer.parsers import parse_transcript
from indexer.parsers.pdf import parse, recognises
from indexer.types import Transcript
from tests.indexer.making import LENA, OMAR, OTHERWISE

SOFT_HYPHEN = "\u00ad"
NAMES = (LENA, OMAR, "Zoë O'Brien", "SPEAKER_7")
WORDS = st.one_of(
    st.sampled_from("well the grid was never built for it and nobody asked why so we did".split()),
    st.sampled_from("R&D *stars* `code` [x](y) <b> snake_case 3.5% $5 (host) naïve 1976 08:15 - ... \\".split()),
    st.sampled_from(f"extra{SOFT_HYPHEN}ordinari{SOFT_HYPHEN}ly notori{SOFT_HYPHEN}ous{SOFT_HYPHEN}ly".split()),
    st.from_regex(r"[a-z]{1,9}", fullmatch=True),
)
PARAGRAPHS = st.lists(WORDS, max_size=40).map(lambda words: ["And", *words, "so."])
TALKS = st.lists(st.tuples(st.sampled_from(NAMES), PARAGRAPHS), min_size=1, max_size=9)


class Printed(FPDF):
    """Pages with a running head and page numbers."""

    def __init__(self, head: str = "The Tide Table") -> None:
        super().__init__(format=(130, 160))
        self.head = head
        self.set_auto_page_break(True, 20)
        self.add_page()

    def header(self) -> None:
        self.set_font("helvetica", "I", 8)
        self.cell(0, 8, self.head, align="C", new_x="LMARGIN", new_y="NEXT")
        self.ln(6)

    def footer(self) -> None:
        self.set_y(-15)
        self.set_font("helvetica", "", 8)
        self.cell(0, 8, f"- {self.page_no()} -", align="C")

    def say(self, text: str, *, bold: str = "", align: str = "L", size: float = 11) -> None:
        """A paragraph, its beginning bold; `text` goes on where `bold` ends."""
        self.set_font("times", "", size)
        if bold:
            self.set_font("times", "B", size)
            self.write(6, bold)
            self.set_font("times", "", size)
            self.write(6, text)
            self.ln(6)
        else:
            self.multi_cell(0, 6, text, align=align, new_x="LMARGIN", new_y="NEXT")
        self.ln(2)

    def bytes(self) -> bytes:
        return bytes(self.output())


def said(transcript: Transcript) -> list[tuple[str | None, str]]:
    return [(utterance.label, utterance.text) for utterance in transcript.utterances]


def reasons(transcript: Transcript) -> list[tuple[str, int, str]]:
    return [(entry.reason, entry.line, entry.text) for entry in transcript.dropped]


def refusal(data: bytes) -> str:
    with pytest.raises(TranscriptError) as error:
        parse_transcript(data)
    return str(error.value).removesuffix(f" {OTHERWISE}")


def lines(*texts: str, page: int = 1, top: float = 700, left: float = 60, size: float = 10) -> list[PageLine]:
    """Lines below each other, five points to a letter."""
    return [
        PageLine(
            page=page,
            text=text.strip(),
            left=left + 5 * (len(text) - len(text.lstrip())),
            right=left + 5 * len(text),
            base=top - 12 * number,
            size=size,
            first_word=5 * len(text.split()[0]),
        )
        for number, text in enumerate(texts)
        if text.strip()
    ]


def paragraphs_of(*pages: list[PageLine]) -> list[str]:
    laid, _ = read_layout([Page(number, tuple(page)) for number, page in enumerate(pages, 1)])
    return [paragraph.text for paragraph in laid]


@pytest.mark.parametrize("style", ["bold", "plain", "justified"])
@settings(max_examples=12, deadline=None)
@given(talk=TALKS)
def test_every_word_is_said_once_in_order_under_its_name(style: str, talk: list[tuple[str, list[str]]]) -> None:
    talk = [(LENA, ["So", "it", "begins."]), (OMAR, ["It", "does."]), *talk, (LENA, ["Well."]), (OMAR, ["Yes."])]
    pdf = Printed()
    for name, words in talk:
        text = " ".join(words)
        if style == "bold":
            pdf.say(f" {text.replace(SOFT_HYPHEN, '')}", bold=f"{name}:")
        else:
            pdf.say(f"{name}: {text}", align="J" if style == "justified" else "L")
    transcript = parse(pdf.bytes())
    spoken = [(u.label, word) for u in transcript.utterances for word in u.text.split()]
    assert spoken == [(name, word.replace(SOFT_HYPHEN, "")) for name, words in talk for word in words]


def test_running_heads_and_page_numbers_are_dropped_with_their_page() -> None:
    pdf = Printed()
    for number in range(24):
        pdf.say(
            f"{(LENA, OMAR)[number % 2]}: We measured it for the {number}th time, and it was there again, and so on."
        )
    transcript = parse(pdf.bytes())
    assert len(transcript.utterances) == 24
    assert reasons(transcript) == [
        (reason, page, text)
        for page in range(1, pdf.page + 1)
        for reason, text in (("running head", "The Tide Table"), ("page number", f"- {page} -"))
    ]
    assert {utterance.line for utterance in transcript.utterances} == set(range(1, pdf.page + 1))


def test_larger_print_is_a_heading_and_the_first_of_its_kind_the_title() -> None:
    pdf = Printed()
    pdf.say("Deep Tide", size=20)
    for section in ("Opening", "Money"):
        pdf.say(section, size=14)
        for name in (LENA, OMAR):
            pdf.say(f"{name}: We measured the tide.")
    transcript = parse(pdf.bytes())
    assert transcript.title == "Deep Tide"
    assert [utterance.section for utterance in transcript.utterances] == ["Opening", "Opening", "Money", "Money"]


def test_a_name_and_a_time_above_the_words_are_read_as_in_text() -> None:
    pdf = Printed()
    for number in range(3):
        pdf.say(f"{(LENA, OMAR)[number % 2]} - 00:00:0{number}")
        pdf.say("We measured the tide for years, and what we found was never what the plan of that year had said.")
    transcript = parse(pdf.bytes())
    assert [(u.label, u.marks[0].seconds) for u in transcript.utterances] == [(LENA, 0.0), (OMAR, 1.0), (LENA, 2.0)]


def test_two_columns_are_read_one_after_the_other() -> None:
    pdf = FPDF(format=(200, 160))
    pdf.add_page()
    pdf.set_font("times", "", 10)
    expected = []
    for column in range(2):
        pdf.set_xy(10 + 95 * column, 10)
        for number in range(8):
            name = (LENA, OMAR)[number % 2]
            words = (
                f"In column {column} we said for the {number}th time that the tide was early, and it was indeed early."
            )
            expected.append((name, words))
            pdf.set_x(10 + 95 * column)
            pdf.multi_cell(85, 5, f"{name}: {words}", align="J", new_x="LEFT", new_y="NEXT")
    assert said(parse(bytes(pdf.output()))) == expected


def test_the_numbers_of_lines_in_the_margin_are_dropped() -> None:
    pdf = FPDF()
    pdf.add_page()
    pdf.set_font("courier", "", 10)
    for number in range(1, 13):
        pdf.cell(20, 8, str(number))
        words = f"{(LENA, OMAR)[number % 2]}: I said so before, in {1900 + number}."
        pdf.cell(0, 8, words, new_x="LMARGIN", new_y="NEXT")
    transcript = parse(bytes(pdf.output()))
    assert [text for _, text in said(transcript)] == [f"I said so before, in {1900 + n}." for n in range(1, 13)]
    assert reasons(transcript) == [("line numbers", 1, " ".join(map(str, range(1, 13))))]


def test_a_word_cut_by_the_printer_is_put_together_and_a_hyphenated_one_stays() -> None:
    full = "We have all met at the inter-"
    laid, dropped = read_layout(
        [
            Page(
                1,
                tuple(lines(full, "national station, a well-", "known place, in an anglo-", "Saxon land. Known well.")),
            )
        ]
    )
    assert [p.text for p in laid] == [
        "We have all met at the international station, a well-known place, in an anglo-Saxon land. Known well."
    ]
    assert [(entry.reason, entry.text) for entry in dropped] == [("hyphen at a line's end", "-")]


def test_a_paragraph_ends_where_the_next_word_would_have_fitted() -> None:
    assert paragraphs_of(
        lines("We have met there every year", "and left.", "Then it rained, for a while,", "on us.")
    ) == [
        "We have met there every year and left.",
        "Then it rained, for a while, on us.",
    ]


def test_a_paragraph_goes_on_over_the_page() -> None:
    first = lines("We have met there every year", "and we have left it in rain,")
    second = lines("each time.", "That was all there ever was.", page=2)
    assert paragraphs_of(first, second) == [
        "We have met there every year and we have left it in rain, each time.",
        "That was all there ever was.",
    ]


def test_a_new_speaker_begins_a_paragraph_even_below_a_full_line() -> None:
    assert paragraphs_of(
        lines("Lena: We have met there once.", "Omar: And we have met twice.", "Lena: So we have, I say.")
    ) == [
        "Lena: We have met there once.",
        "Omar: And we have met twice.",
        "Lena: So we have, I say.",
    ]


def test_a_year_at_the_foot_of_a_page_is_no_page_number() -> None:
    pages = [lines("We have met there every year", "since", "1976", page=page) for page in (1, 2, 3)]
    assert " ".join(paragraphs_of(*pages)).count("1976") == 3


def test_a_speakers_name_at_the_head_of_pages_is_no_running_head() -> None:
    pages = [
        lines("Lena:", "We have met there every year", "Omar:", "So we have, and in the rain.", page=n)
        for n in (1, 2, 3)
    ]
    assert paragraphs_of(*pages).count("Lena:") == 3


def test_bold_beginnings_are_kept_and_lines_end_no_word_of_wide_scripts() -> None:
    bold = lines("Lena: we")[0]
    laid, _ = read_layout([Page(1, (PageLine(1, bold.text, 60, 100, 700, 10, bold=5, first_word=25),))])
    assert laid == [Paragraph("Lena: we", 1, bold=5)]
    assert paragraphs_of(lines("海の水は", "冷たい。")) == ["海の水は冷たい。"]


def test_a_file_is_known_by_its_first_bytes() -> None:
    assert recognises(b"%PDF-1.7\n")
    assert recognises(b"\n\n%PDF-1.4\n")
    assert not recognises(b"WEBVTT\n\nNOTE made from a %PDF")
    assert not recognises(b'{"text": "%PDF-"}')


def test_what_holds_no_readable_text_is_refused() -> None:
    picture = FPDF()
    picture.add_page()
    picture.rect(10, 10, 50, 50, style="F")
    locked = Printed()
    locked.say(f"{LENA}: So.")
    locked.set_encryption(owner_password="a", user_password="b")
    assert refusal(bytes(picture.output())) == (
        "taken for pdf: the PDF holds pictures of its pages, and no text. Read it with OCR, or export it as text."
    )
    assert refusal(locked.bytes()) == (
        "taken for pdf: the PDF is behind a password. Save it without one, or export the transcript as text."
    )


def test_a_file_whose_owner_forbids_changes_alone_is_read() -> None:
    pdf = Printed()
    for name in (LENA, OMAR, LENA):
        pdf.say(f"{name}: We measured the tide.")
    pdf.set_encryption(owner_password="a")
    assert [label for label, _ in said(parse(pdf.bytes()))] == [LENA, OMAR, LENA]


@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_a_damaged_file_is_read_or_refused(data: st.DataObject) -> None:
    whole = _sample()
    start = data.draw(st.integers(0, len(whole) - 1))
    junk = data.draw(st.binary(max_size=40))
    cut = whole[:start] + junk + (whole[start + len(junk) :] if data.draw(st.booleans()) else b"")
    try:
        parse(cut)
    except TranscriptError as error:
        assert error.reason and error.remedy


@lru_cache
def _sample() -> bytes:
    pdf = Printed()
    for name in (LENA, OMAR, LENA):
        pdf.say(f"{name}: We measured the tide.")
    return pdf.bytes()


def drawn(content: bytes, *forms: bytes, filters: bytes = b"/FlateDecode", pages: int = 1) -> bytes:
    """A PDF whose pages all draw one stream, packed; the forms F0, F1… may be drawn from it and from each other."""
    names = b" ".join(b"/F%d %d 0 R" % (number, number + 4) for number in range(len(forms)))
    resources = b"<< /Font << /A << /Type /Font /Subtype /Type1 /BaseFont /Courier >> >> /XObject << %s >> >>" % names
    first = 4 + len(forms)
    kids = b" ".join(b"%d 0 R" % (first + number) for number in range(pages))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Count %d /Kids [%s] >>" % (pages, kids),
        b"<< /Length %d /Filter %s >> stream\n%s\nendstream" % (len(content), filters, content),
        *(
            b"<< /Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources %s /Length %d >> stream\n%s\nendstream"
            % (resources, len(form), form)
            for form in forms
        ),
        *[b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Contents 3 0 R /Resources %s >>" % resources] * pages,
    ]
    data, places = b"%PDF-1.4\n", []
    for number, written in enumerate(objects, 1):
        places.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, written)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    end = b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, len(data))
    return data + b"xref\n0 %d\n0000000000 65535 f \n%s%s" % (len(objects) + 1, table, end)


LINES = b"".join(
    b"BT /A 9 Tf 9 %d Td (%s: It is line %d.) Tj ET\n" % (790 - 12 * n, (b"Lena", b"Omar")[n % 2], n) for n in range(60)
)
NOISE = random.Random(7).randbytes(400_000).hex().encode()
BOMB = "it unpacks to more than 200 times its size, as bombs do. Export the transcript as text, if you trust the file."
BOMBS = {
    "a stream that unpacks to a thousand times its size": (drawn(zlib.compress(b" " * 20_000_000)), BOMB),
    "a stream packed twice": (
        drawn(zlib.compress(zlib.compress(b" " * 20_000_000)), filters=b"[/FlateDecode /FlateDecode]"),
        BOMB,
    ),
    "runs of one sign, of runs": (
        drawn(b"\x81 " * 2000, filters=b"[/RunLengthDecode /RunLengthDecode]"),
        BOMB,
    ),
    "forms that draw each other twice each": (
        drawn(zlib.compress(b"/F0 Do"), *(b"/F%d Do /F%d Do" % (n + 1, n + 1) for n in range(16)), b""),
        BOMB,
    ),
    "more than the limit": (
        drawn(zlib.compress(b"%%%s\n" % NOISE * 7)),
        "it unpacks to more than 5 MB. Raise --max-file-mb (ONRECORD_MAX_FILE_MB), or export the transcript as text.",
    ),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_before_it_is_unpacked(name: str) -> None:
    data, message = BOMBS[name]
    tracemalloc.start()
    with pytest.raises(TranscriptError) as error:
        parse(data, Limits(max_file_mb=5) if name == "more than the limit" else DEFAULT_LIMITS)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert str(error.value) == message
    assert most < 20_000_000


def test_a_page_of_too_many_signs_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("indexer.pdf_lines._MOST_SIGNS", 500)
    data = drawn(zlib.compress(b"BT /A 9 Tf 9 9 Td (%s) Tj ET %%%s" % (b"a" * 600, NOISE)))
    with pytest.raises(TranscriptError, match=r"^a page holds more than 500 signs\. Export "):
        parse(data)


@pytest.mark.parametrize("filters", [b"/FlateDecode", b"[/ASCIIHexDecode /FlateDecode]"])
def test_pages_that_are_packed_as_usual_are_read(filters: bytes) -> None:
    packed = zlib.compress(LINES)
    transcript = parse(drawn(packed.hex().encode() + b">" if b"Hex" in filters else packed, filters=filters, pages=3))
    assert len(transcript.utterances) == 180
