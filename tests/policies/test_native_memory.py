"""The C kernels touch no memory but what they are given, whatever the shapes: a sanitizer watches them."""

import subprocess
from pathlib import Path

import pytest

from glam_eval.core.compiling import compiler
from glam_eval.policies.scoring.kernels import native

DRIVER = Path(__file__).with_name("drive_native.c")
SOURCES = Path(native.__file__).parent


@pytest.mark.thorough
@pytest.mark.parametrize(
    "processor",
    [[], ["-mno-avx512f"], ["-mno-avx"]],
    ids=str,
)
def test_kernels_stay_within_their_buffers(processor, tmp_path):
    if not compiler().command:
        pytest.skip("there is no C compiler")
    program = tmp_path / "drive"
    flags = ["-std=gnu11", "-g", "-O1", "-march=native", "-Wno-psabi", *processor]
    sanitizers = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    files = [f"-I{SOURCES}", DRIVER, *SOURCES.glob("*.c"), "-o", program, "-lm"]
    made = subprocess.run(
        [compiler().command[0], *flags, *sanitizers, *files], capture_output=True, text=True
    )
    if made.returncode != 0:
        pytest.skip(f"this compiler has no sanitizer, or another processor: {made.stderr[:100]}")
    run = subprocess.run([program], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr[:2000]
