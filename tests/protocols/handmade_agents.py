"""Agents made by hand: one reads its goal, one takes the nearest thing; both plan in their view alone."""

import re
from collections import deque

from minigrid.core.constants import COLOR_TO_IDX, OBJECT_TO_IDX

from glam_eval.policies.baselines import ChoosingPolicy

LEFT, RIGHT, FORWARD, PICK_UP = range(4)
EMPTY = 1
AHEAD = [(0, -1), (1, 0), (0, 1), (-1, 0)]  # far, right, near, left: columns and rows of the view
AGENT = (3, 6)


def way(image, wanted):
    """The first action on a shortest way to face a wanted cell of the view; None if none is seen."""
    queue, known = deque([(AGENT, 0, None)]), {(AGENT, 0)}
    while queue:
        (x, y), direction, first = queue.popleft()
        ahead = x + AHEAD[direction][0], y + AHEAD[direction][1]
        if ahead in wanted:
            return PICK_UP if first is None else first
        following = [((x, y), (direction - 1) % 4, LEFT), ((x, y), (direction + 1) % 4, RIGHT)]
        if 0 <= ahead[0] < 7 and 0 <= ahead[1] < 7 and image[ahead][0] == EMPTY:
            following.insert(0, (ahead, direction, FORWARD))
        for cell, turned, action in following:
            if (cell, turned) not in known:
                known.add((cell, turned))
                queue.append((cell, turned, action if first is None else first))
    return None


def seen(image, nouns, colors):
    return {
        (x, y)
        for x in range(7)
        for y in range(7)
        if (x, y) != AGENT and image[x, y, 0] in nouns and image[x, y, 1] in colors
    }


class Ignorer(ChoosingPolicy):
    """Picks up the nearest thing in view, whatever it is told."""

    def nouns_and_colors(self, mission):
        return [OBJECT_TO_IDX[noun] for noun in ("key", "ball", "box")], list(COLOR_TO_IDX.values())

    def prepare(self, situation):
        wanted = seen(situation.observation.image, *self.nouns_and_colors(situation.observation.mission))
        action = way(situation.observation.image, wanted)
        return (RIGHT if action is None else action,), len(situation.actions)


class Reader(Ignorer):
    """Picks up what its English goal names; without one it looks around."""

    def nouns_and_colors(self, mission):
        named = re.fullmatch(r"pick up (?:the|a) (\w+) (\w+)", mission)
        return ([OBJECT_TO_IDX[named[2]]], [COLOR_TO_IDX[named[1]]]) if named else ([], [])


class Matcher(Ignorer):
    """Picks up what shares words with its goal, as things are called in training or by its synonyms."""

    def __init__(self, synonyms=None):
        self._synonyms = synonyms or {}

    def nouns_and_colors(self, mission):
        words = [self._synonyms.get(word, word) for word in mission.split()]
        nouns, colors = super().nouns_and_colors(mission)
        named = [OBJECT_TO_IDX[word] for word in words if word in ("key", "ball", "box")]
        of_color = [COLOR_TO_IDX[word] for word in words if word in COLOR_TO_IDX]
        return named or nouns, of_color or colors


class LayoutReader(Reader):
    """Reads its goal where the paper's prompt has it; in any other it takes the nearest thing."""

    def prepare(self, situation):
        named = re.match(r"Possible action of the agent: .* \n Goal of the agent: ", situation.prompt)
        return (super().prepare if named else Ignorer().prepare)(situation)
