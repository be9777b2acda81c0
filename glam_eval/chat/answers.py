"""From what a model wrote to the action that it names, or to none."""

import re
import unicodedata
from collections.abc import Sequence

ACTION_LABEL = "Action:"
_THOUGHTS = re.compile(r"<think(?:ing)?>.*?(?:</think(?:ing)?>|\Z)", re.DOTALL | re.IGNORECASE)
_MARKS = " \t\n\r\"'`*_#>.,:;!()[]{}<>«»“”‘’|-–—"  # of quotations and of Markdown, which say nothing


def named_action(text: str, actions: Sequence[str], reasoning: bool) -> int | None:
    """Return the index of the action that an answer names; None if it names none.

    Case, quotation marks, Markdown and a label before the action don't matter; other words do. Thoughts that
    open models write between tags are left out.

    Args:
        text: the answer.
        actions: the phrases offered.
        reasoning: whether thoughts may stand before the action: then the last line counts, or what the last
            label introduces; else the whole answer is the action.
    """
    said = _THOUGHTS.sub("", text)
    lines = [line for line in said.splitlines() if _plain(line)]
    if not lines:
        return None
    phrases = {_plain(action): index for index, action in reversed(list(enumerate(actions)))}
    candidates = [said]
    if reasoning:
        labelled = [line for line in lines if ACTION_LABEL.casefold() in _folded(line)]
        candidates = [*labelled[-1:], lines[-1]]
    for candidate in candidates:
        action = phrases.get(_plain(_after_label(candidate)))
        if action is not None:
            return action
    return None


def _after_label(line: str) -> str:
    """Return what follows the last label of a line, all of it if there is none."""
    place = _folded(line).rfind(ACTION_LABEL.casefold())
    return line if place < 0 else _folded(line)[place + len(ACTION_LABEL) :]


def _plain(text: str) -> str:
    return " ".join(_folded(text).strip(_MARKS).split())


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()
