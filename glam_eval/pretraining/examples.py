"""What a model is taught with: text-to-text items, and which of them are held out."""

import hashlib
from dataclasses import dataclass

HELD_OUT_SHARE = 10  # one text in so many is never trained on


@dataclass(frozen=True, slots=True)
class Example:
    """One text-to-text item."""

    family: str
    source: str
    target: str
    language: str = "en"  # of the answer, one of ``glam_eval.language.LANGUAGES``
    choices: tuple[str, ...] = ()  # the answers it is scored against, the target among them; none: free text


def is_held_out(text: str) -> bool:
    """Whether a text is for evaluation alone: a property of its words, whoever draws it and however often.

    Spaces count for nothing, so that layouts of one text stay on one side.
    """
    digest = hashlib.blake2b("".join(text.split()).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") % HELD_OUT_SHARE == 0
