"""Word documents: whatever way they name who speaks, each word is said once, and what is not speech is named."""

from __future__ import annotations

import io
import zipfile

import docx
import pytest
from docx.document import Document
from docx.oxml.parser import parse_xml
from hypothesis import given, settings

from indexer.errors import TranscriptError
from indexer.parsers import parse_transcript
from indexer.parsers.docx import parse, recognises
from indexer.types import Transcript
from tests.indexer.making import LENA, OMAR, OTHERWISE
from tests.indexer.test_conversations import Talk, talks

WORD = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
AGAIN = "Open it in Word and save it again, or save it as text."


def saved(document: Document) -> bytes:
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def read(document: Document) -> Transcript:
    return parse(saved(document))


def add_bold(document: Document, bold: str, *rest: str) -> None:
    """A paragraph with a bold beginning, a line break before every further line."""
    paragraph = document.add_paragraph()
    paragraph.add_run(bold).bold = True
    for number, line in enumerate(rest):
        run = paragraph.add_run()
        if number:
            run.add_break()
        run.add_text(line)


def add_rows(document: Document, *rows: tuple[str, ...]) -> None:
    table = document.add_table(0, len(rows[0]))
    for row in rows:
        for cell, text in zip(table.add_row().cells, row, strict=True):
            cell.text = text


def add_talk(document: Document) -> None:
    for name, words in ((LENA, "What changed?"), (OMAR, "Nothing did."), (LENA, "Nothing at all?")):
        add_bold(document, f"{name}:", f" {words}")


def said(transcript: Transcript) -> list[tuple[str | None, str]]:
    return [(utterance.label, utterance.text) for utterance in transcript.utterances]


def dropped(transcript: Transcript) -> list[tuple[str, int, str]]:
    return [(entry.reason, entry.line, entry.text) for entry in transcript.dropped]


def render(style: str, talk: Talk) -> Document:
    document = docx.Document()
    if style == "table":
        add_rows(document, ("Speaker", "Text"), *((n, "\n".join(map(" ".join, said))) for n, said in talk))
        return document
    for number, (name, paragraphs) in enumerate(talk):
        first, *others = map(" ".join, paragraphs)
        if style == "colon":
            add_bold(document, f"{name}:", f" {first}")
        elif style == "teams":
            add_bold(document, name, f"   0:{number:02}", first)
        else:
            add_bold(document, name)
            document.add_paragraph(first)
        for other in others:
            document.add_paragraph(other)
    return document


@pytest.mark.parametrize("style", ["colon", "teams", "table"])
@settings(max_examples=12, deadline=None)
@given(talk=talks())
def test_every_word_is_said_once_in_order_under_its_name(style: str, talk: Talk) -> None:
    transcript = read(render(style, talk))
    words = [(u.label, word) for u in transcript.utterances for word in u.text.split()]
    assert words == [(name, word) for name, said in talk for paragraph in said for word in paragraph]


def test_a_bold_name_alone_speaks_below() -> None:
    document = docx.Document()
    for _ in range(2):
        add_bold(document, LENA)
        document.add_paragraph("What changed?")
        add_bold(document, OMAR)
        document.add_paragraph("Nothing did.")
    transcript = read(document)
    assert said(transcript) == [(LENA, "What changed?"), (OMAR, "Nothing did.")] * 2
    assert [utterance.line for utterance in transcript.utterances] == [2, 4, 6, 8]


def test_a_bold_name_beside_a_time_is_one_however_it_is_spelled() -> None:
    document = docx.Document()
    add_bold(document, LENA, "   0:03", "Who is here?")
    add_bold(document, "Lund, Piet (guest user)", "   0:05", "I am.")
    add_bold(document, f"{LENA} [0:09]", " Then we begin.")
    add_bold(document, "At the lock around 08:15", " it rained.")
    transcript = read(document)
    assert [(u.label, u.text, [mark.seconds for mark in u.marks]) for u in transcript.utterances] == [
        (LENA, "Who is here?", [3.0]),
        ("Lund, Piet (guest user)", "I am.", [5.0]),
        (LENA, "Then we begin.", [9.0]),
        (LENA, "At the lock around 08:15 it rained.", []),
    ]


def test_signs_of_markdown_are_words_here() -> None:
    document = docx.Document()
    add_talk(document)
    for line in (
        "5 * 3 * 2 is <thirty>",
        "- a_b_c, `d`",
        "# [x](https://example.org) &amp; \\n",
        "1. {{< so >}}",
        "> so",
    ):
        document.add_paragraph(line)
    assert [text for _, text in said(read(document))][3:] == [
        "5 * 3 * 2 is <thirty>",
        "- a_b_c, `d`",
        "# [x](https://example.org) &amp; \\n",
        "1. {{< so >}}",
        "> so",
    ]


