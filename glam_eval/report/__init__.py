"""The report of a study, or of two side by side: one self-contained HTML page."""

from glam_eval.report.beside import build_beside
from glam_eval.report.build import build_report, render_page

__all__ = ["build_beside", "build_report", "render_page"]
