"""Findings of pretraining: which knowledge saves steps, and what it buys elsewhere."""

from collections.abc import Iterator

from markupsafe import Markup

from glam_eval.figures import Absent, Study
from glam_eval.figures.definitions import pretraining_knowledge
from glam_eval.figures.drawings.pretraining import measure_label
from glam_eval.figures.identity import records
from glam_eval.figures.style import thousands
from glam_eval.report.sentences import ONE_BY_ONE, Finding, grouped, listed, points
from glam_eval.statistics.curves import AREA
from glam_eval.statistics.pretraining_arms import STEPS


def pretraining_findings(study: Study) -> Iterator[Finding]:
    """Tell of every arm what it loses and gains against the whole pretraining, and which stay open."""
    try:
        rows = records(study.derive(pretraining_knowledge.table))
    except Absent:
        return
    along = {row["arm"]: row for row in rows if row["measure"] == AREA}
    if len(along) > ONE_BY_ONE:
        yield _summary(along)
    still_open: list[str] = []
    for arm in dict.fromkeys(row["arm"] for row in rows):
        shown = [row for row in rows if row["arm"] == arm and row["verdict"] in ("lower", "higher")]
        if not shown:
            still_open.append(arm)
            continue
        worse = [row for row in shown if (row["verdict"] == "lower") != (row["measure"] == STEPS)]
        text = Markup("Pretrained {}, over {} pretrainings: {}.").format(
            arm, shown[0]["n_seeds"], listed([_change(row) for row in shown])
        )
        yield Finding(text, "down" if worse else "up")
    if still_open:
        seeds = min(row["n_seeds"] for row in rows)
        text = Markup("What these leave out is not shown to matter, with {} pretrainings: {}.")
        yield Finding(text.format(seeds, listed(still_open)), "open")
    yield _variances(rows)


def _summary(along: dict[str, dict[str, object]]) -> Finding:
    """Return in one sentence which arms learn worse or better than the whole."""
    words = {"lower": "Worse", "higher": "Better"}
    groups: dict[str, list[str]] = {}
    for arm, row in along.items():
        group = words.get(str(row["verdict"]), "Not shown to differ")
        groups.setdefault(group, []).append(f"{arm} ({points(row)})")
    seeds = min(int(str(row["n_seeds"])) for row in along.values())
    lead = f"Mean success along training, in points from the whole pretraining, {seeds} pretrainings each"
    return grouped(lead, dict(sorted(groups.items(), reverse=True)))


def _change(row: dict[str, object]) -> Markup:
    """Return a difference from the whole in words."""
    measure, shift = str(row["measure"]), str(row["shift"])
    if measure == STEPS:
        value, low, high = (float(str(row[name])) for name in ("estimate", "low", "high"))
        signed = f"{'+' if value > 0 else ''}{thousands(value)}"
        return Markup("<b>{} [{}, {}]</b> {}").format(signed, thousands(low), thousands(high), measure)
    return Markup("<b>{}</b> points ({})").format(points(row), measure_label(measure, shift))


def _variances(rows: list[dict[str, object]]) -> Finding:
    """Tell how far pretrainings and trainings differ by luck."""
    row = next((row for row in rows if row["measure"] == AREA), rows[0])
    text = Markup(
        "By luck alone pretrainings of one arm differ by <b>{:.1f}</b> points (standard deviation), "
        "trainings from one pretrained model by <b>{:.1f}</b>: a claim on pretraining needs several of both."
    )
    luck = (100 * float(str(row[f"spread_{level}"])) for level in ("pretrainings", "trainings"))
    return Finding(text.format(*luck), "open")
