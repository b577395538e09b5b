"""Web pages and XML: every word that is said, under its speaker; what is not is named; bad files say what is wrong."""

from __future__ import annotations

import html
from collections.abc import Callable
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.errors import TranscriptError
from indexer.parsers import parse_transcript
from indexer.types import Episode
from tests.indexer.making import OTHERWISE, episode_of
from tests.indexer.test_conversations import Draw, Talk, talks

HEAD = (
    "<!doctype html><html lang=en><head><title>Ice | Tide</title><script>let x = '<b>Lena:</b>'</script></head><body>"
)
NAVIGATION = "<nav><a href=/>Home</a></nav>"
FOOTER = "<h3>Related episodes</h3><ul><li><a href=/fog>Fog</a></li></ul><footer>All rights</footer></body></html>"


def words(said: list[str]) -> str:
    return html.escape(" ".join(said), quote=False)


def told_twice(talk: Talk) -> Talk:
    """A talk in which everybody speaks twice, for names that stand once prove little on a page.

    What the text formats read as markup in plain text, `&amp;`, nobody says.
    """
    again = talk if talk[0][0] != talk[-1][0] else talk[1:]
    return [
        (name, [[word for word in part if "&" not in word or ";" not in word] for part in said])
        for name, said in (*talk, *again)
    ]


def render_cites(talk: Talk, draw: Draw) -> str:
    line, space = draw(st.sampled_from([("\n", "\n  "), ("", "")])), draw(st.sampled_from(["", " "]))
    timed = draw(st.booleans())
    turns = []
    for number, (name, said) in enumerate(talk):
        time = f"{line[1]}<time>{number}:{number % 60:02}</time>" if timed else ""
        turns.append(
            f"<cite>{html.escape(name)}:{space}</cite>{time}" + "".join(f"{line[1]}<p>{words(p)}</p>" for p in said)
        )
    page = line[0].join(turns)
    return f"{HEAD}{NAVIGATION}{page}<footer>Made by hand</footer></body></html>" if draw(st.booleans()) else page


PARAGRAPHS: dict[str, Callable[[str, str], str]] = {
    "strong, colon inside": lambda name, said: f"<p><strong>{name}:</strong> {said}</p>",
    "strong, colon outside": lambda name, said: f"<p><b>{name}</b>: {said}</p>",
    "strong alone": lambda name, said: f"<p><strong>{name}</strong></p>\n<p>{said}</p>",
    "strong, line break": lambda name, said: f"<div><b>{name}:</b><br>{said}</div>",
    "plain": lambda name, said: f"<p>{name}: {said}</p>",
    "list of definitions": lambda name, said: f"<dl><dt>{name}</dt><dd>{said}</dd></dl>",
    "table": lambda name, said: f"<table><tr><td>{name}</td><td>{said}</td></tr></table>",
    "headings": lambda name, said: f"<h4>{name}</h4><p>{said}</p>",
    "classes": lambda name, said: f'<div><span class="speaker-name">{name}</span><span>{said}</span></div>',
}


def render_page(talk: Talk, draw: Draw) -> str:
    write = PARAGRAPHS[draw(st.sampled_from(list(PARAGRAPHS)))]
    between = draw(st.sampled_from(["", "\n"]))
    turns = between.join(
        write(html.escape(name), words(said[0])) + "".join(f"<p>{words(paragraph)}</p>" for paragraph in said[1:])
        for name, said in talk
    )
    furniture = draw(st.sampled_from(["", "<aside>Buy a boat</aside>", '<div class="share-links">Share</div>']))
    return f"{HEAD}{NAVIGATION}<main><h1>Ice</h1>{furniture}<div>{turns}</div>{FOOTER}"


def render_podlove(talk: Talk, draw: Draw) -> str:
    gap = draw(st.sampled_from(["", "\n  "]))
    speeches = (
        f"<pst:speech>{gap}<pst:speaker>{html.escape(name)}</pst:speaker>"
        + "".join(f'{gap}<pst:item start="00:00:01.000" end="00:00:02.000">{words(part)}</pst:item>' for part in said)
        + f"{gap}</pst:speech>"
        for name, said in talk
    )
    opening = '<pst:transcripts version="1.0" xmlns:pst="http://podlove.org/simple-transcripts">'
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{opening}{gap.join(speeches)}</pst:transcripts>'