def test_headings_are_sections_and_a_single_one_above_them_is_the_title() -> None:
    document = docx.Document()
    document.core_properties.title = "Another title"
    document.add_heading("Deep Tide", 0)
    for section in ("Opening", "Money"):
        document.add_heading(section, 1)
        add_talk(document)
    transcript = read(document)
    assert transcript.title == "Deep Tide"
    assert [utterance.section for utterance in transcript.utterances] == ["Opening"] * 3 + ["Money"] * 3


@pytest.mark.parametrize(
    ("stated", "title"),
    [
        ("Deep Tide", "Deep Tide"),
        ("Microsoft Word - tide.docx", None),
        ("tide.docx", None),
        ("Untitled", None),
        ("", None),
    ],
)
def test_the_files_own_title_counts_where_it_is_one(stated: str, title: str | None) -> None:
    document = docx.Document()
    document.core_properties.title = stated
    add_talk(document)
    assert read(document).title == title
    assert read(document).date is None


def test_headings_with_names_that_come_again_name_speakers() -> None:
    document = docx.Document()
    for name, words in ((LENA, "What changed?"), (OMAR, "Nothing did."), (LENA, "Nothing?"), (OMAR, "No.")):
        document.add_heading(name, 3)
        document.add_paragraph(words)
    assert [label for label, _ in said(read(document))] == [LENA, OMAR, LENA, OMAR]


def test_lines_are_handed_to_the_formats_that_read_text() -> None:
    document = docx.Document()
    for line in (
        f"{LENA} - 00:00:01",
        "What changed?",
        f"{OMAR} - 00:00:05",
        "Nothing did.",
        f"{LENA} - 00:00:09",
        "So.",
    ):
        document.add_paragraph(line)
    transcript = read(document)
    assert [(u.label, u.text, u.marks[0].seconds, u.line) for u in transcript.utterances] == [
        (LENA, "What changed?", 1.0, 2),
        (OMAR, "Nothing did.", 5.0, 4),
        (LENA, "So.", 9.0, 6),
    ]


def test_captions_pasted_into_a_document_are_captions() -> None:
    document = docx.Document()
    for line in (
        "WEBVTT",
        "",
        "00:01.000 --> 00:02.000",
        f"<v {LENA}>What changed?</v>",
        "",
        "00:03.000 --> 00:04.000",
    ):
        document.add_paragraph(line)
    document.add_paragraph(f"<v {OMAR}>Nothing did.</v>")
    assert said(read(document)) == [(LENA, "What changed?"), (OMAR, "Nothing did.")]


def test_the_cues_of_teams_have_the_name_on_their_first_line() -> None:
    document = docx.Document()
    for number, name in enumerate((LENA, "Haddad, Omar", LENA, "Haddad, Omar", "Ann Wu")):
        document.add_paragraph(f"0:0:{number}.0 --> 0:0:{number}.490\n{name}\nSo it is")
    transcript = read(document)
    assert said(transcript) == [*[(LENA, "So it is"), ("Haddad, Omar", "So it is")] * 2, ("Ann Wu", "So it is")]
    assert [utterance.end_s for utterance in transcript.utterances] == [0.49, 1.49, 2.49, 3.49, 4.49]


def test_the_recorders_notices_are_not_speech() -> None:
    document = docx.Document()
    document.add_paragraph(f"● {LENA} started transcription")
    add_talk(document)
    document.add_paragraph("And then we stopped transcription")
    document.add_paragraph(f"{LENA} stopped transcription")
    assert said(read(document))[-1] == (LENA, "And then we stopped transcription")
    assert dropped(read(document)) == [
        ("the recorder's notice", 1, f"● {LENA} started transcription"),
        ("the recorder's notice", 6, f"{LENA} stopped transcription"),
    ]


