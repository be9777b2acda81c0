"""Run directories of the paper's released code as our tables, so that old and new studies are drawn together.

A run's directory holds ``log.csv`` and ``test/<environment>/return_per_episode/<test>.npy``. What their files
do not say is unknown here: lengths and the bot's are -1, scenes are numbered in the order they ended in, and
columns that a table may lack are empty.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from glam_eval.config.agents import DEFAULT_AGENT, agents_where, cloning_agent, describe_agent, untrained
from glam_eval.config.run import RunConfig
from glam_eval.core.errors import UserError
from glam_eval.core.records import EpisodeRecord, RunRecord, TrainingRecord
from glam_eval.importing.logs import read_log, read_returns
from glam_eval.results.writer import write_table

CODE = "released code of Carta et al. 2023"
_NAN = float("nan")
_UNKNOWN: Any = None

_TESTS = {  # longest first where one begins another
    "no_modification_test": "none",
    "other_name_same_categories": "new_nouns",
    "adj_synonym": "synonym_colors",
    "no_meaning_nouns": "invented_nouns",
    "no_meaning_adj": "invented_colors",
    "no_meaning_words": "invented_nouns_and_colors",
    "change_intro_first_personne_speaker": "goal_intro_speaker",
    "change_intro_first_personne_agent": "goal_intro_agent",
}
_ACTIONS = {"rotate": "synonym_actions", "shift": "synonym_actions_2"}  # the first word of their action lists
_LARGEST_SEED = 2**63 - 1  # of the tables' column


@dataclass(frozen=True, slots=True)
class ReleasedRun:
    """What a run's directory says of itself, by its name and its files."""

    directory: Path
    run_id: str
    agent: str
    model: str
    level: str
    seed: int
    log: pd.DataFrame

    @property
    def frames(self) -> int:
        """Environment steps at the end."""
        return int(self.log["frames"].iloc[-1])


def import_runs(
    root: Path, out: Path, agent: str | None = None, model: str | None = None, level: str | None = None
) -> dict[str, int]:
    """Write every run found under ``root`` into the tables of ``out``; return rows written by table.

    Agent, model and level are told from directories' names unless given. Raises UserError where there is no
    run, or a file can't be read.
    """
    logs = sorted(root.rglob("log.csv"))
    if not logs:
        raise UserError(
            f"no log.csv under {str(root)!r}: give a run's directory of the released code, or a tree"
        )
    imported = [_tables(_read_run(file, root, agent, model, level)) for file in logs]  # before any is written
    counts = dict.fromkeys(("runs", "training", "episodes"), 0)
    for run_id, tables in imported:
        for table, rows in tables.items():
            if rows:
                write_table(out, table, rows, run_id)
                counts[table] += len(rows)
    return counts


def _tables(run: ReleasedRun) -> tuple[str, dict[str, Sequence[Any]]]:
    """Return a run's name and its rows by table."""
    episodes = list(_episodes(run))
    tested = {(run.run_id, run.agent): run.frames}
    tested |= {(each.run_id, each.agent): each.frames for each in episodes}
    records = [_run_record(run, *who, frames) for who, frames in tested.items()]
    return run.run_id, {"runs": records, "training": _training(run), "episodes": episodes}


def _read_run(file: Path, root: Path, agent: str | None, model: str | None, level: str | None) -> ReleasedRun:
    directory = file.parent
    parts = directory.relative_to(root).parts or (directory.resolve().name,)
    name = "-".join(parts)
    log = read_log(file)
    size = re.search(r"flan[_-]?t5[_-]?(small|base|large|xxl|xl)", name, re.IGNORECASE)
    seed = re.search(r"seed[_-]?([0-9]+)", name)
    if seed and int(seed[1]) > _LARGEST_SEED:
        raise UserError(f"{file}: seed {seed[1][:20]}... is too large: rename the directory")
    return ReleasedRun(
        directory=directory,
        run_id=re.sub(r"[^\w.+-]+", "_", name).lstrip("_.") or "run",
        agent=agent or _agent(name, log, size is not None),
        model=model or (f"google/flan-t5-{size[1].lower()}" if size else "none"),
        level=level or _trained_level(name, directory),
        seed=int(seed[1]) if seed else 0,
        log=log,
    )


def _agent(name: str, log: pd.DataFrame, has_model: bool) -> str:
    known = sorted(agents_where(role="learner"), key=len, reverse=True)  # one name may begin another
    named = next((agent for agent in known if agent in name.lower()), None)
    if named is not None:
        return named
    if "value" in log.columns:
        return agents_where(role="learner", reads_text=False)[0]
    if not has_model:
        raise UserError(f"whose run is {name!r}? its name has no agent or model: give --agent and --model")
    return DEFAULT_AGENT


