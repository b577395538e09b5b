"""The basket in a browser: quotes kept while searching, put in order, and taken along."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence
from typing import Any

import docx
import httpx2
import pytest
from playwright.sync_api import BrowserContext, Page, expect

ILSE = "ilse-brandvold-let-it-sign-d548ed"
ROAD = "spinning-reserve-closed-road-9dc05e"
PLACES = {"nurse": (ILSE, 11721, 11753), "units": (ROAD, 6586, 6621), "hydro": (ROAD, 6442, 6513)}
Text = Callable[[str], str]
Fill = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def fill(page: Page, transcript: Text) -> Fill:
    """Keeps quotes by name, as the search page does, and opens the basket; `changed` replaces fields of some."""

    def keep(*names: str, **changed: dict[str, Any]) -> list[dict[str, Any]]:
        entries = []
        for name in names:
            episode, start, end = PLACES[name]
            entry = {"episode": episode, "char_start": start, "char_end": end, "text": transcript(episode)[start:end]}
            entries.append({**entry, **changed.get(name, {})})
        page.goto("/basket")
        page.evaluate("kept => localStorage.setItem('onrecord.basket', kept)", json.dumps(entries))
        page.reload()
        expect(page.locator(".kept")).to_have_count(len(entries))
        return entries

    return keep


def _words(page: Page) -> list[str]:
    return page.locator(".kept blockquote").all_inner_texts()


def _kept(page: Page) -> list[int]:
    kept: list[int] = page.evaluate("JSON.parse(localStorage.getItem('onrecord.basket')).map(one => one.char_start)")
    return kept


def _starts(names: Sequence[str]) -> list[int]:
    return [PLACES[name][1] for name in names]


def test_a_hit_that_is_put_in_stands_in_the_basket_with_its_provenance(page: Page) -> None:
    page.goto("/?query=people+rarely+tell+me+who+pays+under+their+scheme")
    page.get_by_role("button", name="Add to basket").first.click()
    expect(page.locator("[data-basket-count]")).to_have_text("1")
    page.get_by_role("link", name="Basket").click()
    expect(page.locator(".kept")).to_have_count(1)
    expect(page.locator(".kept")).to_contain_text("Ilse Brandvold (guest)")
    expect(page.locator("#basket-count")).to_have_text("1 quote, in this browser alone.")
    page.locator(".kept").get_by_role("link").click()
    page.wait_for_url("**/episodes/ilse-brandvold-let-it-sign-d548ed?from=*")


def test_an_empty_basket_says_how_it_is_filled(page: Page) -> None:
    page.goto("/basket")
    expect(page.get_by_text("No quote is in the basket.")).to_be_visible()
    expect(page.get_by_role("button", name="Download")).to_be_hidden()


def test_quotes_are_put_in_order_by_the_keyboard(page: Page, fill: Fill) -> None:
    fill("nurse", "units", "hydro")
    last = page.locator(".kept").nth(2)
    last.get_by_role("button", name="Move up").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_have_text("Moved to place 2 of 3.")
    page.keyboard.press("Enter")
    assert _kept(page) == _starts(["hydro", "nurse", "units"])
    assert _words(page)[0].startswith("Pumped hydro")
    # At the top it cannot go further up; the focus stays with the quote.
    first = page.locator(".kept").first
    expect(first.get_by_role("button", name="Move up")).to_be_disabled()
    expect(first.get_by_role("button", name="Move down")).to_be_focused()
    page.reload()
    expect(page.locator(".kept")).to_have_count(3)
    assert _words(page)[0].startswith("Pumped hydro")


def test_quotes_are_put_in_order_by_dragging(page: Page, fill: Fill) -> None:
    page.set_viewport_size({"width": 1280, "height": 1200})  # Nothing has to be scrolled while the button is down.
    fill("nurse", "units", "hydro")
    page.locator(".kept .handle").first.drag_to(page.locator(".kept").nth(2), steps=10)
    expect(page.get_by_role("status")).to_have_text("Moved to place 3 of 3.")
    assert _kept(page) == _starts(["units", "hydro", "nurse"])
    assert _words(page)[2].startswith("It's always")


def test_removing_and_clearing_can_be_undone(page: Page, fill: Fill) -> None:
    fill("nurse", "units", "hydro")
    page.locator(".kept").nth(1).get_by_role("button", name="Remove").click()
    assert _kept(page) == _starts(["nurse", "hydro"])
    expect(page.get_by_role("button", name="Undo")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".kept")).to_have_count(3)
    assert _kept(page) == _starts(["nurse", "units", "hydro"])
    assert _words(page)[1].startswith("We rewound")
    page.get_by_role("button", name="Clear the basket").click()
    expect(page.get_by_text("No quote is in the basket.")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".kept")).to_have_count(3)
    assert _kept(page) == _starts(["nurse", "units", "hydro"])


def test_the_clipboard_gets_the_quotes_with_their_citations_in_order(
    page: Page, fill: Fill, client: httpx2.Client
) -> None:
    entries = fill("units", "nurse")
    page.get_by_role("button", name="Copy as Markdown").click()
    expect(page.get_by_role("status")).to_have_text("2 quotes on the clipboard.")
    assert page.evaluate("navigator.clipboard.readText()") == client.post("/v1/export", json={"quotes": entries}).text


@pytest.mark.parametrize(
    ("option", "name", "holds"),
    [
        ("Markdown", "quotes.md", "> We rewound two of the units in 2016\n\n— Calder Nwosu"),
        ("BibTeX", "quotes.bib", "author       = {Nwosu, Calder}"),
        ("CSL-JSON, for Zotero and Pandoc", "quotes.json", '"family": "Nwosu"'),
    ],
)
def test_the_quotes_are_saved_as_text(page: Page, fill: Fill, option: str, name: str, holds: str) -> None:
    fill("units", "nurse")
    page.get_by_label("Save as").select_option(label=option)
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Download").click()
    assert waiting.value.suggested_filename == name
    assert holds in waiting.value.path().read_text(encoding="utf-8")


def test_the_quotes_are_saved_for_word_in_the_style_that_is_chosen(page: Page, fill: Fill) -> None:
    fill("units")
    page.get_by_label("Save as").select_option(label="Word, references in APA style")
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Download").click()
    assert waiting.value.suggested_filename == "quotes.docx"
    paragraphs = docx.Document(io.BytesIO(waiting.value.path().read_bytes())).paragraphs
    assert paragraphs[0].text == "We rewound two of the units in 2016"
    assert paragraphs[1].text.startswith("Nwosu, C. (Guest)")


def test_what_the_archive_holds_no_more_is_told_and_not_exported(page: Page, fill: Fill) -> None:
    fill(
        "nurse",
        "units",
        "hydro",
        nurse={"text": "It's never in the end the nurse."},
        hydro={"episode": "gone-1a2b3c"},
    )
    notes = page.locator(".kept .note")
    expect(notes).to_have_count(2)
    expect(notes.first).to_contain_text("The transcript was changed, and does not hold these words any more.")
    expect(notes.last).to_contain_text("This episode is not in the archive any more.")
    assert _words(page)[0] == "It's never in the end the nurse."
    expect(page.locator("#basket-count")).to_contain_text("2 of them cannot be exported.")
    page.get_by_role("button", name="Copy as Markdown").click()
    expect(page.get_by_role("status")).to_have_text("1 quote on the clipboard.")
    assert page.evaluate("navigator.clipboard.readText()").startswith("> We rewound two of the units in 2016")


def test_words_that_moved_in_a_changed_transcript_are_followed(page: Page, fill: Fill) -> None:
    fill("nurse", "units", units={"char_start": 6580, "char_end": 6615})
    expect(page.locator(".kept .note")).to_contain_text("the words were found again at another place of it.")
    assert _words(page)[1] == "We rewound two of the units in 2016"
    assert _kept(page) == _starts(["nurse", "units"])
    page.get_by_role("button", name="Copy as Markdown").click()
    expect(page.get_by_role("status")).to_have_text("2 quotes on the clipboard.")


def test_another_tab_sees_the_change(page: Page, fill: Fill, context: BrowserContext) -> None:
    fill("nurse", "units")
    other = context.new_page()
    other.goto("/basket")
    expect(other.locator(".kept")).to_have_count(2)
    page.locator(".kept").first.get_by_role("button", name="Remove").click()
    expect(other.locator(".kept")).to_have_count(1)
    assert _words(other) == ["We rewound two of the units in 2016"]


def test_hostile_words_of_the_browser_are_shown_and_not_run(page: Page, fill: Fill) -> None:
    evil = "<img src=x onerror=alert(1)><script>document.title='stolen'</script> \u202eevil " + "W" * 100_000
    fill("nurse", nurse={"episode": "<script>", "text": evil})
    assert page.locator(".kept blockquote").text_content() == evil
    assert page.title() == "Basket – On Record"
    page.set_viewport_size({"width": 320, "height": 700})
    assert page.evaluate("document.documentElement.scrollWidth") <= 320


def test_five_hundred_quotes_are_shown_and_exported(page: Page, transcript: Text) -> None:
    text = transcript(ILSE)
    entries = [
        {"episode": ILSE, "char_start": start, "char_end": start + 20, "text": text[start : start + 20]}
        for start in range(0, 10_000, 20)
    ]
    page.goto("/basket")
    page.evaluate("kept => localStorage.setItem('onrecord.basket', kept)", json.dumps(entries))
    page.reload()
    expect(page.locator(".kept")).to_have_count(500)
    page.get_by_role("button", name="Copy as Markdown").click()
    expect(page.get_by_role("status")).to_have_text("500 quotes on the clipboard.")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_a_full_basket(
    page: Page, fill: Fill, axe: Callable[[Page], list[str]], scheme: str
) -> None:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    fill("nurse", "units", "hydro", nurse={"text": "gone"}, hydro={"episode": "gone-1a2b3c"})
    assert axe(page) == []


def test_what_no_page_sends_is_refused(client: httpx2.Client) -> None:
    assert client.post("/basket", json={"quotes": [{"episode": ILSE}]}).status_code == 422
