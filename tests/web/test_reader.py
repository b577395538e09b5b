"""The reader in a real browser: hits on the screen, walking through them, quotes on the clipboard, any words."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from playwright.sync_api import Browser, BrowserContext, FloatRect, Page, expect

from tests.conftest import Onrecord, serving

ILSE = "ilse-brandvold-let-it-sign-d548ed"
ROAD = "spinning-reserve-closed-road-9dc05e"
NURSE = "It's always in the end the nurse"
TURNS = 5_000
Transcript = Callable[[str], str]

# The words a script finds are compared with those the server finds for readers without scripts.
_SPELLINGS = ("NURSE", "it's  the", "it’s the", "wh", "un‑collapse", "four hundred", "no.", "?", "a")
_NOT_SPELLED = ("ospital", "(", "\\", "building. You're")

_LONG_WORD = "Ha" * 50_000
_HOSTILE: tuple[tuple[str, str], ...] = (
    ("Ada <i>Ilves</i>", "What did 👩‍🔬 you see? <script>document.title = 'owned'</script>"),
    (
        "אורי \u202eכהן",
        "I saw <img src=x onerror=\"document.title='owned'\"> a 🚀 go up, 𝒔𝒍𝒐𝒘𝒍𝒚, and then nothing at all.",
    ),
    ("Ada <i>Ilves</i>", f"Did you laugh? {_LONG_WORD} I did."),
    (
        "אורי \u202eכהן",
        "\u202eשלום\u202c and \u2067again\u2069 we measured what the sea had left of the pier that winter.",
    ),
)


@pytest.fixture(scope="session")
def made(onrecord: Onrecord, offline: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server over a hostile transcript and one of 5,000 turns."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "in").mkdir()
    _write(folder / "in" / "hostile.json", list(_HOSTILE), "<script>document.title = 'owned'</script> <b>Pier</b>")
    # Turns of a few words are no passages of their own, so that this is indexed in a moment.
    long = [("Ada Ilves" if n % 2 else "Bo Lindqvist", f"Yes, number {n}.") for n in range(TURNS)]
    long[4700] = ("Bo Lindqvist", "The harbour froze over twice that winter, and the herring came back under the ice.")
    _write(folder / "in" / "long.json", long, "Five thousand turns")
    done = onrecord("index", folder / "in", "--out", folder / "index")
    assert done.returncode == 0, done.stderr
    with serving(folder / "index", offline, folder / "log.txt", workers=1) as (address, _):
        yield address


def _write(path: Path, said: list[tuple[str, str]], title: str) -> None:
    segments = [{"speaker": name, "startTime": 10 * n, "body": words} for n, (name, words) in enumerate(said)]
    path.write_text(json.dumps({"segments": segments}), encoding="utf-8")
    about = {"title": title, "show": "<u>Pier</u>", "link_template": "https://example.org/talk?t={s}"}
    path.with_suffix(".meta.json").write_text(json.dumps(about), encoding="utf-8")


@pytest.fixture(scope="session")
def made_ids(made: str) -> dict[str, str]:
    with httpx2.Client(base_url=made, trust_env=False, timeout=60) as client:
        return {row["source"]: row["id"] for row in client.get("/v1/episodes").json()["episodes"]}


@pytest.fixture
def without_scripts(browser: Browser, server: str) -> Iterator[Page]:
    context = browser.new_context(base_url=server, java_script_enabled=False)
    yield context.new_page()
    context.close()


def _on_screen(page: Page, box: FloatRect | None) -> bool:
    size = page.viewport_size
    assert box is not None
    assert size is not None
    return box["y"] >= 0 and box["y"] + box["height"] <= size["height"] and 0 <= box["x"] < size["width"]


def _box_of_hit(page: Page) -> FloatRect:
    """Where the current hit is drawn."""
    script = "() => { const b = [...CSS.highlights.get('hit')][0].getBoundingClientRect(); return b.toJSON() }"
    found: FloatRect = page.evaluate(script)
    return found


def _hit(page: Page) -> str:
    found: str = page.evaluate("() => [...CSS.highlights.get('hit')][0].toString()")
    return found


def _select(page: Page, first: str, last: str) -> None:
    """Chooses from the beginning of some words to the end of others, as a mouse does."""
    page.evaluate(
        """([first, last]) => {
            const find = (words) => {
                const walker = document.createTreeWalker(document.querySelector(".transcript"), NodeFilter.SHOW_TEXT);
                while (walker.nextNode()) {
                    const at = walker.currentNode.data.indexOf(words);
                    if (at >= 0) return [walker.currentNode, at];
                }
                throw new Error(words);
            };
            const [start, from] = find(first);
            const [end, to] = find(last);
            getSelection().setBaseAndExtent(start, from, end, to + last.length);
        }""",
        [first, last],
    )


def _clipboard(page: Page) -> str:
    found: str = page.evaluate("() => navigator.clipboard.readText()")
    return found


def _copy(page: Page, style: str | None = None) -> str:
    if style:
        page.get_by_label("Citation style").select_option(style)
    page.get_by_role("button", name="Copy quote with citation").click()
    expect(page.locator(".citing-says")).to_have_text("Copied, with its citation.")
    return _clipboard(page)


def _cited(client: httpx2.Client, episode: str, start: int, end: int, style: str) -> dict[str, Any]:
    asked: dict[str, str | int] = {"char_start": start, "char_end": end, "style": style}
    found: dict[str, Any] = client.get(f"/v1/episodes/{episode}/citation", params=asked).json()["paste"]
    return found


def _find(page: Page, query: str, by: str) -> None:
    page.get_by_role("radio", name=by).check()
    page.get_by_label("Search in this interview").fill(query)
    page.get_by_label("Search in this interview").press("Enter")
    expect(page.locator(".steps .count")).to_contain_text(" of ")


@pytest.mark.parametrize("width", [320, 1440])
def test_a_hit_opens_with_its_very_words_marked_and_on_the_screen(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 700})
    page.goto("/?query=who+pays+when+the+machine+is+wrong")
    hit = page.locator(".hits li").first
    words = hit.locator("mark").inner_text()
    hit.locator("h3 a").click()
    expect(page.locator("mark.quote")).to_have_text(words)
    assert _on_screen(page, page.locator("mark.quote").bounding_box())


def test_without_scripts_the_words_are_marked_and_on_the_screen(without_scripts: Page, client: httpx2.Client) -> None:
    [hit] = client.get("/v1/search", params={"query": "who pays", "episode": ILSE, "limit": 1}).json()["results"]
    quote = hit["quote"]
    without_scripts.goto(f"/episodes/{ILSE}?from={quote['char_start']}&to={quote['char_end']}#quote")
    assert without_scripts.locator("mark.quote").text_content() == quote["text"]
    assert _on_screen(without_scripts, without_scripts.locator("mark.quote").bounding_box())


@pytest.mark.parametrize(("by", "query"), [("by word", "nurse"), ("by meaning", "who pays when it goes wrong")])
def test_without_scripts_an_interview_is_searched_and_each_hit_opened(
    without_scripts: Page, by: str, query: str
) -> None:
    without_scripts.goto(f"/episodes/{ILSE}")
    without_scripts.get_by_role("radio", name=by).check()
    without_scripts.get_by_label("Search in this interview").fill(query)
    with without_scripts.expect_navigation():
        without_scripts.get_by_role("button", name="Find").click()
    links = without_scripts.locator(".found a")
    assert links.count() >= 2
    assert without_scripts.locator("mark.here").count() >= 2
    for number in range(2):
        words = links.nth(number).locator("b").text_content()
        with without_scripts.expect_navigation():
            links.nth(number).click()
        assert "".join(without_scripts.locator("mark.quote").all_text_contents()) == words
        assert _on_screen(without_scripts, without_scripts.locator("#quote").bounding_box())


@pytest.mark.parametrize("query", (*_SPELLINGS, *_NOT_SPELLED))
def test_the_script_finds_the_words_that_are_found_without_it(page: Page, client: httpx2.Client, query: str) -> None:
    response = client.get(f"/episodes/{ILSE}/hits", params={"query": query, "by": "words"})
    page.goto(f"/episodes/{ILSE}")
    places = "list => [...list].map(a => [a.dataset.from, a.dataset.to, a.innerText])"
    page.get_by_role("radio", name="by word").check()
    page.get_by_label("Search in this interview").fill(query)
    page.get_by_label("Search in this interview").press("Enter")
    expect(page.locator(".found")).not_to_be_empty()
    by_script = page.locator(".found a[data-from]").evaluate_all(places)
    page.locator(".found").evaluate("(found, html) => { found.innerHTML = html }", response.text)
    by_server = page.locator(".found a[data-from]").evaluate_all(places)
    assert by_script == by_server
    assert bool(by_script) == (query in _SPELLINGS)


def test_the_words_found_are_those_of_the_transcript(page: Page, transcript: Transcript) -> None:
    page.goto(f"/episodes/{ILSE}")
    _find(page, "nurse", "by word")
    found = page.locator(".found a[data-from]").evaluate_all("list => list.map(a => [+a.dataset.from, +a.dataset.to])")
    text = transcript(ILSE)
    assert [text[start:end].lower() for start, end in found] == ["nurse"] * text.lower().count("nurse")


def test_next_and_previous_walk_through_the_hits_and_around(page: Page) -> None:
    page.set_viewport_size({"width": 1200, "height": 600})
    page.goto(f"/episodes/{ILSE}")
    _find(page, "who pays when the machine is wrong", "by meaning")
    count = page.locator(".steps .count")
    links = page.locator(".found a[data-from]")
    total = links.count()
    assert total > 2
    for number, press in enumerate(("Enter", "ArrowDown"), 2):
        page.keyboard.press(press)
        expect(count).to_have_text(f"{number} of {total}")
        assert _hit(page) == links.nth(number - 1).locator("b").text_content()
        assert _on_screen(page, _box_of_hit(page))
        expect(links.nth(number - 1)).to_have_attribute("aria-current", "true")
    page.get_by_role("button", name="Next hit").focus()
    for press, number in (("n", 4), ("p", 3), ("p", 2), ("p", 1), ("p", total), ("n", 1)):
        page.keyboard.press(press)
        expect(count).to_have_text(f"{number} of {total}")
    assert page.locator("[aria-current=true]").count() == 1


def test_single_keys_can_be_turned_off_and_stay_off(page: Page) -> None:
    page.goto(f"/episodes/{ILSE}?query=nurse&by=words")
    page.get_by_text("Keyboard", exact=True).click()
    page.get_by_label("Single keys work").uncheck()
    page.reload()
    page.get_by_role("button", name="Next hit").focus()
    page.keyboard.press("n")
    expect(page.locator(".steps .count")).to_have_text("2 hits")
    page.keyboard.press("Enter")
    expect(page.locator(".steps .count")).to_have_text("1 of 2")


def test_the_address_holds_the_search(page: Page) -> None:
    page.goto(f"/episodes/{ILSE}")
    _find(page, "nurse", "by word")
    assert parse_qs(urlsplit(page.url).query) == {"query": ["nurse"], "by": ["words"]}
    page.reload()
    expect(page.locator(".found a[data-from]")).to_have_count(2)
    expect(page.locator("mark.here")).to_have_count(2)
    page.get_by_role("button", name="Clear the search").click()
    expect(page.locator(".found a")).to_have_count(0)
    expect(page.locator("mark")).to_have_count(0)
    assert urlsplit(page.url).query == ""


@pytest.mark.parametrize("style", ["markdown", "chicago", "apa", "mla", "bibtex", "csl-json"])
def test_chosen_words_are_copied_with_their_citation(
    page: Page, client: httpx2.Client, transcript: Transcript, style: str
) -> None:
    words = "eleven hundred megawatts for ten hours"
    page.goto(f"/episodes/{ROAD}")
    _select(page, words, words)
    copied = _copy(page, style)
    start = transcript(ROAD).index(words)
    assert copied == _cited(client, ROAD, start, start + len(words), style)["text"]
    assert words in copied or style in ("bibtex", "csl-json")
    assert "Nwosu" in copied


def test_italics_are_copied_too(page: Page) -> None:
    page.goto(f"/episodes/{ROAD}")
    _select(page, "Pumped hydro, finished", "for ten hours.")
    _copy(page, "apa")
    html = page.evaluate("async () => (await (await navigator.clipboard.read())[0].getType('text/html')).text()")
    assert "<blockquote><p>Pumped hydro, finished in 1974" in html
    assert "<i>Spinning Reserve</i>" in html


def test_the_style_is_remembered(page: Page) -> None:
    page.goto(f"/episodes/{ROAD}")
    _select(page, "Pumped hydro, finished", "for ten hours.")
    page.get_by_label("Citation style").select_option("mla")
    page.goto(f"/episodes/{ILSE}")
    _select(page, NURSE, NURSE)
    assert _copy(page).endswith("(Brandvold)")


def test_words_of_two_people_are_copied_as_quotations_of_each(page: Page, client: httpx2.Client) -> None:
    page.goto(f"/episodes/{ILSE}")
    _select(page, "A critic would say money", "on the shift.")
    copied = _copy(page)
    assert copied.count("\n— ") == 2
    assert client.post("/v1/verify", json={"text": copied}).json()["summary"] == {"verified": 2}


def test_a_permanent_link_opens_the_chosen_words(page: Page) -> None:
    page.goto(f"/episodes/{ILSE}")
    _select(page, "What I won't accept is the third option", "the honesty of neither.")
    page.get_by_role("button", name="Copy link").click()
    expect(page.locator(".citing-says")).to_have_text("Link copied.")
    link = _clipboard(page)
    chosen = page.evaluate("() => getSelection().toString()")
    page.goto("about:blank")
    page.goto(link)
    assert "".join(page.locator("mark.quote").all_text_contents()) == chosen
    assert _on_screen(page, page.locator("#quote").bounding_box())


def test_too_much_at_once_is_refused_in_words(context: BrowserContext) -> None:
    page = context.new_page()  # Chromium notes each refusal in its console.
    page.goto(f"/episodes/{ILSE}")
    page.evaluate("() => navigator.clipboard.writeText('as before')")
    page.evaluate("() => getSelection().selectAllChildren(document.querySelector('.transcript'))")
    with page.expect_response("**/citation?*") as response:
        page.get_by_role("button", name="Copy quote with citation").click()
    assert response.value.status == 422
    expect(page.locator(".citing-says")).to_contain_text("20 are cited at once")
    assert _clipboard(page) == "as before"


def test_a_quote_is_copied_by_the_keyboard_alone(page: Page, client: httpx2.Client, transcript: Transcript) -> None:
    page.goto(f"/episodes/{ILSE}")
    text = transcript(ILSE)
    turn = client.get(f"/v1/episodes/{ILSE}/transcript").json()["turns"][4]
    page.locator("#t3 .pick").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("region", name="Chosen words")).to_contain_text("And you could see it was fine?")
    page.keyboard.press("c")
    expect(page.locator(".citing-says")).to_have_text("Copied, with its citation.")
    assert _clipboard(page) == _cited(client, ILSE, turn["char_start"], turn["char_end"], "markdown")["text"]
    for _ in range(len("fine?")):
        page.keyboard.press("Shift+ArrowLeft")
    expect(page.get_by_role("region", name="Chosen words")).not_to_contain_text("fine?")
    page.keyboard.press("c")
    expect(page.locator(".citing-says")).to_have_text("Copied, with its citation.")
    end = text.index(" fine?", turn["char_start"])
    assert _clipboard(page) == _cited(client, ILSE, turn["char_start"], end, "markdown")["text"]
    page.keyboard.press("Escape")
    expect(page.get_by_role("region", name="Chosen words")).to_be_hidden()


def test_chosen_words_go_into_the_basket(page: Page, transcript: Transcript) -> None:
    page.goto(f"/episodes/{ILSE}")
    _select(page, NURSE, NURSE)
    page.get_by_role("button", name="Add to basket").click()
    expect(page.locator("[data-basket-count]")).to_have_text("1")
    [entry] = page.evaluate("() => JSON.parse(localStorage.getItem('onrecord.basket'))")
    start = transcript(ILSE).index(NURSE)
    assert (entry["episode"], entry["char_start"], entry["char_end"]) == (ILSE, start, start + len(NURSE))
    assert (entry["speaker"], entry["role"], entry["text"]) == ("Ilse Brandvold", "guest", NURSE)
    _select(page, "A critic would say money", "on the shift.")
    expect(page.locator("[data-basket]")).to_be_hidden()


def test_a_link_to_words_that_are_gone_says_so(page: Page) -> None:
    page.goto(f"/episodes/{ILSE}?from=5&to=9999999#quote")
    expect(page.get_by_text("The transcript has no words where this link points to.")).to_be_visible()
    assert page.locator("mark").count() == 0


def test_what_surrounds_the_interview_is_marked(page: Page) -> None:
    page.goto(f"/episodes/{ILSE}")
    teaser = page.locator("#t0")
    expect(teaser).to_contain_text("Cold open")
    words = teaser.locator(".said").inner_text()
    target = teaser.get_by_role("link", name="said in its place below").get_attribute("href")
    assert target is not None
    assert "If we trust the machine, let it sign" in words
    assert "If we trust the machine, let it sign" in (page.locator(target).text_content() or "")
    page.goto(f"/episodes/{ROAD}")
    expect(page.locator(".turn.apart").filter(has_text="Sponsor").first).to_be_visible()


def test_sections_lead_to_their_headings(page: Page) -> None:
    page.goto(f"/episodes/{ILSE}")
    page.get_by_role("navigation", name="Sections").get_by_role("link", name="Who writes the cheque").click()
    heading = page.get_by_role("heading", name="Who writes the cheque")
    assert _on_screen(page, heading.bounding_box())


def test_hostile_words_are_words(page: Page, made: str, made_ids: dict[str, str]) -> None:
    page.set_viewport_size({"width": 320, "height": 700})
    address = f"{made}/episodes/{made_ids['hostile.json']}"
    page.goto(f"{address}?query=go+up&by=words")
    _find(page, "laugh", "by word")
    _find(page, "what the sea left", "by meaning")
    assert page.title() == "<script>document.title = 'owned'</script> <b>Pier</b> – On Record"
    said = page.locator(".said").all_text_contents()
    assert said == [words for _, words in _HOSTILE]
    assert page.locator(".transcript").locator("script, img, i, b, u").count() == 0
    assert page.locator(".pick bdi").all_text_contents() == [name for name, _ in _HOSTILE]
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 320


def test_words_behind_emoji_are_marked_chosen_and_linked_to_the_letter(
    page: Page, made: str, made_ids: dict[str, str]
) -> None:
    address = f"{made}/episodes/{made_ids['hostile.json']}"
    page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=made)
    page.goto(address)
    _find(page, "𝒔𝒍𝒐𝒘𝒍𝒚", "by word")
    assert _hit(page) == "𝒔𝒍𝒐𝒘𝒍𝒚"
    _select(page, "🚀 go up", "𝒍𝒚, and then")
    assert _copy(page, "markdown").startswith("> 🚀 go up, 𝒔𝒍𝒐𝒘𝒍𝒚, and then\n")
    page.get_by_role("button", name="Copy link").click()
    expect(page.locator(".citing-says")).to_have_text("Link copied.")
    page.goto(_clipboard(page))
    assert page.locator("mark.quote").text_content() == "🚀 go up, 𝒔𝒍𝒐𝒘𝒍𝒚, and then"


def test_times_open_the_recording(page: Page, made: str, made_ids: dict[str, str]) -> None:
    page.goto(f"{made}/episodes/{made_ids['long.json']}")
    link = page.locator("#t6").get_by_role("link", name="Play the recording at 1:00")
    assert link.get_attribute("href") == "https://example.org/talk?t=60"


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
@pytest.mark.parametrize("width", [360, 1440])
def test_far_down_a_long_transcript_a_turn_is_where_its_link_leads(
    browser: Browser, made: str, made_ids: dict[str, str], scripts: bool, width: int
) -> None:
    context = browser.new_context(java_script_enabled=scripts, viewport={"width": width, "height": 800})
    page = context.new_page()
    page.goto(f"{made}/episodes/{made_ids['long.json']}#t4900")
    expect(page.locator("#t4900")).to_be_in_viewport()
    box = page.locator("#t4900").bounding_box()
    assert box is not None
    assert 0 <= box["y"] < 100
    context.close()


def test_hits_far_apart_come_on_the_screen(page: Page, made: str, made_ids: dict[str, str]) -> None:
    page.goto(f"{made}/episodes/{made_ids['long.json']}")
    _find(page, "did the sea freeze?", "by meaning")
    expect(page.locator("#t4700")).to_be_in_viewport()
    assert "The harbour froze over twice" in _hit(page)
    assert _on_screen(page, _box_of_hit(page))
    for query, turn in (("number 17.", 17), ("number 4998.", 4998)):
        _find(page, query, "by word")
        assert _hit(page) == query
        assert _on_screen(page, _box_of_hit(page))
        expect(page.locator(f"#t{turn}")).to_be_in_viewport()
