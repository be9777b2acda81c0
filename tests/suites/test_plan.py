"""Plans: what runs cost, in which order they are begun, and what tells them apart."""

import math

import pytest

from glam_eval.config.loading import load_suite
from glam_eval.suites import measure
from glam_eval.suites.cost import episodes_of, nominal_seconds
from glam_eval.suites.measure import Cost, Meter, wall_seconds
from glam_eval.suites.plan import make_plans, unusual_settings


@pytest.fixture(autouse=True)
def _rate(monkeypatch):
    """A matrix rate that takes no time to measure."""
    monkeypatch.setattr(measure, "matrix_rate", lambda precision, device: 1e12)


def plans_of(tiny_suite, agents, *overrides):
    suite = load_suite(str(tiny_suite), [f"agents=[{agents}]", "seeds=1", *overrides])
    return make_plans(suite)


def test_the_longest_runs_begin_first_and_equal_ones_seed_by_seed(tiny_suite):
    agents = "{agent='random'},{agent='gflan',model='t5-pico'},{agent='gflan',model='t5-nano'}"
    plans = plans_of(tiny_suite, agents, "seeds=2")
    order = [(plan.config.agent, plan.config.model, plan.config.seed) for plan in plans]
    assert order == [
        ("gflan", "t5-nano", 0),
        ("gflan", "t5-nano", 1),
        ("gflan", "t5-pico", 0),
        ("gflan", "t5-pico", 1),
        ("random", "none", 0),
        ("random", "none", 1),
    ]


def test_a_clone_of_a_trained_agent_costs_its_teacher_too(tiny_suite):
    clones = "{agent='bc-gflan',model='t5-pico',cloning={source='gflan'}},{agent='bc-bot',model='t5-pico'}"
    plans = plans_of(tiny_suite, clones, "frames=2560")
    seconds = {plan.config.agent: nominal_seconds(plan) for plan in plans}
    assert seconds["bc-gflan"] > 2 * seconds["bc-bot"]


def test_every_step_of_training_and_evaluation_is_counted(tiny_suite):
    (plan,) = plans_of(tiny_suite, "{agent='gflan',model='t5-pico'}")
    assert episodes_of(plan) == 4 * 6 + 3 * 8  # points x scenes of the curve, conditions x scenes
    (probed,) = plans_of(
        tiny_suite,
        "{agent='gflan',model='t5-pico'}",
        "protocols=[{name='sample-efficiency',scenes=6},{name='probes'}]",
    )
    assert episodes_of(probed) == 4 * 6


def test_costs_of_small_models_are_measured_and_of_large_ones_counted(tiny_suite):
    agents = "{agent='gflan',model='t5-pico'},{agent='gflan',model='google/flan-t5-xl'},{agent='random'}"
    meter = Meter("cpu")
    costs = {plan.config.model: meter.cost(plan) for plan in plans_of(tiny_suite, agents)}
    assert costs["t5-pico"].parameters < 1e6
    assert 0 < costs["t5-pico"].seconds < costs["google/flan-t5-xl"].seconds
    assert costs["google/flan-t5-xl"].parameters == pytest.approx(2.85e9, rel=0.01)
    assert costs["google/flan-t5-xl"].memory > 16 * costs["google/flan-t5-xl"].parameters
    ratio = costs["google/flan-t5-xl"].flops / costs["t5-pico"].flops
    assert ratio > 10_000
    assert costs["none"].flops == 0


def test_operations_follow_the_prompts_length(tiny_suite):
    agents = "{agent='gflan',model='google/flan-t5-xl'},"
    agents += "{agent='gflan',model='google/flan-t5-xl',environment={remembered=3}}"
    meter = Meter("cpu")
    long, short = sorted((meter.cost(plan).flops for plan in plans_of(tiny_suite, agents)), reverse=True)
    assert 1.3 * short < long < 3 * short


def test_a_model_of_unknown_shape_has_unknown_costs(tiny_suite):
    (plan,) = plans_of(tiny_suite, "{agent='gflan',model='someone/some-model'}")
    cost = Meter("cpu").cost(plan)
    assert math.isnan(cost.seconds)
    assert cost.episodes == episodes_of(plan)


def test_runs_together_take_no_less_than_the_longest():
    costs = [Cost(0, 0, 0, seconds, 0) for seconds in (10.0, 10.0, 100.0)]
    assert wall_seconds(costs, 1) == 120
    assert wall_seconds(costs, 2) == 100


def test_what_is_unlike_most_runs_of_an_agent_is_told(tiny_suite):
    entry = "agent='gflan',model='t5-pico'"
    agents = f"{{{entry}}},{{{entry},environment={{remembered=3}}}},{{{entry},ppo={{clip=0.1}}}}"
    runs = [plan.config for plan in plans_of(tiny_suite, agents, "seeds=2")]
    told = unusual_settings(runs)
    assert sorted(told.values()) == ["", "", "clip=0.1", "clip=0.1", "remembered=3", "remembered=3"]
