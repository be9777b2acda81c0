"""What pretraining lacks is told against the whole, with the luck of pretrainings and trainings."""

import re

import numpy as np
import pandas as pd
import pytest
from pretraining_study import pretraining_study

from glam_eval.figures import Absent, Study, figure_named, render
from glam_eval.figures.definitions import pretraining_knowledge
from glam_eval.report.findings import findings_by_question
from glam_eval.report.pretraining import pretraining_findings
from glam_eval.statistics import pretraining_effects
from glam_eval.statistics.cells import tabulate
from glam_eval.statistics.pretraining_arms import as_arms


@pytest.fixture(scope="module")
def study():
    return Study.of({"episodes": pretraining_study(luck=0.05).assign(level="GoToLocal")})


def test_what_matters_is_told_and_what_is_not_shown_to_matter_is_named(study):
    texts = [re.sub(r"</?b>", "", str(finding.text)) for finding in pretraining_findings(study)]
    assert texts[0].startswith("Pretrained without reading, over 3 pretrainings: ")
    assert "points (mean along training)" in texts[0] and "points (success, French)" in texts[0]
    assert texts[1] == "What these leave out is not shown to matter, with 3 pretrainings: without words."
    assert re.search(r"pretrainings of one arm differ by \d+\.\d points", texts[2])
    assert not list(pretraining_findings(Study.of({"episodes": pretraining_study(pretrainings=1)})))


def test_the_figure_draws_every_arm_in_every_panel(study):
    rendering = render(study, figure_named("pretraining_knowledge"))
    effects = pretraining_effects(study.table("episodes"))
    assert len(rendering.table) == len(effects)
    panels = {axes.get_title("left"): axes for axes in rendering.drawing.axes if axes.get_visible()}
    rows = effects[effects["measure"] == "gain_along_training"]
    (dots,) = [c for c in panels["along training − start"].collections if c.get_label()[0] != "_"]
    np.testing.assert_allclose(dots.get_offsets()[:, 0], rows["estimate"])
    assert {"steps until 80%", "success, French"} <= set(panels)
    with pytest.raises(Absent, match="no agents from pretrainings"):
        pretraining_knowledge.table(Study.of({"episodes": pretraining_study(pretrainings=1)}))


def test_models_pretrained_alike_are_told_as_one_agent_whose_seeds_are_the_pretrainings():
    """Each scene of a pretraining counts with the mean of its trainings."""
    episodes = pretraining_study(luck=0.05, scenes=10)
    scratch = episodes[episodes["model"] == "t5-nano"].assign(model="t5-nano-scratch", run_id="scratch")
    bot = episodes[episodes["model"] == "t5-nano"].assign(agent="bot", model="none", frames=0, run_id="bot")
    arms = as_arms(pd.concat([episodes, scratch[scratch["seed"] == 2], bot[bot["seed"] == 2]]))
    assert set(arms["model"]) == {
        "t5-nano", "t5-nano-without-words", "t5-nano-without-reading", "t5-nano-scratch", "none",
    }  # fmt: skip
    assert set(arms.loc[arms["model"].isin(["t5-nano-scratch", "none"]), "seed"]) == {2}
    last = arms[(arms["model"] == "t5-nano-without-words") & (arms["shift"] == "none@fr")]
    cells = tabulate(last, ["model"])
    for pretraining, model in enumerate(["", "-seed1", "-seed2"]):
        own = episodes[episodes["model"] == f"t5-nano-without-words{model}"]
        expected = own[own["shift"] == "none@fr"].groupby("scene_seed")["success"].mean()
        np.testing.assert_allclose(cells.values[0, pretraining], expected)
    assert as_arms(pretraining_study(pretrainings=1, scenes=4)).empty


def test_a_study_of_pretrainings_is_told_arm_by_arm(study):
    told = findings_by_question(study)
    assert "told here as <b>one</b>" in str(told["Do they read the goal?"][-1].text)
    learned = [str(finding.text) for finding in told["Do they learn?"]]
    assert sum(" solves <b>" in text for text in learned) == 3
    assert not any("-seed1" in text for text in learned)


def test_many_arms_are_summed_up_first():
    worth = {"": 0.0, **{f"-without-{part}": 0.5 * (part < "c") for part in "abcde"}}
    episodes = pretraining_study(worth=worth, luck=0.02, trainings=2, scenes=30)
    told = findings_by_question(Study.of({"episodes": episodes.assign(level="GoToLocal")}))
    helped, learned = told["What in pretraining helps?"], told["Do they learn?"]
    assert helped[0].summary and learned[0].summary and not any(each.summary for each in helped[1:])
    text = re.sub(r"</?b>", "", str(helped[0].text))
    assert text.startswith(
        "Mean success along training, in points from the whole pretraining, 3 pretrainings"
    )
    worse, same = text.split("; ")
    assert "Worse: without a (" in worse and "without b (" in worse
    assert same.startswith("Not shown to differ: without c (") and "without e (" in same
    ends = re.search(r"GFlan-T5 t5-nano-without-a \((\d+)% from (\d+)%\)", str(learned[0].text))
    assert ends and int(ends[2]) < int(ends[1]) < 45
