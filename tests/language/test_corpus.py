"""The corpus holds every word that any speaker can say, and is the same in every process."""

import hashlib
import os
import re
import subprocess
import sys

import pytest

from glam_eval.core.world import PutNext, Reference, Sighting, View
from glam_eval.language import LANGUAGES, corpus, render_prompt, shift_names, speaker
from glam_eval.language.lexicon import table_names
from glam_eval.language.tokenizer_corpus import TEMPLATES

PUT = PutNext(Reference("ball", "grey", False, "behind"), Reference("box", "purple", True, "front"))
DIGEST = """
import hashlib
from glam_eval.language import corpus
text = "\\0".join(corpus(("cipher", "de"), ("none", "invented_nouns")))
print(hashlib.sha256(text.encode()).hexdigest())
"""


def words(texts):
    """What stands between spaces and punctuation: words and numbers, apostrophes and all."""
    return set(re.split(r"[\s,.:]+", " ".join(texts)))


@pytest.mark.parametrize("language", [*LANGUAGES, "cipher"])
def test_every_word_number_and_separator_of_a_language_is_in_it(language):
    texts = list(corpus((language,)))
    known = words(texts)
    for shift in shift_names():
        voice = speaker(language, shift)
        view = View(None, tuple(Sighting(None, side, ahead) for side in range(-3, 4) for ahead in range(7)))
        said = [*voice.actions("augmented"), *voice.observation(view), voice.goal(PUT)]
        said += [render_prompt(voice, name, ["0"], "0", [["0"]] * 9, ["8"] * 8) for name in TEMPLATES]
        assert words(said) <= known | {""}
    assert any(" \n " in text for text in texts)


def test_it_is_the_same_in_another_process():
    texts = "\0".join(corpus(("cipher", "de"), ("none", "invented_nouns")))
    told = subprocess.run(
        [sys.executable, "-c", DIGEST],
        env=os.environ | {"PYTHONHASHSEED": "7"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.strip() == hashlib.sha256(texts.encode()).hexdigest()


def test_the_languages_are_the_lexicons_that_ship():
    assert sorted(LANGUAGES) == table_names("lexicons")


def test_the_package_needs_neither_torch_nor_minigrid():
    check = "import sys, glam_eval.language; print({'torch', 'transformers', 'minigrid'} & set(sys.modules))"
    told = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "set()"
