"""What an engine was given: which task carries out which runs, as files in the study's directory."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from glam_eval.core.errors import UserError
from glam_eval.core.files import write_text_atomically

PLANS = ".launch"


@dataclass(frozen=True, slots=True)
class Plan:
    """An array of tasks that an engine was given."""

    name: str  # by which the engine knows it
    launcher: str
    device: str
    tasks: Mapping[int, Sequence[str]]  # index -> run_ids, in order


def write_plan(out: Path, plan: Plan) -> None:
    """Write a plan, before its engine knows it."""
    write_text_atomically(_file(out, plan.name), json.dumps(asdict(plan)))


def read_plan(out: Path, name: str) -> Plan:
    """Return a plan by its name; raises a UserError where there is none, or it is damaged."""
    try:
        stored = json.loads(_file(out, name).read_text(encoding="utf-8"))
        tasks = {int(index): [str(each) for each in run_ids] for index, run_ids in stored["tasks"].items()}
        return Plan(name, str(stored["launcher"]), str(stored["device"]), tasks)
    except FileNotFoundError:
        raise UserError(f"{str(out)!r} has no plan {name!r}: launch the suite again") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise UserError(f"{_file(out, name)} is damaged: delete it, and launch the suite again") from None


def plans(out: Path) -> list[Plan]:
    """Return all plans of a study, by name; damaged ones raise a UserError."""
    folder = out / PLANS
    return [read_plan(out, file.stem) for file in sorted(folder.glob("*.json"))] if folder.is_dir() else []


def forget_plan(out: Path, name: str) -> None:
    """Delete a plan, and whatever else of it is beside it."""
    for file in (out / PLANS).glob(f"{name}.*"):
        file.unlink(missing_ok=True)


def _file(out: Path, name: str) -> Path:
    return out / PLANS / f"{name}.json"
