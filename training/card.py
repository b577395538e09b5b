"""The card of a trained model: what it was made of and how, and what was measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

from embeddings.model_files import ModelFolder
from service.evaluate import COMPARED
from training.trainer import Recipe

if TYPE_CHECKING:
    from training.adapt import Adapted


def card(adapted: Adapted, base: ModelFolder, recipe: Recipe) -> str:
    """Markdown."""
    kind = "All weights of" if recipe.full_weights else "A low-rank adapter for"
    learnt = ", ".join(f"{count:,} of {source}s" for source, count in sorted(adapted.pairs.items()))
    verdict = "better" if adapted.is_recommended else "NOT better: keep using the model that it was made of"
    lines = [
        f"# {kind} {base.name}, trained on interviews",
        "",
        f"Pairs learnt from: {learnt}. {recipe.epochs:g} epochs, batches of {recipe.batch}, texts of up to "
        f"{recipe.tokens} tokens, seed {recipe.seed}. Measured against {base.name}: **{verdict}**.",
        "",
    ]
    for name, found in adapted.compared.items():
        lines += [
            f"{found.new.questions} questions on {name}:",
            "",
            "| metric | before | after | difference (95 % interval) |",
            "| --- | --- | --- | --- |",
            *(
                f"| {metric} | {getattr(found.old, metric):.3f} | {getattr(found.new, metric):.3f} | "
                f"{one.difference:+.3f} ({one.low:+.3f} to {one.high:+.3f}) |"
                for metric, one in ((metric, found.differences[metric]) for metric in COMPARED)
            ),
            "",
        ]
    lines.append(
        "It learnt from the words of those who were interviewed: pass it on only where these may be passed on."
    )
    return "\n".join(lines) + "\n"
