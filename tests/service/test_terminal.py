"""What people read at a terminal: the passages' very words, whatever they hold."""

from __future__ import annotations

from io import StringIO
from typing import Any

from rich.console import Console

from indexer.report import Report
from service.answers import answer
from service.evaluate import Metrics
from service.index_report import print_report
from service.schemas import Question, SearchParameters, SearchResponse
from service.terminal import print_hits, print_metrics
from tests.service.synthetic import Synthetic


def _parameters(**stated: Any) -> SearchParameters:
    return SearchParameters.model_validate(stated)


def _printed(response: SearchResponse, width: int = 60) -> str:
    console = Console(file=StringIO(), width=width)
    print_hits(response, console)
    assert isinstance(console.file, StringIO)
    return " ".join(console.file.getvalue().split())


def test_hits_are_shown_with_speaker_place_question_and_every_word(synthetic: Synthetic) -> None:
    [response] = answer(["the lantern"], _parameters(limit=20), synthetic.archive)
    printed = _printed(response)
    for hit in response.results:
        assert hit.text in printed
        assert f"{hit.rank} {hit.speaker.name or 'not named'} ({hit.speaker.role}) {hit.score:.2f}" in printed
        assert f"chars {hit.char_start}–{hit.char_end}" in printed
    assert f"20 of {response.total} hits" in printed


def test_brackets_in_a_transcript_are_words_and_no_markup(synthetic: Synthetic) -> None:
    [response] = answer(["the lantern"], _parameters(limit=1), synthetic.archive)
    words = "Well [laughs] [/bold] [red]so[/red] \\[08:15] we went."
    hit = response.results[0].model_copy(
        update={"text": words, "section": "[b]Ropes[/b]", "question": Question(speaker="[x]", text=words, turn=0)}
    )
    printed = _printed(response.model_copy(update={"results": [hit], "notes": ["near to it: [/x]."]}))
    assert printed.count(words) == 2
    assert "[b]Ropes[/b]" in printed
    assert "note: near to it: [/x]." in printed


def test_nothing_found_is_said_with_the_notes(synthetic: Synthetic) -> None:
    [response] = answer(["the lantern"], _parameters(speaker="Nobody"), synthetic.archive)
    printed = _printed(response, width=120)
    assert "note: speaker: 'Nobody' is not in this archive." in printed
    assert "Nothing was found. Fewer filters, or other words, may help." in printed


def test_metrics_are_a_table_of_shares() -> None:
    console = Console(file=StringIO(), width=100)
    print_metrics({"P": Metrics(3, 1 / 3, 2 / 3, 1.0, 0.5, 0.25)}, console)
    assert isinstance(console.file, StringIO)
    assert console.file.getvalue().splitlines()[1].split() == ["P", "3", "0.333", "0.667", "1.000", "0.500", "0.250"]


def test_a_report_without_words_of_other_kinds_names_none() -> None:
    console = Console(file=StringIO(), width=200)
    print_report(Report(words=9, words_indexed=9, words_searched=9).to_json(), console)
    assert isinstance(console.file, StringIO)
    assert "9 spoken: 9 in passages, 0 in turns too short" in console.file.getvalue()


def test_a_report_made_before_ids_were_counted_is_shown() -> None:
    report = {name: value for name, value in Report(words=9).to_json().items() if not name.startswith("ids_")}
    console = Console(file=StringIO(), width=200)
    print_report(report, console)
    assert isinstance(console.file, StringIO)
    assert "9 spoken" in console.file.getvalue()
