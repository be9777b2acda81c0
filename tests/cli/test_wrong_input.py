"""Wrong input is one line with the fix, and touches nothing; what only asks starts nothing."""

import subprocess

import pytest
from program import answer, command, glam_eval

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


def test_a_dry_run_lists_the_runs_and_starts_nothing(suite, tmp_path):
    done = answer("run-suite", suite, "--out", tmp_path / "out", "--dry-run")
    assert done.returncode == 0
    assert "6 runs, 480 training frames" in done.stdout
    assert not (tmp_path / "out").exists()


def test_help_does_not_load_torch():
    code = "import sys; from glam_eval.cli import main; main(['--help']); print('torch' in sys.modules)"
    done = subprocess.run([command()[0], "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip().endswith("False")


@pytest.mark.parametrize("name", ["quick", "grounding-cpu"])
def test_a_suite_of_our_models_is_checked_without_torch(name):
    """What its workers load meanwhile need not be loaded twice."""
    code = (
        "import sys; from glam_eval.config.loading import load_suite; "
        "from glam_eval.suites import run, summary, validation; "
        f"suite = load_suite({name!r}); validation.validate(suite); run.choose_devices(suite, None, 'cpu'); "
        "print({'torch', 'transformers'} & sys.modules.keys())"
    )
    done = subprocess.run([command()[0], "-c", code], capture_output=True, text=True, timeout=300)
    assert done.stdout.strip() == "set()", done.stdout + done.stderr
