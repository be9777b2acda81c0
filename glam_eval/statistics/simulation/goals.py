"""What another goal changes, and scores between the best agent that never knows the goal and the bot."""

from collections.abc import Iterator

import numpy as np

from glam_eval.statistics.inference.intervals import estimate_mean
from glam_eval.statistics.inference.scores import score_between
from glam_eval.statistics.published import SOURCES, Distance, error_of
from glam_eval.statistics.reading import follow
from glam_eval.statistics.simulation.studies import Outcome, Study, claims, covers

LEAST_BLIND = 0.02  # success of who never knows the goal: half of the agent's, and at least this
BOTS = {"normalised score": 1.0, "normalised score where the bot fails": 0.9}


def goals(study: Study) -> Iterator[Outcome]:
    """Yield what the goal changes for who follows it as often as it succeeds, the score, a published rate."""
    cell, team = study.cell, study.team()
    told = study.play(team, cell.success, moved=True)
    if cell.success >= 0.5:  # who follows less often than not does not follow
        swapped = 1 - study.play(team, cell.success, moved=True)
        followed = follow((told, swapped))
        yield covers("what the goal changes", (followed.low, followed.high), 2 * cell.success - 1)
    walked = follow((told, study.play(team, cell.success, moved=True)))
    yield covers("what the goal changes for who walks", (walked.low, walked.high), 0.0)
    blind = max(LEAST_BLIND, cell.success / 2)
    floor = study.play(study.team(), blind, moved=True)
    for name, bot in BOTS.items():
        ceiling = (study.generator.random((1, cell.scenes)) < bot).astype(np.float64)
        score = score_between(told, floor, ceiling)
        yield covers(name, (score.low, score.high), (cell.success - blind) / (bot - blind))
    source = SOURCES["paper"]
    theirs = study.generator.binomial(source.episodes, cell.success) / source.episodes
    read = float(np.clip(theirs + study.generator.uniform(-source.reading, source.reading), 0, 1))
    apart = Distance(estimate_mean(told, "proportion"), read, error_of(read, [np.nan, np.nan], source))
    yield covers("difference from a published rate", apart.interval(), 0.0)
    yield claims("difference from a published rate", apart.p_value())
