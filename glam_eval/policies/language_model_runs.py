"""The language model that a run is of, as a policy: as at its start, and as in a checkpoint."""

from pathlib import Path

from glam_eval.config.policy import PolicyConfig
from glam_eval.config.run import RunConfig
from glam_eval.core.content import model_content
from glam_eval.core.errors import UserError
from glam_eval.core.seeds import stream_seed
from glam_eval.policies.language_model import LanguageModelPolicy
from glam_eval.policies.models.adapter_files import holds_adapters_alone
from glam_eval.policies.models.adapters import peft_module
from glam_eval.policies.models.loading import load_model


def build(config: RunConfig, actions: int, device: str) -> LanguageModelPolicy:
    """Return the policy of a run at its start.

    What is random in it depends on the run's seed alone, not on the model's name or path.

    Raises:
        UserError: if the model can't be loaded, or is no longer what the run began with.
    """
    settings = config.policy or PolicyConfig()
    if config.content and model_content(Path(config.model)) != config.content:
        raise UserError(f"model {config.model!r} has changed since run {config.run_id} was planned")
    seed = _model_seed(config)
    model, tokenizer = load_model(
        config.model,
        device=device,
        weights=settings.weights,
        embeddings=settings.embeddings,
        quantization=settings.quantization,
        seed=seed,
    )
    pretrained = settings.weights == settings.embeddings == "pretrained"
    return LanguageModelPolicy(
        model,
        tokenizer,
        settings,
        actions_count=actions,
        seed=seed,
        base=config.model if pretrained else None,
    )


def restore(config: RunConfig, actions: int, device: str, checkpoint: Path) -> LanguageModelPolicy:
    """Return the policy of a run as it is in a checkpoint.

    The model that the run began with is needed by adapters alone, and ``peft`` by those that learn on.

    Raises:
        UserError: if the checkpoint holds another model or other heads.
    """
    seed = _model_seed(config)
    if holds_adapters_alone(checkpoint):
        return _restore_adapters(config, actions, device, checkpoint)
    model, tokenizer = load_model(str(checkpoint), device=device)
    policy = LanguageModelPolicy(model, tokenizer, config.policy, actions_count=actions, seed=seed)
    policy.load_beside(checkpoint)
    return policy


def _restore_adapters(config: RunConfig, actions: int, device: str, checkpoint: Path) -> LanguageModelPolicy:
    """Return a run's policy with a checkpoint's adapters: inside, or where ``peft`` is missing merged."""
    settings = config.policy or PolicyConfig()
    try:
        peft_module()
    except UserError:
        if settings.quantization != "none":
            raise  # merged into whole weights they would be another policy
        model, tokenizer = load_model(str(checkpoint), device=device)
        merged = settings.model_copy(update={"lora": None})
        policy = LanguageModelPolicy(
            model, tokenizer, merged, actions_count=actions, seed=_model_seed(config), acts_only=True
        )
    else:
        policy = build(config, actions, device)
    policy.load_beside(checkpoint)
    return policy


def _model_seed(config: RunConfig) -> int:
    return stream_seed(config.seed, "model") % 2**31
