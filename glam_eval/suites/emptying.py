"""What ``--fresh`` deletes: what we made, by name. Anything else stays, and links are never followed.

The row that says that a run is finished goes before the run's tables, and a checkpoint before the rows that
it counts on: killed at any point, what is left is an unfinished study, which can be gone on with.
"""

import contextlib
import shutil
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from glam_eval.core.files import UNFINISHED
from glam_eval.core.tables import TABLES
from glam_eval.execution.study import stop_file
from glam_eval.results.layout import JOURNAL, SUFFIX

REPORT = "report.html"
DIGESTS = ".summary.json"  # what comparisons, figures and report were made from

_TABLES = tuple(table for table in TABLES if table != "runs")
_HIDDEN = (".alive", ".failed", ".launch")
_FOLDERS = ("runs", "checkpoints", *_TABLES, "figures", "logs", "answers", "tensorboard", *_HIDDEN)
_OF_CHECKPOINTS = ("frames-", "steps-", ".partial-", ".replaced-")


def empty(out: Path, own: Collection[str] = ()) -> list[str]:
    """Delete a study's results; return what is left in its directory but for the names in ``own``.

    A link in the place of something of ours is removed; what it leads to stays.
    """
    for name in _FOLDERS:
        _delete_in(out / name, _ours_in(name))
    for file in (out / REPORT, out / DIGESTS, stop_file(out), *out.glob(f".*{UNFINISHED}")):
        if file.is_symlink() or file.is_file():
            file.unlink()
    return sorted(_left(out, own))


def _ours_in(folder: str) -> Callable[[Path], bool]:
    """Return what tells of a path in a folder of ours whether it is ours, with all that is in it."""
    match folder:
        case "checkpoints":
            return lambda path: path.name.startswith(_OF_CHECKPOINTS)
        case "figures":
            from glam_eval.figures import FIGURES
            from glam_eval.figures.files import UNDATED

            names = {f"{each.name}.{kind}" for each in FIGURES for kind in (*UNDATED, "csv", "txt")}
            return lambda path: path.name in names and not path.is_dir()
        case "answers":
            return lambda path: path.name.endswith(".jsonl") and not path.is_dir()
        case "logs":
            return lambda path: path.name.endswith(".log") and not path.is_dir()
        case "tensorboard":
            return lambda path: path.name.startswith("events.out.tfevents.") and not path.is_dir()
        case hidden if hidden in _HIDDEN:
            return lambda path: not path.is_dir()
    return lambda path: path.name.endswith((SUFFIX, JOURNAL, UNFINISHED)) and not path.is_dir()


def _delete_in(folder: Path, is_ours: Callable[[Path], bool], deeper: int = 1) -> None:
    """Delete what is ours in a folder and in those of runs in it, and the folders if nothing is left."""
    if folder.is_symlink():
        folder.unlink()
    if not folder.is_dir():
        return
    for entry in folder.iterdir():
        if entry.is_symlink():
            if is_ours(entry) or entry.is_dir():
                entry.unlink()
        elif is_ours(entry):
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        elif entry.is_dir() and deeper:
            _delete_in(entry, is_ours, deeper - 1)
    with contextlib.suppress(OSError):  # somebody's files are left in it
        folder.rmdir()


def _left(out: Path, own: Collection[str]) -> Iterator[str]:
    """Yield what is in a directory: its entries, and those of the folders that have a name of ours."""
    for entry in out.iterdir():
        if entry.name in _FOLDERS and entry.is_dir() and not entry.is_symlink():
            yield from (f"{entry.name}/{each.name}" for each in entry.iterdir())
        elif entry.name not in own:
            yield f"{entry.name}/" if entry.is_dir() else entry.name