def _trained_level(name: str, directory: Path) -> str:
    """Return the level that a run's name, or the tests in it, speak of."""
    if re.search(r"mtrl|mixe?d?t?train", name, re.IGNORECASE):
        return "MixedTrainLocal"
    tested = sorted(_level(folder.name) for folder in directory.glob("test/*") if folder.is_dir())
    return next((level for level in tested if "Train" in level), "GoToLocal")


def _level(environment: str) -> str:
    return environment.removeprefix("BabyAI-").removesuffix("-v0").replace("Mixt", "Mixed")


def _training(run: ReleasedRun) -> list[TrainingRecord]:
    log = run.log
    lengths = log.get("num_frames_mean", log["update"] * _NAN)
    norms = log.get("grad_norm", log["update"] * _NAN)
    return [
        TrainingRecord(
            run_id=run.run_id,
            agent=run.agent,
            model=run.model,
            seed=run.seed,
            update=int(log["update"][row]),
            frames=int(log["frames"][row]),
            episodes=int(log["episodes"][row]),
            success_rate=log["success_rate"][row],
            return_mean=log["return_mean"][row],
            length_mean=lengths[row],
            policy_loss=log["policy_loss"][row],
            value_loss=log["value_loss"][row],
            entropy=log["entropy"][row],
            approx_kl=_NAN,
            clip_fraction=_NAN,
            explained_variance=_NAN,
            grad_norm=norms[row],
            learning_rate=_NAN,
            seconds=log["seconds"][row],
            seconds_environment=_NAN,
            seconds_policy=_NAN,
            seconds_tokenizing=_NAN,
            seconds_update=_NAN,
        )
        for row in range(len(log))
    ]


def _episodes(run: ReleasedRun) -> Iterator[EpisodeRecord]:
    for file in sorted(run.directory.glob("test/*/return_per_episode/*.npy")):
        played = _level(file.parent.parent.name)
        if not played.isprintable():
            raise UserError(f"{str(file)!r}: a level's name has characters that can't be printed: rename it")
        shift, agent = _test(file, run.agent)
        label = shift if played == run.level else (played if shift == "none" else f"{shift}-{played}")
        learned = describe_agent(agent).learns
        for index, episode_return in enumerate(read_returns(file).tolist()):
            yield EpisodeRecord(
                run_id=run.run_id if agent == run.agent else f"{run.run_id}-{agent}",
                agent=agent,
                model=run.model,
                seed=run.seed,
                frames=run.frames if learned else 0,
                protocol="generalization",
                shift=label,
                language="en",
                level=played,
                task="",
                scene_seed=index,
                mission="",
                success=episode_return > 0,
                episode_return=episode_return,
                length=-1,
                bot_length=-1,
                actions="",
                steps_blocked=_UNKNOWN,
                cells_visited=_UNKNOWN,
                wrong_object=_UNKNOWN,
                wrong_order=_UNKNOWN,
                success_told=episode_return > 0,
                first_thing=_UNKNOWN,
                first_told=_UNKNOWN,
                first_meant=_UNKNOWN,
                bot_first_meant=_UNKNOWN,
            )


def _test(file: Path, agent: str) -> tuple[str, str]:
    """Return the shift of a test's file and the agent that played it."""
    name = next((name for name in _TESTS if file.stem.startswith(name)), None)
    if name is None:
        raise UserError(f"{file}: no test is called {file.stem!r}; they are {', '.join(_TESTS)}")
    rest = file.stem.removeprefix(name)
    if rest.endswith("_zero_shot"):
        agent = untrained(DEFAULT_AGENT)
    elif rest.endswith("_im"):
        agent = cloning_agent(DEFAULT_AGENT)
    words = re.split(r"[_ ]+", rest.strip("_ "))
    shifts = [_TESTS[name], _ACTIONS.get(words[0], "none")]
    return "+".join(shift for shift in shifts if shift != "none") or "none", agent


def _config(run: ReleasedRun, agent: str) -> RunConfig:
    """Return as much of a run's configuration as its name tells; all else is the paper's."""
    values = {
        "agent": agent,
        "model": run.model,
        "seed": run.seed,
        "environment": {"level": run.level},
    }
    return RunConfig.parse(values, source=str(run.directory))


def _run_record(run: ReleasedRun, run_id: str, agent: str, frames: int) -> RunRecord:
    config = _config(run, agent)
    return RunRecord(
        run_id=run_id,
        suite="released",
        agent=agent,
        model=run.model,
        parameters=0,
        level=run.level,
        language="en",
        seed=run.seed,
        frames=frames,
        config=config.canonical_json(),
        config_hash=config.digest(),
        code_version=CODE,
        packages="{}",
        machine="{}",
        device="",
        started="",
        finished="",
        seconds=_NAN,
        status="finished",
    )
