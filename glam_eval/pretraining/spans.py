"""T5's span corruption: some spans of a text are left out, and the model writes what was in them.

Raffel et al. 2020 (arXiv 1910.10683), section 3.1.4, with the random spans of the published code
(``random_spans_noise_mask``): 15% of the tokens, in spans of 3 on average, the last one at the text's end.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from glam_eval.core.errors import UserError
from glam_eval.policies.scoring.tokens import CachedTokenizer

# Bytes that no UTF-8 text contains: their pieces, which the tokenizer has anyway, stand for the spans.
_UNUSED_PIECES = tuple(f"<0x{byte:02X}>" for byte in (0xC0, 0xC1, *range(0xF5, 0x100)))


class Corrupted(NamedTuple):
    """A text with spans left out, and the spans; a sentinel stands for each in both."""

    source: NDArray[np.int32]
    target: NDArray[np.int32]


def sentinels(tokenizer: Any) -> list[int]:
    """Return the ids that stand for the first, second, ... span left out: T5's own, or 13 unused bytes.

    Raises:
        UserError: if the tokenizer has neither.
    """
    vocabulary = tokenizer.get_vocab()
    own = (f"<extra_id_{index}>" for index in range(100))
    ids = [vocabulary[piece] for piece in own if piece in vocabulary]
    ids = ids or [vocabulary[piece] for piece in _UNUSED_PIECES if piece in vocabulary]
    if not ids:
        raise UserError("span corruption needs a tokenizer with T5's sentinels or with byte pieces")
    return ids


def _parts(total: int, parts: int, generator: np.random.Generator) -> NDArray[np.int64]:
    """Return ``parts`` positive lengths that sum to ``total``, each such division equally likely."""
    cuts = np.sort(generator.choice(total - 1, parts - 1, replace=False)) + 1
    return np.diff(cuts, prepend=0, append=total)


def corrupt(
    tokens: Sequence[int],
    marks: Sequence[int],
    generator: np.random.Generator,
    share: float = 0.15,
    mean_length: float = 3.0,
) -> Corrupted:
    """Return a text of at least two tokens with spans left out.

    Args:
        tokens: the text's ids.
        marks: the sentinels' ids, which bound the number of spans.
        generator: source of the spans.
        share: of the tokens that are left out.
        mean_length: of a span, in tokens.
    """
    length = len(tokens)
    if length < 2:
        raise ValueError("a text of one token has nothing left to fill in from")
    left_out = min(max(round(length * share), 1), length - 1)
    count = max(1, min(round(left_out / mean_length), len(marks), length - left_out))
    kept = _parts(length - left_out, count, generator)
    lost = _parts(left_out, count, generator)
    source: list[int] = []
    target: list[int] = []
    start = 0
    for mark, keep, lose in zip(marks, kept.tolist(), lost.tolist(), strict=False):
        source += [*tokens[start : start + keep], mark]
        target += [mark, *tokens[start + keep : start + keep + lose]]
        start += keep + lose
    return Corrupted(np.array(source, np.int32), np.array(target, np.int32))


def windows(sentences: Iterable[str], tokenizer: CachedTokenizer, length: int) -> Iterator[list[int]]:
    """Yield the sentences' ids, as many whole sentences together as ``length`` tokens hold.

    A longer sentence is cut; what is left of it is a window of its own. Windows have two tokens or more.
    """
    window: list[int] = []
    for sentence in sentences:
        ids = tokenizer.encode(sentence)
        if window and len(window) + len(ids) > length:
            yield window
            window = []
        window = window + ids
        while len(window) > length + 1:
            yield window[:length]
            window = window[length:]
        if len(window) < 2:
            window = []
    if window:
        yield window
