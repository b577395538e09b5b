"""The tools for agents, called as agents call them: by the SDK's own client, over both transports and in both eras."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urldefrag, urlsplit

import anyio
import httpx2
import mcp_types
import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from mcp import Client, StdioServerParameters, stdio_client
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS, LATEST_HANDSHAKE_VERSION, LATEST_MODERN_VERSION

from embeddings.model_files import DEFAULT_MODEL, locate_model
from embeddings.runtimes import open_embedder
from service.archive import open_archive
from service.live import LiveArchive
from service.mcp_server import build
from service.mcp_tools import MOST_TOKENS, Links
from service.places import LocalIndex
from service.workers import Workers
from tests.conftest import COMMAND, ROOT, Onrecord, serving
from tests.indexer.making import LENA, OMAR, interview, markdown, write

ASKED = "who pays when the machine is wrong?"
TOOLS = "search fetch search_passages find_quotes get_context verify_quotes get_excerpt".split()
TOOLS += ["list_speakers", "list_episodes"]
BRANDVOLD = "ilse-brandvold-let-it-sign.txt"
NWOSU = "spinning-reserve-closed-road.vtt"


class Agent(NamedTuple):
    """A client that is connected; what it sends waits for its answer."""

    portal: BlockingPortal
    client: Client

    def call(self, tool: str, **arguments: Any) -> mcp_types.CallToolResult:
        result = self.portal.call(self.client.call_tool, tool, arguments)
        assert isinstance(result, mcp_types.CallToolResult)
        return result

    def answer(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """What a call gives that is not refused: the same as text and as structured content."""
        result = self.call(tool, **arguments)
        [content] = result.content
        assert isinstance(content, mcp_types.TextContent)
        assert not result.is_error, content.text
        found = json.loads(content.text)
        assert found == result.structured_content
        return dict(found)

    def refusal(self, tool: str, **arguments: Any) -> str:
        result = self.call(tool, **arguments)
        [content] = result.content
        assert result.is_error
        assert isinstance(content, mcp_types.TextContent)
        assert result.structured_content is None
        return content.text


@asynccontextmanager
async def _over_stdio(index: Path, environment: dict[str, str], log: Path) -> AsyncIterator[Any]:
    command = StdioServerParameters(
        command=str(COMMAND), args=["mcp", "--index", str(index)], env=environment, cwd=str(ROOT)
    )
    with log.open("w", encoding="utf-8") as stderr:
        async with stdio_client(command, errlog=stderr) as streams:
            yield streams
    assert log.read_text(encoding="utf-8") == ""


ERAS = {"auto": LATEST_MODERN_VERSION, "legacy": LATEST_HANDSHAKE_VERSION}


@pytest.fixture(scope="module")
def portal() -> Iterator[BlockingPortal]:
    with start_blocking_portal() as portal:
        yield portal


@pytest.fixture(scope="module", params=[(kind, era) for kind in ("http", "stdio") for era in ERAS], ids="-".join)
def agent(
    request: pytest.FixtureRequest,
    portal: BlockingPortal,
    server: str,
    seeds_index: Path,
    offline: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Agent]:
    """One client for each transport and era of the protocol, over the sample interviews."""
    kind, era = request.param
    log = tmp_path_factory.mktemp("stdio") / "stderr.txt"
    target: Any = f"{server}/mcp" if kind == "http" else _over_stdio(seeds_index, offline, log)
    with portal.wrap_async_context_manager(_client(target, era)) as client:
        assert client.protocol_version == ERAS[era]
        yield Agent(portal, client)


@pytest.fixture(scope="module")
def http_agent(portal: BlockingPortal, server: str) -> Iterator[Agent]:
    with portal.wrap_async_context_manager(_client(f"{server}/mcp", "auto")) as client:
        yield Agent(portal, client)


def _client(target: Any, era: str) -> AbstractAsyncContextManager[Client]:
    return Client(target, mode=era, read_timeout_seconds=120)


def _get(client: httpx2.Client, path: str, **parameters: Any) -> Any:
    response = client.get(path, params=parameters)
    assert response.status_code == 200, response.text
    return response.json()


class Transcripts:
    """What the service says of episodes, to hold the tools' words against."""

    def __init__(self, client: httpx2.Client) -> None:
        self._client = client
        self.episodes = {row["id"]: row for row in _get(client, "/v1/episodes")["episodes"]}
        self._known = {episode: _get(client, f"/v1/episodes/{episode}/transcript") for episode in self.episodes}

    def of(self, source: str) -> dict[str, Any]:
        return next(self._known[key] for key, row in self.episodes.items() if row["source"] == source)

    def text(self, episode: str) -> str:
        return str(self._known[episode]["text"])

    def turn(self, episode: str, number: int) -> dict[str, Any]:
        return dict(self._known[episode]["turns"][number])

    def assert_said(self, episode: str, said: dict[str, Any]) -> None:
        """The words stand where it says, and in a turn of whom it says."""
        assert said["text"].strip() == said["text"] != ""
        assert self.text(episode)[said["char_start"] : said["char_end"]] == said["text"]
        here = [t for t in self._known[episode]["turns"] if t["char_start"] <= said["char_start"] < t["char_end"]]
        assert [turn["speaker"] for turn in here] == [said.get("speaker")]


@pytest.fixture(scope="module")
def transcripts(client: httpx2.Client) -> Transcripts:
    return Transcripts(client)


