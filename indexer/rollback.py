"""Back to a generation that was live before."""

from __future__ import annotations

from pathlib import Path

from indexer.errors import ArchiveError, IndexBroken
from indexer.generations import Generation, name_current, named_generation, published_folders, writing
from indexer.soundness import examine_generation


def roll_back(index: Path, name: str | None = None) -> Generation:
    """Makes an earlier generation the live one, if it is sound. The one that was live is kept.

    Args:
        name: its id, or how that begins; by default the one before the live one.

    Raises:
        ArchiveError: there is no such generation.
        IndexBroken: it is not sound.
        IndexMissing, IndexBusy, IndexNotWritten: as `build_index`.
    """
    published_folders(index)  # says so where there is no index, before a folder is made
    with writing(index):
        folder = _chosen(index, name)
        examined = examine_generation(folder, is_live=False)
        assert examined is not None  # only whoever writes removes one
        if examined.faults or examined.manifest is None:
            fault = examined.faults[0]
            raise IndexBroken(
                f"{fault.path}: {fault.problem}. It cannot be gone back to; "
                f"`onrecord info --index {index} --generations` lists the others."
            )
        name_current(index, folder.name)
        return Generation(folder, examined.manifest)


def _chosen(index: Path, name: str | None) -> Path:
    live = named_generation(index)
    folders = [folder for folder in published_folders(index) if folder.name != live]
    if name is not None:
        chosen = [folder for folder in folders if folder.name.startswith(name)]
        if len(chosen) == 1:
            return chosen[0]
        kept = ", ".join(folder.name for folder in folders) or "none"
        what = "several generations begin" if chosen else "no generation that is not live begins"
        raise ArchiveError(f"{index}: {what} with {name!r}. Kept beside the live one: {kept}.")
    before = [folder for folder in folders if live is None or folder.name < live]
    if not before:
        raise ArchiveError(
            f"{index}: no generation is kept from before {live}. `onrecord restore` brings back a backup."
        )
    return before[-1]
