"""What benches read from a machine: time, and the peak of memory."""

import time
from collections.abc import Callable
from pathlib import Path

import torch

from glam_eval.policies.models.gemm import synchronize


def clock_of(device: torch.device) -> Callable[[], float]:
    """Return a clock in seconds: on a CPU that of this process per thread, which others can't slow down."""
    if device.type != "cpu":

        def now() -> float:
            synchronize(device)
            return time.perf_counter()

        return now
    threads = torch.get_num_threads()
    return lambda: time.process_time() / threads


def reset_peak(device: torch.device) -> None:
    """Begin to look for the peak of memory anew."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    elif Path("/proc/self/clear_refs").exists():
        Path("/proc/self/clear_refs").write_text("5")  # proc(5): resets the peak resident set


def peak_memory(device: torch.device) -> int:
    """Return the most bytes in use since ``reset_peak``: of tensors on a GPU, of the process on a CPU."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    status = Path("/proc/self/status")
    if not status.exists():
        return 0
    lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
    return int(lines["VmHWM"].split()[0]) * 1024