def test_the_server_says_who_it_is_and_how_to_use_it(agent: Agent) -> None:
    assert agent.client.server_info is not None
    assert (agent.client.server_info.name, agent.client.server_info.title) == ("on-record", "On Record")
    assert agent.client.instructions
    assert all(tool in agent.client.instructions for tool in TOOLS)


def test_every_tool_is_described_and_changes_nothing(agent: Agent) -> None:
    tools = agent.portal.call(agent.client.list_tools).tools
    assert [tool.name for tool in tools] == TOOLS
    for tool in tools:
        assert tool.annotations is not None
        assert (tool.annotations.read_only_hint, tool.annotations.idempotent_hint) == (True, True)
        assert (tool.annotations.destructive_hint, tool.annotations.open_world_hint) == (False, False)
        assert tool.title
        assert len(tool.description or "") > 100
        assert tool.input_schema["additionalProperties"] is False
        assert all(entry.get("description") for entry in tool.input_schema["properties"].values()), tool.name
        assert tool.output_schema is not None
        assert tool.output_schema["type"] == "object"
    parameters = {tool.name: tool.input_schema for tool in tools}
    assert parameters["search"]["required"] == list(parameters["search"]["properties"]) == ["query"]
    assert parameters["fetch"]["required"] == list(parameters["fetch"]["properties"]) == ["id"]
    assert parameters["search_passages"]["$defs"]["Role"]["enum"] == ["host", "guest", "unknown"]


def test_search_answers_in_the_shape_that_chatgpt_asks_for(agent: Agent, client: httpx2.Client) -> None:
    answer = agent.answer("search", query=ASKED)
    hits = _get(client, "/v1/search", query=ASKED, limit=10)["results"]
    assert list(answer) == ["results"]
    assert [result["id"] for result in answer["results"]] == [hit["id"] for hit in hits]
    for result, hit in zip(answer["results"], hits, strict=True):
        assert list(result) == ["id", "title", "url"]
        assert result["title"] == f"{hit['speaker']['name']}: “{hit['quote']['text']}” ({hit['episode']['title']})"
        assert urlsplit(result["url"]).scheme


def test_fetch_reads_every_result_of_search_with_its_question_and_answer(
    agent: Agent, transcripts: Transcripts, client: httpx2.Client
) -> None:
    for result in agent.answer("search", query=ASKED)["results"]:
        fetched = agent.answer("fetch", id=result["id"])
        passage = _get(client, f"/v1/passages/{result['id']}")
        exchange = _get(client, f"/v1/passages/{result['id']}/exchange")
        assert list(fetched) == ["id", "title", "text", "url", "metadata"]
        assert (fetched["id"], fetched["url"]) == (result["id"], result["url"])
        about = fetched["metadata"]
        assert about["passage"] == passage["text"]
        assert about["speaker"] == passage["speaker"]["name"]
        transcripts.assert_said(about["episode_id"], {**about, "text": about["passage"]})
        turns = [turn for turn in (exchange["question"], *exchange["answer"]) if turn]
        assert fetched["text"] == "\n\n".join(f"{turn['speaker']}: {turn['text']}" for turn in turns)
        assert passage["episode"]["title"] in about["cite"]


def test_links_over_http_open_the_reader_where_the_words_are(http_agent: Agent, client: httpx2.Client) -> None:
    for result in http_agent.answer("search", query=ASKED)["results"]:
        page, anchor = urldefrag(result["url"])
        assert page.startswith(str(client.base_url))
        opened = client.get(page)
        assert opened.status_code == 200
        assert f'id="{anchor}"' in opened.text


_SEARCHES: list[dict[str, Any]] = [
    {"query": ASKED, "role": "guest", "limit": 5},
    {"query": "storage", "speaker": "calder nwosu", "offset": 2, "limit": 3},
    {"query": "alarms", "kind": ["teaser", "content"], "show": "Second Opinion", "context": 2, "limit": 3},
    {"query": "why wires?", "group_by": "speaker", "date_from": "2024-01-01", "mode": "dense", "limit": 4},
]


@pytest.mark.parametrize("parameters", _SEARCHES, ids=lambda parameters: str(parameters["query"]))
def test_search_passages_finds_what_the_search_over_http_finds_word_for_word(
    parameters: dict[str, Any], agent: Agent, client: httpx2.Client, transcripts: Transcripts
) -> None:
    answer = agent.answer("search_passages", **parameters)
    expected = _get(client, "/v1/search", **parameters)
    assert [found["id"] for found in answer["results"]] == [hit["id"] for hit in expected["results"]] != []
    assert (answer["total"], answer.get("experts_total")) == (expected["total"], expected["experts_total"])
    assert answer["next_offset"] == parameters.get("offset", 0) + len(answer["results"])
    for found, hit in zip(answer["results"], expected["results"], strict=True):
        transcripts.assert_said(found["episode"], found)
        transcripts.assert_said(found["episode"], {**found["quote"], "speaker": found["speaker"]})
        assert (found["text"], found["speaker"]) == (hit["text"], hit["speaker"]["name"])
        assert found["quote"] == hit["quote"]
        for side in ("before", "after"):
            assert [beside["text"] for beside in found.get(side, [])] == [beside["text"] for beside in hit[side]]
            for beside in found.get(side, []):
                transcripts.assert_said(found["episode"], beside)
        if hit["question"]:
            asked = transcripts.turn(found["episode"], found["question"]["turn"])
            assert asked["text"].endswith(found["question"]["text"])
            assert asked["speaker"] == found["question"]["speaker"] != found["speaker"]
        assert found["cite"].startswith(f"{found['speaker']}, “{hit['episode']['title']}”")


