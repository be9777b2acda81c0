"""Suites from TOML: every mistake is one line that names the key and the fix."""

import json

import pytest

from glam_eval.config.loading import load_suite, shipped_suites
from glam_eval.config.suite import SuiteConfig
from glam_eval.core.errors import UserError

SMALL = """
title = "t"
question = "q"
seeds = 2
frames = 2560
[environment]
level = "GoToLocalS5N2"
[ppo]
preset = "small"
[[agents]]
agent = "gflan"
model = "t5-pico"
[[agents]]
agent = "random"
[[protocols]]
name = "sample-efficiency"
"""


@pytest.fixture
def suite_file(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(SMALL)
    return path


def test_the_name_is_the_files(suite_file):
    assert load_suite(str(suite_file)).name == "mine"


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("sede=3", "unknown key 'sede': did you mean 'seeds'?"),
        ("seeds=-1", "seeds = -1"),
        ("seeds=0", "seeds = 0"),
        ("seeds=many", "seeds = 'many'"),
        ("environment.levl='x'", "unknown key 'environment.levl': did you mean 'level'?"),
        ("ppo.learningrate=1", "unknown key 'ppo.learningrate': did you mean 'learning_rate'?"),
        ("ppo.minibatch=4096", "minibatch 4096 exceeds environments x steps = 1280"),
        ("ppo.recurrence=7", "recurrence 7 must divide steps 40"),
        ("frames=100", "frames 100 is less than one batch of 1280"),
        ("agents=[{agent='gflam'}]", "unknown agent 'gflam': did you mean 'gflan'"),
        ("agents=[{agent='gflan'}]", "agent 'gflan' needs a model"),
        ("agents=[{agent='bot', model='t5-nano'}]", "agent 'bot' takes no model"),
        ("agents=[{agent='bot', frames=5000}]", "agent 'bot' never learns"),
        ("agents=[{agent='drrn', policy={action_choice='head'}}]", "'drrn' is no language model"),
        (
            "agents=[{agent='aflan', model='t5-nano', policy={weights='random'}}]",
            "has weights = 'pretrained'",
        ),
        (
            "agents=[{agent='bc-gflan', model='t5-nano', cloning={source='bot'}}]",
            "clones gflan, not bot: choose agent 'bc-bot'",
        ),
        (
            "agents=[{agent='bc-bot', model='t5-nano', cloning={source='gflan'}}]",
            "clones bot, not gflan: choose agent 'bc-gflan'",
        ),
        ("agents=[{agent='bc-bot', model='t5-nano', cloning={source='./x'}}]", "no cloning.source './x'"),
        (
            "agents=[{agent='bc-gflan', model='t5-nano', cloning={source='bc-gflan'}}]",
            "goes in a circle: bc-gflan of bc-gflan",
        ),
        ("agents=[{agent='drrn', ppo={clip=0.1}}]", "'drrn' learns by q_learning: leave its ppo out"),
        ("agents=[{agent='drrn', cloning={steps=3}}]", "'drrn' learns by q_learning"),
        ("policy.value_head=false", "PPO needs a critic"),
        ("policy.trainable='everything'", "'all', 'decoder' or 'heads'"),
        ("agents=[{agent='drrn', q_learning={steps_per_gradient=3}}]", "3 must divide steps 40"),
        ("agents=[]", "no agents"),
        ("agents=[{agent='bot', protocols=['sample-eficiency']}]", "did you mean 'sample-efficiency'"),
        ("protocols=[]", "no protocols"),
        ("protocols=[{name='generalisation'}]", "did you mean 'generalization'"),
        ("protocols=[{name='generalization', conditions=['none','none']}]", "two conditions"),
        ("protocols=[{name='generalization', scenes=0}]", "scenes = 0"),
        ("seeds", "write key=value"),
        ("seeds.x=1", "'seeds' is not a group of settings"),
    ],
)
def test_wrong_values_are_named(suite_file, override, expected):
    with pytest.raises(UserError) as raised:
        load_suite(str(suite_file), [override])
    assert expected in str(raised.value)
    assert "\n" not in str(raised.value)


def test_malformed_toml_names_file_and_line(tmp_path):
    path = tmp_path / "broken.toml"
    path.write_text('title = "a\n')
    with pytest.raises(UserError, match=r"broken\.toml: not valid TOML.*line 1"):
        load_suite(str(path))


def test_unknown_suite_names_the_nearest():
    with pytest.raises(UserError, match="did you mean 'quick'"):
        load_suite("qick")


def test_extending_merges_groups_and_replaces_lists(tmp_path, suite_file):
    child = tmp_path / "child.toml"
    child.write_text(f'extends = "{suite_file}"\n[ppo]\nclip = 0.1\n[[agents]]\nagent = "random"\n')
    suite = load_suite(str(child))
    assert suite.name == "child"
    assert suite.ppo == {"preset": "small", "clip": 0.1}
    assert [agent.agent for agent in suite.agents] == ["random"]
    assert suite.environment.level == "GoToLocalS5N2"


def test_extending_several_lets_later_ones_win(tmp_path, suite_file):
    other = tmp_path / "other.toml"
    other.write_text("seeds = 7\n[ppo]\nclip = 0.3\n")
    child = tmp_path / "child.toml"
    child.write_text(f'extends = ["{suite_file}", "{other}"]\n')
    suite = load_suite(str(child))
    assert (suite.seeds, suite.frames, suite.ppo) == (7, 2560, {"preset": "small", "clip": 0.3})


