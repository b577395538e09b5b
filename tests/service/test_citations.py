"""Citations, by the forms of the manuals, and for whatever stands in the metadata of a recording."""

from __future__ import annotations

import datetime
import doctest
import json
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from indexer.catalog import CatalogReader
from indexer.clock import clock
from indexer.generations import current_generation
from indexer.types import Role, TimeSource
from service import reference_styles
from service.citations import Cited, Markup, Style, cite
from service.person_names import person_name
from service.quotations import find_quotations
from tests.conftest import ROOT, Onrecord

URL = "https://example.org/spinning-reserve/closed-road"
AT = f"{URL}?t=479"
CALDER, TOBIAS, INES = "Calder Nwosu", "Tobias Achterberg-Nakamura", "Dr. Inés van der Holm"
GUEST = Cited(
    text="Pumped hydro, finished in 1974, eleven hundred megawatts for ten hours.",
    speaker=CALDER,
    role=Role.GUEST,
    hosts=(TOBIAS,),
    episode_id="spinning-reserve-closed-road-9dc05e",
    title="A Warehouse on a Closed Road",
    show="Spinning Reserve",
    date="2024-03-12",
    url=URL,
    deep_link=AT,
    language="en",
    start_s=479.2,
    time=TimeSource.EXACT,
    char_start=6442,
    char_end=6513,
    accessed=datetime.date(2026, 11, 22),
)
HOST = replace(GUEST, speaker=TOBIAS, role=Role.HOST)
UNKNOWN = replace(GUEST, role=Role.UNKNOWN, time=TimeSource.INTERPOLATED)
NOBODY = replace(GUEST, speaker=None, role=Role.UNKNOWN)
NO_SHOW = replace(GUEST, show=None, time=TimeSource.ABSENT)
BARE = replace(
    NOBODY,
    hosts=(),
    show=None,
    date=None,
    url=None,
    deep_link=None,
    start_s=None,
    time=TimeSource.ABSENT,
    language=None,
)
TEXTS = (Style.CHICAGO, Style.APA, Style.MLA)


def _text(cited: Cited, style: Style, markup: Markup = Markup.PLAIN) -> str:
    written = cite(cited, style, markup)
    assert isinstance(written, str)
    return written


def _item(cited: Cited) -> dict[str, Any]:
    written = cite(cited, Style.CSL_JSON)
    assert isinstance(written, dict)
    return written


# Chicago Manual of Style, 18th edition, notes: `Name, “Title,” interview by Name, Program, Month D, YYYY, …, URL.`
@pytest.mark.parametrize(
    ("cited", "expected"),
    [
        (
            GUEST,
            f"Calder Nwosu, “A Warehouse on a Closed Road,” interview by {TOBIAS}, Spinning Reserve, March 12, 2024, "
            f"podcast, at 7:59, {AT}.",
        ),
        (
            HOST,
            f"{TOBIAS}, host, “A Warehouse on a Closed Road,” Spinning Reserve, March 12, 2024, podcast, at 7:59, "
            f"{AT}.",
        ),
        (
            replace(HOST, hosts=(INES, TOBIAS)),
            f"{TOBIAS} and Inés van der Holm, hosts, “A Warehouse on a Closed Road,” Spinning Reserve, March 12, 2024, "
            f"podcast, at 7:59, {AT}.",
        ),
        (
            replace(GUEST, hosts=()),
            "Calder Nwosu, guest, “A Warehouse on a Closed Road,” Spinning Reserve, March 12, 2024, podcast, at 7:59, "
            f"{AT}.",
        ),
        (
            UNKNOWN,
            f"Calder Nwosu, “A Warehouse on a Closed Road,” Spinning Reserve, hosted by {TOBIAS}, March 12, 2024, "
            f"podcast, at ca. 7:59, {AT}.",
        ),
        (
            NOBODY,
            f"“A Warehouse on a Closed Road,” Spinning Reserve, hosted by {TOBIAS}, March 12, 2024, podcast, at 7:59, "
            f"{AT}.",
        ),
        (NO_SHOW, f"Calder Nwosu, “A Warehouse on a Closed Road,” interview by {TOBIAS}, March 12, 2024, {AT}."),
        (
            replace(NO_SHOW, date=None),
            f"Calder Nwosu, “A Warehouse on a Closed Road,” interview by {TOBIAS}, accessed November 22, 2026, {AT}.",
        ),
        (
            replace(NO_SHOW, speaker=TOBIAS, role=Role.HOST),
            f"{TOBIAS}, interviewer, “A Warehouse on a Closed Road,” March 12, 2024, {AT}.",
        ),
        (BARE, "“A Warehouse on a Closed Road,” n.d."),
        (replace(BARE, date="2024"), "“A Warehouse on a Closed Road,” 2024."),
    ],
)
def test_chicago_notes(cited: Cited, expected: str) -> None:
    assert _text(cited, Style.CHICAGO) == expected


