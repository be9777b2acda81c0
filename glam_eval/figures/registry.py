"""Every figure there is: its name, the table it draws, how it is drawn and what its caption says."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import pandas as pd

from glam_eval.figures.draw.aggregates import draw_aggregates, draw_failures, draw_improvement, draw_profiles
from glam_eval.figures.draw.curves import draw_curves
from glam_eval.figures.draw.probes import draw_panels, draw_policy_evolution
from glam_eval.figures.draw.shifts import (
    draw_against_paper,
    draw_generalization,
    draw_language_matrix,
    draw_online_offline,
)
from glam_eval.figures.draw.sweeps import draw_scaling, draw_sweep
from glam_eval.figures.identity import Condition, Look
from glam_eval.figures.study import Study
from glam_eval.figures.style import Drawing
from glam_eval.figures.tables import change, final, training

Draw = Callable[[pd.DataFrame, Mapping[Condition, Look]], Drawing]

BANDS = "Shaded: 95% simultaneous bands along the curve, crossed variance of seeds and scenes."
BARS = "Bars: 95% intervals, variance of seeds and scenes."
WHOLE_SEEDS = "95% intervals over seeds, each with all of its conditions."


@dataclass(frozen=True)
class FigureDefinition:
    """One figure: ``table`` raises Absent where the study has no data; ``draw`` draws just the table."""

    name: str
    title: str
    table: Callable[[Study], pd.DataFrame]
    draw: Draw
    explanation: str

    def caption(self, table: pd.DataFrame) -> str:
        """Return the caption, with the numbers of seeds and episodes that the table rests on."""
        return f"{self.title}. {self.explanation} {sample_size(table)}"


def sample_size(table: pd.DataFrame) -> str:
    """Return what a table rests on, and a warning in words where the seeds are few."""
    table = table[table["n_seeds"] > 0]
    if table.empty:
        return ""
    few, many = int(table["n_seeds"].min()), int(table["n_seeds"].max())
    text = f"n = {few} seed{'s' * (few != 1)}" if few == many else f"n = {few} to {many} seeds"
    if "n_episodes" in table:
        low, high = int(table["n_episodes"].min()), int(table["n_episodes"].max())
        text += f", {low} episodes each" if low == high else f", {low} to {high} episodes each"
    if few == 1:
        text += "; one seed gives no interval"
    elif few < 5:
        text += "; with fewer than 5 seeds intervals are wide and tests have little power"
    return text + "."


FIGURES = (
    FigureDefinition(
        "learning_curves", "Learning curves", training.learning_curves, draw_curves,
        f"Success on the fixed evaluation scenes against environment steps. {BANDS}",
    ),
    FigureDefinition(
        "sample_efficiency", "Sample efficiency", training.sample_efficiency, draw_aggregates,
        f"Mean success along training (area under the curve over the budget) and success at its end. {BARS}",
    ),
    FigureDefinition(
        "generalization", "Generalization", final.generalization, draw_generalization,
        "Success of the trained agent under each shift, and its paired change from no shift on the "
        "same scenes, or from the simple task of its own level: "
        "in the right panel, or, with many agents, from the dashed line. Filled: the change differs "
        "from 0 at 5% "
        f"(t test; tests and intervals adjusted over an agent's shifts of a kind). {BARS}",
    ),
    FigureDefinition(
        "size_scaling", "Size scaling", training.size_scaling, draw_scaling,
        f"Success against the number of parameters of the policy. {BARS}",
    ),
    FigureDefinition(
        "pretraining_ablation", "Pretraining ablation", training.pretraining_ablation, draw_curves,
        "Success against environment steps for pretrained or random weights and embeddings, scoring "
        "or an action "
        f"head. {BANDS}",
    ),
    FigureDefinition(
        "action_space", "Action space", training.action_space, partial(draw_sweep, label="actions offered"),
        f"Success when 3, 6 or 9 actions are offered. {BARS}",
    ),
    FigureDefinition(
        "distractors", "Distractors", training.distractors, partial(draw_sweep, label="objects in the room"),
        f"Success against the number of objects in the room. {BARS}",
    ),
    FigureDefinition(
        "prompt_length", "Prompt length", training.prompt_length, partial(draw_sweep, label="observations"),
        f"Success against the number of observations remembered in the prompt. {BARS}",
    ),
    FigureDefinition(
        "composition_length", "Composition length", final.composition_length,
        partial(draw_sweep, label="instructions in the goal"),
        f"Success of the trained agent against the number of instructions in the goal. {BARS}",
    ),
    FigureDefinition(
        "language_matrix", "Languages", final.language_matrix, draw_language_matrix,
        "Success for each language trained in (rows) and tested in (columns); 95% intervals are in "
        "its table.",
    ),
    FigureDefinition(
        "policy_evolution", "Policy evolution", change.policy_evolution, draw_policy_evolution,
        "Probability of each action on fixed probe prompts, averaged over seeds; the line bounds the "
        "expected "
        "action's.",
    ),
    FigureDefinition(
        "expected_action", "Expected action", change.expected_action,
        partial(draw_panels, panel="probe", label="P(expected action)", share=True),
        f"Probability of the expected action on fixed probe prompts against environment steps. {BANDS}",
    ),
    FigureDefinition(
        "policy_change", "How the policy changes", change.policy_change,
        partial(draw_panels, panel="measure", label="", share=False),
        "Entropy and KL divergence from the policy before training are means over fixed probe prompts, where "
        "those were asked; the mutual information of action and prompt, over the same prompts, falls to 0 "
        "in an agent that stops reading; the critic's first value less the discounted return that followed "
        "is one over "
        f"evaluation scenes. {BANDS}",
    ),
    FigureDefinition(
        "language_retention", "Language retention", change.language_retention,
        partial(draw_panels, panel="measure", label="accuracy", share=False),
        "Accuracy on held-out items of each family, and loss of left-out spans of held-out text, before "
        f"and after training; none is about acting. {BANDS}",
    ),
    FigureDefinition(
        "online_offline", "Online against offline", final.online_offline, draw_online_offline,
        f"Success of agents trained by interaction and by imitation. {BARS}",
    ),
    FigureDefinition(
        "against_paper", "Against the paper", final.against_paper, draw_against_paper,
        "Success of the trained agent (dots) beside the published (open diamonds, read off the figure of "
        f"Carta et al. 2023 to a point; bars as drawn there), on the paper's levels. {BARS}",
    ),
    FigureDefinition(
        "aggregates", "Aggregates over shifts", final.aggregates, draw_aggregates,
        f"Interquartile mean, mean, median and optimality gap of success, seeds and shifts. {WHOLE_SEEDS}",
    ),
    FigureDefinition(
        "performance_profiles", "Performance profiles", final.performance_profiles, draw_profiles,
        f"Share of scores (a seed under a shift) above each success rate. {WHOLE_SEEDS}",
    ),
    FigureDefinition(
        "probability_of_improvement", "Probability of improvement",
        final.probability_of_improvement, draw_improvement,
        "Probability that a seed of one agent does better than a seed of another under the same shift. "
        f"{WHOLE_SEEDS} In a matrix a dot marks an interval that excludes one half.",
    ),
    FigureDefinition(
        "failures", "How episodes end", final.failures, draw_failures,
        "Share of the trained agent's evaluation episodes by outcome, without a shift, averaged over "
        "seeds; 95% "
        "intervals are in its table.",
    ),
    FigureDefinition(
        "cost", "Cost against success", training.cost, partial(draw_scaling, label="seconds of training"),
        f"Success at the end of training against the wall-clock time of a run. {BARS}",
    ),
)  # fmt: skip
