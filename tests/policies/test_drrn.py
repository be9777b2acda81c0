"""DRRN's network: the described shapes, and Q values that depend on state and action alone."""

import dataclasses

import pytest
import torch

from glam_eval.environments import VectorEnvironment
from glam_eval.policies.drrn import DRRNPolicy
from glam_eval.policies.models.tokenizer import embedded_tokenizer
from glam_eval.policies.network import TextEncoder


@pytest.fixture(scope="module")
def policy():
    return DRRNPolicy(seed=1)


@pytest.fixture(scope="module")
def situations():
    environment = VectorEnvironment("GoToLocal", 6)
    for slot in range(6):
        environment.start(slot, slot)
    return environment.situations()


def test_parameter_count_is_that_of_the_description(policy):
    gru = 3 * (2 * 128 * 128 + 2 * 128)
    expected = len(embedded_tokenizer()) * 128 + 2 * gru + (256 * 128 + 128) + (128 + 1)
    assert policy.count_parameters() == expected


def test_q_values_equal_the_network_written_out(policy, situations):
    tokenizer = embedded_tokenizer()

    def encoded(recurrence, text):
        ids = torch.tensor([tokenizer(text, add_special_tokens=False)["input_ids"]])
        return recurrence(policy.words(ids).transpose(0, 1))[1][0, 0]

    inputs = [policy.prepare(situation) for situation in situations]
    with torch.no_grad():
        values = policy.q_values([each.prompt for each in inputs], [each.actions for each in inputs])
        for row, situation in enumerate(situations):
            state = encoded(policy.state.recurrence, situation.prompt)
            for column, phrase in enumerate(situation.actions):
                pair = torch.cat([state, encoded(policy.action.recurrence, phrase)])
                torch.testing.assert_close(values[row, column], policy.value(pair)[0], rtol=1e-4, atol=1e-5)


def test_the_policy_is_the_softmax_of_the_values_offered(policy, situations):
    few = dataclasses.replace(situations[0], actions=situations[0].actions[:2])
    inputs = [policy.prepare(each) for each in (few, situations[1])]
    values = policy.q_values([each.prompt for each in inputs], [each.actions for each in inputs])
    output = policy.evaluate(inputs)
    assert output.log_probabilities[0, 2:].isneginf().all()
    torch.testing.assert_close(output.log_probabilities[0, :2].exp(), values[0, :2].softmax(0))
    torch.testing.assert_close(output.values[1], (values[1].softmax(0) * values[1]).sum())


def test_saved_and_loaded_exactly(policy, situations, tmp_path):
    policy.save(tmp_path)
    other = DRRNPolicy(seed=2)
    inputs = [policy.prepare(situation) for situation in situations]
    assert not torch.equal(other.evaluate(inputs).values, policy.evaluate(inputs).values)
    other.load(tmp_path)
    assert torch.equal(other.evaluate(inputs).values, policy.evaluate(inputs).values)


@pytest.mark.parametrize(
    "texts",
    [
        [[1, 2, 3, 4], [1, 2, 5], [1, 2, 3, 4], [1, 2]],  # one is the beginning of all others
        [[1, 2, 3], [1, 2, 4, 0, 0]],
        [[1, 2], [3], [0, 2, 1]],
        [[1, 2, 3]],
        [[1]],
    ],
)
def test_texts_are_read_together_as_each_is_alone(texts):
    torch.manual_seed(0)
    encoder = TextEncoder(torch.nn.Embedding(6, 4), 3)
    together = encoder(texts)
    for row, text in enumerate(texts):
        last = encoder.recurrence(encoder.embedding[0](torch.tensor(text)))[1][0]
        torch.testing.assert_close(together[row], last)
