"""The paper's levels: what they hold, what they ask for, and what they refuse."""

import hashlib
import subprocess
import sys

import pytest
from minigrid.core.roomgrid import RoomGrid

from glam_eval.core.errors import UserError
from glam_eval.environments import (
    HELD_OUT,
    MIXED_KINDS,
    PAPER_LEVELS,
    VectorEnvironment,
    bot_length,
    describe_level,
    level_names,
)
from glam_eval.environments.audit import missions_of
from glam_eval.environments.catalogue import check_level, make_scenes
from glam_eval.environments.goals import instruction_of, references_in, task_of
from glam_eval.environments.scenes import MAX_DRAWS, Scene
from glam_eval.language import template_names

THINGS = ("key", "ball", "box")


def objects(env):
    return [thing for thing in env.grid.grid if thing is not None and thing.type in THINGS]


def scenes(level, count, **options):
    env = make_scenes(level, **options)
    for scene_seed in range(count):
        env.reset(seed=scene_seed)
        yield env


def pairs(instruction):
    return [f"{r.color} {r.noun}" for r in references_in(instruction) if r.color and r.noun]


@pytest.mark.parametrize(
    ("level", "count", "max_steps"),
    [
        ("GoToLocal", 8, 64),
        ("GoToLocalN4", 4, 64),
        ("GoToLocalN16", 16, 64),
        ("GoToLocalS5N2", 2, 25),
        ("GoToLocalS6N5", 5, 36),
        ("PickupLocal", 8, 64),
        ("PickupLocalS5N2", 2, 25),
        ("PutNextLocal", 8, 128),
        ("PutNextLocalS6N3", 3, 72),
        ("UnlockLocal", 1, 576),
        ("PickUpSeqPickUpLocal", 10, 128),
        ("PickUpSeqPickUpLocalS5N2", 2, 50),
        ("PickUpSeqGoToLocal", 10, 128),
        ("PickUpThenGoToLocal", 10, 128),
        ("GoToAfterPickUpLocal", 10, 128),
    ],
)
def test_numbers_of_objects_and_steps(level, count, max_steps):
    for env in scenes(level, 3):
        assert len(objects(env)) == count
        assert env.max_steps == max_steps


@pytest.mark.parametrize("level", ["MixedTrainLocal", "MixedTestLocal"])
def test_mixed_levels_hold_what_the_paper_says(level):
    counts = {"goto": 9, "pickup": 9, "putnext": 10, "pickup_then_goto": 10, "open": 9}
    steps = {"goto": 64, "pickup": 64, "putnext": 128, "pickup_then_goto": 128, "open": 128}
    met = set()
    for env in scenes(level, 40):
        met.add(env.task)
        assert len(objects(env)) == counts[env.task]
        assert env.max_steps == steps[env.task]
        assert (env.grid.width, env.grid.height) == ((15, 8) if env.task == "open" else (8, 8))
        if env.task == "open":
            room = env.room_from_pos(*env.agent_pos)
            doors = [thing for thing in env.grid.grid if thing is not None and thing.type == "door"]
            assert [door.is_locked for door in doors] == [True]
            assert all(room.pos_inside(*thing.cur_pos) for thing in objects(env))
            assert ("key", doors[0].color) in [(thing.type, thing.color) for thing in objects(env)]
    assert met == set(MIXED_KINDS)


def test_the_splits_divide_the_missions():
    for scene_seed, mission, instruction in missions_of("MixedTrainLocal", range(200)):
        assert not set(pairs(instruction)) & set(HELD_OUT), (scene_seed, mission)
    for scene_seed, mission, instruction in missions_of("MixedTestLocal", range(60)):
        assert pairs(instruction), (scene_seed, mission)
        assert set(pairs(instruction)) <= set(HELD_OUT), (scene_seed, mission)


def test_half_of_the_doors_are_named_in_training_and_all_in_the_test():
    named = [bool(pairs(i)) for _, _, i in missions_of("MixedTrainLocal", range(300), kinds=("open",))]
    assert 120 < sum(named) < 180
    colors = {pairs(i)[0] for _, _, i in missions_of("MixedTestLocal", range(30), kinds=("open",))}
    assert colors == {"red door", "grey door"}


def test_kinds_are_drawn_evenly():
    kinds = [task_of(instruction) for _, _, instruction in missions_of("MixedTrainLocal", range(500))]
    assert all(70 < kinds.count(kind) < 130 for kind in MIXED_KINDS)


@pytest.mark.parametrize(
    ("level", "starts", "task"),
    [
        ("PickUpThenGoToLocal", ("pick up",), "pickup_then_goto"),
        ("GoToAfterPickUpLocal", ("go to",), "pickup_then_goto"),
        ("PickUpSeqGoToLocal", ("pick up", "go to"), "pickup_then_goto"),
        ("PickUpSeqPickUpLocal", ("pick up",), "pickup_then_pickup"),
    ],
)
def test_sequences_are_told_in_their_orders(level, starts, task):
    missions = list(missions_of(level, range(30)))
    assert {next(s for s in ("pick up", "go to") if m.startswith(s)) for _, m, _ in missions} == set(starts)
    assert {task_of(instruction) for _, _, instruction in missions} == {task}


