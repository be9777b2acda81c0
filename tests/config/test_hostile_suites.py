"""Suites as strangers write them: one line that says what is wrong, at once."""

import pytest

from glam_eval.config.loading import load_suite
from glam_eval.core.errors import UserError

SUITE = """
title = "A study"
question = "?"
[environment]
level = "GoToLocalS5N2"
[[agents]]
agent = "random"
[[protocols]]
name = "generalization"
"""


def refusal(path, *overrides):
    with pytest.raises(UserError) as raised:
        load_suite(str(path), overrides)
    assert "\n" not in str(raised.value)
    return str(raised.value)


@pytest.fixture
def suite(tmp_path):
    def write(text=SUITE, encoding="utf-8", name="mine.toml"):
        path = tmp_path / name
        path.write_bytes(text.encode(encoding))
        return path

    return write


@pytest.mark.parametrize(
    ("encoding", "expected"),
    [
        ("utf-16", "is in UTF-16: save it as UTF-8"),
        ("latin-1", "is in another encoding: save it as UTF-8"),
    ],
)
def test_other_encodings_are_named_with_the_fix(suite, encoding, expected):
    assert expected in refusal(suite(SUITE.replace("A study", "Étude"), encoding))


def test_the_mark_that_windows_puts_before_utf8_changes_nothing(suite):
    marked, plain = suite(encoding="utf-8-sig", name="a.toml"), suite(name="b.toml")
    assert load_suite(str(marked), ["name=same"]) == load_suite(str(plain), ["name=same"])


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("seeds=100000000", "seeds"),
        ("seeds=10001", "seeds"),
        ("first_seed=99999999999", "first_seed"),
        ("first_seed=" + "9" * 5000, "thousands of digits"),
        ("frames=99999999999999999999999", "frames is beyond"),
        ("name=../../up", "it names a directory"),
        ("name=.hidden", "it names a directory"),
        ("name=" + "n" * 200, "at most 100 bytes"),
        ("title=" + "t" * 20_000, "longer than 10,000 characters"),
        ("title='''a\x07'''", r"holds the character \x07"),
        ("title=a\udcff", r"holds the character \udcff"),
        ("environment.level=" + "x" * 5000, "unknown level"),
        ("ppo={preset=[]}", "preset"),
    ],
)
def test_values_beyond_all_bounds_are_named(suite, override, expected):
    if override.startswith(("environment", "ppo")):
        from glam_eval.suites.validation import validate

        with pytest.raises(UserError) as raised:
            validate(load_suite(str(suite(SUITE.replace('"random"', '"symbolic-ppo"'))), [override]))
        assert expected in str(raised.value) and len(str(raised.value)) < 1000
        return
    assert expected in refusal(suite(), override)


def test_agents_times_seeds_is_bounded(suite):
    text = SUITE.replace("[[protocols]]", '[[agents]]\nagent = "bot"\n[[protocols]]')
    assert "more than 10,000 runs" in refusal(suite(text), "seeds=5001")


@pytest.mark.parametrize("extends", ["5", "[5]", "{a = 1}", "true"])
def test_what_extends_must_name_suites(suite, extends):
    assert "name a suite, or a list of suites" in refusal(suite(f"extends = {extends}\n{SUITE}"))


@pytest.mark.parametrize("text", ["first_seed = " + "9" * 5000, "a = " + "[" * 5000, "a = 1\na = 2", "\x00"])
def test_what_is_no_toml_is_named(suite, text):
    assert "not valid TOML" in refusal(suite(text))


def test_an_override_of_several_lines_sets_one_key(suite):
    assert load_suite(str(suite()), ["title=1\nseeds=9"]).seeds == 5
