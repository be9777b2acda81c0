"""Releasing a rung and loading what ships: weights, facts, card, and what is said where something lacks."""

from hashlib import sha256

import pytest
import torch
from test_pretraining_run import QUIET, TINY

from glam_eval.cli.app import main
from glam_eval.core.errors import UserError
from glam_eval.policies import load_model, make_model
from glam_eval.policies.models import shipped
from glam_eval.policies.models.shapes import LADDER
from glam_eval.policies.scoring import t5
from glam_eval.policies.scoring.kernels.choice import TorchKernels
from glam_eval.pretraining import evaluate, loop
from glam_eval.pretraining import release as releasing
from glam_eval.pretraining.curriculum import CURRICULUM, WIDEST
from glam_eval.pretraining.evaluate import Counts
from glam_eval.pretraining.recipe import Recipe, load_recipe
from glam_eval.pretraining.session import external_texts, last_checkpoint, pretrain, release_pretrained


@pytest.fixture(scope="module")
def released(tmp_path_factory):
    """A tiny pretraining of t5-pico and the ladder that it was released into."""
    out, ladder = tmp_path_factory.mktemp("pretrained"), tmp_path_factory.mktemp("ladder")
    few = dict(list(loop.FAMILIES.items())[:2])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "FAMILIES", few)
        patch.setattr(loop, "stages_of", lambda _: (CURRICULUM[0], WIDEST))
        for module in (evaluate, releasing):
            patch.setattr(module, "ANSWERABLE", list(few))
        patch.setattr(releasing, "SHOWN", 20)
        patch.setattr(releasing, "load_recipe", lambda model, seed: Recipe(**TINY, seed=seed))
        patch.setattr("glam_eval.pretraining.session.language_scores", lambda *_, **__: [])
        pretrain(Recipe(**TINY), out, (), "cpu", 1, QUIET)
        scores = release_pretrained(out, ladder, Counts(items=10, windows=4))
    return out, ladder, scores


@pytest.fixture
def ladder(released, monkeypatch):
    monkeypatch.setattr(shipped, "LADDER_DIRECTORY", released[1])
    return released[1]


def test_the_shipped_weights_are_the_trained_ones_in_bfloat16(released, ladder):
    masters, _ = load_model(last_checkpoint(released[0]).directory)
    model, _ = load_model("t5-pico", seed=5)
    for name, parameter in masters.named_parameters():
        assert parameter.dtype == model.get_parameter(name).dtype == torch.float32
        assert torch.equal(parameter.bfloat16().float(), model.get_parameter(name))
    assert model.encoder.embed_tokens.weight is model.shared.weight
    facts = shipped.read_facts("t5-pico")
    assert facts["recipe"]["seed"] == 0 and facts["last"]["step"] == 8 and facts["external_texts"] == 0
    for name, checksum in facts["sha256"].items():
        assert sha256((ladder / "t5-pico" / name).read_bytes()).hexdigest() == checksum
    assert (ladder / "t5-pico" / shipped.WEIGHTS_FILE).stat().st_size < 2.1 * model.num_parameters()


def test_random_twins_and_switches_start_from_what_ships(ladder, tmp_path):
    model, _ = load_model("t5-pico")
    twin, other = (load_model("t5-pico-scratch", seed=seed)[0] for seed in (1, 2))
    assert {n: p.shape for n, p in twin.named_parameters()} == {
        n: p.shape for n, p in model.named_parameters()
    }
    assert not torch.equal(twin.lm_head.weight, other.lm_head.weight)
    npe, _ = load_model("t5-pico", weights="random", seed=1)
    assert torch.equal(npe.shared.weight, model.shared.weight)
    assert not torch.equal(npe.lm_head.weight, model.lm_head.weight)
    make_model("t5-pico", tmp_path)
    made, _ = load_model(tmp_path)
    assert torch.equal(made.lm_head.weight, model.lm_head.weight)