# APA Style, 7th edition: `Name, N. (Host). (YYYY, Month D). Title [Audio podcast episode]. In Show. URL`, times in the
# text; of an interview: `Name, N. (YYYY, Month D). Title [Interview]. URL`.
@pytest.mark.parametrize(
    ("cited", "entry", "in_text"),
    [
        (
            GUEST,
            "Nwosu, C. (Guest), & Achterberg-Nakamura, T. (Host). (2024, March 12). A Warehouse on a Closed Road "
            f"[Audio podcast episode]. In Spinning Reserve. {AT}",
            "(Nwosu & Achterberg-Nakamura, 2024, 7:59)",
        ),
        (
            replace(GUEST, hosts=(TOBIAS, INES)),
            "Nwosu, C. (Guest), Achterberg-Nakamura, T., & van der Holm, I. (Hosts). (2024, March 12). A Warehouse on "
            f"a Closed Road [Audio podcast episode]. In Spinning Reserve. {AT}",
            "(Nwosu et al., 2024, 7:59)",
        ),
        (
            HOST,
            "Achterberg-Nakamura, T. (Host). (2024, March 12). A Warehouse on a Closed Road [Audio podcast episode]. "
            f"In Spinning Reserve. {AT}",
            "(Achterberg-Nakamura, 2024, 7:59)",
        ),
        (
            replace(HOST, hosts=(TOBIAS, INES), date=None),
            "Achterberg-Nakamura, T., & van der Holm, I. (Hosts). (n.d.). A Warehouse on a Closed Road [Audio podcast "
            f"episode]. In Spinning Reserve. Retrieved November 22, 2026, from {AT}",
            "(Achterberg-Nakamura & van der Holm, n.d., 7:59)",
        ),
        (
            UNKNOWN,
            "Nwosu, C., & Achterberg-Nakamura, T. (Host). (2024, March 12). A Warehouse on a Closed Road [Audio "
            f"podcast episode]. In Spinning Reserve. {AT}",
            "(Nwosu & Achterberg-Nakamura, 2024, ca. 7:59)",
        ),
        (
            NOBODY,
            "A Warehouse on a Closed Road (T. Achterberg-Nakamura, Host) [Audio podcast episode]. (2024, March 12). In "
            f"Spinning Reserve. {AT}",
            "(“A Warehouse on a Closed Road,” 2024, 7:59)",
        ),
        (
            NO_SHOW,
            "Nwosu, C. (2024, March 12). A Warehouse on a Closed Road (T. Achterberg-Nakamura, Interviewer) "
            f"[Interview]. {AT}",
            "(Nwosu, 2024)",
        ),
        (
            BARE,
            "A Warehouse on a Closed Road [Interview]. (n.d.).",
            "(“A Warehouse on a Closed Road,” n.d.)",
        ),
    ],
)
def test_apa_entries_and_citations_in_the_text(cited: Cited, entry: str, in_text: str) -> None:
    assert _text(cited, Style.APA) == f"{entry}\n{in_text}"


# MLA Handbook, 9th edition: `Name, First. “Title.” Interview by Name. Container, D Mon. YYYY, URL. Accessed …`, times
# in the text, with their hours.
@pytest.mark.parametrize(
    ("cited", "entry", "in_text"),
    [
        (
            GUEST,
            f"Nwosu, Calder. “A Warehouse on a Closed Road.” Interview by {TOBIAS}. Spinning Reserve, 12 Mar. 2024, "
            f"{AT}. Accessed 22 Nov. 2026.",
            "(Nwosu 00:07:59)",
        ),
        (
            replace(GUEST, hosts=(TOBIAS, INES, "Noémie")),
            f"Nwosu, Calder. “A Warehouse on a Closed Road.” Interview by {TOBIAS} et al. Spinning Reserve, 12 Mar. "
            f"2024, {AT}. Accessed 22 Nov. 2026.",
            "(Nwosu 00:07:59)",
        ),
        (
            replace(HOST, hosts=(INES,)),
            "Achterberg-Nakamura, Tobias, and Inés van der Holm, hosts. “A Warehouse on a Closed Road.” Spinning "
            f"Reserve, 12 Mar. 2024, {AT}. Accessed 22 Nov. 2026.",
            "(Achterberg-Nakamura and van der Holm 00:07:59)",
        ),
        (
            replace(UNKNOWN, date="2024-09", start_s=3675.0),
            f"Nwosu, Calder. “A Warehouse on a Closed Road.” Spinning Reserve, hosted by {TOBIAS}, Sept. 2024, {AT}. "
            "Accessed 22 Nov. 2026.",
            "(Nwosu, ca. 01:01:15)",
        ),
        (
            replace(NOBODY, title="Who Pays?"),
            f"“Who Pays?” Spinning Reserve, hosted by {TOBIAS}, 12 Mar. 2024, {AT}. Accessed 22 Nov. 2026.",
            "(“Who Pays?” 00:07:59)",
        ),
        (
            NO_SHOW,
            f"Nwosu, Calder. “A Warehouse on a Closed Road.” Interview by {TOBIAS}. 12 Mar. 2024, {AT}. Accessed 22 "
            "Nov. 2026.",
            "(Nwosu)",
        ),
        (BARE, "“A Warehouse on a Closed Road.”", "(“A Warehouse on a Closed Road”)"),
    ],
)
def test_mla_entries_and_citations_in_the_text(cited: Cited, entry: str, in_text: str) -> None:
    assert _text(cited, Style.MLA) == f"{entry}\n{in_text}"


