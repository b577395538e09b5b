"""`/v1/context`: whole exchanges within a budget, word for word, as each kind of reader expects them."""

from __future__ import annotations

import json
import os
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from embeddings.model_files import DEFAULT_MODEL, locate_model
from embeddings.runtimes import open_embedder
from indexer.generations import current_generation
from service import schemas
from service.archive import Archive, assemble
from service.context_answers import context
from service.context_formats import GAP, PREAMBLE
from service.tokens import ENCODING, token_counter
from tests.conftest import Onrecord
from tests.service.verbatim import Transcript, check_verbatim

ASKED = "who pays when the machine is wrong?"
FORMATS = tuple(schemas.ContextFormat)


@pytest.fixture(scope="module")
def archive(seeds_index: Path) -> Archive:
    return assemble(current_generation(seeds_index), open_embedder(locate_model(DEFAULT_MODEL)))


@pytest.fixture
def with_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """The table of `o200k_base`, which llama-index carries."""
    core = pytest.importorskip("llama_index.core", reason="llama-index-core is missing: pip install -e '.[dev]'")
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(Path(core.__file__).parent / "_static" / "tiktoken_cache"))


@pytest.fixture
def without_table(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))


def _get(client: httpx2.Client, **parameters: Any) -> Any:
    response = client.post("/v1/context", json={"query": ASKED, **parameters})
    assert response.status_code == 200, response.text
    return response.json()


def test_a_prompt_holds_numbered_exchanges_with_their_sources(client: httpx2.Client) -> None:
    found = _get(client, max_tokens=1000)
    assert found["text"].startswith(PREAMBLE)
    assert found["blocks"] is None
    assert len(found["sources"]) >= 3
    for number, source in enumerate(found["sources"], 1):
        assert source["number"] == number
        speaker, episode = source["speaker"], source["episode"]
        heading = f"[{number}] id={source['id']} · {speaker['name']} ({speaker['role']}) · {episode['title']}"
        assert heading in found["text"]


@pytest.mark.parametrize("query", [ASKED, "why is nobody building pumped hydro", "what does an alarm cost?"])
@pytest.mark.parametrize("max_tokens", [150, 600, 4000])
def test_every_text_is_its_slice_of_the_transcript(
    client: httpx2.Client, transcript: Transcript, query: str, max_tokens: int
) -> None:
    found = _get(client, query=query, max_tokens=max_tokens, format="json")
    assert check_verbatim(found, transcript) >= 2
    for block in found["blocks"]:
        for turn in [*block["question"], *block["answer"]]:
            assert turn["text"] in block["text"]


def test_no_answer_goes_without_the_question_that_it_replies_to(client: httpx2.Client) -> None:
    asked = 0
    for max_tokens in (120, 300, 2000):
        for block in _get(client, max_tokens=max_tokens, format="json")["blocks"]:
            replies_to = client.get(f"/v1/passages/{block['id']}/exchange").json()["question"]
            if replies_to is not None:
                asked += 1
                assert [turn["turn"] for turn in block["question"]] == [replies_to["turn"]] * len(block["question"])
                assert replies_to["text"].endswith(block["question"][-1]["text"])
    assert asked >= 3


def test_each_block_holds_what_was_found_and_no_words_stand_there_twice(client: httpx2.Client) -> None:
    blocks = _get(client, max_tokens=6000, format="json")["blocks"]
    stretches = []
    for block in blocks:
        quoted = client.get("/v1/search", params={"query": ASKED, "limit": 100}).json()["results"]
        best = next(hit["quote"] for hit in quoted if hit["id"] == block["id"])
        said = [*block["question"], *block["answer"]]
        assert sum(turn["char_start"] <= best["char_start"] < turn["char_end"] for turn in said) == 1
        stretches += [(block["episode"]["id"], turn["char_start"], turn["char_end"]) for turn in block["answer"]]
    stretches.sort()
    for one, other in pairwise(stretches):
        assert one[0] != other[0] or one[2] <= other[1]
    assert len(blocks) > 5


def test_passages_of_one_exchange_bring_it_once(client: httpx2.Client) -> None:
    sources = _get(client, max_tokens=8000)["sources"]
    several = [source for source in sources if len(source["passages"]) > 1]
    assert several
    ids = [passage for source in sources for passage in source["passages"]]
    assert len(ids) == len(set(ids))


