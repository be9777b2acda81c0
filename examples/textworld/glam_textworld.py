"""TextWorld's games (Côté et al., arXiv 1806.11532) as a world: treasures to find, coins to collect.

Install this folder (`pip install examples/textworld`) and name a level in a suite:
`level = "textworld/treasure_hunter-3"`. This file loads no `textworld`, so that listing levels is quick.
"""

from glam_eval.config.worlds import World

_TREASURE = "take the one thing named, and not the other, in a house of {} rooms"
_COIN = "take the coin at the end of a way of {} rooms{}"
_ROOMS = ((10, 5), (20, 10), (30, 20))  # up to a level, as the challenge has them

LEVELS = {
    f"treasure_hunter-{level}": _TREASURE.format(next(rooms for last, rooms in _ROOMS if level <= last))
    for level in range(1, 31)
}
LEVELS |= {f"coin_collector-{level}": _COIN.format(level, "") for level in range(1, 31)}
LEVELS |= {
    f"coin_collector-{100 + level}": _COIN.format(level, " with as many dead ends") for level in range(1, 31)
}

TEXTWORLD = World(
    "textworld",
    "TextWorld's treasure hunts and coin collections",
    LEVELS,
    begin="textworld_games:TextWorldGame",
    has_expert=True,
    has_other_goals=True,
    packages=("textworld",),
)
