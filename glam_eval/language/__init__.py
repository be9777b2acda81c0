"""From things seen and tasks set to sentences: a grammar, a lexicon per language, lexical shifts, prompts."""

from glam_eval.language.lexicon import ACTION_SETS, LANGUAGES
from glam_eval.language.prompts import MAX_REMEMBERED, PromptMemory, render_prompt
from glam_eval.language.shifts import Shift, parse_shift, shift_description, shift_names
from glam_eval.language.speakers import CONTROLS, Speaker, speaker
from glam_eval.language.templates import parse_templates, template, template_names
from glam_eval.language.tokenizer_corpus import corpus

__all__ = [
    "ACTION_SETS",
    "CONTROLS",
    "LANGUAGES",
    "MAX_REMEMBERED",
    "PromptMemory",
    "Shift",
    "Speaker",
    "corpus",
    "parse_shift",
    "parse_templates",
    "render_prompt",
    "shift_description",
    "shift_names",
    "speaker",
    "template",
    "template_names",
]
