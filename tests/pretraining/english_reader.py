"""Reads English items back from their words alone, without the code that wrote them."""

import re

COLORS = {
    **{color: color for color in ("red", "green", "blue", "purple", "yellow", "grey")},
    "vermilion": "red",
    "jade": "green",
    "cyan": "blue",
    "violet": "purple",
    "golden": "yellow",
    "silver": "grey",
}
NOUNS = {
    **{noun: noun for noun in ("key", "ball", "box", "door", "goal", "lava", "object")},
    "chair": "key",
    "table": "ball",
    "car": "box",
}
_THING = rf"(?P<state>open |closed |locked )?(?P<color>{'|'.join(COLORS)}) (?P<noun>{'|'.join(NOUNS)})"
_PLACE = r"(?:(?P<side>\d) steps? (?P<way>left|right))?(?: and )?(?:(?P<ahead>\d) steps? forward)?"
SIGHTING = re.compile(rf"\b(?:You see|There is) an? (?:wall|{_THING}) {_PLACE}")
CARRIED = re.compile(rf"You carry an? {_THING}")
_NAME = rf"(?:the|an?) (?:(?P<color>{'|'.join(COLORS)}) )?(?P<noun>\w+)"
GOAL = re.compile(rf"(?:go to|pick up|open) {_NAME}")
BARE = re.compile(rf"(?:^|[.\n] ){_NAME}(?=\.| \n|$)")  # the name of the goal's thing alone


def place(match):
    """(right, forward) of a place in words."""
    side = int(match["side"] or 0)
    return (-side if match["way"] == "left" else side), int(match["ahead"] or 0)


def read_place(text):
    return place(re.fullmatch(_PLACE, text))


def read_thing(text):
    """(colour, noun, state) of a thing in words, in plain words."""
    match = re.fullmatch(rf"(?:the|an?) {_THING}", text)
    return COLORS[match["color"]], NOUNS[match["noun"]], (match["state"] or "").strip()


def sightings(text):
    """[((colour, noun, state) or None for a wall, (right, forward))] of the newest observation."""
    newest = re.split(r"(?:^|\n )\d: ", text)[-1]
    return [
        (
            (COLORS[match["color"]], NOUNS[match["noun"]], (match["state"] or "").strip())
            if match["noun"]
            else None,
            place(match),
        )
        for match in SIGHTING.finditer(newest)
    ]


def goal(text):
    """(colour or None, noun or None) of a goal about one thing; None where the text has no such goal."""
    match = GOAL.search(text) or BARE.search(text)
    if match is None or match["noun"] not in NOUNS:
        return None
    noun = NOUNS[match["noun"]]
    return COLORS.get(match["color"]), None if noun == "object" else noun


def goal_places(text):
    """The places of the newest observation at which a thing is that the goal names."""
    color, noun = goal(text)
    return [
        where
        for thing, where in sightings(text)
        if thing and color in (None, thing[0]) and noun in (None, thing[1])
    ]
