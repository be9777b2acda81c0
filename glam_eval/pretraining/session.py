"""Pretrains a rung of the ladder: checkpoints, tables and progress; what is there already is continued."""

import math
from collections.abc import Sequence
from pathlib import Path

import torch

from glam_eval.core.answer_records import LanguageRecord, PretrainingRecord
from glam_eval.core.console import Console
from glam_eval.core.errors import UserError
from glam_eval.core.progress_bars import progress_bars
from glam_eval.pretraining.evaluate import Counts, language_scores
from glam_eval.pretraining.loop import Pretraining
from glam_eval.pretraining.recipe import Recipe
from glam_eval.results import load_results, write_table
from glam_eval.training.checkpoints import Checkpoint, CheckpointStore

CHECKPOINTS = "checkpoints"


def pretrain(
    recipe: Recipe, out: Path, texts: Sequence[str], device: str, threads: int, console: Console
) -> list[LanguageRecord]:
    """Pretrain to the recipe's end and return what the model scores.

    ``out`` holds tables and checkpoints and, at the end, is a Hugging Face directory of the model itself.

    Raises:
        UserError: if ``out`` holds another pretraining.
        RunFailedError: if the loss is not finite.
    """
    torch.set_num_threads(threads)
    store = _store(out)
    run = Pretraining(recipe, texts, device, store.resume())
    if run.step:
        console.print(f"continues at step {run.step:,} of at most {run.most_steps:,}")
    with progress_bars(console) as progress:
        task = progress.add_task(recipe.model, total=run.most_steps * recipe.batch_tokens, status="")
        began = run.tokens
        progress.update(task, completed=began)

        def watch(tokens: int, loss: float) -> None:
            elapsed = progress.tasks[0].elapsed or math.inf
            rate = f"{(tokens - began) / elapsed:,.0f} tokens/s"
            progress.update(task, completed=tokens, status=f"loss {loss:.3f}  {rate}")

        while not run.finished:
            record = run.advance(watch)
            write_table(out, "pretraining", [record], f"{recipe.model}-s{recipe.seed}-{record.step:08d}")
            store.write(run.step, run.save, run.state())
            progress.update(task, total=run.most_steps * recipe.batch_tokens)
            console.print(_line(record))
    run.save_model(out)
    scores = language_scores(run.model, run.tokenizer, name=recipe.model, seed=recipe.seed)
    write_table(out, "language", scores, f"{recipe.model}-s{recipe.seed}")
    return scores


def release_pretrained(out: Path, ladder: Path | None, counts: Counts | None = None) -> list[LanguageRecord]:
    """Write a finished pretraining as package data (see ``pretraining.release``); return its scores.

    Raises:
        UserError: if ``out`` holds no finished pretraining by a recipe that ships.
    """
    from glam_eval.policies.models.shipped import LADDER_DIRECTORY
    from glam_eval.pretraining.release import release

    return release(last_checkpoint(out), _curve(out), counts, ladder or LADDER_DIRECTORY)


def external_texts(directory: Path | None) -> Sequence[str]:
    """Return the external sentences that a directory holds, fetched if need be; none without a directory."""
    if directory is None:
        return ()
    from glam_eval.pretraining.sources import load_texts

    return load_texts(directory)


def last_checkpoint(out: Path) -> Checkpoint:
    """Return a pretraining's last checkpoint; raises a UserError if there is none."""
    checkpoint = _store(out).latest()
    if checkpoint is None:
        raise UserError(f"{str(out)!r} holds no pretraining: give the --out of `glam-eval models pretrain`")
    return checkpoint


def _store(out: Path) -> CheckpointStore:
    return CheckpointStore(out / CHECKPOINTS, counted="step")


def _curve(out: Path) -> list[PretrainingRecord]:
    table = load_results(out, "pretraining").sort_values("step")
    return [PretrainingRecord(**{str(k): v for k, v in row.items()}) for row in table.to_dict("records")]


def _line(record: PretrainingRecord) -> str:
    return (
        f"step {record.step:,}, {record.tokens:,} tokens, {record.stage}: {record.stage_accuracy:.0%} right, "
        f"loss {record.loss:.3f}, held-out spans {record.held_out_spans:.3f}, "
        f"instructions {record.held_out_instructions:.3f}, "
        f"{record.seconds:.0f} s"
    )
