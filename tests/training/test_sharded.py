"""A run whose ranks hold a part of every weight each is the run on one device, but for rounding."""

import gc
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
from tiny_models import byte_level_tokenizer, causal, t5

from glam_eval.config.run import RunConfig
from glam_eval.core.errors import LostRankError, RunFailedError, UserError
from glam_eval.policies.sharding import local
from glam_eval.policies.texts import TextScorer
from glam_eval.training.checkpoints import CheckpointStore
from glam_eval.training.crew import Alone
from glam_eval.training.losses import part_of_objective
from glam_eval.training.run import TrainingRun

UPDATES = 4  # the last one after a checkpoint
FLAN_SMALL = {"d_model": 512, "d_kv": 64, "num_heads": 6, "d_ff": 1024}
LAYERS = {"t5": 2, "t5 with all layers": 8}
KINDS = {
    "t5": {"model": "t5"},
    "t5 with all layers": {"model": "t5 with all layers"},
    "llama": {},
    "llama with adapters": {"lora": {"rank": 2, "alpha": 4}},
    "t5 with adapters": {"model": "t5", "lora": {"rank": 2, "alpha": 4}, "gradient_checkpointing": True},
}
SLOW = {"t5 with adapters", "t5 with all layers"}
THOROUGH = {"t5", "llama"}


