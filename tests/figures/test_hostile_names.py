"""Names that others gave, as words of a figure: no mathtext, no control characters, nothing lost."""

import re
import warnings

import pandas as pd
import pytest

from glam_eval.cli import main
from glam_eval.figures import Study
from glam_eval.figures.files import draw, save

NAMES = [
    "$x^2$",
    "a$b",
    "\\frac{$}",
    "[red]x[/]",
    "bell\x07",
    "\x1b[2J",
    "<script>alert(1)</script>",
    "&",
    "日本",
]


@pytest.fixture
def theirs(tmp_path, synthetic_study_tables):
    """Results of others whose agents and level have hostile names."""

    def write(names):
        out = tmp_path / "theirs"
        (out / "episodes").mkdir(parents=True)
        episodes = synthetic_study_tables["episodes"]
        own = episodes["agent"] == "gflan"
        named = [
            episodes[own].assign(agent=name, run_id=episodes["run_id"] + f" {place}")
            for place, name in enumerate(names)
        ]
        named = pd.concat([*named, episodes[~own]], ignore_index=True).assign(level=" ".join(names))
        named.to_parquet(out / "episodes" / "theirs.parquet")
        return out

    return write


@pytest.fixture(scope="module")
def synthetic_study_tables():
    from synthetic_study import make_study

    return make_study(3, seeds=2, scenes=12)


@pytest.mark.parametrize(
    "names",
    [NAMES[:3], *(pytest.param(each, marks=pytest.mark.thorough) for each in (NAMES[3:6], NAMES[6:]))],
    ids=ascii,
)
def test_hostile_names_are_compared_drawn_and_reported(theirs, names, capsys):
    out = theirs(names)
    for command in (["compare", str(out)], ["figures", str(out), "--format", "svg"], ["report", str(out)]):
        assert main(command) == 0, capsys.readouterr().err
    assert "\x1b" not in capsys.readouterr().out
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "<script>alert(1)" not in page and "\x07" not in page and "\x1b" not in page
    labels = {look.label for look in Study.load(out).looks.values()}
    for name in names:
        expected = {"bell\x07": r"bell\x07", "\x1b[2J": r"\x1b[2J"}.get(name, name)
        assert any(label.startswith(expected) for label in labels), labels
    drawn = "".join(file.read_text(encoding="utf-8") for file in (out / "figures").glob("*.svg"))
    assert "\x07" not in drawn and "\x1b" not in drawn


@pytest.mark.parametrize("name", ["failures", "aggregates"])
def test_long_names_leave_the_axes_their_room_and_are_told_apart(synthetic_study_tables, name, tmp_path):
    episodes = synthetic_study_tables["episodes"].astype({"agent": str, "model": str})
    theirs = episodes["agent"] + episodes["model"]
    for middle, one in enumerate(theirs.unique()):
        episodes.loc[theirs == one, ["agent", "model"]] = ["gflan", f"{'x' * 200}{middle}{'y' * 200}"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        drawing = draw(Study.of({"episodes": episodes}), name)
        save(drawing, tmp_path / "drawn.svg")
    shown = set(
        re.findall(r"GFlan-T5 x+…y+(?: \(\d\))?", (tmp_path / "drawn.svg").read_text(encoding="utf-8"))
    )
    assert len(shown) == 3, shown
    assert sum(axes.get_position().width for axes in drawing.axes) > 0.3