@pytest.mark.parametrize(
    ("cited", "source"),
    [
        (GUEST, f"Calder Nwosu, [*A Warehouse on a Closed Road*]({AT}), Spinning Reserve, 12 March 2024, at 7:59"),
        (
            replace(HOST, date="2024-03", deep_link=None, time=TimeSource.INTERPOLATED),
            f"{TOBIAS} (host), [*A Warehouse on a Closed Road*]({URL}), Spinning Reserve, March 2024, at ca. 7:59",
        ),
        (NOBODY, f"[*A Warehouse on a Closed Road*]({AT}), Spinning Reserve, 12 March 2024, at 7:59"),
        (BARE, "*A Warehouse on a Closed Road*"),
    ],
)
def test_markdown_quotes_and_says_where_from(cited: Cited, source: str) -> None:
    assert _text(cited, Style.MARKDOWN) == f"> {GUEST.text}\n\n— {source}"


def test_bibtex_for_bibtex_and_for_biblatex() -> None:
    assert _text(GUEST, Style.BIBTEX) == (
        "@misc{spinning-reserve-closed-road-9dc05e-6442-6513,\n"
        "  author       = {Nwosu, Calder},\n"
        "  title        = {{A Warehouse on a Closed Road}},\n"
        "  howpublished = {\\emph{Spinning Reserve}, podcast},\n"
        "  date         = {2024-03-12},\n"
        "  year         = {2024},\n"
        "  month        = mar,\n"
        "  note         = {Interview by Tobias Achterberg-Nakamura. Quoted at 7:59},\n"
        f"  url          = {{{AT}}},\n"
        "  urldate      = {2026-11-22},\n"
        "}"
    )


@pytest.mark.parametrize(
    ("cited", "author", "note"),
    [
        (replace(HOST, hosts=(INES,)), "Achterberg-Nakamura, Tobias and van der Holm, Inés", "Quoted at 7:59"),
        (UNKNOWN, "Nwosu, Calder", f"Hosted by {TOBIAS}. Quoted at ca. 7:59"),
        (NOBODY, None, f"Hosted by {TOBIAS}. Quoted at 7:59"),
        (replace(NO_SHOW, speaker="Ada Lovelace Jr."), "Lovelace, Jr., Ada", f"Interview by {TOBIAS}"),
        (replace(NO_SHOW, speaker="山田太郎", hosts=()), "{山田太郎}", None),
        (replace(NO_SHOW, speaker="Ada and Ilse", hosts=()), "{Ada and Ilse}", None),
        (BARE, None, None),
    ],
)
def test_bibtex_says_who(cited: Cited, author: str | None, note: str | None) -> None:
    _, record = _bibtex_record(_text(cited, Style.BIBTEX))
    assert (record.get("author"), record.get("note")) == (author, note)


def test_csl_json_of_a_guest_is_an_interview() -> None:
    assert _item(GUEST) == {
        "id": "spinning-reserve-closed-road-9dc05e-6442-6513",
        "type": "interview",
        "title": "A Warehouse on a Closed Road",
        "author": [{"family": "Nwosu", "given": "Calder"}],
        "interviewer": [{"family": "Achterberg-Nakamura", "given": "Tobias"}],
        "container-title": "Spinning Reserve",
        "medium": "Podcast",
        "issued": {"date-parts": [[2024, 3, 12]]},
        "URL": AT,
        "accessed": {"date-parts": [[2026, 11, 22]]},
        "language": "en",
        "note": "container-title: Spinning Reserve\nQuoted at 7:59",
        "custom": {"episode": "spinning-reserve-closed-road-9dc05e", "char_start": 6442, "char_end": 6513},
    }


