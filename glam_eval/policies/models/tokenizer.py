"""The embedded tokenizer: a Unigram model whose pieces are the whole words of the project's sentences.

Pieces of general English, then characters follow for words it has not met, and bytes for characters it has
not met, so nothing is ever ``<unk>``. It is data of the package, the embedded ladder's own;
``glam_eval.pretraining.vocabulary`` remakes it, the same bytes for the same sentences.
"""

import math
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tokenizers import Regex, Tokenizer, decoders, normalizers, pre_tokenizers, processors
from tokenizers.models import Unigram
from transformers import PreTrainedTokenizerFast

TOKENIZER_DIRECTORY = Path(__file__).parent.parent / "tokenizer"
SPECIAL = ("<pad>", "</s>", "<unk>")  # T5's, in T5's order
COST = 100.0  # of a piece: its frequency, less than 1, decides between equal numbers of pieces alone
_SEGMENT = re.compile(r"[^\W\d_]+|\d|[^\w\s]|_")


def _pieces(word: str) -> list[str]:
    """Return the letters, digits and marks of a word as pieces, the first one with the word boundary."""
    first, *rest = _SEGMENT.findall(word) or [word]
    return ["▁" + first, *rest]


def make_tokenizer(sentences: Iterable[str], pieces: Iterable[str] = ()) -> Tokenizer:
    """Return the tokenizer that makes fewest pieces of a text, of equally few the most frequent ones.

    Args:
        sentences: their words, split at punctuation, are one piece each.
        pieces: for other words: beginnings, which start with "▁", and what may follow.
    """
    words = Counter(word for sentence in sentences for word in sentence.split())
    counts: Counter[str] = Counter()
    for word, count in words.items():
        for piece in _pieces(word):
            counts[piece] += count
    for piece in pieces:
        counts[piece] += 1
    characters = {"▁", *(character for piece in counts for character in piece)} - counts.keys()
    most = math.log(max(counts.values()) + 1)
    known = {piece: math.log(count) / most - COST for piece, count in counts.items()}
    vocabulary = [
        *((token, 0.0) for token in SPECIAL),
        *((f"<0x{byte:02X}>", -10 * COST) for byte in range(256)),
        *((character, -COST) for character in sorted(characters)),
        *sorted(known.items()),
    ]
    tokenizer = Tokenizer(Unigram(vocabulary, unk_id=SPECIAL.index("<unk>"), byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Replace(Regex("▁"), "_")])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(prepend_scheme="always")]
    )
    tokenizer.decoder = decoders.Sequence(
        [decoders.ByteFallback(), decoders.Metaspace(prepend_scheme="always"), decoders.Fuse()]
    )
    tokenizer.add_special_tokens(list(SPECIAL))
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", SPECIAL.index("</s>"))]
    )
    return tokenizer


def embedded_tokenizer() -> Any:
    """Return the tokenizer that ships with the package, as a ``transformers`` tokenizer."""
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_file=str(TOKENIZER_DIRECTORY / "tokenizer.json"),
        pad_token="<pad>",
        eos_token="</s>",
        unk_token="<unk>",
    )
