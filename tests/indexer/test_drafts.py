"""Drafts of every format: the words that a reader sees, in paragraphs, and where the block quotes are."""

from __future__ import annotations

import contextlib
import io
import zipfile
from pathlib import Path

import docx
import pytest
from docx.document import Document
from docx.oxml.parser import parse_xml
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.archives import Limits
from indexer.drafts import Draft, DraftFormat, draft_of, read_draft
from indexer.errors import DraftError
from tests.indexer.test_docx import WORD, add_rows, saved

DEEP = "<div>" * 300 + "deep" + "</div>" * 300


def _paragraphs(draft: Draft) -> list[str]:
    starts = [start for start, _ in draft.paragraphs]
    return [draft.text[start:end].rstrip() for start, end in zip(starts, [*starts[1:], len(draft.text)], strict=True)]


def _blocks(draft: Draft) -> list[tuple[str, str | None]]:
    return [(draft.text[block.start : block.end], block.by) for block in draft.blocks]


def _word(document: Document) -> Draft:
    return read_draft(saved(document))


@pytest.mark.parametrize(
    ("html", "paragraphs"),
    [
        ("<p>One <b>two</b>\n three.<p>Four&nbsp;&mdash; five<br>six", ["One two three.", "Four\xa0— five\nsix"]),
        ("<html><head><title>No</title><style>p{}</style></head><body>Yes<script>'no'</script></body></html>", ["Yes"]),
        ("<p>Yes<!-- no --></p><p hidden>no</p><p style='display: none'>no</p><template>no</template>", ["Yes"]),
        ("<ul><li>One<li>Two</ul><table><tr><td>Three<td>Four</table>", ["One", "Two", "Three", "Four"]),
        ("<p>He said <q>it is <q>never</q> so</q>.</p>", ["He said “it is ‘never’ so”."]),
        (
            "<p>The nurse.<sup><a href='#1'>1</a></sup> In 10<sup>th</sup> place<sup>[2]</sup></p>",
            ["The nurse. In 10th place"],
        ),
        ("<pre>one\ntwo</pre>", ["one\ntwo"]),
        ("<div>&lt;b&gt; is no element</div>", ["<b> is no element"]),
    ],
)
def test_a_page_is_what_a_reader_sees(html: str, paragraphs: list[str]) -> None:
    draft = draft_of(html)
    assert (draft.format, _paragraphs(draft)) == (DraftFormat.HTML, paragraphs)


@pytest.mark.parametrize(
    ("html", "blocks"),
    [
        ("<blockquote><p>One.</p><p>Two.</p></blockquote><p>Three.</p>", [("One.\n\nTwo.", None)]),
        ("<blockquote>One.<footer>— <cite>Ilse Brandvold</cite></footer></blockquote>", [("One.", "— Ilse Brandvold")]),
        ("<blockquote><p>One.</p><p>— <cite>Ilse</cite></p></blockquote>", [("One.", "— Ilse")]),
        ("<blockquote>In <cite>Let It Sign</cite> she does.</blockquote>", [("In Let It Sign she does.", None)]),
        (
            "<figure><blockquote>One.</blockquote><figcaption>Ilse, <cite>a talk</cite></figcaption></figure>",
            [("One.", "Ilse, a talk")],
        ),
        (
            "<blockquote>One.<blockquote>Two.</blockquote>Three.</blockquote>",
            [("One.", None), ("Two.", None), ("Three.", None)],
        ),
        ("<blockquote></blockquote><p>One.</p>", []),
    ],
)
def test_the_block_quotes_of_a_page_are_told_with_whom_it_names(
    html: str, blocks: list[tuple[str, str | None]]
) -> None:
    assert _blocks(draft_of(html)) == blocks


def test_a_paragraph_of_a_page_is_at_its_line_in_the_file() -> None:
    draft = draft_of("<html>\n<body>\n<p>One</p>\n\n<div>\n<p>Two</p></div>\n</body></html>")
    places = [draft.text.index(word) for word in ("One", "Two")]
    assert [(draft.line_at(place), draft.paragraph_at(place)) for place in places] == [(3, 1), (6, 2)]


@pytest.mark.parametrize(
    "text",
    [
        'Ilse says: "it is so".',
        "# A heading\n\n> One.\n",
        '<p align="center"><img src="x.png"></p>\n\n# A heading\n\n> It is *so*, and that is all there is to it.\n',
        "<3 this is no element",
        "",
    ],
)
def test_what_is_no_page_is_its_text_as_it_stands(text: str) -> None:
    draft = read_draft(text.encode())
    assert (draft.format, draft.text) == (DraftFormat.TEXT, text)


def test_lines_and_paragraphs_of_a_text_are_counted() -> None:
    draft = draft_of("\n\nOne\ntwo.\n\n\n  Three.\n \nFour.")
    assert [
        (paragraph, line) for _, line in draft.paragraphs for paragraph in [draft.text.split("\n")[(line or 1) - 1]]
    ] == [
        ("One", 3),
        ("  Three.", 7),
        ("Four.", 9),
    ]
    place = draft.text.index("two")
    assert (draft.line_at(place), draft.paragraph_at(place)) == (4, 1)


