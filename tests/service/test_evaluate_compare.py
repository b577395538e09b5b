"""`onrecord eval --compare`, `--dump` and `--split`: two settings, question by question."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from indexer.errors import QuestionFileError
from service.evaluate import (
    Difference,
    Judged,
    Question,
    Shown,
    bootstrap_interval,
    compare,
    dump,
    judge,
    of_splits,
    read_questions,
    write_dump,
)
from service.ranking import Mode
from service.search import Search, search
from tests.conftest import SEEDS, Onrecord
from tests.service.synthetic import Synthetic

QUESTIONS = [Question(f"question {number}", None, ("anchor",), "F") for number in range(6)]
TALLY = ("won", "lost", "tied")


def _judged(*ranks: int | None, tokens: int = 100) -> list[Judged]:
    return [Judged(q, rank, None if rank is None else rank * tokens) for q, rank in zip(QUESTIONS, ranks, strict=False)]


def test_a_difference_is_that_of_the_means_and_every_question_is_won_lost_or_tied() -> None:
    found = compare(_judged(1, 1, 2, None, 10, 11), _judged(2, 1, 1, 3, None, None))
    assert {name: (d.won, d.lost, d.tied) for name, d in found.items()} == {
        "recall_at_1": (1, 1, 4),
        "recall_at_10": (1, 1, 4),
        "mrr_at_10": (2, 2, 2),
        "recall_at_1000_tokens": (1, 1, 4),
    }
    assert found["recall_at_1"].difference == 0
    assert found["mrr_at_10"].difference == pytest.approx((0.5 - 0.5 - 1 / 3 + 0.1) / 6)
    assert found["recall_at_1"].low < 0 < found["recall_at_1"].high


def test_equal_settings_are_tied_everywhere_without_an_interval() -> None:
    judged = _judged(1, 4, None, 11, 2, 1)
    assert set(compare(judged, judged).values()) == {Difference(0.0, 0.0, 0.0, 0, 0, 6)}


def test_tokens_decide_where_ranks_are_equal() -> None:
    found = compare(_judged(5, 5, tokens=200), _judged(5, 5, tokens=201))
    assert (found["recall_at_1000_tokens"].won, found["recall_at_1000_tokens"].difference) == (2, 1.0)
    assert found["recall_at_10"].tied == 2


def test_no_questions_make_no_difference() -> None:
    assert set(compare([], []).values()) == {Difference(0.0, 0.0, 0.0, 0, 0, 0)}


@pytest.mark.parametrize("others", [_judged(1), _judged(1, 2)[::-1]], ids=["fewer", "another order"])
def test_other_questions_are_not_compared(others: Sequence[Judged]) -> None:
    with pytest.raises(ValueError, match="the same questions"):
        compare(_judged(1, 2), others)


def test_the_interval_of_a_hand_made_case_is_the_binomial_one() -> None:
    # 100 questions, 50 won: the mean of a resample is a binomial share, whose quantiles are in any table.
    assert bootstrap_interval([1.0] * 50 + [0.0] * 50) == (0.40, 0.60)
    assert bootstrap_interval([1.0] * 5 + [0.0] * 95) == (0.01, 0.10)
    assert bootstrap_interval([0.25] * 7) == (0.25, 0.25)
    assert bootstrap_interval([]) == (0.0, 0.0)


def test_the_interval_is_the_same_in_every_run_and_order() -> None:
    values = [1.0, 0.0, -1.0, 0.5, 0.0, 1 / 3]
    assert bootstrap_interval(values) == bootstrap_interval(values[::-1]) == bootstrap_interval(tuple(values))
    low, high = bootstrap_interval(values)
    assert low < sum(values) / 6 < high


def test_a_dump_begins_with_the_biggest_losses() -> None:
    rows = dump(_judged(1, None, 2, 5, 11, 1), _judged(2, 1, 1, 4, None, 1))
    assert [(row["rank"], row["other_rank"]) for row in rows] == [
        (None, 1),
        (2, 1),
        (5, 4),
        (1, 1),
        (11, None),
        (1, 2),
    ]


def test_a_dump_of_one_setting_begins_with_what_it_does_not_find() -> None:
    rows = dump(_judged(1, None, 2, 50, 1, None))
    assert [row["rank"] for row in rows] == [None, None, 50, 2, 1, 1]
    assert [row["query"] for row in rows[:2]] == ["question 1", "question 5"]
    assert "other_rank" not in rows[0]


def test_a_dump_is_a_line_of_json_for_each_question(tmp_path: Path) -> None:
    shown = Shown("a.md", "Zoë", "So — yes", 0.5, {"passage": 0.25})
    entry = Judged(QUESTIONS[0], 2, 60, (shown,), shown)
    write_dump(tmp_path / "dump.jsonl", dump([entry]))
    assert [json.loads(line) for line in (tmp_path / "dump.jsonl").read_text(encoding="utf-8").splitlines()] == [
        {
            "query": "question 0",
            "kind": "F",
            "rank": 2,
            "tokens": 60,
            "top": [
                {"episode": "a.md", "speaker": "Zoë", "start": "So — yes", "score": 0.5, "signals": {"passage": 0.25}}
            ],
            "right": {"passage": 0.25},
        }
    ]
    with pytest.raises(QuestionFileError, match=r"there: cannot be written \(.+\)\.$"):
        write_dump(tmp_path / "not" / "there", [])


def test_what_is_dumped_is_what_the_search_gave(synthetic: Synthetic) -> None:
    hits = search(Search("the lantern", limit=20), synthetic.archive).hits
    right = hits[9].stored.passage.text
    first = next(hit for hit in hits if right in hit.stored.passage.text)
    found = judge([Question("the lantern", None, (right,), "F")], synthetic.archive, Mode.HYBRID)[0]
    assert found.right is not None
    assert found.right.signals == first.signals
    assert [hit.score for hit in found.top] == [hit.score for hit in hits[:3]]
    assert [hit.speaker for hit in found.top] == [hit.stored.passage.speaker for hit in hits[:3]]
    assert all(hit.stored.passage.text.startswith(shown.start) for hit, shown in zip(hits, found.top, strict=False))


def test_a_split_keeps_its_questions_and_an_unknown_one_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "questions.jsonl"
    rows = [{"query": str(i), "anchors": ["a"], "split": split} for i, split in enumerate(("x", "y", None, "x", "z"))]
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    questions = read_questions(path)
    assert [q.query for q in of_splits(questions, ["x"])] == ["0", "3"]
    assert [q.query for q in of_splits(questions, ["z", "x"])] == ["0", "3", "4"]
    assert of_splits(questions, []) == questions
    with pytest.raises(QuestionFileError, match=r"^no question is of split 'w'; there are x, y, z\.$"):
        of_splits(questions, ["x", "w"])


def test_the_command_compares_dumps_and_splits(onrecord: Onrecord, seeds_index: Path, tmp_path: Path) -> None:
    asked = SEEDS / "questions.jsonl"
    arguments = ("eval", asked, "--index", seeds_index, "--compare", "lexical", "--dump", tmp_path / "dump.jsonl")
    done = onrecord(*arguments, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    content = json.loads(done.stdout)
    compared = content["compared"]
    assert (compared["mode"], compared["index"]) == ("lexical", str(seeds_index))
    assert compared["metrics"].keys() == content.keys() - {"compared"}
    for name, difference in compared["differences"].items():
        assert difference["difference"] == pytest.approx(content["all"][name] - compared["metrics"]["all"][name])
        assert sum(difference[key] for key in TALLY) == content["all"]["questions"]
    rows = [json.loads(line) for line in (tmp_path / "dump.jsonl").read_text(encoding="utf-8").splitlines()]
    assert sorted(row["query"] for row in rows) == sorted(question.query for question in read_questions(asked))
    table = onrecord(*arguments)
    assert table.stdout.startswith("kind ")
    assert "95 % interval" in table.stdout
    unsplit = onrecord("eval", asked, "--index", seeds_index, "--split", "tune")
    assert (unsplit.returncode, unsplit.stdout) == (1, "")
    assert unsplit.stderr == "error: no question is of split 'tune'; there are none.\n"


def test_an_index_compared_with_itself_is_no_better(onrecord: Onrecord, seeds_index: Path) -> None:
    done = onrecord("eval", SEEDS / "questions.jsonl", "--index", seeds_index, "--compare-index", seeds_index, "--json")
    assert done.returncode == 0, done.stderr
    for difference in json.loads(done.stdout)["compared"]["differences"].values():
        assert (difference["won"], difference["lost"], difference["difference"]) == (0, 0, 0)
