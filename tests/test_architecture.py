"""Who may import whom: the directions between the packages, and one home for each heavy library."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

from tests.conftest import ROOT

PACKAGES = ("embeddings", "indexer", "service", "training")
FILES = tuple(path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py")))

# What the service may know of the indexer: its vocabulary, its readers, and how it reads a document.
READERS = {
    "indexer.catalog",
    "indexer.columns",
    "indexer.clock",
    "indexer.errors",
    "indexer.generations",
    "indexer.lexical",
    "indexer.sentences",
}
READERS |= {"indexer.drafts", "indexer.links", "indexer.names", "indexer.retired", "indexer.times", "indexer.types"}
READERS |= {"indexer.milvus", "indexer.milvus_catalog", "indexer.milvus_reader", "indexer.milvus_words"}
READERS |= {"indexer.store", "indexer.vectors"}
DOORS = {"service/cli.py", "service/progress.py", "service/episode_view.py", "service/upkeep.py"}

# By library: the files that import it, or a folder of them.
HOMES = {
    "faiss": {"indexer/vectors.py"},
    "grpc": {"indexer/milvus.py"},
    "lxml": {"indexer/trees.py"},
    "pymilvus": {"indexer/milvus.py"},
    "tantivy": {"indexer/lexical.py"},
    "sqlite3": {"indexer/database.py", "indexer/retiring.py", "indexer/soundness.py"},
    "sentence_transformers": {
        "embeddings/sentence_transformer.py",
        "embeddings/cross_encoder.py",
        "training/loss.py",
        "training/trainer.py",
    },
    "torch": {
        "embeddings/adapters.py",
        "embeddings/sentence_transformer.py",
        "embeddings/cross_encoder.py",
        "training/late_pooling.py",
        "training/loss.py",
        "training/trainer.py",
    },
    "transformers": {"embeddings/sentence_transformer.py", "embeddings/cross_encoder.py", "training/trainer.py"},
    "datasets": {"training/trainer.py"},
    "peft": {"training/trainer.py"},
    "openvino": {"embeddings/openvino_runtime.py", "embeddings/openvino_8bit.py"},
    "tokenizers": {"embeddings/openvino_runtime.py"},
    "openai": {"service/language_model.py"},
    "prometheus_client": {"service/metrics.py"},
    "tiktoken": {"service/tokens.py"},
    "huggingface_hub": {"embeddings/model_files.py"},
    "starlette": {
        f"service/{name}.py"
        for name in (
            "access",
            "browser_headers",
            "callers",
            "cli",
            "http",
            "mcp_endpoint",
            "problems",
            "server",
            "watching",
        )
    },
    "mcp": {"service/mcp_server.py"},
    "mcp_types": {"service/mcp_server.py"},
    "fastapi": {
        "service/asking.py",
        "service/contracts/",
        "service/exporting.py",
        "service/http.py",
        "service/problems.py",
        "service/quoting.py",
        "service/responses.py",
        "service/verifying.py",
        "service/web/",
    },
    "httpx2": {"service/language_model.py", "service/retrievers/client.py"},
    "langchain_core": {"service/retrievers/langchain.py"},
    "llama_index": {"service/retrievers/llama_index.py"},
    "uvicorn": {"service/connections.py", "service/server.py", "service/stopping.py"},
    "docx": {"indexer/word.py", "service/word_export.py"},
    "pdfminer": {"indexer/pdf_lines.py"},
}
UNSAFE = {"pickle", "cloudpickle", "dill", "joblib", "shelve", "marshal"}


@cache
def _imports(path: Path) -> frozenset[str]:
    """Modules that a file imports anywhere in it, also inside functions, by their full names."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            found |= {str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)}
    return frozenset(found)


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _importers(library: str) -> set[str]:
    return {_name(path) for path in FILES if any(module.split(".")[0] == library for module in _imports(path))}


@pytest.mark.parametrize(
    ("package", "never"),
    [
        ("embeddings", {"indexer", "service", "training", "tests"}),
        ("indexer", {"service", "training", "tests"}),
        ("service", {"tests"}),
        ("training", {"tests"}),
    ],
)
def test_imports_go_one_way(package: str, never: set[str]) -> None:
    for path in (ROOT / package).rglob("*.py"):
        assert not {module.split(".")[0] for module in _imports(path)} & never, path


def test_the_service_reads_an_index_and_builds_one_through_its_command_line_alone() -> None:
    builders = {
        _name(path).removesuffix(".py").replace("/", ".") for path in (ROOT / "indexer").rglob("*.py")
    } - READERS
    found = {_name(path) for path in (ROOT / "service").rglob("*.py") if builders & _imports(path)}
    assert found <= DOORS


def test_a_model_is_trained_by_its_command_alone() -> None:
    assert _importers("training") - {_name(path) for path in (ROOT / "training").rglob("*.py")} == {
        "service/adapting.py"
    }


@pytest.mark.parametrize(("library", "home"), HOMES.items(), ids=HOMES)
def test_a_heavy_library_is_imported_in_its_home_alone(library: str, home: set[str]) -> None:
    found = _importers(library)
    folders = tuple(place for place in home if place.endswith("/"))
    assert {path for path in found if not path.startswith(folders)} <= home
    assert found or library == "starlette"


def test_nothing_can_unpickle() -> None:
    for library in UNSAFE:
        assert _importers(library) == set()
    for path in FILES:
        text = path.read_text(encoding="utf-8")
        assert "allow_pickle=True" not in text, path
        assert text.count("np.load(") == text.count("allow_pickle=False"), path


def test_every_package_is_in_the_distribution() -> None:
    listed = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    for path in FILES:
        package = ".".join(path.relative_to(ROOT).parts[:-1])
        assert f'"{package}"' in listed, path
