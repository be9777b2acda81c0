"""Small networks on the language model's root state: the value and the action head."""

import torch
from torch import nn


class Head(nn.Module):
    """MLP input -> hidden -> hidden -> output with sigmoid activations (Carta et al. 2023, appendix).

    Args:
        inputs: width of the root state, d_model.
        outputs: 1 for a value, the number of actions for a choice.
        hidden: width of both hidden layers.
    """

    def __init__(self, inputs: int, outputs: int, hidden: int = 1024) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(inputs, hidden),
            nn.Sigmoid(),
            nn.Linear(hidden, hidden),
            nn.Sigmoid(),
            nn.Linear(hidden, outputs),
        )

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """Return (n, outputs) float32 of hidden states (n, inputs)."""
        output: torch.Tensor = self.layers(hidden.float())
        return output