def test_the_card_says_what_it_is_and_shows_real_answers(released, ladder, capsys):
    card = shipped.read_card("t5-pico")
    assert "It is not FLAN-T5" in card and "glam-eval models pretrain t5-pico --seed 0 --out" in card
    told_side = released[2][1]
    assert f"in {told_side.accuracy:.1%} of 10 (chance 50%)" in card
    for score in released[2][2:]:
        assert f"| {score.objective} | {score.items} | {score.accuracy:.0%} | {score.chance:.0%} |" in card
    assert "No external text" in card and card.count("expected: ") >= 2
    assert shipped.read_facts("t5-pico")["sha256"][shipped.WEIGHTS_FILE] in card
    assert main(["models", "card", "t5-pico"]) == 0
    assert "It is not FLAN-T5" in capsys.readouterr().out


def test_a_rung_that_does_not_ship_names_the_command_that_makes_it(ladder, capsys):
    with pytest.raises(UserError, match="make them with `glam-eval models pretrain t5-nano`"):
        load_model("t5-nano")
    load_model("t5-nano-scratch")
    assert main(["models", "list"]) == 0
    said = capsys.readouterr().out
    assert said.count("pretrained, ships") == 1 and said.count("does not ship") == len(LADDER) - 1
    assert main(["models", "card", "t5-pic"]) == 2


def test_without_a_ladder_every_rung_is_its_random_twin(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(shipped, "LADDER_DIRECTORY", tmp_path / "none")
    rung, twin = (load_model(name, seed=3)[0] for name in ("t5-pico", "t5-pico-scratch"))
    assert torch.equal(rung.lm_head.weight, twin.lm_head.weight)
    assert main(["models", "card", "t5-pico"]) == 2
    assert "no pretrained weights of t5-pico ship" in capsys.readouterr().err


def test_damaged_weights_are_named(released, monkeypatch, tmp_path):
    source, target = released[1] / "t5-pico", tmp_path / "t5-pico"
    target.mkdir()
    for file in source.iterdir():
        target.joinpath(file.name).write_bytes(file.read_bytes())
    weights = target / shipped.WEIGHTS_FILE
    content = weights.read_bytes()
    weights.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    monkeypatch.setattr(shipped, "LADDER_DIRECTORY", tmp_path)
    with pytest.raises(UserError, match="weights of t5-pico are damaged"):
        load_model("t5-pico")


def test_only_finished_pretrainings_of_shipped_recipes_are_released(released, tmp_path):
    with pytest.raises(UserError, match="by another recipe than the one that ships"):
        release_pretrained(released[0], tmp_path)
    checkpoint = last_checkpoint(released[0])
    checkpoint.state["finished"] = False
    with pytest.raises(UserError, match="has learned 8 steps and isn't finished"):
        releasing.release(checkpoint, [], ladder=tmp_path)


SHIPPED = shipped.shipped_rungs()


@pytest.mark.skipif(not SHIPPED, reason="no rung ships")
def test_what_ships_is_small_and_was_made_by_the_recipes_that_ship():
    files = [file for name in SHIPPED for file in (shipped.LADDER_DIRECTORY / name).iterdir()]
    assert sum(file.stat().st_size for file in files) < 25e6
    for name in SHIPPED:
        facts = shipped.read_facts(name)
        recipe = load_recipe(name, seed=facts["recipe"]["seed"])
        assert Recipe.parse(facts["recipe"], source=name) == recipe
        assert load_model(name)[0].config.d_model == LADDER[name].d_model


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.skipif("t5-pico" not in SHIPPED, reason="t5-pico does not ship")
def test_the_recorded_seed_remakes_t5_pico(tmp_path, monkeypatch):
    facts = shipped.read_facts("t5-pico")
    monkeypatch.setattr(t5, "choose_kernels", lambda _: TorchKernels())  # as the card says
    try:
        texts = external_texts(tmp_path)
    except UserError as error:
        pytest.skip(str(error))  # without a network
    run = loop.Pretraining(load_recipe("t5-pico", seed=facts["recipe"]["seed"]), texts)
    while not run.finished:
        last = run.advance()
    for objective in ("held_out_spans", "held_out_instructions"):
        assert getattr(last, objective) == pytest.approx(facts["last"][objective], rel=0.01)
