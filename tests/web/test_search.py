"""The search page in a browser: what is typed, shown, narrowed, kept and gone back to."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from tests.conftest import Onrecord, serving

ASKED = "who pays when the machine is wrong"
HITS = ".hit"

HOSTILE = """\
title: <img src=x onerror="document.title='owned'"> "quoted" & 'single'
show: <script>document.title = "owned"</script>

<b>Ada</b> "Quarrel" O'Brien:
What did the \u202ereversed\u202c lighthouse <script>document.title = "owned"</script> say about the storm?

Grace Lantern:
\U0001f600\U0001f469\u200d\U0001f692 Emoji come first. The lighthouse keeper said \
<img src=x onerror="document.title='owned'"> that the storm broke every lamp in the harbour. \
\u05e9\u05dc\u05d5\u05dd \u05e2\u05d5\u05dc\u05dd. {long}

Ada O'Brien:
And who repaired the lamps of the harbour after that?

Grace Lantern:
The \U0001f3ee lamps of the harbour were repaired by the keeper's daughter, who climbed the tower every night.
"""


def _search(page: Page, text: str) -> None:
    """Typed whole, and sent by Enter."""
    page.locator("#query").fill(text)
    page.keyboard.press("Enter")
    page.wait_for_url(lambda address: parse_qs(urlsplit(address).query).get("query") == [text])
    expect(page.locator("#found")).not_to_have_attribute("aria-busy", "true")


def _parameters(page: Page) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).query)


def _speakers(page: Page) -> list[str]:
    return page.locator(f"{HITS} h3 a.to").all_inner_texts()


def _quotes(page: Page) -> list[str]:
    return page.locator(f"{HITS} mark").all_text_contents()


def _api(client: httpx2.Client, **parameters: Any) -> Any:
    return client.get("/v1/search", params={"query": ASKED, **parameters}).json()


def _filter(page: Page, facet: str, label: str) -> Locator:
    return page.locator(f'.filters a[data-key="{facet}={label}"]')


def _on_screen(page: Page, locator: Locator) -> bool:
    found: bool = locator.evaluate(
        "element => { const at = element.getBoundingClientRect(); return at.top >= 0 && at.bottom <= innerHeight }"
    )
    return found


def test_enter_shows_what_the_service_finds_with_each_quote_marked(page: Page, client: httpx2.Client) -> None:
    page.goto("/")
    expect(page.locator("#query")).to_be_focused()
    _search(page, ASKED)
    found = _api(client)
    assert _quotes(page) == [hit["quote"]["text"] for hit in found["results"]]
    assert page.locator(f"{HITS} blockquote").all_text_contents() == [hit["text"] for hit in found["results"]]
    assert _speakers(page) == [hit["speaker"]["name"] for hit in found["results"]]
    expect(page.locator("#summary")).to_contain_text(f"1–10 of {found['total']} passages")
    expect(page.locator("#summary")).to_contain_text(re.compile(r"in \d+ ms"))
    assert _on_screen(page, page.locator(f"{HITS} mark").first)
    expect(page.locator("#query")).to_be_focused()


def test_a_hit_says_where_it_stands_and_what_was_asked(page: Page, client: httpx2.Client) -> None:
    page.goto(f"/?query={ASKED}&role=guest&show=Second Opinion")
    hit = _api(client, role="guest", show="Second Opinion")["results"][0]
    shown = page.locator(HITS).first
    expect(shown.locator(".role")).to_have_text("guest")
    for part in (hit["episode"]["title"], hit["episode"]["show"], hit["episode"]["date"]):
        expect(shown.locator(".where")).to_contain_text(part)
    expect(shown.locator(".question")).to_contain_text(f"{hit['question']['speaker']}: {hit['question']['text'][:40]}")
    address = urlsplit(shown.locator("a.to").get_attribute("href") or "")
    assert address.path == f"/episodes/{hit['episode']['id']}"
    assert address.fragment == "quote"
    assert {name: int(value) for name, [value] in parse_qs(address.query).items()} == {
        "from": hit["quote"]["char_start"],
        "to": hit["quote"]["char_end"],
    }


def test_typing_searches_after_a_pause_and_leaves_one_entry_in_the_history(page: Page) -> None:
    page.goto("/")
    page.locator("#query").press_sequentially("who pays the nurse", delay=30)
    expect(page.locator(HITS).first).to_be_visible()
    page.wait_for_url("**/?query=who+pays+the+nurse")
    page.locator("#query").press_sequentially(" at night", delay=30)
    page.wait_for_url("**/?query=who+pays+the+nurse+at+night")
    page.go_back()
    page.wait_for_url(lambda address: urlsplit(address).query == "")
    expect(page.locator(".welcome")).to_be_visible()
    expect(page.locator("#query")).to_have_value("")


def test_a_slow_answer_never_replaces_a_later_one(page: Page) -> None:
    def late(route: Route) -> None:
        page.wait_for_timeout(400)
        route.continue_()

    page.goto("/")
    page.route("**/?query=pumped+hydro", late)
    page.locator("#query").fill("pumped hydro")
    page.keyboard.press("Enter")
    _search(page, "the nurse")
    wanted = _quotes(page)
    page.wait_for_timeout(800)
    assert _quotes(page) == wanted
    assert _parameters(page) == {"query": ["the nurse"]}


def test_facets_narrow_count_and_are_taken_back(page: Page, client: httpx2.Client) -> None:
    page.goto(f"/?query={ASKED}")
    counts = {entry["value"]: entry["count"] for entry in _api(client, facets=True)["facets"]["speaker"]}
    name = "Ilse Brandvold"
    expect(_filter(page, "speaker", name).locator(".number")).to_have_text(str(counts[name]))
    _filter(page, "speaker", name).click()
    expect(page.locator(".chips")).to_contain_text(f"Speaker: {name}")
    assert _parameters(page) == {"query": [ASKED], "speaker": [name]}
    assert set(_speakers(page)) == {name}
    expect(_filter(page, "speaker", name)).to_have_attribute("aria-current", "true")
    expect(_filter(page, "speaker", name)).to_be_focused()
    expect(_filter(page, "role", "host")).to_have_count(0)
    expect(_filter(page, "speaker", "Calder Nwosu")).to_be_visible()
    page.locator("#query").fill("the nurse")
    page.keyboard.press("Enter")
    page.wait_for_url("**query=the+nurse**")
    assert _parameters(page) == {"query": ["the nurse"], "speaker": [name]}
    _filter(page, "speaker", name).click()
    expect(page.locator(".chips")).to_have_count(0)
    assert _parameters(page) == {"query": ["the nurse"]}


def test_a_year_is_a_filter_of_days(page: Page) -> None:
    page.goto(f"/?query={ASKED}")
    _filter(page, "year", "2024").click()
    expect(page.locator(".chips")).to_contain_text("Year: 2024")
    assert _parameters(page) == {"query": [ASKED], "date_from": ["2024-01-01"], "date_to": ["2024-12-31"]}
    assert all("2024-" in where for where in page.locator(".where").all_inner_texts())


def test_a_new_question_is_asked_under_the_same_filters(page: Page) -> None:
    page.goto(f"/?query={ASKED}&speaker=Calder+Nwosu&kind=content&kind=sponsor")
    page.locator("#query").fill("pumped hydro")
    page.keyboard.press("Enter")
    page.wait_for_url("**query=pumped+hydro**")
    assert _parameters(page) == {
        "query": ["pumped hydro"], "speaker": ["Calder Nwosu"], "kind": ["content", "sponsor"],
    }  # fmt: skip
    assert set(_speakers(page)) == {"Calder Nwosu"}


def test_back_and_forward_bring_back_the_whole_state(page: Page) -> None:
    page.goto("/")
    _search(page, "pumped hydro")
    first = _quotes(page)
    page.locator("select[name=group_by]").select_option(label="one per expert")
    page.wait_for_url("**group_by=speaker**")
    expect(page.locator("#summary")).to_contain_text("experts")
    grouped = _quotes(page)
    _search(page, "the nurse")
    page.go_back()
    page.wait_for_url("**query=pumped+hydro**")
    expect(page.locator("#query")).to_have_value("pumped hydro")
    expect(page.locator("select[name=group_by]")).to_have_value("speaker")
    expect(page.locator(f"{HITS} mark").first).to_have_text(grouped[0])
    assert _quotes(page) == grouped
    page.go_back()
    expect(page.locator("select[name=group_by]")).to_have_value("")
    expect(page.locator("#summary")).not_to_contain_text("experts")
    assert _quotes(page) == first
    page.go_forward()
    expect(page.locator("#summary")).to_contain_text("experts")
    page.reload()
    assert _quotes(page) == grouped


def test_one_per_expert_and_per_episode(page: Page, client: httpx2.Client) -> None:
    page.goto(f"/?query={ASKED}&group_by=speaker")
    assert len(set(_speakers(page))) == len(_speakers(page)) > 3
    experts = _api(client, group_by="speaker")["experts_total"]
    expect(page.locator("#summary")).to_contain_text(f"by {experts} experts")
    page.locator("select[name=group_by]").select_option(label="one per episode")
    page.wait_for_url("**group_by=episode**")
    expect(page.locator("#summary")).not_to_contain_text("experts")
    titles = page.locator(".where cite").all_inner_texts()
    assert len(set(titles)) == len(titles) == 6


def test_modes_and_orders(page: Page, client: httpx2.Client) -> None:
    page.goto(f"/?query={ASKED}")
    page.locator("select[name=mode]").select_option(label="words alone")
    page.wait_for_url("**mode=lexical**")
    expect(page.locator(f"{HITS} mark").first).to_have_text(_api(client, mode="lexical")["results"][0]["quote"]["text"])
    page.goto(f"/?query={ASKED}")
    best = _quotes(page)
    page.locator("select[name=sort]").select_option(label="oldest first")
    page.wait_for_url("**sort=oldest**")
    expect(page.locator(f"{HITS} mark").first).not_to_have_text(best[0])
    assert sorted(_quotes(page)) == sorted(best)
    dates = [found[0] if (found := re.findall(r"\d{4}-\d\d-\d\d", where)) else "9999"
             for where in page.locator(".where").all_inner_texts()]  # fmt: skip
    assert dates == sorted(dates)
    assert len(set(dates)) > 2


def test_pages_of_results_join_up(page: Page, client: httpx2.Client) -> None:
    page.goto(f"/?query={ASKED}")
    page.get_by_role("link", name="Next 10").click()
    page.wait_for_url("**offset=10**")
    expect(page.locator("#summary")).to_contain_text("11–20 of")
    expect(page.locator("#summary")).to_be_focused()
    assert page.evaluate("scrollY") == 0
    assert _quotes(page) == [hit["quote"]["text"] for hit in _api(client, offset=10)["results"]]
    page.get_by_role("link", name="Previous").click()
    page.wait_for_url(lambda address: "offset" not in address)
    expect(page.locator("#summary")).to_contain_text("1–10 of")


def test_why_this_tells_the_signals(page: Page, client: httpx2.Client) -> None:
    page.goto(f"/?query={ASKED}")
    shown = page.locator(HITS).first
    expect(shown.get_by_text("Score")).not_to_be_visible()
    shown.get_by_text("Why this?").click()
    hit = _api(client)["results"][0]
    expect(shown.locator(".why")).to_contain_text(f"Score {hit['score']:.2f}")
    rows = dict(
        zip(shown.locator(".why tbody th").all_inner_texts(), shown.locator(".why tbody tr").all(), strict=True)
    )
    expect(rows["Its two best sentences do"]).to_contain_text(f"{hit['signals']['sentence']:.2f}")
    expect(rows["The words stand in it or beside it"]).to_contain_text(f"{hit['signals']['around']:.2f}")


def test_what_is_hidden_is_counted_and_shown_on_demand(page: Page, client: httpx2.Client) -> None:
    asked = "who pays"
    assert _api(client, query=asked, role="guest", group_by="speaker")["hidden"] == {"teaser": 1}
    page.goto(f"/?query={asked}&role=guest&group_by=speaker")
    expect(page.locator(".hiding")).to_contain_text("1 cold open would stand here too.")
    expect(page.locator(".tag")).to_have_count(0)
    page.get_by_role("link", name="Show it").click()
    expect(page.locator(".chips")).to_contain_text("Searched: passages, cold opens")
    assert _parameters(page)["kind"] == ["content", "teaser"]
    expect(page.locator(".hiding")).to_have_count(0)


def test_a_sponsor_read_is_called_one(page: Page) -> None:
    page.goto("/?query=sponsor&kind=sponsor")
    assert page.locator(".hit h3 .tag").all_inner_texts() == ["sponsor read"] * page.locator(HITS).count() != []


def test_nothing_found_says_why_and_what_to_do(page: Page) -> None:
    page.goto(f"/?query={ASKED}&speaker=Ilse+Brandvold&show=Spinning+Reserve")
    expect(page.locator("#summary")).to_contain_text("No passage found")
    expect(page.locator(HITS)).to_have_count(0)
    page.get_by_role("link", name="Search the whole archive").click()
    page.wait_for_url(lambda address: "speaker" not in address)
    expect(page.locator(HITS)).to_have_count(10)
    _search(page, '"words that nobody ever said"')
    expect(page.locator(".note")).to_contain_text("No passage fits")
    expect(page.locator(".none")).to_contain_text("Words in quotation marks must occur")


def test_weak_matches_are_called_weak(page: Page) -> None:
    page.goto("/?query=xylophone zebra quasar&mode=dense")
    expect(page.locator(".note").filter(has_text="Only weak matches")).to_be_visible()


def test_a_first_visit_offers_questions_that_were_really_asked(page: Page, client: httpx2.Client) -> None:
    page.goto("/")
    examples = page.locator(".examples a").all_inner_texts()
    assert len(set(examples)) == len(examples) >= 3
    rows = client.get("/v1/episodes").json()["episodes"]
    texts = [client.get(f"/v1/episodes/{row['id']}/transcript").json()["text"] for row in rows]
    for question in examples:
        assert question.endswith("?")
        assert any(question in text for text in texts), question
    page.reload()
    assert page.locator(".examples a").all_inner_texts() == examples
    page.locator(".examples a").first.click()
    expect(page.locator("#query")).to_have_value(examples[0])
    expect(page.locator(HITS).first).to_be_visible()
    assert _parameters(page) == {"query": [examples[0]]}


def test_the_keyboard_alone_searches_walks_the_quotes_and_opens_one(page: Page, client: httpx2.Client) -> None:
    page.goto("/")
    page.keyboard.type(ASKED)
    page.keyboard.press("Enter")
    expect(page.locator(HITS)).to_have_count(10)
    links = page.locator(".hit h3 a.to")
    page.keyboard.press("ArrowDown")
    expect(links.nth(0)).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(links.nth(1)).to_be_focused()
    assert _on_screen(page, links.nth(1))
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    expect(page.locator("#query")).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Escape")
    expect(page.locator("#query")).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    expect(page.locator(".question summary").first).to_be_focused()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**/episodes/**")
    hit = _api(client)["results"][0]
    expect(page.locator("#quote")).to_have_text(hit["quote"]["text"])
    assert _on_screen(page, page.locator("#quote"))


def test_quotes_go_into_the_basket_and_out_of_it(
    page: Page, client: httpx2.Client, transcript: Callable[[str], str]
) -> None:
    page.goto(f"/?query={ASKED}")
    count, button = page.locator("[data-basket-count]"), page.locator(HITS).nth(1).get_by_role("button")
    expect(count).to_have_text("")
    button.click()
    expect(count).to_have_text("1")
    expect(button).to_have_text("In basket – remove")
    [entry] = json.loads(page.evaluate("localStorage.getItem('onrecord.basket')"))
    hit = _api(client)["results"][1]
    assert (entry["passage"], entry["episode"], entry["text"]) == (
        hit["id"],
        hit["episode"]["id"],
        hit["quote"]["text"],
    )
    assert transcript(entry["episode"])[entry["char_start"] : entry["char_end"]] == entry["text"]
    assert (entry["speaker"], entry["title"]) == (hit["speaker"]["name"], hit["episode"]["title"])
    _search(page, "pumped hydro")
    page.locator(HITS).first.get_by_role("button").click()
    expect(count).to_have_text("2")
    page.goto(f"/?query={ASKED}")
    expect(button).to_have_text("In basket – remove")
    button.click()
    expect(button).to_have_text("Add to basket")
    expect(count).to_have_text("1")


def test_the_basket_is_the_same_in_every_tab(page: Page) -> None:
    page.goto(f"/?query={ASKED}")
    other = page.context.new_page()
    other.goto(f"/?query={ASKED}")
    page.locator(HITS).first.get_by_role("button").click()
    expect(other.locator("[data-basket-count]")).to_have_text("1")
    expect(other.locator(HITS).first.get_by_role("button")).to_have_text("In basket – remove")


def test_a_spoilt_basket_is_an_empty_one(page: Page) -> None:
    page.goto("/")
    page.evaluate("localStorage.setItem('onrecord.basket', '[{\"episode\": 3}, null, 7')")
    page.goto(f"/?query={ASKED}")
    page.locator(HITS).first.get_by_role("button").click()
    expect(page.locator("[data-basket-count]")).to_have_text("1")


def test_without_javascript_everything_but_the_basket_works(
    browser: Browser, server: str, client: httpx2.Client
) -> None:
    context = browser.new_context(base_url=server, java_script_enabled=False)
    page = context.new_page()
    page.goto("/")
    page.locator("#query").fill(ASKED)
    page.locator("select[name=group_by]").select_option(label="one per expert")
    with page.expect_navigation():
        page.get_by_role("button", name="Search").click()
    grouped = _api(client, group_by="speaker")["results"]
    assert _quotes(page) == [hit["quote"]["text"] for hit in grouped]
    expect(page.get_by_role("button", name="Add to basket")).to_have_count(0)
    expect(page.locator(".keys")).not_to_be_visible()
    with page.expect_navigation():
        _filter(page, "role", "guest").click()
    assert set(page.locator(".role").all_inner_texts()) == {"guest"}
    expect(page.locator("select[name=group_by]")).to_have_value("speaker")
    page.locator("#query").fill("pumped hydro")
    page.keyboard.press("Enter")
    expect(page.locator(".chips")).to_contain_text("Role: guest")
    page.locator(".hit summary").first.click()
    with page.expect_navigation():
        page.locator(".hit h3 a.to").first.click()
    assert urlsplit(page.url).path.startswith("/episodes/")
    context.close()


def test_filters_are_folded_away_on_a_phone(page: Page) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto(f"/?query={ASKED}")
    guest = _filter(page, "role", "guest")
    expect(guest).not_to_be_visible()
    page.get_by_text("Filters", exact=True).click()
    guest.click()
    expect(page.locator(".chips")).to_contain_text("Role: guest")
    expect(guest).to_be_visible()
    expect(guest).to_be_focused()


def test_nothing_shifts_while_the_page_loads_and_searches(page: Page) -> None:
    page.goto("/")
    page.evaluate(
        "() => { window.shifts = []; new PerformanceObserver((list) => { for (const shift of list.getEntries()) "
        "if (!shift.hadRecentInput) shifts.push(shift.value) }).observe({type: 'layout-shift', buffered: true}) }"
    )
    _search(page, ASKED)
    page.wait_for_timeout(600)
    assert page.evaluate("window.shifts.reduce((sum, shift) => sum + shift, 0)") < 0.02


def test_an_address_with_a_mistake_says_so_on_a_page(page: Page, client: httpx2.Client) -> None:
    response = client.get("/?query=x&limit=0", headers={"accept": "text/html,*/*;q=0.8"})
    assert response.status_code == 422
    assert "limit: Input should be greater than or equal to 1" in response.text
    assert "<h1>" in response.text
    assert "script-src 'self'" in response.headers["content-security-policy"]
    assert client.get("/?query=x&limit=0").headers["content-type"] == "application/problem+json"
    refused = client.get("/v1/search?query=x&limit=0", headers={"accept": "text/html"})
    assert refused.headers["content-type"] == "application/problem+json"
    assert client.get("/?query=&speaker=&role=&date_from=&kind=&sort=").status_code == 200


def test_a_server_that_has_gone_is_reported_and_what_was_found_stays(browser: Browser, server: str) -> None:
    context = browser.new_context(base_url=server)
    page = context.new_page()
    page.goto(f"/?query={ASKED}")
    quotes = _quotes(page)
    context.set_offline(True)
    page.locator("#query").fill("pumped hydro")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("The search failed")
    assert _quotes(page) == quotes
    assert _parameters(page) == {"query": [ASKED]}
    context.set_offline(False)
    _search(page, "pumped hydro")
    expect(page.get_by_role("alert")).to_be_empty()
    context.close()


@pytest.fixture(scope="module")
def hostile(onrecord: Onrecord, offline: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server over a transcript that tries to be more than text."""
    folder = tmp_path_factory.mktemp("hostile")
    head, _, body = HOSTILE.format(long="w" * 100_000).partition("\n\n")
    title, show = (line.partition(": ")[2] for line in head.splitlines())
    (folder / "hostile.txt").write_text(body, encoding="utf-8")
    (folder / "hostile.meta.yaml").write_text(json.dumps({"title": title, "show": show}), encoding="utf-8")
    done = onrecord("index", folder, "--out", folder / "index")
    assert done.returncode == 0, done.stderr
    with serving(folder / "index", offline, folder / "stderr.txt", workers=1) as (address, _):
        yield address