@pytest.mark.parametrize(
    ("cited", "kind", "names"),
    [
        (
            replace(HOST, hosts=(INES,)),
            "broadcast",
            {
                "host": [
                    {"family": "Achterberg-Nakamura", "given": "Tobias"},
                    {"family": "van der Holm", "given": "Inés"},
                ]
            },
        ),
        (
            UNKNOWN,
            "broadcast",
            {
                "author": [{"family": "Nwosu", "given": "Calder"}],
                "host": [{"family": "Achterberg-Nakamura", "given": "Tobias"}],
            },
        ),
        (NOBODY, "broadcast", {"host": [{"family": "Achterberg-Nakamura", "given": "Tobias"}]}),
        (
            replace(NO_SHOW, speaker=TOBIAS, role=Role.HOST),
            "interview",
            {"interviewer": [{"family": "Achterberg-Nakamura", "given": "Tobias"}]},
        ),
        (
            replace(GUEST, speaker="Ada Lovelace Jr.", hosts=("Noémie",)),
            "interview",
            {
                "author": [{"family": "Lovelace", "given": "Ada", "suffix": "Jr."}],
                "interviewer": [{"literal": "Noémie"}],
            },
        ),
        (BARE, "interview", {}),
    ],
)
def test_csl_json_says_who_in_which_role(cited: Cited, kind: str, names: dict[str, Any]) -> None:
    item = _item(cited)
    assert item["type"] == kind
    assert {role: item[role] for role in ("author", "interviewer", "host", "guest") if role in item} == names


@pytest.mark.parametrize("style", TEXTS)
@pytest.mark.parametrize(
    ("start_s", "time"),
    [
        (479.2, TimeSource.ABSENT),
        (None, TimeSource.EXACT),
        (math.nan, TimeSource.EXACT),
        (math.inf, TimeSource.EXACT),
        (-1.0, TimeSource.EXACT),
    ],
)
def test_a_time_that_is_not_known_is_not_given(style: Style, start_s: float | None, time: TimeSource) -> None:
    written = _text(replace(GUEST, start_s=start_s, time=time, deep_link=None), style)
    assert re.search(r"\d:\d\d", written) is None
    assert ", at" not in written


@pytest.mark.parametrize(
    ("stated", "chicago", "apa", "mla", "issued"),
    [
        ("2024-05-01", "May 1, 2024", "(2024, May 1)", "1 May 2024", {"date-parts": [[2024, 5, 1]]}),
        ("2024-05-01T09:00:00Z", "May 1, 2024", "(2024, May 1)", "1 May 2024", {"date-parts": [[2024, 5, 1]]}),
        ("2024-12", "December 2024", "(2024, December)", "Dec. 2024", {"date-parts": [[2024, 12]]}),
        ("2024", "2024", "(2024)", "2024", {"date-parts": [[2024]]}),
        ("Spring 2024", "Spring 2024", "(Spring 2024)", "Spring 2024", {"literal": "Spring 2024"}),
        ("2024-13", "2024-13", "(2024-13)", "2024-13", {"literal": "2024-13"}),
        ("2024-00-05", "2024-00-05", "(2024-00-05)", "2024-00-05", {"literal": "2024-00-05"}),
    ],
)
def test_dates_as_far_as_they_are_known(stated: str, chicago: str, apa: str, mla: str, issued: dict[str, Any]) -> None:
    cited = replace(GUEST, date=stated)
    assert f"Spinning Reserve, {chicago}, podcast" in _text(cited, Style.CHICAGO)
    assert f"(Host). {apa}. A" in _text(cited, Style.APA)
    assert f"Spinning Reserve, {mla}, https" in _text(cited, Style.MLA)
    assert _item(cited)["issued"] == issued


@pytest.mark.parametrize(
    ("title", "in_note", "in_list"),
    [
        ("From “F” to “P”", "“From ‘F’ to ‘P,’” interview", "“From ‘F’ to ‘P.’” Interview"),
        ('Say "no" (or "yes")', "“Say ‘no’ (or ‘yes’),” interview", "“Say ‘no’ (or ‘yes’).” Interview"),
        ("Who Pays?", "“Who Pays?,” interview", "“Who Pays?” Interview"),
        ("Rust, Inc.", "“Rust, Inc.,” interview", "“Rust, Inc.” Interview"),
        ("The Nurses’", "“The Nurses’,” interview", "“The Nurses’.” Interview"),
    ],
)
def test_stops_and_quotation_marks_of_titles(title: str, in_note: str, in_list: str) -> None:
    assert in_note in _text(replace(GUEST, title=title), Style.CHICAGO)
    assert in_list in _text(replace(GUEST, title=title), Style.MLA)


