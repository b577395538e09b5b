"""Checking a draft in a browser: marked, mended, copied."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import docx
import httpx2
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

NURSE = "“It’s always in the end the nurse.” — Ilse Brandvold"
DRAFT = f"""# 🩺 Storage & machines

{NURSE}

Calder Nwosu remembers: “We rewound two of the units in 2018,” and then 🏔.

“That's a storage project I'd build again tomorrow,” says Ilse Brandvold.

> Pumped hydro, finished in 1984, eleven hundred megawatts
> for ten hours.
>
> — Calder Nwosu

Desmond Achterloo adds: “Nobody ever bought a hospital because the moon was cheap in spring.”
"""
HOSTILE = (
    '“<script>document.title="stolen"</script> said it <img src=x onerror=alert(1)> here” \u202eevil\u202c '
    "&amp; \u2067“one two three”\u2069 " + "W" * 100_000
)


def _checked(page: Page, draft: str) -> None:
    page.goto("/verify")
    page.get_by_label("Your draft").fill(draft)
    page.get_by_role("button", name="Check the quotations").click()
    expect(page.locator("#summary")).to_be_focused()


def _card(page: Page, number: int) -> Locator:
    return page.locator(f"#q{number}")


def _clipboard(page: Page) -> str:
    page.get_by_role("button", name="Copy the draft").click()
    expect(page.get_by_role("status")).to_have_text("The draft is on the clipboard.")
    text: str = page.evaluate("navigator.clipboard.readText()")
    return text


def test_every_quotation_is_marked_with_its_verdict_and_the_true_words_beside_it(page: Page) -> None:
    _checked(page, DRAFT)
    expect(page.locator("#summary")).to_have_text(
        "5 quotations: 1 verified, 2 altered, 1 said by somebody else, 1 not found"
    )
    assert page.locator("#marked").text_content() == DRAFT
    marks = page.locator("#marked .quotation")
    assert [mark.split()[1] for mark in marks.evaluate_all("marks => marks.map(mark => mark.className)")] == [
        "verified",
        "altered",
        "misattributed",
        "altered",
        "not_found",
    ]
    assert marks.nth(1).text_content() == "“We rewound two of the units in 2018,”"
    units = _card(page, 2)
    expect(units.locator("del")).to_have_text("draft: 2018")
    expect(units.locator("ins")).to_have_text("said: 2016")
    expect(units.locator("blockquote")).to_contain_text("We rewound two of the units in 2016")
    expect(units).to_contain_text("Calder Nwosu (guest)")
    expect(units).to_contain_text("7:59")
    expect(_card(page, 5).locator("summary")).to_have_text("What comes nearest")


def test_the_link_of_a_card_leads_to_the_words(page: Page) -> None:
    _checked(page, DRAFT)
    _card(page, 2).get_by_role("link", name="A Warehouse on a Closed Road").click()
    page.wait_for_url("**/episodes/spinning-reserve-closed-road-9dc05e?from=6586&to=6621#quote")
    expect(page.locator("#t25")).to_contain_text("We rewound two of the units in 2016")
    page.go_back()
    expect(_card(page, 2)).to_contain_text("2018")


def test_repairs_give_a_draft_that_holds(page: Page) -> None:
    _checked(page, DRAFT)
    _card(page, 2).get_by_role("button", name="Use the true words").click()
    _card(page, 3).get_by_role("button", name="Give it to Calder Nwosu").click()
    _card(page, 4).get_by_role("button", name="Use the true words").click()
    mended = (
        DRAFT.replace("2018", "2016")
        .replace("says Ilse Brandvold", "says Calder Nwosu")
        .replace("1984, eleven hundred megawatts\n> for ten", "1974, eleven hundred megawatts for ten")
    )
    assert _clipboard(page) == mended
    expect(page.get_by_label("Your draft")).to_have_value(mended)
    page.get_by_role("button", name="Check again").click()
    expect(page.locator("#summary")).to_have_text("5 quotations: 4 verified, 1 not found")


def test_a_repair_is_taken_back_by_the_same_button_in_any_order(page: Page) -> None:
    _checked(page, DRAFT)
    units, hydro = (_card(page, number).get_by_role("button") for number in (2, 4))
    units.click()
    hydro.click()
    units.click()
    expect(units).to_have_text("Use the true words")
    text = _clipboard(page)
    assert "2018" in text
    assert "1974" in text
    hydro.click()
    assert _clipboard(page) == DRAFT


def test_words_typed_after_the_check_are_not_lost_by_a_repair(page: Page) -> None:
    _checked(page, DRAFT)
    page.get_by_label("Your draft").fill("A new beginning.\n\n" + DRAFT)
    _card(page, 2).get_by_role("button", name="Use the true words").click()
    expect(page.get_by_role("status")).to_have_text("The draft was changed above, so it was checked again.")
    assert _clipboard(page) == "A new beginning.\n\n" + DRAFT


def test_the_mended_draft_is_downloaded_under_the_name_of_its_file(page: Page, tmp_path: Path) -> None:
    draft = tmp_path / "essay.md"
    draft.write_text(DRAFT, encoding="utf-8")
    page.goto("/verify")
    page.locator("input[type=file]").set_input_files(draft)
    _card(page, 2).get_by_role("button", name="Use the true words").click()
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Download it").click()
    assert waiting.value.suggested_filename == "essay.md"
    assert waiting.value.path().read_text(encoding="utf-8") == DRAFT.replace("2018", "2016")


def test_a_file_is_dropped_on_the_form(page: Page) -> None:
    page.goto("/verify")
    dropped = page.evaluate_handle(
        """text => { const data = new DataTransfer(); data.items.add(new File([text], "talk.txt")); return data; }""",
        NURSE,
    )
    page.dispatch_event("#draft-form", "drop", {"dataTransfer": dropped})
    expect(page.locator("#summary")).to_have_text("1 quotation: 1 verified")


def test_a_file_that_is_no_draft_is_refused_with_what_to_do(page: Page, tmp_path: Path) -> None:
    picture = tmp_path / "picture.txt"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n\x00\x00\x00")
    page.goto("/verify")
    page.get_by_label("Your draft").fill("mine")
    page.locator("input[type=file]").set_input_files(picture)
    expect(page.get_by_role("alert")).to_contain_text("Markdown")
    expect(page.get_by_label("Your draft")).to_have_value("mine")


def test_a_word_file_becomes_markdown_and_its_block_quotes_stay_quotations(page: Page, tmp_path: Path) -> None:
    document = docx.Document()
    document.add_paragraph("Calder Nwosu remembers: “We rewound two of the units in 2018.”")
    document.add_paragraph("It's always in the end the nurse.", style="Quote")
    document.save(str(tmp_path / "essay.docx"))
    page.goto("/verify")
    page.locator("input[type=file]").set_input_files(tmp_path / "essay.docx")
    expect(page.locator("#summary")).to_contain_text("2 quotations: ")
    expect(page.get_by_label("Your draft")).to_have_value(
        "Calder Nwosu remembers: “We rewound two of the units in 2018.”\n\n> It's always in the end the nurse."
    )
    _card(page, 1).get_by_role("button", name="Use the true words").click()
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Download it").click()
    assert waiting.value.suggested_filename == "essay.md"
    assert "units in 2016.”" in waiting.value.path().read_text(encoding="utf-8")


def test_a_page_is_marked_by_its_words_and_not_by_its_markup(page: Page) -> None:
    _checked(
        page,
        "<!doctype html><html><body><script>alert(1)</script><p>Calder Nwosu: <q>We rewound two of the units in "
        "2018</q>.</p><blockquote><p>It's always in the end the nurse.</p><footer>Ilse Brandvold</footer>"
        "</blockquote></body></html>",
    )
    expect(page.locator("#summary")).to_contain_text("2 quotations: 1 verified, 1 altered")
    text = page.locator("#marked").text_content() or ""
    assert "> It's always in the end the nurse." in text
    assert "<" not in text
    expect(page.get_by_label("Your draft")).to_have_value(text)


def test_the_keyboard_alone_is_enough(page: Page) -> None:
    page.goto("/verify")
    expect(page.locator("#draft")).to_be_focused()
    page.keyboard.insert_text("Calder Nwosu: “We rewound two of the units in 2018.”")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#summary")).to_be_focused()
    repair = page.get_by_role("button", name="Use the true words")
    for _ in range(15):
        page.keyboard.press("Tab")
        if repair.evaluate("button => button === document.activeElement"):
            break
    page.keyboard.press("Enter")
    expect(page.locator("#marked")).to_contain_text("units in 2016.”")
    expect(page.locator("#q1 button")).to_be_focused()


def test_what_is_verified_can_be_put_aside(page: Page) -> None:
    _checked(page, DRAFT)
    page.get_by_label("Only what is not verified").check()
    expect(_card(page, 1)).to_be_hidden()
    expect(_card(page, 2)).to_be_visible()


def test_the_draft_is_there_again_when_the_tab_is_loaded_again(page: Page) -> None:
    _checked(page, NURSE)
    page.goto("/verify")
    expect(page.locator("#summary")).to_have_text("1 quotation: 1 verified")


@pytest.mark.parametrize(("draft", "summary"), [("No words between marks.", "No quotation was found"), (HOSTILE, "2 ")])
def test_whatever_a_draft_holds_is_shown_and_not_run(page: Page, draft: str, summary: str) -> None:
    _checked(page, draft)
    expect(page.locator("#summary")).to_contain_text(summary)
    if page.locator("#marked").count():
        assert page.locator("#marked").text_content() == draft
    assert page.title() == "Check a draft – On Record"
    page.set_viewport_size({"width": 320, "height": 700})
    assert page.evaluate("document.documentElement.scrollWidth") <= 320


def test_without_scripts_the_form_answers_with_the_same_marks(browser: Browser, server: str) -> None:
    context = browser.new_context(base_url=server, java_script_enabled=False)
    page = context.new_page()
    page.goto("/verify")
    page.locator("#draft").fill("\n" + DRAFT)
    with page.expect_navigation():
        page.locator("#draft-form button").click()
    assert page.locator("#marked").text_content() == "\n" + DRAFT
    assert page.locator("#draft").input_value() == "\n" + DRAFT
    assert page.locator(".card").count() == 5
    assert page.locator("button:visible").all_inner_texts() == ["Check the quotations"]
    context.close()


@pytest.mark.parametrize(
    ("draft", "says"),
    [
        ("  \n", "There is nothing in the draft yet."),
        ("a" * 200_001, "The draft holds 200,001 characters of text; 200,000 are checked at once."),
        ("“one two three” " * 501, "The draft holds 501 quotations; 500 are checked at once."),
    ],
)
def test_a_draft_that_cannot_be_checked_at_once_is_told_so(client: httpx2.Client, draft: str, says: str) -> None:
    answer = client.post("/verify", data={"text": draft})
    assert answer.status_code == 200
    assert says in answer.text


def test_each_cited_passage_is_shown_with_where_it_leads(
    page: Page, client: httpx2.Client, axe: Callable[[Page], list[str]]
) -> None:
    first, other = client.get("/v1/quotes", params={"query": "who pays", "diverse": "speaker"}).json()["results"][:2]
    quoted = f"“{first['text']}” — {first['speaker']['name']}"
    _checked(page, f"{quoted} [{first['passage']}]\n\n{quoted} [{other['passage']}]\n\nSee [00aa11bb22cc33dd].\n")
    cited = page.get_by_role("region", name="3 citations of passages").get_by_role("listitem")
    verdicts = ["the quotation stands there", "the quotation does not stand there", "no such passage"]
    assert cited.locator(".verdict").all_inner_texts() == verdicts
    expect(cited.nth(1)).to_contain_text(other["speaker"]["name"])
    expect(cited.nth(1).get_by_role("link", name="quotation 2")).to_have_attribute("href", "#q2")
    assert cited.nth(2).locator("blockquote").count() == 0
    assert axe(page) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_a_checked_draft(page: Page, axe: Callable[[Page], list[str]], scheme: str) -> None:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    _checked(page, DRAFT)
    _card(page, 2).get_by_role("button").click()
    assert axe(page) == []
