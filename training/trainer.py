"""Trains a sentence-transformers model on examples: a low-rank adapter (LoRA, arXiv 2106.09685), or all its weights."""

from __future__ import annotations

import json
import logging
import warnings
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from datasets import Dataset, DatasetDict
from datasets.utils.logging import disable_progress_bar
from peft import LoraConfig, get_peft_model_state_dict
from safetensors.torch import save_file
from sentence_transformers import SentenceTransformerTrainer, SentenceTransformerTrainingArguments
from sentence_transformers.sentence_transformer.data_collator import SentenceTransformerDataCollator
from sentence_transformers.sentence_transformer.training_args import BatchSamplers, MultiDatasetBatchSamplers

from embeddings.adapters import PREFIX
from embeddings.base import Fingerprint
from embeddings.model_files import ADAPTER_BASE, ADAPTER_WEIGHTS, ModelFolder, fingerprint
from embeddings.processor import multiplies_bfloat16, processor_flags
from embeddings.sentence_transformer import load_model
from indexer.progress import Progress
from training.late_pooling import HEADER_END, Preprocess, add_sentences
from training.loss import RankingLoss
from training.negatives import Example

_AT_A_TIME = 16
_RANK = 16
_RATE_OF_WEIGHTS, _RATE_OF_ADAPTERS = 2e-5, 3e-4
_WARM_UP = 0.1
# The share of all steps after which what was learnt so far is kept.
_SAVED_EVERY = 0.05


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a model is trained.

    `pairs`: of those that are mined at most so many are learnt from. `tokens`: longer texts are cut there.
    `learning_rate`: None is one that fits the rest. `in_one_go`: quicker, and takes more memory.
    """

    seed: int = 1
    pairs: int = 8_000
    epochs: float = 1.0
    batch: int = 64
    tokens: int = 160
    full_weights: bool = False
    learning_rate: float | None = None
    in_one_go: bool = False


@dataclass(frozen=True, slots=True)
class Trained:
    """`model`: of sentence-transformers, its adapter not merged. `losses`: from time to time, from first to last."""

    model: Any
    losses: tuple[float, ...]


def train(base: ModelFolder, examples: Sequence[Example], recipe: Recipe, work: Path, progress: Progress) -> Trained:
    """Trains a model, from where it stopped if a run with the same work folder was interrupted.

    Args:
        work: what is needed to go on after an interruption is kept there.
    """
    _be_quiet()
    transformers.set_seed(recipe.seed)
    model = load_model(base)
    window = model.max_seq_length
    model.max_seq_length = min(window, recipe.tokens)
    _make_quick(model)
    model.model_card_data.set_widget_examples = lambda _: None  # the card is ours
    if not recipe.full_weights:
        layers = LoraConfig(
            r=_RANK,
            lora_alpha=2 * _RANK,
            target_modules="all-linear",
            exclude_modules="pooler.*",
        )
        model.add_adapter(layers)
        if _multiplies_bfloat16():
            _halve_what_is_not_trained(model)
    losses: list[float] = []
    sentences = model.register_forward_hook(add_sentences)
    trainer = SentenceTransformerTrainer(
        model=model,
        args=_arguments(recipe, work),
        train_dataset=_datasets(examples, fingerprint(base)),
        loss=RankingLoss(model, examples, _AT_A_TIME, in_one_go=recipe.in_one_go),
        data_collator=SentenceTransformerDataCollator(Preprocess(model)),
        callbacks=[_told(progress, losses)],
    )
    trainer.remove_callback(transformers.PrinterCallback)
    trainer.train(resume_from_checkpoint=any(work.glob("checkpoint-*")) or None)
    sentences.remove()
    model.max_seq_length = window
    return Trained(model.eval(), tuple(losses))


def save(trained: Trained, base: ModelFolder, recipe: Recipe, folder: Path) -> None:
    """Writes a model of its own where all weights were trained, else the adapter and what it belongs to."""
    if recipe.full_weights:
        trained.model.save_pretrained(str(folder), create_model_card=False)
        return
    transformer = trained.model[0].auto_model
    [stated] = transformer.peft_config.values()
    stated.base_model_name_or_path = base.name
    stated.inference_mode = True
    stated.save_pretrained(str(folder))
    # Half the size, and what rounding takes is a thousandth of what was learnt.
    learnt = get_peft_model_state_dict(transformer)
    weights = {f"{PREFIX}{name}": value.half().contiguous() for name, value in learnt.items()}
    save_file(weights, str(folder / ADAPTER_WEIGHTS), metadata={"format": "pt"})
    content = json.dumps(fingerprint(base).to_json(), indent=1)
    (folder / ADAPTER_BASE).write_text(content, encoding="utf-8")


def _make_quick(model: Any) -> None:
    """Less than half the time of a step on a CPU, which draws the random numbers of a dropout one after the other."""
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    if not torch.accelerator.is_available():
        model[0].auto_model.set_attn_implementation("eager")


def _halve_what_is_not_trained(model: Any) -> None:
    """So it is not rounded anew at every step; what is trained stays exact."""
    for weights in model[0].auto_model.parameters():
        if not weights.requires_grad:
            weights.data = weights.data.bfloat16()


def _arguments(recipe: Recipe, work: Path) -> SentenceTransformerTrainingArguments:
    return SentenceTransformerTrainingArguments(
        output_dir=str(work),
        num_train_epochs=recipe.epochs,
        per_device_train_batch_size=recipe.batch,
        use_cpu=not torch.accelerator.is_available(),
        bf16=_multiplies_bfloat16(),
        learning_rate=_learning_rate(recipe),
        warmup_steps=_WARM_UP,
        seed=recipe.seed,
        data_seed=recipe.seed,
        batch_sampler=BatchSamplers.NO_DUPLICATES,
        multi_dataset_batch_sampler=MultiDatasetBatchSamplers.PROPORTIONAL,
        save_strategy="steps",
        save_steps=_SAVED_EVERY,
        save_total_limit=1,
        logging_steps=5,
        dataloader_pin_memory=False,
        report_to="none",
        disable_tqdm=True,
    )


def _learning_rate(recipe: Recipe) -> float:
    if recipe.learning_rate is not None:
        return recipe.learning_rate
    return _RATE_OF_WEIGHTS if recipe.full_weights else _RATE_OF_ADAPTERS


def _multiplies_bfloat16() -> bool:
    """Whether that is faster than float32 here."""
    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported())
    return not torch.accelerator.is_available() and multiplies_bfloat16(processor_flags())


def _told(progress: Progress, losses: list[float]) -> Any:
    class Told(transformers.TrainerCallback):  # type: ignore[misc]
        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
            progress("Training", state.global_step, state.max_steps)

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:  # noqa: ARG002
            losses.extend([float(logs["loss"])] if "loss" in (logs or {}) else [])

    return Told()


def _be_quiet() -> None:
    """What the libraries would tell of themselves is nothing that whoever trains a model can act on."""
    disable_progress_bar()
    logging.getLogger("sentence_transformers").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module=r"(torch|transformers|peft)\..*")


def _datasets(examples: Sequence[Example], model: Fingerprint) -> DatasetDict:
    """One for each source, so that the other answers of a batch are of the same kind."""
    columns: dict[str, dict[str, list[Any]]] = defaultdict(lambda: defaultdict(list))
    for number, example in enumerate(examples):
        pair = example.pair
        rows = columns[pair.source.value]
        rows["anchor"].append(model.query_prompt + pair.query)
        rows["positive"].append(model.passage_prompt + pair.header + HEADER_END + pair.text)
        rows["negative"].append(model.passage_prompt + example.negative_header + HEADER_END + example.negative)
        rows["label"].append(number)
    return DatasetDict({source: Dataset.from_dict(rows) for source, rows in columns.items()})
