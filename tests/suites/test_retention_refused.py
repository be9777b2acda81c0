"""Retention of a local model that is no T5 is refused before anything starts."""

import json

import pytest

from glam_eval.config.suite import SuiteConfig
from glam_eval.core.errors import UserError
from glam_eval.suites.run import validate


def suite(model, **agent):
    values = {
        "name": "s",
        "title": "t",
        "question": "q",
        "seeds": 1,
        "environment": {"level": "GoToLocalS5N2"},
    }
    agents = [{"agent": "zero-shot", "model": "t5-pico"}, {"agent": "zero-shot", "model": model, **agent}]
    protocols = [{"name": "generalization"}, {"name": "retention"}]
    return SuiteConfig.parse({**values, "agents": agents, "protocols": protocols}, "suite")


def test_only_a_t5_is_measured(tmp_path):
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"model_type": "llama"}))
    with pytest.raises(UserError, match=r"retention measures T5 models alone, and '.*' is of type llama"):
        validate(suite(str(tmp_path)))
    validate(suite(str(tmp_path), protocols=["generalization"]))
    config.write_text(json.dumps({"model_type": "t5"}))
    validate(suite(str(tmp_path)))
    config.write_text("{}")
    with pytest.raises(UserError, match="names no model_type"):
        validate(suite(str(tmp_path)))
