"""Every configuration key with its type, default, unit and source, from the settings' own declarations."""

import re
import sys
import types
from collections.abc import Iterator
from typing import Any, Literal, Union, get_args, get_origin

from pydantic_core import PydanticUndefined

from glam_eval.config.conversation import ConversationConfig
from glam_eval.config.entry import AgentConfig, StudySettings
from glam_eval.config.environment import EnvironmentConfig
from glam_eval.config.learners import CloningConfig, QLearningConfig
from glam_eval.config.policy import LoraConfig, PolicyConfig
from glam_eval.config.ppo import PPO_PRESETS, PPOConfig
from glam_eval.config.protocols import ConditionConfig, ProtocolConfig
from glam_eval.config.settings import Settings
from glam_eval.config.suite import SuiteConfig

GROUPS: dict[str, type[Settings]] = {
    "": SuiteConfig,
    "environment": EnvironmentConfig,
    "policy": PolicyConfig,
    "policy.lora": LoraConfig,
    "conversation": ConversationConfig,
    "ppo": PPOConfig,
    "q_learning": QLearningConfig,
    "cloning": CloningConfig,
    "agents": AgentConfig,
    "protocols": ProtocolConfig,
    "protocols.conditions": ConditionConfig,
}
# Of every key that is a number; a test holds that none is missing. Shares and weights have none.
UNITS = {
    "frames": "environment steps", "evaluations": "points", "threads": "threads", "seeds": "runs an agent",
    "first_seed": "", "silence_seconds": "s", "remembered": "observations", "head_hidden": "units",
    "rank": "dimensions", "alpha": "", "environments": "environments", "steps": "steps", "epochs": "passes",
    "minibatch": "samples", "learning_rate": "", "heads_learning_rate": "", "adam_betas": "",
    "adam_epsilon": "", "discount": "a step", "gae_lambda": "a step",
    "contrastive": "", "devices": "devices", "entropy_coefficient": "",
    "value_coefficient": "", "clip": "", "value_clip": "", "max_grad_norm": "",
    "reward_scale": "", "target_kl": "nats", "recurrence": "steps", "micro_batch_tokens": "tokens",
    "steps_per_gradient": "steps", "batch": "transitions", "rewarded_share": "share", "replay": "transitions",
    "transitions": "transitions", "warmup": "share of gradient steps", "weight_decay": "a step",
    "temperature": "", "window": "turns", "examples": "episodes",
    "attempts": "requests a step", "max_tokens": "tokens",
    "in_flight": "requests", "requests_per_minute": "requests", "timeout_seconds": "s", "tries": "requests",
    "backoff_seconds": "s", "prompt_price": "currency", "completion_price": "currency",
    "scenes": "scenes", "replays": "scenes", "every": "updates", "items": "items",
}  # fmt: skip
_SOURCE = re.compile(r"\s*\(((?:as in )?(?:arXiv [\d.]+|paper[^)]*|TWOSOME|the default of[^)]*))\)")
_OF_GROUP = re.compile(r"\b(appendix E|arXiv [\d.]+)")


def page() -> str:
    """Return the page of all keys as Markdown."""
    return "".join(
        [
            "# Configuration\n\nA suite is a TOML file; `glam-eval run-suite NAME --set key=value` changes "
            "one key of it. Dotted names are tables: `ppo.clip` is `clip` under `[ppo]`. Unknown keys are "
            "refused, with the nearest that exists. Frozen and validated: `glam_eval.config`.\n",
            *(_section(group, model) for group, model in GROUPS.items()),
            "\n## Presets of PPO\n\n",
            *(_preset(name, values) for name, values in PPO_PRESETS.items()),
        ]
    )


def _section(group: str, model: type[Settings]) -> str:
    title = f"`[{group}]`" if group else "The suite"
    rows = "".join(_row(group, model, name) for name in model.model_fields if name != "kind")
    text = " ".join((model.__doc__ or "").split())
    head = "| key | type | default | unit | is | source |\n|---|---|---|---|---|---|\n"
    return f"\n## {title}\n\n{text}\n\n{head}{rows}"


def _row(group: str, model: type[Settings], name: str) -> str:
    field = model.model_fields[name]
    text = " ".join((field.description or "").split())
    chosen = field.default is not PydanticUndefined and kind_of(field.annotation) not in ("table", "text")
    source = "; ".join(_SOURCE.findall(text)) or (_source_of(model) if chosen else "")
    default = "required" if field.default is PydanticUndefined else f"`{_shown(field.default)}`"
    cells = (f"`{group + '.' if group else ''}{name}`", kind_of(field.annotation), default,
             UNITS.get(name, "") if is_number(field.annotation) else "",
             _SOURCE.sub("", text).replace("|", "\\|"), source)  # fmt: skip
    return f"| {' | '.join(cells)} |\n"


def _source_of(model: type[Settings]) -> str:
    """Return the source of all of a group's defaults, where its text names one."""
    texts = (model.__doc__, sys.modules[model.__module__].__doc__)
    found = next(filter(None, (_OF_GROUP.search(text or "") for text in texts)), None)
    return (
        f"paper, {found[1]}" if found and found[1].startswith("appendix") else found[1] if found else "ours"
    )


def _shown(default: Any) -> str:
    if isinstance(default, Settings):
        return "its defaults"
    return str(default)


def kind_of(annotation: Any) -> str:
    """Return a type as people read it."""
    if hasattr(annotation, "__metadata__"):
        return kind_of(annotation.__origin__)
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return ", ".join(f"`{value}`" for value in inner)
    if origin in (types.UnionType, Union):
        named = [kind_of(each) for each in inner if each is not type(None)]
        return " or ".join(named) + (" or none" if type(None) in inner else "")
    if origin is tuple:
        return f"list of {kind_of(inner[0])}"
    if origin is dict or annotation is dict:
        return "table"
    names = {str: "text", int: "whole number", float: "number", bool: "truth value"}
    return names.get(annotation, "table")


def is_number(annotation: Any) -> bool:
    """Return whether a key holds a number, or none."""
    return any(each in kind_of(annotation) for each in ("whole number", "number"))


def numbers() -> Iterator[str]:
    """Yield the names of all keys that hold a number."""
    for model in {**GROUPS, "study": StudySettings}.values():
        yield from (name for name, field in model.model_fields.items() if is_number(field.annotation))


def _preset(name: str, values: dict[str, Any]) -> str:
    told = ", ".join(f"`{key} = {str(value).lower()}`" for key, value in values.items()) or "the defaults"
    return f"- `{name}`: {told}\n"
