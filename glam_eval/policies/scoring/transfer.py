"""Arrays on their way to a device: those that belong together go together."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray


def transferred(arrays: Sequence[NDArray[np.int64]], device: torch.device) -> list[torch.Tensor]:
    """Return arrays of any shapes on a device.

    Args:
        arrays: not to be changed afterwards: on a processor, tensors share their memory.
        device: a GPU is sent all of them in one transfer, since it waits for each.
    """
    tensors = [torch.from_numpy(each) for each in arrays]
    return tensors if device.type == "cpu" else _in_one(tensors, device)


def _in_one(tensors: Sequence[torch.Tensor], device: torch.device) -> list[torch.Tensor]:
    sent = torch.cat([each.reshape(-1) for each in tensors]).to(device)
    parts = torch.split(sent, [each.numel() for each in tensors])
    return [part.view(each.shape) for part, each in zip(parts, tensors, strict=True)]
