"""The engine's bench by the program: a table, a file, and one line where a measurement ends too soon."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pandas as pd
from program import command, glam_eval


def test_both_kinds_of_work_are_printed_and_a_row_for_each_model_is_written(tmp_path):
    file = tmp_path / "engine.parquet"
    done = glam_eval("bench", "engine", "--model", "t5-pico", "--repeats", 1, "--no-compare", "--out", file)
    assert done.returncode == 0, done.stderr
    rows = [line.split() for line in done.stdout.splitlines() if line.startswith("t5-pico")]
    (row,) = pd.read_parquet(file).to_dict("records")
    assert [each[1] for each in rows] == ["score", "update"]
    for printed in rows:
        rate = float(printed[2].replace(",", ""))
        assert abs(rate - row[f"{printed[1]}_rate"]) < 0.1
        assert printed[3] == f"{row[f'{printed[1]}_fraction']:.0%}"


def measuring(process, seconds=60):
    """The process that measures, a child of the program's, once it is there."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for child in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split():
            if "spawn_main" in Path(f"/proc/{child}/cmdline").read_text():
                return int(child)
        time.sleep(0.05)
    raise TimeoutError("no process measures")


def test_a_killed_measurement_is_one_line():
    arguments = command("bench", "engine", "--model", "google/flan-t5-small")
    with subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        os.kill(measuring(process), signal.SIGKILL)
        assert process.wait(60) == 2
        assert process.stderr.read() == (
            "glam-eval: google/flan-t5-small was killed: too little memory? measure a smaller one\n"
        )
