"""What a stream of scenes asks for: the leakage audit, and scenes with equal numbers of each task kind."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from glam_eval.core.errors import UserError
from glam_eval.core.seeds import training_scene_seeds
from glam_eval.core.world import Instruction
from glam_eval.environments.catalogue import make_scenes
from glam_eval.environments.goals import instruction_of, references_in, task_of
from glam_eval.environments.levels import HELD_OUT

HELD_OUT_COMPOSITIONS = ("pickup_then_pickup",)  # the paper's new composition, PickUpSeqPickUpLocal


@dataclass(frozen=True)
class Leak:
    """Something held out that a training stream asks for."""

    kind: str  # pair, word or composition
    name: str
    episodes: int
    scene_seed: int  # of the first such episode
    mission: str  # of the first such episode


@dataclass(frozen=True)
class LeakageReport:
    """What an audit of a stream of missions found; no leaks is what a study wants."""

    level: str
    episodes: int
    held_out: tuple[str, ...]
    tasks: dict[str, int]  # episodes of each kind of task
    pairs: dict[str, int]  # episodes that mention each "colour noun" pair
    leaks: tuple[Leak, ...]


def missions_of(
    level: str, scene_seeds: Iterable[int], **options: Any
) -> Iterator[tuple[int, str, Instruction]]:
    """Yield scene seed, English mission and instruction of each scene."""
    env = make_scenes(level, **options)
    for scene_seed in scene_seeds:
        env.reset(seed=scene_seed)
        yield scene_seed, env.mission, instruction_of(env.instrs)


def _held_out_kind(item: str) -> str:
    if "_then_" in item or "_and_" in item:
        return "composition"
    return "pair" if " " in item else "word"


def _contents(instruction: Instruction) -> tuple[set[str], set[str]]:
    """Return the pairs that an instruction mentions, and the words and composition besides."""
    references = references_in(instruction)
    pairs = {f"{r.color} {r.noun}" for r in references if r.color and r.noun}
    words = {word for r in references for word in (r.color, r.noun) if word}
    return pairs, words | {task_of(instruction)}


def leakage_audit(
    level: str,
    episodes: int,
    held_out: Sequence[str] = (*HELD_OUT, *HELD_OUT_COMPOSITIONS),
    seed: int = 0,
    slots: int = 32,
    **options: Any,
) -> LeakageReport:
    """List every held-out pair, word or composition that the training stream of a run asks for.

    What a mission mentions counts, not what merely lies in the room.

    Args:
        level: its name.
        episodes: how many scenes, the first of the stream that such a run trains on, slots in turn.
        held_out: pairs ("yellow box"), words ("yellow") or compositions ("pickup_then_pickup").
        seed: of the run.
        slots: its environments.
        options: of the level.

    Raises:
        UserError: for no episode, or an unknown level.
    """
    if episodes < 1:
        raise UserError(f"an audit needs at least one episode, not {episodes}")
    found: dict[str, list[Any]] = {}
    tasks: Counter[str] = Counter()
    mentioned: Counter[str] = Counter()
    for scene_seed, mission, instruction in missions_of(level, _stream(seed, slots, episodes), **options):
        pairs, others = _contents(instruction)
        tasks[task_of(instruction)] += 1
        mentioned.update(pairs)
        for item in (pairs | others).intersection(held_out):
            found.setdefault(item, [0, scene_seed, mission])[0] += 1
    leaks = tuple(Leak(_held_out_kind(item), item, *found[item]) for item in held_out if item in found)
    return LeakageReport(
        level, episodes, tuple(held_out), dict(sorted(tasks.items())), dict(sorted(mentioned.items())), leaks
    )


def _stream(seed: int, slots: int, episodes: int) -> Iterator[int]:
    streams = [training_scene_seeds(seed, slot) for slot in range(slots)]
    return islice((next(stream) for _ in iter(int, 1) for stream in streams), episodes)


def balanced_scenes(
    level: str, kinds: Sequence[str], seeds: Iterable[int], per_kind: int, /, **options: Any
) -> dict[str, list[int]]:
    """Return the first ``per_kind`` scene seeds of each kind of task, in the order of ``seeds``.

    Depends on level, options and seeds alone, so that every agent meets the same scenes.

    Raises:
        UserError: if the seeds run out first.
    """
    chosen: dict[str, list[int]] = {kind: [] for kind in kinds}
    missing = per_kind * len(chosen)
    for scene_seed, _, instruction in missions_of(level, seeds, **options):
        if not missing:
            break
        scenes = chosen.get(task_of(instruction))
        if scenes is not None and len(scenes) < per_kind:
            scenes.append(scene_seed)
            missing -= 1
    if missing:
        short = ", ".join(f"{len(scenes)} of {kind}" for kind, scenes in chosen.items())
        raise UserError(
            f"level {level} has too few scenes of some kinds ({short}): give more seeds or other kinds"
        )
    return chosen
