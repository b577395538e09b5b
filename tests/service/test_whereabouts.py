"""Ids that were cited, after the transcripts went on: what `/v1/passages/{id}` says, through the real command."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest

from indexer.catalog import CatalogReader
from indexer.generations import current_generation, live_name
from tests.conftest import Onrecord, serving
from tests.indexer.making import LENA, OMAR, markdown, write
from tests.service.synthetic import WORDS

Turn = tuple[str, str]
Answer = Any

IRIS = "Iris Vale"
GOODBYE = "That was all for today, thank you for listening to the show, and see you next week."
HELLO = "Good morning to all of you who listen to this show."
TALKS = (
    *("harbours", "tunnels", "weirs", "canals", "reservoirs", "sluices", "locks", "docks", "mills", "kilns", "forges"),
    *("smithies", "orchards", "vineyards"),
)


def talk(topic: str) -> list[Turn]:
    """An interview whose words are its own; every answer has two sentences and a number."""
    chance = random.Random(topic)

    def some(count: int) -> str:
        return " ".join(chance.sample(WORDS, count))

    turns = []
    for _ in range(5):
        turns += [(LENA, f"What of {some(8)}?"), (OMAR, f"They say {some(6)} nineteen {some(6)}. And yet {some(12)}.")]
    return turns


def changed(turns: Sequence[Turn], old: str, *new: Turn) -> list[Turn]:
    """The turns with others in the place of one."""
    return [turn for one in turns for turn in (new if one[1] == old else (one,))]


@dataclass
class Served:
    """An archive that goes on while it is served. `seen`: what was said of every id that ever was, by generation."""

    talks: Path
    out: Path
    client: httpx2.Client
    onrecord: Onrecord
    names: list[str] = field(default_factory=list)
    ids: list[dict[str, dict[str, str]]] = field(default_factory=list)
    seen: list[dict[str, Answer]] = field(default_factory=list)
    exchanges: list[dict[str, httpx2.Response]] = field(default_factory=list)

    def write(self, name: str, turns: Sequence[Turn]) -> None:
        write(self.talks / f"{name}.md", markdown(*turns))

    def rename(self, name: str, other: str) -> None:
        (self.talks / f"{name}.md").rename(self.talks / f"{other}.md")

    def index(self, *options: str) -> None:
        """Runs the command, waits until what it published is served, and asks for every id that ever was."""
        done = self.onrecord("index", self.talks, "--out", self.out, *options)
        assert done.returncode == 0, done.stderr
        end = time.monotonic() + 60
        while self.client.get("/readyz").json()["index"]["generation"] != live_name(self.out):
            assert time.monotonic() < end
            time.sleep(0.05)
        self.names.append(live_name(self.out))
        self.ids.append(self._live_ids())
        ever = {key for ids in self.ids for episode in ids.values() for key in episode.values()}
        self.seen.append({key: self.get(f"/v1/passages/{key}") for key in ever})
        self.exchanges.append({key: self.client.get(f"/v1/passages/{key}/exchange") for key in ever})
        self._check()

    def get(self, path: str) -> Answer:
        response = self.client.get(path)
        assert response.status_code == 200, response.text
        return response.json()

    def answer(self, generation: int, name: str, text: str) -> Answer:
        """What a later generation said of a passage of the first one."""
        return self.seen[generation][self.ids[0][name][text]]

    def _live_ids(self) -> dict[str, dict[str, str]]:
        """The ids of the passages by their episode and words."""
        catalog = CatalogReader(current_generation(self.out).folder)
        found: dict[str, dict[str, str]] = {row.source.removesuffix(".md"): {} for row in catalog.episodes}
        for stored in catalog.all_passages():
            name = catalog.episodes[stored.episode].source.removesuffix(".md")
            found[name][stored.passage.text] = stored.passage.id
        catalog.close()
        return found

    def _check(self) -> None:
        """What every answer must hold."""
        episodes = [row["id"] for row in self.get("/v1/episodes")["episodes"]]
        transcripts = {episode: self.get(f"/v1/episodes/{episode}/transcript") for episode in episodes}
        live = {key for episode in self.ids[-1].values() for key in episode.values()}
        for key, answer in self.seen[-1].items():
            assert answer["id"] == key
            assert (answer["status"] == "current") == (key in live)
            if answer["status"] == "current":
                text = transcripts[answer["episode"]["id"]]["text"]
                assert text[answer["char_start"] : answer["char_end"]] == answer["text"]
            elif answer["status"] == "gone":
                assert (answer["now"], answer["diff"]) == (None, [])
            else:
                self._check_now(answer, transcripts[answer["now"]["episode"]["id"]], live)

    def _check_now(self, answer: Answer, transcript: Answer, live: set[str]) -> None:
        now, was = answer["now"], answer["was"]
        for stretch in now["stretches"]:
            turn = transcript["turns"][stretch["turn"]]
            assert transcript["text"][stretch["char_start"] : stretch["char_end"]] == stretch["text"] != ""
            assert turn["char_start"] <= stretch["char_start"] < stretch["char_end"] <= turn["char_end"]
            assert turn["speaker"] == now["speaker"]["name"]
            assert stretch["link"] == f"/episodes/{now['episode']['id']}#t{stretch['turn']}"
        words = [word for stretch in now["stretches"] for word in stretch["text"].split()]
        if answer["status"] == "moved":
            assert (words, now["speaker"]["name"]) == (was["text"].split(), was["speaker"]["name"])
            assert answer["diff"] == []
        else:
            assert " ".join(change["was"] for change in answer["diff"]).split() == was["text"].split()
            assert " ".join(change["now"] for change in answer["diff"]).split() == words
        for passage in now["passages"]:
            assert (passage["speaker"], passage["id"] in live) == (now["speaker"], True)


@pytest.fixture(scope="module")
def served(onrecord: Onrecord, offline: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Five generations: as they were, changed, cut otherwise, changed again, and with `--forget`."""
    folder = tmp_path_factory.mktemp("served")
    talks, out = folder / "talks", folder / "index"
    for topic in TALKS:
        write(talks / f"{topic}.md", markdown(*talk(topic)))
    for topic in ("locks", "docks"):
        write(talks / f"{topic}.md", markdown(*talk(topic), (OMAR, "Thanks for having me."), (LENA, GOODBYE)))
    write(talks / "canals.md", markdown((LENA, "Please tell me all about it."), (OMAR, one_long_answer())))
    done = onrecord("index", talks, "--out", out)
    assert done.returncode == 0, done.stderr
    # Several processes would not all follow at the same moment.
    with (
        serving(out, offline, folder / "log.txt", workers=1) as (address, _),
        httpx2.Client(base_url=address, trust_env=False, timeout=60) as client,
    ):
        served = Served(talks, out, client, onrecord)
        served.index()
        _change(served)
        served.index()
        served.write("reservoirs", talk("reservoirs"))
        served.rename("sluices-2", "sluices-3")
        served.index("--max-tokens", "30")
        said = talk("sluices")[7]
        served.write("sluices-3", changed(talk("sluices"), said[1], (OMAR, said[1].replace("nineteen", "ninety"))))
        served.index()
        (talks / "orchards.md").unlink()
        served.rename("vineyards", "vines")
        served.index("--forget")
        yield served