def test_a_word_file_is_read_with_tables_boxes_and_notes_as_if_changes_were_accepted() -> None:
    document = docx.Document()
    document.add_heading("A draft", 1)
    changed = document.add_paragraph("The nurse ")
    changed._p.append(parse_xml(f"<w:ins {WORD}><w:r><w:t>always </w:t></w:r></w:ins>"))
    changed._p.append(parse_xml(f"<w:del {WORD}><w:r><w:delText>never </w:delText></w:r></w:del>"))
    changed._p.append(parse_xml(f"<w:r {WORD}><w:rPr><w:vanish/></w:rPr><w:t>secretly </w:t></w:r>"))
    changed.add_run("pays.")
    document.add_paragraph("")
    add_rows(document, ("One", "Two"))
    boxed = document.add_paragraph("Beside it.")
    boxed._p.append(
        parse_xml(
            f"<w:r {WORD}><w:pict><w:txbxContent><w:p><w:r><w:t>In a box.</w:t></w:r></w:p></w:txbxContent>"
            "</w:pict></w:r>"
        )
    )
    draft = read_draft(_with_note(saved(document), "A note."))
    assert _paragraphs(draft) == [
        "A draft",
        "The nurse always pays.",
        "One",
        "Two",
        "Beside it.",
        "In a box.",
        "A note.",
    ]
    assert draft.line_at(0) is None
    assert draft.paragraph_at(draft.text.index("always")) == 2


def _with_note(data: bytes, words: str) -> bytes:
    """A Word file with a footnote."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "word/_rels/document.xml.rels":
                kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/footnotes"
                link = f'<Relationship Id="rIdNote" Type="{kind}" Target="footnotes.xml"/></Relationships>'
                content = content.replace(b"</Relationships>", link.encode())
            if name == "[Content_Types].xml":
                kind = "application/vnd.openxmlformats-officedocument.wordprocessingml.footnotes+xml"
                content = content.replace(
                    b"</Types>", f'<Override PartName="/word/footnotes.xml" ContentType="{kind}"/></Types>'.encode()
                )
            new.writestr(name, content)
        new.writestr(
            "word/footnotes.xml",
            f'<w:footnotes {WORD}><w:footnote w:type="separator" w:id="-1"><w:p><w:r><w:t>no</w:t></w:r></w:p>'
            "</w:footnote>"
            f'<w:footnote w:id="2"><w:p><w:r><w:t>{words}</w:t></w:r></w:p></w:footnote></w:footnotes>',
        )
    return out.getvalue()


@pytest.mark.parametrize("style", ["Quote", "Intense Quote"])
def test_paragraphs_in_the_style_of_a_quote_are_one_block_quote(style: str) -> None:
    document = docx.Document()
    document.add_paragraph("Before.")
    document.add_paragraph("One.", style=style)
    document.add_paragraph("Two.", style=style)
    document.add_paragraph("After.")
    document.add_paragraph("Three.", style=style)
    assert _blocks(_word(document)) == [("One.\n\nTwo.", None), ("Three.", None)]


def _bomb() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("word/document.xml", b"\0" * 30_000_000)
    return out.getvalue()


def _truncated() -> bytes:
    return saved(docx.Document())[:-1000]


def _with_entities() -> bytes:
    """A document whose text grows from a few entities to gigabytes."""
    grown = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10))
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(saved(docx.Document()))) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            content = old.read(name).decode("utf-8", "surrogateescape")
            if name == "word/document.xml":
                head, _, body = content.partition("?>")
                body = body.replace("<w:body>", "<w:body><w:p><w:r><w:t>&e9;</w:t></w:r></w:p>")
                content = f'{head}?><!DOCTYPE w [<!ENTITY e0 "boom">{grown}]>{body}'
            new.writestr(name, content.encode("utf-8", "surrogateescape"))
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\x89PNG\r\n\x1a\n\0", "the file is a picture, not text. Give the draft as Markdown, text or HTML"),
        ("caf\xe9".encode("latin-1"), "byte 0xe9 is not valid UTF-8. Give the draft as"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "an old Word document (.doc), or one behind a password."),
        (b"PK\x03\x04nonsense", "a zip archive that is no Word document."),
        (_truncated(), "a zip archive that is no Word document."),
        (_bomb(), "it unpacks to more than 200 times its size, as bombs do."),
        (DEEP.encode(), "broken HTML: it is nested too deeply."),
        (b"x" * 2_000_000, "it holds 1.9 MB, more than 1."),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_remedy(data: bytes, reason: str) -> None:
    with pytest.raises(DraftError) as refused:
        read_draft(data, Limits(max_file_mb=1) if len(data) > 1_500_000 else Limits())
    assert reason in str(refused.value)
    assert str(refused.value).rstrip(".").count(".") >= 1


def test_entities_of_a_document_do_not_grow() -> None:
    with pytest.raises(DraftError, match="a broken Word document"):
        read_draft(_with_entities())


@settings(max_examples=150, deadline=None)
@given(st.text("<>/ bqpPlocktei\"'&;!-—\n“”\x00é", max_size=200) | st.text(max_size=100))
def test_any_text_is_a_draft_or_refused(text: str) -> None:
    try:
        draft = read_draft(text.encode("utf-8", "surrogatepass"))
    except DraftError:
        return
    for block in draft.blocks:
        assert 0 <= block.start < block.end <= len(draft.text)
    for start, _ in draft.paragraphs:
        assert not draft.text[start].isspace()


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_any_damaged_word_file_is_a_draft_or_refused(data: st.DataObject) -> None:
    document = docx.Document()
    document.add_paragraph("It is always the nurse.", style="Quote")
    content = bytearray(saved(document))
    for _ in range(data.draw(st.integers(1, 5))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(DraftError):
        read_draft(bytes(content))


def test_the_suffix_decides_nothing(tmp_path: Path) -> None:
    path = tmp_path / "draft.md"
    path.write_bytes(saved(docx.Document()))
    assert read_draft(path.read_bytes()).format is DraftFormat.WORD
