"""The same work by plain Hugging Face calls, as the field's standard stack does it, to compare with.

A batch is padded to its longest prompt and encoded once; then the decoder runs once for each action.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import torch
from torch.nn.utils.rnn import pad_sequence
from transformers.modeling_outputs import BaseModelOutput

from glam_eval.policies.base import PolicyOutput
from glam_eval.policies.language_model import LanguageModelPolicy, PreparedPrompt


def plain_evaluate(policy: LanguageModelPolicy, inputs: Sequence[PreparedPrompt]) -> PolicyOutput:
    """Return what the policy's ``evaluate`` returns, for an encoder-decoder and one list of actions."""
    model = policy.model
    prompts = [torch.from_numpy(each.prompt.astype(np.int64)) for each in inputs]
    ids = pad_sequence(prompts, batch_first=True).to(model.device)
    lengths = torch.tensor([len(prompt) for prompt in prompts], device=model.device)
    mask = (torch.arange(ids.shape[1], device=model.device) < lengths[:, None]).long()
    scores = []
    with _autocast(policy):
        states = model.get_encoder()(input_ids=ids, attention_mask=mask).last_hidden_state
        for action in inputs[0].actions.tokens:
            target = torch.tensor(action, device=model.device)
            fed = target.roll(1)
            fed[0] = model.config.decoder_start_token_id
            output = model(
                encoder_outputs=BaseModelOutput(last_hidden_state=states),
                attention_mask=mask,
                decoder_input_ids=fed.expand(len(ids), -1),
                output_hidden_states=True,
                use_cache=False,
            )
            chosen = output.logits.float().log_softmax(-1).gather(2, target.expand(len(ids), -1)[..., None])
            scores.append(chosen.sum((1, 2)))
    roots = output.decoder_hidden_states[-1][:, 0]
    return PolicyOutput(
        torch.stack(scores, dim=1).log_softmax(dim=1), policy.heads["value"](roots).squeeze(1)
    )


def _autocast(policy: LanguageModelPolicy) -> AbstractContextManager[Any]:
    half = policy.options.precision == "bfloat16"
    return torch.autocast(policy.model.device.type, torch.bfloat16, enabled=half)


def plain_batches(count: int, size: int) -> Iterator[list[int]]:
    """Yield indices of prompts in the order they come, ``size`` at a time."""
    for first in range(0, count, size):
        yield list(range(first, min(first + size, count)))
