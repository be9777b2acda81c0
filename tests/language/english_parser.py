"""English back to the records it was made from: an independent account of what each sentence means."""

import re

from glam_eval.core.world import (
    Both,
    GoTo,
    Instruction,
    Open,
    PickUp,
    PutNext,
    Reference,
    Sighting,
    Then,
    Thing,
)

COLOR = "red|green|blue|purple|yellow|grey"
LOCATIONS = {
    "on your left": "left",
    "on your right": "right",
    "in front of you": "front",
    "behind you": "behind",
}
REFERENCE = re.compile(
    rf"(?P<article>a|an|the) (?:(?P<color>{COLOR}) )?(?P<noun>object|key|ball|box|door)"
    rf"(?: (?P<location>{'|'.join(LOCATIONS)}))?"
)
THING = re.compile(
    rf"an? (?:(?P<state>open|closed|locked) )?(?P<color>{COLOR}) (?P<noun>key|ball|box|door|goal|lava)"
)
PLACE = re.compile(
    r"(?:(?P<aside>\d) steps? (?P<side>left|right))?(?: and )?(?:(?P<ahead>\d) steps? forward)?"
)


def parse_goal(text: str) -> Instruction:
    """Return the instruction that an English goal states."""
    if ", then " in text:
        first, second = text.split(", then ")
        return Then(parse_goal(first), parse_goal(second))
    if " after you " in text:
        second, first = text.split(" after you ")
        return Then(parse_goal(first), parse_goal(second), after=True)
    if " and " in text:
        first, second = text.split(" and ")
        return Both(parse_goal(first), parse_goal(second))
    for verb, make in (("go to ", GoTo), ("pick up ", PickUp), ("open ", Open)):
        if text.startswith(verb):
            return make(parse_reference(text.removeprefix(verb)))
    target, beside = text.removeprefix("put ").split(" next to ")
    return PutNext(parse_reference(target), parse_reference(beside))


def parse_reference(text: str) -> Reference:
    """Return what a noun phrase of a goal refers to."""
    match = REFERENCE.fullmatch(text)
    assert match, text
    noun = None if match["noun"] == "object" else match["noun"]
    location = LOCATIONS[match["location"]] if match["location"] else None
    return Reference(noun, match["color"], match["article"] == "the", location)


def parse_observation(text: str) -> Sighting | Thing:
    """Return the thing carried, or the thing or wall seen, that an English sentence tells of."""
    if text.startswith("You carry "):
        return parse_thing(text.removeprefix("You carry "))
    what, steps = re.fullmatch(r"You see (.+?) (\d.*)", text).groups()
    place = PLACE.fullmatch(steps)
    assert place, text
    aside, ahead = int(place["aside"] or 0), int(place["ahead"] or 0)
    thing = None if what == "a wall" else parse_thing(what)
    return Sighting(thing, -aside if place["side"] == "left" else aside, ahead)


def parse_thing(text: str) -> Thing:
    """Return the thing that an indefinite noun phrase describes."""
    match = THING.fullmatch(text)
    assert match, text
    return Thing(match["noun"], match["color"], match["state"])
