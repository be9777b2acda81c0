"""How many processors this process may use: what the machine has is seldom what a job was given."""

import os
from collections.abc import Iterator
from pathlib import Path

SLURM = "SLURM_CPUS_PER_TASK"  # an environment variable of every Slurm job that asked for a number


def available_processors(root: Path = Path("/")) -> int:
    """Return the number of processors that affinity, control groups and Slurm leave; at least 1.

    Args:
        root: where ``proc`` and ``sys`` are.
    """
    limits = [float(allowed_processors())]
    limits += _quotas(root)
    if (slurm := os.environ.get(SLURM, "")).isdecimal():
        limits.append(float(slurm))
    return max(1, int(min(limits)))


def allowed_processors() -> int:
    """Return the number of processors that the process may be scheduled on, where the system says so."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def control_groups(root: Path, controller: str) -> Iterator[Path]:
    """Yield the directory of each control group above the process, as cgroups(7) has it.

    Args:
        root: where ``proc`` and ``sys`` are.
        controller: of version 1, for instance cpu or memory; version 2 has one tree for all.
    """
    for line in _lines(root / "proc/self/cgroup"):
        number, _, group = line.split(":", 2)
        tree = root / "sys/fs/cgroup" if number == "0" else root / "sys/fs/cgroup" / controller
        inner = Path(group.lstrip("/"))
        yield from (tree / inner, *(tree / parent for parent in inner.parents))


def _quotas(root: Path) -> Iterator[float]:
    """Yield the processors' worth of time that each control group above the process allows."""
    for place in control_groups(root, "cpu"):
        yield from _quota(place)


def _quota(group: Path) -> Iterator[float]:
    """Yield the quota of one group over its period, as cgroups(7) has it; none if unlimited."""
    both = " ".join(_lines(group / "cpu.max")).split()
    if len(both) != 2:
        both = [*_lines(group / "cpu.cfs_quota_us"), *_lines(group / "cpu.cfs_period_us")]
    if len(both) == 2 and all(number.isdecimal() for number in both) and int(both[1]):
        yield int(both[0]) / int(both[1])


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text().splitlines()
    except (OSError, UnicodeDecodeError):
        return []
