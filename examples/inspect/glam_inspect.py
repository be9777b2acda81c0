"""BabyAI-Text as a task of Inspect: any model that Inspect reaches, on the scenes of glam-eval's studies.

Install this folder (`pip install examples/inspect`), then
`inspect eval examples/inspect/glam_inspect.py@babyai_text --model ollama/smollm2 -T scenes=50`.
Samples are the test scenes of the protocol `generalization`, told as to glam-eval's own agent `chat`.
"""

from inspect_ai import Task, task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import ChatMessageAssistant, ChatMessageSystem, ChatMessageUser, get_model
from inspect_ai.scorer import Score, accuracy, mean, scorer, stderr
from inspect_ai.solver import solver

from glam_eval.chat.answers import named_action
from glam_eval.chat.conversation import Conversation
from glam_eval.config.conversation import ConversationConfig
from glam_eval.config.environment import EnvironmentConfig
from glam_eval.config.protocols import ConditionConfig, ProtocolConfig
from glam_eval.config.run import RunConfig
from glam_eval.core.world import IDLE
from glam_eval.environments import make_environment
from glam_eval.environments.catalogue import find_level
from glam_eval.protocols.scenes import check_scenes, environment_of, protocol_scenes

ROLES = {"system": ChatMessageSystem, "user": ChatMessageUser, "assistant": ChatMessageAssistant}
EPISODE = "episode"  # in a sample's store: how it ended


@task
def babyai_text(level="GoToLocal", scenes=50, condition="none", reasoning=False, window=15):
    """Success of a prompted model in the scenes of a level.

    Args:
        level: of BabyAI-Text.
        scenes: how many.
        condition: how they are told, as in suites: `none`, `new_nouns@fr`, `none~swapped`.
        reasoning: whether the model may think before its action.
        window: past turns that it is reminded of.
    """
    find_level(level)
    run = RunConfig(agent="random", environment=EnvironmentConfig(level=level))
    told = ConditionConfig.model_validate(condition)
    protocol = ProtocolConfig(name="generalization", scenes=scenes, conditions=(told,))
    check_scenes(run, protocol, told)
    world = environment_of(run, told)
    environment = make_environment(world, 1)
    samples = []
    for scene in protocol_scenes(protocol, run, told):
        environment.start(0, scene)
        mission = environment.situations()[0].observation.mission
        samples.append(Sample(input=mission or "(no goal is told)", id=scene, metadata={"scene": scene}))
    settings = ConversationConfig(reasoning=reasoning, window=window)
    return Task(
        dataset=MemoryDataset(samples, name=level),
        solver=play(world, settings),
        scorer=[reached(), returned()],
        metadata={"level": level, "condition": told.label},
    )


@solver
def play(world, settings):
    """Play a sample's scene to its end; an answer that names no action does nothing, and is told so."""

    async def solve(state, generate):  # noqa: ARG001  # the whole conversation is sent anew at each step
        environment, conversation = make_environment(world, 1), Conversation(settings)
        environment.start(0, state.metadata["scene"])
        invalid, over = 0, False
        while not over:
            situation = environment.situations()[0]
            conversation.observe(situation)
            sent = [ROLES[each["role"]](content=each["content"]) for each in conversation.messages(situation)]
            state.output = await get_model().generate(sent)
            answer = state.output.completion
            state.messages = [*sent, state.output.message]
            action = named_action(answer, situation.actions, settings.reasoning)
            if action is None:
                invalid += 1
                conversation.replaced(answer, "")
            else:
                conversation.acted(situation.actions[action])
            over = environment.step([IDLE if action is None else action])[0].done
        summary = environment.summary(0)
        ended = {"success": summary.success, "return": summary.episode_return, "length": summary.length}
        state.store.set(EPISODE, {**ended, "success_told": summary.success_told, "invalid": invalid})
        return state

    return solve


@scorer(metrics=[accuracy(), stderr()])
def reached():
    """Whether the scene's own goal was reached in time."""

    async def score(state, target):  # noqa: ARG001  # what is right is what the world says
        episode = state.store.get(EPISODE)
        told = f"{episode['length']} steps, {episode['invalid']} answers that name no action"
        return Score(value="C" if episode["success"] else "I", explanation=told, metadata=episode)

    return score


@scorer(metrics=[mean(), stderr()])
def returned():
    """The return: 1 - 0.9 t/T at success, else 0."""

    async def score(state, target):  # noqa: ARG001
        return Score(value=state.store.get(EPISODE)["return"])

    return score
