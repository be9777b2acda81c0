"""The text that the embedded tokenizer is trained on: all that any speaker says, in any prompt."""

from collections.abc import Iterator, Sequence
from itertools import cycle, islice, product

from glam_eval.core.world import View
from glam_eval.language.inventory import instructions, sightings
from glam_eval.language.lexicon import ACTION_SETS, LANGUAGES
from glam_eval.language.prompts import MAX_REMEMBERED, render_prompt
from glam_eval.language.shifts import shift_names
from glam_eval.language.speakers import Speaker, speaker

# Templates whose words are whole in the vocabulary: others were added to it later, and are spelled in pieces.
TEMPLATES = ("paper", "prose")
SENTENCES_PER_OBSERVATION = 4  # about what the paper's levels show


def corpus(
    languages: Sequence[str] = (*LANGUAGES, "cipher"), shifts: Sequence[str] | None = None
) -> Iterator[str]:
    """Yield, in a fixed order, texts with every word, form, number and separator of the world.

    For each language and shift (all of them unless told): every kind of sentence and goal, every action
    phrase, and for each template and action set a prompt of the full memory. Mixed languages add nothing.
    """
    for language in languages:
        for shift in shift_names() if shifts is None else shifts:
            voice = speaker(language, shift)
            yield from voice.texts(TEMPLATES)
            yield from _prompts(voice)


def _prompts(voice: Speaker) -> Iterator[str]:
    """Yield one prompt of the full memory for each template and action set."""
    seen = sightings()
    views = (View(None, tuple(islice(seen, SENTENCES_PER_OBSERVATION))) for _ in range(MAX_REMEMBERED))
    observations = [voice.observation(view) for view in views]
    goal = voice.goal(next(instructions()))
    for template, action_set in product(TEMPLATES, ACTION_SETS):
        actions = voice.actions(action_set)
        taken = list(islice(cycle(actions), MAX_REMEMBERED - 1))
        yield render_prompt(voice, template, actions, goal, observations, taken)
