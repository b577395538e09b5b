"""Quotations checked against the sample interviews, over HTTP and from the command line."""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.conftest import Onrecord

SAID = "It's always in the end the nurse, or the youngest doctor on the shift."
ILSE, DESMOND = "Ilse Brandvold", "Desmond Achterloo"


def _check(client: httpx2.Client, text: str, speaker: str | None = None) -> dict[str, Any]:
    response = client.post("/v1/verify", json={"quotes": [{"text": text, "speaker": speaker}]})
    assert response.status_code == 200, response.text
    [result] = response.json()["results"]
    assert isinstance(result, dict)
    return result


@pytest.mark.parametrize(
    ("text", "speaker", "verdict"),
    [
        (SAID, ILSE, "verified"),
        (SAID, None, "verified"),
        (SAID, "Brandvold", "verified"),
        ("it’s always in the end the nurse", ILSE, "verified"),
        ("It's always … the youngest doctor on the shift.", ILSE, "edited"),
        ("It's always in the end the nurse, or the young-\nest doctor on the shift.", ILSE, "verified"),
        ("It's always in the end the nurse, or the youngest doctor on the shift!", ILSE, "edited"),
        ("It's always in the end the nurse, or the oldest doctor on the shift.", ILSE, "altered"),
        ("It's never in the end the nurse, or the youngest doctor on the shift.", ILSE, "altered"),
        (SAID, DESMOND, "misattributed"),
        (SAID, "Somebody Else", "misattributed"),
        ("It's always in the volcano.", ILSE, "not_found"),
        ("Glaciers sing to the orchard keeper every winter evening.", ILSE, "not_found"),
    ],
)
def test_each_verdict(text: str, speaker: str | None, verdict: str, client: httpx2.Client) -> None:
    result = _check(client, text, speaker)
    assert result["verdict"] == verdict
    assert (result["match"] is None) is (verdict == "not_found")
    assert (result["nearest"] is not None) is (verdict == "not_found")
    if result["match"]:
        assert result["match"]["speaker"]["name"] == ILSE


def test_a_match_is_its_slice_of_the_transcript(client: httpx2.Client) -> None:
    match = _check(client, SAID)["match"]
    transcript = client.get(f"/v1/episodes/{match['episode']['id']}/transcript").json()
    assert transcript["text"][match["char_start"] : match["char_end"]] == match["text"]
    turn = transcript["turns"][match["turn"]]
    assert turn["char_start"] <= match["char_start"] < match["char_end"] <= turn["char_end"]
    assert turn["speaker"] == match["speaker"]["name"]


def test_words_of_a_cold_open_are_found_where_they_belong(client: httpx2.Client) -> None:
    for end in (".", ", they say."):
        words = f"If we trust the machine, let it sign, and if we don't, take it out of the building{end}"
        match = _check(client, words, ILSE)["match"]
        turn = client.get(f"/v1/episodes/{match['episode']['id']}/transcript").json()["turns"][match["turn"]]
        assert turn["kind"] == "content"


def test_a_common_phrase_is_whose_it_is_said_to_be(client: httpx2.Client) -> None:
    """Many say it; whoever is named must not be told that it is another's."""
    said: dict[str, set[str]] = {}
    for row in client.get("/v1/episodes").json()["episodes"]:
        for turn in client.get(f"/v1/episodes/{row['id']}/transcript").json()["turns"]:
            words = re.findall(r"[\w']+", turn["text"].casefold())
            for phrase in {" ".join(words[i : i + 3]) for i in range(len(words) - 2)}:
                if turn["speaker"]:
                    said.setdefault(phrase, set()).add(turn["speaker"])
    common = sorted((phrase, who) for phrase, who in said.items() if len(who) > 2)
    assert len(common) > 20
    quotes = [{"text": phrase, "speaker": name} for phrase, who in common for name in sorted(who)][:200]
    results = client.post("/v1/verify", json={"quotes": quotes}).json()["results"]
    assert {result["verdict"] for result in results} <= {"verified", "edited", "altered"}
    assert {result["match"]["speaker"]["name"] == result["attributed_to"] for result in results} == {True}


def test_the_difference_says_which_words_were_said(client: httpx2.Client) -> None:
    result = _check(client, "It's always in the end the nurse, or the oldest doctor on the shift.")
    changed = [change for change in result["diff"] if change["quoted"] != change["said"]]
    assert changed == [{"quoted": "oldest", "said": "youngest"}]


