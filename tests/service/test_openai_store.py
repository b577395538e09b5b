"""OpenAI's vector stores, asked by OpenAI's own client over a socket."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import httpx2
import openai
import pytest
from openai.pagination import SyncPage
from openai.types import VectorStoreSearchResponse

from embeddings.fake import FakeEmbedder
from indexer.catalog import CatalogReader
from indexer.generations import current_generation
from service.archive import open_archive
from service.attributes import attributes_of
from service.contracts.openai_store import StoreSearch
from service.http import create_app
from service.live import LiveArchive
from service.places import LocalIndex
from service.ranking import CANDIDATES
from tests.indexer.making import index

ASKED = "who pays when the machine is wrong?"
SEVERAL = [ASKED, "why is nobody building pumped hydro", "who pays when a machine is wrong?"]
Found = SyncPage[VectorStoreSearchResponse]


@pytest.fixture(scope="module")
def openai_client(server: str) -> Iterator[openai.OpenAI]:
    http_client = httpx2.Client(trust_env=False, timeout=60)
    with openai.OpenAI(base_url=f"{server}/v1", api_key="x", max_retries=0, http_client=http_client) as client:
        yield client


@pytest.fixture(scope="module")
def stores(openai_client: openai.OpenAI) -> Callable[..., Found]:
    """The client's search of the archive."""

    def search(store: str = "onrecord", **parameters: Any) -> Found:
        return openai_client.vector_stores.search(store, **{"query": ASKED, **parameters})

    return search


def _passage(result: VectorStoreSearchResponse) -> str:
    assert result.attributes is not None
    return str(result.attributes["passage"])


def _ids(page: Found) -> list[str]:
    return [_passage(result) for result in page.data]


def _walk(stores: Callable[..., Found], **parameters: Any) -> list[VectorStoreSearchResponse]:
    """All results, page by page."""
    results: list[VectorStoreSearchResponse] = []
    token: str | None = None
    while True:
        page = stores(**parameters, extra_body={"next_page": token} if token else None)
        results += page.data
        extra = cast(dict[str, Any], page.model_extra)
        assert extra["has_more"] == (extra["next_page"] is not None)
        if not extra["has_more"]:
            return results
        token = extra["next_page"]


def test_a_result_is_its_slice_of_the_transcript_said_by_whom_it_says(
    stores: Callable[..., Found], client: httpx2.Client
) -> None:
    results = _walk(stores, max_num_results=50)
    assert len(results) > 100
    texts = {
        episode["id"]: client.get(f"/v1/episodes/{episode['id']}/transcript").json()["text"]
        for episode in client.get("/v1/episodes").json()["episodes"]
    }
    for result in results:
        stated = result.attributes
        assert stated is not None
        [content] = result.content
        start, end = int(stated["char_start"]), int(stated["char_end"])
        assert (content.type, content.text) == ("text", texts[result.file_id][start:end])
        assert 0 <= result.score <= 1


def test_attributes_are_what_the_passage_itself_states(stores: Callable[..., Found], client: httpx2.Client) -> None:
    for result in stores(max_num_results=50):
        passage = client.get(f"/v1/passages/{_passage(result)}").json()
        episode = passage["episode"]
        assert (result.file_id, result.filename) == (episode["id"], episode["source"])
        expected = {
            "passage": passage["id"],
            "speaker": passage["speaker"]["name"],
            "role": passage["speaker"]["role"],
            "episode": episode["id"],
            **{name: episode[name] for name in ("title", "show", "date", "language")},
            **{name: passage[name] for name in ("section", "kind", "char_start", "char_end", "start_s", "time")},
            **{name: passage[name] for name in ("link", "deep_link")},
        }
        assert result.attributes == {name: value for name, value in expected.items() if value is not None}
        assert len(expected) == 16


def test_a_page_is_that_of_our_own_search(stores: Callable[..., Found], client: httpx2.Client) -> None:
    page = stores(max_num_results=7)
    hits = client.get("/v1/search", params={"query": ASKED, "limit": 7}).json()["results"]
    assert [(_passage(result), result.score) for result in page] == [(hit["id"], hit["score"]) for hit in hits]
    assert page.object == "vector_store.search_results.page"
    assert page.model_extra == {"search_query": [ASKED], "has_more": True, "next_page": "7"}


