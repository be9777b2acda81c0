"""Benches by the program: what is printed and written, and one line where a measurement ends too soon."""

import io
import os
import signal
import time
from pathlib import Path

import pandas as pd
import pytest
from program import answer
from under_way import begin, workers

from glam_eval.benchmarks.engine import EngineMeasurement
from glam_eval.cli.bench_tables import engine_table
from glam_eval.core.console import Console


def test_both_kinds_of_work_stand_beside_limit_and_others():
    measured = EngineMeasurement(
        model="google/flan-t5-small",
        precision="float32",
        device="cpu",
        threads=2,
        kernels="compiled",
        score_rate=12.0,
        update_rate=1234.5,
        peak_memory=3 * 2**30,
        matrix_rate=2e11,
        score_fraction=0.75,
        update_fraction=0.5,
        plain_score_rate=4.0,
        plain_update_rate=411.5,
        padded_score_rate=10.0,
        padded_update_rate=493.8,
    )
    printed = {}
    for compare in (True, False):
        console = Console(width=80, record=True, file=io.StringIO())
        console.print(engine_table([measured], compare))
        lines = console.export_text().splitlines()
        printed[compare] = [line.split() for line in lines if line.startswith(measured.model)]
    model, memory = measured.model, ["200", "3.00"]
    assert printed[True] == [
        [model, "score", "12.0", "75%", "3.0", "1.2", *memory],
        [model, "update", "1,234.5", "50%", "3.0", "2.5", *memory],
    ]
    assert printed[False] == [
        [model, "score", "12.0", "75%", *memory],
        [model, "update", "1,234.5", "50%", *memory],
    ]


def test_what_is_printed_is_written_too(tmp_path):
    file = tmp_path / "new" / "environment.parquet"
    done = answer("bench", "environment", "GoToLocalS5N2", "--steps", "320", "--slots", "4", "--out", file)
    assert done.returncode == 0 and f"written to {file}" in done.stdout
    measured = pd.read_parquet(file)
    assert measured["level"].tolist() == ["GoToLocalS5N2"] * 2 and measured["steps"].tolist() == [312, 60]
    assert f"{measured['ratio'][0]:.2f}" in done.stdout


def measuring(process, seconds=60):
    """The process that measures, a child of the program's, once it is there."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for child in workers(process):
            if "spawn_main" in Path(f"/proc/{child}/cmdline").read_text():
                return child
        time.sleep(0.05)
    raise TimeoutError("no process measures")


@pytest.mark.thorough
def test_a_killed_measurement_is_one_line():
    process = begin("bench", "engine", "--model", "google/flan-t5-small")
    os.kill(measuring(process), signal.SIGKILL)
    done = process.ended(60)
    assert done.returncode == 2
    assert done.stderr == (
        "glam-eval: google/flan-t5-small was killed: too little memory? measure a smaller one\n"
    )
