"""Prompt templates: layouts without a language, and the phrases that each language fills them with."""

from functools import cache

from pydantic import BaseModel, ConfigDict

from glam_eval.core.errors import unknown
from glam_eval.language.lexicon import read_table, table_names


class Template(BaseModel):
    """The pieces of a prompt, in order; ``{i}`` is an observation's place from 0, the oldest.

    A prompt is the opening, the goal (left out where it is hidden), then for each observation
    ``before_observation``, each sentence followed by ``after_sentence``, ``before_action`` and, but for the
    newest, the action taken and ``after_action``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    description: str
    opening: str
    goal: str
    action_separator: str
    before_observation: str
    after_sentence: str
    before_action: str
    after_action: str
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
    return Template.model_validate(read_table("templates", f"{name}.toml"))
