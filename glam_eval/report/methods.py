"""Methods, in words and numbers that a paper could take as its appendix, and what limits the study."""

import json
from dataclasses import dataclass
from typing import Any

import pandas as pd

from glam_eval.config.settings import flatten
from glam_eval.core.seeds import TEST_SCENE_BIT
from glam_eval.figures import Study
from glam_eval.figures.drawings.shifts import shift_label
from glam_eval.figures.identity import records, rows_of
from glam_eval.figures.style import thousands
from glam_eval.figures.tables import final
from glam_eval.statistics import plan_power
from glam_eval.statistics.inference.estimates import ENOUGH_SEEDS
from glam_eval.statistics.inference.small_samples import highest_collapse


@dataclass(frozen=True)
class Section:
    """A titled part of the methods."""

    title: str
    paragraphs: list[str]


@dataclass(frozen=True)
class Settings:
    """Settings by condition: those that all runs share once, those that differ in one column a condition."""

    note: str
    columns: list[str]
    rows: list[list[str]]


def methods(study: Study) -> list[Section]:
    """Return the sections of the methods that the study's tables can tell."""
    return [_protocols(study), _statistics(study), *_runs(study)]


def _protocols(study: Study) -> Section:
    episodes = study.table("episodes")
    paragraphs = []
    for protocol in sorted(episodes["protocol"].astype(str).unique()):
        rows = episodes[episodes["protocol"] == protocol]
        scenes, levels = rows["scene_seed"].nunique(), ", ".join(sorted(rows["level"].astype(str).unique()))
        shifts, points = rows["shift"].nunique(), rows["frames"].nunique()
        paragraphs.append(
            f"{protocol}: {scenes} fixed scenes, each played once to its end, under "
            f"{_count(shifts, 'condition')} at up to {_count(points, 'point')} of training ({levels}); "
            f"{len(rows):,} episodes in all."
        )
    paragraphs += [*_scenes(study), "Actions are sampled from the policy, not its argmax."]
    return Section("Protocols", paragraphs)


def _scenes(study: Study) -> list[str]:
    """Return which conditions play the scenes of no shift, and where test scenes come from, from the data."""
    episodes = study.episodes(study.final_protocol)
    layouts = {
        str(shift): set(zip(rows["scene_seed"], rows["level"].astype(str), rows["bot_length"], strict=True))
        for shift, rows in episodes.groupby("shift", observed=True)
    }
    shared = [shift for shift, scenes in layouts.items() if scenes == layouts.get("none")]
    own = [shift_label(shift) for shift in layouts if shift not in shared]
    told = [
        f"All agents meet the same scenes. {len(shared)} of {_count(len(layouts), 'condition')} of "
        f"{study.final_protocol} play the very scenes of no shift (same seed, level and way of the bot's), "
        "and are compared scene by scene."
    ]
    if own:
        told[0] += f" Scenes of their own, in other rooms or with other goals: {', '.join(own)}."
    seeds = study.table("episodes")["scene_seed"].unique()
    marked = int((seeds >= TEST_SCENE_BIT).sum())
    told.append(
        f"{marked:,} of {len(seeds):,} test scenes have seeds that training never draws. {_met(study)}"
    )
    return told


def _met(study: Study) -> str:
    """Return how many test scenes training met all the same, counted over runs."""
    table = study.tables.get("overlap")
    if table is None or table.empty:
        return "In small rooms another seed can still draw the same scene, which was not counted here."
    test, scenes, prompts = (
        int(table[name].sum()) for name in ("test_scenes", "scenes_met", "first_prompts_met")
    )
    return (
        f"Yet in small rooms other seeds draw the same: of {test:,} pairs of a trained run and a test scene "
        f"(its level, its words) {scenes:,} ({100 * scenes / test:.1f}%) are equal to one of that run's "
        f"training in walls, things, place and goal, and {prompts:,} ({100 * prompts / test:.1f}%) begin "
        "with goal and observation that began one, word for word."
    )


def _statistics(study: Study) -> Section:
    named = study.derive(final.comparisons)["method"].str.split(", simultaneous over").str[0]
    used = sorted(set(named) - {"none"})
    return Section(
        "Statistics",
        [
            "Seeds are the unit of replication: an agent's episodes are averaged within a seed. "
            "Intervals are 95% and take the variance of seeds and of scenes, which are crossed; rates get "
            "theirs on the logit scale, corrected for the skewness of few seeds, and differences are as wide "
            "at least as their two rates' intervals make them.",
            "Each agent's shifts are compared with no shift, those with other tasks or rooms with the "
            "simple task of their own level, and agents with one another on the same scenes; tests of one "
            "question are one family, and its "
            "tests, intervals and plans are adjusted by one rule (Bonferroni): an interval excludes 0 "
            "where the verdict says so. A verdict "
            "is lower or "
            "higher (adjusted p < 0.05), equivalent (two one-sided tests, margin 5 points), no worse "
            "(one of them), "
            "or undecided.",
            "Curves have simultaneous bands (sup-t) besides pointwise intervals. Aggregates, "
            "performance profiles and probabilities of improvement are those of Agarwal et al. (2021), but "
            "their intervals take seeds whole: rliable redraws each task's runs on their own, and here one "
            "trained agent plays all of them.",
            f"Methods as computed: {'; '.join(used)}.",
        ],
    )


