"""From a run's configuration to its policy."""

from pathlib import Path

from glam_eval.config.run import RunConfig
from glam_eval.core.seeds import stream_seed
from glam_eval.policies.base import Policy
from glam_eval.policies.baselines import BotPolicy, RandomPolicy


def build_policy(
    config: RunConfig, actions: int, device: str = "cpu", checkpoint: Path | None = None
) -> Policy:
    """Return the policy of a run for a number of actions: as at its start, or as in a checkpoint."""
    match config.agent:
        case "random":
            return RandomPolicy()
        case "bot":
            return BotPolicy()
        case _:
            return _language_model_policy(config, actions, device, checkpoint)


def _language_model_policy(config: RunConfig, actions: int, device: str, checkpoint: Path | None) -> Policy:
    from glam_eval.policies import LanguageModelPolicy, LoraOptions, PolicyOptions, load_model

    settings = config.policy
    seed = stream_seed(config.seed, "model", config.model) % 2**31
    if checkpoint is None:
        weights, embeddings = settings.weights, settings.embeddings
        model, tokenizer = load_model(
            config.model, device=device, weights=weights, embeddings=embeddings, seed=seed
        )
    else:
        model, tokenizer = load_model(str(checkpoint), device=device)
    options = PolicyOptions(
        normalization=settings.normalization,
        end_of_sequence=settings.end_of_sequence,
        action_choice=settings.action_choice,
        actions_count=actions,
        head_hidden=settings.head_hidden,
        precision=settings.precision,
        trainable=settings.trainable,
        lora=LoraOptions(**settings.lora.model_dump()) if settings.lora else None,
        seed=seed,
    )
    policy = LanguageModelPolicy(model, tokenizer, options)
    if checkpoint is not None:
        policy.load(checkpoint)
    return policy
