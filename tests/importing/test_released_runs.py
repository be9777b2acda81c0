"""Runs of the released code, in its exact files."""

import numpy as np
import pytest

from glam_eval.core.errors import UserError
from glam_eval.importing.runs import import_runs
from glam_eval.results import load_results

HEADER = (
    "update,episodes,frames,FPS,duration,return_mean,return_std,return_min,return_max,success_rate,"
    "reshaped_return_mean,reshaped_return_std,reshaped_return_min,reshaped_return_max,"
    "reshaped_return_bonus_mean,reshaped_return_bonus_std,reshaped_return_bonus_min,reshaped_return_bonus_max,"
    "num_frames_mean,num_frames_std,num_frames_min,num_frames_max,entropy,policy_loss,value_loss,loss,grad_norm"
)
NAME = "llm_gtl_nbr_env_32_Flan_T5large_6-actions_seed_1"
SYNONYMS = "rotate left_rotate right_move ahead_take_release_switch"


def row(update, duration, symbolic=False):
    numbers = [update, 30 * update, 1280 * update, 50.0, duration, 0.3, 0.1, 0, 0.9, 0.25 * update]
    numbers += [6, 2, 0, 18] * 2 + [40.5, 9, 3, 64, 1.5, *([0.7] if symbolic else []), 0.1, 0.2, 0.3, 0.4]
    return ",".join(map(str, numbers))


@pytest.fixture
def run(tmp_path):
    def make(name=NAME, tests=(), symbolic=False):
        directory = tmp_path / "logs" / name
        directory.mkdir(parents=True)
        header = HEADER.replace("entropy,", "entropy,value,") if symbolic else HEADER
        lines = [header, row(1, 25, symbolic), row(2, 60, symbolic), header, row(3, 80, symbolic)]
        (directory / "log.csv").write_text("\n".join(lines) + "\n")
        for environment, test, returns in tests:
            folder = directory / "test" / environment / "return_per_episode"
            folder.mkdir(parents=True, exist_ok=True)
            np.save(folder / f"{test}.npy", np.array(returns))
        return tmp_path / "logs"

    return make


def test_logs_become_training_rows(tmp_path, run):
    assert import_runs(run(), tmp_path / "out") == {"runs": 1, "training": 3, "episodes": 0}
    training = load_results(tmp_path / "out", "training")
    assert training["frames"].tolist() == [1280, 2560, 3840]
    assert training["success_rate"].tolist() == [0.25, 0.5, 0.75]
    assert training["seconds"].tolist() == [25, 35, 20]
    assert training["length_mean"].tolist() == [40.5] * 3
    assert training["entropy"].tolist() == [1.5] * 3 and training["grad_norm"].tolist() == [0.4] * 3
    assert set(zip(training["agent"], training["model"], training["seed"], strict=True)) == {
        ("gflan", "google/flan-t5-large", 1)
    }


def test_tests_become_episodes_of_shifts_levels_and_agents(tmp_path, run):
    tests = [
        ("BabyAI-GoToLocal-v0", "no_modification_test", [18.2, 0.0, 9.0]),
        ("BabyAI-GoToLocal-v0", "no_meaning_words", [0.91, 0.0]),
        ("BabyAI-GoToLocal-v0", f"no_modification_test_{SYNONYMS}", [0.5]),
        ("BabyAI-GoToLocal-v0", "adj_synonym_zero_shot", [0.0]),
        ("BabyAI-GoToLocal-v0", "no_modification_test_im", [0.4]),
        ("BabyAI-MixtTestLocal-v0", "no_modification_test", [0.3]),
    ]
    assert import_runs(run(tests=tests), tmp_path / "out") == {"runs": 3, "training": 3, "episodes": 9}
    episodes = load_results(tmp_path / "out", "episodes")
    counted = episodes.groupby(["agent", "level", "shift"], observed=True).size().to_dict()
    assert counted == {
        ("gflan", "GoToLocal", "none"): 3,
        ("gflan", "GoToLocal", "invented_nouns_and_colors"): 2,
        ("gflan", "GoToLocal", "synonym_actions"): 1,
        ("zero-shot", "GoToLocal", "synonym_colors"): 1,
        ("bc-gflan", "GoToLocal", "none"): 1,
        ("gflan", "MixedTestLocal", "MixedTestLocal"): 1,
    }
    usual = episodes[(episodes["agent"] == "gflan") & (episodes["shift"] == "none")]
    assert usual["return"].tolist() == pytest.approx([0.91, 0.0, 0.45])  # stored after scaling by 20
    assert usual["success"].tolist() == [True, False, True]
    assert usual["frames"].tolist() == [3840] * 3
    assert episodes.loc[episodes["agent"] == "zero-shot", "frames"].tolist() == [0]


def test_agents_and_levels_are_told_from_names(tmp_path, run):
    for name in ("drrn_mtrl_seed_3", "llm_mtrl_Flan_T5small_NPAE_seed_2"):
        root = run(name)
    run("ppo_symbolic_0", symbolic=True)
    import_runs(root, tmp_path / "out")
    runs = load_results(tmp_path / "out", "runs").sort_values("agent")
    assert runs["agent"].tolist() == ["drrn", "npae", "symbolic-ppo"]
    assert runs["model"].tolist() == ["none", "google/flan-t5-small", "none"]
    assert runs["level"].tolist() == ["MixedTrainLocal", "MixedTrainLocal", "GoToLocal"]
    assert runs["seed"].tolist() == [3, 2, 0]


def test_importing_again_changes_nothing(tmp_path, run):
    root = run(tests=[("BabyAI-GoToLocal-v0", "no_modification_test", [0.5])])
    assert import_runs(root, tmp_path / "out") == import_runs(root, tmp_path / "out")
    assert len(load_results(tmp_path / "out", "episodes")) == 1


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (lambda run: (run / "log.csv").write_text("update,frames\n1,2\n"), "lacks the columns episodes"),
        (lambda run: (run / "log.csv").write_text(""), "no log of the released code"),
        (lambda run: (run / "log.csv").write_text(HEADER + "\n"), "has no updates"),
        (lambda run: (run / "log.csv").unlink(), "no log.csv under"),
        (lambda run: run.rename(run.parent / "something"), "give --agent and --model"),
        (lambda run: next(run.rglob("*.npy")).write_bytes(b"x"), "no array of numbers"),
        (
            lambda run: next(run.rglob("*.npy")).rename(next(run.rglob("*.npy")).with_name("other.npy")),
            "no test is called 'other'",
        ),
    ],
)
def test_wrong_input_is_one_line(tmp_path, run, break_it, message):
    root = run(tests=[("BabyAI-GoToLocal-v0", "no_modification_test", [0.5])])
    break_it(root / NAME)
    with pytest.raises(UserError) as raised:
        import_runs(root, tmp_path / "out")
    assert message in str(raised.value) and "\n" not in str(raised.value)
