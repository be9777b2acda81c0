"""Looking up measured where agents look: scenes of the world with things on different sides.

Accuracy over a family's items can be high for one that never looks up: with one thing in view, or several on
one side, any of them will do. Here every item has two things or more in view and the told one alone on its
side, so that one who always names the side of something in view is right half of the time or less.
"""

from glam_eval.core.seeds import stream_seed
from glam_eval.core.world import GoTo, Reference, Thing, View
from glam_eval.environments.catalogue import make_scenes
from glam_eval.environments.episode import Episode
from glam_eval.environments.vision import occlude, view_of
from glam_eval.language import speaker
from glam_eval.pretraining.examples import Example
from glam_eval.pretraining.families.compose import Item, compose
from glam_eval.pretraining.families.phrases import phrases
from glam_eval.pretraining.families.random_scenes import Setting, Stage, StageRandom, side_of

TOLD_SIDE = "told_side"  # the objective's name in the table ``language``
LEVELS = ("PickupLocalS5N2", "PickupLocalS6N4", "PickupLocal")
_STAGE = Stage(bare_names=0.0, offers=False)


def told_side_items(count: int) -> list[Example]:
    """Return questions on the side of a told thing, in English, the told one and one other to choose from.

    The same items for the same count: scenes at their start, in turn of each of ``LEVELS``.
    """
    voice = speaker("en")
    setting = Setting("en", voice, voice)
    words = phrases("en").words
    generator = StageRandom(stream_seed(0, "pretraining", "real scenes"))
    generator.stage = _STAGE
    items: list[Example] = []
    scenes = {level: make_scenes(level) for level in LEVELS}
    seed = 0
    while len(items) < count:
        episode = Episode(scenes[LEVELS[seed % len(LEVELS)]], seed)
        view = view_of(occlude(episode.world.view()))
        seed += 1
        told = _told(generator, view)
        if told is None:
            continue
        thing, side, other = told
        task = GoTo(Reference(thing.noun, thing.color, definite=True))
        choices = tuple(sorted((words[side], words[other])))
        item = Item("goal_side", setting, [words[side]], task, [view], choices)
        items.append(compose(generator, item))
    return items


def _told(generator: StageRandom, view: View) -> tuple[Thing, str, str] | None:
    """Return a thing alone of its name and alone on its side, that side, and a side of another thing."""
    seen = [(s.thing, side_of((s.right, s.forward))) for s in view.sightings if s.thing is not None]
    names = [(thing.noun, thing.color) for thing, _ in seen]
    sides = [side for _, side in seen]
    fit = [
        (thing, side)
        for (thing, side), name in zip(seen, names, strict=True)
        if names.count(name) == 1 and sides.count(side) == 1
    ]
    if len(seen) < 2 or not fit:
        return None
    thing, side = generator.choice(fit)
    return thing, side, generator.choice([other for other in sides if other != side])