def render_ttml(talk: Talk, draw: Draw) -> str:
    by_word = draw(st.booleans())
    names = {name: f"a{number}" for number, name in enumerate(dict.fromkeys(name for name, _ in talk))}
    agents = "".join(
        f'<ttm:agent xml:id="{key}"><ttm:name>{html.escape(name)}</ttm:name></ttm:agent>' for name, key in names.items()
    )
    seconds = count()

    def caption(said: list[str]) -> str:
        if not by_word:
            return draw(st.sampled_from([" ", "\n", "<br/>"])).join(map(html.escape, said))
        spans = (f'<span begin="{next(seconds)}" unit="word">{html.escape(word)}</span>' for word in said)
        return f'<span unit="sentence">{"".join(spans)}</span>'

    captions = "".join(
        f'<p begin="{next(seconds)}s" ttm:agent="{names[name]}">{caption(part)}</p>'
        for name, said in talk
        for part in said
    )
    namespaces = 'xmlns="http://www.w3.org/ns/ttml" xmlns:ttm="http://www.w3.org/ns/ttml#metadata"'
    return f"<tt {namespaces}><head><metadata>{agents}</metadata></head><body><div>{captions}</div></body></tt>"


def render_xml(talk: Talk, draw: Draw) -> str:
    shape = draw(st.integers(0, 3))
    gap = draw(st.sampled_from(["", "\n "]))
    turns = []
    for number, (name, said) in enumerate(talk):
        speaker, text = html.escape(name), f"{gap}".join(f"<p>{words(part)}</p>" for part in said)
        flat = " ".join(words(part) for part in said)
        turns.append(
            (
                f'<turn speaker="{speaker}" start="{number}.5">{flat}</turn>',
                f"<turn><speaker>{speaker}</speaker>{gap}<start>{number}</start>{gap}<text>{flat}</text></turn>",
                f'<sp who="{speaker}">{gap}{text}</sp>',
                f"<speaker>{speaker}</speaker>{gap}<text>{flat}</text>",
            )[shape]
        )
    return f'<?xml version="1.0"?><talk><title>Ice</title>{gap.join(turns)}</talk>'


RENDERERS: dict[str, Callable[[Talk, Draw], str]] = {
    "podcast-html": render_cites,
    "html-page": render_page,
    "podlove-xml": render_podlove,
    "ttml": render_ttml,
    "xml": render_xml,
}


@pytest.mark.parametrize("name", RENDERERS)
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_every_spoken_word_is_in_one_turn_in_order_under_its_speaker(name: str, data: st.DataObject) -> None:
    talk = data.draw(talks().map(told_twice) if name == "html-page" else talks())
    episode = episode_of(RENDERERS[name](talk, data.draw))
    assert episode.format == name
    assert [(turn.speaker, turn.text.split()) for turn in episode.turns] == [
        (speaker, [word for part in parts for word in part]) for speaker, parts in talk
    ]