def test_a_part_of_suites_is_no_suite():
    assert not [name for name in shipped_suites() if name.startswith("_")]
    with pytest.raises(UserError, match="missing key"):
        load_suite("_cpu")


def test_extending_oneself_is_an_error(tmp_path):
    path = tmp_path / "loop.toml"
    path.write_text(f'extends = "{path}"\n')
    with pytest.raises(UserError, match="extends itself"):
        load_suite(str(path))


def test_preset_values_yield_to_given_ones(suite_file):
    run = load_suite(str(suite_file), ["ppo.epochs=7"]).runs()[0]
    assert (run.learner.epochs, run.learner.minibatch, run.learner.learning_rate) == (7, 256, 3e-4)


def test_an_agent_has_its_own_values_under_a_preset(suite_file):
    agents = "agents=[{agent='symbolic-ppo'},{agent='gflan',model='t5-pico'}]"
    symbolic, language = load_suite(str(suite_file), [agents, "seeds=1"]).runs()
    assert (symbolic.learner.recurrence, symbolic.learner.minibatch) == (10, 160)
    assert (language.learner.recurrence, language.learner.minibatch) == (1, 256)
    assert symbolic.learner.reward_scale == language.learner.reward_scale == 1.0
    paper = load_suite(str(suite_file), [agents, "seeds=1", "ppo.preset=paper"]).runs()
    assert (paper[0].learner.environments, paper[0].learner.learning_rate) == (64, 1e-4)
    assert (paper[1].learner.environments, paper[1].learner.learning_rate) == (32, 1e-6)


@pytest.mark.parametrize("name", shipped_suites())
def test_a_suite_read_back_from_its_directory_has_the_same_runs(name):
    suite = load_suite(name, ["seeds=1"])
    again = SuiteConfig.parse(json.loads(suite.canonical_json()), "suite.json")
    assert [planned.run_id for planned in again.graph] == [planned.run_id for planned in suite.graph]


def test_equal_runs_are_one_run(suite_file):
    agents = "agents=[{agent='random'},{agent='random'},{agent='bot'}]"
    assert len(load_suite(str(suite_file), [agents]).runs()) == 4


def test_a_run_that_several_questions_need_is_one_run_asked_all_of_them(suite_file):
    protocols = "protocols=[{name='sample-efficiency'},{name='generalization'}]"
    entry = "agent='gflan', model='t5-pico'"
    agents = (
        f"agents=[{{{entry}, protocols=['generalization']}}, {{agent='random'}},"
        f"{{{entry}, protocols=['sample-efficiency']}},"
        "{agent='bot', protocols=['generalization']}]"
    )
    questions = load_suite(str(suite_file), [protocols, agents, "seeds=1"]).questions()
    assert {run.agent: [protocol.name for protocol in asked] for run, asked in questions} == {
        "gflan": ["sample-efficiency", "generalization"],
        "random": ["sample-efficiency", "generalization"],
        "bot": ["generalization"],
    }


def test_run_ids_differ_by_every_setting(suite_file):
    plain = load_suite(str(suite_file)).runs()[0]
    changed = load_suite(str(suite_file), ["ppo.clip=0.1"]).runs()[0]
    assert plain.run_id != changed.run_id
    assert plain.run_id == load_suite(str(suite_file)).runs()[0].run_id


def test_evaluation_points_span_the_run(suite_file):
    run = load_suite(str(suite_file), ["frames=25600", "evaluations=4"]).runs()[0]
    assert run.evaluation_updates() == [0, 5, 10, 15, 20]
    assert load_suite(str(suite_file), ["evaluations=9"]).runs()[0].evaluation_updates() == [0, 1, 2]


EXPECTED_RUNS = {
    "ablations": 100,
    "ablations-cpu": 60,
    "agentgym-babyai": 12,
    "balrog-babyai": 15,
    "consequences": 30,
    "chat-cpu": 15,
    "consequences-cpu": 30,
    "generalization": 30,
    "generalization-cpu": 80,
    "grounding": 75,
    "grounding-search": 12,
    "grounding-cpu": 80,
    "online-offline": 30,
    "online-offline-cpu": 40,
    "paper": 80,
    "paper-cpu": 78,
    "pretraining": 30,
    "pretraining-cpu": 52,
    "probes": 15,
    "probes-cpu": 20,
    "prompts": 50,
    "prompts-cpu": 50,
    "quick": 40,
    "retention": 20,
    "retention-cpu": 20,
    "saliency": 25,
    "saliency-cpu": 30,
    "sample-efficiency": 50,
    "sample-efficiency-cpu": 65,
    "scaling": 50,
    "scaling-cpu": 40,
    "smollm2-cpu": 36,
    "smollm2-goto-cpu": 33,
    "smollm2-words-cpu": 18,
}


def test_every_shipped_suite_expands_to_its_runs():
    assert {name: len(load_suite(name).runs()) for name in shipped_suites()} == EXPECTED_RUNS


def test_the_agents_name_sets_the_switches(suite_file):
    agents = [f"{{agent='{name}', model='t5-nano'}}" for name in ("gflan", "aflan", "npe", "npa", "npae")]
    runs = load_suite(str(suite_file), [f"agents=[{','.join(agents)}]", "seeds=1"]).runs()
    assert [(run.policy.weights, run.policy.embeddings, run.policy.action_choice) for run in runs] == [
        ("pretrained", "pretrained", "scoring"),
        ("pretrained", "pretrained", "head"),
        ("random", "pretrained", "scoring"),
        ("random", "random", "head"),
        ("random", "pretrained", "head"),
    ]
    assert all(type(run).parse(run.model_dump(mode="json"), "again") == run for run in runs)
