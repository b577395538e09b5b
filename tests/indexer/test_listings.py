"""What lists of episodes state: which transcript it is about, what it wins over; a broken list breaks no other file."""

from __future__ import annotations

import json
from pathlib import Path, PurePosixPath

import pytest

from indexer.catalog import CatalogReader
from indexer.episodes_csv import read_episodes_csv
from indexer.errors import TranscriptError
from indexer.feeds import read_feed
from indexer.files import SourceFile, find_files, one_file
from indexer.gather import read_episode
from indexer.links import deep_link, template_error
from indexer.listings import assign
from indexer.types import Episode, Role
from tests.indexer.making import LENA, OMAR, index, interview, markdown, write

TALK = markdown((LENA, "What changed?"), (OMAR, "Nothing did."), (LENA, "Nothing?"))
ITUNES = (
    'xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd" xmlns:podcast="https://podcastindex.org/namespace/1.0"'
)


def files_of(folder: Path) -> tuple[dict[str, SourceFile], dict[str, str]]:
    """The files below a folder by their sources, and why others are skipped."""
    files, skipped = find_files([folder], leave_out=folder / "index")
    return {file.source: file for file in files}, {file.source: file.reason for file in skipped}


def titles(folder: Path) -> dict[str, str]:
    return {source: read_episode(file).title for source, file in files_of(folder)[0].items() if not file.refusal}


def episode(folder: Path, source: str = "a.md") -> Episode:
    return read_episode(files_of(folder)[0][source])


def feed(*items: str, title: str = "Deep Tide", about: str = "") -> str:
    inside = "".join(f"<item>{item}</item>\n" for item in items)
    channel = f"<channel><title>{title}</title>{about}\n{inside}</channel>"
    return f'<?xml version="1.0"?>\n<rss version="2.0" {ITUNES}>{channel}</rss>'


def matched(text: str, *names: str) -> tuple[dict[str, str], list[str]]:
    """The titles that files get by name, and the doubts."""
    listing = read_feed(text) if text.startswith("<") else read_episodes_csv(text)
    found, doubts = assign(listing, map(PurePosixPath, names))
    return {str(path): str(entry.metadata["title"]) for path, entry in found.items()}, doubts


def test_a_row_states_everything_of_its_file(tmp_path: Path) -> None:
    write(tmp_path / "a.md", TALK)
    write(
        tmp_path / "episodes.csv",
        "Filename;Title;Show;Date;URL;Host;Guests;Language;Duration;Link Template\n"
        "a.md;Left Shoes;Second Opinion;2024-04-04;https://example.org/a;Lena Ortiz;"
        '"Omar Haddad; Ann Wu";en;41:30;#t={s}\n',
    )
    found = episode(tmp_path)
    assert (found.title, found.show, found.date, found.url, found.language) == (
        "Left Shoes",
        "Second Opinion",
        "2024-04-04",
        "https://example.org/a",
        "en",
    )
    assert (found.duration_s, found.link_template) == (2490.0, "#t={s}")
    assert {speaker.name: (speaker.role, speaker.confidence) for speaker in found.speakers} == {
        LENA: (Role.HOST, 1.0),
        OMAR: (Role.GUEST, 1.0),
    }
    _, skipped = files_of(tmp_path)
    assert skipped == {"episodes.csv": "metadata of 1 transcripts"}


def test_what_stands_nearer_to_the_words_wins(tmp_path: Path) -> None:
    write(tmp_path / "in" / "a.md", f"---\ntitle: 0\n---\n{TALK}")
    write(tmp_path / "in" / "a.meta.json", json.dumps({"title": "1", "show": "1"}))
    write(tmp_path / "in" / "episodes.csv", "file,title,show,url\na.md,2,2,https://example.org/2\n")
    write(tmp_path / "episodes.csv", "file,title,show,url,date\nin/a.md,3,3,https://example.org/3,2003-03-03\n")
    item = "<title>4</title><guid>a</guid><link>https://example.org/4</link><pubDate>4 Apr 2004 06:00:00 GMT</pubDate>"
    write(tmp_path / "in" / "feed.xml", feed(item, title="4", about="<language>de</language>"))
    found = episode(tmp_path, "in/a.md")
    assert (found.title, found.show, found.url, found.date, found.language) == (
        "0",
        "1",
        "https://example.org/2",
        "2003-03-03",
        "de",
    )


