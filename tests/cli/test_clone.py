"""glam-eval clone: what it leaves, what its checkpoint is good for, what it says to wrong input."""

import pandas as pd
import pytest
from program import glam_eval

from glam_eval.cli import main
from glam_eval.core.records import DemonstrationRecord
from glam_eval.results import write_table

TINY = [
    *("--level", "GoToLocalS5N2", "--model", "t5-pico", "--device", "cpu"),
    *("--set", "protocols=[{name='sample-efficiency',scenes=4}]", "--set", "evaluations=1"),
    *("--set", "policy.head_hidden=8", "--set", "environment.remembered=1"),
    *("--set", "cloning.minibatch=16", "--set", "cloning.steps=5"),
    *("--set", "ppo.environments=8", "--set", "ppo.steps=10", "--set", "ppo.minibatch=40"),
]


@pytest.fixture(scope="module")
def cloned(tmp_path_factory):
    out = tmp_path_factory.mktemp("cloned") / "out"
    done = glam_eval("clone", "bot", "--out", out, "--transitions", 160, "--then-frames", 80, *TINY)
    assert done.returncode == 0, done.stderr
    return out


@pytest.mark.slow
def test_demonstrations_say_level_scene_prompt_action_and_source(cloned):
    demonstrations = pd.read_parquet(cloned / "demonstrations")
    assert len(demonstrations) == 160
    assert set(demonstrations["source"]) == {"bot"} and set(demonstrations["level"]) == {"GoToLocalS5N2"}
    assert demonstrations["prompt"].str.startswith("Possible action of the agent: turn left").all()
    assert demonstrations["action"].between(0, 5).all()
    assert not demonstrations.duplicated(["scene_seed", "step"]).any()


@pytest.mark.slow
def test_the_clone_is_evaluated_and_continues_online(cloned):
    for part, agent, frames in (("cloned", "bc-bot", 160), ("continued", "gflan", 80)):
        episodes = pd.read_parquet(cloned / part / "episodes")
        assert set(episodes["agent"]) == {agent} and set(episodes["frames"]) == {0, frames}
    before = pd.read_parquet(cloned / "cloned" / "episodes").query("frames == 160")
    after = pd.read_parquet(cloned / "continued" / "episodes").query("frames == 0")
    columns = ["scene_seed", "actions"]  # equal weights, equal scenes, equal draws: equal play
    pd.testing.assert_frame_equal(
        before[columns].sort_values("scene_seed", ignore_index=True),
        after[columns].sort_values("scene_seed", ignore_index=True),
    )


@pytest.mark.parametrize(
    ("source", "arguments", "message"),
    [
        ("nowhere", [], "no cloning.source 'nowhere'"),
        (
            "STORED",
            ["--frames", "80", "--set", "environment.actions=restricted"],
            "this run offers turn left, turn right, go forward:",
        ),
        ("bot", ["--model", "t5-nanoo"], "unknown model 't5-nanoo'"),
        ("bot", ["--set", "cloning.warmup=2"], "cloning.warmup = 2"),
    ],
)
def test_wrong_input_is_one_line_and_leaves_nothing(tmp_path, capsys, source, arguments, message):
    if source == "STORED":
        source = tmp_path / "stored"
        offered = ["turn left", "turn right", "go forward", "pick up", "drop", "toggle"]
        record = DemonstrationRecord("GoToLocalS5N2", 1, 0, "Goal of the agent: go", offered, 2, "bot")
        write_table(source, "demonstrations", [record], "some")
    code = main(["clone", str(source), "--out", str(tmp_path / "out"), *TINY, *arguments])
    said = capsys.readouterr().err
    assert code == 2
    assert message in said and said.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_another_agents_checkpoint_is_no_language_model(tmp_path, capsys):
    (tmp_path / "policy.safetensors").write_bytes(b"")
    assert main(["train", "--model", str(tmp_path), "--out", str(tmp_path / "out")]) == 2
    assert "holds no language model" in capsys.readouterr().err
