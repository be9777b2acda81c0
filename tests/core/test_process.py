"""What a process that computes sets once, and that nothing else sets."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest
from program import fresh

from glam_eval.core import process

SCORE = """
import ctypes, re
from pathlib import Path
from glam_eval.core.process import keep_freed_memory
from glam_eval.policies import load_model, score_actions

{first}
score_actions(*load_model("t5-nano-scratch"), ["Goal of the agent: go"], ["turn left", "go forward"])
C = ctypes.CDLL(None)
C.malloc.restype = ctypes.c_void_p

def resident():
    return int(re.search(r"VmRSS:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 1024

before = resident()
block = ctypes.c_void_p(C.malloc(256 * 2**20))
C.memset(block, 1, 256 * 2**20)
C.free(block)
print(resident() - before)
"""


@pytest.mark.thorough
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="there is no glibc")
@pytest.mark.parametrize(
    ("first", "kept"),
    [
        ("", False),
        ("assert keep_freed_memory()", True),
    ],
)
def test_freed_memory_is_kept_where_a_process_asks_and_nowhere_else(first, kept):
    done = fresh(SCORE.format(first=first))
    assert done.returncode == 0, done.stderr
    assert (float(done.stdout) > 128) == kept


SPAWNING = """
import multiprocessing, sys
from glam_eval.core.process import import_nothing_from_here

if __name__ == "__main__":
    if sys.argv[1:]:
        import_nothing_from_here()
    process = multiprocessing.get_context("spawn").Process(target=print)
    process.start()
    process.join()
"""


@pytest.mark.parametrize("safe", [True, False])
def test_workers_import_nothing_from_the_directory_they_start_in(safe, tmp_path):
    (tmp_path / "selectors.py").write_text("open('ran', 'w').close()\n")
    (tmp_path / "elsewhere").mkdir()
    script = tmp_path / "elsewhere" / "program.py"
    script.write_text(SPAWNING)
    environment = {**os.environ, "PYTHONPATH": str(Path(process.__file__).parents[2])}
    environment.pop("PYTHONSAFEPATH", None)
    command = [sys.executable, str(script), *["safe"] * safe]
    subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, timeout=300)
    assert (tmp_path / "ran").exists() != safe
