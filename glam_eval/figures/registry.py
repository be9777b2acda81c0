"""Every figure there is: one file each in ``definitions/``, or a file of one's own."""

import runpy
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

from glam_eval.core.errors import UserError, unknown
from glam_eval.figures import definitions
from glam_eval.figures.figure import FigureDefinition

# The report shows figures in this order, and those that it does not name after them.
READING_ORDER = (
    "goal_following", "learning_curves", "sample_efficiency", "generalization", "size_scaling",
    "pretraining_knowledge", "pretraining_ablation", "action_space", "distractors", "prompt_length",
    "composition_length", "prompt_matrix", "saliency", "language_matrix", "policy_evolution",
    "expected_action", "policy_change", "consequences", "language_retention", "online_offline",
    "against_paper", "aggregates", "performance_profiles", "probability_of_improvement", "failures", "cost",
)  # fmt: skip


def _defined() -> tuple[FigureDefinition, ...]:
    """Return the figure of every file in ``definitions/``, in reading order."""
    names = sorted(module.name for module in iter_modules(definitions.__path__))
    figures = [import_module(f"{definitions.__name__}.{name}").FIGURE for name in names]
    places = {name: place for place, name in enumerate(READING_ORDER)}
    return tuple(sorted(figures, key=lambda figure: places.get(figure.name, len(places))))


FIGURES = _defined()


def figure_named(name: str) -> FigureDefinition:
    """Return a figure's definition by its name, or from a Python file of one's own that defines it.

    Raises:
        UserError: If there is no such figure (the nearest one is named), or the file defines none.
    """
    if name.endswith(".py"):
        return _figure_in(Path(name))
    found = {figure.name: figure for figure in FIGURES}
    if name not in found:
        raise unknown("figure", name, found)
    return found[name]


def _figure_in(path: Path) -> FigureDefinition:
    if not path.is_file():
        raise UserError(f"there is no file {path} to take a figure from")
    try:
        figure = runpy.run_path(str(path)).get("FIGURE")
    except (Exception, SystemExit) as error:  # whatever the file raises while it is read
        raise UserError(f"{path} can't be read as a figure: {type(error).__name__}: {error}") from error
    if not isinstance(figure, FigureDefinition):
        raise UserError(f"{path} defines no figure: it needs FIGURE = FigureDefinition(...)")
    return figure
