"""Where a suite's runs are carried out, and what they ask a batch system for; no result depends on it."""

import contextlib
import re
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import Field, PositiveInt, field_validator

from glam_eval.config.settings import Settings
from glam_eval.core.errors import UserError, shortened

LauncherName = Literal["local", "slurm", "ray"]

# Forms of --time in sbatch(1), with the units of their numbers in seconds.
_TIMES = {
    r"(\d+)": (60,),
    r"(\d+):(\d+)": (60, 1),
    r"(\d+):(\d+):(\d+)": (3600, 60, 1),
    r"(\d+)-(\d+)": (86400, 3600),
    r"(\d+)-(\d+):(\d+)": (86400, 3600, 60),
    r"(\d+)-(\d+):(\d+):(\d+)": (86400, 3600, 60, 1),
}


class SlurmConfig(Settings):
    """What each task of a suite asks Slurm for."""

    partition: str = ""
    """Partition; Slurm's default where empty, as of all that follows."""
    account: str = ""
    """Account that is charged."""
    qos: str = ""
    """Quality of service."""
    time: str = ""
    """Time limit of a task, as sbatch takes it; before it, a task writes a checkpoint and is queued again."""
    gres: str = ""
    """Generic resources of a task: gpu:1, or gpu:a100:1."""
    constraint: str = ""
    """Features of a node."""
    mem: str = ""
    """Memory of a task."""
    exclude: str = ""
    """Nodes that are not to be used."""
    parallel: Annotated[int, Field(ge=0)] = 0
    """Tasks at a time of an array; 0 is no limit."""
    group: Annotated[float, Field(ge=0)] = 30.0
    """Minutes that the short runs of one task take together, about; at 0 each run has a task of its own."""
    warning: PositiveInt = 300
    """Seconds before the time limit at which a task stops at a checkpoint: longer than its longest update."""
    setup: str = ""
    """Lines of shell that a task begins with, for instance to load modules."""

    @field_validator("*")
    @classmethod
    def _is_one_line(cls, value: object, info: object) -> object:
        name = getattr(info, "field_name", "")
        if isinstance(value, str) and name != "setup" and re.search(r"[\s\"'`$;&|<>\\]", value):
            raise ValueError(f"{name} = {shortened(value)}: give it as sbatch takes it, without spaces")
        return value

    @field_validator("time")
    @classmethod
    def _is_a_time(cls, value: str) -> str:
        if value and _seconds(value) is None:
            raise ValueError(f"time = {shortened(value)}: give minutes, h:mm:ss or d-hh:mm:ss")
        return value

    @property
    def limit_seconds(self) -> float:
        """The time limit of a task, infinite where Slurm's own holds."""
        return (_seconds(self.time) or float("inf")) if self.time else float("inf")

    @property
    def slot_seconds(self) -> float:
        """About how long the short runs of one task take together."""
        return min(60 * self.group, self.limit_seconds / 2)

    @property
    def gpus(self) -> int | None:
        """GPUs of a task; none where it asks for no generic resource of that name."""
        found = re.search(r"\bgpu(?::[a-zA-Z][\w-]*)?(?::(\d+))?", self.gres)
        return int(found[1] or 1) if found else None

    def requests(self) -> dict[str, str]:
        """Return the options of sbatch that are set, by their long names."""
        names = ("partition", "account", "qos", "time", "gres", "constraint", "mem", "exclude")
        return {name: str(getattr(self, name)) for name in names if getattr(self, name)}


def with_options(slurm: SlurmConfig, options: Sequence[str]) -> SlurmConfig:
    """Return settings with ``key=value,key=value`` options in the place of some.

    Raises:
        UserError: on an option that is none, or a value that it can't have.
    """
    values: dict[str, str] = {}
    for option in options:
        newest = ""
        for part in option.split(","):
            name, equals, value = part.partition("=")
            if equals:
                newest = name.strip()
                values[newest] = value
            elif newest:  # a list of its own: gres=gpu:1,shard:2
                values[newest] += f",{part}"
            else:
                raise UserError(f"--slurm {shortened(option)}: give key=value, for instance partition=gpu")
    before = slurm.model_dump()
    given = {name: _as_before(value, before.get(name)) for name, value in values.items()}
    return SlurmConfig.parse({**before, **given}, "--slurm")


def _as_before(value: str, before: Any) -> Any:
    """Return what was typed as a number, where there is one."""
    if isinstance(before, int | float):
        for kind in (int, float):
            with contextlib.suppress(ValueError):
                return kind(value)
    return value


def _seconds(time: str) -> int | None:
    for form, units in _TIMES.items():
        if found := re.fullmatch(form, time):
            return sum(int(number) * unit for number, unit in zip(found.groups(), units, strict=True))
    return None
