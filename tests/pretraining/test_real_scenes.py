"""Questions on real scenes: answered by a reader of words alone, at chance by one who doesn't look up."""

import english_reader as english

from glam_eval.pretraining.real_scenes import told_side_items

ITEMS = told_side_items(150)


def side(where):
    return "left" if where[0] < 0 else "right" if where[0] > 0 else "forward"


def test_the_told_thing_is_alone_on_its_side_and_named_once():
    for item in ITEMS:
        (where,) = english.goal_places(item.source)
        sides = [side(place) for thing, place in english.sightings(item.source) if thing]
        assert item.target == side(where) and sides.count(item.target) == 1
        assert len(item.choices) == 2 and set(item.choices) <= set(sides) and item.target in item.choices


def test_whoever_names_the_first_side_seen_is_right_half_of_the_time_or_less():
    def first(item):
        return side(next(place for thing, place in english.sightings(item.source) if thing))

    assert sum(first(item) == item.target for item in ITEMS) < 0.56 * len(ITEMS)
    assert told_side_items(150) == ITEMS
    assert not any("agent" in item.source or "Observation" in item.source for item in ITEMS)