def _denies(words: list[str], place: int) -> bool:
    """Whether words from a place on would leave out the negation or the hedge in front of them."""
    weighs = (
        r"n['’]t$|^(?:no|not|never|nobody|nothing|none|without|hardly|maybe|perhaps|probably|almost|often|usually)$"
    )
    return place > 0 and re.search(weighs, words[place - 1], re.IGNORECASE) is not None


def test_every_sentence_of_the_samples_is_verified_and_none_is_with_a_word_changed(client: httpx2.Client) -> None:
    chance = random.Random(5)
    true, changed = [], []
    for row in client.get("/v1/episodes").json()["episodes"]:
        for turn in client.get(f"/v1/episodes/{row['id']}/transcript").json()["turns"]:
            words = turn["text"].split()
            if turn["speaker"] and len(words) >= 12:
                first = chance.choice([n for n in range(len(words) - 9) if not _denies(words, n)])
                quoted = words[first : first + 10]
                true.append({"text": " ".join(quoted), "speaker": turn["speaker"]})
                quoted = [*quoted[:4], "marmalade", *quoted[5:]]
                changed.append({"text": " ".join(quoted), "speaker": turn["speaker"]})
    assert len(true) > 100
    for quotes, fair in ((true, {"verified"}), (changed, {"altered", "not_found"})):
        verdicts: Counter[str] = Counter()
        for start in range(0, len(quotes), 100):
            answer = client.post("/v1/verify", json={"quotes": quotes[start : start + 100]}).json()
            verdicts.update(result["verdict"] for result in answer["results"])
            assert answer["summary"] == dict(Counter(result["verdict"] for result in answer["results"]))
        assert set(verdicts) <= fair


def test_a_draft_gives_each_quotation_with_its_place(client: httpx2.Client) -> None:
    draft = f"{ILSE} told us: “{SAID}” Later {DESMOND} said that “the moon pays for all of it in gold coins”."
    results = client.post("/v1/verify", json={"text": draft}).json()["results"]
    assert [(result["verdict"], result["attributed_to"]) for result in results] == [
        ("verified", ILSE),
        ("not_found", DESMOND),
    ]
    assert draft[results[0]["start"] : results[0]["end"]] == f"“{SAID}”"


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({}, "body: give either text or quotes"),
        ({"text": "a", "quotes": []}, "body: give either text or quotes"),
        (
            {"quotes": [{"text": "a b c " * 1500}] * 25},
            "body: quotes have more than 200000 characters together; send them in parts",
        ),
        ({"quotes": [{"text": " "}]}, "quotes.0.text: no word in it"),
        ({"draft": "a"}, "draft: unknown parameter; /docs lists those there are"),
    ],
)
def test_what_is_neither_a_draft_nor_quotations_is_refused(
    body: dict[str, Any], detail: str, client: httpx2.Client
) -> None:
    answer = client.post("/v1/verify", json=body)
    assert (answer.status_code, answer.json()["detail"]) == (422, detail)


def test_too_many_quotations_at_once_are_refused_with_a_remedy(client: httpx2.Client) -> None:
    refused = client.post("/v1/verify", json={"text": "“one two three” " * 501})
    assert refused.status_code == 422
    assert refused.json()["detail"] == "The draft holds 501 quotations; 500 are checked at once. Send it in parts."


def test_a_quotation_of_any_length_is_looked_for(client: httpx2.Client) -> None:
    draft = f"“{'it is what it was and so on ' * 5000}”"
    [result] = client.post("/v1/verify", json={"text": draft}).json()["results"]
    assert result["verdict"] == "not_found"


def test_the_command_prints_verdicts_and_ends_with_1_unless_all_are_fair(
    onrecord: Onrecord, seeds_index: Path, tmp_path: Path
) -> None:
    good, bad = tmp_path / "good.md", tmp_path / "bad.md"
    good.write_text(f"{ILSE}: “{SAID}”\n", encoding="utf-8")
    bad.write_text(f"First line.\n\n“It's always in the end the surgeon,” says {ILSE}.\n", encoding="utf-8")
    done = onrecord("verify", good, "--index", seeds_index)
    assert done.returncode == 0, done.stderr
    assert "verified" in done.stdout
    done = onrecord("verify", bad, "--index", seeds_index)
    assert done.returncode == 1
    assert "line 3  altered" in done.stdout
    assert "[-surgeon-]" in done.stdout
    done = onrecord("verify", bad, "--index", seeds_index, "--json")
    assert json.loads(done.stdout)["summary"] == {"altered": 1}
    done = onrecord("verify", tmp_path / "nowhere.md", "--index", seeds_index)
    assert done.returncode == 1
    assert "nowhere.md: cannot be read" in done.stderr