def test_no_stop_is_set_twice() -> None:
    cited = replace(GUEST, speaker="Ada Lovelace Jr.", show="Is It On?")
    assert _text(cited, Style.MLA).startswith("Lovelace, Ada, Jr. “A")
    assert "In Is It On? https" in _text(cited, Style.APA)
    assert _text(replace(BARE, speaker="Ilse!"), Style.MLA).startswith("Ilse! “")


def test_a_host_is_named_once_however_spelled() -> None:
    cited = replace(HOST, speaker="Dr. Inés van der Holm", hosts=("Ines van der Holm", INES, TOBIAS, TOBIAS))
    assert _text(cited, Style.CHICAGO).startswith(f"Inés van der Holm and {TOBIAS}, hosts,")


@pytest.mark.parametrize(
    "address", ["javascript:alert(1)", "example.org/x", "", "https://", "http:// x", "data:text/html,x"]
)
@pytest.mark.parametrize("style", Style)
def test_what_is_no_web_address_is_left_out(style: Style, address: str) -> None:
    with_address = cite(replace(BARE, url=address, deep_link=address), style)
    assert with_address == cite(BARE, style)


def test_an_address_can_stand_anywhere() -> None:
    wild = "https://example.org/a(b)_c?q=Ω {x}\\y".replace(" ", "%20")
    safe = "https://example.org/a(b)_c?q=%CE%A9%20%7Bx%7D%5Cy"
    cited = replace(GUEST, deep_link=wild)
    assert _bibtex_record(_text(cited, Style.BIBTEX))[1]["url"] == safe
    assert _item(cited)["URL"] == safe
    assert f", {safe}." in _text(cited, Style.CHICAGO)
    assert "](https://example.org/a%28b%29_c?q=%CE%A9%20%7Bx%7D%5Cy)" in _text(cited, Style.MARKDOWN)


def test_italics_and_addresses_in_markdown_and_html() -> None:
    cited = replace(NOBODY, show="R&D *live*", title="A <b> [Road]", hosts=(), deep_link=f"{URL}?a=1&b=2")
    assert _text(cited, Style.APA, Markup.MARKDOWN) == (
        "A \\<b> \\[Road\\] \\[Audio podcast episode\\]. (2024, March 12). In *R&D \\*live\\**. "
        f"<{URL}?a=1&b=2>\n\n(“A \\<b> \\[Road\\],” 2024, 7:59)"
    )
    assert _text(cited, Style.MLA, Markup.HTML) == (
        "“A &lt;b&gt; [Road].” <i>R&amp;D *live*</i>, 12 Mar. 2024, "
        f'<a href="{URL}?a=1&amp;b=2">{URL}?a=1&amp;b=2</a>. Accessed 22 Nov. 2026.<br>\n'
        "(“A &lt;b&gt; [Road]” 00:07:59)"
    )
    assert "<i>A &lt;b&gt; [Road]</i> [Interview]" in _text(replace(cited, show=None), Style.APA, Markup.HTML)


EVIL = [
    "# a heading",
    "1. a list",
    "2) a list",
    "- a list\n- of two",
    "+ more",
    "=== rule",
    "---",
    "***",
    "> a quote in it",
    ": a definition",
    "*stars* and __lines__ and `code` and ~~struck~~",
    "[a link](javascript:alert(1)) ![x](y)",
    "<script>alert(1)</script> <https://example.org>",
    "&amp; &#35; &nbsp; R&D",
    "back\\slash \\* ends\\",
    "```\ncode\n```",
    "    indented",
    "| a | b |\n| - | - |",
    "@misc{x, y = {z}}",
    "50% of {A}, $5, B_c #1 ~ ^ } {",
    "one\n\ntwo\nthree",
    "a\x00b\u202ec\ufdd0d\u2028e",
]


@pytest.mark.parametrize("evil", EVIL)
def test_nothing_in_a_quote_is_markdown(evil: str) -> None:
    parts = _rendered(_text(replace(GUEST, text=f"{evil}\nIt ends."), Style.MARKDOWN))
    words = "".join(c for c in evil if c not in "\x00\u202e\ufdd0")
    expected = [line.strip() for line in words.splitlines() if line.strip()]
    assert [kind for kind, _ in parts] == ["blockquote", *["paragraph"] * (len(expected) + 2)]
    assert [text for kind, text in parts if kind == "paragraph"][:-1] == [*expected, "It ends."]