def test_filters_that_leave_nothing_are_told_of(http_agent: Agent) -> None:
    answer = http_agent.answer("search_passages", query="storage", speaker="Calder Nwosu", role="host")
    assert (answer["results"], answer["total"]) == ([], 0)
    assert answer["notes"] == ["No passage fits the filters and phrases."]


def test_pages_of_search_passages_join_up(http_agent: Agent) -> None:
    whole = http_agent.answer("search_passages", query=ASKED, limit=9)["results"]
    pages: list[dict[str, Any]] = []
    offset = 0
    while len(pages) < 9:
        page = http_agent.answer("search_passages", query=ASKED, limit=3, offset=offset)
        pages += page["results"]
        offset = page["next_offset"]
    assert [one["id"] for one in pages] == [one["id"] for one in whole]


def test_what_models_send_for_nothing_and_for_lists_is_understood(http_agent: Agent) -> None:
    plain = http_agent.answer("search_passages", query="storage", kind=["content"], limit=3)
    sent = http_agent.answer(
        "search_passages", query="storage", kind='["content"]', limit="3", speaker=None, offset=None
    )
    assert sent["results"] == plain["results"]


@pytest.mark.parametrize(
    "parameters",
    [
        {"query": ASKED, "role": "guest", "limit": 5, "style": "chicago"},
        {"query": "storage", "diverse": "speaker", "limit": 4, "style": "csl-json"},
    ],
    ids=lambda parameters: str(parameters["style"]),
)
def test_quotes_are_those_over_http_word_for_word(
    parameters: dict[str, Any], agent: Agent, client: httpx2.Client, transcripts: Transcripts
) -> None:
    answer = agent.answer("find_quotes", **parameters)
    expected = _get(client, "/v1/quotes", **parameters)["results"]
    assert len(answer["results"]) == len(expected) == parameters["limit"]
    for found, quote in zip(answer["results"], expected, strict=True):
        transcripts.assert_said(found["episode"], found)
        for key in ("text", "turn", "char_start", "char_end", "passage", "citation", "score"):
            assert found[key] == quote[key]
        for side in ("before", "after"):
            assert found.get(side) == (quote[side] and quote[side]["text"])
        assert agent.answer("fetch", id=found["passage"])["metadata"]["speaker"] == found["speaker"]


@pytest.mark.parametrize("max_tokens", [400, 2000])
def test_a_context_is_the_one_over_http_with_links_to_its_sources(
    max_tokens: int, agent: Agent, client: httpx2.Client, transcripts: Transcripts
) -> None:
    answer = agent.answer("get_context", query=ASKED, max_tokens=max_tokens, role="guest")
    expected = _get(client, "/v1/context", query=ASKED, max_tokens=max_tokens, role="guest")
    assert answer["text"] == expected["text"]
    assert answer["tokens"] == expected["tokens"] <= max_tokens
    assert [source["id"] for source in answer["sources"]] == [source["id"] for source in expected["sources"]] != []
    for source in answer["sources"]:
        assert f"[{source['number']}]" in answer["text"]
        said = transcripts.text(source["episode"])[source["char_start"] : source["char_end"]]
        transcripts.assert_said(source["episode"], {**source, "text": said})
        assert urlsplit(source["url"]).scheme


def test_quotations_get_the_verdicts_that_they_get_over_http(
    agent: Agent, client: httpx2.Client, transcripts: Transcripts
) -> None:
    quotes = [
        {"text": "It's always in the end the nurse.", "speaker": "Ilse Brandvold"},
        {"text": "It's always in the end the nurse.", "speaker": "Calder Nwosu"},
        {"text": "We rewound two of the units in 2018", "speaker": "Calder Nwosu"},
        {"text": "The moon landing was filmed by dolphins in a hurry."},
    ]
    answer = agent.answer("verify_quotes", quotes=quotes)
    expected = client.post("/v1/verify", json={"quotes": quotes}).json()
    verdicts = [one["verdict"] for one in answer["results"]]
    assert verdicts == ["verified", "misattributed", "altered", "not_found"]
    assert verdicts == [one["verdict"] for one in expected["results"]]
    assert answer["summary"] == expected["summary"]
    for one in answer["results"][:3]:
        transcripts.assert_said(one["said"]["episode"], one["said"])
    assert {"quoted": "2018", "said": "2016"} in answer["results"][2]["diff"]
    transcripts.assert_said(answer["results"][3]["nearest"]["episode"], answer["results"][3]["nearest"])


def test_the_quotations_of_a_draft_are_found_and_come_in_pages(agent: Agent) -> None:
    draft = 'Ilse Brandvold said "It\'s always in the end the nurse."\n\nCalder Nwosu said "I\'d build three of them."'
    answer = agent.answer("verify_quotes", text=draft)
    assert [one["attributed_to"] for one in answer["results"]] == ["Ilse Brandvold", "Calder Nwosu"]
    rest = agent.answer("verify_quotes", text=draft, offset=1)
    assert (rest["results"], rest["total"]) == (answer["results"][1:], 2)


