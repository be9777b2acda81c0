"""A finished pretraining as package data: bfloat16 weights, config, recorded facts and a model card."""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

import jinja2
import safetensors.torch

from glam_eval.core.answer_records import LanguageRecord, PretrainingRecord
from glam_eval.core.errors import UserError
from glam_eval.core.files import sha256_of
from glam_eval.core.provenance import code_version, machine, package_versions
from glam_eval.policies.models.loading import load_model
from glam_eval.policies.models.shipped import (
    CARD_FILE,
    FACTS_FILE,
    LADDER_DIRECTORY,
    SHARED,
    WEIGHTS_FILE,
)
from glam_eval.policies.scoring.t5 import T5Engine
from glam_eval.pretraining.answers import model_answers
from glam_eval.pretraining.evaluate import Counts, language_scores
from glam_eval.pretraining.mixture import ANSWERABLE, FAMILIES, held_out_examples
from glam_eval.pretraining.recipe import Recipe, load_recipe
from glam_eval.training.checkpoints import Checkpoint

CURVE_ROWS = 12  # of the loss curve in the card
SHOWN = 100  # held-out items of a family among which the card looks for a right and a wrong answer


class Sample(NamedTuple):
    """One held-out item and what the model answers."""

    family: str
    source: str
    expected: str
    answer: str


def release(
    checkpoint: Checkpoint,
    curve: Sequence[PretrainingRecord],
    counts: Counts | None = None,
    ladder: Path = LADDER_DIRECTORY,
) -> list[LanguageRecord]:
    """Write a rung's directory in the ladder and return what the weights that ship score.

    Args:
        checkpoint: the last one of a pretraining.
        curve: all records of that pretraining.
        counts: how many held-out items are asked.
        ladder: directory of the rungs.

    Raises:
        UserError: if the pretraining isn't finished, or its recipe is not the one that ships.
    """
    recipe = Recipe.parse(checkpoint.state["recipe"], source=f"checkpoint {checkpoint.directory}")
    _check(checkpoint, recipe)
    model, tokenizer = load_model(checkpoint.directory)
    shipped = {name: tensor.bfloat16().contiguous() for name, tensor in model.state_dict().items()}
    model.load_state_dict(shipped)
    scores = language_scores(model, tokenizer, counts, name=recipe.model, seed=recipe.seed)
    directory = ladder / recipe.model
    directory.mkdir(parents=True, exist_ok=True)
    stored = {name: tensor for name, tensor in shipped.items() if name not in SHARED}
    safetensors.torch.save_file(stored, directory / WEIGHTS_FILE, {"format": "pt"})
    (directory / WEIGHTS_FILE).chmod(0o644)  # safetensors makes it readable by its owner alone
    model.config.save_pretrained(directory)
    facts = _facts(checkpoint, recipe, curve, directory)
    (directory / FACTS_FILE).write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    card = _card(facts, model, curve, scores, _samples(model, tokenizer))
    (directory / CARD_FILE).write_text(card, encoding="utf-8")
    return scores


def _check(checkpoint: Checkpoint, recipe: Recipe) -> None:
    if not checkpoint.state["finished"]:
        raise UserError(
            f"{recipe.model} has learned {checkpoint.state['step']} steps and isn't finished: "
            "continue it with the command that began it"
        )
    if recipe != load_recipe(recipe.model, seed=recipe.seed):
        raise UserError(
            f"{recipe.model} was pretrained by another recipe than the one that ships, so nobody could "
            f"remake it: bring recipes/{recipe.model}.toml up to date"
        )


def _facts(
    checkpoint: Checkpoint, recipe: Recipe, curve: Sequence[PretrainingRecord], directory: Path
) -> dict[str, Any]:
    last = max(curve, key=lambda record: record.step)
    return {
        "recipe": json.loads(recipe.canonical_json()),
        "texts": checkpoint.state["texts"],
        "external_texts": checkpoint.state["external_texts"],
        "last": {key: value for key, value in asdict(last).items() if key != "seconds"},
        "seconds": round(checkpoint.state["seconds"]),
        "code_version": code_version(),
        "packages": json.loads(package_versions()),
        "machine": json.loads(machine()),
        "sha256": {name: sha256_of(directory / name) for name in (WEIGHTS_FILE, "config.json")},
    }


def _samples(model: Any, tokenizer: Any) -> list[Sample]:
    """Return for every family the first item answered rightly and the first answered wrongly, if any."""
    engine, samples = T5Engine(model), []
    for family in ANSWERABLE:
        examples = held_out_examples(family, SHOWN)
        given = model_answers(model, engine, tokenizer, examples)
        pairs = list(zip(examples, given, strict=True))
        for right in (True, False):
            found = [pair for pair in pairs if (pair[0].target == pair[1]) == right][:1]
            samples += [Sample(family, example.source, example.target, answer) for example, answer in found]
    return samples


def _card(
    facts: dict[str, Any],
    model: Any,
    curve: Sequence[PretrainingRecord],
    scores: Sequence[LanguageRecord],
    samples: Sequence[Sample],
) -> str:
    recipe = facts["recipe"]
    ordered = sorted(curve, key=lambda record: record.step)
    step = max(1, len(ordered) // CURVE_ROWS)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["exp"] = math.exp
    template = environment.from_string(
        (resources.files("glam_eval.pretraining") / "card.md.jinja").read_text(encoding="utf-8")
    )
    return template.render(
        name=recipe["model"],
        recipe=recipe,
        facts=facts,
        config=model.config,
        parameters=parameters,
        families=FAMILIES.values(),
        curve=[*ordered[:-1][::step], ordered[-1]],
        spans=scores[0],
        told_side=scores[1],
        scores=scores[2:],
        samples=samples,
    )
