"""Damaged files of every kind that is read: what was written, or one line that names the file."""

import shutil
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hostile import TEXTS, damaged, trials
from program import glam_eval
from test_fuzz_settings import refused
from tiny_suite import TINY_LEARNING

from glam_eval.core.errors import UserError
from glam_eval.execution.study import read_suite
from glam_eval.importing.checkpoints import read_state
from glam_eval.importing.runs import import_runs
from glam_eval.policies import load_model, make_model
from glam_eval.results import load_results, table_names
from glam_eval.training.checkpoints import read_checkpoint

sys.path.append(str(Path(__file__).parents[1] / "importing"))
from test_released_runs import HEADER, NAME, row

pytestmark = pytest.mark.fuzz


SUITE = (
    """
title = "One agent"
question = "Does it go on?"
seeds = 1
frames = 80
evaluations = 1
"""
    + TINY_LEARNING
    + """
[[agents]]
agent = "gflan"
model = "t5-pico"
[[agents]]
agent = "bot"
[[protocols]]
name = "generalization"
scenes = 4
"""
)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A finished study of a language model and the bot, with a checkpoint."""
    folder = tmp_path_factory.mktemp("study")
    (folder / "two.toml").write_text(SUITE)
    done = glam_eval(
        "run-suite", folder / "two.toml", "--no-summary", "--workers", 1, "--out", folder / "out"
    )
    assert done.returncode == 0, done.stderr
    return folder / "out"


def restoring(file, draws, read):
    """Read something while one file of it is damaged; return what was read, None where it was refused."""
    content = file.read_bytes()
    file.write_bytes(damaged(content, draws))
    try:
        return read()
    except UserError as error:
        refused(error)
        return None
    finally:
        file.write_bytes(content)


def test_tables(trying, study):
    whole = {name: load_results(study, name) for name in table_names(study)}
    files = sorted(study.glob("*/*.parquet"))

    def one(draws):
        file = draws.choice(files)
        name = file.parent.name
        read = restoring(file, draws, lambda: load_results(study, name))
        if read is not None:
            pd.testing.assert_frame_equal(read, whole[name])

    trying("damaged tables", trials(10), one, 0.04, least=20)


def test_identities(trying, study):
    def one(draws):
        restoring(study / "suite.json", draws, lambda: read_suite(study))

    trying("damaged suite.json", trials(11), one, 0.03, least=20)


def test_checkpoints(trying, study):
    (directory, *_) = sorted((study / "checkpoints").glob("*/frames-*"), reverse=True)
    files = sorted(file for file in directory.rglob("*") if file.is_file())

    def one(draws):
        file = draws.choice(files)
        read = restoring(file, draws, lambda: read_checkpoint(directory))
        assert read is None or file.name == "checkpoint.json", f"{file.name} was changed in silence"

    trying("damaged checkpoints", trials(12), one, 0.04, least=20)


def test_models(trying, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    directory = tmp_path / "model"
    make_model("t5-pico", directory)
    whole, _ = load_model(directory)
    files = sorted(file for file in directory.rglob("*") if file.is_file())

    def one(draws):
        file = draws.choice(files)
        read = restoring(file, draws, lambda: load_model(directory))
        if read is not None and file.suffix != ".safetensors":  # whose numbers nothing could tell from others
            changed = read[0].state_dict()
            assert all(torch.equal(changed[name], value) for name, value in whole.state_dict().items()), file

    trying("damaged models", trials(13), one, 0.06, least=10)


def test_released_checkpoints(trying, tmp_path):
    file = tmp_path / "model.checkpoint"
    torch.save({f"module._LLM_model.{name}": torch.randn(4, 4) for name in "abc"}, file)

    def one(draws):
        restoring(file, draws, lambda: read_state(file))

    trying("damaged released checkpoints", trials(14), one, 0.03, least=20)


def test_released_logs(trying, tmp_path):
    directory = tmp_path / "logs" / NAME
    folder = directory / "test" / "BabyAI-GoToLocal-v0" / "return_per_episode"
    folder.mkdir(parents=True)
    (directory / "log.csv").write_text("\n".join([HEADER, row(1, 25), row(2, 60)]) + "\n")
    np.save(folder / "no_modification_test.npy", np.array([18.2, 0.0, 9.0]))
    files = [directory / "log.csv", folder / "no_modification_test.npy"]

    def one(draws):
        out = tmp_path / "out"
        file = draws.choice(files)
        if restoring(file, draws, lambda: import_runs(tmp_path / "logs", out)) is None:
            assert not out.exists(), "half-imported"
        shutil.rmtree(out, ignore_errors=True)

    trying("damaged logs", trials(15), one, 0.05, least=20)


@pytest.mark.parametrize("column", ["agent", "model", "shift", "level", "task", "mission", "protocol"])
def test_texts_in_the_tables_of_others(trying, study, tmp_path, column):
    """Texts stand in a column of others' episodes, which are compared and drawn."""
    from glam_eval.cli import main

    out = tmp_path / "theirs"
    (out / "episodes").mkdir(parents=True)
    episodes = load_results(study, "episodes").astype({column: "object"})

    def one(draws):
        changed = episodes.copy()
        text = draws.choice(TEXTS).encode("utf-8", "replace").decode()
        changed.loc[changed.index[::2], column] = text
        changed.to_parquet(out / "episodes" / "theirs.parquet")
        for command in (
            ["compare", str(out)],
            ["figures", str(out), "--format", "svg", "--name", "failures"],
        ):
            assert main(command) in (0, 2), (command, text)

    trying(f"texts in {column}", trials(f"16/{column}"), one, 0.02, least=3)
