"""Figures as inline SVG: named for screen readers, in the theme's colours, with a text behind each mark."""

import io
import xml.etree.ElementTree as ElementTree

import matplotlib as mpl
from markupsafe import Markup

from glam_eval.figures.files import UNDATED, Rendering
from glam_eval.figures.identity import INK
from glam_eval.figures.style import GRID, QUIET, SURFACE, style

SVG = "http://www.w3.org/2000/svg"
XLINK = "http://www.w3.org/1999/xlink"
THEMED = {INK: "currentColor", GRID: "var(--grid)", QUIET: "var(--quiet)", SURFACE: "var(--surface)"}
MARKS = (f"{{{SVG}}}use", f"{{{SVG}}}path")


def inline_svg(rendering: Rendering, space: str = "") -> Markup:
    """Return a figure as an ``<svg>`` element for a page of many; each study has a ``space`` of ids."""
    buffer = io.StringIO()
    with style(), mpl.rc_context({"svg.hashsalt": rendering.definition.name}):
        rendering.drawing.savefig(buffer, format="svg", metadata=UNDATED["svg"], facecolor="none")
    ElementTree.register_namespace("", SVG)
    ElementTree.register_namespace("xlink", XLINK)
    root = ElementTree.fromstring(buffer.getvalue())
    for metadata in root.findall(f"{{{SVG}}}metadata"):
        root.remove(metadata)
    for identifier, texts in rendering.drawing.hover.items():
        group = root.find(f".//*[@id='{identifier}']")
        if group is not None:
            _explain(group, texts)
    _rename(root, space + rendering.definition.name)
    width = root.attrib.pop("width").removesuffix("pt")
    del root.attrib["height"]
    root.set("style", f"max-width:{1.75 * float(width):.0f}px")
    root.set("role", "img")
    root.set("aria-label", rendering.caption)
    text = ElementTree.tostring(root, encoding="unicode")
    for color, variable in THEMED.items():
        text = text.replace(color, variable)
    return Markup(text)


def _explain(group: ElementTree.Element, texts: list[str]) -> None:
    """Give each mark of a group its text; a line of markers ends in them, so count from the end."""
    definitions = {id(node) for defs in group.iter(f"{{{SVG}}}defs") for node in defs.iter()}
    marks = [node for node in group.iter() if node.tag in MARKS and id(node) not in definitions]
    for mark, text in zip(marks[-len(texts) :] if texts else [], texts, strict=False):
        mark.set("data-tip", text)


def _rename(root: ElementTree.Element, name: str) -> None:
    """Prefix every id and every reference to one, so that ids stay unique on the page."""
    for node in root.iter():
        for key, value in node.attrib.items():
            if key == "id":
                node.set(key, f"{name}-{value}")
            elif value.startswith("#") and key == f"{{{XLINK}}}href":
                node.set(key, f"#{name}-{value[1:]}")
            elif "url(#" in value:
                node.set(key, value.replace("url(#", f"url(#{name}-"))