def test_hostile_text_is_text(page: Page, hostile: str, axe: Callable[[Page], list[str]]) -> None:
    page.set_viewport_size({"width": 320, "height": 700})
    page.goto(hostile)
    _search(page, "what did the lighthouse keeper say about the storm?")
    hits = _hits_at(hostile, "what did the lighthouse keeper say about the storm?")
    assert page.locator(f"{HITS} blockquote").all_text_contents() == [hit["text"] for hit in hits]
    assert _quotes(page) == [hit["quote"]["text"] for hit in hits]
    assert any("onerror=" in quote for quote in _quotes(page))
    expect(page.locator(".where").first).to_contain_text("<script>")
    assert "owned" not in page.title()
    assert page.locator("#found img, #found script, #found b").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    page.locator(HITS).first.get_by_role("button").click()
    expect(page.locator("[data-basket-count]")).to_have_text("1")
    assert axe(page) == []
    _search(page, '<script>document.title = "owned"</script>"><img src=x onerror=alert(1)>')
    assert "owned" not in page.evaluate("document.title").split(" – ")[-1]
    assert page.locator("#found img, #found script").count() == 0


def _hits_at(address: str, query: str) -> Any:
    with httpx2.Client(base_url=address, trust_env=False, timeout=60) as client:
        return client.get("/v1/search", params={"query": query}).json()["results"]
