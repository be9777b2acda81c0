"""The pages' templates: text of users is escaped, style and scripts are part of each page."""

from importlib import resources
from typing import Any

import jinja2
from markupsafe import Markup

from glam_eval.core.version import __version__
from glam_eval.report.vector import THEMED

_PAGE = resources.files("glam_eval.report") / "page"


def filled(template: str, **values: Any) -> str:
    """Return a page: a template of the folder ``page``, filled; everything but Markup is escaped."""
    environment = jinja2.Environment(
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        loader=jinja2.FunctionLoader(_text),
    )
    environment.filters["themed"] = lambda color: THEMED.get(color, color)
    shared = {"version": __version__, "css": Markup(_text("style.css")), "page_js": Markup(_text("page.js"))}
    return environment.get_template(template).render(shared | values)


def script(name: str) -> Markup:
    """Return a script of the folder ``page``."""
    return Markup(_text(name))


def _text(name: str) -> str:
    return (_PAGE / name).read_text(encoding="utf-8")
