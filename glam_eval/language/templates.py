"""Prompt templates: layouts without a language, and the phrases that each language fills them with."""

from functools import cache

from pydantic import BaseModel, ConfigDict

from glam_eval.core.errors import UserError, unknown
from glam_eval.language.lexicon import read_table, table_names


class Template(BaseModel):
    """The pieces of a prompt, in order; ``{i}`` is an observation's place from 0, the oldest.

    A prompt is the opening and the goal (left out where it is hidden), or the goal first, then for each
    observation ``before_observation``, each sentence followed by ``after_sentence``, ``before_action`` and,
    but for the newest, the action taken and ``after_action``. The newest observation and the action that is
    to be chosen may be introduced in other words.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    description: str
    goal_first: bool = False
    opening: str
    goal: str
    action_separator: str
    before_observation: str
    after_sentence: str
    before_action: str
    after_action: str
    before_newest: str | None = None
    before_choice: str | None = None
    phrases: dict[str, dict[str, str]]  # language -> name in braces -> phrase


def template_names() -> list[str]:
    """Return the names of the templates that ship."""
    return table_names("templates")


@cache
def template(name: str) -> Template:
    """Return a template.

    Raises:
        UserError: if there is none of this name.
    """
    if name not in template_names():
        raise unknown("prompt template", name, template_names())
    table = read_table("templates", f"{name}.toml")
    extended = table.pop("extends", None)
    return Template.model_validate((read_table("templates", f"{extended}.toml") if extended else {}) | table)


@cache
def parse_templates(text: str) -> tuple[str, ...]:
    """Return the names in a template or a mixture of several, for instance "paper+tags".

    Raises:
        UserError: if there is none of a name, or one is named twice.
    """
    names = tuple(text.split("+"))
    for name in names:
        template(name)
    if len({*names}) < len(names):
        raise UserError(f"prompt template {text!r} names one twice: each is drawn as often as the others")
    return names
