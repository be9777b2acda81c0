"""Findings of collapse: agents that come to read their prompt less while they go on succeeding."""

from collections.abc import Iterator

from markupsafe import Markup

from glam_eval.figures import Study
from glam_eval.figures.identity import records
from glam_eval.report.sentences import Finding, points
from glam_eval.statistics import information_lost


def collapse_findings(study: Study) -> Iterator[Finding]:
    """Tell of every agent whose information falls, with its whole interval, while success does not."""
    training = study.tables.get("training")
    if training is None or "information" not in training:
        return
    for row in records(information_lost(study.usual(training.dropna(subset=["information"])))):
        if row["high"] < 0 <= row["success_high"]:
            success = {name: row[f"success_{name}"] for name in ("change", "low", "high")}
            text = Markup(
                "{} <b>reads its prompt less</b> at the end of training than in its middle: what prompts "
                "tell of actions changes by <b>{:+.2f} [{:+.2f}, {:+.2f}]</b> nats, to {:.2f}, while success "
                "does not fall (<b>{}</b> points)."
            )
            label = study.looks[row["agent"], row["model"]].label
            ends = {f"change_{end}": success[end] for end in ("low", "high")}
            told = points({"change": success["change"], **ends})
            numbers = (row["change"], row["low"], row["high"], row["information"])
            yield Finding(text.format(label, *numbers, told), "down")
