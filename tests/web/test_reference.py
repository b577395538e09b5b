"""The reference of the HTTP interface says all that the interface says of itself, and needs nothing from elsewhere."""

from __future__ import annotations

from typing import Any

import httpx2
from playwright.sync_api import Page, expect


def _contract(client: httpx2.Client) -> dict[str, Any]:
    contract: dict[str, Any] = client.get("/openapi.json").json()
    return contract


def test_every_operation_is_there_with_its_parameters_and_answers(page: Page, client: httpx2.Client) -> None:
    page.goto("/docs")
    shown = 0
    for path, methods in _contract(client)["paths"].items():
        for method, operation in methods.items():
            section = page.locator(f"[id='{operation['operationId']}']")
            expect(section.get_by_role("heading", level=2)).to_have_text(f"{method.upper()} {path}")
            named = section.locator("dl.fields dt > code").all_inner_texts()
            wanted = {one["name"] for one in operation.get("parameters", [])} | set(operation["responses"])
            assert set(named) == wanted
            shown += 1
    assert page.locator("section.operation").count() == shown


def test_every_shape_is_there_with_its_fields_and_every_link_leads_to_one(page: Page, client: httpx2.Client) -> None:
    page.goto("/docs")
    shapes = _contract(client)["components"]["schemas"]
    assert set(page.locator("section.shape h3").all_inner_texts()) == set(shapes)
    body = page.locator("#QuotesQuery")
    assert set(body.locator("dl.fields dt > code").all_inner_texts()) >= set(shapes["QuotesQuery"]["properties"])
    links = page.locator("main a[href^='#']").evaluate_all("links => links.map(link => link.getAttribute('href'))")
    ids = set(page.locator("[id]").evaluate_all("all => all.map(one => '#' + one.id)"))
    assert links
    assert set(links) <= ids


def test_an_example_can_be_opened_and_what_is_required_stands_first(page: Page) -> None:
    page.goto("/")
    with page.expect_navigation():
        page.get_by_role("link", name="HTTP interface").click()
    search = page.locator("#search_v1_search_get")
    assert search.locator("dt").first.inner_text().startswith("query")
    expect(search.locator("dt").first).to_contain_text("required")
    with page.expect_navigation() as opened:
        search.get_by_role("link", name="Open an example").click()
    assert opened.value.json()["results"]
