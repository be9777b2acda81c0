"""Language retention: the model behind an agent, asked before and after it learned to act."""

import math

import pytest

from glam_eval.config.graph import PlannedRun
from glam_eval.config.protocols import ProtocolConfig
from glam_eval.execution.agent_run import AgentRun
from glam_eval.pretraining.evaluate import Counts, language_scores
from glam_eval.pretraining.mixture import ANSWERABLE
from glam_eval.protocols import language_records
from glam_eval.results import load_results


@pytest.fixture(scope="module")
def table(tiny_run, tmp_path_factory):
    """What a run of one update stores, asked one item of each family."""
    out = tmp_path_factory.mktemp("retention")
    asked = ProtocolConfig.parse({"name": "retention", "items": 1}, "test")
    config = tiny_run(frames=80)
    planned = PlannedRun("test", config, (asked,))
    execution = AgentRun(planned, config, out, "cpu", lambda _: None, lambda: False)
    before = language_records(execution._run.policy, tiny_run(frames=80), 0, asked)
    execution.carry_out()
    return load_results(out, "language"), before, execution._run.policy


def test_language_is_measured_before_and_after_training(table):
    rows, _, _ = table
    assert rows.groupby("frames").size().to_dict() == {0: 2 + len(ANSWERABLE), 80: 2 + len(ANSWERABLE)}
    assert set(rows["objective"]) == {"span_corruption", "told_side", *ANSWERABLE}
    assert (rows.groupby("objective")[["items", "tokens", "chance"]].nunique() <= 1).all(axis=None)


def test_rows_are_those_of_the_model_at_that_moment(table):
    rows, before, policy = table
    after = language_scores(policy.model, policy.tokenizer, Counts(1, 1))
    for frames, records in ((0, before), (80, after)):
        stored = rows[rows["frames"] == frames].set_index("objective")
        for record in records:
            own = stored.loc[record.objective]
            assert own["loss"] == record.loss
            assert own["accuracy"] == record.accuracy or math.isnan(record.accuracy)
    losses = rows.pivot_table(index="objective", columns="frames", values="loss")
    assert (losses[0] != losses[80]).all()
