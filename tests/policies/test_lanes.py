"""Parts computed on threads of their own give what one thread gives, in order, and every time the same."""

import threading

import pytest
import torch
from torch import nn

from glam_eval.benchmarks import engine
from glam_eval.policies.lanes import (
    MOST_LANES,
    MOST_WEIGHTS,
    add_gradients,
    in_lanes,
    lane_count,
    threads_here,
)
from glam_eval.policies.models.shapes import EMBEDDED
from glam_eval.policies.scoring.packing import batches

CPU = torch.device("cpu")


@pytest.fixture
def _two_threads():
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(1)


@pytest.mark.usefixtures("_two_threads")
def test_each_part_has_a_thread_of_its_own_and_the_callers_gradient_mode():
    meeting = threading.Barrier(2, timeout=30)  # two parts that wait for each other run at the same time

    def work(part):
        meeting.wait()
        return part, torch.get_num_threads(), torch.is_grad_enabled(), threading.get_ident()

    results = list(in_lanes(work, ["a", "b"], lanes=2))
    with torch.no_grad():
        silent = list(in_lanes(work, ["a", "b"], lanes=2))
    assert [each[:3] for each in results] == [("a", 1, True), ("b", 1, True)]
    assert [each[:3] for each in silent] == [("a", 1, False), ("b", 1, False)]
    assert len({each[3] for each in results} | {threading.get_ident()}) == 3
    assert torch.get_num_threads() == 2


@pytest.mark.usefixtures("_two_threads")
def test_a_lane_keeps_its_share_of_threads_whatever_others_set():
    def shares():
        return list(in_lanes(lambda _: (threads_here(), torch.get_num_threads()), range(2), lanes=2))

    assert shares() == [(1, 1)] * 2
    torch.set_num_threads(3)
    torch.set_num_threads(2)
    assert shares() == [(1, 1)] * 2
    assert threads_here() == 2


@pytest.mark.usefixtures("_two_threads")
def test_an_error_in_a_lane_is_the_callers():
    def work(part):
        raise RuntimeError(part)

    with pytest.raises(RuntimeError, match="first"):
        list(in_lanes(work, ["first", "second"], lanes=2))


def test_lanes_are_for_processors_and_for_models_of_few_weights(monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: 3)
    assert lane_count(CPU) == lane_count(CPU, MOST_WEIGHTS) == 3
    assert lane_count(CPU, MOST_WEIGHTS + 1) == lane_count(torch.device("cuda")) == 1
    monkeypatch.setattr(torch, "get_num_threads", lambda: 64)
    assert lane_count(CPU) == MOST_LANES


@pytest.mark.usefixtures("_two_threads")
@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_gradients_of_parts_are_those_of_their_sum(count):
    generator = torch.Generator().manual_seed(count)
    parts = [torch.randn(9, 5, generator=generator) for _ in range(count)]
    weight, late, unused = (nn.Parameter(torch.randn(5, generator=generator)) for _ in range(3))

    def work(part):
        loss = torch.tanh(part @ weight).square().sum()
        if part is parts[-1]:  # no other part has a gradient for this weight
            loss = loss + (part * late).sum()
        return loss, len(part) + float(part[0, 0])

    parameters = [weight, late, unused]
    sum(work(part)[0] for part in parts).backward()
    expected = [parameter.grad for parameter in parameters]
    first = None
    for _ in range(5):
        for parameter in parameters:
            parameter.grad = None
        results = add_gradients(work, parts, parameters, lanes=2)
        assert results == [work(part)[1] for part in parts]
        torch.testing.assert_close(weight.grad, expected[0])
        torch.testing.assert_close(late.grad, expected[1])
        assert unused.grad is None
        first = weight.grad if first is None else first
        assert torch.equal(first, weight.grad)


@pytest.mark.parametrize(("precision", "tolerance"), [("float32", 1e-4), ("bfloat16", 0.03)])
def test_a_gradient_step_in_lanes_is_one_without(precision, tolerance):
    prompts = engine.make_prompts(24, 1000)
    lengths = [len(each.prompt) for each in prompts]

    def step(threads):
        torch.set_num_threads(threads)
        policy = engine.make_policy(EMBEDDED["t5-pico"], precision, "cpu")
        optimizer = torch.optim.SGD(list(policy.parameters()), lr=0.1)
        try:
            with torch.no_grad():
                scores = policy.evaluate(prompts).log_probabilities
            engine.update_step(
                policy, optimizer, prompts, batches(lengths, 1500), policy.evaluate, lane_count(CPU)
            )
        finally:
            torch.set_num_threads(1)
        return scores, torch.cat([parameter.detach().flatten() for parameter in policy.parameters()])

    (scores, weights), (scores_of_two, weights_of_two) = step(1), step(2)
    torch.testing.assert_close(scores_of_two, scores, rtol=tolerance, atol=tolerance / 100)
    torch.testing.assert_close(weights_of_two, weights, rtol=tolerance, atol=tolerance / 100)
    again = step(2)
    assert torch.equal(again[0], scores_of_two)
    assert torch.equal(again[1], weights_of_two)
