"""Playing scenes by a policy that waits for its actions: each episode by itself, as its answers come.

The world is stepped by one thread alone; only waiting for answers is done in others. What a scene comes to
does not depend on when its answers come.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

from glam_eval.core.errors import RunFailedError
from glam_eval.core.world import Situation
from glam_eval.policies.base import Answerer, AnsweringPolicy, NoAnswerError, Place
from glam_eval.protocols.stage import Played, Playing, Stage

_TICK_SECONDS = 0.2  # after which ``between`` is called, though no answer came
# Episodes that fail with no answer in between, after which the server is taken to be gone: none is begun.
_FAILED_IN_A_ROW = 3


@dataclass(slots=True)
class _Waiting:
    """An episode whose next action is being asked for."""

    slot: int
    playing: Playing
    answerer: Answerer
    situation: Situation


def play_answering(policy: AnsweringPolicy, stage: Stage, between: Callable[[], None]) -> Iterator[Played]:
    """Play all scenes of a stage; yield episodes as they end.

    An episode that gets no answer fails; the others are played on. Whatever was answered is kept, where the
    policy keeps its answers.

    Raises:
        RunFailedError: at the end, if episodes failed or could not be begun; it names every one and why.
    """
    failed: dict[int, str] = {}
    asked: dict[Future[int], _Waiting] = {}
    scenes, in_a_row = iter(stage.scenes), 0
    with ThreadPoolExecutor(stage.slots, "answers") as pool:

        def ask(slot: int, playing: Playing, answerer: Answerer) -> None:
            (situation,) = stage.environment.situations([slot])
            asked[pool.submit(answerer.act, situation)] = _Waiting(slot, playing, answerer, situation)

        def begin(slot: int) -> None:
            scene = next(scenes, None) if in_a_row < _FAILED_IN_A_ROW else None
            if scene is not None:
                place = Place(stage.protocol.name, stage.condition.label, stage.frames, scene)
                ask(slot, stage.begin(slot, scene), policy.answerer(place))

        try:
            for slot in range(stage.slots):
                begin(slot)
            while asked:
                answered, _ = wait(asked, _TICK_SECONDS, FIRST_COMPLETED)
                between()
                for future in answered:
                    one = asked.pop(future)
                    try:
                        action = future.result()
                    except NoAnswerError as error:
                        failed[one.playing.scene] = str(error)
                        in_a_row += 1
                        begin(one.slot)
                        continue
                    in_a_row = 0
                    if _is_over(stage, one, action):
                        yield stage.finish(one.slot, one.playing, one.answerer.requests)
                        begin(one.slot)
                    else:
                        ask(one.slot, one.playing, one.answerer)
        except BaseException:
            policy.halt()
            raise
    if failed:
        raise RunFailedError(_told(stage, failed, list(scenes)))


def _is_over(stage: Stage, one: _Waiting, action: int) -> bool:
    """Take a step, and return whether the episode ends with it."""
    certain = [float(action == index) for index in range(len(one.situation.actions))]
    stage.keep_step(one.slot, one.playing, one.situation, certain, action)
    (result,) = stage.environment.step([action], [one.slot])
    return result.done


def _told(stage: Stage, failed: dict[int, str], not_begun: list[int]) -> str:
    """Return which episodes have no end, by scene, and why."""
    reasons: dict[str, list[int]] = defaultdict(list)
    for scene, reason in sorted(failed.items()):
        reasons[reason].append(scene)
    if not_begun:
        reasons["not begun, as none was answered any more"] = not_begun
    lacking, total = len(failed) + len(not_begun), len(stage.scenes)
    why = "; ".join(f"scenes {', '.join(map(str, scenes))}: {reason}" for reason, scenes in reasons.items())
    return (
        f"{lacking} of {total} episodes of {stage.protocol.name} {stage.condition.label} were not played to "
        f"their end ({why}); what was answered is kept: the same command asks for the rest alone"
    )