def test_ten_results_are_the_default(stores: Callable[..., Found]) -> None:
    assert len(stores().data) == 10


def test_pages_join_up_to_the_whole_ranking(stores: Callable[..., Found], client: httpx2.Client) -> None:
    whole: list[str] = []
    while hits := client.get("/v1/search", params={"query": ASKED, "limit": 100, "offset": len(whole)}).json()[
        "results"
    ]:
        whole += [hit["id"] for hit in hits]
    assert [_passage(result) for result in _walk(stores, max_num_results=50)] == whole
    assert [_passage(result) for result in _walk(stores, max_num_results=33)] == whole


def test_several_queries_are_one_ranking_of_each_passage_by_its_best_score(stores: Callable[..., Found]) -> None:
    together = stores(query=SEVERAL, max_num_results=50)
    best: dict[str, float] = {}
    for query in SEVERAL:
        for result in stores(query=query, max_num_results=50):
            best[_passage(result)] = max(result.score, best.get(_passage(result), 0))
    ids = _ids(together)
    assert cast(dict[str, Any], together.model_extra)["search_query"] == SEVERAL
    assert len(set(ids)) == len(ids) == 50
    assert [result.score for result in together] == sorted((result.score for result in together), reverse=True)
    assert [result.score for result in together] == [best[passage] for passage in ids]
    firsts = {_ids(stores(query=query, max_num_results=1))[0] for query in SEVERAL}
    assert firsts <= set(ids[:4])


def test_pages_of_several_queries_join_up_too(stores: Callable[..., Found]) -> None:
    pages = [_passage(result) for result in _walk(stores, query=SEVERAL, max_num_results=20)]
    assert len(set(pages)) == len(pages) > 100
    assert pages[:50] == _ids(stores(query=SEVERAL, max_num_results=50))


def test_one_query_in_a_list_finds_the_same(stores: Callable[..., Found]) -> None:
    assert _ids(stores(query=[ASKED])) == _ids(stores())


GUEST = {"type": "eq", "key": "role", "value": "guest"}
_FILTERS: list[tuple[dict[str, Any], Callable[[dict[str, Any]], bool]]] = [
    (GUEST, lambda has: has["role"] == "guest"),
    ({"type": "ne", "key": "show", "value": "Second Opinion"}, lambda has: has.get("show") != "Second Opinion"),
    (
        {"type": "in", "key": "speaker", "value": ["Calder Nwosu", "Ilse Brandvold"]},
        lambda has: has["speaker"] in ("Calder Nwosu", "Ilse Brandvold"),
    ),
    ({"type": "nin", "key": "speaker", "value": ["Calder Nwosu"]}, lambda has: has["speaker"] != "Calder Nwosu"),
    ({"type": "gte", "key": "date", "value": "2024-03-12"}, lambda has: has.get("date", "") >= "2024-03-12"),
    ({"type": "gt", "key": "date", "value": 1710201600}, lambda has: has.get("date", "") > "2024-03-12"),
    ({"type": "lt", "key": "start_s", "value": 120}, lambda has: has.get("start_s", 1e9) < 120),
    ({"type": "eq", "key": "kind", "value": "sponsor"}, lambda has: has["kind"] == "sponsor"),
    (
        {
            "type": "or",
            "filters": [
                {"type": "and", "filters": [GUEST, {"type": "eq", "key": "show", "value": "spinning reserve"}]},
                {"type": "eq", "key": "section", "value": "Who writes the cheque"},
            ],
        },
        lambda has: (
            (has["role"] == "guest" and has.get("show") == "Spinning Reserve")
            or has.get("section") == "Who writes the cheque"
        ),
    ),
]


@pytest.fixture(scope="module")
def everything(seeds_index: Path) -> list[tuple[dict[str, Any], str]]:
    """The attributes and the text of every passage, read from the catalog, so that none is missed."""
    catalog = CatalogReader(current_generation(seeds_index).folder)
    passages = [(dict(attributes_of(stored, catalog)), stored.passage.text) for stored in catalog.all_passages()]
    catalog.close()
    return passages


