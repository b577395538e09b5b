"""`onrecord eval`: the numbers are what the definitions say, and the sample questions are fair."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from indexer.errors import QuestionFileError
from indexer.files import SourceFile
from indexer.gather import read_episode
from indexer.metadata import sidecar_of
from indexer.sentences import sentence_spans
from indexer.types import Episode
from service.evaluate import DEPTH, Judged, Metrics, Question, judge, measure, measure_by_kind, read_questions
from service.ranking import Mode
from service.search import Search, search
from tests.conftest import SEEDS
from tests.service.synthetic import Synthetic

QUESTIONS = SEEDS / "questions.jsonl"


def _judged(kind: str, rank: int | None, tokens: int | None) -> Judged:
    return Judged(Question("?", None, ("anchor",), kind), rank, tokens)


JUDGED = (
    _judged("F", 1, 40),
    _judged("F", 5, 1000),
    _judged("P", 6, 1001),
    _judged("P", 10, 900),
    _judged("P", 11, 1200),
    _judged("P", None, None),
)


def test_the_metrics_are_those_computed_by_hand() -> None:
    found = measure(JUDGED)
    assert found.questions == 6
    assert found.recall_at_1 == pytest.approx(1 / 6)
    assert found.recall_at_5 == pytest.approx(2 / 6)
    assert found.recall_at_10 == pytest.approx(4 / 6)
    assert found.mrr_at_10 == pytest.approx((1 + 1 / 5 + 1 / 6 + 1 / 10) / 6)
    assert found.recall_at_1000_tokens == pytest.approx(3 / 6)


def test_every_kind_has_its_own_metrics_and_all_stands_last() -> None:
    tables = measure_by_kind(JUDGED)
    assert list(tables) == ["F", "P", "all"]
    assert tables["F"] == Metrics(2, 0.5, 1.0, 1.0, 0.6, 1.0)
    assert tables["P"].recall_at_10 == 0.5
    assert tables["all"] == measure(JUDGED)


def test_no_questions_are_no_division_by_zero() -> None:
    assert measure([]) == Metrics(0, 0.0, 0.0, 0.0, 0.0, 0.0)


@pytest.mark.parametrize("mode", Mode)
def test_the_rank_and_the_tokens_read_are_those_of_the_first_right_hit(mode: Mode, synthetic: Synthetic) -> None:
    hits = search(Search("the lantern", limit=DEPTH, mode=mode), synthetic.archive).hits
    right = hits[7].stored
    source = synthetic.entries[right.number][0].source
    anchor = right.passage.text
    first = next(
        hit
        for hit in hits
        if hit.stored.passage.text.find(anchor) >= 0 and synthetic.entries[hit.stored.number][0].source == source
    )
    read = sum(synthetic.archive.embedder.count_tokens([hit.stored.passage.text for hit in hits[: first.rank]]))
    questions = [
        Question("the lantern", source, ("no such words", anchor), "-"),
        Question("the lantern", source.rsplit("/", 1)[1], (anchor,), "-"),
        Question("the lantern", "another.md", (anchor,), "-"),
        Question("the lantern", None, ("words that nobody said",), "-"),
    ]
    found = [(entry.rank, entry.tokens) for entry in judge(questions, synthetic.archive, mode)]
    assert found[0] == (first.rank, read)
    assert found[1][0] is not None
    assert found[2:] == [(None, None), (None, None)]


def test_a_question_file_is_read_line_by_line_whatever_its_lines_hold(tmp_path: Path) -> None:
    path = tmp_path / "questions.jsonl"
    first = {"query": "a\u2028b", "episode": "x.md", "anchors": ["two\n  lines"], "speaker": "S", "kind": "P"}
    lines = ["\ufeff" + json.dumps(first, ensure_ascii=False), "", '{"query": "c", "anchors": ["d"]}\r', ""]
    path.write_text("\n".join(lines), encoding="utf-8", newline="")
    assert read_questions(path) == [
        Question("a\u2028b", "x.md", ("two lines",), "P"),
        Question("c", None, ("d",), "-"),
    ]


_SHAPE = 'expected {"query": "…", "anchors": ["…"]}, with at least one anchor.'


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "no valid JSON (Expecting property name enclosed in double quotes: line 1 column 2 (char 1))."),
        ("[" * 100_000, "no valid JSON ("),
        ("[]", _SHAPE),
        ('"x"', _SHAPE),
        ('{"anchors": ["d"]}', _SHAPE),
        ('{"query": "", "anchors": ["d"]}', _SHAPE),
        ('{"query": 5, "anchors": ["d"]}', _SHAPE),
        ('{"query": "c"}', _SHAPE),
        ('{"query": "c", "anchors": []}', _SHAPE),
        ('{"query": "c", "anchors": "d"}', _SHAPE),
        ('{"query": "c", "anchors": [" "]}', _SHAPE),
        ('{"query": "c", "anchors": [5]}', _SHAPE),
    ],
    ids=lambda value: value[:30],
)
def test_a_bad_line_is_named_with_its_number(line: str, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "questions.jsonl"
    path.write_text(f'{{"query": "c", "anchors": ["d"]}}\n\n{line}\n', encoding="utf-8")
    with pytest.raises(QuestionFileError) as refusal:
        read_questions(path)
    assert str(refusal.value).startswith(f"{path}, line 3: {reason}")


def test_a_file_without_questions_or_without_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").write_text("\n\n", encoding="utf-8")
    (tmp_path / "binary.jsonl").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(QuestionFileError, match=r"empty\.jsonl: no questions in it\.$"):
        read_questions(tmp_path / "empty.jsonl")
    for name in ("binary.jsonl", "missing.jsonl"):
        with pytest.raises(QuestionFileError, match=rf"{name}: cannot be read"):
            read_questions(tmp_path / name)


@pytest.fixture(scope="module")
def episodes() -> dict[str, Episode]:
    files = [path for path in SEEDS.iterdir() if ".meta." not in path.name and path != QUESTIONS]
    return {path.name: read_episode(SourceFile(path, path.name, sidecar_of(path))) for path in files}


def _flat(text: str) -> str:
    return " ".join(text.split())


def test_every_anchor_of_the_sample_questions_stands_in_a_turn_of_its_speaker_and_of_nobody_else(
    episodes: dict[str, Episode],
) -> None:
    for line in QUESTIONS.read_text(encoding="utf-8").splitlines():
        question = json.loads(line)
        turns = episodes[question["episode"]].turns
        for anchor in question["anchors"]:
            holders = [turn for turn in turns if _flat(anchor) in _flat(turn.text)]
            assert {turn.speaker for turn in holders} == {question["speaker"]}, anchor


_SMALL_WORDS = frozenset(
    "a about after all also am an and any are as at be because been before being between but by can cannot could did "
    "do does doing don't down each ever every for from had has have having he her here him his how i i'd i'm if in "
    "into is it it's its itself just like many may me might more most much must my never no nobody nor not of off on "
    "once one only or other our out over own s same she should so some somebody such t than that that's the their "
    "them then there these they they're thing this those through to too under until up upon us very was we were what "
    "when where whether which while who whom whose why will with would you you're your yet yourself we've".split()
)


def _stems(text: str) -> set[str]:
    """Words but the small ones, without their common endings; crude, and good enough to see a word shared."""
    words = re.findall(r"[^\W_]+(?:['’][^\W_]+)*", text.casefold().replace("’", "'"))
    return {re.sub(r"('s|ies|ing|ed|es|ly|er|s|e|y)$", "", word) for word in words if word not in _SMALL_WORDS}


def test_a_third_of_the_sample_questions_share_no_content_word_with_their_answer(episodes: dict[str, Episode]) -> None:
    questions = read_questions(QUESTIONS)
    apart = []
    for question in questions:
        assert question.episode is not None
        turns = episodes[question.episode].turns
        sentences = [_flat(turn.text[start:end]) for turn in turns for start, end in sentence_spans(turn.text)]
        answers = [text for text in sentences if any(a in text or text in a for a in question.anchors)]
        if question.kind == "P" and not _stems(question.query) & _stems(" ".join([*answers, *question.anchors])):
            apart.append(question)
    assert len(apart) >= len(questions) / 3
    assert len({question.episode for question in questions}) == len(episodes)
