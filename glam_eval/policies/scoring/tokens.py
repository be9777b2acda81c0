"""Tokenising by cached words, identical to tokenising the whole text at once."""

import itertools
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glam_eval.core.errors import UserError
from glam_eval.policies.scoring.tree import Actions

# A boundary lies between a character and the single space that follows it: pre-tokenizers of T5
# (WhitespaceSplit, Metaspace), GPT-2, Llama 3 and Qwen (byte-level with a regular expression) all cut there.
_BOUNDARY = re.compile(r"(?<=\S)(?= )")

# What must tokenise alike in whole and by words before words are trusted: runs of spaces, newlines before and
# after spaces, digits, punctuation, apostrophes, letters beyond ASCII.
_PROBE = (
    "Possible action of the agent: turn left, turn right, go forward \n Goal of the agent: go to the ball \n "
    "Observation 0: You see a wall 12 steps left,  l'agent à la clé; grüne Kugel, (mingea) 3.5\n Action 0:"
    "\n\nș ț  end "
)


class CachedTokenizer:
    """A Hugging Face tokenizer behind a cache of words.

    Where words cannot be shown to tokenise independently, whole texts are tokenised and cached instead.

    Args:
        tokenizer: a Hugging Face tokenizer.
        capacity: texts that the cache holds; full, it begins anew.
    """

    def __init__(self, tokenizer: Any, capacity: int = 200_000) -> None:
        self.tokenizer = tokenizer
        self._capacity = capacity
        self._cache: dict[str, list[int]] = {}
        probe = tokenizer("a")["input_ids"]
        # A prompt begins as the tokenizer begins texts: with <s> where a decoder-only model was trained so.
        self._start = probe[:1] if tokenizer.bos_token_id in probe[:1] else []
        self._added = [str(token) for token in tokenizer.get_added_vocab()]
        self._by_words = self._cuts_at_spaces() and self._join(_PROBE) == self._encode(_PROBE)

    def _encode(self, text: str) -> list[int]:
        return list(self.tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"])

    def _cuts_at_spaces(self) -> bool:
        """Whether the tokenizer's own pre-tokenizer cuts the probe at every boundary."""
        backend = getattr(self.tokenizer, "backend_tokenizer", None)
        if backend is None or backend.pre_tokenizer is None:
            return False
        spans = [span for _, span in backend.pre_tokenizer.pre_tokenize_str(_PROBE)]
        cuts = [match.start() for match in _BOUNDARY.finditer(_PROBE)]
        return not any(start < cut < end for start, end in spans for cut in cuts)

    def _join(self, text: str) -> list[int]:
        cache = self._cache
        words = _BOUNDARY.split(text)
        try:
            return list(itertools.chain.from_iterable([cache[word] for word in words]))
        except KeyError:
            if any(token in word for word in words if word not in cache for token in self._added):
                return self._encode(text)
            return [token for word in words for token in cache.get(word) or self._remember(word)]

    def _remember(self, text: str) -> list[int]:
        if len(self._cache) >= self._capacity:
            self._cache.clear()
        return self._cache.setdefault(text, self._encode(text))

    def encode(self, text: str) -> list[int]:
        """Return the token ids of a text, without special tokens."""
        if self._by_words:
            return self._join(text)
        return self._cache.get(text) or self._remember(text)

    def encode_prompt(self, text: str, end_of_sequence: bool = False) -> NDArray[np.int32]:
        """Return a prompt's ids, (n,) int32, with ``</s>`` after it where ``end_of_sequence`` asks for it.

        Raises:
            UserError: if the prompt has no token.
        """
        ids = self._start + self.encode(text) + self._end(end_of_sequence)
        if not ids:
            raise UserError("a prompt is empty: every prompt needs at least one word")
        return np.array(ids, dtype=np.int32)

    def encode_actions(self, actions: Sequence[str], end_of_sequence: bool = False) -> Actions:
        """Return actions' ids and words, with ``</s>`` where ``end_of_sequence`` asks for it."""
        end = self._end(end_of_sequence)
        return Actions(
            tokens=tuple((*self.encode(action), *end) for action in actions),
            words=tuple(max(1, len(action.split())) for action in actions),
        )

    def _end(self, end_of_sequence: bool) -> list[int]:
        return [self.tokenizer.eos_token_id] if end_of_sequence else []
