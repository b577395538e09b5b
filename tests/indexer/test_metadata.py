from __future__ import annotations

from pathlib import Path

import pytest

from indexer.metadata import apply, apply_sidecar, person, sidecar_of, split_front_matter
from indexer.types import Person, Role, Transcript
from tests.indexer.making import write

PARSED = Transcript((), title="Parsed", show="Parsed show", people=(Person("Lena Ortiz"),))


def sidecar(folder: Path, text: str) -> Transcript:
    return apply_sidecar(write(folder / "talk.meta.yaml", text), Transcript(()))


def test_front_matter_is_split_off_and_the_lines_below_keep_their_numbers() -> None:
    assert split_front_matter("---\ntitle: Low Water\n---\nbody\n") == ({"title": "Low Water"}, "body\n", 4)
    assert split_front_matter("---\ntitle: Low Water\n...\nbody") == ({"title": "Low Water"}, "body", 4)


@pytest.mark.parametrize(
    "text", ["body\n---\nnot: front\n---\n", "--- not front matter\n---\n", "---\nnever closed\n", ""]
)
def test_a_text_without_front_matter_is_left_alone(text: str) -> None:
    assert split_front_matter(text) == ({}, text, 1)


def test_what_a_sidecar_states_is_kept(tmp_path: Path) -> None:
    stated = sidecar(
        tmp_path,
        "title: Low Water\npodcast: Gauge Readings\ndate: 2024-11-02\nlink: https://example.org/a\nlang: en\n"
        "hosts: Mirela Quist\nguests: [Fenna Abara]\n"
        "speakers:\n  - Omar Haddad (host)\n  - {name: Lena Ortiz, role: Guest, title: chief   of tides}\n",
    )
    assert (stated.title, stated.show, stated.date) == ("Low Water", "Gauge Readings", "2024-11-02")
    assert (stated.url, stated.language) == ("https://example.org/a", "en")
    assert stated.people == (
        Person("Mirela Quist", Role.HOST),
        Person("Fenna Abara", Role.GUEST),
        Person("Omar Haddad", Role.HOST),
        Person("Lena Ortiz", Role.GUEST, "chief of tides"),
    )


@pytest.mark.parametrize("title", ["No", "1984", "1:30", "2024-05-14", "0x1F", "3.50", "true"])
def test_a_title_is_the_text_that_stands_there_whatever_yaml_makes_of_it(title: str, tmp_path: Path) -> None:
    assert sidecar(tmp_path, f"title: {title}\n").title == title


@pytest.mark.parametrize("nothing", ["", "~", "null", '""', '"  "'])
def test_an_empty_value_states_nothing(nothing: str, tmp_path: Path) -> None:
    stated = sidecar(tmp_path, f"title: {nothing}\ndate: {nothing.strip(' ') if '  ' not in nothing else ''}\n")
    assert (stated.title, stated.date, stated.people) == (None, None, ())


@pytest.mark.parametrize("written", ["2024-11-02", "2024-11-02 18:30:00", "2024-11-02T18:30:00+02:00", "'2024-11-02'"])
def test_a_date_is_kept_as_its_day(written: str, tmp_path: Path) -> None:
    assert sidecar(tmp_path, f"date: {written}\n").date == "2024-11-02"


def test_a_title_of_several_lines_becomes_one(tmp_path: Path) -> None:
    assert sidecar(tmp_path, "title: |\n  Low\n  Water\n").title == "Low Water"


def test_text_that_utf8_cannot_hold_is_replaced(tmp_path: Path) -> None:
    stated = sidecar(tmp_path, 'title: "Low\\ud83d Water\\0"\nspeakers: ["A\\udc00na Ruiz"]\n')
    assert stated.title == "Low\ufffd Water\ufffd"
    assert stated.people == (Person("A\ufffdna Ruiz"),)


def test_front_matter_wins_over_the_page_and_a_sidecar_fills_its_gaps() -> None:
    metadata = {"title": "Stated", "date": "2024-11-02", "speakers": ["Omar Haddad"]}
    inside, beside = apply(metadata, PARSED, first=True), apply(metadata, PARSED, first=False)
    assert (inside.title, inside.show, inside.date) == ("Stated", "Parsed show", "2024-11-02")
    assert (beside.title, beside.show, beside.date) == ("Parsed", "Parsed show", "2024-11-02")
    assert [p.name for p in inside.people] == ["Omar Haddad", "Lena Ortiz"]
    assert [p.name for p in beside.people] == ["Lena Ortiz", "Omar Haddad"]


def test_a_sidecar_is_found_by_the_transcripts_stem(tmp_path: Path) -> None:
    talk = write(tmp_path / "a.b.srt", "")
    assert sidecar_of(talk) is None
    write(tmp_path / "b.meta.yaml", "")
    assert sidecar_of(talk) is None
    for suffix in (".meta.json", ".meta.yml", ".meta.yaml"):
        beside = write(tmp_path / f"a.b{suffix}", "")
        assert sidecar_of(talk) == beside


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ("Ana Ruiz", Person("Ana Ruiz")),
        ("Ana Ruiz (host)", Person("Ana Ruiz", Role.HOST)),
        ("Ana Ruiz [Co-Host] ", Person("Ana Ruiz", Role.HOST)),
        ("Ana Ruiz(interviewee)", Person("Ana Ruiz", Role.GUEST)),
        ("Ana Ruiz (Interviewer)", Person("Ana Ruiz", Role.HOST)),
        ("Ana Ruiz (by phone)", Person("Ana Ruiz (by phone)")),
        ("(host)", Person("(host)")),
    ],
)
def test_a_role_behind_a_name_is_no_part_of_it(label: str, expected: Person) -> None:
    assert person(label) == expected