def one_long_answer() -> str:
    return " ".join(text for who, text in talk("canals")[:4] if who == OMAR)


def _change(served: Served) -> None:
    served.write("harbours", [(IRIS, HELLO), *talk("harbours")])
    said = talk("tunnels")[3][1]
    served.write("tunnels", changed(talk("tunnels"), said, (OMAR, said.replace("nineteen", "ninety"))))
    served.rename("weirs", "weirs-and-dams")
    (served.talks / "reservoirs.md").unlink()
    served.rename("sluices", "sluices-2")
    (served.talks / "locks.md").unlink()
    turns = talk("mills")
    stays, other = turns[3][1], turns[7][1]
    turns = changed(turns, stays, (IRIS, stays))
    served.write("mills", changed(turns, other, (IRIS, other.replace("nineteen", "ninety"))))
    one, last = talk("kilns")[1][1].split(". ")
    interrupted = ((OMAR, f"{one}."), (LENA, "Nobody at all?"), (OMAR, last))
    served.write("kilns", changed(talk("kilns"), f"{one}. {last}", *interrupted))
    said = talk("forges")[1][1]
    one, last = said.split(". ")
    parted = f"{one}.\n\n## Gauges\n\n**{OMAR}:** {last}"
    write(served.talks / "forges.md", markdown(*talk("forges")).replace(said, parted))
    double = markdown(*talk("smithies"), title="The Smithies").replace("---\n", "---\ndate: 2024-02-01\n", 1)
    write(served.talks / "smithies-again.md", double)