def test_a_row_names_its_file_by_path_name_or_stem() -> None:
    rows = "file,title\nsub/a.md,By path\nb.vtt,By name\nc,By stem\n./sub\\d.md,As Windows writes it\n"
    assert matched(rows, "sub/a.md", "sub/b.vtt", "c.srt", "sub/d.md") == (
        {"sub/a.md": "By path", "sub/b.vtt": "By name", "c.srt": "By stem", "sub/d.md": "As Windows writes it"},
        [],
    )
    assert matched("file,title\na,Both\n", "a.md", "a.vtt")[0] == {"a.md": "Both", "a.vtt": "Both"}


def test_a_row_that_fits_two_files_fits_none() -> None:
    rows = "file,title\ntranscript.md,Which?\nx/b.md,One\nx/b.md,Another\n"
    assert matched(rows, "x/transcript.md", "y/transcript.md", "x/b.md") == (
        {},
        ["x/b fits x/b.md (line 3), x/b.md (line 4)", "transcript.md (line 2) fits x/transcript, y/transcript"],
    )


def test_rows_without_a_file_and_columns_without_a_meaning_are_named(tmp_path: Path) -> None:
    write(tmp_path / "a.md", TALK)
    write(tmp_path / "episodes.csv", "file,title,tittle\na.md,A,x\ngone.md,B,y\n")
    _, skipped = files_of(tmp_path)
    assert skipped == {
        "episodes.csv": "metadata of 1 transcripts; columns not known: tittle; no file is called gone.md (line 3)"
    }


def test_a_row_without_a_file_speaks_of_its_show(tmp_path: Path) -> None:
    write(tmp_path / "a.md", TALK)
    write(tmp_path / "b.md", f"---\nshow: deep tide\nlink_template: '#s={{s}}'\n---\n{TALK}")
    write(tmp_path / "c.md", f"---\nshow: Another\n---\n{TALK}")
    write(tmp_path / "episodes.csv", "file,show,host,link_template\na,Deep Tide,,\n,Deep Tide,Lena Ortiz,#t={s}\n")
    files, _ = files_of(tmp_path)
    read = {source: read_episode(file) for source, file in files.items()}
    assert [read[name].link_template for name in ("a.md", "b.md", "c.md")] == ["#t={s}", "#s={s}", None]
    assert [read[name].speakers[0].confidence for name in ("a.md", "b.md")] == [1.0, 1.0]


@pytest.mark.parametrize(
    ("text", "message"),
    {
        "no file column": (
            "title,date\nA,2024-01-01\n",
            "line 1: no column `file`: the first line should name the columns. "
            "Begin it with a line such as `file,title,show,date,guest`.",
        ),
        "no day": (
            "file,date\na.md,2024-01-01\nb.md,soon\n",
            "line 3: `date` is 'soon', not a day. Write it as YYYY-MM-DD, or leave it out.",
        ),
        "no length": (
            "file,duration\na.md,long\n",
            "line 2: `duration` is 'long', not a length. Write it as H:MM:SS or in seconds.",
        ),
        "no template": (
            "file,link_template\na.md,javascript:{s}\n",
            "line 2: `link_template` is no web address: 'javascript:{s}'. "
            "Write it as https://example.org/episode?t={s}.",
        ),
        "nothing named": (
            "file,title\n,A\n",
            "line 2: the row names no file and no show. Say which transcript it is about.",
        ),
        "too many cells": (
            "file,title\na.md,Left, Right\n",
            "line 2: the headings name 2 columns, this row has 3. "
            'Put a text that holds the separator, or a new line, in quotes: "like, this".',
        ),
    }.values(),
)
def test_a_broken_list_fails_alone_and_says_where(tmp_path: Path, text: str, message: str) -> None:
    write(tmp_path / "a.md", TALK)
    write(tmp_path / "episodes.csv", text)
    files, skipped = files_of(tmp_path)
    assert read_episode(files["a.md"]).title == "a"
    assert skipped == {}
    with pytest.raises(TranscriptError) as error:
        read_episode(files["episodes.csv"])
    assert str(error.value) == message


def test_a_broken_list_is_listed_as_failed_and_its_repair_is_a_reason_to_index_again(tmp_path: Path) -> None:
    write(tmp_path / "in" / "a.md", interview("tides").split("---\n\n", 1)[1])
    write(tmp_path / "in" / "episodes.csv", "file,date\na.md,soon\n")
    broken = index(tmp_path / "in", tmp_path / "index")
    assert [(entry["source"], entry["line"]) for entry in broken.report["files_failed"]] == [("episodes.csv", 2)]
    assert broken.report["episodes"] == 1
    write(tmp_path / "in" / "episodes.csv", "file,date\na.md,2024-01-01\n")
    repaired = index(tmp_path / "in", tmp_path / "index")
    assert repaired.changed and repaired.report["files_failed"] == []
    assert not index(tmp_path / "in", tmp_path / "index").changed
    write(tmp_path / "in" / "episodes.csv", "file,date\na.md,2024-01-02\n")
    assert index(tmp_path / "in", tmp_path / "index").changed


