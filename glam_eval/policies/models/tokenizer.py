"""The embedded tokenizer: a Unigram model whose pieces are the whole words of the project's sentences.

Characters follow for words it has not met, and bytes for characters it has not met, so nothing is ever
``<unk>``. It is data of the package; ``make_tokenizer`` remakes it, the same bytes for the same sentences.
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
_SEGMENT = re.compile(r"[^\W\d_]+|\d|[^\w\s]|_")


def _pieces(word: str) -> list[str]:
    """Return the letters, digits and marks of a word as pieces, the first one with the word boundary."""
    first, *rest = _SEGMENT.findall(word) or [word]
    return ["▁" + first, *rest]


def make_tokenizer(sentences: Iterable[str]) -> Tokenizer:
    """Return the tokenizer of sentences, whose pieces are scored by their log-frequency in them."""
    words = Counter(word for sentence in sentences for word in sentence.split())
    counts: Counter[str] = Counter()
    for word, count in words.items():
        for piece in _pieces(word):
            counts[piece] += count
    total = sum(counts.values())
    known = {piece: math.log(count / total) for piece, count in sorted(counts.items())}
    # A spelled word must never beat the word itself: a character costs more than the rarest piece.
    spelled = min(known.values()) - 10.0
    characters = sorted({"▁", *(character for piece in counts for character in piece)} - known.keys())
    vocabulary = [
        *((token, 0.0) for token in SPECIAL),
        *((f"<0x{byte:02X}>", spelled - 10.0) for byte in range(256)),
        *((character, spelled) for character in characters),
        *known.items(),
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


def remake_embedded_tokenizer(directory: Path = TOKENIZER_DIRECTORY) -> Path:
    """Write the tokenizer made from ``glam_eval.language.corpus()`` and return its path."""
    from glam_eval.language import corpus

    path = directory / "tokenizer.json"
    make_tokenizer(corpus()).save(str(path), pretty=False)
    return path
