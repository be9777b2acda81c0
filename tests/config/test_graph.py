"""A suite as a graph: what a clone learns from is planned once, before it, whoever else needs it."""

import pytest

from glam_eval.config.agents import AGENTS
from glam_eval.config.demonstrations import DemonstrationsConfig
from glam_eval.config.loading import load_suite, make_suite, shipped_suites
from glam_eval.config.run import RunConfig
from glam_eval.core.records import DemonstrationRecord
from glam_eval.results import write_table


def suite(*agents, **values):
    base = {"name": "s", "title": "t", "question": "q", "seeds": 2, "frames": 5120}
    protocols = [{"name": "sample-efficiency"}]
    return make_suite({**base, "agents": list(agents), "protocols": protocols, **values})


def entry(agent, model="t5-pico", **values):
    return {"agent": agent, "model": model, **values}


def sets_of(study):
    return [each for each in study.graph if isinstance(each.config, DemonstrationsConfig)]


@pytest.mark.parametrize("name", shipped_suites())
def test_what_is_needed_comes_before_what_needs_it_and_only_once(name):
    graph = load_suite(name).graph
    ids = [planned.run_id for planned in graph]
    assert len(set(ids)) == len(ids)
    for place, planned in enumerate(graph):
        assert set(planned.needs) <= set(ids[:place])
        clones = isinstance(planned.config, RunConfig) and planned.config.learner.kind == "cloning"
        assert len(planned.needs) == (1 if clones else len(planned.needs))


def test_a_teacher_is_the_run_that_stands_beside_its_clone():
    study = suite(entry("bc-gflan"), entry("gflan"))
    assert len(study.graph) == 2 * 3  # teacher, its demonstrations, the clone
    for seed in (0, 1):
        teacher, shown, clone = study.graph[3 * seed : 3 * seed + 3]
        assert (teacher.config.agent, clone.config.agent) == ("gflan", "bc-gflan")
        assert shown.needs == (teacher.run_id,) and clone.needs == (shown.run_id,)
        assert teacher.config.seed == shown.config.seed == clone.config.seed == seed
        assert [protocol.name for protocol in teacher.protocols] == ["sample-efficiency"]


def test_a_teacher_that_no_entry_names_is_planned_and_asked_nothing():
    study = suite(entry("bc-gflan"))
    teacher = study.graph[0]
    assert teacher.config.agent == "gflan" and teacher.config.frames == 5120
    assert teacher.protocols == ()


def test_clones_of_one_demonstrator_share_its_demonstrations():
    study = suite(entry("bc-bot"), entry("bc-bot", "t5-nano"), entry("bc-bot", "t5-nano-scratch"))
    assert len(sets_of(study)) == 2  # a seed each
    assert len({planned.needs for planned in study.graph if planned.protocols}) == 2
    mixed = suite(entry("bc-bot"), entry("bc-bot", cloning={"random_fraction": 0.5}))
    assert len(sets_of(mixed)) == 4


def test_clones_of_all_seeds_are_configured_alike():
    study = suite(entry("bc-bot"), entry("bc-gflan"))
    for agent in ("bc-bot", "bc-gflan"):
        runs = [run for run in study.runs() if run.agent == agent]
        assert len({run.digest(with_seed=False) for run in runs}) == 1
        assert len({run.digest() for run in runs}) == 2


def test_a_teacher_in_another_world_is_another_run():
    world = {"level": "GoToLocalS6N3"}
    study = suite(entry("gflan"), entry("bc-gflan", environment=world))
    teachers = {run.environment.level for run in study.runs() if run.agent == "gflan"}
    assert teachers == {"GoToLocal", "GoToLocalS6N3"}
    assert {each.config.environment.level for each in sets_of(study)} == {"GoToLocalS6N3"}


def test_each_once_is_what_is_collected_unless_a_number_is_asked():
    (collected, *_) = sets_of(suite(entry("bc-bot"), frames=5000, seeds=1))
    assert collected.config.transitions == 5120  # whole updates of 64 x 20
    (fewer, *_) = sets_of(suite(entry("bc-bot", cloning={"transitions": 100}), seeds=1))
    assert fewer.config.transitions == 100


def test_stored_demonstrations_are_known_by_content_and_need_no_run(tmp_path):
    def stored(name, prompt):
        record = DemonstrationRecord("GoToLocal", 1, 0, prompt, ["turn left"], 0, "bot")
        write_table(tmp_path / name, "demonstrations", [record], "some")
        return suite(entry("bc-bot", cloning={"source": str(tmp_path / name)}), seeds=1)

    one, same, other = stored("one", "a"), stored("same", "a"), stored("other", "b")
    assert [planned.needs for planned in one.graph] == [()]
    assert one.runs()[0].run_id == same.runs()[0].run_id != other.runs()[0].run_id


def test_the_first_seeds_evaluation_is_kept_for_replay():
    study = suite(entry("gflan"), first_seed=7)
    assert [(planned.config.seed, planned.replayed) for planned in study.graph] == [(7, True), (8, False)]


def test_every_agent_of_the_registry_can_be_planned():
    study = suite(*(entry(name) if agent.names_model else {"agent": name} for name, agent in AGENTS.items()))
    assert {run.agent for run in study.runs()} == set(AGENTS)
