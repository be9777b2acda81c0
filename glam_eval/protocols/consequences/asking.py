"""Asks the language model behind an agent the questions on consequences, at any moment of its training."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from glam_eval.config.environment import EnvironmentConfig
from glam_eval.config.protocols import ProtocolConfig
from glam_eval.config.run import RunConfig
from glam_eval.core.answer_records import ConsequenceRecord
from glam_eval.protocols.consequences.items import make_items

if TYPE_CHECKING:
    from glam_eval.policies import LanguageModelPolicy


def check_consequences(world: EnvironmentConfig) -> None:
    """Raise UserError where a world's level has no scenes of which a kind of question can be asked."""
    make_items(world, 1)


def consequence_records(
    policy: "LanguageModelPolicy", run: RunConfig, frames: int, protocol: ProtocolConfig
) -> list[ConsequenceRecord]:
    """Return the model's answer to every item, which are the same for every agent, seed and moment.

    An answer's prior is its log-probability after the prompt without the situation; the likeliest answer
    beside its prior is that of domain-conditional pointwise mutual information (Holtzman et al. 2021,
    arXiv 2104.08315), which does not favour short or frequent texts.
    """
    from glam_eval.policies.texts import TextScorer

    items, scorer = make_items(run.environment, protocol.items), TextScorer(policy)
    candidates = [item.candidates for item in items]
    asked = scorer.score([item.prompt for item in items], candidates)
    alone = scorer.score([item.bare for item in items], candidates)
    records = []
    for item, (scores, tokens), (priors, _) in zip(items, asked, alone, strict=True):
        per_token = [score / length for score, length in zip(scores, tokens, strict=True)]
        beside = [score - prior for score, prior in zip(scores, priors, strict=True)]
        records.append(
            ConsequenceRecord(
                run_id=run.run_id,
                agent=run.agent,
                model=run.model,
                seed=run.seed,
                frames=frames,
                question=item.kind,
                scene_seed=item.scene,
                asked=item.asked,
                prompt=item.prompt,
                candidates=list(item.candidates),
                answer=item.answer,
                scores=scores,
                priors=priors,
                tokens=tokens,
                right=_best(scores) == item.answer,
                right_per_token=_best(per_token) == item.answer,
                right_calibrated=_best(beside) == item.answer,
                chance=1 / len(item.candidates),
            )
        )
    return records


def _best(values: Sequence[float]) -> int:
    """Return the place of the highest value, the first of equal ones."""
    return int(np.argmax(values))
