"""ATen operations that torch offers no function for: this is all that the package uses of them.

They may change with any release: the requirement on torch ends with the last one that the tests ran with.
"""

import torch


def gelu_gradient(gradient: torch.Tensor, gate: torch.Tensor, out: torch.Tensor) -> None:
    """Write the gradient by ``gate`` into ``out``, from the one by its gelu (tanh form); all of one shape.

    One pass over memory; by functions that torch documents it takes five, or gelu a second time.
    """
    torch.ops.aten.gelu_backward.grad_input(gradient, gate, approximate="tanh", grad_input=out)


def softmax_gradient(gradient: torch.Tensor, probabilities: torch.Tensor) -> None:
    """Turn the gradient by a softmax over the last dimension into the one by its scores, in place.

    One pass over memory; by functions that torch documents it takes two and rounds otherwise.
    """
    torch.ops.aten._softmax_backward_data.out(
        gradient, probabilities, -1, probabilities.dtype, grad_input=gradient
    )
