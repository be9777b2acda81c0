"""What runs of one agent are called where they differ."""

import json

import pandas as pd
import pytest

from glam_eval.statistics import name_variants
from glam_eval.statistics.variants import short_names


@pytest.mark.parametrize(
    ("models", "expected"),
    [
        (["t5-nano", "google/flan-t5-small", "none"], {}),
        (["/tmp/x/hf", "t5-nano"], {"/tmp/x/hf": "hf"}),
        (["/a/x/hf/", "./b/hf"], {"/a/x/hf/": "x/hf", "./b/hf": "b/hf"}),
        (["/models/t5-nano", "t5-nano"], {"/models/t5-nano": "models/t5-nano"}),
        (["~/hf", "/deep/er/down/llm"], {"~/hf": "hf", "/deep/er/down/llm": "llm"}),
    ],
)
def test_directories_are_called_by_what_tells_them_apart(models, expected):
    assert short_names(models) == expected
    assert len({expected.get(model, model) for model in models}) == len(models)


def test_a_table_shows_the_last_part_of_a_directory():
    runs = pd.DataFrame(
        {
            "run_id": ["a", "b"],
            "agent": "zero-shot",
            "model": ["/tmp/x/hf", "t5-nano"],
            "config": json.dumps({}),
        }
    )
    frame = pd.DataFrame({"run_id": ["b", "a"], "model": ["t5-nano", "/tmp/x/hf"]})
    assert list(name_variants(frame, runs).model) == ["t5-nano", "hf"]
