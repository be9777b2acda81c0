"""Texts of strangers on a terminal: nothing obeyed, nothing lost, nothing that can't be written."""

import io
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import glam_eval
from glam_eval.core.console import Console, Table, styled
from glam_eval.core.progress_bars import progress_bars
from glam_eval.core.text import READABLE, one_line, printable, unwritable

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=60)
MARKUP = [
    "[red]a[/]",
    "[/]",
    "[/red]",
    "[link=file:///x]",
    "a[0]",
    ":smile:",
    "[bold",
    "\\[x]",
    "[[]]",
    "[@click=f]",
]


@given(ANY_TEXT)
def test_printable_text_can_be_written_and_moves_no_cursor(text):
    shown = printable(text)
    shown.encode()
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2028\u2029]", shown)
    if not unwritable(text):
        assert shown == text
    assert "\n" not in one_line(text)


def printed(*things, **options):
    stream = io.StringIO()
    console = Console(file=stream, width=200, force_terminal=options.pop("terminal", False), **options)
    for thing in things:
        console.print(thing)
    return stream.getvalue()


@pytest.mark.parametrize("text", MARKUP)
def test_markup_is_text_wherever_it_stands(text):
    table = Table(text, title=text)
    table.add_row(text)
    bars = progress_bars(Console(file=io.StringIO()))
    bars.add_task(text, status=text)
    for shown in (printed(text), printed(styled((text, "bold"))), printed(bars.get_renderable())):
        assert text in shown
    assert printed(table).count(text) == 3


@pytest.mark.parametrize("text", MARKUP)
def test_markup_is_text_on_a_spinner(text):
    with Console(file=io.StringIO()).status(text) as status:
        assert str(status.renderable.text) == text


def test_no_control_sequence_of_a_text_reaches_a_terminal():
    text = "\x1b]0;owned\x07\x1b[2J\x9b31m"
    assert "\x1b]0" not in printed(text, terminal=True) and "\x9b" not in printed(text, terminal=True)
    assert r"\x1b]0;owned\x07" in printed(text, terminal=True)


@pytest.mark.parametrize(
    ("encoding", "expected"), [("ascii", "3-4 ... \\u03b1"), ("latin-1", "3-4 ... \\u03b1")]
)
def test_poor_encodings_get_look_alikes(encoding, expected):
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors=READABLE)
    stream.write("3–4 … α")
    stream.flush()
    assert stream.buffer.getvalue().decode(encoding) == r"3-4 ... \u03b1"


def test_nothing_in_the_package_goes_round_the_console():
    root = Path(glam_eval.__file__).parent
    round_it = re.compile(
        r"rich\.console import|rich\.markup|from_markup|rich\.table import [^\n]*\bTable\b|markup=True"
        r"|rich import print|rich\.prompt|rich\.progress import [^\n]*\bProgress\b"
    )
    found = [
        f"{file.relative_to(root)}: {line.strip()}"
        for file in sorted(root.rglob("*.py"))
        if file.name not in ("console.py", "progress_bars.py")
        for line in file.read_text(encoding="utf-8").splitlines()
        if round_it.search(line)
    ]
    assert not found