@pytest.mark.parametrize("evil", EVIL)
def test_nothing_in_a_title_a_name_or_a_show_is_markdown(evil: str) -> None:
    cited = replace(GUEST, title=evil, speaker=evil, show=evil)
    flat = " ".join("".join(c for c in evil if c not in "\x00\u202e\ufdd0").split())
    source = f"— {flat}, {flat}, {flat}, 12 March 2024, at 7:59"
    assert _rendered(_text(cited, Style.MARKDOWN))[-1] == ("paragraph", source)
    assert AT in _links(_text(cited, Style.MARKDOWN))
    for style in TEXTS:
        marked = _rendered(_text(cited, style, Markup.MARKDOWN))
        plain = _text(cited, style).replace("\n", " ")
        assert " ".join(text for _, text in marked) == plain
        assert "javascript:alert(1)" not in _links(_text(cited, style, Markup.MARKDOWN))


@pytest.mark.parametrize("evil", EVIL)
def test_everything_in_bibtex_is_read_back(evil: str) -> None:
    flat = " ".join("".join(c for c in evil if c not in "\x00\u202e\ufdd0").split())
    _, record = _bibtex_record(_text(replace(GUEST, title=evil, show=evil, date=evil), Style.BIBTEX))
    assert _unescaped(record["title"][1:-1]) == flat
    assert _unescaped(record["howpublished"]) == f"\\emph{{{flat}}}, podcast"
    assert _unescaped(record["year"]) == flat


def test_a_key_is_of_one_place_in_one_episode() -> None:
    places = [
        replace(GUEST, episode_id=episode, char_start=start, char_end=end)
        for episode in ("a", "a-1", "ä", "_e4_", "a/b", "a b", "")
        for start, end in ((1, 2), (1, 22), (12, 2))
    ]
    keys = [_bibtex_record(_text(place, Style.BIBTEX))[0] for place in places]
    assert len(set(keys)) == len(places)
    assert all(re.fullmatch(r"[A-Za-z0-9_-]+", key) for key in keys)
    assert keys == [_item(replace(place, title="Renamed", speaker=None, date=None))["id"] for place in places]


def test_an_own_quotation_in_markdown_is_verified(seeds_index: Path, onrecord: Onrecord, tmp_path: Path) -> None:
    """Every passage of every sample interview, cited and read back by `onrecord verify`."""
    draft = tmp_path / "draft.md"
    quoted = list(_seed_quotes(seeds_index))
    draft.write_text("\n\n".join(_text(quote, Style.MARKDOWN) for quote in quoted), encoding="utf-8")
    done = onrecord("verify", draft, "--index", seeds_index, "--json")
    results = json.loads(done.stdout)["results"]
    assert len(results) == len(quoted) > 40
    for quote, result in zip(quoted, results, strict=True):
        assert (result["verdict"], result["attributed_to"]) == ("verified", quote.speaker), result


def _seed_quotes(index: Path) -> Iterator[Cited]:
    catalog = CatalogReader(current_generation(index).folder)
    roles = {(voice.episode, voice.name): voice.role for voice in catalog.voices}
    for stored in list(catalog.all_passages())[::5]:
        row, passage = catalog.episodes[stored.episode], stored.passage
        if passage.speaker is not None and passage.said_again_at is None:
            hosts = (v.name for v in catalog.voices if v.episode == stored.episode and v.role is Role.HOST)
            yield replace(
                GUEST,
                text=passage.text,
                speaker=passage.speaker,
                role=Role(roles[stored.episode, passage.speaker]),
                hosts=tuple(name for name in hosts if name),
                title=row.title,
                show=row.show,
                date=row.date,
                url=row.url,
                deep_link=None,
            )
    catalog.close()


ANYTHING = st.text(max_size=40)
SIGNS = st.text("aBé李 1\\{}%&#_$~^*[]<>()\"'“”‘’.,:;!?@|/=+->`\n\t", max_size=25)
NAMES = st.sampled_from([CALDER, INES, TOBIAS, "Ilse", "山田太郎", "Ada Lovelace Jr.", "Ada & Co.", "Jean-Paul De Wit"])
SHOWN = st.text("aBé李 1&#_*[]<>().,:;!?'’", min_size=1, max_size=25).filter(lambda text: re.search(r"[^\W_]", text))


def _cited(texts: st.SearchStrategy[str], names: st.SearchStrategy[str]) -> st.SearchStrategy[Cited]:
    days = st.dates(datetime.date(1900, 1, 1), datetime.date(2100, 1, 1)).map(str)
    dates = st.one_of(days, days.map(lambda day: day[:7]), days.map(lambda day: day[:4]))
    return st.builds(
        Cited,
        text=texts,
        speaker=st.none() | names,
        role=st.sampled_from(Role),
        hosts=st.lists(names, max_size=2).map(tuple),
        episode_id=st.just("road-9dc05e"),
        title=texts,
        show=st.none() | texts,
        date=st.none() | dates,
        url=st.sampled_from([None, URL]),
        deep_link=st.sampled_from([None, AT]),
        language=st.none() | texts,
        start_s=st.none() | st.floats(0, 30000),
        time=st.sampled_from(TimeSource),
        char_start=st.integers(0, 10**6),
        char_end=st.integers(0, 10**6),
        accessed=st.dates(datetime.date(2000, 1, 1), datetime.date(2100, 1, 1)),
    )


