"""A pretraining under way: one record a stretch of steps; saved and restored exactly between any two."""

import hashlib
import json
import math
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F

from glam_eval.core.answer_records import PretrainingRecord
from glam_eval.core.errors import RunFailedError, UserError
from glam_eval.core.seeds import stream
from glam_eval.policies.models.loading import load_weights, new_embedded
from glam_eval.policies.models.quiet import quiet
from glam_eval.policies.scoring.packing import pack
from glam_eval.policies.scoring.t5 import T5Engine
from glam_eval.pretraining.answers import choose_answers
from glam_eval.pretraining.batches import Batches, Encoder, Item, chains, micro_batches
from glam_eval.pretraining.curriculum import WIDEST
from glam_eval.pretraining.examples import Example
from glam_eval.pretraining.mixture import (
    FAMILIES,
    families_without,
    held_out_examples,
    held_out_sentences,
    staged_examples,
    stages_of,
    training_examples,
    training_sentences,
)
from glam_eval.pretraining.recipe import Recipe
from glam_eval.training.checkpoints import Checkpoint

OPTIMIZER_FILE = "optimizer.pt"
SMALLEST = 1e-2  # size of a tensor for its learning rate: tensors that begin near 0 must move too
SENTENCES_A_WINDOW = 16  # more than a window of 128 tokens holds, for the held-out windows


def target_losses(engine: T5Engine, items: Sequence[Item]) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the loss of every target token and the length of its target, both (tokens,) float32.

    Teacher forcing through the engine: encoder over real tokens alone, output projection likewise.
    """
    device = engine.model.device
    lengths = torch.tensor([len(item.target) for item in items])
    trees = chains([item.target for item in items], engine.start_token)
    real = torch.arange(trees.tokens.shape[1]) < lengths[:, None]
    targets = trees.edge_tokens[real].to(device)
    hidden = engine(pack([item.source for item in items], device, engine.padding), trees.to(device))
    logits = engine.logits(hidden[real.to(device)]).float()
    return F.cross_entropy(logits, targets, reduction="none"), lengths.repeat_interleave(lengths).to(device)


def mean_loss(engine: T5Engine, items: Sequence[Item], micro_batch_tokens: int) -> float:
    """Return the mean loss of the items' target tokens, in nats, without gradients."""
    with torch.no_grad():
        parts = [target_losses(engine, part)[0] for part in micro_batches(items, micro_batch_tokens)]
    return float(torch.cat(parts).double().mean())


