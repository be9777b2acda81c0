"""The suites that ship: every name in them exists, and ``paper`` holds each figure's runs."""

from collections import Counter

import pytest

from glam_eval.config.loading import load_suite, shipped_suites
from glam_eval.config.protocols import ProtocolConfig
from glam_eval.core.errors import UserError
from glam_eval.policies import make_model
from glam_eval.suites.validation import validate

QUESTIONS = {
    "sample-efficiency",
    "generalization",
    "grounding",
    "online-offline",
    "scaling",
    "ablations",
    "probes",
    "retention",
    "consequences",
    "saliency",
    "paper",
    "pretraining",
    "prompts",
}


def test_every_question_ships_at_both_scales():
    shipped = set(shipped_suites())
    assert QUESTIONS | {f"{name}-cpu" for name in QUESTIONS} <= shipped
    for name in shipped:
        models = {run.model for run in load_suite(name).runs()} - {"none"}
        large = {model for model in models if model.startswith("google/")}
        assert large == (models if name in QUESTIONS else set()), name


@pytest.fixture
def made_models(tmp_path, monkeypatch):
    """The models that a person makes before pretraining-cpu, here one under all their names."""
    make_model("t5-pico-scratch", tmp_path / "one")
    (tmp_path / "pretraining").mkdir()
    for model in {run.model for run in load_suite("pretraining-cpu").runs()}:
        if model.startswith("./"):
            (tmp_path / model).symlink_to(tmp_path / "one")
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("made_models")
@pytest.mark.parametrize("name", shipped_suites())
def test_a_shipped_suite_validates(name):
    validate(load_suite(name))


def test_without_its_models_a_suite_is_refused_before_any_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"no model directory './pretraining/t5-nano'"):
        validate(load_suite("pretraining-cpu"))


def figure_runs(suite, level="GoToLocal", actions="canonical", remembered=3, agent=None, model=None):
    return Counter(
        run.agent
        for run in suite.runs()
        if (run.environment.level, run.environment.actions, run.environment.remembered)
        == (level, actions, remembered)
        and (agent is None or run.agent == agent)
        and (model is None or run.model == model)
    )


def test_the_paper_suite_holds_every_figures_runs():
    suite = load_suite("paper")
    assert suite.seeds == 2
    large = "google/flan-t5-large"
    mixed = figure_runs(suite, level="MixedTrainLocal")
    assert set(mixed) == {"gflan", "npae", "drrn", "symbolic-ppo", "zero-shot", "random", "bot"}
    pretraining = figure_runs(suite, model=large)
    assert {"gflan", "aflan", "npe", "npa", "npae", "bc-gflan", "bc-bot"} <= set(pretraining)
    for size in ("small", "large", "xl"):
        assert figure_runs(suite, agent="gflan", model=f"google/flan-t5-{size}")["gflan"] == 2
    for setting in (
        *({"actions": actions} for actions in ("restricted", "canonical", "augmented")),
        *({"level": level} for level in ("GoToLocalN4", "GoToLocal", "GoToLocalN16")),
    ):
        for agent in ("gflan", "npae", "drrn", "symbolic-ppo"):
            assert figure_runs(suite, **setting)[agent] >= 2, (setting, agent)
    for remembered in (1, 3, 6, 9):
        assert figure_runs(suite, agent="gflan", model=large, remembered=remembered)["gflan"] == 2
    budgets = {run.environment.level: run.frames for run in suite.runs() if run.agent == "gflan"}
    assert budgets == {
        "MixedTrainLocal": 1_500_000,
        "GoToLocal": 400_000,
        "GoToLocalN4": 400_000,
        "GoToLocalN16": 400_000,
    }


def test_the_paper_suite_asks_the_papers_tests():
    suite = load_suite("paper")
    tests = next(protocol for protocol in suite.protocols if protocol.name == "generalization")
    papers = ProtocolConfig.parse({"name": "generalization", "conditions": ["@paper"]}, "test")
    assert tests.conditions == papers.conditions
    assert tests.scenes == 1000
    tested = {(run.agent, run.environment.level) for run, asked in suite.questions() if tests in asked}
    assert {("gflan", "MixedTrainLocal"), ("zero-shot", "MixedTrainLocal"), ("bc-bot", "GoToLocal")} <= tested