def _share(one: str, other: str) -> float:
    """How much of the longer text's words the other has too."""
    bags = [Counter(text.casefold().split()) for text in (one, other)]
    return (bags[0] & bags[1]).total() / max(bag.total() for bag in bags)


@pytest.mark.parametrize(("wanted", "fits"), _FILTERS, ids=[str(wanted)[:60] for wanted, _ in _FILTERS])
def test_a_filter_finds_what_fits_and_nothing_else(
    wanted: dict[str, Any],
    fits: Callable[[dict[str, Any]], bool],
    everything: list[tuple[dict[str, Any], str]],
    stores: Callable[..., Found],
) -> None:
    kind = "sponsor" if wanted.get("key") == "kind" else "content"
    expected = {has["passage"]: text for has, text in everything if fits(has) and has["kind"] == kind}
    found = {_passage(result): result.content[0].text for result in _walk(stores, max_num_results=50, filters=wanted)}
    assert found.keys() <= expected.keys()
    reached = {
        passage
        for passage, text in expected.items()
        if passage in found or any(_share(text, other) > 0.5 for other in found.values())
    }
    assert len(reached) >= min(len(expected), CANDIDATES) > 0


def test_the_last_page_says_that_it_is(stores: Callable[..., Found]) -> None:
    [first, second] = _ids(stores(max_num_results=2))
    page = stores(filters={"type": "in", "key": "passage", "value": [first, second]}, max_num_results=2)
    assert _ids(page) == [first, second]
    assert page.model_extra == {"search_query": [ASKED], "has_more": False, "next_page": None}
    rest = stores(filters={"type": "nin", "key": "passage", "value": [first, second]}, max_num_results=2)
    assert not {first, second} & set(_ids(rest))


def test_a_filter_that_fits_nothing_finds_nothing(stores: Callable[..., Found]) -> None:
    page = stores(filters={"type": "eq", "key": "speaker", "value": "Nobody At All"})
    assert (page.data, cast(dict[str, Any], page.model_extra)["has_more"]) == ([], False)


def test_scores_below_the_threshold_are_left_out(stores: Callable[..., Found]) -> None:
    scores = [result.score for result in stores(max_num_results=50)]
    threshold = scores[5]
    page = stores(max_num_results=50, ranking_options={"score_threshold": threshold - 1e-4, "ranker": "none"})
    assert [result.score for result in page] == [score for score in scores if score >= threshold - 1e-4]


@pytest.mark.parametrize(
    ("options", "rerank"),
    [({}, True), ({"ranker": "auto"}, True), ({"ranker": "default-2024-11-15"}, True), ({"ranker": "none"}, False)],
)
def test_the_services_reranker_reads_unless_none_is_asked_for(options: dict[str, str], rerank: bool) -> None:
    asked = StoreSearch.model_validate({"query": [ASKED, "why?"], "ranking_options": options})
    assert [search.rerank for search in asked.searches()] == [rerank, rerank]


def test_the_archive_is_the_one_store(openai_client: openai.OpenAI, seeds_index: Path) -> None:
    [store] = list(openai_client.vector_stores.list())
    generation = current_generation(seeds_index)
    assert (store.id, store.object, store.status, store.file_counts.total) == (
        "onrecord",
        "vector_store",
        "completed",
        6,
    )
    assert store.usage_bytes == sum(
        path.stat().st_size
        for path in generation.folder.rglob("*")
        if path.is_file() and path.relative_to(generation.folder).as_posix() in generation.manifest.files
    )
    assert store.metadata == {
        "generation": generation.manifest.id,
        "model": "all-MiniLM-L6-v2-interviews",
        "passages": str(generation.manifest.counts["passages"]),
    }
    assert openai_client.vector_stores.retrieve("onrecord") == store
    assert openai_client.vector_stores.list(after=store.id).data == []


def test_the_live_generation_is_a_store_by_its_own_name(
    stores: Callable[..., Found], openai_client: openai.OpenAI, seeds_index: Path
) -> None:
    generation = current_generation(seeds_index).manifest.id
    assert _ids(stores(generation)) == _ids(stores())
    assert openai_client.vector_stores.retrieve(generation).id == generation


