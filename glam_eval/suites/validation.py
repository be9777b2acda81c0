"""Checks what a suite names against the world, its models and conversations, before any run starts."""

from glam_eval.config.agents import describe_agent
from glam_eval.config.demonstrations import DemonstrationsConfig
from glam_eval.config.ppo import PPOConfig
from glam_eval.config.protocols import ProtocolConfig
from glam_eval.config.run import RunConfig
from glam_eval.config.suite import SuiteConfig


def validate(suite: SuiteConfig) -> None:
    """Check every name that a suite uses, before anything starts; raises UserError."""
    from glam_eval.environments import check_world
    from glam_eval.execution.demonstrations import check_demonstrations
    from glam_eval.language import parse_templates, speaker

    checked: set[str] = set()
    for planned in suite.graph:
        config = planned.config
        besides_seed = f"{config.model_dump_json(exclude={'seed'})} {planned.protocols}"
        if besides_seed in checked:
            continue
        checked.add(besides_seed)
        world = config.environment
        check_world(world)
        parse_templates(world.template)
        speaker(world.language, world.shift)
        check_demonstrations(config)
        if isinstance(config, DemonstrationsConfig):
            continue
        _check_answers(config)
        for protocol in planned.protocols:
            _check_protocol(config, protocol)


def _check_answers(config: RunConfig) -> None:
    """Check what answers for an agent: its language model, or a served one."""
    from glam_eval.language import parse_templates

    if describe_agent(config.agent).uses_model:
        from glam_eval.policies.models.validation import check_model

        check_model(config, config.environment)
        if isinstance(config.learner, PPOConfig) and config.learner.contrastive:
            parse_templates(config.learner.retold)
            check_model(config, config.environment.changed(template=config.learner.retold))
    if config.conversation:
        from glam_eval.chat.agent import check_installed
        from glam_eval.chat.examples import make_examples

        check_installed()
        make_examples(config)  # refused where the bot solves too few


def _check_protocol(config: RunConfig, protocol: ProtocolConfig) -> None:
    """Check what an agent is asked, condition by condition."""
    from glam_eval.language import parse_templates, speaker
    from glam_eval.protocols.consequences import check_consequences
    from glam_eval.protocols.retention import check_measurable
    from glam_eval.protocols.scenes import check_scenes, environment_of

    world = config.environment
    protocol.check_level(world.level)
    if protocol.name == "retention":
        check_measurable(config.model)
    elif protocol.name == "consequences":
        check_consequences(world)
    for condition in protocol.conditions:
        speaker(world.language, condition.shift)
        parse_templates(condition.template or world.template)
        if not protocol.plays:
            continue
        check_scenes(config, protocol, condition)
        if describe_agent(config.agent).uses_model:
            from glam_eval.policies.models.validation import check_model

            check_model(config, environment_of(config, condition))
