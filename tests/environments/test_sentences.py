"""Whatever a level asks and shows, every language and shift has well-formed words for it."""

from hypothesis import given, settings
from hypothesis import strategies as st

from glam_eval.core.seeds import stream
from glam_eval.environments import VectorEnvironment, level_names
from glam_eval.environments.catalogue import make_scenes
from glam_eval.environments.episode import Episode
from glam_eval.environments.vision import occlude, view_of
from glam_eval.language import CONTROLS, LANGUAGES, shift_names, speaker
from glam_eval.language.cipher import WORD


def spoken(level, scene_seed, voice, steps=15):
    """The goal and every sentence of a short random walk."""
    episode = Episode(make_scenes(level), scene_seed)
    yield voice.goal(episode.instruction)
    for action in [None, *stream(scene_seed, "walk").integers(6, size=steps).tolist()]:
        if action is not None and not episode.over:
            episode.step(action)
        yield from voice.observation(view_of(occlude(episode.world.view())))


@given(
    level=st.sampled_from(level_names()),
    scene_seed=st.integers(0, 2**32 - 1),
    language=st.sampled_from([*LANGUAGES, *CONTROLS]),
    shift=st.sampled_from(shift_names()),
)
@settings(max_examples=60, deadline=None)
def test_every_word_is_the_languages_own(level, scene_seed, language, shift):
    voice = speaker(language, shift)
    vocabulary = voice.words()
    for sentence in spoken(level, scene_seed, voice):
        assert "  " not in sentence
        assert sentence == sentence.strip() != ""
        assert not set("{}[]<>_") & set(sentence)
        assert set(WORD.findall(sentence)) <= vocabulary


def test_the_prompt_of_a_mixed_language_asks_in_one_and_shows_in_the_other():
    world = VectorEnvironment("GoToLocal", 1, language="mixed-de-it")
    world.start(0, 0)
    seen = world.situations()[0].observation
    assert seen.mission.startswith("gehe zu")
    assert all(sentence.startswith("Vedi") for sentence in seen.sentences)