@pytest.mark.parametrize("at", ["t25", "#t25", "T25", "c6500", "7:52", "0:07:52", "472", 472, 472.5], ids=str)
def test_an_excerpt_is_read_at_a_turn_a_character_or_a_time(
    at: str | float, http_agent: Agent, transcripts: Transcripts
) -> None:
    answer = http_agent.answer("get_excerpt", episode=NWOSU, at=at, before=1, after=2)
    turns = transcripts.of(NWOSU)["turns"]
    assert [turn["turn"] for turn in answer["turns"]] == [24, 25, 26, 27]
    for found in answer["turns"]:
        said = turns[found["turn"]]
        assert {key: said[key] for key in ("text", "speaker", "char_start", "char_end", "kind")} == {
            key: found[key] for key in ("text", "speaker", "char_start", "char_end", "kind")
        }
        assert found["whole"]
    assert (answer["earlier"], answer["later"]) == ("t23", "t28")
    assert [turn["time"] for turn in answer["turns"]][:2] == ["7:47", "7:48"]


@pytest.mark.parametrize("source", [BRANDVOLD, NWOSU])
def test_excerpts_read_on_to_the_end_give_the_whole_transcript(
    source: str, agent: Agent, transcripts: Transcripts
) -> None:
    at: str | None = "t0"
    turns: list[dict[str, Any]] = []
    while at:
        answer = agent.answer("get_excerpt", episode=source, at=at, before=0, after=9)
        turns += answer["turns"]
        at = answer.get("later")
    assert "\n\n".join(turn["text"] for turn in turns) == transcripts.of(source)["text"]


def test_an_episode_is_meant_by_its_id_its_source_or_its_title(http_agent: Agent, transcripts: Transcripts) -> None:
    for key, row in transcripts.episodes.items():
        found = {
            http_agent.answer("get_excerpt", episode=name, at="t0", after=0)["episode"]["id"]
            for name in (key, row["source"], row["title"].upper())
        }
        assert found == {key}


def test_fetch_reads_an_episode(agent: Agent, transcripts: Transcripts) -> None:
    turns = transcripts.of(BRANDVOLD)["turns"]
    fetched = agent.answer("fetch", id=transcripts.of(BRANDVOLD)["id"])
    assert fetched["text"] == "\n\n".join(f"{turn['speaker']}: {turn['text']}" for turn in turns)
    assert "next_id" not in fetched["metadata"]


def test_the_lists_hold_who_and_what_there_is(agent: Agent, client: httpx2.Client, transcripts: Transcripts) -> None:
    speakers = agent.answer("list_speakers")
    expected = _get(client, "/v1/speakers")
    for speaker, known in zip(speakers["speakers"], expected["speakers"], strict=True):
        assert {"aliases": [], **speaker} == known
    episodes = agent.answer("list_episodes")
    assert [episode["id"] for episode in episodes["episodes"]] == list(transcripts.episodes)
    assert agent.answer("list_speakers", matching="NWOSU")["speakers"][0]["name"] == "Calder Nwosu"
    [found] = agent.answer("list_episodes", matching="reserve 2024-03-12 calder")["episodes"]
    assert (found["source"], found["speakers"][1]) == (NWOSU, "Calder Nwosu (guest)")
    page = agent.answer("list_episodes", limit=2, offset=1)
    assert (page["episodes"], page["next_offset"]) == (episodes["episodes"][1:3], 3)
    assert agent.answer("list_speakers", matching="Calder Nwoso") == {
        "speakers": [],
        "total": 0,
        "notes": ["Nobody's name has 'Calder Nwoso' in it; near to it: Calder Nwosu."],
    }


_NOT_IN_ARCHIVE = "is not in this archive"


