"""The list of licences names all that ships and is not plainly the project's own code."""

import json
from pathlib import Path

from glam_eval.policies.models.shapes import PACKAGED
from glam_eval.policies.models.shipped import shipped_rungs

ROOT = Path(__file__).parents[2]
LIST = (ROOT / "LICENCES.md").read_text("utf-8")
OWN = {".py", ".c", ".h", ".j2", ".jinja", ".js", ".css", ".toml", ".md", ".typed"}


def test_every_model_and_every_file_of_data_is_on_the_list():
    assert all(f"`{name}`" in LIST for name in shipped_rungs())
    for file in (ROOT / "glam_eval").rglob("*.*"):
        ladder = "ladder" in file.parts
        if file.is_file() and file.suffix not in OWN and not ladder and "__pycache__" not in file.parts:
            assert f"`{file.name}`" in LIST, file


def test_models_that_are_said_to_be_of_our_own_text_read_no_other():
    for name in shipped_rungs():
        folder = ROOT / "glam_eval/policies/models/ladder" / name
        assert "No external text." in (folder / "MODEL_CARD.md").read_text()
        assert json.loads((folder / "pretraining.json").read_text())


def test_models_that_are_fetched_are_named_with_their_licence():
    assert all(name in LIST and one.licence in LIST for name, one in PACKAGED.items())