@pytest.mark.parametrize("ask", ["search", "retrieve"])
def test_another_store_is_not_found(ask: str, stores: Callable[..., Found], openai_client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as refused:
        stores("vs_123") if ask == "search" else openai_client.vector_stores.retrieve("vs_123")
    assert "Vector store with id 'vs_123' not found. The archive is 'onrecord'" in refused.value.message


def _nested(depth: int) -> dict[str, Any]:
    wanted: dict[str, Any] = GUEST
    for _ in range(depth):
        wanted = {"type": "and", "filters": [wanted]}
    return wanted


_WRONG: list[tuple[dict[str, Any], str, str | None, str]] = [
    ({"query": ""}, "at least 1 character", "query", "invalid_value"),
    ({"query": []}, "at least 1 item", "query", "invalid_value"),
    ({"query": ["x", 5]}, "valid string", "query[1]", "invalid_value"),
    ({"query": ["x"] * 33}, "at most 32 items", "query", "invalid_value"),
    ({"max_num_results": 0}, "greater than or equal to 1", "max_num_results", "invalid_value"),
    ({"max_num_results": 51}, "less than or equal to 50", "max_num_results", "invalid_value"),
    ({"max_num_results": True}, "not true or false", "max_num_results", "invalid_value"),
    ({"extra_body": {"limit": 5}}, "Unknown parameter: 'limit'.", "limit", "unknown_parameter"),
    ({"extra_body": {"next_page": "-1"}}, "next_page", "next_page", "invalid_value"),
    ({"ranking_options": {"ranker": "mine"}}, "'default-2024-11-15'", "ranking_options.ranker", "invalid_value"),
    (
        {"ranking_options": {"score_threshold": 1.5}},
        "less than or equal to 1",
        "ranking_options.score_threshold",
        "invalid_value",
    ),
    (
        {"filters": {"type": "eq", "key": "mood", "value": "x"}},
        "there is no attribute 'mood'",
        "filters",
        "invalid_value",
    ),
    ({"filters": {"type": "like", "key": "role", "value": "x"}}, "'eq', 'ne'", "filters.type", "invalid_value"),
    ({"filters": {"type": "not", "filters": [GUEST]}}, "'and' or 'or'", "filters.type", "invalid_value"),
    ({"filters": {"type": "eq", "key": "role"}}, "required", "filters.value", "missing_required_parameter"),
    ({"filters": {"type": "eq", "key": "role", "value": None}}, "text, a number", "filters.value", "invalid_value"),
    (
        {"filters": {"type": "in", "key": "role", "value": "guest"}},
        "takes a list of values",
        "filters",
        "invalid_value",
    ),
    ({"filters": {"type": "eq", "key": "role", "value": ["guest"]}}, "takes one value", "filters", "invalid_value"),
    ({"filters": {"type": "or", "filters": []}}, "at least 1 item", "filters.filters", "invalid_value"),
    (
        {"filters": {"type": "or", "filters": [GUEST, {"type": "gt", "key": "start_s", "value": "soon"}]}},
        "start_s is compared with a number, not with 'soon'",
        "filters.filters[1]",
        "invalid_value",
    ),
    ({"filters": _nested(100)}, "More than 100 filters", "filters", "invalid_value"),
    ({"filters": {"type": "or", "filters": [GUEST] * 100}}, "More than 100 filters", "filters", "invalid_value"),
]


@pytest.mark.parametrize(("parameters", "message", "param", "code"), _WRONG, ids=lambda value: str(value)[:50])
def test_what_is_wrong_is_a_bad_request_that_says_what_to_change(
    parameters: dict[str, Any], message: str, param: str, code: str, stores: Callable[..., Found]
) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        stores(**parameters)
    error = cast(dict[str, Any], refused.value.body)
    assert message in error["message"]
    assert (error["param"], error["code"], error["type"]) == (param, code, "invalid_request_error")


def test_as_many_filters_as_are_allowed_are_taken_however_deep(stores: Callable[..., Found]) -> None:
    assert _ids(stores(filters=_nested(99))) == _ids(stores(filters=GUEST))


def test_what_cannot_be_read_at_all_is_an_error_of_the_same_form(server: str, client: httpx2.Client) -> None:
    path = "/v1/vector_stores/onrecord/search"
    json = {"content-type": "application/json"}
    answers = {
        400: client.post(path, content=b'{"query": ' + b'{"filters": [' * 50_000, headers=json),
        404: client.post(f"{path}/more", json={}),
        405: client.put(path, json={}),
        413: client.post(path, content=b" " * 2_000_000, headers=json),
    }
    for status, answer in answers.items():
        assert answer.status_code == status
        assert answer.json()["error"].keys() == {"message", "type", "param", "code"}
        assert answer.json()["error"]["type"] == "invalid_request_error"
    assert client.get("/v1/vector_store").json()["status"] == 404


def test_while_no_index_is_open_the_client_is_told_to_come_back(tmp_path: Path) -> None:
    app = create_app(LiveArchive(LocalIndex(tmp_path), lambda: open_archive(tmp_path)))

    async def ask() -> None:
        http_client = httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://x")
        async with openai.AsyncOpenAI(
            base_url="http://x/v1", api_key="x", max_retries=0, http_client=http_client
        ) as client:
            await client.vector_stores.search("onrecord", query=ASKED)

    with pytest.raises(openai.InternalServerError) as refused:
        asyncio.run(ask())
    assert (refused.value.status_code, refused.value.response.headers["retry-after"]) == (503, "1")
    assert cast(dict[str, Any], refused.value.body)["type"] == "server_error"


def test_the_contracts_example_can_be_sent_as_it_is(client: httpx2.Client) -> None:
    contract = client.get("/openapi.json").json()
    assert {"/v1/vector_stores", "/v1/vector_stores/{vector_store_id}"} <= contract["paths"].keys()
    for example in contract["components"]["schemas"]["StoreSearch"]["examples"]:
        answer = client.post("/v1/vector_stores/onrecord/search", json=example)
        assert (answer.status_code, len(answer.json()["data"])) == (200, 3)


_SRT = "1\n00:00:05,000 --> 00:00:09,000\nLena Ortiz: {words}\n"


def test_attributes_keep_to_the_contracts_limits_and_no_link_is_cut(tmp_path: Path) -> None:
    page = "https://example.org/" + "a" * 600
    episodes = (
        ("long", "The " * 200, f"{page}?t={{s}}", "We read the contract twice, and nobody found the clause in it."),
        ("short", "Short", "https://example.org?t={s}", "My own view is that buyers choose what comes first."),
    )
    for name, title, link, words in episodes:
        (tmp_path / f"{name}.srt").write_text(_SRT.format(words=words), encoding="utf-8")
        meta = f"title: {title}\nurl: https://example.org\nlink_template: {link}\n"
        (tmp_path / f"{name}.meta.yaml").write_text(meta, encoding="utf-8")
    out = tmp_path / "index"
    index([tmp_path / "long.srt", tmp_path / "short.srt"], out)

    async def ask(**parameters: Any) -> dict[str, dict[str, Any]]:
        live = LiveArchive(LocalIndex(out), lambda: open_archive(out, embedder=FakeEmbedder()))
        await live.ready()
        http_client = httpx2.AsyncClient(transport=httpx2.ASGITransport(app=create_app(live)))
        async with openai.AsyncOpenAI(base_url="http://x/v1", api_key="x", http_client=http_client) as client:
            results = await client.vector_stores.search("onrecord", query="the contract", **parameters)
        return {result.filename: cast(dict[str, Any], result.attributes) for result in results.data}

    found = asyncio.run(ask())
    long, short = found["long.srt"], found["short.srt"]
    assert long["title"] == ("The " * 200)[:512]
    assert "deep_link" not in long
    assert long["link"] == f"/episodes/{long['episode']}#t0"
    assert short["deep_link"] == "https://example.org?t=5"
    assert all(len(has) <= 16 for has in found.values())
    assert all(len(str(value)) <= 512 for has in found.values() for value in has.values())
    only = asyncio.run(ask(filters={"type": "eq", "key": "deep_link", "value": "https://example.org?t=5"}))
    assert only == {"short.srt": short}
