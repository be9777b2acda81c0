"""Symbolic-PPO's network: the described shapes and parameter counts, words and running statistics."""

import numpy as np
import pytest
import torch

from glam_eval.core.errors import UserError
from glam_eval.environments import VectorEnvironment
from glam_eval.language import speaker
from glam_eval.policies.symbolic import SymbolicPolicy


@pytest.fixture(scope="module")
def situations():
    environment = VectorEnvironment("GoToLocal", 12)
    for slot in range(12):
        environment.start(slot, slot)
    return environment.situations()


def inputs_of(policy, situations):
    return [policy.prepare(situation) for situation in situations]


def test_parameter_count_is_that_of_the_description():
    policy = SymbolicPolicy(actions=6)
    words = len(speaker("en").words()) + 1
    conv_2x2, conv_3x3, norm = 3 * 128 * 4 + 128, 128 * 128 * 9 + 128, 2 * 128
    film = 2 * conv_3x3 + 2 * norm + 2 * (128 * 128 + 128)
    gru, lstm = 3 * (2 * 128 * 128 + 2 * 128), 4 * (2 * 128 * 128 + 2 * 128)
    heads = 2 * (128 * 64 + 64) + (64 * 6 + 6) + (64 + 1)
    expected = words * 128 + conv_2x2 + norm + conv_3x3 + norm + 2 * film + gru + lstm + heads
    assert policy.count_parameters() == expected


def test_shapes_on_the_way(situations):
    policy = SymbolicPolicy(actions=6)
    shapes = []
    for module in [policy.view[0], policy.view[3], policy.view[4], policy.view[7], *policy.blocks]:
        module.register_forward_hook(lambda module, given, made: shapes.append(tuple(made.shape[1:])))
    output = policy.evaluate(inputs_of(policy, situations))
    assert shapes == [(128, 8, 8), (128, 4, 4), (128, 4, 4), (128, 2, 2), (128, 2, 2), (128, 2, 2)]
    assert output.log_probabilities.shape == (12, 6) and output.memory.shape == (12, 256)


def test_view_mission_and_memory_all_matter(situations):
    policy = SymbolicPolicy(actions=6)
    grid = inputs_of(policy, situations)[0]
    other = next(each for each in inputs_of(policy, situations) if each.mission != grid.mission)
    blank = grid._replace(image=np.zeros_like(grid.image))
    plain, memory = policy.evaluate([grid]).values, torch.ones(1, 256)
    assert policy.evaluate([grid._replace(mission=other.mission)]).values != plain
    assert policy.evaluate([blank]).values != plain
    assert policy.evaluate([grid], memory).values != plain


def test_an_answer_does_not_depend_on_the_batch(situations):
    policy = SymbolicPolicy(actions=6)
    inputs = inputs_of(policy, situations)
    policy.refresh_statistics(inputs)
    together = policy.evaluate(inputs)
    for row, alone in enumerate(policy.evaluate([each]) for each in inputs):
        torch.testing.assert_close(alone.log_probabilities[0], together.log_probabilities[row])


def test_sequences_are_read_as_step_by_step(situations):
    policy = SymbolicPolicy(actions=6)
    inputs = inputs_of(policy, situations)
    steps = [inputs[0:4], inputs[4:8], inputs[4:8], inputs[8:12]]
    continues = torch.tensor([[1, 1, 0, 1], [0, 1, 1, 1], [1, 1, 1, 0], [1, 1, 1, 1]]).float()
    first = memory = torch.randn(4, 256, generator=torch.manual_seed(0))
    together = policy.evaluate_sequences(steps, first, continues)
    for t, step in enumerate(steps):
        alone, rows = policy.evaluate(step, memory), slice(4 * t, 4 * t + 4)
        torch.testing.assert_close(together.log_probabilities[rows], alone.log_probabilities)
        torch.testing.assert_close(together.values[rows], alone.values)
        memory = alone.memory * continues[t][:, None]


def test_the_first_refresh_gives_the_statistics_of_its_inputs(situations):
    policy = SymbolicPolicy(actions=6)
    inputs = inputs_of(policy, situations)
    policy.refresh_statistics(inputs)
    images = torch.stack([torch.from_numpy(each.image.copy()).float() for each in inputs]).permute(0, 3, 2, 1)
    convolved = policy.view[0](images)
    torch.testing.assert_close(policy.view[1].running_mean, convolved.mean((0, 2, 3)), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(policy.view[1].running_var, convolved.var((0, 2, 3)), rtol=1e-4, atol=1e-4)


def test_words_never_met_are_one_unknown_word():
    policy = SymbolicPolicy(actions=6)
    environment = VectorEnvironment("GoToLocal", 1, shift="invented_nouns")
    environment.start(0, 3)
    known = VectorEnvironment("GoToLocal", 1)
    known.start(0, 3)
    invented, usual = (policy.prepare(each.situations()[0]).mission for each in (environment, known))
    assert 0 not in usual
    assert [a for a, b in zip(invented, usual, strict=True) if a != b] == [0]


def test_weights_of_another_vocabulary_or_policy_are_refused(tmp_path):
    SymbolicPolicy(actions=6).save(tmp_path)
    with pytest.raises(UserError, match="another vocabulary"):
        SymbolicPolicy(actions=6, language="fr").load(tmp_path)
    with pytest.raises(UserError, match="another shape"):
        SymbolicPolicy(actions=3).load(tmp_path)
    with pytest.raises(UserError, match="no weights of a SymbolicPolicy"):
        SymbolicPolicy(actions=6).load(tmp_path / "nowhere")


def test_more_actions_than_outputs_are_refused(situations):
    policy = SymbolicPolicy(actions=3)
    with pytest.raises(UserError, match="6 actions for a policy of 3"):
        policy.evaluate(inputs_of(policy, situations))
