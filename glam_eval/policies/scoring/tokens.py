"""Tokenising by cached words, identical to tokenising the whole text at once, prompt and action too."""

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
        capacity: words, texts and endings of prompts that are remembered; full, the cache begins anew.
        joint: whether prompt and action are one text, as for decoder-only models.
    """

    def __init__(self, tokenizer: Any, capacity: int = 200_000, joint: bool = False) -> None:
        self.tokenizer = tokenizer
        self._capacity, self._joint = capacity, joint
        self._cache: dict[str, list[int]] = {}
        self._choices: dict[tuple[str, tuple[str, ...]], tuple[list[int], Actions]] = {}
        self._actions: dict[tuple[tuple[str, ...], bool], Actions] = {}
        probe = tokenizer("a")["input_ids"]
        # A prompt begins as the tokenizer begins texts: with <s> where a decoder-only model was trained so.
        self._start = probe[:1] if tokenizer.bos_token_id in probe[:1] else []
        self._added = [str(token) for token in tokenizer.get_added_vocab()]
        self._between = None
        self._by_words = self._cuts_at_spaces() and self._join(_PROBE) == self._encode(_PROBE)
        if self._by_words and self._added:
            self._between = self._cuts_at_added_tokens()

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

    def _cuts_at_added_tokens(self) -> re.Pattern[str] | None:
        """Return what finds tokens beside the vocabulary, None where one changes the text around it."""
        ids = self.tokenizer.get_added_vocab()
        if any(" " in token for token in self._added):
            return None
        probe = self._join(_PROBE)
        if any(
            self._encode(_PROBE + token + _PROBE) != [*probe, ids[token], *probe] for token in self._added
        ):
            return None
        longest_first = sorted(self._added, key=len, reverse=True)
        return re.compile(f"({'|'.join(map(re.escape, longest_first))})")

    def _join(self, text: str) -> list[int]:
        cache = self._cache
        words = _BOUNDARY.split(text)
        try:
            return list(itertools.chain.from_iterable([cache[word] for word in words]))
        except KeyError:
            if any(token in word for word in words if word not in cache for token in self._added):
                return self._join_between(text, self._between) if self._between else self._encode(text)
            return [token for word in words for token in cache.get(word) or self._remember(word)]

    def _join_between(self, text: str, between: re.Pattern[str]) -> list[int]:
        """Return the ids of a text with added tokens in it, as chat templates write; ``between`` parts it."""
        ids = self.tokenizer.get_added_vocab()
        parts = [part for part in between.split(text) if part]
        return [token for part in parts for token in ([ids[part]] if part in ids else self._join(part))]

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
        return self._prompt(text, self.encode(text) + self._end(end_of_sequence))

    def _prompt(self, text: str, ids: list[int]) -> NDArray[np.int32]:
        """Return a prompt's ids with what begins texts before them, unless the text begins so already."""
        begun = bool(self._start) and text.startswith(self.tokenizer.bos_token)
        ids = ids if begun else self._start + ids
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

    def encode_choice(
        self, text: str, actions: Sequence[str], end_of_sequence: bool = False
    ) -> tuple[NDArray[np.int32], Actions]:
        """Return a prompt's ids and its actions', as the model is to read and to continue them.

        For encoder-decoders, and where ``</s>`` stands between, they are two texts. For others prompt and
        action are one, whose tokens may cross the boundary: byte-level BPE knows no "Action 0: " before
        "turn left", only " turn" after ":". The prompt then ends with the last token that it has in common
        with all these texts, and what follows is the action's: token healing.

        Raises:
            UserError: if the prompt has no token.
        """
        offered = tuple(actions)
        if not self._joint or end_of_sequence:
            known = self._actions.get((offered, end_of_sequence))
            if known is None:
                known = self.encode_actions(offered, end_of_sequence)
                self._actions[offered, end_of_sequence] = known
            return self.encode_prompt(text, end_of_sequence), known
        cut = self._last_word(text, offered)
        shared, following = self._choices.get((text[cut:], offered)) or self._heal(text[cut:], offered)
        return self._prompt(text, (self.encode(text[:cut]) if cut else []) + shared), following

    def _last_word(self, text: str, actions: tuple[str, ...]) -> int:
        """Return where the word begins that an action continues; 0 where words aren't independent."""
        if not self._by_words:
            return 0
        cut = text.rfind(" ")
        while cut > 0 and text[cut - 1].isspace():
            cut = text.rfind(" ", 0, cut)
        cut = max(cut, 0)
        dependent = text[cut:] if self._between else text
        return 0 if any(token in each for token in self._added for each in (dependent, *actions)) else cut

    def _heal(self, ending: str, actions: tuple[str, ...]) -> tuple[list[int], Actions]:
        """Return what a prompt's ending has in common with all texts that continue it, and what follows."""
        texts = [self.encode(ending + action) for action in actions]
        alone = self.encode(ending) if ending else []
        columns = zip(alone, *texts, strict=False)
        shared = sum(1 for _ in itertools.takewhile(lambda column: len(set(column)) == 1, columns))
        following = Actions(
            tokens=tuple(tuple(ids[shared:]) for ids in texts),
            words=tuple(max(1, len(action.split())) for action in actions),
        )
        if len(self._choices) >= self._capacity:
            self._choices.clear()
        return self._choices.setdefault((ending, actions), (alone[:shared], following))

    def _end(self, end_of_sequence: bool) -> list[int]:
        return [self.tokenizer.eos_token_id] if end_of_sequence else []