def test_a_passage_that_stays_is_current_wherever_it_shifts_to(served: Served) -> None:
    for text in served.ids[0]["harbours"]:
        before, now = (served.answer(generation, "harbours", text) for generation in (0, 1))
        assert (now["status"], now["earlier_speakers"], now["text"]) == ("current", [], text)
        assert now["char_start"] == before["char_start"] + len(f"{HELLO}\n\n")


def test_a_corrected_word_is_edited_and_shows_both(served: Served) -> None:
    said = talk("tunnels")[3][1]
    old, answer = (served.answer(generation, "tunnels", said) for generation in (0, 1))
    assert (answer["status"], answer["generation"]) == ("edited", served.names[0])
    told = ("text", "speaker", "episode", "turn", "char_start", "char_end")
    assert {key: answer["was"][key] for key in told} == {key: old[key] for key in told}
    [stretch] = answer["now"]["stretches"]
    assert (stretch["text"], stretch["turn"]) == (said.replace("nineteen", "ninety"), 3)
    assert [c for c in answer["diff"] if c["was"] != c["now"]] == [{"was": "nineteen", "now": "ninety"}]
    [holder] = answer["now"]["passages"]
    assert holder["id"] == served.ids[1]["tunnels"][stretch["text"]]
    others = {served.answer(1, "tunnels", text)["status"] for text in served.ids[0]["tunnels"] if text != said}
    assert others == {"current"}


def test_what_was_said_in_a_renamed_file_is_found_there_with_its_exchange(served: Served) -> None:
    for text, key in served.ids[0]["weirs"].items():
        answer = served.answer(1, "weirs", text)
        assert (answer["status"], answer["now"]["episode"]["source"]) == ("moved", "weirs-and-dams.md")
        [holder] = answer["now"]["passages"]
        assert holder["id"] == served.ids[1]["weirs-and-dams"][text]
        before, now = (served.exchanges[generation][key].json() for generation in (0, 1))
        assert (before["status"], now["status"], now["passage"]) == ("current", "moved", holder["id"])
        assert (now["question"], now["answer"]) == (before["question"], before["answer"])


def test_passages_cut_otherwise_are_moved_to_those_that_hold_their_words(served: Served) -> None:
    answer = served.answer(2, "canals", one_long_answer())
    assert answer["status"] == "moved"
    assert len(answer["now"]["passages"]) > 2
    assert " ".join(passage["text"] for passage in answer["now"]["passages"]) == one_long_answer()
    back = served.answer(3, "canals", one_long_answer())
    assert back["status"] == "current"
    parts = [key for text, key in served.ids[2]["canals"].items() if text in one_long_answer()]
    assert len(parts) > 2
    for part in parts:
        moved = served.seen[3][part]
        assert (moved["status"], [p["id"] for p in moved["now"]["passages"]]) == ("moved", [back["id"]])


def test_what_was_removed_is_gone_with_its_words_and_current_when_it_comes_back(served: Served) -> None:
    for text, key in served.ids[0]["reservoirs"].items():
        before, gone = (served.answer(generation, "reservoirs", text) for generation in (0, 1))
        assert (gone["status"], gone["generation"], gone["was"]["text"]) == ("gone", served.names[0], text)
        assert (gone["was"]["episode"], gone["was"]["speaker"]) == (before["episode"], before["speaker"])
        refused = served.exchanges[1][key]
        assert (refused.status_code, refused.headers["content-type"]) == (410, "application/problem+json")
        assert f"/v1/passages/{key} says what is remembered of them." in refused.json()["detail"]
        assert served.answer(3, "reservoirs", text)["status"] == "current"


def test_an_id_follows_its_words_through_renamed_and_edited_files(served: Served) -> None:
    said = talk("sluices")[7][1]
    key = served.ids[0]["sluices"][said]
    statuses = [served.seen[generation][key]["status"] for generation in range(5)]
    assert statuses == ["current", "moved", "moved", "edited", "gone"]
    sources = [served.seen[generation][key]["now"]["episode"]["source"] for generation in (1, 2, 3)]
    assert sources == ["sluices-2.md", "sluices-3.md", "sluices-3.md"]
    [stretch] = served.seen[3][key]["now"]["stretches"]
    assert stretch["text"] == said.replace("nineteen", "ninety")
    between = served.seen[3][served.ids[1]["sluices-2"][said]]
    assert (between["status"], between["now"]) == ("edited", served.seen[3][key]["now"])


