"""The cards of data sets and models: Markdown from templates, in which texts of others stay plain."""

import re
from importlib import resources
from typing import Any

import jinja2

from glam_eval.core.text import one_line
from glam_eval.core.version import __version__

_TEMPLATES = resources.files("glam_eval.exporting") / "templates"
_MARKUP = re.compile(r"([\\`*_\[\]<>|#])")  # what Markdown and HTML would obey


def filled(template: str, **values: Any) -> str:
    """Return a card: a template of the folder ``templates``, filled.

    Its filter ``plain`` takes texts that others wrote into Markdown as they are, each as one line.
    """
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        loader=jinja2.FunctionLoader(lambda name: (_TEMPLATES / name).read_text(encoding="utf-8")),
    )
    environment.filters["plain"] = plain
    return environment.get_template(template).render(version=__version__, **values)


def plain(text: object) -> str:
    """Return a text as Markdown that shows it letter by letter, in one line."""
    return _MARKUP.sub(r"\\\1", one_line(str(text)))