def test_long_answers_are_trimmed_at_sentences_and_say_so(client: httpx2.Client, transcript: Transcript) -> None:
    found = [_get(client, max_tokens=budget, format="json") for budget in (500, 700, 1000, 1500)]
    trimmed = [block for one in found for block in one["blocks"] if block["trimmed"]]
    assert trimmed
    for block in trimmed:
        assert GAP in block["text"]
        for turn in block["answer"]:
            before = transcript(block["episode"]["id"])[: turn["char_start"]]
            assert before.rstrip()[-1:] in ("", *'.!?…"”]') or before.endswith("\n")


def test_with_room_for_everything_nothing_of_an_answer_is_left_out(client: httpx2.Client) -> None:
    episode = _get(client, max_tokens=1000)["sources"][0]["episode"]["id"]
    blocks = _get(client, max_tokens=50_000, format="json", episode=episode)["blocks"]
    assert len(blocks) > 3
    assert not any(block["trimmed"] for block in blocks)
    first = blocks[0]
    whole = client.get(f"/v1/passages/{first['id']}/exchange").json()["answer"]
    said = "".join(turn["text"] for turn in first["answer"])
    assert all(turn["text"] in said for turn in whole if turn["kind"] == "content")


def test_by_time_the_earliest_episode_comes_first_and_undated_ones_last(client: httpx2.Client) -> None:
    sources = _get(client, max_tokens=5000, order="time")["sources"]
    dates = [source["episode"]["date"] or "9999" for source in sources]
    assert dates == sorted(dates)
    assert len(set(dates)) > 2
    by_episode: dict[str, list[int]] = {}
    for source in sources:
        by_episode.setdefault(source["episode"]["id"], []).append(source["turn"])
    assert [source["number"] for source in sources] == list(range(1, len(sources) + 1))


def test_anthropic_blocks_hold_a_sentence_each(client: httpx2.Client, transcript: Transcript) -> None:
    found = _get(client, max_tokens=800, format="anthropic")
    for block, source in zip(found["blocks"], found["sources"], strict=True):
        assert block.keys() == {"type", "source", "title", "content", "citations"}
        assert block["type"] == "search_result"
        assert block["citations"] == {"enabled": True}
        said = transcript(source["episode"]["id"])
        sentences = [entry["text"] for entry in block["content"] if entry["text"] in said]
        labels = [entry["text"] for entry in block["content"] if entry["text"] not in said]
        assert len(sentences) >= 2
        assert all(label == GAP or label.endswith(":") for label in labels)
        assert all(entry["type"] == "text" for entry in block["content"])


def test_openai_blocks_are_a_page_of_search_results(client: httpx2.Client) -> None:
    found = _get(client, max_tokens=800, format="openai")
    page = found["blocks"]
    store = client.post("/v1/vector_stores/onrecord/search", json={"query": ASKED, "max_num_results": 50}).json()
    attributes = {result["attributes"]["passage"]: result["attributes"] for result in store["data"]}
    assert page["object"] == "vector_store.search_results.page"
    assert page["search_query"] == [ASKED]
    assert (page["has_more"], page["next_page"]) == (False, None)
    for entry, source in zip(page["data"], found["sources"], strict=True):
        assert entry.keys() == {"file_id", "filename", "score", "attributes", "content"}
        assert (entry["file_id"], entry["filename"]) == (source["episode"]["id"], source["episode"]["source"])
        assert entry["attributes"] == attributes[source["id"]]
        assert [content["type"] for content in entry["content"]] == ["text"]


def test_dify_blocks_are_records(client: httpx2.Client) -> None:
    found = _get(client, max_tokens=800, format="dify")
    asked = {"knowledge_id": "onrecord", "query": ASKED, "retrieval_setting": {"top_k": 50, "score_threshold": 0.0}}
    records = client.post("/retrieval", json=asked, headers={"Authorization": "Bearer any"}).json()["records"]
    metadata = {record["metadata"]["passage"]: record["metadata"] for record in records}
    for record, source in zip(found["blocks"]["records"], found["sources"], strict=True):
        assert record.keys() == {"content", "score", "title", "metadata"}
        assert record["metadata"] == metadata[source["id"]]
        assert source["speaker"]["name"] in record["title"]


