"""BabyAI-Text by others' doors, with the real libraries: an OpenEnv server, and a task of Inspect."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from importlib.util import find_spec
from itertools import chain, repeat

import pytest
from installed_example import EXAMPLES

from glam_eval.core.errors import UserError
from glam_eval.environments import VectorEnvironment
from glam_eval.environments.expert import bot_actions

pytestmark = pytest.mark.slow
LEVEL, SCENE = "GoToLocalS5N2", 2**31 + 3
openenv = pytest.mark.skipif(find_spec("openenv") is None, reason="openenv-core is not installed")
inspect = pytest.mark.skipif(find_spec("inspect_ai") is None, reason="inspect-ai is not installed")


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """The address of a server of the example, as its program starts it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path_factory.mktemp("openenv") / "log"
    program = str(EXAMPLES / "openenv" / "glam_openenv.py")
    command = [sys.executable, program, "--level", LEVEL, "--port", str(port)]
    with log.open("wb") as output:
        server = subprocess.Popen(command, stdout=output, stderr=output, env=os.environ)
    try:
        for _ in range(600):
            assert server.poll() is None, log.read_text()
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5)
                break
            except (urllib.error.URLError, ConnectionError):
                time.sleep(0.5)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(60)


@openenv
def test_an_openenv_client_plays_our_scenes_and_sessions_are_apart(served):
    from openenv.core import GenericEnvClient

    world = VectorEnvironment(LEVEL, 1)
    world.start(0, SCENE)
    way = bot_actions(LEVEL, SCENE)
    with GenericEnvClient(base_url=served).sync() as one, GenericEnvClient(base_url=served).sync() as other:
        seen = one.reset(seed=SCENE).observation
        assert seen["prompt"] == world.situations()[0].prompt
        assert other.reset(seed=SCENE + 1).observation["prompt"] != seen["prompt"]
        for action in way:
            phrase = world.actions[action]
            expected = world.step([action])[0]
            result = one.step({"action": phrase})
            assert result.observation["prompt"] == world.situations()[0].prompt
            assert (result.reward, result.done) == (expected.reward, expected.done)
        assert result.done and result.reward > 0 and result.observation["actions"] == []
        state = one.state()
        state = state if isinstance(state, dict) else state.model_dump()
        assert state["success"] and state["scene_seed"] == SCENE and state["step_count"] == len(way)
        with pytest.raises(RuntimeError, match="no episode is under way: reset first"):
            one.step({"action": "turn left"})
        with pytest.raises(RuntimeError, match="choose one of turn left"):
            other.step({"action": "fly"})


@inspect
def test_a_task_of_inspect_scores_models_on_our_scenes(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(EXAMPLES / "inspect"))
    from glam_inspect import babyai_text
    from inspect_ai import eval as evaluate
    from inspect_ai.model import ModelOutput, ModelUsage, get_model

    def spoken(text):
        output = ModelOutput.from_content("mockllm/model", text)
        output.usage = ModelUsage(output_tokens=1)  # counting them would fetch a tokenizer
        return output

    task = babyai_text(level=LEVEL, scenes=2)
    scenes = [sample.metadata["scene"] for sample in task.dataset]
    world = VectorEnvironment(LEVEL, 1)
    world.start(0, scenes[0])
    way = bot_actions(LEVEL, scenes[0])
    said = chain((world.actions[action] for action in way), repeat("banana"))
    model = get_model("mockllm/model", custom_outputs=map(spoken, said))
    (log,) = evaluate(task, model=model, log_dir=str(tmp_path), display="none", max_samples=1)
    assert log.status == "success", log.error
    first, second = log.samples
    assert first.input == world.situations()[0].observation.mission
    assert (first.scores["reached"].value, second.scores["reached"].value) == ("C", "I")
    steps = [world.step([action])[0] for action in way]
    assert first.scores["returned"].value == pytest.approx(steps[-1].reward)
    assert second.scores["reached"].metadata["invalid"] == second.scores["reached"].metadata["length"] > 0
    (accuracy,) = (each.metrics["accuracy"].value for each in log.results.scores if each.name == "reached")
    assert accuracy == 0.5


@inspect
def test_the_task_of_inspect_is_of_babyai_text_alone(monkeypatch):
    monkeypatch.syspath_prepend(str(EXAMPLES / "inspect"))
    from glam_inspect import babyai_text

    with pytest.raises(UserError, match="unknown level"):
        babyai_text(level="GoToLocl")