@pytest.mark.parametrize(
    ("rows", "first"),
    [
        ((("0:03", LENA, "What?"), ("0:05", OMAR, "So."), ("0:07", LENA, "Oh.")), (LENA, "What?", 3.0)),
        (((LENA, "What?"), (OMAR, "So."), (LENA, "Oh.")), (LENA, "What?", None)),
        ((("[0:03]", "What?"), ("[0:05]", "So.")), (None, "What?", 3.0)),
        (((f"{LENA}\n0:03", "What?"), (f"{OMAR}\n0:05", "So."), (f"{LENA}\n0:07", "Oh.")), (LENA, "What?", 3.0)),
        ((("1", LENA, "What?"), ("2", OMAR, "So."), ("3", LENA, "Oh.")), (LENA, "What?", None)),
    ],
)
def test_tables_show_which_column_is_which(
    rows: tuple[tuple[str, ...], ...], first: tuple[str | None, str, float | None]
) -> None:
    document = docx.Document()
    add_rows(document, *rows)
    utterances = read(document).utterances
    assert len(utterances) == len(rows)
    start_s = utterances[0].marks[0].seconds if utterances[0].marks else None
    assert (utterances[0].label, utterances[0].text, start_s) == first


def test_a_blank_cell_below_a_name_goes_on_in_its_voice_and_a_row_across_is_a_section() -> None:
    document = docx.Document()
    above = (("Time", "Speaker", "Text"), ("0:01", LENA, "So."), ("0:02", "", "And so."))
    add_rows(document, *above, ("", "", ""), ("0:09", OMAR, "Yes."))
    across = document.tables[0].rows[3].cells
    across[0].merge(across[2]).text = "Part Two"
    assert [(u.label, u.text, u.section) for u in read(document).utterances] == [
        (LENA, "So.", None),
        (LENA, "And so.", None),
        (OMAR, "Yes.", "Part Two"),
    ]


def test_a_table_of_facts_is_no_speech() -> None:
    document = docx.Document()
    add_rows(document, ("Recorded", "3 May"), ("Interviewer", LENA))
    add_talk(document)
    transcript = read(document)
    assert len(transcript.utterances) == 3
    assert dropped(transcript) == [("table", 1, f"Recorded 3 May Interviewer {LENA}")]


def test_a_table_of_one_column_is_a_frame_around_paragraphs() -> None:
    document = docx.Document()
    add_rows(document, (f"{LENA}: What changed?\n{OMAR}: Nothing did.",), (f"{LENA}: Nothing at all?",))
    assert said(read(document)) == [(LENA, "What changed?"), (OMAR, "Nothing did."), (LENA, "Nothing at all?")]


def test_what_stands_beside_the_text_is_not_speech() -> None:
    document = docx.Document()
    document.sections[0].header.paragraphs[0].text = "Draft 3"
    document.sections[0].footer.paragraphs[0].text = "Page 1"
    add_talk(document)
    run = document.paragraphs[0].add_run()
    box = f"<w:pict {WORD}><w:txbxContent><w:p><w:r><w:t>In the margin</w:t></w:r></w:p></w:txbxContent></w:pict>"
    run._r.append(parse_xml(box))
    for change, words in (("del", "Never"), ("ins", " Well?")):
        run = parse_xml(f"<w:{change} {WORD}><w:r><w:t>{words}</w:t></w:r></w:{change}>")
        document.paragraphs[0]._p.append(run)
    transcript = read(document)
    assert transcript.utterances[0].text == "What changed? Well?"
    assert dropped(transcript) == [
        ("text box", 1, "In the margin"),
        ("page header", 1, "Draft 3"),
        ("page footer", 1, "Page 1"),
    ]


def test_a_document_is_known_by_what_is_in_it() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("talk.vtt", "WEBVTT")
    document = docx.Document()
    add_talk(document)
    assert recognises(saved(document))
    assert not recognises(out.getvalue())
    assert not recognises(b"PK\x03\x04 and no more")
    assert not recognises(b"WEBVTT\n")


def test_what_is_no_readable_document_is_refused() -> None:
    whole = saved(docx.Document())
    broken = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(whole)) as source, zipfile.ZipFile(broken, "w") as target:
        for name in source.namelist():
            target.writestr(name, b"<w:document" if name == "word/document.xml" else source.read(name))
    for data, message in (
        (broken.getvalue(), f"taken for docx: a broken Word document. {AGAIN}"),
        (
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 and more",
            "taken for docx: an old Word document (.doc), or one behind a password. "
            "Save it as .docx without a password.",
        ),
    ):
        with pytest.raises(TranscriptError) as error:
            parse_transcript(data)
        assert str(error.value) == f"{message} {OTHERWISE}"


def test_a_document_that_names_nobody_is_refused() -> None:
    document = docx.Document()
    document.add_paragraph("A shopping list.")
    with pytest.raises(
        TranscriptError, match=r"^taken for docx: no transcript: no speaker labels and no cues were found\."
    ):
        parse_transcript(saved(document))
