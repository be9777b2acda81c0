"""``glam_eval.describe`` on the reference's own observations and at the edges."""

import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

import glam_eval
from glam_eval.core.errors import UserError

REFERENCE = "GLAM_EVAL_REFERENCE_OBSERVATIONS"
FRENCH_NOUNS = {"key": "clef", "ball": "balle", "box": "boîte"}
ENGLISH_COLORS = ("red", "green", "blue", "purple", "yellow", "grey")
FRENCH_COLORS = dict(
    zip(ENGLISH_COLORS, ("rouge", "verte", "bleue", "violette", "jaune", "grise"), strict=True)
)


@pytest.mark.skipif(REFERENCE not in os.environ, reason=f"{REFERENCE} does not name the reference's file")
def test_every_observation_of_the_reference_is_told_in_its_words():
    rows = pd.read_parquet(os.environ[REFERENCE])
    assert len(rows) > 0
    for row in rows.itertuples():
        image = np.asarray(row.image).reshape(7, 7, 3)
        english = [sentence.replace("a open", "an open") for sentence in row.english]
        french, carrying = list(row.french), None
        if isinstance(row.carrying_object, str):
            carrying = row.carrying_object, row.carrying_color
            noun, color = FRENCH_NOUNS[row.carrying_object], FRENCH_COLORS[row.carrying_color]
            french[0] = f"Tu portes une {noun} {color}"
        assert glam_eval.describe(image, carrying, "en") == english
        assert glam_eval.describe(image, carrying, "fr") == french


def test_a_corner_with_a_key():
    image = np.zeros((7, 7, 3), np.uint8)
    image[3, 5] = (2, 5, 0)  # wall one step ahead
    image[4, 6] = (4, 1, 0)  # open green door one step right
    image[2, 6] = (1, 0, 0)
    image[1, 6] = (6, 0, 0)  # red ball two steps left
    image[3, 6] = (5, 2, 0)  # the carried key, which only ``carrying`` tells
    assert glam_eval.describe(image) == [
        "You see a wall 1 step forward",
        "You see a red ball 2 steps left",
        "You see an open green door 1 step right",
    ]
    assert glam_eval.describe(image, ("key", "blue"), "fr")[0] == "Tu portes une clef bleue"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((np.zeros((7, 7), np.uint8),), r"shape \(7, 7\)"),
        ((np.zeros((7, 7, 3)),), "float64"),
        ((np.full((7, 7, 3), 99),), "not a MiniGrid image"),
        ((np.zeros((7, 7, 3), int), ("kye", "red")), "unknown carried thing 'kye': did you mean 'key'"),
        ((np.zeros((7, 7, 3), int), ("key", "rde")), "unknown colour 'rde': did you mean 'red'"),
        ((np.zeros((7, 7, 3), int), None, "frr"), "unknown language 'frr': did you mean 'fr'"),
    ],
)
def test_wrong_input_is_named_in_one_line(arguments, message):
    with pytest.raises(UserError, match=message) as caught:
        glam_eval.describe(*arguments)
    assert "\n" not in str(caught.value)


def test_describing_needs_no_torch():
    program = (
        "import sys, glam_eval; assert 'minigrid' not in sys.modules;"
        "import numpy; glam_eval.describe(numpy.zeros((7, 7, 3), 'uint8')); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
