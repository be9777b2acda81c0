"""From a run's configuration to its policy and its learner."""

from pathlib import Path
from typing import cast

from glam_eval.config.agents import describe_agent
from glam_eval.config.run import RunConfig
from glam_eval.core.seeds import stream_seed
from glam_eval.policies.base import Policy
from glam_eval.policies.baselines import BotPolicy, RandomPolicy
from glam_eval.training.actors import Actors
from glam_eval.training.learners import Learner, PPOLearner


def build_policy(
    config: RunConfig, actions: int, device: str = "cpu", checkpoint: Path | None = None
) -> Policy:
    """Return the policy of a run for a number of actions: as at its start, or as in a checkpoint.

    Raises UserError if the checkpoint holds another policy, or a user's agent is not one.
    """
    agent = describe_agent(config.agent)
    if agent.uses_model:
        return _language_model_policy(config, actions, device, checkpoint)
    policy = _network_policy(config, actions, device)
    if checkpoint is not None:
        policy.load(checkpoint)
    return policy


def build_learner(config: RunConfig, policy: Policy, actors: Actors, device: str) -> Learner | None:
    """Return the learner of a run, at its start; None for agents that do not learn."""
    match describe_agent(config.agent).learner:
        case "ppo":
            return PPOLearner(policy, actors, config.ppo, config.seed, config.updates)
        case "q_learning":
            from glam_eval.policies.drrn import DRRNPolicy
            from glam_eval.training.q_learning import QLearner

            return QLearner(cast("DRRNPolicy", policy), actors, config.q_learning, config.seed)
        case "cloning":
            from glam_eval.training.cloning import Cloner

            return Cloner(policy, actors, config, device)
        case _:
            return None


def _network_policy(config: RunConfig, actions: int, device: str) -> Policy:
    build = describe_agent(config.agent).build
    if build is not None:
        made: Policy = build(config, actions, device)
        return made
    match config.agent:
        case "random":
            return RandomPolicy()
        case "bot":
            return BotPolicy()
        case "drrn":
            from glam_eval.policies.drrn import DRRNPolicy

            return DRRNPolicy(config.seed).to(device)
        case _:
            from glam_eval.policies.symbolic import SymbolicPolicy

            world = config.environment
            return SymbolicPolicy(actions, world.language, world.shift, config.seed).to(device)


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
