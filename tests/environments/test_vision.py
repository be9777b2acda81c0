"""Occlusion, symbolic images and sightings against MiniGrid and against cases worked out by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from minigrid.core.grid import Grid
from minigrid.core.world_object import Ball, Box, Door, Key, Wall

from glam_eval.core.world import Sighting, Thing
from glam_eval.environments import vision

AGENT = (3, 6)
MAKERS = [
    lambda: None,
    Wall,
    lambda: Key("red"),
    lambda: Ball("green"),
    lambda: Box("grey"),
    lambda: Door("blue", is_open=True),
    lambda: Door("purple"),
    lambda: Door("yellow", is_locked=True),
]


def minigrid_view(cells):
    """A 7x7 MiniGrid grid of the objects that indices stand for, columns first, nothing under the agent."""
    grid = Grid(7, 7)
    for index, kind in enumerate(cells):
        grid.set(*divmod(index, 7), MAKERS[kind]())
    grid.set(*AGENT, None)
    return grid


def codes(grid):
    return bytes(
        vision.WALL
        if thing is not None and thing.type == "wall"
        else vision.EMPTY
        if thing is None
        else vision.thing_code(thing.type, thing.color, thing.encode()[2])
        for thing in (grid.get(i, j) for i in range(7) for j in range(7))
    )


@given(st.lists(st.integers(0, len(MAKERS) - 1), min_size=49, max_size=49))
@settings(max_examples=150, deadline=None)
def test_occlusion_and_image_are_minigrids(cells):
    grid = minigrid_view(cells)
    view = codes(grid)
    image = grid.encode(grid.process_vis(AGENT))
    shown = vision.occlude(view)
    assert np.array_equal(vision.image_of(shown), image)
    assert vision.codes_of(image) == shown


def view_with(**things):
    """An open field with things at cells named ``c{column}r{row}``."""
    cells = bytearray([vision.EMPTY]) * 49
    for cell, code in things.items():
        cells[int(cell[1]) * 7 + int(cell[3])] = code
    return vision.view_of(vision.occlude(bytes(cells)))


KEY = vision.thing_code("key", "red")
OPEN_DOOR = vision.thing_code("door", "blue", 0)


def test_walls_come_first_then_columns_left_to_right_and_rows_far_to_near():
    view = view_with(c3r1=vision.WALL, c1r6=vision.WALL, c5r6=vision.WALL, c2r5=KEY, c2r3=KEY, c0r4=KEY)
    key = Thing("key", "red")
    assert view.carrying is None
    assert view.sightings == (
        Sighting(None, 0, 5),
        Sighting(None, -2, 0),
        Sighting(None, 2, 0),
        Sighting(key, -3, 2),
        Sighting(key, -1, 3),
        Sighting(key, -1, 1),
    )


@pytest.mark.parametrize("obstacle", [KEY, OPEN_DOOR])
def test_anything_on_the_line_hides_the_wall_behind_it(obstacle):
    view = view_with(c3r2=vision.WALL, c3r4=obstacle)
    assert [(s.right, s.forward) for s in view.sightings] == [(0, 2)]
    assert view.sightings[0].thing == vision.thing(obstacle)


def test_walls_off_the_three_lines_and_floor_are_not_told():
    assert view_with(c2r5=vision.WALL, c0r0=vision.WALL, c3r4=vision.FLOOR).sightings == ()


def test_only_the_nearest_wall_of_a_line_is_told():
    assert view_with(c3r3=vision.WALL, c3r1=vision.WALL).sightings == (Sighting(None, 0, 3),)


def test_the_agents_cell_shows_what_it_carries():
    assert view_with(c3r6=KEY) == vision.View(Thing("key", "red"), ())


def test_doors_have_states_and_other_things_none():
    states = [vision.thing(vision.thing_code("door", "grey", state)).state for state in range(3)]
    assert states == ["open", "closed", "locked"]
    assert vision.thing(KEY) == Thing("key", "red", None)


def test_codes_of_rejects_what_minigrid_cannot_make():
    for channel, value in ((0, 11), (1, 6), (2, 3)):
        image = np.zeros((7, 7, 3), np.uint8)
        image[0, 0] = (5, 0, 0)
        image[0, 0, channel] = value
        with pytest.raises(ValueError, match="outside MiniGrid's"):
            vision.codes_of(image)
