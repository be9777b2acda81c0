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


@pytest.mark.parametrize(
    ("policies", "expected"),
    [
        ([{"lora": None}, {"lora": {"rank": 8, "alpha": 16}}], ["[lora=off]", "[lora=on]"]),
        ([{}, {"lora": {"rank": 8}}], ["[lora=off]", "[lora=on]"]),
        (
            [{"lora": None}, {"lora": {"rank": 8, "alpha": 16}}, {"lora": {"rank": 4, "alpha": 16}}],
            ["[lora=off]", "[lora=on, rank=8]", "[lora=on, rank=4]"],
        ),
        ([{"lora": {"rank": 8}}, {"lora": {"rank": 4}}], ["[rank=8]", "[rank=4]"]),
        ([{"precision": "float32"}, {"precision": "float32"}], ["", ""]),
    ],
)
def test_a_group_that_some_runs_lack_is_on_or_off(policies, expected):
    configs = [json.dumps({"policy": {"pooling": "mean", **policy}}) for policy in policies]
    runs = pd.DataFrame({"run_id": [*map(str, range(len(policies)))], "agent": "bc-bot", "model": "m"})
    named = name_variants(runs[["run_id", "model"]], runs.assign(config=configs))
    assert [model.removeprefix("m").strip() for model in named.model] == expected
