"""Language retention: what the language model behind an agent still makes of text that is no action."""

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from glam_eval.config.protocols import ProtocolConfig
from glam_eval.config.run import RunConfig
from glam_eval.core.answer_records import LanguageRecord
from glam_eval.core.errors import UserError

if TYPE_CHECKING:
    from glam_eval.policies import LanguageModelPolicy


def check_measurable(model: str) -> None:
    """Raise UserError where a local model is of no measured kind; the hub's tell when they are loaded."""
    from glam_eval.policies.models.packaged import packaged_directory
    from glam_eval.policies.models.shapes import PACKAGED
    from glam_eval.policies.scoring.families import CAUSAL_MODELS
    from glam_eval.policies.scoring.t5 import T5_MODELS

    directory = packaged_directory(model) if model in PACKAGED else Path(model).expanduser()
    file = directory / "config.json"
    if not file.is_file():
        return
    try:
        kind = json.loads(file.read_text())["model_type"]
    except (ValueError, KeyError):
        raise UserError(f"{model!r} holds no language model: its config.json names no model_type") from None
    if kind not in T5_MODELS | CAUSAL_MODELS:
        raise UserError(
            f"protocol retention measures T5 and decoder-only models, and {model!r} is of type {kind}: "
            "leave retention out of its agent's protocols"
        )


def language_records(
    policy: "LanguageModelPolicy", run: RunConfig, frames: int, protocol: ProtocolConfig
) -> list[LanguageRecord]:
    """Return the perplexity of held-out text and the accuracy on held-out items, one row a kind.

    The texts are the same for every agent, seed and moment. Raises UserError for a model of another kind.
    """
    return policy.computed(partial(_language_records, run, frames, protocol))


def _language_records(
    run: RunConfig, frames: int, protocol: ProtocolConfig, policy: "LanguageModelPolicy"
) -> list[LanguageRecord]:
    from glam_eval.pretraining.evaluate import Counts, language_scores

    return language_scores(
        policy.model,
        policy.tokenizer,
        Counts(items=protocol.items, windows=protocol.items),
        run_id=run.run_id,
        name=run.model,
        seed=run.seed,
        frames=frames,
    )