def _runs(study: Study) -> list[Section]:
    runs = study.tables.get("runs")
    if runs is None or runs.empty:
        return []
    seeds = ", ".join(str(seed) for seed in sorted(runs["seed"].unique()))
    steps, hours = thousands(float(runs["frames"].sum())), runs["seconds"].sum() / 3600
    counted = f"{len(runs)} runs with seeds {seeds}; {steps} environment steps of training in all."
    devices = ", ".join(sorted(runs["device"].unique()))
    versions = [f"glam-eval {', '.join(sorted(runs['code_version'].unique()))}."]
    return [
        Section("Runs", [counted]),
        Section("Cost", [f"{hours:.2f} hours of computing over all runs, on {devices}."]),
        Section("Versions", versions + [_listed(text) for text in sorted(runs["packages"].unique())]),
        Section("Hardware", [_listed(text) for text in sorted(runs["machine"].unique())]),
    ]


def settings(study: Study) -> Settings:
    """Return the configuration of every condition, one row a setting; empty without a runs table."""
    runs = study.tables.get("runs")
    if runs is None or runs.empty:
        return Settings("", [], [])
    configs = {(run["agent"], run["model"]): run["config"] for run in records(study.usual(runs).iloc[::-1])}
    flat = {
        look.label: {key: _shown(value) for key, value in flatten(json.loads(configs[c])).items()}
        for c, look in study.looks.items()
        if c in configs
    }
    names = list(dict.fromkeys(name for config in flat.values() for name in config if name != "seed"))
    rows = []
    for name in names:
        values = [config.get(name, "–") for config in flat.values()]
        rows.append(
            [name, *values] if len(set(values)) > 1 else [name, values[0], *["″"] * (len(values) - 1)]
        )
    return Settings("Of the first seed; ″ repeats the value to its left.", ["Setting", *flat], rows)


def limits(study: Study, skipped: dict[str, str]) -> list[str]:
    """Return what is missing or under-powered, in words."""
    episodes = study.table("episodes")
    found = []
    runs = study.tables.get("runs", pd.DataFrame(columns=["status", "run_id"]))
    failed = runs.loc[runs["status"] != "finished", "run_id"]
    if len(failed):
        found.append(f"Runs that did not finish: {', '.join(failed)}.")
    found += [f"{gap.sentence[0].upper()}{gap.sentence[1:]}." for gap in study.gaps]
    seeds = {
        look.label: rows_of(episodes, condition)["seed"].nunique() for condition, look in study.looks.items()
    }
    few = ", ".join(f"{label} ({count})" for label, count in seeds.items() if count < ENOUGH_SEEDS)
    if few:
        found.append(
            f"Fewer than {ENOUGH_SEEDS} seeds, so intervals are wide or missing and tests weak: {few}."
        )
    found += _unseen_collapse(seeds)
    found += _under_powered(study)
    if "runs" in study.tables and len(study.usual(runs)) < len(runs):
        found.append(
            f"{len(runs) - len(study.usual(runs))} of {len(runs)} runs differ from the others in "
            "level, language, "
            "actions or memory; they appear in the figures of those and nowhere else."
        )
    return [
        *found,
        *(f"Not drawn: {name.replace('_', ' ')}, because {reason}." for name, reason in skipped.items()),
    ]


def _unseen_collapse(seeds: dict[str, int]) -> list[str]:
    """Return how often trainings may collapse that so many seeds happened not to show."""
    fewest = min(seeds.values(), default=0)
    if not fewest:
        return []
    return [
        f"Intervals are of trainings like those seen: {_count(fewest, 'seed')} without a collapse do not "
        f"exclude that up to {100 * highest_collapse(fewest):.0f}% of trainings collapse. Intervals that "
        "hold for any distribution of seeds are in the table of comparisons (sure_low, sure_high)."
    ]


def _under_powered(study: Study) -> list[str]:
    """Return the comparisons that the study is too small for, and the conditions never evaluated."""
    table = study.derive(final.comparisons)
    table = table[table["measure"] == "success"]
    gaps = [
        f"Not evaluated: {row['a']} under {shift_label(row['shift'])} in {row['protocol']}."
        for row in records(table[table["note"] == "not evaluated"])
    ]
    weak = table[table["note"].str.startswith("under-powered")]
    if weak.empty:
        return gaps
    widest = 100 * weak["detectable"].max()
    found = f"only differences of {widest:.0f} points or more" if widest < 100 else "no difference at all"
    sentence = (
        f"{len(weak)} of {int((table['b'] != '').sum())} comparisons are under-powered: with these seeds and "
        f"scenes the weakest would find {found} with 80% power."
    )
    return [sentence, *gaps, *_plan(study)]


def _plan(study: Study) -> list[str]:
    """Return how many seeds the undecided comparisons would need."""
    rows = study.usual(study.final(study.final_protocol))
    plan = plan_power(rows, scenes=(int(rows["scene_seed"].nunique()),)).dropna(subset=["seeds_needed"])
    if plan.empty:
        return []
    worst = records(plan.sort_values("seeds_needed").tail(1))[0]
    difference, power = 100 * worst["difference"], 100 * worst["power"]
    return [
        f"To find a difference of {difference:.0f} points with {power:.0f}% power in every comparison, "
        f"the same scenes need {worst['seeds_needed']:.0f} seeds (as far as the variances seen so far tell)."
    ]


def _shown(value: Any) -> str:
    return "none" if value is None else str(value)


def _listed(text: str) -> str:
    values = json.loads(text)
    return ", ".join(f"{key} {value}" for key, value in values.items()) + "."


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"
