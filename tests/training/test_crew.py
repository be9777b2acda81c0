"""A run on two devices is the run on one, but for rounding; lost ranks and failing ones are told."""

import os
import signal
import sys
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import psutil
import pytest
import torch
from copied_ranks import begin_ranks_as_programs, copy_ranks
from tiers import tiers
from tiny_models import byte_level_tokenizer, causal

from glam_eval.config.loading import load_suite
from glam_eval.config.run import RunConfig
from glam_eval.core.errors import LostRankError, RunFailedError, UserError
from glam_eval.policies.lanes import MOST_WEIGHTS
from glam_eval.protocols import play_condition
from glam_eval.training.checkpoints import CheckpointStore
from glam_eval.training.crew import Alone
from glam_eval.training.crew_choice import make_crew
from glam_eval.training.losses import part_of_objective
from glam_eval.training.run import TrainingRun

UPDATES = 5
LORA = {"rank": 2, "alpha": 4}
# Adam magnifies the rounding of gradients near zero by its rate: at 5e-4, three weights of T5 come to 2e-6.
CLONING = {"minibatch": 16, "steps": 2, "learning_rate": 1e-4}
KINDS = {
    "t5, ppo": ("gflan", "t5-pico", None),
    "t5, ppo with contrasts": ("gflan", "t5-pico", None),
    "t5, cloned": ("bc-bot", "t5-pico", None),
    "t5 with adapters, ppo": ("gflan", "t5-pico", LORA),
    "t5 with adapters, cloned": ("bc-bot", "t5-pico", LORA),
    "decoder, ppo": ("gflan", "llama", None),
    "decoder, cloned": ("bc-bot", "llama", None),
    "decoder with adapters, ppo": ("gflan", "llama", LORA),
    "decoder with adapters, cloned": ("bc-bot", "llama", LORA),
    "decoder with a head, ppo": ("aflan", "llama", None),
}
THOROUGH = {"t5, ppo with contrasts", "decoder with adapters, ppo"}
SLOW = KINDS.keys() - THOROUGH - {"t5, ppo"}


@pytest.fixture(autouse=True)
def _copied_ranks(monkeypatch):
    copy_ranks(monkeypatch)


@pytest.fixture(scope="module")
def llama(tmp_path_factory):
    directory = tmp_path_factory.mktemp("llama")
    tokenizer = byte_level_tokenizer()
    causal("llama", len(tokenizer)).save_pretrained(directory)
    tokenizer.save_pretrained(directory)
    return str(directory)


def config_of(kind, llama, devices):
    agent, model, lora = KINDS[kind]
    cloned = agent == "bc-bot"
    contrasts = {"contrastive": 0.5} if "contrasts" in kind else {}
    ppo = contrasts | {
        "preset": "small",
        "environments": 8,
        "steps": 10,
        "minibatch": 40,
        "learning_rate": 3e-4,
    }
    values = {
        "agent": agent,
        "model": model if model != "llama" else llama,
        "frames": UPDATES * (32 if cloned else 80),
        "environment": {"level": "GoToLocalS5N2", "remembered": 1},
        "policy": {"head_hidden": 8, "lora": lora, "devices": devices},
        "learner": CLONING if cloned else ppo | {"micro_batch_tokens": 600},
    }
    return RunConfig.parse(values, "test")


def weights(run):
    return torch.cat([each.detach().flatten() for each in run.policy.parameters()])


def trained(run):
    """Train to the end; return the numbers of all updates and the weights."""
    names = ("policy_loss", "value_loss", "entropy", "approx_kl", "success_rate", "information")
    names += ("contrastive_loss", "grad_norm")
    records = [run.advance() for _ in range(UPDATES - run.update)]
    return torch.tensor([[getattr(each, name) for name in names] for each in records]), weights(run)


@pytest.mark.parametrize("kind", tiers(KINDS, THOROUGH, SLOW))
def test_two_ranks_learn_what_one_learns(kind, llama, begin):
    alone = trained(begin(config_of(kind, llama, 1)))
    with begin(config_of(kind, llama, 2)) as run:
        together = trained(run)
        assert run._crew.ranks == 2
    (losses, norms), (expected, norms_alone) = (each[0].split([7, 1], 1) for each in (together, alone))
    torch.testing.assert_close(losses, expected, rtol=1e-6, atol=1e-6, equal_nan=True)
    torch.testing.assert_close(norms, norms_alone, rtol=1e-5, atol=0)  # of about 10
    assert (together[1] - alone[1]).abs().max() < 1e-6
    moved = weights(begin(config_of(kind, llama, 1)))
    assert (alone[1] - moved).abs().max() > 1e-4  # else there was nothing to compare


def test_equal_to_the_bit_each_time_resumed_or_not_and_without_a_process_left(llama, tmp_path, begin):
    config, store = config_of("t5, ppo", llama, 2), CheckpointStore(tmp_path)
    with begin(config) as run:
        run.advance()
        run.advance()
        store.write(run.frames, run.save, run.state())
        ranks = [process.pid for process in run._crew.others.processes]
        straight = trained(run)
    assert not any(psutil.pid_exists(pid) for pid in ranks)
    with begin(config, store.latest()) as run:
        resumed = trained(run)
    torch.testing.assert_close(straight, resumed, rtol=0, atol=0, equal_nan=True)


