"""Language retention: what the language model behind an agent still makes of text that is no action."""

from glam_eval.config.protocols import ProtocolConfig
from glam_eval.config.run import RunConfig
from glam_eval.core.records import LanguageRecord
from glam_eval.policies.language_model import LanguageModelPolicy
from glam_eval.pretraining.evaluate import Counts, language_scores


def language_records(
    policy: LanguageModelPolicy, run: RunConfig, frames: int, protocol: ProtocolConfig
) -> list[LanguageRecord]:
    """Return the perplexity of held-out text and the accuracy on held-out items, one row a kind.

    The texts are the same for every agent, seed and moment. Raises UserError if the model is no T5.
    """
    return language_scores(
        policy.model,
        policy.tokenizer,
        Counts(items=protocol.items, windows=protocol.items),
        run_id=run.run_id,
        name=run.model,
        seed=run.seed,
        frames=frames,
    )