BOMB = (
    '<?xml version="1.0"?>\n<!-- ha -->\n<!DOCTYPE lolz [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">\n'
    '<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]>\n<{0}><turn speaker="Lena">&c;</turn></{0}>'
)
FETCHED = '<!DOCTYPE tt SYSTEM "http://evil.example/x.dtd">\n<tt xmlns="http://www.w3.org/ns/ttml"><body><p>Hi</p></body></tt>'
DEEP = "<a>" * 300 + "Lena: hi" + "</a>" * 300
REFUSED = {
    "a billion laughs": (
        BOMB.format("talk"),
        "line 3: taken for xml: a document type (<!DOCTYPE …>) is not read, for it can define text without end. "
        "Remove it, and every &entity; that it defines.",
    ),
    "a billion laughs as TTML": (
        BOMB.format("tt"),
        "line 3: taken for ttml: a document type (<!DOCTYPE …>) is not read, for it can define text without end. "
        "Remove it, and every &entity; that it defines.",
    ),
    "a document type from elsewhere": (
        FETCHED,
        "line 1: taken for ttml: a document type (<!DOCTYPE …>) is not read, for it can define text without end. "
        "Remove it, and every &entity; that it defines.",
    ),
    "XML that does not close": (
        '<?xml version="1.0"?>\n<talk>\n<turn speaker="Lena">Hi\n</talk>',
        "line 4: taken for xml: broken XML: Opening and ending tag mismatch: turn line 3 and talk. "
        "Export the transcript again.",
    ),
    "an entity that nobody defined": (
        "<talk><turn speaker='Lena'>Hi&nbsp;there</turn></talk>",
        "line 1: taken for xml: broken XML: Entity 'nbsp' not defined. Export the transcript again.",
    ),
    "deep XML": (
        f"<?xml version='1.0'?>{DEEP}",
        "line 1: taken for xml: broken XML: it is nested too deeply. Export the transcript again.",
    ),
    "a deep page": (
        f"<html><body>{'<div>' * 300}<p><b>Lena:</b> Hi</p>",
        "line 1: taken for html-page: broken HTML: it is nested too deeply. Save the page again, or as text.",
    ),
    "XML in which nobody speaks": (
        "<?xml version='1.0'?><catalogue><book>Ice</book></catalogue>",
        "taken for xml: no element states who speaks, or when. "
        'Write speeches as <turn speaker="Lena Ortiz" start="1.0">…</turn>.',
    ),
    "a time that is none": (
        '<tt><body><div>\n<p begin="soon">Hi</p></div></body></tt>',
        "line 2: taken for ttml: `begin` of <p>: 'soon' is no timestamp. Write times as HH:MM:SS.mmm.",
    ),
    "a Podlove time that is none": (
        '<t:transcripts xmlns:t="http://podlove.org/simple-transcripts"><t:speech>\n\n<t:item start="1;2">Hi</t:item>'
        "</t:speech></t:transcripts>",
        "line 3: taken for podlove-xml: `start` of <item>: '1;2' is no timestamp. Write times as HH:MM:SS.mmm.",
    ),
    "a page without a transcript": (f"{HEAD}<p>We sell boats.</p><p>And oars.</p></body></html>", None),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_read_is_refused_with_the_reason(name: str) -> None:
    text, message = REFUSED[name]
    with pytest.raises(TranscriptError) as caught:
        parse_transcript(text.encode())
    if message is not None:
        assert str(caught.value) == f"{message} {OTHERWISE}"


@settings(max_examples=80, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            "<tt> <p> </p> <b> </b> <cite> </cite> <time> </time> 0:12 Lena: <?xml <!-- --> <!DOCTYPE > & &amp; <br> "
            "<div </div> <td> <tr> <table> class='speaker' start='x' <turn speaker='Lena'> </turn> <html> <h3> ]]> "
            "<![CDATA[ <body> </body> </html> </tt> said <p begin='9'> <transcripts> simple-transcripts".split()
        ),
        max_size=25,
    ),
    st.sampled_from(list(RENDERERS)),
)
def test_rubbish_is_read_or_refused_and_nothing_else(pieces: list[str], name: str) -> None:
    text = " ".join(["<p>", *pieces]).encode()
    for force in (None, name):
        try:
            parse_transcript(text, force=force)
        except TranscriptError as error:
            assert error.remedy


def speech(episode: Episode) -> list[tuple[str | None, str]]:
    return [(turn.speaker, turn.text) for turn in episode.turns]


def test_a_document_type_in_the_words_is_no_document_type() -> None:
    text = "<talk><turn speaker='Lena Ortiz'>Write &lt;!DOCTYPE html&gt; above.</turn></talk>"
    assert speech(episode_of(text)) == [("Lena Ortiz", "Write <!DOCTYPE html> above.")]


def test_elements_without_blanks_between_them_are_words_apart_and_emphasis_is_not() -> None:
    text = "<talk><turn who='Lena'><s>One.</s><s>Two.</s></turn><turn who='Omar'>un<i>be</i>lievable</turn></talk>"
    assert speech(episode_of(text)) == [("Lena", "One. Two."), ("Omar", "unbelievable")]


