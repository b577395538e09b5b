"""`onrecord doctor`, `rollback`, `backup` and `restore`: what keeps an index sound, and brings it back."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.options import DEFAULT_INDEX, IndexOption, JsonOption, RuntimeName, RuntimeOption, user_errors

if TYPE_CHECKING:
    from embeddings.base import Embedder
    from indexer.soundness import Examination, Examined, Fault

OutOption = Annotated[Path, typer.Option("--out", help="The index directory to bring it back to.")]


def doctor(
    index: IndexOption = DEFAULT_INDEX,
    repair: Annotated[
        bool, typer.Option("--repair", help="Make anew what can be made of the catalog; remove what is beyond it.")
    ] = False,
    runtime: RuntimeOption = RuntimeName.AUTO,
    as_json: JsonOption = False,
) -> None:
    """Check every file of every generation. Exit code 1: something is wrong."""
    from indexer.soundness import examine_index  # noqa: PLC0415

    with user_errors():
        if repair:
            _repair(index, runtime)
        examination = examine_index(index)
    if as_json:
        typer.echo(json.dumps(_described(examination, index), ensure_ascii=False, indent=1))
    else:
        _print(examination, index)
    if not examination.is_sound:
        raise typer.Exit(1)


def rollback(
    generation: Annotated[
        str | None, typer.Argument(help="Its id, or how that begins. Default: the one before the live one.")
    ] = None,
    index: IndexOption = DEFAULT_INDEX,
) -> None:
    """Make an earlier generation the live one. A running service goes over to it within a second."""
    from indexer.rollback import roll_back  # noqa: PLC0415

    with user_errors():
        live = roll_back(index, generation)
    typer.echo(f"{index}: generation {live.manifest.id} is live.", err=True)


def backup(
    file: Annotated[Path, typer.Argument(help="The file to write; none may be there.")],
    index: IndexOption = DEFAULT_INDEX,
) -> None:
    """Write the live generation to one file, while it is served or the next one is made."""
    from indexer.backup import back_up  # noqa: PLC0415
    from service.progress import progress_bars  # noqa: PLC0415

    with user_errors(), progress_bars() as progress:
        generation = back_up(index, file, progress)
    megabytes = file.stat().st_size / 1e6
    typer.echo(f"{file}: generation {generation.manifest.id}, {megabytes:,.1f} MB.", err=True)


def restore(
    file: Annotated[Path, typer.Argument(help="What `onrecord backup` wrote.")], out: OutOption = DEFAULT_INDEX
) -> None:
    """Make the generation in a backup the live one. What was live is kept as the one before it."""
    from indexer.backup import restore as bring_back  # noqa: PLC0415
    from service.progress import progress_bars  # noqa: PLC0415

    with user_errors(), progress_bars() as progress:
        generation = bring_back(file, out, progress)
    typer.echo(f"{out}: generation {generation.manifest.id} is live.", err=True)


def print_generations(index: Path, *, as_json: bool) -> None:
    """The generations that are kept, the newest first; what their manifests say is taken on trust."""
    from indexer.errors import FormatMismatch, IndexBroken  # noqa: PLC0415
    from indexer.generations import named_generation, published_folders, read_manifest  # noqa: PLC0415

    listed = []
    live = named_generation(index)
    for folder in reversed(published_folders(index)):
        is_live = folder.name == live
        told: dict[str, Any] = {"id": folder.name, "live": is_live}
        try:
            manifest = read_manifest(folder)
            counts = manifest.counts
            told |= {"created": manifest.created, "counts": counts, "model": manifest.model["name"]}
            what = f"{counts['episodes']} episodes, {counts['passages']} passages"
        except (IndexBroken, FormatMismatch) as error:
            told["problem"] = what = str(error)
        listed.append(told)
        if not as_json:
            typer.echo(f"{folder.name}  {what}{', live' if is_live else ''}")
    if as_json:
        typer.echo(json.dumps(listed, ensure_ascii=False, indent=1))


def _repair(index: Path, runtime: RuntimeName) -> None:
    from embeddings.model_files import locate_model  # noqa: PLC0415
    from embeddings.runtimes import Runtime, open_embedder  # noqa: PLC0415
    from indexer.repair import remove_unsound, repair_index  # noqa: PLC0415
    from service.progress import progress_bars  # noqa: PLC0415

    def load(model: str) -> Embedder:
        return open_embedder(locate_model(model), Runtime(runtime))

    with progress_bars() as progress:
        made = repair_index(index, load, progress)
    if made:
        typer.echo(f"{index}: generation {made.manifest.id} was made anew out of the catalog, and is live.", err=True)
    gone, left = remove_unsound(index)
    for name in gone:
        typer.echo(f"{index}: generation {name} was spoiled, not live, and is removed.", err=True)
    for name in left:
        typer.echo(
            f"{index}: generation {name} is spoiled and still read. Restart the service, and repair again.", err=True
        )


def _print(examination: Examination, index: Path) -> None:
    for fault in examination.faults:
        typer.echo(f"{fault.path}: {fault.problem}. {_remedy_of_index(index)}")
    for examined in examination.generations:
        live = ", live" if examined.is_live else ""
        typer.echo(f"{examined.folder.name}{live}: {'not sound' if examined.faults else 'sound'}")
        for fault in examined.faults:
            typer.echo(f"  {fault.path}: {fault.problem}. {_remedy(fault, examined, index)}")
        for path in examined.foreign:
            typer.echo(f"  {path}: no file of this generation. Nobody reads it; remove it if you do not know it.")
    for path in examination.left:
        typer.echo(f"{path}: left by a run that was interrupted, or is under way. The next run goes on from it.")


def _described(examination: Examination, index: Path) -> dict[str, Any]:
    def told(fault: Fault, remedy: str) -> dict[str, Any]:
        return {**asdict(fault), "path": str(fault.path), "remedy": remedy}

    return {
        "sound": examination.is_sound,
        "faults": [told(fault, _remedy_of_index(index)) for fault in examination.faults],
        "generations": [
            {
                "id": one.folder.name,
                "live": one.is_live,
                "repairable": one.is_repairable,
                "faults": [told(fault, _remedy(fault, one, index)) for fault in one.faults],
                "foreign": list(map(str, one.foreign)),
            }
            for one in examination.generations
        ],
        "left": list(map(str, examination.left)),
    }


def _remedy(fault: Fault, examined: Examined, index: Path) -> str:
    from indexer.repair import beyond_repair  # noqa: PLC0415
    from indexer.soundness import FORMAT  # noqa: PLC0415

    if fault.name == FORMAT:
        return "`onrecord index` makes it anew; until then, the program that wrote it answers from it."
    if not examined.is_live:
        return f"Nobody can go back to it. `onrecord doctor --index {index} --repair` removes it."
    if examined.is_repairable:
        return f"`onrecord doctor --index {index} --repair` makes it anew out of the catalog."
    return beyond_repair(index)


def _remedy_of_index(index: Path) -> str:
    return f"`onrecord rollback --index {index}` makes the newest generation that is there the live one."
