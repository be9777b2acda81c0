"""Plans of suites: what runs cost, in which order they are begun, and what tells them apart."""

import math

import pytest

from glam_eval.config.loading import load_suite
from glam_eval.policies import make_model
from glam_eval.suites import measure
from glam_eval.suites.cost import episodes_of, nominal_seconds
from glam_eval.suites.dry_run import unusual_settings
from glam_eval.suites.measure import Cost, Meter, wall_seconds
from glam_eval.suites.plan import in_order


@pytest.fixture(autouse=True)
def _rate(monkeypatch):
    """A matrix rate that takes no time to measure."""
    monkeypatch.setattr(measure, "matrix_rate", lambda precision, device: 1e12)


def runs_of(tiny_suite, agents, *overrides):
    suite = load_suite(str(tiny_suite), [f"agents=[{agents}]", "seeds=1", *overrides])
    return in_order(suite)


def test_the_longest_runs_begin_first_and_equal_ones_seed_by_seed(tiny_suite):
    agents = "{agent='random'},{agent='gflan',model='t5-pico'},{agent='gflan',model='t5-nano'}"
    runs = runs_of(tiny_suite, agents, "seeds=2")
    order = [(run.config.agent, run.config.model, run.config.seed) for run in runs]
    assert order == [
        ("gflan", "t5-nano", 0),
        ("gflan", "t5-nano", 1),
        ("gflan", "t5-pico", 0),
        ("gflan", "t5-pico", 1),
        ("random", "none", 0),
        ("random", "none", 1),
    ]


def test_what_leads_to_the_longest_chain_begins_first(tiny_suite):
    """A teacher is shorter than another agent's longer run, but demonstrations and a clone wait for it."""
    agents = "{agent='npe',model='t5-pico',frames=3840},{agent='bc-gflan',model='t5-pico'}"
    runs = runs_of(tiny_suite, agents, "frames=2560")
    kinds = [run.run_id.split("-")[0] for run in runs]
    assert kinds == ["gflan", "npe", "demonstrations", "bc"]


def test_demonstrations_cost_the_demonstrators_steps(tiny_suite):
    clones = "{agent='bc-gflan',model='t5-nano'},{agent='bc-gflan',model='t5-pico'}"
    runs = runs_of(tiny_suite, clones, "frames=2560")
    agents = {run.run_id: run.config for run in runs}
    seconds = {
        run.needs[0].split("-")[2]: nominal_seconds(run, agents)
        for run in runs
        if not run.protocols and run.needs
    }
    assert seconds["nano"] > seconds["pico"] > 0
    meter = Meter("cpu", runs)
    collecting = [meter.cost(run) for run in runs if run.run_id.startswith("demonstrations")]
    assert all(cost.episodes == 0 and 0 < cost.seconds < 60 for cost in collecting)


def test_every_step_of_training_and_evaluation_is_counted(tiny_suite):
    (run,) = runs_of(tiny_suite, "{agent='gflan',model='t5-pico'}")
    assert episodes_of(run) == 4 * 6 + 3 * 8  # points x scenes of the curve, conditions x scenes
    (probed,) = runs_of(
        tiny_suite,
        "{agent='gflan',model='t5-pico'}",
        "protocols=[{name='sample-efficiency',scenes=6},{name='probes'}]",
    )
    assert episodes_of(probed) == 4 * 6


def test_costs_of_small_models_are_measured_and_of_large_ones_counted(tiny_suite):
    agents = "{agent='gflan',model='t5-pico'},{agent='gflan',model='google/flan-t5-xl'},{agent='random'}"
    runs = runs_of(tiny_suite, agents)
    meter = Meter("cpu", runs)
    costs = {run.config.model: meter.cost(run) for run in runs}
    assert costs["t5-pico"].parameters < 1e6
    assert 0 < costs["t5-pico"].seconds < costs["google/flan-t5-xl"].seconds
    assert costs["google/flan-t5-xl"].parameters == pytest.approx(2.85e9, rel=0.01)
    assert costs["google/flan-t5-xl"].memory > 16 * costs["google/flan-t5-xl"].parameters
    ratio = costs["google/flan-t5-xl"].flops / costs["t5-pico"].flops
    assert ratio > 10_000
    assert costs["none"].flops == 0


def test_devices_that_share_weights_out_hold_a_part_of_them_each(tiny_suite):
    entry = "{agent='gflan',model='google/flan-t5-xl'%s}"
    whole, shared = (runs_of(tiny_suite, entry % each) for each in ("", ",policy={devices=8,sharded=true}"))
    (alone,), (each,) = ([Meter("cpu", runs).cost(run) for run in runs] for runs in (whole, shared))
    assert alone.each == alone.memory == each.memory
    assert alone.each - each.each == pytest.approx(7 / 8 * 16 * alone.parameters)


def test_operations_follow_the_prompts_length(tiny_suite):
    agents = "{agent='gflan',model='google/flan-t5-xl'},"
    agents += "{agent='gflan',model='google/flan-t5-xl',environment={remembered=3}}"
    runs = runs_of(tiny_suite, agents)
    meter = Meter("cpu", runs)
    long, short = sorted((meter.cost(run).flops for run in runs), reverse=True)
    assert 1.3 * short < long < 3 * short


def test_a_model_of_unknown_shape_has_unknown_costs(tiny_suite):
    (run,) = runs_of(tiny_suite, "{agent='gflan',model='someone/some-model'}")
    cost = Meter("cpu", [run]).cost(run)
    assert math.isnan(cost.seconds)
    assert cost.episodes == episodes_of(run)


def test_a_directorys_model_is_counted_and_measured(tiny_suite, tmp_path):
    make_model("t5-pico", tmp_path)
    runs = runs_of(tiny_suite, f"{{agent='gflan',model='{tmp_path}'}},{{agent='gflan',model='t5-pico'}}")
    meter = Meter("cpu", runs)
    ours, known = (
        meter.cost(run) for run in sorted(runs, key=lambda run: len(run.config.model), reverse=True)
    )
    assert (ours.parameters, ours.flops) == (known.parameters, known.flops)
    assert 0 < ours.seconds < 1000


def test_runs_together_take_no_less_than_the_longest():
    costs = [Cost(0, 0, 0, seconds, 0) for seconds in (10.0, 10.0, 100.0)]
    assert wall_seconds(costs, 1) == 120
    assert wall_seconds(costs, 2) == 100


def test_what_is_unlike_most_runs_of_an_agent_is_told(tiny_suite):
    entry = "agent='gflan',model='t5-pico'"
    agents = f"{{{entry}}},{{{entry},environment={{remembered=3}}}},{{{entry},ppo={{clip=0.1}}}}"
    runs = [run.config for run in runs_of(tiny_suite, agents, "seeds=2")]
    told = unusual_settings(runs)
    assert sorted(told.values()) == ["", "", "clip=0.1", "clip=0.1", "remembered=3", "remembered=3"]


def test_frozen_weights_have_neither_gradients_nor_moments(tiny_suite):
    """A model under adapters was refused for memory that it never takes."""
    agents = "{agent='gflan',model='google/flan-t5-xl'}"
    settings = ["", "policy.lora.rank=4", "policy.lora.rank=4 policy.quantization='4bit'"]
    runs = [runs_of(tiny_suite, agents, *each.split())[0] for each in settings]
    whole, adapted, quantised = (Meter("cpu", [run]).cost(run) for run in runs)
    weights = whole.parameters
    assert whole.states == 16 * weights
    assert adapted.states == 4 * weights and whole.memory - adapted.memory == pytest.approx(12 * weights)
    assert 0.5 * weights < quantised.states < weights  # embeddings are whole
