"""Pretrain the models of suite ``pretraining-cpu``: t5-nano whole, without a group of families, plain text.

Each from three seeds, all on as many tokens; what is there is continued or left. A model takes some ten
minutes of a core: ``python analyses/pretrain_arms.py && glam-eval run-suite pretraining-cpu``. What each
model knows in the end goes into one table, ``results/ladder/arms.parquet``.
"""

import argparse
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd

from glam_eval import load_results
from glam_eval.core.processors import available_processors
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


def name(arm: str, seed: int) -> str:
    """Return a model's name, by which statistics know its arm and its seed."""
    return RUNG + arm + (f"{SEED_MARK}{seed}" if seed else "")


def pretrain(arm: str, seed: int, out: Path) -> int:
    """Pretrain one model into its directory and return the command's exit status."""
    settings = [*TOKENS, f"without={json.dumps(LEFT_OUT[arm])}"]
    directory = out / name(arm, seed)
    command = [sys.executable, "-m", "glam_eval", "models", "pretrain", RUNG, "--seed", str(seed)]
    command += [part for setting in settings for part in ("--set", setting)]
    print(directory)
    return subprocess.run(
        [*command, "--out", str(directory)], stdout=subprocess.DEVNULL, check=False
    ).returncode


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("pretraining"), help="directory of the models")
    parser.add_argument("--knowledge", type=Path, default=Path("results/ladder/arms.parquet"), help="table")
    parser.add_argument("--workers", type=int, default=available_processors(), help="models at a time")
    arguments = parser.parse_args()
    models = [(arm, seed) for seed in range(SEEDS) for arm in LEFT_OUT]
    with ThreadPoolExecutor(arguments.workers) as pool:
        jobs = [pool.submit(pretrain, *model, arguments.out) for model in models]
    if failed := max(job.result() for job in jobs):
        sys.exit(failed)
    names = [name(*model) for model in models]
    known = [load_results(arguments.out / each, "language").assign(model=each) for each in names]
    pd.concat(known).to_parquet(arguments.knowledge, index=False)
