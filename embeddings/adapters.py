"""Low-rank adapters (LoRA, arXiv 2106.09685): what one has learnt is added to its model's weights once, at loading."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open

from embeddings.base import EmbeddingError
from embeddings.model_files import ADAPTER_CONFIGURATION, ADAPTER_WEIGHTS

# How peft names the module that an adapter is in, and the two matrices whose product is added to its weights.
PREFIX = "base_model.model."
_DOWN, _UP = ".lora_A.weight", ".lora_B.weight"
# What changes how weights are made of the matrices; no adapter of ours has it.
_NOT_KNOWN = ("use_dora", "use_rslora", "rank_pattern", "alpha_pattern", "modules_to_save", "fan_in_fan_out")


def add_adapter(adapter: Path, transformer: Any) -> None:
    """Adds an adapter to a transformer's weights, in place: it costs nothing afterwards.

    Raises:
        EmbeddingError: it is of another kind, or belongs to another model.
        OSError, SafetensorError: its weights cannot be read.
    """
    scale = _scale(adapter)
    with safe_open(adapter / ADAPTER_WEIGHTS, "pt") as file:
        learnt = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118  it is no mapping
    weights = {PREFIX + name: weight for name, weight in transformer.named_parameters()}
    with torch.no_grad():
        for name in sorted(learnt):
            module = name.removesuffix(_DOWN if name.endswith(_DOWN) else _UP)
            target = weights.get(f"{module}.weight")
            down, up = learnt.get(module + _DOWN), learnt.get(module + _UP)
            if target is None or down is None or up is None or (len(up), down.shape[-1]) != tuple(target.shape):
                raise EmbeddingError(f"{adapter}: its weights are not those of an adapter of this model.")
            if name.endswith(_DOWN):
                target.add_(scale * (up @ down))


def _scale(adapter: Path) -> float:
    path = adapter / ADAPTER_CONFIGURATION
    try:
        stated = json.loads(path.read_text(encoding="utf-8"))
        unknown = [name for name in _NOT_KNOWN if stated.get(name)]
        if stated["peft_type"] != "LORA" or unknown:
            raise EmbeddingError(
                f"{path}: an adapter of a kind that is not known here: {unknown or stated['peft_type']}."
            )
        return float(stated["lora_alpha"]) / float(stated["r"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError, ZeroDivisionError) as error:
        raise EmbeddingError(f"{path}: cannot be read ({error!r}). Fetch the adapter again.") from error
