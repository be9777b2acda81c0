"""The whole study by one command: what it leaves, how it resumes, what it says to wrong input."""

import os
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pandas as pd
import pytest
from program import SUITE_TABLES, answer, assert_same_results, command, glam_eval, stable_table
from tiny_suite import TINY_SUITE

import glam_eval as package
from glam_eval.core.seeds import test_scene_seeds
from glam_eval.results import table_names


@pytest.fixture(scope="module")
def suite(tmp_path_factory):
    path = tmp_path_factory.mktemp("suite") / "tiny.toml"
    path.write_text(TINY_SUITE)
    return path


@pytest.fixture(scope="module")
def study(suite):
    """The study run straight through with two workers."""
    out = suite.parent / "straight"
    done = glam_eval("run-suite", suite, "--out", out, "--workers", 2)
    assert done.returncode == 0, done.stderr
    return out, done.stdout


def test_everything_is_there_and_said(study):
    out, said = study
    assert set(SUITE_TABLES) <= set(table_names(out))
    assert list((out / "figures").glob("*.png"))
    assert (out / "report.html").stat().st_size > 10_000
    last = said.strip().splitlines()[-6:]
    assert any(str(out / "report.html") in line for line in last)
    assert "gflan" in said
    assert "generalization" in said


def test_pandas_reads_the_study(study):
    out, _ = study
    episodes = pd.read_parquet(out / "episodes")
    success = episodes.groupby(["agent", "model", "shift"]).success.mean()
    assert success["bot", "none", "invented_nouns"] == 1.0
    assert len(package.load_results(out, "episodes")) == len(episodes)


def test_every_agent_and_shift_saw_the_same_scenes_once(study):
    out, _ = study
    episodes = pd.read_parquet(out / "episodes")
    cells = episodes.groupby(["protocol", "run_id", "frames", "shift"]).scene_seed
    for (protocol, *_), scenes in cells:
        assert sorted(scenes) == sorted(test_scene_seeds(protocol, len(scenes)))
    assert set(cells.size().groupby("protocol").unique().map(tuple)) == {(8,), (6,)}


def test_the_curve_has_its_points_and_every_update_its_row(study):
    out, _ = study
    episodes = pd.read_parquet(out / "episodes")
    curve = episodes[(episodes.protocol == "sample-efficiency") & (episodes.agent == "gflan")]
    assert sorted(curve.frames.unique()) == [0, 80, 160, 240]
    training = pd.read_parquet(out / "training")
    assert training.groupby("run_id")["update"].apply(list).map(sorted).tolist() == [[1, 2, 3]] * 2


def test_running_again_does_nothing_anew(study, suite):
    out, _ = study
    before = {
        path: path.stat().st_mtime_ns for path in out.glob("*/*.parquet") if path.parent.name != "comparisons"
    }
    done = answer("run-suite", suite, "--out", out)
    assert done.returncode == 0, done.stderr
    assert before == {path: path.stat().st_mtime_ns for path in before}


def test_a_finished_study_is_a_few_files(study):
    """Of 6 runs: a file a table, figures and their numbers, the report; checkpoints besides."""
    out, _ = study
    for table in table_names(out):
        assert [file.name for file in (out / table).iterdir()] == [f"{table}.parquet"]


def test_a_deleted_file_is_made_again_and_with_it_all_that_is_made_of_it(study, suite, tmp_path):
    out = shutil.copytree(study[0], tmp_path / "out")
    products = ("report.html", "comparisons/comparisons.parquet", "figures/generalization.csv")
    before = {name: (out / name).read_bytes() for name in products[1:]}
    shutil.rmtree(out / "steps")
    (out / "report.html").write_text("")
    done = answer("run-suite", suite, "--out", out, "--workers", 1)
    assert done.returncode == 0, done.stderr
    again = [line for line in done.stdout.splitlines() if line.startswith("made again: ")]
    assert len(again) == 3  # replays are of the first seed's runs
    assert all("-s0-" in line and line.endswith("of which rows of steps are gone") for line in again)
    assert_same_results(study[0], out)
    assert before == {name: (out / name).read_bytes() for name in products[1:]}
    assert (out / "report.html").stat().st_size > 10_000


