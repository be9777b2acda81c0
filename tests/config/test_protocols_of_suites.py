"""Protocols as settings: named sets of conditions, and which agents each protocol takes."""

import pytest

from glam_eval.config.agents import AGENTS, Agent, agents_where, describe_agent, goal_blind_agents
from glam_eval.config.protocols import PROTOCOLS, ProtocolConfig, condition_rank, condition_sets
from glam_eval.config.suite import SuiteConfig
from glam_eval.core.errors import UserError
from glam_eval.environments.catalogue import make_scenes
from glam_eval.environments.probes import probes
from glam_eval.language import speaker


def protocol(name="generalization", **values):
    return ProtocolConfig.parse({"name": name, **values}, "test")


def labels(*conditions):
    return [each.label for each in protocol(conditions=list(conditions)).conditions]


def test_the_papers_tests_in_its_order():
    assert labels("@paper") == [
        "none",
        "new_nouns",
        "synonym_colors",
        "invented_nouns",
        "invented_colors",
        "invented_nouns_and_colors",
        "goal_intro_speaker",
        "goal_intro_agent",
        "synonym_actions",
        "synonym_actions_2",
        "held_out",
        "new_composition",
        "none@fr",
    ]
    assert labels("@paper-5x5") == labels("@paper")


def test_sets_compose_and_name_each_condition_once():
    assert labels("@paper", "@languages")[13:] == ["none@de", "none@es", "none@it", "none@ro"]
    assert labels("none", "@words") == labels("@words")


def test_settings_read_back_are_the_same():
    before = protocol(conditions=["@paper", "@controls", "@language-controls"])
    assert ProtocolConfig.parse(before.model_dump(mode="json"), "again") == before


@pytest.mark.parametrize("name", condition_sets())
def test_every_condition_of_a_set_can_be_played(name):
    trained = "MixedTrainLocalS5N2" if name.endswith("5x5") else "MixedTrainLocal"
    for condition in protocol(conditions=[f"@{name}"]).conditions:
        speaker("en", condition.shift)
        make_scenes(condition.level or trained, **condition.options).reset(seed=1)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"conditions": ["@papr"]}, "unknown set of conditions '@papr': did you mean '@paper'"),
        ({"conditions": []}, "no conditions"),
        ({"every": 2}, "protocol generalization has no setting 'every'"),
        ({"name": "probes", "scenes": 5}, "protocol probes has no setting 'scenes'"),
        ({"name": "probes", "tasks": ["goto", "jump"]}, "tasks.1 = 'jump'"),
        ({"name": "probes", "conditions": [{"options": {"room_size": 6}}]}, "drawn rooms"),
        ({"name": "probes", "conditions": ["none~swapped"]}, "leave swapped and absent ones out"),
        ({"conditions": ["none~swopped"]}, "conditions.0.goal = 'swopped'"),
        ({"name": "probes", "every": 0}, "every = 0"),
        ({"name": "retention", "conditions": ["none@fr"]}, "has no setting 'conditions'"),
        ({"name": "retention", "items": 0}, "items = 0"),
    ],
)
def test_wrong_settings_are_one_line(values, expected):
    with pytest.raises(UserError) as raised:
        protocol(**values)
    assert expected in str(raised.value)
    assert "\n" not in str(raised.value)


def suite(agents, names):
    return SuiteConfig.parse(
        {
            "name": "s",
            "title": "t",
            "question": "q",
            "seeds": 1,
            "agents": [
                {"agent": name, **({"model": "t5-pico"} if describe_agent(name).uses_model else {}), **more}
                for name, more in agents.items()
            ],
            "protocols": [{"name": name} for name in names],
        },
        "suite",
    )


def test_an_agent_is_asked_what_it_can_answer():
    made = suite({"gflan": {}, "drrn": {}, "symbolic-ppo": {}, "bot": {}, "random": {}}, PROTOCOLS)
    asked = {run.agent: {p.name for p in protocols} for run, protocols in made.questions()}
    playing = {"sample-efficiency", "generalization"}
    assert asked == {
        "gflan": set(PROTOCOLS),
        "drrn": playing | {"probes", "saliency"},
        "symbolic-ppo": playing,
        "bot": playing,
        "random": playing,
    }
    assert made.gaps() == [
        "probes takes agents that read text: not symbolic-ppo, bot, random",
        "retention takes language models: not drrn, symbolic-ppo, bot, random",
        "consequences takes language models: not drrn, symbolic-ppo, bot, random",
        "saliency takes agents that read text: not symbolic-ppo, bot, random",
    ]


def test_language_models_are_all_asked_everything():
    made = suite({name: {} for name in ("gflan", "aflan", "zero-shot")}, PROTOCOLS)
    assert made.gaps() == []
    assert all(len(protocols) == len(PROTOCOLS) for _, protocols in made.questions())


@pytest.mark.parametrize(
    ("agents", "names", "expected"),
    [
        (
            {"bot": {}},
            ["generalization", "probes"],
            "probes takes agents that read text, and is asked of none",
        ),
        ({"drrn": {}}, ["generalization", "retention"], "takes language models, and is asked of none"),
        (
            {"bot": {"protocols": ["retention"]}, "zero-shot": {}},
            ["generalization", "retention"],
            "agent 'bot' asks for retention, which takes language models",
        ),
        ({"zero-shot": {}}, ["probes"], "no protocol plays episodes"),
        ({"zero-shot": {}}, ["generalization", "generalization"], "a protocol is there twice"),
    ],
)
def test_questions_without_an_agent_are_refused(agents, names, expected):
    with pytest.raises(UserError, match=expected):
        suite(agents, names)


def test_every_task_of_a_probe_can_be_chosen():
    tasks = {probe.task for probe in probes()}
    assert set(protocol("probes", tasks=sorted(tasks)).tasks) == tasks


def test_agents_of_other_packages_are_taken_to_read_text():
    silent = {name for name, agent in AGENTS.items() if not agent.reads_text}
    assert silent == {"symbolic-ppo", "chat", *agents_where(role="reference")}
    assert Agent("mine", "Mine", "an agent of another package", "none", build="mine:build").reads_text


def test_the_registry_says_who_never_knows_the_goal():
    """What a world gives without language: the best of them is chance."""
    assert goal_blind_agents() == ["blind", "sweep", "random-useful", "random"]
    assert describe_agent("blind").role == "control" and not describe_agent("bot").goal_blind


def test_conditions_come_in_the_order_in_which_people_list_them():
    shuffled = [
        "none@mixed-fr-en", "my_room", "four_instructions", "none@de", "invented_nouns@fr", "synonym_colors",
        "one_instruction", "none@cipher", "none@fr", "new_nouns", "larger_room", "none", "none@xx",
    ]  # fmt: skip
    assert sorted(shuffled, key=condition_rank) == [
        "none", "new_nouns", "synonym_colors", "none@fr", "invented_nouns@fr", "none@de", "none@cipher",
        "none@mixed-fr-en", "one_instruction", "four_instructions", "larger_room", "my_room", "none@xx",
    ]  # fmt: skip
