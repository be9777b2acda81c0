"""The package as a library: what scripts and notebooks call, beside what the commands print and write."""

import json
import math
import subprocess
import sys
from html.parser import HTMLParser

import matplotlib.figure
import numpy as np
import pandas as pd
import pytest
from program import glam_eval as program
from synthetic_study import make_study

import glam_eval
from glam_eval.core.errors import UserError
from glam_eval.figures.files import draw_all

HEAVY = ("torch", "transformers", "minigrid", "pandas", "matplotlib")
ONE_RUN = """
title = "One run"
question = "Does a script come to the same as the command?"
seeds = 1
[environment]
level = "GoToLocalS5N2"
[[agents]]
agent = "random"
[[protocols]]
name = "generalization"
scenes = 4
"""


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    out = tmp_path_factory.mktemp("results")
    for name, table in make_study(conditions=2).items():
        (out / name).mkdir()
        table.to_parquet(out / name / "all.parquet", index=False)
    (out / "suite.json").write_text(json.dumps({"title": "<b>Do they read?</b>", "question": "Who knows?"}))
    return out


@pytest.mark.parametrize("code", ["import glam_eval", "from glam_eval.cli import main; main(['--help'])"])
def test_importing_and_asking_for_help_load_nothing_heavy(code):
    told = f"{code}\nimport sys, json\nprint(json.dumps([n for n in {HEAVY} if n in sys.modules]))"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout.splitlines()[-1]) == []


def test_everything_offered_is_there_and_completes():
    assert set(glam_eval.__all__) <= set(dir(glam_eval))
    assert all(getattr(glam_eval, name) is not None for name in glam_eval.__all__)
    with pytest.raises(AttributeError, match="no attribute 'compere'"):
        _ = glam_eval.compere


def test_compare_returns_what_the_command_writes(results, tmp_path):
    file = tmp_path / "table.parquet"
    assert program("compare", results, "--long", "--out", file).returncode == 0
    written, returned = pd.read_parquet(file), glam_eval.compare(results)
    assert len(written) > 0
    pd.testing.assert_frame_equal(written, returned[list(written)], check_dtype=False)
    pd.testing.assert_frame_equal(glam_eval.Study(results).compare(), returned)
    with pytest.raises(UserError, match="one at a time"):
        glam_eval.compare(results, plan=True, mixed=True)
    with pytest.raises(UserError, match=r"unknown protocol 'generalisation'.*generalization"):
        glam_eval.compare(results, protocol="generalisation")


def test_a_figure_is_the_one_that_the_command_writes(results, tmp_path):
    draw_all(results, tmp_path, ["png"], ["generalization"])
    study = glam_eval.Study(results)
    for drawn in (glam_eval.figures.draw(results, "generalization"), study.draw("generalization")):
        assert isinstance(drawn, matplotlib.figure.Figure)
        glam_eval.figures.save(drawn, tmp_path / "again.png")
        assert (tmp_path / "again.png").read_bytes() == (tmp_path / "generalization.png").read_bytes()
    numbers = study.figure("generalization").table
    assert len(numbers) == len(pd.read_csv(tmp_path / "generalization.csv"))
    assert "generalization" in study.figures
    with pytest.raises(UserError, match=r"no figure 'language_retention'.*there is no table 'language'"):
        study.draw("language_retention")


class Tags(HTMLParser):
    """Counts tags, and keeps the texts and addresses of pictures."""

    def __init__(self):
        super().__init__()
        self.tags, self.texts, self.sources = [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.sources += [value for name, value in attrs if name == "src"]

    def handle_data(self, data):
        self.texts.append(data)


def test_a_notebook_shows_question_findings_and_a_picture_with_nothing_read_as_markup(results):
    study = glam_eval.Study(results)
    page = Tags()
    page.feed(study._repr_html_())
    assert "<b>Do they read?</b>" in page.texts and "b" not in page.tags
    assert page.tags.count("li") == min(8, len(study.findings)) > 0
    assert page.sources and all(source.startswith("data:image/png;base64,") for source in page.sources)
    assert not any("<" in finding for finding in study.findings)


def test_a_study_reads_its_tables_and_refuses_what_is_none(results, tmp_path):
    study = glam_eval.Study(results)
    assert study.tables == sorted(path.name for path in results.iterdir() if path.is_dir())
    assert len(study.episodes) == len(pd.read_parquet(results / "episodes"))
    assert repr(study) == f"Study({str(results)!r})"
    with pytest.raises(UserError, match="holds no results"):
        glam_eval.Study(tmp_path)


def test_run_suite_makes_the_study_and_returns_it(tmp_path):
    (tmp_path / "one.toml").write_text(ONE_RUN)
    script = tmp_path / "script.py"
    script.write_text(
        "import glam_eval, numpy as np\n"
        "if __name__ == '__main__':\n"
        "    study = glam_eval.run_suite('one.toml', workers=1, seeds=2, summary=False,\n"
        "                                settings={'environment.actions': 'restricted',\n"
        "                                          'evaluations': np.int64(1)})\n"
        "    print('RUNS', len(study.runs), study.directory, set(study.runs.status))\n"
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "RUNS 2 results/one {'finished'}"
    configs = glam_eval.load_results(tmp_path / "results/one", "runs")["config"].map(json.loads)
    assert {config["environment"]["actions"] for config in configs} == {"restricted"}


@pytest.mark.parametrize("value", [None, {"a": 1}, {1}, object(), np.array([0.1]), math.nan, [None, set()]])
def test_a_setting_that_no_override_can_hold_is_refused(value):
    with pytest.raises(UserError, match=r"settings 'ppo\.clip': give a text, a number"):
        glam_eval.run_suite("quick", settings={"ppo.clip": value})
