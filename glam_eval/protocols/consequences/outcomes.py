"""Which observation follows an action? Wrong answers are what other actions give in the same situation."""

from collections import Counter
from collections.abc import Iterator, Sequence

from glam_eval.config.environment import EnvironmentConfig
from glam_eval.core.seeds import stream
from glam_eval.language.prompts import MAX_REMEMBERED
from glam_eval.language.questions import render_outcome_question, tell_observation
from glam_eval.protocols.consequences.question import Item
from glam_eval.protocols.moments import Moment, Simulator


def outcome_groups(world: EnvironmentConfig, scenes: Sequence[int]) -> Iterator[list[Item]]:
    """Yield a group of items for each scene that serves: a moment of it, and each distinct outcome once.

    An outcome that the prompt tells already, as that of an action which changes nothing, is none of the
    candidates. Of actions with one outcome the one is asked that was asked least so far.
    """
    simulator, asked = Simulator(world), Counter[int]()
    kept = min(world.remembered, MAX_REMEMBERED - 1)  # observations, beside the one that is asked about
    for scene in scenes:
        draws = stream(0, "consequences", "observation", scene)
        moment = simulator.moment(scene, draws)
        outcomes = _outcomes(simulator, moment, kept)
        texts = list(outcomes)
        candidates = tuple(texts[place] for place in draws.permutation(len(texts)))
        if len(candidates) < 2:
            continue
        actions = [min(outcomes[text], key=lambda each: (asked[each], each)) for text in candidates]
        asked.update(actions)
        yield [
            _item(simulator, moment, kept, action, candidates, answer)
            for answer, action in enumerate(actions)
        ]


def _outcomes(simulator: Simulator, moment: Moment, kept: int) -> dict[str, list[int]]:
    """Return the actions by the observation that follows, but for what the prompt tells already."""

    def text_of(sentences: Sequence[str]) -> str:
        return tell_observation(simulator.speaker, moment.template, sentences)

    known = [text_of(sentences) for sentences in moment.told[-kept:]]
    found: dict[str, list[int]] = {}
    for action in range(len(simulator.actions)):
        text = text_of(simulator.follows(moment, action))
        if text and not any(text in each for each in known):
            found.setdefault(text, []).append(action)
    return found


def _item(
    simulator: Simulator, moment: Moment, kept: int, action: int, candidates: tuple[str, ...], answer: int
) -> Item:
    """Return the question which of the candidates follows an action."""
    told, names = moment.told[-kept:], simulator.actions
    taken = [names[each] for each in (*moment.actions, action)][-len(told) :]
    prompt, bare = render_outcome_question(
        simulator.speaker, moment.template, names, moment.goal, told, taken
    )
    return Item("observation", moment.scene, names[action], prompt, bare, candidates, answer)
