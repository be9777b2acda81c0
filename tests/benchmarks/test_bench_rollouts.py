"""The bench of decoder-only models: operations counted by hand, rivals that do the same work, one table."""

import io

import numpy as np
import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from glam_eval.benchmarks import rollouts
from glam_eval.benchmarks.rival_engines import PromptByPrompt
from glam_eval.cli.bench import _rollout_table
from glam_eval.core.console import Console
from glam_eval.core.errors import UserError
from glam_eval.policies.language_model import PreparedPrompt
from glam_eval.policies.models.counting import find_shape
from glam_eval.policies.models.tokenizer import embedded_tokenizer
from glam_eval.policies.scoring.tree import Actions


@pytest.fixture(scope="module")
def llama(tmp_path_factory):
    directory, tokenizer = tmp_path_factory.mktemp("llama"), embedded_tokenizer()
    sizes = {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2}
    LlamaForCausalLM(LlamaConfig(vocab_size=len(tokenizer), **sizes)).save_pretrained(directory)
    tokenizer.save_pretrained(directory)
    return str(directory)


def test_operations_are_those_of_distinct_nodes(llama):
    actions = Actions(((1, 2), (1, 3), (4,)), (1, 1, 1))
    prompts = [PreparedPrompt(np.array(ids, np.int32), actions) for ids in ([5, 6], [5, 6], [5, 7, 8])]
    # 5, 56, 561; 57, 578, 5781; of which 56, 561, 578 and 5781 predict
    weights = 2 * (4 * 16 * 16 + 3 * 16 * 24)
    products = 2 * 6 * weights + 2 * 4 * 16 * len(embedded_tokenizer())
    attention = 4 * 2 * 16 * (1 + 2 + 3 + 2 + 3 + 4)
    for backward, expected in ((0, products + attention), (1, 2 * products + 3 * attention)):
        assert rollouts.tree_operations(find_shape(llama), prompts, backward) == (6, expected)


@pytest.mark.parametrize("tuning", ["lora", "full"])
def test_both_kinds_of_work_are_measured_beside_others(llama, monkeypatch, tuning):
    monkeypatch.setattr(rollouts, "matrix_rate", lambda *_, **__: 2e11)
    work = rollouts.Workload(steps=2, minibatch=8, repeats=1)
    score, update = rollouts.measure_rollouts(llama, 1, tuning, work=work)
    assert (score.work, score.prompts, update.work, update.prompts) == ("score", 64, "update", 8)
    for row in (score, update):
        assert min(row.rate, row.before_rate, row.plain_rate, row.peak_memory) > 0
        assert 0 < row.fraction < 1 and row.nodes < row.tokens
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(_rollout_table([score, update]))
    assert f"update, {tuning}" in console.export_text()


def test_the_engine_before_gives_the_same_answers(llama):
    policy = rollouts.make_policy(llama, "full", "float32", "cpu")
    step = rollouts.rollout_prompts(policy, rollouts.Workload(steps=1), remembered=2)[0]
    with torch.no_grad():
        ours, before = policy.evaluate(step), PromptByPrompt(policy).evaluate(step)
    torch.testing.assert_close(ours.log_probabilities, before.log_probabilities, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(ours.values, before.values, rtol=1e-5, atol=1e-5)


def test_models_of_both_kinds_at_once_are_one_line(llama):
    assert rollouts.are_decoder_only([llama])
    with pytest.raises(UserError, match="measure others apart"):
        rollouts.are_decoder_only([llama, "t5-pico"])
