"""On Record inside LangChain and LlamaIndex: the real packages, asking the real server."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import httpx2
import pytest
from langchain_core.documents import Document
from langchain_core.language_models import FakeListChatModel
from langchain_core.messages import BaseMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableLambda, RunnablePassthrough
from langchain_core.tools import create_retriever_tool
from llama_index.core.schema import MetadataMode, NodeRelationship, NodeWithScore, TextNode
from pydantic import SecretStr, ValidationError

from indexer.errors import NotAnswered
from service.retrievers import langchain, llama_index
from tests.conftest import ROOT

ASKED = "who pays when the machine is wrong?"
OTHER = "why is nobody building pumped hydro"


@pytest.fixture(autouse=True)
def without_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")


def _hits(client: httpx2.Client, **parameters: Any) -> list[dict[str, Any]]:
    found = client.get("/v1/search", params={"query": ASKED, **parameters})
    assert found.status_code == 200
    return list(found.json()["results"])


def _assert_states(metadata: dict[str, Any], text: str, hit: dict[str, Any], server: str) -> None:
    """The metadata of a hit, and words that stand where they say."""
    episode = hit["episode"]
    transcript = httpx2.get(f"{server}/v1/episodes/{metadata['episode']}/transcript", trust_env=False).json()["text"]
    assert transcript[metadata["char_start"] : metadata["char_end"]] == text == hit["text"]
    assert metadata == {
        "passage": hit["id"],
        "speaker": hit["speaker"]["name"],
        "role": hit["speaker"]["role"],
        "episode": episode["id"],
        "title": episode["title"],
        "show": episode["show"],
        "date": episode["date"],
        "language": episode["language"],
        "url": episode["url"],
        "source": episode["source"],
        **{name: hit[name] for name in ("section", "kind", "turn", "char_start", "char_end")},
        **{name: hit[name] for name in ("start_s", "end_s", "time", "deep_link", "score")},
        "link": f"{server}{hit['link']}",
        "quote": hit["quote"]["text"],
        "question": hit["question"] and hit["question"]["text"],
    }
    assert httpx2.get(metadata["link"], trust_env=False).status_code == 200


def test_langchain_gets_the_hits_as_documents_with_all_their_provenance(server: str, client: httpx2.Client) -> None:
    documents = langchain.OnRecordRetriever(base_url=server, k=12).invoke(ASKED)
    hits = _hits(client, limit=12)
    assert [document.id for document in documents] == [hit["id"] for hit in hits]
    for document, hit in zip(documents, hits, strict=True):
        assert isinstance(document, Document)
        _assert_states(document.metadata, document.page_content, hit, server)


def test_langchain_gets_the_same_with_and_without_asyncio_and_in_a_batch(server: str) -> None:
    retriever = langchain.OnRecordRetriever(base_url=server + "/")
    alone = [retriever.invoke(query) for query in (ASKED, OTHER)]
    assert [len(documents) for documents in alone] == [4, 4]
    # Twice: nothing is kept that belongs to an event loop that has ended.
    for _ in range(2):
        assert asyncio.run(retriever.abatch([ASKED, OTHER])) == alone
    assert retriever.batch([ASKED, OTHER]) == alone


def test_langchains_filters_are_the_parameters_of_a_search(server: str, client: httpx2.Client) -> None:
    filters = {"role": "guest", "show": "Spinning Reserve", "group_by": "speaker", "kind": ["content", "teaser"]}
    documents = langchain.OnRecordRetriever(base_url=server, k=10, filters=filters).invoke(ASKED)
    hits = client.post("/v1/search", json={"query": ASKED, "limit": 10, **filters}).json()["results"]
    assert [document.id for document in documents] == [hit["id"] for hit in hits]
    assert {document.metadata["role"] for document in documents} == {"guest"}


def test_a_chain_of_langchain_is_grounded_in_the_passages(server: str) -> None:
    retriever = langchain.OnRecordRetriever(base_url=server, k=2, filters={"role": "guest"})
    prompts: list[str] = []

    def listed(documents: list[Document]) -> str:
        return "\n".join(f"{document.metadata['speaker']}: {document.page_content}" for document in documents)

    def noted(prompt: Any) -> Any:
        messages: list[BaseMessage] = prompt.to_messages()
        prompts.append(str(messages[0].content))
        return prompt

    chain = (
        {"context": retriever | listed, "question": RunnablePassthrough()}
        | ChatPromptTemplate.from_template("{context}\n\nQuestion: {question}")
        | RunnableLambda(noted)
        | FakeListChatModel(responses=["The nurse."])
        | StrOutputParser()
    )
    assert chain.invoke(ASKED) == "The nurse."
    for document in retriever.invoke(ASKED):
        assert f"{document.metadata['speaker']}: {document.page_content}" in prompts[0]


def test_a_tool_of_langchain_shows_the_passages(server: str) -> None:
    retriever = langchain.OnRecordRetriever(base_url=server, k=2)
    tool = create_retriever_tool(retriever, "interviews", "What experts said.")
    shown = tool.invoke({"query": ASKED})
    assert all(document.page_content in shown for document in retriever.invoke(ASKED))


def test_llama_index_gets_the_hits_as_nodes_with_all_their_provenance(server: str, client: httpx2.Client) -> None:
    found = llama_index.OnRecordRetriever(server, k=12).retrieve(ASKED)
    hits = _hits(client, limit=12)
    assert [(one.node.node_id, one.score) for one in found] == [(hit["id"], hit["score"]) for hit in hits]
    for one, hit in zip(found, hits, strict=True):
        node = one.node
        assert isinstance(one, NodeWithScore)
        assert isinstance(node, TextNode)
        _assert_states(node.metadata, node.get_content(metadata_mode=MetadataMode.NONE), hit, server)
        assert (node.start_char_idx, node.end_char_idx) == (hit["char_start"], hit["char_end"])
        source = node.relationships[NodeRelationship.SOURCE]
        assert not isinstance(source, list)
        assert source.node_id == hit["episode"]["id"]


def test_llama_index_gets_the_same_with_asyncio(server: str) -> None:
    retriever = llama_index.OnRecordRetriever(server, filters={"speaker": "Ilse Brandvold"})
    alone = retriever.retrieve(ASKED)
    assert [one.metadata["speaker"] for one in alone] == ["Ilse Brandvold"] * 4
    for _ in range(2):
        assert asyncio.run(retriever.aretrieve(ASKED)) == alone


def test_llama_index_shows_a_model_who_said_it_and_no_numbers(server: str) -> None:
    [one] = llama_index.OnRecordRetriever(server, k=1, filters={"speaker": "Calder Nwosu"}).retrieve(ASKED)
    shown = one.node.get_content(metadata_mode=MetadataMode.LLM)
    assert shown == (
        "speaker: Calder Nwosu\ntitle: A Warehouse on a Closed Road\nshow: Spinning Reserve\ndate: 2024-03-12\n\n"
        f"{one.text}"
    )


Ask = Callable[..., object]


def _langchain(address: str, key: str | None = None, **filters: Any) -> object:
    secret = SecretStr(key) if key else None
    return langchain.OnRecordRetriever(base_url=address, api_key=secret, filters=filters).invoke(ASKED)


def _langchain_async(address: str, key: str | None = None, **filters: Any) -> object:
    secret = SecretStr(key) if key else None
    return asyncio.run(langchain.OnRecordRetriever(base_url=address, api_key=secret, filters=filters).ainvoke(ASKED))


def _llama_index(address: str, key: str | None = None, **filters: Any) -> object:
    return llama_index.OnRecordRetriever(address, api_key=key, filters=filters).retrieve(ASKED)


def _llama_index_async(address: str, key: str | None = None, **filters: Any) -> object:
    return asyncio.run(llama_index.OnRecordRetriever(address, api_key=key, filters=filters).aretrieve(ASKED))


every_way = pytest.mark.parametrize("ask", [_langchain, _langchain_async, _llama_index, _llama_index_async])


@every_way
@pytest.mark.parametrize(
    ("filters", "message"),
    [
        ({"rôle": "guest"}, "rôle: unknown parameter; /docs lists those there are"),
        ({"role": "boss"}, "role: Input should be 'host', 'guest' or 'unknown'"),
        ({"limit": 3}, "limit: not among the filters; the retriever sets this itself."),
    ],
    ids=str,
)
def test_what_the_service_refuses_is_said_in_its_own_words(
    ask: Ask, filters: dict[str, Any], message: str, server: str
) -> None:
    with pytest.raises(NotAnswered) as refused:
        ask(server, **filters)
    assert message in str(refused.value)


@every_way
def test_a_service_that_is_not_there_is_said_to_be_so(ask: Ask) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    for address in (f"http://127.0.0.1:{port}", "127.0.0.1:8000", "http://["):
        with pytest.raises(NotAnswered) as refused:
            ask(address)
        assert str(refused.value).startswith(f"{address}: cannot be reached (")


class _Guarded(BaseHTTPRequestHandler):
    """Answers as a service that asks for a key, or, at /other, as something else."""

    asked: list[tuple[str, str | None, Any]] = []  # noqa: RUF012  one list, for the test to read

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.asked.append((self.path, self.headers["authorization"], json.loads(body)))
        other = self.path.startswith("/other")
        answer = b"<html>" if other else json.dumps({"status": 401, "detail": "This key is not known."}).encode()
        self.send_response(200 if other else 401)
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def guarded() -> Iterator[str]:
    _Guarded.asked.clear()
    with HTTPServer(("127.0.0.1", 0), _Guarded) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@every_way
def test_the_key_is_borne_and_a_refusal_of_it_is_said(ask: Ask, guarded: str) -> None:
    with pytest.raises(NotAnswered, match=r"This key is not known\.$"):
        ask(guarded, "secret-key", role="guest")
    assert _Guarded.asked == [("/v1/search", "Bearer secret-key", {"role": "guest", "query": ASKED, "limit": 4})]
    with pytest.raises(NotAnswered):
        ask(guarded)
    assert _Guarded.asked[1][1] is None


@every_way
def test_what_is_no_service_is_said_to_be_none(ask: Ask, guarded: str) -> None:
    with pytest.raises(NotAnswered, match=r"/other: what answers there is no On Record\. Check the address\.$"):
        ask(f"{guarded}/other")


def test_the_key_is_not_shown() -> None:
    assert "secret-key" not in repr(langchain.OnRecordRetriever(api_key=SecretStr("secret-key")))


def test_a_misspelt_option_is_refused() -> None:
    with pytest.raises(ValidationError, match="filter"):
        langchain.OnRecordRetriever(filter={"role": "guest"})  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="filter"):
        llama_index.OnRecordRetriever(filter={"role": "guest"})  # type: ignore[call-arg]


def _python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("module", "package", "extra"),
    [
        ("langchain", "langchain_core", "langchain"),
        ("llama_index", "llama_index", "llama-index"),
    ],
)
def test_without_the_package_the_import_says_which_extra_brings_it(module: str, package: str, extra: str) -> None:
    done = _python(f"import sys; sys.modules[{package!r}] = None; import service.retrievers.{module}")
    assert done.returncode == 1
    assert f"pip install 'onrecord[{extra}]'" in done.stderr.splitlines()[-1]


@pytest.mark.parametrize("module", ["langchain", "llama_index"])
def test_a_retriever_loads_no_index_and_no_model(module: str) -> None:
    heavy = ("faiss", "tantivy", "torch", "openvino", "fastapi", "service.archive", "indexer.catalog", "embeddings")
    done = _python(f"import sys, service.retrievers.{module}; print([m for m in {heavy} if m in sys.modules])")
    assert (done.stdout, done.returncode) == ("[]\n", 0), done.stderr