def _with_wild_fields(cited: Cited, date: str, url: str, episode_id: str) -> Cited:
    return replace(cited, date=date, url=url, deep_link=url, episode_id=f"e{episode_id}")


@settings(max_examples=200, deadline=None)
@given(st.one_of(_cited(SIGNS, SIGNS), st.builds(_with_wild_fields, _cited(ANYTHING, ANYTHING), *[ANYTHING] * 3)))
def test_whatever_is_stated_every_style_is_well_formed(cited: Cited) -> None:
    for style in TEXTS:
        lines = _text(cited, style).split("\n")
        assert len(lines) == (1 if style is Style.CHICAGO else 2)
        assert all((line and line.isprintable()) or any(ord(c) > 127 for c in line) for line in lines)
    key, record = _bibtex_record(_text(cited, Style.BIBTEX))
    assert key
    assert "title" in record
    assert ("url" in record) is ("urldate" in record)
    _assert_is_csl(_item(cited))
    source = _text(cited, Style.MARKDOWN).rsplit("\n\n", 1)[1]
    assert source.startswith("— ")
    assert "\n" not in source


@settings(max_examples=200, deadline=None)
@given(_cited(SHOWN, NAMES))
def test_what_is_known_stands_in_it_and_nothing_else(cited: Cited) -> None:
    for style in (*TEXTS, Style.MARKDOWN):
        written = _text(cited, style)
        words = _words(written)
        assert _holds(words, _words(cited.title))
        assert _holds(words, _words(cited.show or ""))
        if cited.speaker:
            spoken = cited.speaker if style is Style.MARKDOWN else person_name(cited.speaker).short
            assert _holds(words, _words(spoken))
        for host in cited.hosts if style is not Style.MARKDOWN else ():
            assert _holds(words, _words(person_name(host).short)) or (style is Style.MLA and "et al." in written)
        assert (cited.date or "")[:4] in written
        address = cited.deep_link or cited.url
        assert (address or "") in written
        is_timed = cited.start_s is not None and cited.time is not TimeSource.ABSENT
        assert not is_timed or clock(cited.start_s or 0.0) in written
        assert ("ca." in written) is (is_timed and cited.time is TimeSource.INTERPOLATED)
        allowed = _known_words(cited) | VOCABULARY
        assert set(_words(written.replace(address, "") if address else written)) <= allowed
        assert bool(cited.hosts or cited.role is Role.HOST) or not re.search(r"[Hh]ost|[Ii]nterviewer", written)


# What the styles say of their own.
VOCABULARY = frozenset(
    "host hosts hosted Host Hosts guest Guest interviewer interviewers Interviewer Interviewers interview Interview by "
    "and et al podcast Audio episode In at ca n d accessed Accessed Retrieved from Jan Feb Mar Apr May June July Aug "
    "Sept Oct Nov Dec January February March April August September October November December".split()
)


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W\d_]+|\d+", text)


def _holds(words: Sequence[str], wanted: Sequence[str]) -> bool:
    """Whether some words stand in others, one after the other."""
    return any(list(words[at : at + len(wanted)]) == list(wanted) for at in range(len(words) - len(wanted) + 1))