class Pretraining:
    """The pretraining of one rung; everything random derives from the recipe's seed and the step's number.

    Args:
        recipe: the settings.
        texts: external sentences, beside the project's own.
        device: where to compute.
        resume: a checkpoint of the same pretraining to continue from.

    Raises:
        UserError: if the checkpoint is of another recipe or of other texts.
    """

    def __init__(
        self, recipe: Recipe, texts: Sequence[str] = (), device: str = "cpu", resume: Checkpoint | None = None
    ) -> None:
        self.recipe, self.step, self.tokens, self.seconds = recipe, 0, 0, 0.0
        self.stage, self._began = 0, 0  # of the curriculum, and the steps taken before it
        self._families = families_without(recipe.without)
        self.stages = stages_of(self._families) if recipe.stage_tokens else (WIDEST,)
        self._texts = {
            "texts": hashlib.sha256("\n".join(texts).encode()).hexdigest()[:16],
            "external_texts": len(texts),
        }
        self.model, self.tokenizer = new_embedded(recipe.model, recipe.seed)
        self.model.to(device)
        self._engine = T5Engine(self.model)
        self._optimizer = make_optimizer(self.model, recipe)
        examples = partial(training_examples, families=self._families) if self._families else None
        sentences = partial(training_sentences, texts=texts)
        self._batches = Batches(recipe, self.tokenizer, self.stages, examples, sentences)
        self._held_out = held_out_items(recipe, self.tokenizer)
        if resume is not None:
            self._restore(resume)

    @property
    def finished(self) -> bool:
        """Whether all steps are taken."""
        return self._last_stage and self.step - self._began >= self._full_steps

    @property
    def most_steps(self) -> int:
        """Steps that are taken if no stage still to come ends before its tokens do."""
        began = self._began + (len(self.stages) - 1 - self.stage) * self.recipe.stage_steps
        return began + self.recipe.full_steps(began)

    @property
    def _last_stage(self) -> bool:
        return self.stage == len(self.stages) - 1

    @property
    def _full_steps(self) -> int:
        return self.recipe.full_steps(self._began)

    def advance(self, watch: Callable[[int, float], None] | None = None) -> PretrainingRecord:
        """Take the steps up to the next record; ``watch`` is told each step's tokens and loss.

        Raises:
            RunFailedError: if the gradient is not finite.
        """
        began = time.perf_counter()
        stage, length = self.stages[self.stage], self.recipe.record_steps
        limit = self._full_steps if self._last_stage else self.recipe.stage_steps
        last = min(self._began + limit, (self.step // length + 1) * length)
        total, count, norms = 0.0, 0, []
        while self.step < last:
            items = self._batches.batch(self.step + 1, self.stage)
            loss, norm = self._gradient_step(items)
            self.step += 1
            self.tokens += sum(item.tokens for item in items)
            targets = sum(len(item.target) for item in items)
            total, count = total + loss, count + targets
            norms.append(norm)
            if watch is not None:
                watch(self.tokens, loss / targets)
        spans, instructions = (
            mean_loss(self._engine, items, self.recipe.micro_batch_tokens) for items in self._held_out
        )
        learning_rate, accuracy = self._learning_rate(self.step), self._accuracy()
        if not self._last_stage and (accuracy >= self.recipe.gate or self.step >= self._began + limit):
            self.stage, self._began = self.stage + 1, self.step
        seconds = time.perf_counter() - began
        self.seconds += seconds
        return PretrainingRecord(
            model=self.recipe.model,
            seed=self.recipe.seed,
            recipe=self.recipe.digest(),
            step=self.step,
            tokens=self.tokens,
            stage=stage.name,
            stage_accuracy=accuracy,
            learning_rate=learning_rate,
            loss=total / count,
            held_out_spans=spans,
            held_out_instructions=instructions,
            grad_norm=sum(norms) / len(norms),
            seconds=seconds,
        )

    def _learning_rate(self, step: int) -> float:
        return self.recipe.learning_rate_at(
            step, (step - self._began) / self._full_steps if self._last_stage else 0.0
        )

    def _accuracy(self) -> float:
        """Return the share of the stage's held-out items that are answered rightly; nan without families."""
        if not self._families:
            return math.nan
        examples = staged_examples(self.stages[self.stage], self._families, self.recipe.gate_items)
        answers = choose_answers(self.model, self._engine, self.tokenizer, examples)
        return sum(a == example.target for a, example in zip(answers, examples, strict=True)) / len(examples)

    def _gradient_step(self, items: Sequence[Item]) -> tuple[float, float]:
        """Return the summed loss of a batch's target tokens and the gradient's norm, having stepped."""
        recipe, step = self.recipe, self.step + 1
        for group in self._optimizer.param_groups:
            group["lr"] = self._learning_rate(step) * group["size"]
        self._optimizer.zero_grad(set_to_none=True)
        weight = sum(len(item.target) ** (1 - recipe.length_power) for item in items)
        total = 0.0
        for part in micro_batches(items, recipe.micro_batch_tokens):
            losses, lengths = target_losses(self._engine, part)
            loss = (losses * lengths**-recipe.length_power).sum() / weight
            loss.backward()
            total += float(losses.detach().sum())
        norm = float(torch.nn.utils.clip_grad_norm_(self.model.parameters(), recipe.max_grad_norm))
        if not math.isfinite(norm):
            raise RunFailedError(
                f"loss or gradient is not finite in step {step}: lower learning_rate "
                f"(now {recipe.learning_rate:g})"
            )
        self._optimizer.step()
        return total, norm

    def state(self) -> dict[str, Any]:
        """Return all that is not a tensor, as JSON-serialisable values."""
        return {
            "recipe": json.loads(self.recipe.canonical_json()),
            **self._texts,
            "stage": self.stage,
            "began": self._began,
            "finished": self.finished,
            "step": self.step,
            "tokens": self.tokens,
            "seconds": self.seconds,
        }

    def save_model(self, directory: Path) -> None:
        """Write the model (float32, for ``from_pretrained``) and its tokenizer."""
        with quiet():
            self.model.save_pretrained(directory)
            self.tokenizer.save_pretrained(directory)

    def save(self, directory: Path) -> None:
        """Write the model, its tokenizer and the optimiser."""
        self.save_model(directory)
        torch.save(self._optimizer.state_dict(), directory / OPTIMIZER_FILE)

    def _restore(self, checkpoint: Checkpoint) -> None:
        state, where = checkpoint.state, str(checkpoint.directory)
        if Recipe.parse(state["recipe"], source=f"checkpoint {where!r}") != self.recipe:
            raise UserError(f"{where!r} was made with another recipe or seed: give another --out")
        if state["texts"] != self._texts["texts"]:
            raise UserError(f"{where!r} was made with other texts: give the same --data, or another --out")
        self.model.load_state_dict(load_weights(checkpoint.directory))
        self._optimizer.load_state_dict(torch.load(checkpoint.directory / OPTIMIZER_FILE, weights_only=True))
        self.step, self.tokens, self.seconds = state["step"], state["tokens"], state["seconds"]
        self.stage, self._began = state["stage"], state["began"]


def make_optimizer(model: Any, recipe: Recipe) -> torch.optim.Optimizer:
    """Return AdamW with a group a tensor, whose ``size`` multiplies the learning rate.

    Norms, position biases and input embeddings have no weight decay, so that the embedding of a word that
    never occurs stays as it was drawn.
    """
    groups: list[dict[str, Any]] = []
    for name, parameter in model.named_parameters():
        decays = parameter.dim() > 1 and not name.startswith("shared") and "attention_bias" not in name
        size = float(parameter.detach().square().mean().sqrt())
        groups.append(
            {
                "params": [parameter],
                "weight_decay": recipe.weight_decay if decays else 0.0,
                "size": max(size, SMALLEST),
            }
        )
    return torch.optim.AdamW(groups, lr=recipe.learning_rate, betas=(0.9, recipe.beta_2), fused=True)


def held_out_items(recipe: Recipe, tokenizer: Any) -> tuple[list[Item], list[Item]]:
    """Return held-out windows with spans left out, and held-out items of every family."""
    encoder = Encoder(tokenizer, recipe.spans)
    examples: Iterator[Example] = (
        example for family in FAMILIES for example in held_out_examples(family, recipe.held_out)
    )
    return (
        held_out_windows(encoder, recipe.held_out_windows),
        [item for item in map(encoder.instruction, examples) if item.tokens <= recipe.longest],
    )


def held_out_windows(encoder: Encoder, count: int) -> list[Item]:
    """Return windows of held-out sentences, corrupted the same way every time."""
    sentences = held_out_sentences(count * SENTENCES_A_WINDOW)
    windows = encoder.corrupted(iter(sentences), stream(0, "pretraining", "held-out"))
    return [item for _, item in zip(range(count), windows, strict=False)]