@pytest.mark.parametrize(
    ("tool", "arguments", "mention"),
    [
        ("search", {}, "query: is required"),
        ("search", {"query": " \n"}, "query: no word in it"),
        ("search", {"query": "x" * 10_001}, "query: String should have at most 10000 characters"),
        ("search", {"query": "x", "limit": 3}, "limit: unknown; search takes query"),
        ("search_passages", {"query": "x", "limit": 51}, "limit: Input should be less than or equal to 50"),
        ("search_passages", {"query": "x", "limit": True}, "limit: Input should be a number, not true or false"),
        ("search_passages", {"query": "x", "role": "boss"}, "role: Input should be 'host', 'guest' or 'unknown'"),
        ("search_passages", {"query": "x", "date_from": "soon"}, "date_from: Input should be a valid date"),
        ("search_passages", {"query": "x", "speaker": "Calder Nwoso"}, f"{_NOT_IN_ARCHIVE}; near to it: Calder Nwosu."),
        (
            "search_passages",
            {"query": "x", "show": "Second Opinions"},
            f"{_NOT_IN_ARCHIVE}; near to it: Second Opinion",
        ),
        ("search_passages", {"query": "x", "episode": "zzz"}, f"episode: 'zzz' {_NOT_IN_ARCHIVE}."),
        ("find_quotes", {"query": "x", "speaker": "Calder Nwoso"}, f"{_NOT_IN_ARCHIVE}; near to it: Calder Nwosu."),
        ("find_quotes", {"query": "x", "style": "vancouver"}, "style: Input should be 'markdown', 'chicago', 'apa'"),
        ("get_context", {"query": "x", "show": "Second Opinions"}, f"{_NOT_IN_ARCHIVE}; near to it: Second Opinion"),
        ("get_context", {"query": "x", "max_tokens": 6001}, "max_tokens: Input should be less than or equal to 6000"),
        ("get_context", {"query": "x", "format": "json"}, "format: unknown; get_context takes"),
        ("fetch", {"id": "nothing"}, "no passage or episode has the id 'nothing'. Take one from search"),
        ("fetch", {"id": "nothing@5"}, "no passage or episode has the id 'nothing@5'"),
        ("verify_quotes", {}, "give either text or quotes"),
        ("verify_quotes", {"text": "No quotations."}, "There is nothing to check"),
        ("verify_quotes", {"quotes": [{"text": "a b c"}] * 501}, "quotes: List should have at most 500 items"),
        ("verify_quotes", {"text": '"It is the nurse." ' * 501}, "it holds 501 quotations; 500 are checked at once"),
        ("verify_quotes", {"quotes": [{"text": "a b c"}], "offset": 1}, "offset: there are 1 quotations"),
        ("verify_quotes", {"quotes": [{"words": "a b c"}]}, "quotes.0.text: is required"),
        ("get_excerpt", {"episode": NWOSU}, "at: is required"),
        ("get_excerpt", {"episode": "The Peak is Choice", "at": "t1"}, "near to it: The Peak Is a Choice"),
        ("get_excerpt", {"episode": NWOSU, "at": "the end"}, "at: 'the end' is no place. Give a time (12:31"),
        ("get_excerpt", {"episode": NWOSU, "at": "t999"}, "at: the episode has the turns t0 to t"),
        ("get_excerpt", {"episode": NWOSU, "at": "c999999"}, "at: the episode has the characters c0 to c"),
        ("get_excerpt", {"episode": NWOSU, "at": "59:59"}, "Its times go from 0:01 to 15:56"),
        ("get_excerpt", {"episode": NWOSU, "at": -5}, "at: '-5.0' is no place"),
        ("get_excerpt", {"episode": BRANDVOLD, "at": "1:00"}, "It has none; a turn (t25) or a character"),
        ("get_excerpt", {"episode": NWOSU, "at": "t1", "before": 21}, "before: Input should be less than or equal"),
        ("list_episodes", {"limit": 0}, "limit: Input should be greater than or equal to 1"),
        ("nothing", {}, "There is no tool 'nothing'; there are search, fetch,"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_wrong_call_is_an_error_that_says_what_to_change(
    tool: str, arguments: dict[str, Any], mention: str, http_agent: Agent
) -> None:
    text = http_agent.refusal(tool, **arguments)
    assert mention in text
    assert len(text) < 600
    assert not any(sign in text for sign in ("Traceback", "pydantic", "Error executing"))


def test_errors_come_over_both_transports_and_in_both_eras(agent: Agent) -> None:
    assert agent.refusal("search", query="") == "query: String should have at least 1 character"
    assert _NOT_IN_ARCHIVE in agent.refusal("search_passages", query="x", speaker="Nobody Here")
    assert agent.answer("search", query=ASKED)["results"]


def test_a_call_before_the_archive_is_open_says_to_ask_again(seeds_index: Path) -> None:
    async def ask() -> mcp_types.CallToolResult:
        live = LiveArchive(LocalIndex(seeds_index), lambda: open_archive(seeds_index))
        async with Client(build(Workers(live), lambda _: Links(None))) as client:
            return await client.call_tool("search", {"query": ASKED})

    result = anyio.run(ask)
    [content] = result.content
    assert isinstance(content, mcp_types.TextContent)
    assert (result.is_error, content.text) == (True, "The archive is being opened. Ask again in a moment.")


def _request(method: str, **parameters: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 7, "method": method, "params": parameters}


CALL = _request("tools/call", name="search", arguments={"query": ASKED})
HEADERS = {"accept": "application/json, text/event-stream"}


@pytest.mark.parametrize("revision", HANDSHAKE_PROTOCOL_VERSIONS)
def test_older_revisions_are_spoken_without_a_session(revision: str, client: httpx2.Client) -> None:
    about = {"protocolVersion": revision, "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
    greeted = client.post("/mcp", json=_request("initialize", **about), headers=HEADERS)
    assert greeted.status_code == 200
    assert "mcp-session-id" not in greeted.headers
    assert greeted.json()["result"]["protocolVersion"] == revision
    spoken = {**HEADERS, "mcp-protocol-version": revision}
    ready = client.post("/mcp", json={"jsonrpc": "2.0", "method": "notifications/initialized"}, headers=spoken)
    assert ready.status_code == 202
    for headers in (spoken, HEADERS):
        answer = client.post("/mcp", json=CALL, headers=headers).json()
        assert answer["id"] == 7
        assert json.loads(answer["result"]["content"][0]["text"])["results"]


def test_the_newest_revision_needs_no_greeting(client: httpx2.Client) -> None:
    about = {
        "io.modelcontextprotocol/protocolVersion": LATEST_MODERN_VERSION,
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    asked = _request("tools/call", name="search", arguments={"query": ASKED}, _meta=about)
    headers = {
        **HEADERS,
        "mcp-protocol-version": LATEST_MODERN_VERSION,
        "mcp-method": "tools/call",
        "mcp-name": "search",
    }
    answer = client.post("/mcp", json=asked, headers=headers)
    assert json.loads(answer.json()["result"]["content"][0]["text"])["results"]


def test_a_revision_that_is_not_spoken_is_refused_with_those_that_are(client: httpx2.Client) -> None:
    about = {
        "io.modelcontextprotocol/protocolVersion": "2031-01-01",
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    headers = {**HEADERS, "mcp-protocol-version": "2031-01-01", "mcp-method": "tools/list"}
    answer = client.post("/mcp", json=_request("tools/list", _meta=about), headers=headers)
    assert answer.status_code == 400
    assert "2031-01-01" in json.dumps(answer.json())
    assert LATEST_MODERN_VERSION in json.dumps(answer.json())


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT"])
def test_there_are_no_streams_and_no_sessions_to_end(method: str, client: httpx2.Client) -> None:
    answer = client.request(method, "/mcp", headers=HEADERS)
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_call_that_is_too_large_is_refused(client: httpx2.Client) -> None:
    asked = _request("tools/call", name="search", arguments={"query": "a" * 1_100_000})
    assert client.post("/mcp", json=asked, headers=HEADERS).status_code == 413
    assert client.post("/mcp", content=b"{", headers={**HEADERS, "content-type": "application/json"}).status_code == 400


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://127.0.0.1.evil.example"}, 403),
        ({"host": "evil.example"}, 421),
        ({"host": "127.0.0.1.evil.example:8000", "origin": "http://127.0.0.1.evil.example:8000"}, 421),
        ({"host": "[::1"}, 421),
        ({"origin": "http://localhost:6274"}, 200),
        ({"host": "localhost:8000", "origin": "http://localhost:8000"}, 200),
        ({"host": "[::1]:8000"}, 200),
        ({"host": "archive:8000", "origin": "http://archive:8000"}, 200),
        ({"host": "192.168.1.20"}, 200),
    ],
    ids=str,
)
def test_a_strangers_page_may_not_ask(headers: dict[str, str], status: int, client: httpx2.Client) -> None:
    answer = client.post("/mcp", json=CALL, headers={**HEADERS, **headers})
    assert answer.status_code == status
    assert ("result" in answer.json()) == (status == 200)


def test_links_lead_to_where_the_service_was_asked(client: httpx2.Client) -> None:
    headers = {**HEADERS, "host": "localhost:1234", "x-forwarded-proto": "https"}
    answer = client.post("/mcp", json=CALL, headers=headers).json()
    for result in json.loads(answer["result"]["content"][0]["text"])["results"]:
        assert result["url"].startswith("https://localhost:1234/episodes/")


def test_behind_a_proxy_the_service_is_known_by_its_public_url(
    seeds_index: Path, offline: dict[str, str], tmp_path: Path
) -> None:
    public = {**offline, "ONRECORD_PUBLIC_URL": "https://interviews.example.org/archive/"}
    with (
        serving(seeds_index, public, tmp_path / "log.txt", workers=1) as (address, _),
        httpx2.Client(base_url=address, trust_env=False, timeout=60) as client,
    ):
        for headers in (
            {"host": "interviews.example.org", "origin": "https://interviews.example.org"},
            {"host": "127.0.0.1:9000"},
        ):
            answer = client.post("/mcp", json=CALL, headers={**HEADERS, **headers}).json()
            for result in json.loads(answer["result"]["content"][0]["text"])["results"]:
                assert result["url"].startswith("https://interviews.example.org/archive/episodes/")
        other = {"host": "other.example.org"}
        assert client.post("/mcp", json=CALL, headers={**HEADERS, **other}).status_code == 421


@pytest.mark.parametrize("url", ["interviews.example.org", "ftp://x.org", "https://", "https://x.org/?a=b", "http://["])
def test_a_public_url_that_is_none_is_refused(url: str, onrecord: Onrecord) -> None:
    done = onrecord("serve", "--public-url", url)
    assert done.returncode == 2
    assert "give the whole address, as https://interviews.example.org" in " ".join(done.stderr.split())


@pytest.mark.parametrize("era", ERAS)
def test_many_agents_at_once_are_all_answered_by_whichever_process(era: str, server: str) -> None:
    async def one(number: int, found: list[Any]) -> None:
        async with Client(f"{server}/mcp", mode=era, read_timeout_seconds=120) as client:
            for query in (ASKED, f"why wires, number {number}?"):
                result = await client.call_tool("search", {"query": query})
                assert not result.is_error, result.content
                found.append((query, result.structured_content))

    async def all_of_them() -> list[Any]:
        found: list[Any] = []
        async with anyio.create_task_group() as group:
            for number in range(16):
                group.start_soon(one, number, found)
        return found

    found = anyio.run(all_of_them)
    assert len(found) == 32
    assert len({json.dumps(answer) for query, answer in found if query == ASKED}) == 1


def test_a_new_generation_is_read_without_a_restart(
    onrecord: Onrecord, offline: dict[str, str], tmp_path: Path
) -> None:
    talks, index = tmp_path / "talks", tmp_path / "index"
    write(talks / "harbours.md", interview("harbours"))
    assert onrecord("index", talks, "--out", index).returncode == 0

    async def count(client: Client) -> int:
        result = await client.call_tool("list_episodes", {})
        assert result.structured_content is not None
        return int(result.structured_content["total"])

    async def follow(target: Any) -> None:
        async with Client(target, read_timeout_seconds=120) as client:
            before = await count(client)
            write(talks / f"tunnels-{before}.md", interview(f"tunnels-{before}"))
            assert (await anyio.to_thread.run_sync(onrecord, "index", talks, "--out", index)).returncode == 0
            with anyio.fail_after(60):
                while await count(client) != before + 1:
                    await anyio.sleep(0.05)

    with serving(index, offline, tmp_path / "log.txt", workers=1) as (address, _):
        anyio.run(follow, f"{address}/mcp")
    anyio.run(follow, _over_stdio(index, offline, tmp_path / "stderr.txt"))


def _words(number: int) -> str:
    return f"In year {number} we measured the harbour, and it was never {number % 97} metres as the plan had said."


_GUESTS = [f"Guest Number{number:03}" for number in range(400)]


@pytest.fixture(scope="module")
def huge(
    onrecord: Onrecord, offline: dict[str, str], portal: BlockingPortal, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Agent, httpx2.Client]]:
    """Interviews that fit into no answer: an endless turn, one without a full stop, and four hundred guests."""
    talks, index = (tmp_path_factory.mktemp("huge") / name for name in ("talks", "index"))
    endless = " ".join(_words(number) for number in range(1200))
    breathless = " and then ".join(f"the quay of {number} was dredged" for number in range(1500))
    write(
        talks / "endless.md",
        markdown(
            (LENA, "How was it, all in all, and what became of it over all those many years that you measured it?"),
            (OMAR, endless),
            (LENA, "And then? " + " ".join(f"What about quay {number}?" for number in range(600))),
            (OMAR, breathless),
            title="The Endless Interview",
        ).replace("---\n\n", f"speakers: [{{name: {LENA}, role: host}}, {{name: {OMAR}, role: guest}}]\n---\n\n", 1),
    )
    turns = [(name, f"{name.split()[-1]} speaks only once, of pier {name[-3:]} here.") for name in _GUESTS]
    write(talks / "many.md", markdown(*turns, title="Many Guests"))
    for number in range(60):
        write(talks / f"short-{number}.md", interview(f"topic{number}" * 12))
    done = onrecord("index", talks, "--out", index)
    assert done.returncode == 0, done.stderr
    with (
        serving(index, offline, talks.parent / "log.txt", workers=1) as (address, _),
        httpx2.Client(base_url=address, trust_env=False, timeout=60) as client,
        portal.wrap_async_context_manager(_client(f"{address}/mcp", "auto")) as connected,
    ):
        yield Agent(portal, connected), client


@pytest.fixture(scope="module")
def count_tokens() -> Callable[[str], int]:
    embedder = open_embedder(locate_model(DEFAULT_MODEL))
    return lambda text: embedder.count_tokens([text])[0]


def test_no_answer_is_longer_than_a_host_shows(
    huge: tuple[Agent, httpx2.Client], count_tokens: Callable[[str], int]
) -> None:
    agent, _ = huge
    quoted = " ".join(_words(number) for number in range(0, 110))
    calls: list[tuple[str, dict[str, Any]]] = [
        ("search", {"query": "the harbour that was measured"}),
        ("search_passages", {"query": "the harbour that was measured", "limit": 50}),
        ("search_passages", {"query": "the harbour that was measured", "limit": 50, "context": 5}),
        ("search_passages", {"query": "which quay was dredged", "limit": 50, "context": 5, "speaker": OMAR}),
        ("find_quotes", {"query": "the harbour that was measured", "limit": 50}),
        ("get_context", {"query": "the harbour that was measured", "max_tokens": 6000}),
        ("fetch", {"id": agent.answer("search", query="which quay was dredged?")["results"][0]["id"]}),
        ("fetch", {"id": agent.answer("list_episodes", matching="endless")["episodes"][0]["id"]}),
        ("get_excerpt", {"episode": "endless.md", "at": "t1", "before": 20, "after": 20}),
        ("get_excerpt", {"episode": "endless.md", "at": "t3", "before": 20, "after": 20}),
        ("get_excerpt", {"episode": "many.md", "at": "t200", "before": 20, "after": 20}),
        ("verify_quotes", {"quotes": [{"text": quoted[:9_900], "speaker": OMAR}] * 3}),
        ("verify_quotes", {"quotes": [{"text": quoted[:9_900].replace("plan", "map"), "speaker": LENA}] * 3}),
        ("verify_quotes", {"quotes": [{"text": _words(number)} for number in range(500)]}),
        ("list_speakers", {"limit": 200}),
        ("list_episodes", {"limit": 200}),
    ]
    sizes = {}
    for tool, arguments in calls:
        result = agent.call(tool, **arguments)
        assert not result.is_error, result.content
        sizes[tool, str(arguments)[:80]] = count_tokens(result.model_dump_json(by_alias=True, exclude_none=True))
    assert max(sizes.values()) < MOST_TOKENS, sizes
    assert sum(size > MOST_TOKENS / 2 for size in sizes.values()) >= 6, sizes


def test_an_endless_episode_is_fetched_in_parts_that_make_it_up(huge: tuple[Agent, httpx2.Client]) -> None:
    agent, client = huge
    [episode] = agent.answer("list_episodes", matching="endless")["episodes"]
    transcript = _get(client, f"/v1/episodes/{episode['id']}/transcript")
    parts, key = [], episode["id"]
    while key:
        fetched = agent.answer("fetch", id=key)
        about = fetched["metadata"]
        said = transcript["text"][about["char_start"] : about["char_end"]]
        assert "".join(fetched["text"].split()).endswith("".join(said.rpartition("\n\n")[2].split()))
        assert f"characters {about['char_start']:,} to {about['char_end']:,}" in fetched["title"]
        parts.append(said)
        key = about.get("next_id")
    assert len(parts) > 3
    assert "".join("".join(parts).split()) == "".join(transcript["text"].split())
    for part in parts[:2]:
        assert part.endswith("the plan had said.")


def test_an_endless_turn_is_read_in_whole_sentences_forth_and_back(huge: tuple[Agent, httpx2.Client]) -> None:
    agent, client = huge
    [episode] = agent.answer("list_episodes", matching="endless")["episodes"]
    transcript = _get(client, f"/v1/episodes/{episode['id']}/transcript")
    said: list[dict[str, Any]] = []
    at: str | None = "t0"
    while at:
        answer = agent.answer("get_excerpt", episode="endless.md", at=at, before=0, after=20)
        for turn in answer["turns"]:
            assert transcript["text"][turn["char_start"] : turn["char_end"]] == turn["text"]
            assert turn["text"] == turn["text"].strip()
            assert turn["whole"] == (turn["text"] == transcript["turns"][turn["turn"]]["text"])
        said += answer["turns"]
        at = answer.get("later")
    assert "".join("".join(turn["text"] for turn in said).split()) == "".join(transcript["text"].split())
    middle = next(turn["char_start"] for turn in transcript["turns"] if turn["text"].startswith("In year")) + 40_000
    here = agent.answer("get_excerpt", episode="endless.md", at=f"c{middle}", before=0, after=0)
    [turn] = here["turns"]
    assert turn["text"].startswith("In year ")
    assert turn["text"].endswith("the plan had said.")
    assert turn["char_start"] < middle < turn["char_end"]
    earlier = agent.answer("get_excerpt", episode="endless.md", at=here["earlier"], before=1, after=0)["turns"][-1]
    assert transcript["text"][earlier["char_end"] : turn["char_start"]] == " "
    assert len(earlier["text"]) > 10_000


def test_lists_that_are_cut_say_how_to_go_on(huge: tuple[Agent, httpx2.Client]) -> None:
    agent, client = huge
    names: list[str] = []
    offset: int | None = 0
    pages = 0
    while offset is not None:
        page = agent.answer("list_speakers", limit=200, offset=offset)
        names += [speaker["name"] for speaker in page["speakers"]]
        offset, pages = page.get("next_offset"), pages + 1
    assert names == [speaker["name"] for speaker in _get(client, "/v1/speakers", limit=1000)["speakers"]]
    assert pages > 2
    quotes = [{"text": _words(number)} for number in range(500)]
    verdicts: list[str] = []
    offset = 0
    while offset is not None:
        checked = agent.answer("verify_quotes", quotes=quotes, offset=offset)
        verdicts += [one["verdict"] for one in checked["results"]]
        offset = checked.get("next_offset")
    assert verdicts == ["verified"] * 500
    assert checked["summary"] == {"verified": 500}


def test_long_questions_are_shown_by_their_last_sentences(huge: tuple[Agent, httpx2.Client]) -> None:
    agent, _ = huge
    found = agent.answer("search_passages", query="which quay was dredged", speaker=OMAR, limit=3)["results"]
    [asked] = {one["question"]["text"] for one in found if one["episode"].startswith("endless") and one["turn"] == 3}
    assert asked.endswith("What about quay 599?")
    assert asked.startswith("What about quay ")
    assert len(asked.split()) < 100


def _stdio(index: Path, environment: dict[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [COMMAND, "mcp", "--index", index],
        env=environment,
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )


_GREETING = _request(
    "initialize",
    protocolVersion=LATEST_HANDSHAKE_VERSION,
    capabilities={},
    clientInfo={"name": "test", "version": "1"},
)


def test_over_stdio_only_the_protocol_is_written_and_it_ends_with_its_input(
    seeds_index: Path, offline: dict[str, str]
) -> None:
    lines = [json.dumps(_GREETING), "no JSON", json.dumps(CALL), json.dumps(_request("tools/call", name="nothing"))]
    with _stdio(seeds_index, offline) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        answers = []
        for line in lines:
            process.stdin.write(f"{line}\n")
            process.stdin.flush()
            if line != "no JSON":
                answers.append(json.loads(process.stdout.readline()))
        output, errors = process.communicate(timeout=60)
    assert process.returncode == 0
    assert [answer["id"] for answer in answers] == [7, 7, 7]
    assert output == ""
    assert "Traceback" not in errors


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_over_stdio_a_signal_ends_it_in_silence(
    number: signal.Signals, seeds_index: Path, offline: dict[str, str]
) -> None:
    with _stdio(seeds_index, offline) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"{json.dumps(_GREETING)}\n")
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["result"]["serverInfo"]["name"] == "on-record"
        process.send_signal(number)
        process.wait(timeout=30)
        assert process.returncode == -number
        assert process.stderr is not None
        assert (process.stdout.read(), process.stderr.read()) == ("", "")


def test_over_stdio_an_index_that_is_not_there_is_an_error_outside_of_the_protocol(
    onrecord: Onrecord, tmp_path: Path
) -> None:
    done = onrecord("mcp", "--index", tmp_path / "none")
    assert (done.returncode, done.stdout) == (1, "")
    assert "no index there" in done.stderr


def test_a_service_that_no_agent_asks_does_not_load_the_protocol(
    seeds_index: Path, offline: dict[str, str], tmp_path: Path
) -> None:
    guard = tmp_path / "guard"
    write(
        guard / "sitecustomize.py",
        "import sys\n"
        "class Refuse:\n"
        "    @staticmethod\n"
        "    def find_spec(name, path=None, target=None):\n"
        "        if name.split('.')[0] == 'mcp':\n"
        "            raise ImportError('mcp was imported')\n"
        "sys.meta_path.insert(0, Refuse)\n",
    )
    environment = {**offline, "PYTHONPATH": f"{guard}:{offline['PYTHONPATH']}"}
    with serving(seeds_index, environment, tmp_path / "log.txt", workers=1) as (address, _):
        assert httpx2.get(f"{address}/v1/search", params={"query": ASKED}, trust_env=False).json()["results"]
        assert httpx2.get(address, params={"query": ASKED}, trust_env=False).status_code == 200