def _known_words(cited: Cited) -> set[str]:
    people = [name for name in (cited.speaker, *cited.hosts) if name]
    days = [part for date in (cited.date or "", str(cited.accessed)) for part in date.split("-")]
    seconds = int(cited.start_s or 0)
    numbers = [seconds // 3600, seconds // 60, seconds // 60 % 60, seconds % 60]
    known = {str(value) for field in fields(cited) for value in _words(str(getattr(cited, field.name)))}
    known |= {word for name in people for word in _words(name)}
    known |= {word[0] for name in people for word in _words(name)}
    known |= {part.lstrip("0") for part in days} | {str(number) for number in numbers}
    return known | {f"{number:02}" for number in numbers}


def _rendered(markdown: str) -> list[tuple[str, str]]:
    """Blocks of Markdown, as CommonMark reads it: (kind, the words to be seen)."""
    blocks: list[tuple[str, str]] = []
    for token, following in pairwise([*MarkdownIt("commonmark").parse(markdown), None]):
        assert token is not None
        if token.type == "paragraph_open":
            assert following is not None
            blocks.append(("paragraph", "".join(child.content for child in following.children or ())))
        elif token.nesting == 1 or token.type in ("fence", "code_block", "html_block", "hr"):
            blocks.append((token.type.removesuffix("_open"), ""))
    return blocks


def _links(markdown: str) -> list[str]:
    tokens = MarkdownIt("commonmark").parse(markdown)
    return [str(child.attrs["href"]) for token in tokens for child in token.children or () if "href" in child.attrs]


def _bibtex_record(text: str) -> tuple[str, dict[str, str]]:
    """One record, read as BibTeX reads it: braces are counted, escaped or not. Its key, and its fields."""
    head = re.match(r"@misc\{([^\s,{}]+),\n", text)
    assert head is not None, text
    at, record = head.end(), {}
    while text[at] != "}":
        field = re.compile(r"  ([a-z]+) += (?:([a-z]+),\n|\{)").match(text, at)
        assert field is not None, text[at:]
        at = field.end()
        if field[2]:
            assert field[2] in "jan feb mar apr may jun jul aug sep oct nov dec".split()
            record[field[1]] = field[2]
            continue
        start, depth = at, 1
        while depth:
            depth += {"{": 1, "}": -1}.get(text[at], 0)
            at += 1
        assert field[1] not in record
        record[field[1]] = text[start : at - 1]
        assert text[at : at + 2] == ",\n", text[at:]
        at += 2
    assert text[at:] == "}"
    return head[1], record


def _unescaped(value: str) -> str:
    """What LaTeX sets for a field; what it would take for a command, and is not one of ours, stays to be seen."""
    assert re.search(r"(?<!\\)[%#&_$~^]", value) is None
    signs = {"textbackslash": "\\", "textbraceleft": "{", "textbraceright": "}"}
    signs |= {"textasciitilde": "~", "textasciicircum": "^"}
    return re.sub(r"\{\\(text[a-z]+)\}|\\([%#&_$])", lambda match: signs[match[1]] if match[1] else match[2], value)


# What the schema of CSL-JSON 1.0.2 says of the fields that we use; it allows no others than it names.
CSL_NAMES = ("author", "host", "interviewer")
CSL_DATES = ("issued", "accessed")
CSL_TEXTS = ("id", "title", "container-title", "medium", "URL", "language", "note")


def _assert_is_csl(item: dict[str, Any]) -> None:
    assert item["type"] in ("interview", "broadcast")
    assert set(item) <= {"type", "custom", *CSL_NAMES, *CSL_DATES, *CSL_TEXTS}
    assert all(isinstance(item[field], str) and item[field] for field in CSL_TEXTS if field in item)
    assert {"id", "title"} <= set(item)
    assert ("URL" in item) is ("accessed" in item)
    for name in (name for field in CSL_NAMES for name in item.get(field, ())):
        assert set(name) == {"literal"} or {"family"} <= set(name) <= {"family", "given", "suffix"}
        assert all(isinstance(part, str) and part for part in name.values())
    for day in (item[field] for field in CSL_DATES if field in item):
        assert list(day) in (["literal"], ["date-parts"])
        [parts] = day.get("date-parts", [[1]])
        assert 1 <= len(parts) <= 3
        assert all(type(part) is int and part > 0 for part in parts)
    assert json.loads(json.dumps(item)) == item
    json.dumps(item, ensure_ascii=False).encode()


def test_quotations_keep_their_paragraphs_and_their_speaker() -> None:
    written = _text(replace(GUEST, text="It is the nurse.\nIt is always the nurse."), Style.MARKDOWN)
    assert written.startswith("> It is the nurse.\n>\n> It is always the nurse.\n\n— Calder Nwosu, ")
    [found] = find_quotations(written, [CALDER])
    assert (found.text.split(), found.attributed_to) == ("It is the nurse. It is always the nurse.".split(), CALDER)


@pytest.mark.parametrize("style", Style)
def test_the_examples_in_the_documentation_are_true(style: Style) -> None:
    page = (ROOT / "docs" / "citations.md").read_text(encoding="utf-8")
    shown = re.search(rf"^## {style}\n\n(?:\S[^\n]*\n)+\n((?:(?:    [^\n]*)?\n)+?)(?=\n## )", page, re.MULTILINE)
    assert shown is not None
    example = "\n".join(line.removeprefix("    ") for line in shown[1].rstrip().split("\n"))
    expected = cite(replace(GUEST, deep_link=None), style)
    assert (json.loads(example) if style is Style.CSL_JSON else example) == expected


def test_the_examples_in_the_docstrings_are_true() -> None:
    assert doctest.testmod(reference_styles).failed == 0
