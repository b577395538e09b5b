"""What holds on every page."""

from __future__ import annotations

from collections.abc import Callable

import httpx2
import pytest
from playwright.sync_api import Page

PAGES = (
    "/",
    "/?query=who+pays+when+the+machine+is+wrong",
    "/?query=who+pays&role=guest&group_by=speaker",
    "/?query=who&show=Nowhere",
    "/episodes/ilse-brandvold-let-it-sign-d548ed",
    "/episodes/spinning-reserve-closed-road-9dc05e?query=who+pays&from=6442&to=6513#quote",
    "/episodes/ilse-brandvold-let-it-sign-d548ed?query=zzz&by=words&from=5&to=99999999",
    "/speakers",
    "/speakers?name=nobody",
    "/speakers/Ilse%20Brandvold?query=who+pays",
    "/verify",
    "/basket",
    "/archive",
    "/docs",
)


@pytest.mark.parametrize("address", PAGES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(page: Page, axe: Callable[[Page], list[str]], address: str, scheme: str) -> None:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.goto(address)
    assert axe(page) == []


@pytest.mark.parametrize("address", PAGES)
def test_nothing_is_wider_than_a_small_phone(page: Page, address: str) -> None:
    page.set_viewport_size({"width": 320, "height": 700})
    page.goto(address)
    assert page.evaluate("document.documentElement.scrollWidth") <= 320


@pytest.mark.parametrize("address", PAGES)
def test_the_browser_is_told_to_run_no_script_but_ours(client: httpx2.Client, address: str) -> None:
    response = client.get(address)
    policy = response.headers["content-security-policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert "<script>" not in response.text
    assert " style=" not in response.text


def test_the_icon_is_there_for_pages_and_for_what_a_browser_opens_besides(page: Page, client: httpx2.Client) -> None:
    page.goto("/")
    linked = page.locator("link[rel=icon]").get_attribute("href")
    for address in (linked, "/favicon.ico"):
        response = client.get(str(address))
        assert response.headers["content-type"].startswith("image/svg+xml")
        assert "<svg" in response.text
