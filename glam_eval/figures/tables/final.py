"""Tables of figures about trained agents: generalization, languages, compositions, aggregates, failures."""

import pandas as pd

from glam_eval import statistics
from glam_eval.config.protocols import condition_rank
from glam_eval.figures.identity import REFERENCES, records
from glam_eval.figures.study import Absent, Study
from glam_eval.figures.tables.estimates import END, WHO, generator
from glam_eval.statistics import success_by

OFFLINE = ("bc-gflan", "bc-bot")
FAILURE_COLUMNS = ("actions", "steps_blocked", "wrong_object", "wrong_order")  # optional in others' tables


def comparisons(study: Study) -> pd.DataFrame:
    """Every comparison of the study's usual runs: the rows of ``ComparisonRecord``."""
    return statistics.compare(study.usual(study.table("episodes")), generator("comparisons"))


def generalization(study: Study) -> pd.DataFrame:
    """Success of each condition under each shift; its paired change from no shift, test and verdict."""
    rows = study.usual(study.episodes("generalization"))
    if rows["shift"].nunique() < 2:
        raise Absent("only one shift was evaluated")
    table = statistics.generalization(rows, generator("generalization"))
    return _in_order(table.drop(columns="protocol"), study)


def composition_length(study: Study) -> pd.DataFrame:
    """Success against the number of instructions in the goal, in the words and language of training.

    Where one shift has goals of one instruction in the rooms of the longer ones, "no shift" is left out.
    """
    rows = _final(study)
    rows = rows.assign(value=rows["task"].astype(str).str.count("_then_|_and_") + 1)
    names = rows["shift"].astype(str)
    counted = names.str.endswith(("_instruction", "_instructions"))
    composed = rows.groupby("shift", observed=True)["value"].transform("max") > 1
    rows = rows[counted if (names == "one_instruction").any() else composed | (names == "none")]
    if rows["value"].nunique() < 2:
        raise Absent("every goal has the same number of instructions")
    per_scene = rows.assign(
        scene_seed=pd.factorize(rows["shift"].astype(str) + rows["scene_seed"].astype(str))[0]
    )
    return success_by(per_scene, ["value", *WHO]).assign(measure=END)


def language_matrix(study: Study) -> pd.DataFrame:
    """Success of agents trained in each language, tested in each, with no other shift."""
    rows = study.final("generalization")
    rows = rows[rows["shift"].astype(str).str.split("@").str[0] == "none"]
    rows = study.usual(rows[~rows["agent"].isin(list(REFERENCES))], free=("language",))
    trained = study.factors.set_index("run_id")["language"]
    rows = rows.assign(
        trained_in=rows["run_id"].astype(str).map(trained), tested_in=rows["language"].astype(str)
    )
    if rows["tested_in"].nunique() < 2:
        raise Absent("only one language was tested")
    return success_by(rows, [*WHO, "trained_in", "tested_in"])


def online_offline(study: Study) -> pd.DataFrame:
    """Success under each shift of the cloned agents, the online ones and the references."""
    table = study.derive(generalization)
    cloned = table["agent"].isin(OFFLINE)
    if not cloned.any():
        raise Absent("no cloned agent was trained")
    return table[cloned | table["agent"].isin(["gflan", *REFERENCES])]


def aggregates(study: Study) -> pd.DataFrame:
    """Interquartile mean, mean, median and optimality gap over seeds and shifts."""
    return statistics.aggregates(_final(study), generator("aggregates"), tasks=["shift"])


def performance_profiles(study: Study) -> pd.DataFrame:
    """Share of scores (a seed under a shift) above each threshold."""
    return statistics.performance_profiles(_final(study), tasks=["shift"])


def probability_of_improvement(study: Study) -> pd.DataFrame:
    """Probability that a seed of one condition beats a seed of another, averaged over shifts."""
    if len(study.looks) < 2:
        raise Absent("there is only one agent")
    return statistics.improvement_probabilities(_final(study), tasks=["shift"])


def against_paper(study: Study) -> pd.DataFrame:
    """Success of each condition beside the published, where it was trained on a level of the paper's."""
    table = statistics.against_published(_final(study), "paper")
    table = table[~table["note"].str.startswith("trained on")]
    if table.empty:
        raise Absent("no agent of the paper was trained on a level of the paper's")
    who = table["a"].str.partition("/")
    table = table.assign(agent=who[0], model=who[2].where(who[2] != "", "none"), mean=table["estimate"])
    return _in_order(table.drop(columns=["a", "protocol", "estimate"]), study)


def failures(study: Study) -> pd.DataFrame:
    """Share of each way an episode ends, without a shift."""
    rows = study.usual(study.final(study.final_protocol, "none"))
    if rows[[c for c in FAILURE_COLUMNS if c in rows]].shape[1] < len(FAILURE_COLUMNS):
        raise Absent(f"the episodes lack one of the columns {', '.join(FAILURE_COLUMNS)}")
    return statistics.failures(rows, by=WHO)


def _final(study: Study) -> pd.DataFrame:
    return study.usual(study.final(study.final_protocol))


def _in_order(table: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Sort rows by shift as the named sets of conditions do, then by condition in display order."""
    who = {condition: place for place, condition in enumerate(study.looks)}
    keys = [(condition_rank(r["shift"]), who[r["agent"], r["model"]]) for r in records(table)]
    return table.iloc[sorted(range(len(keys)), key=keys.__getitem__)].reset_index(drop=True)
