"""`onrecord adapt`: a model that was trained on an archive, measured beside the one that it is made of."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.options import JsonOption, RuntimeName, RuntimeOption, user_errors

if TYPE_CHECKING:
    from training.adapt import Adapted

_NEEDED = "adapting a model needs libraries that searching does not. Run: pip install 'onrecord[adapt]'"


def adapt(
    archives: Annotated[list[Path], typer.Argument(help="Index directories, made by `onrecord index`.")],
    out: Annotated[Path, typer.Option("--out", help="Where the new model is written. It must not be there yet.")],
    questions: Annotated[
        Path | None, typer.Option(help="Your own questions with anchors, to measure both models on the first archive.")
    ] = None,
    teach: Annotated[
        Path | None, typer.Option(help="Questions with anchors to learn from, beside what the archives tell.")
    ] = None,
    model: Annotated[
        str | None,
        typer.Option("--model", envvar="ONRECORD_MODEL", help="What to train. Default: the model of the first index."),
    ] = None,
    runtime: RuntimeOption = RuntimeName.AUTO,
    pairs: Annotated[int, typer.Option(min=0, help="Pairs to learn from, at most, of what the archives tell.")] = 8_000,
    epochs: Annotated[float, typer.Option(min=0.01, help="How often each pair is learnt from.")] = 1.0,
    batch: Annotated[int, typer.Option(min=2, help="Pairs in a step; the others' answers are negatives.")] = 64,
    tokens: Annotated[int, typer.Option(min=16, help="Longer texts are cut there while training.")] = 160,
    seed: Annotated[int, typer.Option(help="The same archive and seed give the same model.")] = 1,
    full_weights: Annotated[
        bool, typer.Option("--full-weights", help="Train all weights instead of an adapter of about 1 MB.")
    ] = False,
    learning_rate: Annotated[
        float | None, typer.Option(min=0, help="How far a step goes. Default: 0.0003, with --full-weights 0.00002.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Train a model on the interviews themselves: how people ask in them, and how experts answer.

    A tenth of the episodes is held out, and their questions, those of --teach among them, are asked of both models. The
    exit code is 0 where the new one is better, and 1 where it is not.
    """
    from embeddings.runtimes import Runtime, open_embedder  # noqa: PLC0415
    from indexer.errors import OnRecordError  # noqa: PLC0415

    with user_errors():
        try:
            from training.trainer import Recipe  # noqa: PLC0415
        except ImportError as error:
            raise OnRecordError(f"{_NEEDED} ({error})") from error
        from embeddings.model_files import locate_model  # noqa: PLC0415
        from indexer.generations import current_generation  # noqa: PLC0415
        from service.evaluate import read_questions  # noqa: PLC0415
        from service.progress import progress_bars  # noqa: PLC0415
        from training.adapt import adapt as adapted_model  # noqa: PLC0415

        asked = read_questions(questions) if questions else []
        labelled = read_questions(teach) if teach else []
        base = locate_model(model or str(current_generation(archives[0]).manifest.model["name"]))
        recipe = Recipe(
            seed=seed,
            pairs=pairs,
            epochs=epochs,
            batch=batch,
            tokens=tokens,
            full_weights=full_weights,
            learning_rate=learning_rate,
        )
        with progress_bars() as progress:
            found = adapted_model(
                archives,
                base,
                lambda folder: open_embedder(folder, Runtime(runtime)),
                recipe,
                out,
                asked,
                progress,
                labelled,
            )
    _print(found, as_json=as_json)
    raise typer.Exit(0 if found.is_recommended else 1)


def _print(found: Adapted, *, as_json: bool) -> None:
    import json  # noqa: PLC0415

    from rich.console import Console  # noqa: PLC0415

    from service.terminal import print_comparison, print_metrics  # noqa: PLC0415

    if as_json:
        typer.echo(json.dumps(_content(found), ensure_ascii=False, indent=1))
        return
    console = Console()
    learnt = ", ".join(f"{count:,} {source}s" for source, count in sorted(found.pairs.items()))
    typer.echo(f"Learnt from {learnt}.")
    for name, comparison in found.compared.items():
        typer.echo(f"\n{comparison.new.questions} questions on {name}, the new model:")
        print_metrics({"all": comparison.new}, console)
        print_comparison("the model that it is made of", {"all": comparison.old}, comparison.differences, console)
    if found.is_recommended:
        typer.echo(f"\n{found.folder}: better. Use it: onrecord index TRANSCRIPTS --model {found.folder}")
    else:
        typer.echo(f"\n{found.folder}: not better than the model that it is made of. Keep that one.")


def _content(found: Adapted) -> dict[str, Any]:
    from dataclasses import asdict  # noqa: PLC0415

    return {
        "model": str(found.folder),
        "recommended": found.is_recommended,
        "pairs": dict(found.pairs),
        "dropped": dict(found.dropped),
        "losses": list(found.losses),
        "compared": {
            name: {
                "old": asdict(one.old),
                "new": asdict(one.new),
                "differences": {metric: asdict(difference) for metric, difference in one.differences.items()},
            }
            for name, one in found.compared.items()
        },
    }
