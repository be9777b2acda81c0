"""GPUs by name: the matrix rates and memory that their makers publish, for plans of machines not at hand."""

import re
from dataclasses import dataclass

from glam_eval.core.errors import unknown


@dataclass(frozen=True, slots=True)
class Gpu:
    """One device."""

    name: str
    memory: int  # bytes, of which a process gets some 95%
    bfloat16: float  # operations a second of dense products with sums in float32
    float32: float  # without TF32, which torch leaves off
    source: str

    def rate(self, precision: str) -> float:
        """Return the published rate of matrix products, in operations a second; a multiply-add is two."""
        return self.bfloat16 if precision == "bfloat16" else self.float32

    @property
    def usable(self) -> float:
        """The bytes that are left to a process beside the driver's context."""
        return 0.95 * self.memory


def _gpu(name: str, gigabytes: int, bfloat16: float, float32: float, source: str) -> Gpu:
    return Gpu(name, gigabytes * 10**9, bfloat16 * 1e12, float32 * 1e12, source)


# Where bfloat16 has no units of its own its rate is float32's.
GPUS = {
    gpu.name: gpu
    for gpu in (
        _gpu("t4", 16, 8.1, 8.1, "NVIDIA T4 datasheet, 2019"),
        _gpu("v100-16gb", 16, 15.7, 15.7, "NVIDIA V100 datasheet, SXM2, 2020"),
        _gpu("v100-32gb", 32, 15.7, 15.7, "NVIDIA V100 datasheet, SXM2, 2020"),
        _gpu("a10", 24, 125.0, 31.2, "NVIDIA A10 datasheet, 2021"),
        _gpu("a40", 48, 149.7, 37.4, "NVIDIA A40 datasheet, 2021"),
        _gpu("a100-40gb", 40, 312.0, 19.5, "NVIDIA A100 datasheet, 2021"),
        _gpu("a100-80gb", 80, 312.0, 19.5, "NVIDIA A100 datasheet, 2021"),
        _gpu("l4", 24, 121.0, 30.3, "NVIDIA L4 datasheet, half of the rate with sparsity, 2023"),
        _gpu("l40s", 48, 362.0, 91.6, "NVIDIA L40S datasheet, 2023"),
        _gpu("h100-pcie", 80, 756.0, 51.0, "NVIDIA H100 datasheet, half of the rate with sparsity, 2022"),
        _gpu("h100", 80, 989.0, 67.0, "NVIDIA H100 datasheet, SXM, half of the rate with sparsity, 2023"),
        _gpu("h200", 141, 989.0, 67.0, "NVIDIA H200 datasheet, SXM, half of the rate with sparsity, 2024"),
        _gpu("mi250x", 64, 191.5, 23.9, "AMD Instinct MI250X data sheet, one of its two dies, 2021"),
        _gpu("mi300x", 192, 1307.4, 163.4, "AMD Instinct MI300X data sheet, 2023"),
    )
}


def find_gpu(name: str) -> Gpu:
    """Return a GPU by its name; raises a UserError for one that is not in the table."""
    if name.lower() not in GPUS:
        raise unknown("GPU", name, GPUS)
    return GPUS[name.lower()]


def gpu_of_gres(gres: str) -> Gpu | None:
    """Return the GPU that Slurm is asked for by its type, as in ``gpu:a100:1``; None if that tells none.

    Of a type with several sizes it is the smallest.
    """
    found = re.search(r"gpu:([a-zA-Z][\w-]*)", gres)
    kind = found[1].lower() if found else ""
    fitting = [gpu for name, gpu in GPUS.items() if kind and (name == kind or name.startswith(f"{kind}-"))]
    return next((gpu for gpu in fitting if gpu.name == kind), fitting[0] if fitting else None)
