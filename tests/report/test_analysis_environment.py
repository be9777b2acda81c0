"""The environment of ``make analysis``: no torch, and every command that reads results works in it."""

import os
import subprocess
from pathlib import Path

import pandas as pd
import pytest
from synthetic_study import make_study

ROOT = Path(__file__).parents[2]


def run(*command, **options):
    return subprocess.run([*map(str, command)], capture_output=True, text=True, timeout=900, **options)


@pytest.fixture(scope="module")
def analysis(tmp_path_factory):
    """The environment, made as the README says."""
    venv = tmp_path_factory.mktemp("environment") / "venv"
    made = run("make", "analysis", f"VENV={venv}", cwd=ROOT, env={**os.environ, "PYTHONPATH": ""})
    assert made.returncode == 0, made.stderr
    return Path(f"{venv}-analysis/bin")


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    out = tmp_path_factory.mktemp("results")
    for name, table in make_study(conditions=4).items():
        (out / name).mkdir()
        table.to_parquet(out / name / "all.parquet", index=False)
    return out


@pytest.mark.slow
def test_results_are_analysed_without_torch(analysis, results):
    for absent in ("torch", "transformers", "minigrid"):
        assert run(analysis / "python", "-c", f"import {absent}").returncode != 0
    for command in (["compare"], ["compare", "--plan"], ["figures", "--name", "generalization"], ["report"]):
        done = run(analysis / "glam-eval", command[0], results, *command[1:], cwd=results)
        assert done.returncode == 0, done.stderr
        assert done.stdout.strip()
    assert (results / "report.html").stat().st_size > 50_000
    assert (results / "figures" / "generalization.pdf").exists()
    code = f"import glam_eval; print(len(glam_eval.load_results({str(results)!r})))"
    done = run(analysis / "python", "-c", code, cwd=results)
    assert int(done.stdout) == len(pd.read_parquet(results / "episodes"))
    script = ROOT / "analyses" / "generalization_table.py"
    done = run(analysis / "python", script, results, "--out", results / "paper", cwd=results)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_what_needs_torch_says_so_in_a_line(analysis, tmp_path):
    done = run(analysis / "glam-eval", "run-suite", "quick", cwd=tmp_path)
    assert done.returncode == 2
    assert "pip install" in done.stderr
    assert "Traceback" not in done.stderr