def test_the_same_sentence_in_an_unrelated_episode_is_not_where_a_removed_one_went(served: Served) -> None:
    assert served.answer(1, "docks", GOODBYE)["status"] == "current"
    assert served.answer(1, "locks", GOODBYE)["status"] == "gone"


def test_another_speaker_is_told_whether_the_words_stayed_or_not(served: Served) -> None:
    turns = talk("mills")
    answer = served.answer(1, "mills", turns[3][1])
    assert (answer["status"], answer["speaker"]["name"]) == ("current", IRIS)
    [earlier] = answer["earlier_speakers"]
    assert (earlier["name"], earlier["generation"]) == (OMAR, served.names[0])
    answer = served.answer(1, "mills", turns[7][1])
    speakers = (answer["was"]["speaker"]["name"], answer["now"]["speaker"]["name"])
    assert (answer["status"], speakers) == ("edited", (OMAR, IRIS))


def test_of_words_that_somebody_else_interrupts_now_the_interruption_is_no_part(served: Served) -> None:
    said = talk("kilns")[1][1]
    one, last = said.split(". ")
    answer = served.answer(1, "kilns", said)
    assert answer["status"] == "edited"
    assert [(s["turn"], s["text"]) for s in answer["now"]["stretches"]] == [(1, f"{one}."), (3, last)]


def test_a_heading_within_a_passage_leaves_its_words_verbatim(served: Served) -> None:
    said = talk("forges")[1][1]
    one, last = said.split(". ")
    answer = served.answer(1, "forges", said)
    assert answer["status"] == "moved"
    assert [(s["turn"], s["text"]) for s in answer["now"]["stretches"]] == [(1, f"{one}."), (2, last)]


def test_a_double_answers_with_the_episode_that_is_kept_in_its_stead(served: Served) -> None:
    for text in served.ids[0]["smithies"]:
        answer = served.answer(1, "smithies", text)
        assert (answer["status"], answer["now"]["episode"]["source"]) == ("moved", "smithies-again.md")
        assert [holder["text"] for holder in answer["now"]["passages"]] == [text]


def test_what_is_forgotten_is_gone_without_words_and_what_still_stands_is_found(served: Served) -> None:
    for text in served.ids[0]["orchards"]:
        answer = served.answer(4, "orchards", text)
        assert (answer["status"], answer["was"], answer["generation"]) == ("gone", None, served.names[3])
    for text in served.ids[0]["vineyards"]:
        answer = served.answer(4, "vineyards", text)
        assert (answer["status"], answer["now"]["episode"]["source"]) == ("moved", "vines.md")
        assert answer["was"]["episode"] is None
    folders = [path.name for path in (served.out / "generations").iterdir() if not path.name.startswith(".")]
    assert folders == [served.names[-1]]


@pytest.mark.parametrize("path", ["/v1/passages/0123456789abcdef", "/v1/passages/0123456789abcdef/exchange"])
def test_an_id_that_never_was_is_not_found(path: str, served: Served) -> None:
    response = served.client.get(path)
    assert response.status_code == 404
    assert response.json()["detail"] == "No passage has or had the id '0123456789abcdef'; take one from a search."


def test_the_contract_tells_of_every_status(served: Served) -> None:
    contract = served.get("/openapi.json")
    responses = contract["paths"]["/v1/passages/{passage_id}"]["get"]["responses"]
    answers = responses["200"]["content"]["application/json"]["schema"]["anyOf"]
    assert {answer["$ref"].rpartition("/")[2] for answer in answers} == {"CurrentPassage", "RetiredPassage"}
    schemas = contract["components"]["schemas"]
    assert schemas["CurrentPassage"]["properties"]["status"]["const"] == "current"
    assert schemas["RetiredPassage"]["properties"]["status"]["enum"] == ["moved", "edited", "gone"]
    assert "410" in contract["paths"]["/v1/passages/{passage_id}/exchange"]["get"]["responses"]
