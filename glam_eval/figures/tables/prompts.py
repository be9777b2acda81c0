"""Agents by the prompt trained with and the prompt asked in: success, and whether the goal is read."""

import pandas as pd

from glam_eval import statistics
from glam_eval.config.protocols import TEMPLATE_MARK, split_condition
from glam_eval.figures.study import Absent, Study
from glam_eval.figures.tables.estimates import WHO, generator
from glam_eval.statistics import success_by

TRAINED, TESTED = "trained_with", "tested_with"
UNTRAINED = "no training"  # in the place of a template
_FOLLOWING = ["following", "following_low", "following_high", "verdict"]
_BETWEEN = "\n"  # a model's name and its prompt, where they stand for one condition: no name holds it


def by_prompt(study: Study) -> pd.DataFrame:
    """Return success and what the goal changes, by prompt of training and of test.

    Returns:
        Columns agent, model, trained_with, tested_with, of success mean, low, high, n_seeds and n_episodes,
        and following, following_low, following_high and verdict as in ``statistics.who_reads``; these are
        missing where no other goal was told.

    Raises:
        Absent: If fewer than two prompts were asked, or no agent that reads prompts.
    """
    rows = _asked_with_prompts(study)
    learners = rows[rows[TRAINED].notna()]
    told = learners[learners["shift"].isin(_prompt_conditions(rows).values())]
    if told.empty:
        raise Absent("no agent that reads prompts was asked in several")
    names = {condition: name for name, condition in _prompt_conditions(rows).items()}
    told = told.assign(**{TESTED: told["shift"].map(names)})
    success = success_by(told, [*WHO, TRAINED, TESTED])
    return success.merge(_following(rows), on=[*WHO, TRAINED, TESTED], how="left")


def prompt_comparisons(study: Study) -> pd.DataFrame:
    """Return what other prompts change for each agent, and differences between prompts of training.

    Returns:
        The rows of ``statistics.compare``, whose agents are named as by ``trained_name``.

    Raises:
        Absent: If fewer than two prompts were asked.
    """
    rows = _asked_with_prompts(study)
    kept = rows[rows["shift"].isin(["none", *_prompt_conditions(rows).values()]) & rows[TRAINED].notna()]
    return statistics.compare(_name_training(kept), generator("prompts"))


def trained_name(agent: str, model: str, template: str) -> str:
    """Return what ``prompt_comparisons`` calls an agent with a model that was trained with a prompt."""
    return statistics.condition_name(agent, f"{model}{_BETWEEN}{template}")


def _asked_with_prompts(study: Study) -> pd.DataFrame:
    """Return the final episodes of runs that differ in their prompt at most, with ``trained_with``.

    Raises:
        Absent: If fewer than two prompts were asked.
    """
    rows = study.final(study.final_protocol)
    if len(_prompt_conditions(rows)) < 2:
        raise Absent("only one prompt was asked")
    rows = study.usual(rows, free=("template",))
    trained = rows["run_id"].astype(str).map(study.factors.set_index("run_id")["template"])
    trained = trained.mask(trained.notna() & (rows["frames"] == 0), UNTRAINED)
    return rows.assign(shift=rows["shift"].astype(str), **{TRAINED: trained})


def _prompt_conditions(rows: pd.DataFrame) -> dict[str, str]:
    """Return the conditions that change the prompt alone, by its template."""
    found = {}
    for label in rows["shift"].astype(str).unique():
        shift, template, goal = split_condition(label)
        if template and shift == "none" and not goal:
            found[template] = label
    return found


def _name_training(rows: pd.DataFrame) -> pd.DataFrame:
    """Return rows in which agents trained with other prompts have other models."""
    trained = rows["model"].astype(str) + _BETWEEN + rows[TRAINED].astype("str")
    return rows.assign(model=trained.where(rows[TRAINED].notna(), rows["model"].astype(str)))


def _training_named(model: str) -> tuple[str, str]:
    """Return the model and its prompt in a name that ``_name_training`` gave; no prompt in another."""
    name, _, template = model.partition(_BETWEEN)
    return name, template


def _following(rows: pd.DataFrame) -> pd.DataFrame:
    """Return what the goal changes for every agent that reads prompts, in each of them."""
    parts = [
        statistics.who_reads(_name_training(rows), reference=f"none{TEMPLATE_MARK}{name}").assign(
            **{TESTED: name}
        )
        for name in _prompt_conditions(rows)
    ]
    known = [part for part in parts if len(part) and "following" in part]
    if not known:
        return pd.DataFrame(columns=[*WHO, TRAINED, TESTED, *_FOLLOWING])
    table = pd.concat(known, ignore_index=True)
    named = [_training_named(model) for model in table["model"]]
    table = table.assign(model=[name for name, _ in named], **{TRAINED: [prompt for _, prompt in named]})
    return table.loc[table[TRAINED] != "", [*WHO, TRAINED, TESTED, *_FOLLOWING]]