@pytest.mark.parametrize(
    ("kind", "count"),
    [
        ("pickup_and_pickup", 2),
        ("pickup_and_pickup_then_pickup", 3),
        ("goto_then_goto_and_pickup", 3),
        ("pickup_and_pickup_then_pickup_and_pickup", 4),
    ],
)
def test_goals_grow_to_four_instructions(kind, count):
    """Each names as many different things, is told as BabyAI words it, and the bot reaches it."""
    options = {"kinds": (kind,), "room_size": 6, "num_dists": 5}
    for scene_seed, mission, instruction in missions_of("MixedTrainLocal", range(12), **options):
        assert task_of(instruction) == kind
        assert mission.count("pick up") + mission.count("go to") == count
        assert count == 2 or len(set(pairs(instruction))) == count
        assert bot_length("MixedTrainLocal", scene_seed, **options) >= count


@pytest.mark.parametrize(
    ("kind", "things"), [("goto", 1), ("pickup", 1), ("putnext", 2), ("pickup_then_goto", 2), ("open", 1)]
)
def test_a_bare_level_holds_what_its_goal_names_and_a_locked_doors_key(kind, things):
    scenes = make_scenes("MixedTrainLocal", kinds=(kind,), bare=True)
    for scene_seed in range(10):
        scenes.reset(seed=scene_seed)
        found = [
            cell for cell in scenes.grid.grid if cell is not None and cell.type in ("key", "ball", "box")
        ]
        named = {pair for pair in pairs(instruction_of(scenes.instrs)) if "door" not in pair}
        assert len(found) == things
        assert kind == "open" or named == {f"{thing.color} {thing.type}" for thing in found}
        assert bot_length("MixedTrainLocal", scene_seed, kinds=(kind,), bare=True) > 0


def test_a_study_can_define_its_own_split():
    options = {"held_out": ("blue ball", "blue key"), "split": "test", "kinds": ("goto",), "room_size": 6}
    for _, _, instruction in missions_of("MixedTrainLocal", range(20), **options):
        assert pairs(instruction)[0] in ("blue ball", "blue key")


@pytest.mark.parametrize(
    ("level", "options", "message"),
    [
        ("GoToLocl", {}, "unknown level 'GoToLocl': did you mean 'GoToLocal'"),
        ("MixedTrainLocal", {"kinds": ("gotto",)}, "unknown kind of task 'gotto': did you mean 'goto'"),
        ("MixedTrainLocal", {"split": "trian"}, "unknown split 'trian': did you mean 'train'"),
        ("MixedTrainLocal", {"orders": ("befor",)}, "unknown order of a sequence 'befor'"),
        ("MixedTrainLocal", {"num_dists": 1}, "at least 2 objects"),
        ("MixedTrainLocal", {"kinds": ("goto_and_goto_then_pickup",), "num_dists": 2}, "needs 3 objects"),
        ("MixedTrainLocal", {"bare": True, "num_dists": 2}, "leave num_dists out"),
        ("MixedTrainLocal", {"kinds": ("goto_then_goto_then_goto",)}, "unknown kind of task"),
        ("MixedTrainLocal", {"kinds": ("goto_and_open",)}, "unknown kind of task"),
        ("MixedTrainLocal", {"kinds": ()}, "at least one kind"),
        ("MixedTestLocal", {"held_out": ("red key",)}, "no colour is left for the door"),
        ("MixedTrainLocal", {"romsize": 6}, "unknown option of level MixedTrainLocal 'romsize'"),
        ("GoToLocal", {"room_size": 2}, "cannot be made with room_size=2"),
        ("UnlockLocalN3", {}, "no number of objects to choose"),
    ],
)
def test_wrong_options_are_named_in_one_line(level, options, message):
    with pytest.raises(UserError, match=message) as caught:
        make_scenes(level, **options)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("level", "options", "message"),
    [
        ("GoToLocal", {"max_steps": 0}, "max_steps is 0: an episode needs at least 1 step"),
        ("UnlockLocal", {"max_steps": -1}, "max_steps is -1"),
        ("MixedTrainLocal", {"max_steps": -1}, "max_steps is -1"),
        ("BossLevel", {"max_steps": 0}, "max_steps is 0"),
        ("GoToLocal", {"num_dists": 0}, "no goal can be drawn among so few objects"),
        ("GoToLocal", {"num_dists": -3}, "no goal can be drawn among so few objects"),
        ("PutNextLocal", {"num_objs": 1}, "no goal can be drawn among so few objects"),
        ("GoToLocal", {"room_size": 3}, "8 objects have no room in 1 cells: at most 0 have"),
        ("GoToLocal", {"num_dists": 100}, "100 objects have no room in 36 cells: at most 24 have"),
        ("PickupLocal", {"room_size": 6, "num_dists": 14}, "14 objects have no room in 16 cells"),
        ("MixedTrainLocal", {"room_size": 4, "num_dists": 20}, "20 objects have no room in 4 cells"),
    ],
)
def test_what_is_impossible_is_refused_soon_in_one_line(level, options, message, monkeypatch):
    layouts = []
    generate = RoomGrid._gen_grid
    monkeypatch.setattr(RoomGrid, "_gen_grid", lambda *arguments: layouts.append(generate(*arguments)))
    with pytest.raises(UserError, match=message) as caught:
        make_scenes(level, **options).reset(seed=0)
    assert "\n" not in str(caught.value)
    assert len(layouts) <= 1