@pytest.fixture(scope="module", autouse=True)
def _found_by_ranks():
    """Other ranks import what they are to compute from here."""
    with pytest.MonkeyPatch.context() as patch:
        places = [str(Path(__file__).parent), *filter(None, sys.path)]
        patch.setenv("PYTHONPATH", os.pathsep.join(places))
        copy_ranks(patch)
        yield


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Directories of models shaped as FLAN-T5-small, one with fewer layers, and of a Llama."""
    tokenizer = byte_level_tokenizer()
    made = {
        name: t5(vocab_size=len(tokenizer), num_layers=layers, num_decoder_layers=layers, **FLAN_SMALL)
        for name, layers in LAYERS.items()
    }
    made["llama"] = causal("llama", len(tokenizer))
    found = {name: tmp_path_factory.mktemp(name) for name in made}
    for name, directory in found.items():
        with torch.no_grad():
            for each in made[name].parameters() if name in LAYERS else ():
                each.mul_(0.6)  # from where answers are not all of one action, and rounding stays small
        made[name].save_pretrained(directory)
        tokenizer.save_pretrained(directory)
    return found


def config_of(models, devices, model="llama", **policy):
    ppo = {"preset": "small", "environments": 4, "steps": 10, "minibatch": 20, "epochs": 2}
    shares = {"devices": devices, "sharded": True} if devices > 1 else {}
    values = {
        "agent": "gflan",
        "model": str(models[model]),
        "frames": UPDATES * 40,
        "environment": {"level": "GoToLocalS5N2", "remembered": 1},
        "policy": {"head_hidden": 8, **policy, **shares},
        "learner": {**ppo, "learning_rate": 3e-4, "micro_batch_tokens": 900},
    }
    return RunConfig.parse(values, "test")


def advance(run, updates):
    names = ("policy_loss", "value_loss", "entropy", "approx_kl", "grad_norm")
    records = [run.advance() for _ in range(updates)]
    return torch.tensor([[getattr(each, name) for name in names] for each in records])


def weights(run):
    with run._crew.whole():
        return torch.cat([each.detach().flatten() for each in run.policy.parameters()])


def parts_of_a_rollout(run, count=3):
    """Samples in some parts, as an update has them."""
    learner = run._learner
    rollout = learner._collector.collect(3, 9, 1.0)
    zeros = rollout.rewards * 0
    return [
        learner._ppo._sequences(rollout, np.array([index, index + 4]), zeros + 1, zeros, {})
        for index in range(count)
    ]


def held(policy, inputs):
    """A loss of all that is evaluated, and how many numbers of weights and moments a rank holds."""
    own = {id(each) for each in policy.parameters()}
    (adam,) = (
        each
        for each in gc.get_objects()
        if type(each) is torch.optim.Adam and own & {id(one) for one in each.param_groups[0]["params"]}
    )
    moments = [value for state in adam.state.values() for name, value in state.items() if name != "step"]
    loss = policy.evaluate(inputs).values.sum()
    return loss, (sum(map(size, adam.param_groups[0]["params"])), sum(map(size, moments)))


def size(tensor):
    return local(tensor).numel()


@pytest.fixture(scope="module", params=tiers(KINDS, THOROUGH, SLOW))
def runs(request, models, tmp_path_factory):
    """One run on one device, on two, and resumed on both numbers; what each found."""
    config = partial(config_of, models, **KINDS[request.param])
    store = CheckpointStore(tmp_path_factory.mktemp("store"))
    found = SimpleNamespace(config=config, store=store)
    with TrainingRun(config(1)) as run:  # for its own experience: the others begin at the first scene
        found.parts = parts_of_a_rollout(run)
    with TrainingRun(config(1)) as run:
        found.before = weights(run)
        work = partial(part_of_objective, run.config.learner, 6)
        run._crew.add_gradients(work, found.parts, 1)
        # The first step goes by it, too.
        found.gradient = [each.grad.clone() for each in run.policy.parameters()]
        found.alone, found.alone_weights = advance(run, UPDATES - 1), weights(run)
        found.values = run.policy.evaluate(found.parts[0].inputs[0])
        found.texts = TextScorer(run.policy).score(["You see", "Goal:"], [["a wall"], ["a key", "a ball"]])
        found.count = sum(each.numel() for each in run.policy.parameters())
    with TrainingRun(config(2)) as run:
        run._crew.add_gradients(work, found.parts, 1)
        found.shares = [local(each.grad).clone() for each in run.policy.parameters()]
        found.norm = sum(run._crew._together("square")) ** 0.5
        found.together, found.together_weights = advance(run, UPDATES - 1), weights(run)
        inputs = found.parts[0].inputs[0]
        with torch.no_grad():
            found.values_together = run.policy.evaluate(inputs)
            found.frozen = run.policy.frozen()(inputs)
        found.texts_together = TextScorer(run.policy).score(
            ["You see", "Goal:"], [["a wall"], ["a key", "a ball"]]
        )
        store.write(run.frames, run.save, run.state())
        found.straight, found.end = advance(run, 1), weights(run)
        found.held = run._crew.add_gradients(held, [inputs, inputs], 1)
        found.ranks = [each.pid for each in run._crew.others.processes]
    return found


def test_gradients_are_those_of_one_device(runs):
    for share, gradient in zip(runs.shares, runs.gradient, strict=True):
        torch.testing.assert_close(share, gradient.chunk(2)[0].view_as(share), rtol=1e-5, atol=1e-5)
    norm = torch.cat([each.flatten() for each in runs.gradient]).double().norm()
    assert runs.norm == pytest.approx(norm.item(), rel=1e-5)  # so the other half is, too


def test_updates_are_those_of_one_device(runs):
    torch.testing.assert_close(runs.together, runs.alone, rtol=1e-3, atol=1e-5)
    assert (runs.together_weights - runs.alone_weights).abs().max() < 1e-5
    assert (runs.alone_weights - runs.before).abs().max() > 1e-4  # else there was nothing to compare


def test_each_rank_holds_half_of_the_weights_and_of_adams_moments(runs):
    for kept, moments in runs.held:
        assert kept == pytest.approx(runs.count / 2, rel=0.01)
        assert moments == pytest.approx(runs.count, rel=0.01)  # two moments a weight
    assert sum(kept for kept, _ in runs.held) == runs.count


def test_answers_are_those_of_one_device_however_asked(runs):
    for answer in (runs.values_together, runs.frozen):
        torch.testing.assert_close(answer.values, runs.values.values, rtol=1e-3, atol=1e-4)
        torch.testing.assert_close(
            answer.log_probabilities, runs.values.log_probabilities, rtol=1e-3, atol=1e-4
        )
    for one, other in zip(runs.texts, runs.texts_together, strict=True):
        assert one.tokens == other.tokens
        assert one.log_probabilities == pytest.approx(other.log_probabilities, rel=1e-3)


def test_a_checkpoint_is_resumed_on_two_ranks_to_the_bit(runs):
    with TrainingRun(runs.config(2), resume=runs.store.latest()) as run:
        assert torch.equal(weights(run), runs.together_weights)
        assert torch.equal(advance(run, 1), runs.straight)
        assert torch.equal(weights(run), runs.end)


def test_a_checkpoint_is_resumed_on_one_device(runs):
    with TrainingRun(runs.config(1), resume=runs.store.latest()) as run:
        assert torch.equal(weights(run), runs.together_weights)
        torch.testing.assert_close(advance(run, 1), runs.straight, rtol=1e-3, atol=1e-5)
        assert (weights(run) - runs.end).abs().max() < 1e-5


def test_no_process_is_left(runs):
    assert not any(psutil.pid_exists(pid) for pid in runs.ranks)


@pytest.mark.thorough
def test_lost_and_failing_ranks_are_told(models, monkeypatch):
    config = config_of(models, 2)
    with TrainingRun(config) as run:
        inputs = parts_of_a_rollout(run, 1)[0].inputs[0]
        with pytest.raises(RunFailedError, match=r"rank 1: .*no such part"):
            run._crew.add_gradients(_fails_away, [("here", inputs), ("away", inputs)], 1)
    begin_ranks_as_programs(monkeypatch)
    with TrainingRun(config) as run:
        run.advance()
        os.kill(run._crew.others.processes[0].pid, signal.SIGKILL)
        with pytest.raises(LostRankError, match="a rank of 2 is gone"):
            run.advance()


def _fails_away(policy, part):
    where, inputs = part
    if where == "away":
        raise ValueError("no such part")
    return policy.evaluate(inputs).values.sum(), where


@pytest.mark.slow
def test_bfloat16_gathers_weights_of_that_type(models):
    found = []
    for devices in (1, 2):
        with TrainingRun(config_of(models, devices, model="t5", precision="bfloat16")) as run:
            found.append(advance(run, 1))
    torch.testing.assert_close(found[0], found[1], rtol=0.1, atol=0.05)


def test_shares_need_devices_and_nothing_compiled(models):
    with pytest.raises(UserError, match="set devices, too"):
        config_of(models, 1, sharded=True)
    with pytest.raises(UserError, match="leave compile out"):
        config_of(models, 2, compile=True)
    assert "sharded" not in config_of(models, 1).read()["policy"]  # runs of before keep their names


def test_other_runs_of_several_devices_are_still_refused(models, tmp_path):
    store = CheckpointStore(tmp_path)
    with TrainingRun(config_of(models, 1)) as run:
        store.write(0, run.save, run.state())
        assert isinstance(run._crew, Alone)
    with pytest.raises(UserError, match="belongs to run"):
        TrainingRun(config_of(models, 1, end_of_sequence=True), resume=store.latest())