@pytest.mark.thorough
def test_episodes_are_the_same_whoever_answers(llama, begin, tiny_suite):
    protocol = load_suite(str(tiny_suite)).protocols[0]
    played = []
    for devices in (1, 2):
        config = config_of("decoder with adapters, ppo", llama, devices)
        with begin(config) as run:
            episodes = play_condition(
                run.policy, config, 0, protocol, protocol.conditions[0], 0, lambda: None
            )
            played.append(
                [(one.episode.scene_seed, one.episode.success, one.episode.length) for one in episodes]
            )
    assert played[0] == played[1]


def test_a_rank_that_is_killed_ends_the_run_and_all_its_processes(llama, begin, monkeypatch):
    begin_ranks_as_programs(monkeypatch)
    with begin(config_of("t5, ppo", llama, 2)) as run:
        run.advance()
        process = run._crew.others.processes[0]
        os.kill(process.pid, signal.SIGKILL)
        with pytest.raises(LostRankError, match="a rank of 2 is gone"):
            run.advance()
    assert not psutil.pid_exists(process.pid)


@pytest.mark.thorough
def test_a_rank_ends_with_the_run_that_began_it(llama, begin):
    run = begin(config_of("t5, ppo", llama, 2))
    process = run._crew.others.processes[0]
    os.kill(process.pid, signal.SIGTERM)  # as a batch system does, to all: the run decides what it means
    run.advance()
    run._crew.others.pipes[0].close()  # as the end of this process would
    assert process.wait(timeout=60) == 1
    run._crew.close()


@pytest.mark.thorough
def test_what_a_rank_can_not_do_is_said_in_a_line(llama, begin, monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parent)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, sys.path)))
    failure = pytest.raises(RunFailedError, match=r"rank 1: .*no such part")
    with begin(config_of("t5, ppo", llama, 2)) as run, failure:
        run._crew.add_gradients(_fails_away, ["here", "away"], 1)


@pytest.mark.thorough
def test_a_rank_without_a_part_adds_nothing(llama, begin):
    with begin(config_of("t5, ppo", llama, 2)) as run:
        work, added = partial(part_of_objective, run.config.learner, 1), {}
        run.advance()
        (part,) = _one_part(run)
        for name, crew in (("together", run._crew), ("alone", Alone(run.policy))):
            for each in run.policy.parameters():
                each.grad = None
            assert len(crew.add_gradients(work, [part], 1)) == 1
            added[name] = torch.cat([each.grad.flatten() for each in run.policy.parameters()])
        assert torch.equal(added["together"], added["alone"])


def _one_part(run):
    """One sample of a rollout, as an update has it."""
    learner = run._learner
    rollout = learner._collector.collect(2, 9, 1.0)
    zeros = rollout.rewards * 0
    return [learner._ppo._sequences(rollout, np.array([0]), zeros, zeros + 1, {})]


def _fails_away(policy, part):
    if part == "away":
        raise ValueError("no such part")
    return sum(each.sum() for each in policy.parameters()), part


def test_a_run_on_one_device_is_named_as_before(llama):
    one, two = (config_of("t5, ppo", llama, devices) for devices in (1, 2))
    assert "devices" not in one.read()["policy"] and two.read()["policy"]["devices"] == 2
    assert one.run_id != two.run_id


def test_agents_without_a_language_model_take_one_device(tiny_suite):
    agents = "[{agent='gflan', model='t5-pico'}, {agent='drrn'}, {agent='symbolic-ppo'}]"
    chosen = [f"agents={agents}", "seeds=1", "frames=2000"]
    one, two = (load_suite(str(tiny_suite), [*chosen, f"policy.devices={devices}"]) for devices in (1, 2))
    assert [each.devices for each in two.graph] == [2, 1, 1]
    assert [each.run_id for each in two.graph[1:]] == [each.run_id for each in one.graph[1:]]
    with pytest.raises(UserError, match="agent 'drrn' is no language model: leave policy out"):
        RunConfig.parse({"agent": "drrn", "policy": {"devices": 2}}, "test")


def test_fewer_gpus_than_asked_for_is_said(llama):
    config = config_of("t5, ppo", llama, 2)
    with pytest.raises(RunFailedError, match=r"policy.devices = 2 from cuda:0 on, and 0 GPUs are seen here"):
        make_crew(config, TrainingRun(config.changed(policy={"head_hidden": 8})).policy, 6, "cuda:0")


def test_lanes_go_by_all_weights_and_not_by_those_alone_that_learn(monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    for weights, lanes in ((MOST_WEIGHTS, 2), (MOST_WEIGHTS + 1, 1)):
        policy = SimpleNamespace(parameters=lambda: [torch.zeros(1)], count_parameters=partial(int, weights))
        assert Alone(policy).lanes() == lanes
