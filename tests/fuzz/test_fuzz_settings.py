"""Suites and settings of any kind: each is taken as it is written, or refused in one line."""

import copy
import json

import pytest
from hostile import TEXTS, any_value, damaged, some, trials

from glam_eval.config.loading import load_suite, make_suite, shipped_suites, suite_text
from glam_eval.core.errors import UserError
from glam_eval.core.text import one_line
from glam_eval.suites.validation import validate

pytestmark = pytest.mark.fuzz

BASE = {
    "name": "fuzz",
    "title": "A",
    "question": "?",
    "seeds": 2,
    "first_seed": 0,
    "frames": 240,
    "evaluations": 3,
    "threads": 1,
    "silence_seconds": 60,
    "environment": {
        "level": "GoToLocalS5N2",
        "remembered": 1,
        "language": "en",
        "shift": "none",
        "options": {},
    },
    "policy": {"head_hidden": 8},
    "q_learning": {},
    "cloning": {},
    "ppo": {"preset": "small", "environments": 8, "steps": 10, "minibatch": 40, "learning_rate": 1e-3},
    "agents": [
        {"agent": "gflan", "model": "t5-pico"},
        {"agent": "random"},
        {"agent": "bc-bot", "model": "t5-pico", "frames": 1280},
    ],
    "protocols": [
        {"name": "generalization", "scenes": 2, "conditions": ["none", "none@fr"]},
        {"name": "probes"},
    ],
}
KEYS = [
    "name",
    "title",
    "question",
    "seeds",
    "first_seed",
    "frames",
    "evaluations",
    "threads",
    "environment",
    "environment.level",
    "ppo",
    "ppo.clip",
    "environment.options.room_size",
    "environment.options.num_dists",
    "environment.language",
    "policy.lora",
    "policy.lora.rank",
    "ppo.preset",
    "ppo.steps",
    "ppo.adam_betas",
    "q_learning.batch",
    "cloning.source",
    "cloning.transitions",
    "agents",
    "agents.0",
    "agents.gflan",
    "agents.gflan.model",
    "agents.0.frames",
    "agents.1.agent",
    "agents.0.protocols",
    "agents.0.ppo",
    "protocols",
    "protocols.probes.every",
    "protocols.0.scenes",
    "protocols.generalization.conditions",
    "protocols.0.conditions.0",
    "extends",
    "unknown",
    "a.b",
]


def refused(error):
    """A refusal is one line that can be shown, and not endless."""
    line = one_line(str(error))
    line.encode()
    assert line and len(line) < 3000, line[:500]


def mutated(values, draws):
    """Return settings with a few values somewhere replaced, removed or added."""
    changed = copy.deepcopy(values)
    for _ in range(1 + draws.randrange(3)):
        place = changed
        for _ in range(draws.randrange(4)):
            inner = [
                each
                for each in (place.values() if isinstance(place, dict) else place)
                if isinstance(each, dict | list)
            ]
            if not inner:
                break
            place = draws.choice(inner)
        if isinstance(place, list):
            place.insert(0, any_value(draws)) if draws.randrange(2) or not place else place.pop()
        elif draws.randrange(4) or not place:
            place[draws.choice([*place] * 8 + TEXTS[:40])] = any_value(draws)
        else:
            del place[draws.choice(list(place))]
    return changed


def kept(given, taken, path=""):
    """Yield what was given and is not there as it was: other values, or other kinds of values."""
    if path.endswith("conditions"):  # names of conditions and of sets stand for conditions
        return
    if isinstance(given, dict) and isinstance(taken, dict):
        for key, value in given.items():
            yield from kept(value, taken.get(key), f"{path}.{key}")
    elif isinstance(given, list) and isinstance(taken, list) and len(given) == len(taken):
        for number, pair in enumerate(zip(given, taken, strict=True)):
            yield from kept(*pair, f"{path}.{number}")
    elif isinstance(given, bool) != isinstance(taken, bool) or given != taken:
        yield f"{path}: {given!r} became {taken!r}"


def test_what_is_mutated_is_a_suite():
    validate(make_suite(BASE))


def test_suites(trying):
    taken = []

    def one(draws):
        values = {"name": "fuzz", **mutated(BASE, draws)}
        try:
            suite = make_suite(values)
            if draws.randrange(8) == 0:
                validate(suite)
        except UserError as error:
            refused(error)
            return
        text = suite.canonical_json()
        assert not list(kept(values, json.loads(text)))  # no value is changed in silence
        assert make_suite(json.loads(text)).canonical_json() == text
        taken.append(suite)

    trying("suites", trials(1), one, 0.2, least=200)
    assert taken


def test_settings_of_the_command_line(trying):
    def given(draws):
        return any_value(draws), draws.choice(TEXTS)

    def one(draws):
        overrides = [
            draws.choice(KEYS) + draws.choice(["=", "=", "=", "", "=="]) + str(draws.choice(given(draws)))
            for _ in range(1 + draws.randrange(2))
        ]
        try:
            load_suite("quick", overrides)
        except UserError as error:
            refused(error)

    trying("settings", trials(2), one, 0.1, least=200)


def test_files_of_suites(trying, tmp_path):
    contents = [suite_text(name).encode() for name in shipped_suites()]
    path = tmp_path / "mine.toml"

    def one(draws):
        content = draws.choice(contents)
        encoding = draws.choice([None, None, None, "utf-16", "utf-16-le", "latin-1", "utf-8-sig", "utf-32"])
        path.write_bytes(
            content.decode().encode(encoding, "replace") if encoding else damaged(content, draws)
        )
        try:
            load_suite(str(path), some(draws, ["seeds=1", "frames=0"], 1))
        except UserError as error:
            refused(error)

    trying("damaged TOML files", trials(3), one, 0.05, least=50)
