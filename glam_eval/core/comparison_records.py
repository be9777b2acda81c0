"""Records of what follows from others: comparisons, and scenes met in training."""

from dataclasses import dataclass
from typing import Annotated

from glam_eval.core.columns import Column, RunId


@dataclass(frozen=True, slots=True)
class ComparisonRecord:
    """One statistical comparison."""

    protocol: Annotated[str, Column("protocol the episodes come from")]
    shift: Annotated[str, Column("lexical shift compared")]
    measure: Annotated[str, Column("what is estimated, for instance success or area_under_curve")]
    a: Annotated[str, Column("first condition, agent/model")]
    b: Annotated[str, Column("second condition, agent/model, or the shift it is compared with")]
    estimate: Annotated[float, Column("estimate: of a alone where b is empty, else of a - b")]
    low: Annotated[float, Column("lower end of the interval: 95% for the n_tests of a family at once")]
    high: Annotated[float, Column("upper end of that interval")]
    p_value: Annotated[float, Column("two-sided p-value, NaN where no test is made")]
    p_adjusted: Annotated[float, Column("p-value adjusted over its family")]
    method: Annotated[str, Column("estimator, interval and test in words")]
    n_seeds: Annotated[int, Column("seeds per condition (the smaller)", "seeds")]
    n_episodes: Annotated[int, Column("episodes per seed and condition (the smaller)", "episodes")]
    family: Annotated[str, Column("tests adjusted together, empty where no test is made", optional=True)]
    p_exact: Annotated[float, Column("two-sided exact permutation p-value on seeds", optional=True)]
    p_equivalence: Annotated[float, Column("TOST p-value that |a - b| >= margin, adjusted", optional=True)]
    odds_ratio: Annotated[float, Column("odds of success of a over those of b", optional=True)]
    p_odds: Annotated[
        float, Column("p-value of the cluster-robust logistic model, from 20 seeds", optional=True)
    ]
    effect_size: Annotated[float, Column("difference in standard deviations of seeds", optional=True)]
    detectable: Annotated[
        float, Column("smallest difference seen with 80% power, tested with its family", optional=True)
    ]
    verdict: Annotated[str, Column("higher, lower, equivalent, no worse, undecided, untested", optional=True)]
    note: Annotated[str, Column("what limits the comparison, in words", optional=True)]
    n_tests: Annotated[int, Column("tests adjusted together, 0 where no test is made", optional=True)]
    n_collapsed: Annotated[int, Column("seeds whose success fell far below the others'", optional=True)]
    superiority: Annotated[
        float,
        Column(
            "probability that a does better than b on a scene, ties half; NaN but for success", optional=True
        ),
    ]
    superiority_low: Annotated[float, Column("lower end of its interval, as low's", optional=True)]
    superiority_high: Annotated[float, Column("upper end of its interval, as high's", optional=True)]
    sure_low: Annotated[
        float, Column("lower end of the 95% interval of a mean for any distribution of seeds", optional=True)
    ]
    sure_high: Annotated[float, Column("upper end of that interval", optional=True)]


@dataclass(frozen=True, slots=True)
class OverlapRecord:
    """How much of a protocol's test scenes one run met in training, on its level and in its words."""

    run_id: RunId
    protocol: Annotated[str, Column("protocol whose scenes they are")]
    training_scenes: Annotated[int, Column("distinct beginnings of scenes trained on", "scenes")]
    test_scenes: Annotated[int, Column("distinct test scenes", "scenes")]
    scenes_met: Annotated[
        int, Column("of them, equal to one trained on in walls, things, place and goal", "scenes")
    ]
    first_prompts_met: Annotated[
        int, Column("of them, whose goal and first observation began an episode of training", "scenes")
    ]
