"""What pretraining lacks is told against the whole, with the luck of pretrainings and trainings."""

import re

import numpy as np
import pytest
from pretraining_study import pretraining_study

from glam_eval.figures import Absent, Study, figure_named, render
from glam_eval.figures.definitions import pretraining_knowledge
from glam_eval.report.pretraining import pretraining_findings
from glam_eval.statistics import pretraining_effects


@pytest.fixture(scope="module")
def study():
    return Study.of({"episodes": pretraining_study(luck=0.05)})


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