@pytest.mark.parametrize("encoded", [True, False], ids=["o200k_base", "embedding tokenizer"])
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    query=st.sampled_from([ASKED, "alarm fatigue", "why wires?", "quelque chose de très étrange", "the"]),
    max_tokens=st.one_of(st.integers(1, 300), st.integers(300, 20_000)),
    format_=st.sampled_from(FORMATS),
    order=st.sampled_from(tuple(schemas.ContextOrder)),
)
def test_the_budget_is_never_exceeded(
    archive: Archive,
    request: pytest.FixtureRequest,
    encoded: bool,
    query: str,
    max_tokens: int,
    format_: schemas.ContextFormat,
    order: schemas.ContextOrder,
) -> None:
    request.getfixturevalue("with_table" if encoded else "without_table")
    body = schemas.ContextQuery.model_validate(
        {"query": query, "max_tokens": max_tokens, "format": format_, "order": order}
    )
    found = context(body, archive)
    counter = token_counter(archive.embedder)
    assert counter.name == found.tokenizer == (ENCODING if encoded else "all-MiniLM-L6-v2-interviews")
    assert found.tokens <= max_tokens
    if found.text is not None:
        assert counter.count(found.text) == found.tokens
    elif format_ is schemas.ContextFormat.ANTHROPIC:
        assert isinstance(found.blocks, list)
        read = [s for block in found.blocks for s in (block["source"], block["title"], *_texts(block))]
        assert counter.count("\n".join(read)) == found.tokens
    if not found.sources and "Only weak" not in " ".join(found.notes):
        assert any(note.startswith("max_tokens:") for note in found.notes)
        assert max_tokens < 300


def _texts(block: dict[str, Any]) -> list[str]:
    return [entry["text"] for entry in block["content"]]


def test_a_budget_for_more_holds_more(client: httpx2.Client) -> None:
    sizes = [_get(client, max_tokens=n)["tokens"] for n in (200, 800, 3200)]
    assert sizes == sorted(sizes)
    assert sizes[2] > 2400


def test_a_budget_that_holds_nothing_says_so(client: httpx2.Client) -> None:
    found = _get(client, max_tokens=20)
    assert (found["text"], found["tokens"], found["sources"]) == ("", 0, [])
    assert any("give more" in note for note in found["notes"])


def test_a_damaged_table_is_not_used_and_not_removed(
    archive: Archive, with_table: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert token_counter(archive.embedder).name == ENCODING
    name = next(p.name for p in Path(os.environ["TIKTOKEN_CACHE_DIR"]).iterdir() if p.stat().st_size > 3_000_000)
    (tmp_path / name).write_bytes(b"IQ== 0\n")
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))
    assert token_counter(archive.embedder).name == "all-MiniLM-L6-v2-interviews"
    assert (tmp_path / name).read_bytes() == b"IQ== 0\n"


def test_tokens_are_tiktokens_where_its_table_is_at_hand(archive: Archive, with_table: None) -> None:
    import tiktoken

    text = context(schemas.ContextQuery.model_validate({"query": ASKED}), archive).text
    assert text
    assert token_counter(archive.embedder).count(text) == len(tiktoken.get_encoding("o200k_base").encode(text))


@pytest.mark.parametrize(
    ("change", "parameter"),
    [
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": 10**9}, "max_tokens"),
        ({"format": "xml"}, "format"),
        ({"limit": 3}, "limit"),
        ({"query": " "}, "query"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name(client: httpx2.Client, change: dict[str, Any], parameter: str) -> None:
    response = client.post("/v1/context", json={"query": ASKED, **change})
    assert response.status_code == 422
    assert response.json()["errors"][0]["parameter"] == parameter


def test_get_answers_as_post_does(client: httpx2.Client) -> None:
    got = client.get("/v1/context", params={"query": ASKED, "max_tokens": 700, "role": "guest"}).json()
    posted = _get(client, max_tokens=700, role="guest")
    assert got["text"] == posted["text"]
    assert {source["speaker"]["role"] for source in got["sources"]} == {"guest"}


def test_the_command_prints_the_prompt_alone_and_the_count_beside(onrecord: Onrecord, seeds_index: Path) -> None:
    done = onrecord("context", "--index", seeds_index, ASKED, "--max-tokens", "600")
    assert done.returncode == 0
    assert done.stdout.startswith(PREAMBLE)
    assert "600 tokens of all-MiniLM-L6-v2-interviews" in done.stderr
    done = onrecord("context", "--index", seeds_index, ASKED, "--format", "anthropic")
    assert json.loads(done.stdout)[0]["type"] == "search_result"