def test_an_item_states_what_is_known_of_its_episode(tmp_path: Path) -> None:
    write(tmp_path / "left-shoes.md", TALK)
    item = (
        "<title>Left Shoes &amp; Right</title><pubDate>Thu, 04 Apr 2024 23:30:00 -0500</pubDate>"
        "<link>https://example.org/e/left-shoes.html?x=1</link><itunes:duration>1:02:03</itunes:duration>"
        '<podcast:person role="Guest">Omar Haddad</podcast:person><podcast:person>Lena Ortiz</podcast:person>'
    )
    write(
        tmp_path / "show.rss", feed(item, about="<language>en-GB</language><itunes:author>Lena Ortiz</itunes:author>")
    )
    found = episode(tmp_path, "left-shoes.md")
    assert (found.title, found.show, found.date) == ("Left Shoes & Right", "Deep Tide", "2024-04-04")
    assert (found.url, found.language, found.duration_s) == (
        "https://example.org/e/left-shoes.html?x=1",
        "en-GB",
        3723.0,
    )
    assert {speaker.name: speaker.role for speaker in found.speakers} == {LENA: Role.HOST, OMAR: Role.GUEST}
    assert files_of(tmp_path)[1] == {"show.rss": "metadata of 1 transcripts"}


@pytest.mark.parametrize(
    ("item", "name"),
    [
        ('<enclosure url="https://example.org/audio/Left%20Shoes.mp3?id=1"/>', "Left Shoes.vtt"),
        ('<podcast:transcript url="https://example.org/t/x-17.srt"/>', "x-17.md"),
        ("<link>https://example.org/e/left-shoes/</link>", "left_shoes.txt"),
        ('<guid isPermaLink="false">ls-2024</guid>', "LS-2024.md"),
        ("<itunes:episode>12</itunes:episode>", "deep-tide-012.md"),
        ("<itunes:episode>12</itunes:episode>", "Deep Tide/2024-04-04-ep12.md"),
        ("", "2024-04-04-the-long-road-final.md"),
        ("", "The Long Road.md"),
    ],
)
def test_an_item_is_found_by_its_addresses_its_number_or_its_title(item: str, name: str) -> None:
    text = feed(f"<title>Ep. 12: The Long Road</title>{item}", "<title>Quite Another</title>")
    assert matched(text, name, "unrelated.md") == ({name: "Ep. 12: The Long Road"}, [])


def test_nothing_is_guessed_among_two() -> None:
    text = feed(
        '<title>One</title><enclosure url="https://example.org/1/audio.mp3"/>',
        '<title>Two</title><enclosure url="https://example.org/2/audio.mp3"/>',
        "<title>The Long Road</title>",
        "<title>AI</title>",
    )
    assert matched(
        text, "audio.vtt", "the-long-road-1.md", "the-long-road-2.md", "ai-and-us.md", "other-show-12.md"
    ) == (
        {},
        [
            "audio fits One (line 3), Two (line 4)",
            "The Long Road (line 5) fits the-long-road-1, the-long-road-2",
        ],
    )


def test_an_address_wins_over_a_title() -> None:
    text = feed("<title>The Long Road</title><guid>road</guid>", "<title>Road</title><guid>the-long-road</guid>")
    assert matched(text, "the-long-road.md", "road.md")[0] == {"the-long-road.md": "Road", "road.md": "The Long Road"}


def test_what_cannot_be_read_in_an_item_is_left_out(tmp_path: Path) -> None:
    write(tmp_path / "a.md", TALK)
    item = "<title>A</title><guid>a</guid><pubDate>soon</pubDate><itunes:duration>long</itunes:duration><link>ftp://x</link>"
    write(tmp_path / "show.rss", feed(item, "<guid>http://[bad</guid>"))
    found = episode(tmp_path)
    assert (found.title, found.date, found.duration_s, found.url) == ("A", None, None, None)


