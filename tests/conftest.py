"""A study small enough to run many times; loads nothing heavy, as all processes of a test run wait for it."""

import signal
from pathlib import Path

import pytest
from hypothesis import settings
from tiny_learners import LEARNERS
from tiny_suite import TINY_SUITE

from glam_eval.config.agents import describe_agent
from glam_eval.config.demonstrations import DemonstrationsConfig
from glam_eval.config.run import RunConfig

settings.register_profile("untimed", deadline=None)  # how long a test takes says how busy the machine is
settings.load_profile("untimed")
signal.signal(signal.SIGINT, signal.default_int_handler)  # shells start background jobs with it ignored

_LONGEST = ("tests/cli/test_killed_suites.py", "tests/training/")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files first: no process is left alone with one at the end."""
    items.sort(key=lambda item: not item.nodeid.startswith(_LONGEST))


@pytest.fixture(scope="session", autouse=True)
def _one_thread():
    import torch

    torch.set_num_threads(1)


@pytest.fixture
def tiny_suite(tmp_path: Path) -> Path:
    """A suite of 6 short runs, as a TOML file."""
    path = tmp_path / "tiny.toml"
    path.write_text(TINY_SUITE)
    return path


def tiny_run(agent="gflan", **values) -> RunConfig:
    """A run on the easiest level, of the language policy unless another agent is named."""
    described = describe_agent(agent)
    defaults = {
        "agent": agent,
        "model": "t5-pico" if described.uses_model else "none",
        "frames": 240 if described.learns else 0,
        "evaluations": 3,
        "environment": {"level": "GoToLocalS5N2", "remembered": 1},
        "policy": {"head_hidden": 8} if described.uses_model else None,
        "learner": LEARNERS.get(agent, {}),
    }
    return RunConfig.parse({**defaults, **values}, "test")


@pytest.fixture(name="tiny_run", scope="session")
def _tiny_run():
    return tiny_run


@pytest.fixture(scope="session")
def demonstrations():
    """The bot's demonstrations for a run, or any other source's."""
    from glam_eval.training.demonstrations import DemonstrationCollector

    def collect(config: RunConfig, teacher=None, **values):
        settings = {"source": "bot", "transitions": 100, "environments": 4, "seed": config.seed, **values}
        world = {"environment": config.environment.model_dump()}
        wanted = DemonstrationsConfig.parse(world | settings, "test")
        collector = DemonstrationCollector(wanted, teacher=teacher)
        records = []
        while not collector.finished:
            records += collector.advance()
        return records

    return collect


@pytest.fixture(scope="session")
def begin(demonstrations):
    """Begin a run, or go on with it; agents that imitate are given the bot's demonstrations."""
    from glam_eval.training.run import TrainingRun

    def run(config: RunConfig, resume=None):
        shown = demonstrations(config) if config.learner.kind == "cloning" else ()
        return TrainingRun(config, resume=resume, demonstrations=shown)

    return run


@pytest.fixture(params=list(LEARNERS))
def tiny_learner(request):
    """A run of each agent that learns: three updates of 80 frames."""

    def build(**values) -> RunConfig:
        return tiny_run(request.param, **values)

    return build
