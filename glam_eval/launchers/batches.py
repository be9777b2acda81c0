"""Runs as arrays of tasks: short runs share a task, and a task waits for the same one of an earlier array."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from glam_eval.config.graph import PlannedRun


@dataclass(slots=True)
class Batch:
    """An array of tasks that an engine is given at once."""

    after: tuple[int, ...] = ()  # positions of batches; each task begins after their tasks of its own index
    tasks: dict[int, list[str]] = field(default_factory=dict)  # index -> run_ids, in order


def batches(
    runs: Sequence[PlannedRun], seconds: Mapping[str, float], slot_seconds: float, largest: int
) -> list[Batch]:
    """Divide runs into arrays of tasks, those before that others wait for.

    Runs that are connected by needs have one index, so that a task waits for the tasks of its index alone
    and no chain of runs waits for another one.

    Args:
        runs: to be carried out; what is needed and not among them is finished.
        seconds: about how long each takes, by run_id.
        slot_seconds: about how long the short runs of one task may take together; at 0 each run has its own.
        largest: the number of indices that an array may have.
    """
    depths = _depths(runs)
    places: dict[str, tuple[int, int]] = {}  # run_id -> array, index
    made: list[Batch] = []
    known: dict[tuple[int, int, int, tuple[int, ...]], int] = {}
    for slot, members in enumerate(_slots(runs, seconds, slot_seconds)):
        chunk, index = divmod(slot, largest)
        for depth in sorted({depths[planned.run_id] for planned in members}):
            level = [planned for planned in members if depths[planned.run_id] == depth]
            for copy, task in enumerate(_filled([[each] for each in level], seconds, slot_seconds)):
                needed = {places[need][0] for planned in task for need in planned.needs if need in places}
                key = (chunk, depth, copy, tuple(sorted(needed)))
                if key not in known:
                    known[key] = len(made)
                    made.append(Batch(after=key[-1]))
                made[known[key]].tasks[index] = [planned.run_id for planned in task]
                places |= {planned.run_id: (known[key], index) for planned in task}
    return made


def _slots(
    runs: Sequence[PlannedRun], seconds: Mapping[str, float], slot_seconds: float
) -> list[list[PlannedRun]]:
    """Return the runs of each index: those connected by needs, and others as far as the time allows."""
    root = {planned.run_id: planned.run_id for planned in runs}

    def find(run_id: str) -> str:
        while root[run_id] != run_id:
            root[run_id] = run_id = root[root[run_id]]
        return run_id

    for planned in runs:
        for need in planned.needs:
            if need in root:
                root[find(planned.run_id)] = find(need)
    connected: dict[str, list[PlannedRun]] = defaultdict(list)
    for planned in runs:
        connected[find(planned.run_id)].append(planned)
    return _filled(list(connected.values()), seconds, slot_seconds)


def _filled(
    groups: Sequence[list[PlannedRun]], seconds: Mapping[str, float], slot_seconds: float
) -> list[list[PlannedRun]]:
    """Join groups, one after another, as long as they fit into a slot together."""
    slots: list[list[PlannedRun]] = []
    used = slot_seconds
    for group in groups:
        takes = sum(seconds[planned.run_id] for planned in group)
        if not slots or slot_seconds <= 0 or used + takes > slot_seconds:
            slots.append([])
            used = 0.0
        slots[-1].extend(group)
        used += takes
    return slots


def _depths(runs: Sequence[PlannedRun]) -> dict[str, int]:
    """Return the number of runs in the longest chain that leads to each."""
    planned, depths = {each.run_id: each for each in runs}, dict[str, int]()

    def depth(run_id: str) -> int:
        if run_id not in depths:
            needs = [need for need in planned[run_id].needs if need in planned]
            depths[run_id] = 1 + max(map(depth, needs), default=-1)
        return depths[run_id]

    for each in runs:
        depth(each.run_id)
    return depths