def test_a_broken_feed_fails_alone(tmp_path: Path) -> None:
    write(tmp_path / "a.md", TALK)
    write(tmp_path / "one.rss", "<rss>\n<channel>\n<title>x</title>\n</rss>")
    write(tmp_path / "two.xml", "<rss version='2.0'></rss>")
    bomb = '<!DOCTYPE rss [<!ENTITY a "xx"><!ENTITY b "&a;&a;">]>\n<rss><channel><title>&b;</title></channel></rss>'
    write(tmp_path / "three.xml", bomb)
    files, _ = files_of(tmp_path)
    assert titles(tmp_path) == {"a.md": "a"}
    refusals = {source: file.refusal.line for source, file in files.items() if file.refusal}
    assert refusals == {"one.rss": 4, "two.xml": 1, "three.xml": 1}
    assert "the feed has no <channel>. Save the feed again." in str(files["two.xml"].refusal)


def test_other_xml_is_no_feed(tmp_path: Path) -> None:
    write(tmp_path / "a.xml", '<talk><turn speaker="Lena">So.</turn></talk>')
    assert list(files_of(tmp_path)[0]) == ["a.xml"]


def test_a_single_file_is_stated_by_the_lists_beside_it(tmp_path: Path) -> None:
    write(tmp_path / "a.md", TALK)
    write(tmp_path / "episodes.csv", "file,title\na.md,Left Shoes\nb.md,Right\n")
    assert read_episode(one_file(tmp_path / "a.md")).title == "Left Shoes"
    files, skipped = find_files([tmp_path / "a.md"], leave_out=tmp_path / "index")
    assert [read_episode(file).title for file in files] == ["Left Shoes"]
    assert [file.reason for file in skipped] == ["metadata of 1 transcripts"]


def test_a_duration_shorter_than_the_transcript_withholds_the_links_and_is_reported(tmp_path: Path) -> None:
    said = interview("tides").split("---\n\n", 1)[1].replace("Lena Ortiz:** What", "Lena Ortiz:** [0:40] What")
    for name, duration in (("a", "39"), ("b", "0:39.5"), ("c", "1:00"), ("d", "38")):
        write(tmp_path / "in" / f"{name}.md", said.replace("tides", f"tides {name}"))
        link = "https://example.org?t={s}"
        write(tmp_path / "in" / f"{name}.meta.yaml", f"duration: {duration}\nlink_template: {link}\n")
    outcome = index(tmp_path / "in", tmp_path / "index")
    assert outcome.generation is not None
    catalog = CatalogReader(outcome.generation.folder)
    assert {row.source: (row.duration_s, row.link_template) for row in catalog.episodes} == {
        "a.md": (39.0, link),
        "b.md": (39.5, link),
        "c.md": (60.0, link),
        "d.md": (38.0, None),
    }
    catalog.close()
    assert outcome.report["notes"] == {"d.md": "duration contradicts: 0:38 is stated, the last time is 0:40"}


@pytest.mark.parametrize(
    ("template", "url", "start_s", "link"),
    [
        ("https://example.org/a?t={s}", None, 75.9, "https://example.org/a?t=75"),
        ("#t={m}m{ss}s", "https://example.org/a#top", 3675.0, "https://example.org/a#t=61m15s"),
        ("#t={h}h{mm}m{ss}s", "https://example.org/a", 3675.0, "https://example.org/a#t=1h01m15s"),
        ("?t={s}", "https://example.org/a?id=1", 5.0, "https://example.org/a?id=1&t=5"),
        ("{url}?t={s}", "https://example.org/{a}", 5.0, "https://example.org/{a}?t=5"),
        ("#t={s}", None, 5.0, None),
        ("#t={s}", "javascript:alert(1)", 5.0, None),
    ],
)
def test_a_template_makes_links_to_the_web_alone(
    template: str, url: str | None, start_s: float, link: str | None
) -> None:
    assert template_error(template) is None
    assert deep_link(template, url, start_s) == link


@pytest.mark.parametrize(
    ("template", "error"),
    [
        ("https://example.org/a", "`link_template` holds no time"),
        ("https://example.org/a?t={t}", "`link_template` holds {t}, which is no part of a time"),
        ("javascript:{s}", "`link_template` is no web address"),
        ("https://example.org/{url}?t={s}", "`link_template` holds {url}, which is no part of a time"),
    ],
)
def test_a_template_that_makes_no_links_is_refused(template: str, error: str) -> None:
    assert template_error(template) == error


def test_an_author_is_somebody_where_it_is_a_name() -> None:
    mail = feed("<title>A tale</title><author>lena@example.org (Lena)</author>")
    name = feed("<title>A tale</title><itunes:author>Lena Ortiz</itunes:author>")
    assert "speakers" not in read_feed(mail).entries[0].metadata
    assert read_feed(name).entries[0].metadata["speakers"] == [LENA]