def test_replays_are_of_the_first_seed_of_every_agent(study):
    out, _ = study
    steps = package.load_results(out, "steps")
    runs = package.load_results(out, "runs").set_index("run_id")
    replayed = runs.loc[steps["run_id"].unique()]
    assert set(replayed["seed"]) == {0} and set(replayed["agent"]) == {"gflan", "random", "bot"}


def test_a_checkpoint_loads_with_plain_transformers_and_repeats_its_rows(study, tmp_path):
    from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

    out, _ = study
    checkpoint = next((out / "checkpoints").glob("gflan-*-s0-*/frames-0000000240"))
    model = AutoModelForSeq2SeqLM.from_pretrained(checkpoint)
    tokens = AutoTokenizer.from_pretrained(checkpoint)("go to the red ball", return_tensors="pt")
    assert model.generate(**tokens, max_new_tokens=3).shape[0] == 1
    done = answer("evaluate", checkpoint, "--protocol", "generalization", "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    again, stored = stable_table(tmp_path, "episodes"), stable_table(out, "episodes")
    stored = stored[(stored.run_id == again.run_id[0]) & (stored.protocol == "generalization")]
    pd.testing.assert_frame_equal(again, stored.reset_index(drop=True), check_exact=True)


def test_a_checkpoint_is_asked_with_its_goals_swapped(study, tmp_path):
    out, _ = study
    checkpoint = next((out / "checkpoints").glob("gflan-*-s0-*/frames-0000000240"))
    asked = ("--protocol", "generalization", "--condition", "none", "--condition", "@controls")
    done = answer("evaluate", checkpoint, *asked, "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    assert "none~swapped" in done.stdout and "as told" in done.stdout
    episodes = stable_table(tmp_path, "episodes")
    assert set(episodes.goal) == {"told", "swapped", "absent", "hidden"}
    missions = episodes.pivot(index="scene_seed", columns="goal", values="mission")
    assert (missions["hidden"] == "").all() and (missions["swapped"] != missions["told"]).all()
    own = episodes[episodes.goal == "told"]
    assert (own.success == own.success_told).all()


def kill_after(suite: Path | str, out: Path, seconds: float, workers: int, options: tuple) -> None:
    """Start the study and kill it some time in: by chance the parent alone, or it and its workers."""
    process = subprocess.Popen(
        command("run-suite", suite, "--out", out, "--workers", workers, "--no-summary", *options),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        if random.random() < 0.5:
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def kill_and_resume(
    suite: Path | str, out: Path, kills: int, seed: int, longest: float = 25, options: tuple = ()
) -> None:
    random.seed(seed)
    workers = 2 - seed % 2
    for seconds in [random.uniform(3, longest) for _ in range(kills)]:
        kill_after(suite, out, seconds, workers, options)
    done = glam_eval("run-suite", suite, "--out", out, "--workers", workers, *options, timeout=3600)
    assert done.returncode == 0, done.stderr


def trained(out: Path) -> int:
    """The frames of the newest checkpoint."""
    names = (path.name for path in out.glob("checkpoints/gflan-*/frames-" + 10 * "[0-9]"))
    return max((int(name.partition("-")[2]) for name in names), default=0)


def test_killed_and_resumed_equals_uninterrupted(study, suite, tmp_path):
    out = tmp_path / "killed"
    arguments = ("run-suite", suite, "--out", out, "--workers", 2)
    for frames in (80, 160):
        process = subprocess.Popen(
            command(*arguments), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        while trained(out) < frames and process.poll() is None:
            time.sleep(0.02)
        os.killpg(process.pid, signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    done = answer(*arguments)
    assert done.returncode == 0, done.stderr
    assert_same_results(study[0], out)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 5))
def test_killed_many_times_and_resumed_equals_uninterrupted(study, suite, tmp_path, seed):
    kill_and_resume(suite, tmp_path / "killed", kills=5, seed=seed)
    assert_same_results(study[0], tmp_path / "killed")


@pytest.mark.slow
@pytest.mark.timeout(3 * 3600)
def test_quick_killed_twenty_times_and_resumed_equals_uninterrupted(tmp_path):
    options = ("--seeds", 2)
    straight = tmp_path / "straight"
    done = glam_eval("run-suite", "quick", "--out", straight, "--workers", 2, *options, timeout=3600)
    assert done.returncode == 0, done.stderr
    for seed in (0, 1):  # with 2 workers, then with 1
        killed = tmp_path / f"killed-{seed}"
        kill_and_resume("quick", killed, kills=10, seed=seed, longest=50, options=options)
        assert_same_results(straight, killed)


def test_an_interrupt_keeps_everything_and_one_worker_goes_on_to_what_two_found(study, suite, tmp_path):
    out = tmp_path / "interrupted"
    process = subprocess.Popen(
        command("run-suite", suite, "--out", out, "--workers", 1, "--no-summary"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    while not list(out.glob("episodes/*.parquet")) and process.poll() is None:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 130
    assert said.strip().splitlines()[-1].startswith("glam-eval: interrupted")
    assert "the same command" in said
    assert answer("run-suite", suite, "--out", out, "--no-summary", "--workers", 1).returncode == 0
    assert_same_results(study[0], out, besides="comparisons")


def test_an_interrupt_while_a_teacher_trains_leaves_its_checkpoint_within_seconds(suite, tmp_path):
    """What a clone needs is trained as a run of the study: reported, stopped and gone on with like any."""
    out = tmp_path / "interrupted"
    clones = "agents=[{agent='bc-gflan',model='t5-pico'},{agent='bc-bot',model='t5-pico'}]"
    settings = ["--set", clones, "--set", "frames=4000", "--seeds", 1, "--workers", 1, "--no-summary"]
    process = subprocess.Popen(
        command("run-suite", suite, "--out", out, *settings),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    while not list(out.glob("checkpoints/gflan-*/frames-*")) and process.poll() is None:
        time.sleep(0.05)
    time.sleep(0.5)  # into an update
    began = time.monotonic()
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert time.monotonic() - began < 10  # the promise that a batch system's grace period rests on
    assert process.returncode == 130, said
    newest = max(out.glob("checkpoints/gflan-*/frames-*"))
    assert 0 < int(newest.name.partition("-")[2]) < 4000
    assert not list(out.glob("demonstrations/*gflan*"))


def test_a_failing_run_is_named_and_the_others_finish(suite, tmp_path):
    diverging = "ppo={learning_rate=1e38, epochs=1, minibatch=80}"
    agents = f"agents=[{{agent='random'}}, {{agent='gflan', model='t5-pico', {diverging}}}]"
    out = tmp_path / "out"
    settings = ("--seeds", 1, "--set", agents, "--workers", 1, "--no-summary")
    done = answer("run-suite", suite, "--out", out, *settings)
    assert done.returncode == 1
    assert "gflan-t5-pico-GoToLocalS5N2-s0" in done.stderr and "NaN" in done.stderr
    assert "log:" in done.stderr
    assert "Traceback" not in done.stderr
    runs = pd.read_parquet(out / "runs")
    assert dict(zip(runs["agent"], runs["status"], strict=True)) == {
        "random": "finished",
        "gflan": "failed",
    }


WRONG = [
    (["run-suite", "qick"], "did you mean 'quick'"),
    (["run-suite", "quick", "--set", "sede=1"], "did you mean 'seeds'"),
    (["run-suite", "quick", "--seeds", "-3"], "seeds = -3"),
    (["run-suite", "quick", "--seeds", "some"], "Invalid value for '--seeds'"),
    (["run-suite", "quick", "--workers", "0"], "Invalid value for '--workers'"),
    (["run-suite", "quick", "--set", "environment.level='GoToLocl'"], "did you mean 'GoToLocal"),
    (["run-suite", "quick", "--set", "environment.language='frr'"], "did you mean 'fr'"),
    (["run-suite", "quick", "--set", "environment.options={rom_size=5}"], "did you mean 'room_size'"),
    (["run-suite", "quick", "--set", "environment.options={max_steps=0}"], "max_steps is 0"),
    (["run-suite", "quick", "--set", "environment.options={num_dists=0}"], "num_dists is 0"),
    (["run-suite", "quick", "--set", "environment.options={num_dists=100}"], "have no room in"),
    (["run-suite", "quick", "--set", "environment.template='papr'"], "did you mean 'paper'"),
    (["run-suite", "quick", "--set", "agents=[{agent='gflam',model='t5-nano'}]"], "did you mean 'gflan'"),
    (["run-suite", "quick", "--set", "agents=[{agent='gflan',model='t5-nono'}]"], "did you mean 't5-nano'"),
    (["run-suite", "quick", "--seeds", "0"], "seeds = 0"),
    (["run-suite", "quick", "--set", "frames=100"], "frames 100 is less than one batch of 1280 steps"),
    (["run-suite", "quick", "--set", "ppo.minibatch=4096"], "minibatch 4096 exceeds"),
    (["run-suite", "quick", "--set", "ppo.lerning_rate=1"], "did you mean 'learning_rate'"),
    (["run-suite", "quick", "--set", "policy.action_choice='head'"], "leave it out"),
    (["run-suite", "quick", "--set", "agents=[{agent='bot',frames=5000}]"], "never learns"),
    (["run-suite", "quick", "--set", "agents=[{agent='bot',model='t5-nano'}]"], "takes no model"),
    (["run-suite", "quick", "--set", "agents=[{agent='bot',protocol=['x']}]"], "did you mean 'protocols'"),
    (
        ["run-suite", "quick", "--set", "agents=[{agent='bot',protocols=['probes']}]"],
        "unknown protocol of agent",
    ),
    (["run-suite", "probes-cpu", "--set", "agents=[{agent='bot'}]"], "is asked of none"),
    (
        ["run-suite", "probes-cpu", "--set", "agents=[{agent='bot',protocols=['probes']}]"],
        "which takes agents that",
    ),
    (["run-suite", "quick", "--set", "protocols=[{name='generalization',conditions=['nonee']}]"], "'none'"),
    (["run-suite", "quick", "--set", "protocols=[{name='generalization',conditions=['none@xx']}]"], "'xx'"),
    (
        [
            *("run-suite", "quick", "--set", "environment.level='GoToLocalS5N2'"),
            *("--set", "protocols=[{name='generalization',balanced=true}]"),
        ],
        "balanced",
    ),
    (["run-suite", "quick", "--fresh", "--set", "seeds=0", "--dry-run"], "seeds = 0"),
    (["run-suite", "quick", "--device", "tpu"], "unknown device 'tpu'"),
    (["run-suite", "quick", "--launcher", "slurn"], "unknown launcher 'slurn'"),
    (["run-suite", "quick", "--seed", "3"], "No such option: --seed"),
    (["run-suite", "nothing.toml"], "no suite file 'nothing.toml'"),
    (["run-siute", "quick"], "No such command 'run-siute'"),
    (["train", "--model", "t5-nono"], "did you mean 't5-nano'"),
    (["train", "--frames", "-5"], "Invalid value for '--frames'"),
    (["evaluate", "nowhere", "--protocol", "generalization"], "no checkpoint 'nowhere'"),
    (["models", "make", "t5-nono", "--out", "m"], "did you mean 't5-nano'"),
    (["suites", "qick"], "did you mean 'quick'"),
]


@pytest.mark.parametrize(
    ("arguments", "expected"), WRONG, ids=lambda value: " ".join(value) if isinstance(value, list) else ""
)
def test_wrong_input_is_one_line_and_touches_nothing(arguments, expected, tmp_path, monkeypatch, capsys):
    from glam_eval.cli import main

    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    said = capsys.readouterr().err.strip()
    assert expected in said
    assert "\n" not in said
    assert list(tmp_path.iterdir()) == []


def test_wrong_input_exits_with_2_from_the_shell(tmp_path):
    done = glam_eval("run-suite", "qick", cwd=tmp_path)
    assert (done.returncode, len(done.stderr.strip().splitlines())) == (2, 1)


def test_another_suites_directory_is_refused_untouched(study, tmp_path):
    out, _ = study
    before = sorted(out.rglob("*"))
    done = answer("run-suite", "quick", "--out", out)
    assert done.returncode == 2
    assert "holds suite 'tiny'" in done.stderr
    assert sorted(out.rglob("*")) == before


def test_a_dry_run_lists_the_runs_and_starts_nothing(suite, tmp_path):
    done = answer("run-suite", suite, "--out", tmp_path / "out", "--dry-run")
    assert done.returncode == 0
    assert "6 runs, 480 training frames" in done.stdout
    assert not (tmp_path / "out").exists()


def test_help_does_not_load_torch():
    code = "import sys; from glam_eval.cli import main; main(['--help']); print('torch' in sys.modules)"
    done = subprocess.run([command()[0], "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip().endswith("False")