@pytest.mark.parametrize(
    ("level", "options"),
    [
        pytest.param("GoToLocal", {"num_dists": 24}, marks=pytest.mark.slow),
        # one layout in 10,000 is valid: a run would meet a scene without
        pytest.param("GoToLocal", {"num_dists": 18}, marks=pytest.mark.thorough),
        pytest.param("GoToLocal", {"room_size": 50, "num_dists": 999}, marks=pytest.mark.slow),
        # every cell of nine rooms: the agent has none
        pytest.param("GoTo", {"num_dists": 324}, marks=pytest.mark.slow),
        pytest.param(
            "MixedTestLocal",
            {"room_size": 50, "held_out": [], "kinds": ["goto"]},
            marks=pytest.mark.thorough,
        ),
    ],
)
def test_a_level_nearly_too_full_is_refused_by_its_first_scenes(level, options, monkeypatch):
    draws = []
    drawn = Scene._draw
    monkeypatch.setattr(Scene, "_draw", lambda self, number: draws.append(number) or drawn(self, number))
    with pytest.raises(UserError, match=f"level {level} (allows no scene, or too few)|has no room"):
        check_level(level, options)
    assert sum(draws) <= MAX_DRAWS + max(draws, default=0)


@pytest.mark.parametrize("level", ["GoToLocalN16", "PickUpSeqPickUpLocalS5N2", "BossLevel", "MixedTestLocal"])
def test_crowded_and_large_levels_are_taken(level):
    check_level(level, {})


def test_a_level_that_allows_no_scene_says_so():
    env = make_scenes("MixedTestLocal", held_out=(), kinds=("goto",))
    env.patience = 500
    with pytest.raises(UserError, match="allows no scene"):
        env.reset(seed=0)


def test_rejected_layouts_are_not_told_to_the_user(capfd):
    for level in ("MixedTestLocal", "PutNextLocal", "BossLevel", "GoToRedBlueBall"):
        list(scenes(level, 15))
    assert capfd.readouterr() == ("", "")


def fingerprint(level, count=5):
    digest = hashlib.sha256()
    for env in scenes(level, count):
        digest.update(env.grid.encode().tobytes() + f"{env.agent_pos}{env.agent_dir}{env.mission}".encode())
    return digest.hexdigest()


def test_the_same_seed_is_the_same_scene_in_another_process():
    levels = ["MixedTrainLocal", "MixedTestLocal", "BossLevel"]
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); from test_levels import fingerprint;"
        f"print(*map(fingerprint, {levels}))"
    )
    arguments = [sys.executable, "-c", program, __file__.rpartition("/")[0]]
    printed = subprocess.run(arguments, check=True, capture_output=True, text=True).stdout
    assert printed.split() == [fingerprint(level) for level in levels]


def test_scenes_do_not_depend_on_how_they_are_told():
    def grids(**told):
        world = VectorEnvironment("MixedTrainLocal", 1, **told)
        for scene_seed in range(4):
            world.start(0, scene_seed)
            world.step([2])
            yield world.snapshot(0), world.situations()[0].observation.image.tobytes()

    expected = list(grids())
    for language in ("fr", "de", "ro", "es", "it", "cipher", "mixed"):
        assert list(grids(language=language)) == expected
    for shift in ("invented_nouns", "synonym_actions", "goal_intro_agent"):
        assert list(grids(shift=shift)) == expected
    for template in template_names():
        assert list(grids(template=template, remembered=1)) == expected


def test_every_named_level_is_described():
    names = level_names()
    assert len(names) == len(set(names)) > 100
    assert set(PAPER_LEVELS) <= set(names)
    assert "BossLevel" in names
    described = describe_level("MixedTrainLocal")
    assert described.max_steps == (64, 128)
    assert described.rooms == (1, 2)
    assert set(described.kinds) <= set(MIXED_KINDS)
    for name in names[::7]:
        assert describe_level(name, scenes=1).text
