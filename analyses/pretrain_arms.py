"""Pretrain the models of suite ``pretraining-cpu``: t5-nano whole, without a group of families, plain text.

Each from three seeds, all on as many tokens; what is there is continued or left. A model takes some ten
minutes of a core: ``python analyses/pretrain_arms.py && glam-eval run-suite pretraining-cpu``.
"""

import argparse
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from glam_eval.policies.models.shapes import SEED_MARK
from glam_eval.pretraining.mixture import GROUPS

RUNG = "t5-nano"
SEEDS = 3
LEFT_OUT = {
    "": [],
    **{f"-without-{group}": [group] for group in ("reading", "words", "translation", "places", "sides")},
    "-plain": list(GROUPS),
}
TOKENS = ("instruction_tokens=3_500_000", "least_tokens=16_000_000")


def pretrain(arm: str, seed: int, out: Path) -> int:
    """Pretrain one model into its directory and return the command's exit status."""
    settings = [*TOKENS, f"without={json.dumps(LEFT_OUT[arm])}"]
    directory = out / (RUNG + arm + (f"{SEED_MARK}{seed}" if seed else ""))
    command = [sys.executable, "-m", "glam_eval", "models", "pretrain", RUNG, "--seed", str(seed)]
    command += [part for setting in settings for part in ("--set", setting)]
    print(directory)
    return subprocess.run(
        [*command, "--out", str(directory)], stdout=subprocess.DEVNULL, check=False
    ).returncode


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("pretraining"), help="directory of the models")
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="models at a time")
    arguments = parser.parse_args()
    with ThreadPoolExecutor(arguments.workers) as pool:
        jobs = [pool.submit(pretrain, arm, seed, arguments.out) for seed in range(SEEDS) for arm in LEFT_OUT]
    sys.exit(max(job.result() for job in jobs))
