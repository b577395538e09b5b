"""The archive page: what is in the index, in numbers that are those of the index."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest
from playwright.sync_api import Browser, Page, expect

from indexer.generations import current_generation
from service.web import archive as archive_page
from tests.conftest import Onrecord, serving


def _chart(page: Page, caption: str) -> dict[str, int]:
    rows = page.get_by_role("table", name=caption).locator("tbody tr")
    cells = rows.evaluate_all("rows => rows.map(row => [row.cells[0].innerText, row.cells[1].innerText])")
    return {label.strip(): int(count.replace(",", "")) for label, count in cells}


def _titles(page: Page) -> list[str]:
    return page.locator(".episodes .title").all_inner_texts()


def test_the_words_of_each_person_are_those_of_the_transcripts(page: Page, client: httpx2.Client) -> None:
    words: Counter[str] = Counter()
    for episode in client.get("/v1/episodes").json()["episodes"]:
        for turn in client.get(f"/v1/episodes/{episode['id']}/transcript").json()["turns"]:
            words[turn["speaker"]] += len(turn["text"].split())
    page.goto("/archive")
    assert _chart(page, "Words of each person") == dict(words)
    longest = page.get_by_role("table", name="Words of each person").locator("rect").first
    assert longest.get_attribute("width") == "100.0%"


def test_every_word_is_accounted_for(page: Page, seeds_index: Path) -> None:
    report = current_generation(seeds_index).report()
    page.goto("/archive")
    parts = _chart(page, f"Where the {report['words']:,} spoken words are")
    assert parts["Searched"] == report["words_indexed"]
    assert parts["Sponsor reads"] == report["words_of_kind"]["sponsor"]
    assert sum(parts.values()) == report["words"]
    assert _chart(page, "Words in the files that nobody speaks, left out") == report["dropped_words"]
    assert sum(_chart(page, "How the times of the passages are known").values()) == report["passages"]


def test_months_without_an_episode_are_shown_and_undated_episodes_are_told(page: Page) -> None:
    page.goto("/archive")
    months = {"2024-03": 2, "2024-04": 2, "2024-05": 0, "2024-06": 1}
    assert _chart(page, "Episodes of each month") == months
    expect(page.get_by_text("1 episode states no date.")).to_be_visible()


def test_the_model_and_the_generation_are_named(page: Page, client: httpx2.Client) -> None:
    index: dict[str, Any] = client.get("/readyz").json()["index"]
    page.goto("/archive")
    expect(page.get_by_role("definition").filter(has_text=index["generation"])).to_be_visible()
    expect(page.get_by_role("definition").filter(has_text=index["model"])).to_contain_text("384 dimensions")


def test_files_that_were_passed_over_are_listed_with_the_reason(page: Page) -> None:
    page.goto("/archive")
    page.get_by_text("Files passed over (4)").click()
    expect(page.locator(".files:visible")).to_contain_text("questions.jsonl: questions for `onrecord eval`")


def test_the_list_is_sorted_and_narrowed_without_a_script(browser: Browser, server: str) -> None:
    context = browser.new_context(base_url=server, java_script_enabled=False)
    page = context.new_page()
    page.goto("/archive")
    assert _titles(page)[0] == "The Peak Is a Choice"
    assert _titles(page)[-1].startswith("Ilse Brandvold")
    page.get_by_label("Show", exact=True).select_option("Spinning Reserve")
    page.get_by_label("Order", exact=True).select_option("By title")
    with page.expect_navigation():
        page.get_by_role("button", name="List").click()
    assert _titles(page) == [
        "A Hundred Hours of Rust with Maren Tollefsrud",
        "A Warehouse on a Closed Road",
        "The Peak Is a Choice",
    ]
    page.get_by_role("link", name="A Warehouse on a Closed Road").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("A Warehouse on a Closed Road")
    context.close()


@pytest.mark.parametrize(
    ("sort", "first"),
    [
        ("oldest", "A Warehouse on a Closed Road"),
        ("longest", "Ilse Brandvold — Let It Sign or Take It Out of the Building"),
        ("show", "Desmond Achterloo: Left Shoes — Why the Contract Decides"),
    ],
)
def test_each_order_puts_the_right_episode_first(page: Page, sort: str, first: str) -> None:
    page.goto(f"/archive?sort={sort}")
    assert _titles(page)[0] == first
    assert len(_titles(page)) == 6


@pytest.mark.parametrize("address", ["/archive?sort=best", "/archive?offset=-1", "/archive?limit=9"])
def test_unknown_parameters_are_refused(client: httpx2.Client, address: str) -> None:
    assert client.get(address).status_code == 422


def test_a_show_that_is_not_there_is_told_so(page: Page) -> None:
    page.goto("/archive?show=%3Cscript%3Ealert(1)%3C/script%3E")
    expect(page.locator(".episodes")).to_contain_text("No episode is of a show with this name. All episodes")


def test_a_long_list_comes_in_pages_and_years_take_the_place_of_months(
    onrecord: Onrecord, offline: dict[str, str], browser: Browser, tmp_path: Path
) -> None:
    """Hostile titles and names stand in it; a file that cannot be read is listed with its remedy."""
    folder = tmp_path / "talks"
    folder.mkdir()
    for number in range(archive_page.PAGE + 5):
        evil = "<img src=x onerror=alert(1)> \u202etitle" if number == 0 else f"Talk {number}"
        (folder / f"talk-{number:02}.md").write_text(
            f"---\ntitle: '{evil}'\nshow: 'A & B'\ndate: {2015 + number % 9}-01-02\n---\n\n"
            f"**Ada Ilves:** What did you see on day {number} of the journey?\n\n"
            f"**Bo Lindqvist:** I saw {number} stars over the hill, and then I saw nothing at all for an hour.\n",
            encoding="utf-8",
        )
    (folder / "broken.docx").write_bytes(b"PK\x03\x04 no zip, word/document.xml")
    assert onrecord("index", folder, "--out", tmp_path / "index").returncode == 1
    with serving(tmp_path / "index", offline, tmp_path / "log.txt", workers=1) as (address, _):
        page = browser.new_context(base_url=address).new_page()
        page.goto("/archive?sort=title&show=A+%26+B")
        years = _chart(page, "Episodes of each year")
        assert list(years) == [str(year) for year in range(2015, 2024)]
        assert sum(years.values()) == archive_page.PAGE + 5
        assert _titles(page)[0] == "<img src=x onerror=alert(1)> \u202etitle"
        assert _titles(page)[1:] == [f"Talk {number}" for number in range(1, archive_page.PAGE)]
        expect(page.get_by_role("heading", name="Files that cannot be read")).to_be_visible()
        expect(page.locator(".files").first).to_contain_text("broken.docx")
        page.get_by_role("link", name="Further in the list").click()
        page.wait_for_url(re.compile("offset=50"))
        assert len(_titles(page)) == 5
        assert page.get_by_label("Show", exact=True).input_value() == "A & B"
        page.get_by_role("link", name="Earlier in the list").click()
        page.wait_for_url(re.compile(r"B#episodes$"))
        assert len(_titles(page)) == archive_page.PAGE
        page.context.close()


def test_axe_finds_nothing_with_the_lists_open(page: Page, axe: Callable[[Page], list[str]]) -> None:
    page.goto("/archive")
    page.locator("details").evaluate_all("all => all.forEach(one => { one.open = true; })")
    assert axe(page) == []
