"""An agent that comes to read its prompt less while it goes on succeeding is told of, and no other."""

import re

import numpy as np
import pandas as pd
import pytest
from synthetic_study import make_study

from glam_eval.figures import Study
from glam_eval.report.collapse import collapse_findings

UPDATES = np.arange(1, 21)


def told(information, success):
    """Findings on a study of one learner; both are functions of the share of training that is over."""
    tables = make_study(conditions=1, seeds=5, scenes=20)
    draws = np.random.default_rng(0)
    parts = [
        pd.DataFrame(
            {
                **{name: run[name] for name in ("run_id", "agent", "model", "seed")},
                "frames": UPDATES * 100,
                "information": information(UPDATES / 20) + draws.normal(0, 0.02, 20),
                "success_rate": success(UPDATES / 20) + draws.normal(0, 0.01, 20),
            }
        )
        for run in tables["runs"].to_dict("records")
    ]
    study = Study.of({**tables, "training": pd.concat(parts, ignore_index=True)})
    return [re.sub(r"</?b>", "", str(finding.text)) for finding in collapse_findings(study)]


def test_information_that_falls_while_success_stays_is_a_finding():
    (text,) = told(lambda share: 0.9 - 0.5 * (share > 0.6), lambda share: 0.8 + 0 * share)
    assert text.startswith("GFlan-T5 t5-nano reads its prompt less at the end of training than in its middle")
    number = r"-?0\.\d+"
    assert re.search(
        rf"changes by {number} \[{number}, {number}\] nats, to {number}, while success does", text
    )


@pytest.mark.parametrize(
    ("information", "success"),
    [
        (lambda share: 0.2 + 0.6 * share, lambda share: share),
        (lambda share: 0.9 - 0.5 * (share > 0.6), lambda share: 0.8 - 0.5 * (share > 0.6)),
        (lambda share: 0.5 + 0 * share, lambda share: 0.8 + 0 * share),
    ],
    ids=["it learns to read", "it collapses altogether", "nothing changes"],
)
def test_what_is_no_such_collapse_is_not_told(information, success):
    assert told(information, success) == []


def test_studies_without_the_column_tell_nothing():
    assert list(collapse_findings(Study.of(make_study(conditions=1, scenes=20)))) == []