def test_a_page_states_its_title_show_date_address_and_language() -> None:
    page = (
        '<html lang="de"><head><title>Eis | Flut</title><meta property="og:site_name" content="Flut">'
        '<script type="application/ld+json">[{"datePublished": "2023-04-05", "partOfSeries": {"name": "Flut"}},'
        '{"broken": </script><script type="application/ld+json">{"datePublished": "2023-04-06"}</script>'
        '<link rel="canonical" href="https://flut.example/eis"></head><body>'
        "<p><b>Lena:</b> Hallo.</p><p><b>Omar:</b> Ja.</p><p><b>Lena:</b> Gut.</p></body></html>"
    )
    episode = episode_of(page)
    assert (episode.title, episode.show, episode.date) == ("Eis", "Flut", "2023-04-06")
    assert (episode.url, episode.language) == ("https://flut.example/eis", "de")


def test_only_the_element_that_holds_the_names_is_read() -> None:
    page = (
        f"{HEAD}<div><p>Bo Ek: I wrote this page.</p></div><article><h2>Transcript</h2><p>LENA ORTIZ: Who counts?</p>"
        "<p>OMAR HADDAD: I do.</p><p>LENA ORTIZ: Thanks.</p><p>Bye.</p><p><a href=/x>Next episode</a></p></article>"
        "<div><p>Comments are closed: sorry.</p></div></body></html>"
    )
    episode = episode_of(page)
    assert speech(episode) == [
        ("LENA ORTIZ", "Who counts?"),
        ("OMAR HADDAD", "I do."),
        ("LENA ORTIZ", "Thanks.\nBye."),
    ]
    assert {entry.text for entry in episode.dropped} >= {"Next episode", "Comments are closed: sorry."}


def test_furniture_that_holds_most_of_the_page_is_no_furniture() -> None:
    turns = "<p><b>Lena:</b> One.</p><p><b>Omar:</b> Two.</p><p><b>Lena:</b> Three.</p>"
    page = f"{HEAD}<form class=newsletter>{turns}</form></body></html>"
    assert speech(episode_of(page)) == [("Lena", "One."), ("Omar", "Two."), ("Lena", "Three.")]


def test_times_on_a_page_are_the_times_of_the_words_behind_them() -> None:
    segments = "".join(
        f'<div><div class="clock">0{number}:30</div><div class="speaker">{name}</div><p>So.</p></div>'
        for number, name in enumerate(("Lena", "Omar", "Lena", "Omar"))
    )
    assert [turn.start_s for turn in episode_of(f"{HEAD}{segments}</body></html>").turns] == [30.0, 90.0, 150.0, 210.0]


@pytest.mark.parametrize(
    "markdown",
    ["<div align=center>\n\n# Ice\n\n</div>\n\n**Lena:** Who counts?\n\n**Omar:** I do.\n", "<br>\n\n**Lena:** So.\n"],
)
def test_markdown_that_begins_with_a_tag_stays_markdown(markdown: str) -> None:
    assert parse_transcript(markdown.encode())[0] == "markdown"


SHAPES = {
    "podcast-html": ("{}", "<cite>{}:</cite><p>{}</p>"),
    "html-page": ("<html><body>{}</body></html>", "<p><b>{}:</b> {}</p>"),
    "podlove-xml": (
        '<transcripts xmlns="http://podlove.org/simple-transcripts">{}</transcripts>',
        "<speech><speaker>{}</speaker><item>{}</item></speech>",
    ),
    "ttml": ("<tt><body><div>{}</div></body></tt>", '<p agent="{}">{}</p>'),
    "xml": ("<talk>{}</talk>", '<turn who="{}">{}</turn>'),
}


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize(("turns", "length"), [(4, 60_000), (4_000, 8)])
def test_long_turns_and_many_turns_on_one_line_are_read_in_linear_time(name: str, turns: int, length: int) -> None:
    whole, turn = SHAPES[name]
    said = " ".join(["and", *["sail"] * length, "so."])
    text = whole.format("".join(turn.format(("Lena Ortiz", "Omar Haddad")[place % 2], said) for place in range(turns)))
    format_name, transcript = parse_transcript(text.encode())
    assert format_name == name
    assert [utterance.text for utterance in transcript.utterances] == [said] * turns
