"""Episodes that a served model is shown before it plays: the bot's, in the run's own training scenes."""

from itertools import islice

from glam_eval.chat.conversation import Message, named, told
from glam_eval.config.run import RunConfig
from glam_eval.core.errors import UserError
from glam_eval.core.seeds import training_scene_seeds
from glam_eval.environments import make_environment

_SCENES = 100  # that are tried for each example: the bot fails at some


def make_examples(config: RunConfig) -> tuple[Message, ...]:
    """Return the turns of ``conversation.examples`` solved episodes, in the order of the scenes they are of.

    Args:
        config: of a run with a conversation.

    Raises:
        UserError: if the bot solves too few of the run's training scenes.
    """
    settings = config.conversation
    if settings is None or not settings.examples:
        return ()
    messages: list[Message] = []
    missing = settings.examples
    for scene in islice(training_scene_seeds(config.seed, slot=0), _SCENES * settings.examples):
        turns = _play(config, scene, settings.reasoning)
        messages += turns
        missing -= bool(turns)
        if not missing:
            return tuple(messages)
    raise UserError(
        f"the bot solves too few scenes of {config.environment.level}: "
        f"lower conversation.examples (now {settings.examples})"
    )


def _play(config: RunConfig, scene: int, reasoning: bool) -> list[Message]:
    """Return the turns of the bot's episode; none if it fails."""
    environment = make_environment(config.environment, 1)
    environment.start(0, scene)
    messages: list[Message] = []
    while True:
        (situation,) = environment.situations()
        action = situation.expert_action()
        messages += [
            {"role": "user", "content": told(situation, goal=True)},
            {"role": "assistant", "content": named(situation.actions[action], reasoning)},
        ]
        (result,) = environment.step([action])
        if result.done:
            return messages if result.reward > 0 else []
