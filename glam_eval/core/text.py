"""Texts that others wrote, made fit to be shown: on a terminal, in a figure, in one line of an error."""

import codecs
import unicodedata

_CONTROL, _SURROGATE = "Cc", "Cs"
# Reorder or break what is around them: embeddings, overrides and isolates of direction; separators.
_MOVES_OTHERS = frozenset(map(chr, (0x61C, 0x200E, 0x200F, *range(0x2028, 0x202F), *range(0x2066, 0x206A))))
_LONGEST_LINE = 2000  # characters
_LAYOUT = frozenset("\n\t")
# What is printed where a stream's encoding lacks the character.
_PLAIN = {"–": "-", "—": "-", "…": "...", "→": "->", "±": "+-", "×": "x", "·": "-", "’": "'"}
READABLE = "glam_eval.readable"  # name of the handler of encoding errors


def printable(text: str, kept: frozenset[str] = _LAYOUT) -> str:
    """Return a text with escapes for whatever a terminal would obey, or no encoding can write.

    Args:
        text: any text, lone surrogates and control characters included.
        kept: control characters that stay; line ends and tabs unless said otherwise.
    """
    if text.isprintable():
        return text
    return "".join(one if one in kept or not _is_harmful(one) else _escaped(one) for one in text)


def one_line(text: str) -> str:
    """Return a text as one printable line of bearable length, its runs of blanks as single blanks."""
    line = printable(" ".join(text.split()), frozenset())
    if len(line) <= _LONGEST_LINE:
        return line
    return f"{line[: _LONGEST_LINE // 2]} ... {line[-_LONGEST_LINE // 2 :]}"  # the way out is at the end


def unwritable(text: str) -> str:
    """Return the first character that a name or title can't hold, escaped; nothing if there is none."""
    return next((_escaped(one) for one in text if _is_harmful(one) and one not in _LAYOUT), "")


def _is_harmful(character: str) -> bool:
    return unicodedata.category(character) in (_CONTROL, _SURROGATE) or character in _MOVES_OTHERS


def _escaped(character: str) -> str:
    return character.encode("unicode_escape", "backslashreplace").decode("ascii")


def _readable(error: UnicodeError) -> tuple[str, int]:
    """Return what stands for characters that an encoding lacks: look-alikes, else escapes."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    return "".join(_PLAIN.get(one) or _escaped(one) for one in lacking), error.end


codecs.register_error(READABLE, _readable)
