"""A cache that has no room, or cannot be written: what cannot be kept is told, and what is there is used."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from embeddings.base import EmbeddingError
from embeddings.model_files import locate_model
from embeddings.openvino_runtime import OpenvinoEmbedder
from tests.disks import free_kilobytes, make_read_only, small_disk


def test_a_full_cache_is_named_with_the_remedy_and_left_empty(
    plain_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with small_disk(tmp_path / "disk", kilobytes=40) as disk:
        monkeypatch.setenv("ONRECORD_CACHE", str(disk))
        with pytest.raises(EmbeddingError) as error:
            OpenvinoEmbedder(locate_model(str(plain_model)))
        assert str(error.value).startswith(f"{disk / 'openvino'}: the model, made ready for openvino, cannot be kept")
        assert "ONRECORD_CACHE" in str(error.value)
        assert free_kilobytes(disk) >= 36


def test_a_read_only_cache_is_used_where_it_holds_the_model_and_named_where_it_does_not(
    plain_model: Path, cls_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with small_disk(tmp_path / "disk", kilobytes=8_000) as disk:
        monkeypatch.setenv("ONRECORD_CACHE", str(disk))
        vectors = OpenvinoEmbedder(locate_model(str(plain_model))).embed_queries(["the kiln was cold"])
        for compiled in disk.glob("openvino/*/compiled"):
            shutil.rmtree(compiled)  # as where the model was put there by hand
        make_read_only(disk)
        again = OpenvinoEmbedder(locate_model(str(plain_model))).embed_queries(["the kiln was cold"])
        np.testing.assert_array_equal(again, vectors)
        with pytest.raises(EmbeddingError, match=r"Read-only file system\)\. .*set ONRECORD_CACHE to a folder"):
            OpenvinoEmbedder(locate_model(str(cls_model)))
