"""Figures a paper can print: pure functions from a study's tables to matplotlib figures, and their files."""

from glam_eval.figures.figure import FigureDefinition
from glam_eval.figures.files import Drawn, Rendering, draw, draw_all, render, rendered, save
from glam_eval.figures.registry import FIGURES, figure_named
from glam_eval.figures.study import Absent, Study

__all__ = [
    "FIGURES",
    "Absent",
    "Drawn",
    "FigureDefinition",
    "Rendering",
    "Study",
    "draw",
    "draw_all",
    "figure_named",
    "render",
    "rendered",
    "save",
]
