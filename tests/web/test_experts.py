"""The experts in a real browser: who is there, and what each of them said."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

import httpx2
import pytest
from playwright.sync_api import Browser, Page, expect


@pytest.fixture
def without_scripts(browser: Browser, server: str) -> Iterator[Page]:
    context = browser.new_context(base_url=server, java_script_enabled=False)
    yield context.new_page()
    context.close()


def test_everybody_who_is_named_is_listed_with_roles(page: Page, client: httpx2.Client) -> None:
    page.goto("/speakers")
    everybody = client.get("/v1/speakers").json()["speakers"]
    assert page.locator(".experts h3").all_inner_texts() == [speaker["name"] for speaker in everybody]
    first = everybody[0]
    expect(page.locator(".experts li").first).to_contain_text(f"host in {first['roles']['host']} interviews")


def test_the_list_is_narrowed_by_name_and_role(without_scripts: Page, client: httpx2.Client) -> None:
    page = without_scripts
    page.goto("/speakers")
    page.get_by_label("Name").fill("noemie")
    with page.expect_navigation():
        page.get_by_role("button", name="Show").click()
    assert page.locator(".experts h3").all_inner_texts() == ["Noémie Tavares-Holm"]
    page.goto("/speakers")
    page.get_by_label("Role").select_option("host")
    with page.expect_navigation():
        page.get_by_role("button", name="Show").click()
    hosts = [one["name"] for one in client.get("/v1/speakers").json()["speakers"] if "host" in one["roles"]]
    assert page.locator(".experts h3").all_inner_texts() == hosts
    page.goto("/speakers?name=nobody")
    expect(page.get_by_text("Nobody here is called so.")).to_be_visible()


def test_what_one_person_said_about_something(without_scripts: Page) -> None:
    page = without_scripts
    page.goto("/speakers")
    page.get_by_role("link", name="Ilse Brandvold").click()
    page.get_by_label("What did Ilse Brandvold say about").fill("who pays when the machine is wrong")
    with page.expect_navigation():
        page.get_by_role("button", name="Search").click()
    hits = page.locator(".hit")
    assert hits.count() > 5
    words = hits.first.locator("mark").inner_text()
    hits.first.locator("h3 a").click()
    expect(page.locator("mark.quote")).to_have_text(words)
    turn = page.locator(".turn").filter(has=page.locator("mark.quote"))
    expect(turn.locator(".pick")).to_have_text("Ilse Brandvold")


def test_a_hosts_words_are_searched_alone(page: Page, client: httpx2.Client) -> None:
    name = "Tobias Achterberg-Nakamura"
    page.goto(f"/speakers/{quote(name)}?query=storage")
    asked: dict[str, str | int] = {"query": "storage", "speaker": name, "limit": 20}
    found = client.get("/v1/search", params=asked).json()
    assert page.locator(".hit mark").all_text_contents() == [hit["quote"]["text"] for hit in found["results"]]
    with page.expect_navigation():
        page.get_by_role("link", name="Show 20 more").click()
    assert page.locator(".hit").count() == min(40, found["total"])


def test_a_person_leads_to_interviews_and_to_others(page: Page) -> None:
    page.goto("/speakers/Calder%20Nwosu")
    page.get_by_role("link", name="Tobias Achterberg-Nakamura").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Tobias Achterberg-Nakamura")
    interviews = page.get_by_role("region", name="Interviews")
    assert interviews.locator("h3").count() == 3
    interviews.get_by_role("link", name="A Warehouse on a Closed Road").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("A Warehouse on a Closed Road")


def test_a_name_is_found_by_its_parts_and_an_unknown_one_refused(client: httpx2.Client) -> None:
    assert "<h1><bdi>Ilse Brandvold</bdi></h1>" in client.get("/speakers/Ilse").text
    assert client.get("/speakers/Nobody%20At%20All").status_code == 404
