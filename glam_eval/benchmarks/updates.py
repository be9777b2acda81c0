"""One gradient step as learners make it, with a loss that needs no experience."""

from collections.abc import Callable, Iterable, Sequence

import torch

from glam_eval.policies.base import PolicyOutput
from glam_eval.policies.lanes import add_gradients
from glam_eval.policies.language_model import LanguageModelPolicy, PreparedPrompt


def update_step(
    policy: LanguageModelPolicy,
    optimizer: torch.optim.Optimizer,
    prompts: list[PreparedPrompt],
    micro_batches: Iterable[Sequence[int]],
    evaluate: Callable[[list[PreparedPrompt]], PolicyOutput],
    lanes: int = 1,
) -> None:
    """Do one gradient step: forward, backward, clip, Adam.

    Args:
        policy: whose parameters are stepped.
        optimizer: of them.
        prompts: the minibatch.
        micro_batches: indices of the prompts to compute at once.
        evaluate: returns log-probabilities and values of prompts.
        lanes: micro-batches side by side.
    """
    optimizer.zero_grad(set_to_none=True)

    def part_loss(batch: Sequence[int]) -> tuple[torch.Tensor, None]:
        output = evaluate([prompts[index] for index in batch])
        return (output.values.square() - output.log_probabilities[:, 0]).sum() / len(prompts), None

    parameters = list(policy.parameters())
    add_gradients(part_loss, list(micro_batches), parameters, lanes)
    torch.nn.utils.clip_grad_norm_(parameters, 0.5)
    optimizer.step()
