"""The report of a study: one self-contained HTML page."""

from glam_eval.report.build import build_report, render_page

__all__ = ["build_report", "render_page"]
