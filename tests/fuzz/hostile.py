"""Texts and bytes that strangers send, drawn from a seed: a trial is the same on every machine."""

import itertools
import os
import random
from collections.abc import Iterator, Sequence

SEED = "GLAM_EVAL_FUZZ_SEED"  # an environment variable: another one makes other trials
_PIECES = [
    "[red]",
    "[/]",
    "[/red]",
    "[link=file:///etc/passwd]x[/link]",
    "[@click=app.bell]x",
    "[bold",
    "a[0]",
    "\\[",
    ":bomb:",
    "$",
    "$x^2$",
    "$\\frac{$",
    "\\",
    "\\n",
    "a$b$c_",
    "%s",
    "%n",
    "{}",
    "{0}",
    "{title}",
    "{{7*7}}",
    "{% raw %}",
    "\x00",
    "\x07",
    "\x08",
    "\x1b[2J",
    "\x1b]0;owned\x07",
    "\x7f",
    "\x85",
    "\x9b31m",
    "\r",
    "\n",
    "\t",
    "\v",
    "\f",
    "\udcff",
    "\ud800",
    "\udfff",
    "\ufeff",
    "\u2028",
    "\u2029",
    "\u202eabc",
    "\u2066",
    "\u200b",
    "\u0301",
    "e\u0301",
    "<script>alert(1)</script>",
    "</script>",
    "<img src=x onerror=1>",
    "&lt;",
    "]]>",
    "<!--",
    '"',
    "'",
    "`id`",
    "$(id)",
    "../../up",
    "/",
    "//",
    ".",
    "..",
    "~",
    "~root",
    "/dev/null",
    "/dev/zero",
    "/proc/self/mem",
    "-",
    "--",
    "-h",
    "--help",
    "=",
    "a=b",
    "a.b.c",
    "a..b",
    "[[a]]",
    "#",
    "@paper",
    "@",
    "+",
    "none@",
    "@fr",
    "none@xx",
    "none+none",
    "*",
    "?",
    "[a-z]",
    "0",
    "-1",
    "1e309",
    "nan",
    "inf",
    "-inf",
    "1_000",
    "0x10",
    "٣",
    "²",
    "9" * 25,
    "9" * 5000,
    "1e13",
    "true",
    "None",
    "null",
    "NaN",
    "日本語",
    "Ωμέγα",
    "עברית",
    "🧪",
    "👩‍🔬",
    "\U0010ffff",
    "ﬁ",
    "İ",
    "ß",
    "a" * 300,
    "あ" * 100,
    "x" * 20000,
    " ",
    "  a  ",
    "",
    "CON",
    "a.toml",
    "x.py",
    "con/../a",
    "a;b",
    "a|b",
    "a&b",
    "a\\b",
    "C:\\x",
    "file:///x",
    "http://x",
]


def hostile_texts(count: int = 200) -> list[str]:
    """Return distinct texts: the pieces, then pairs of them between ordinary letters."""
    draws = random.Random(0)
    texts = dict.fromkeys(_PIECES)
    while len(texts) < count:
        texts[f"a{draws.choice(_PIECES)}b{draws.choice(_PIECES)}"] = None
    return list(texts)[:count]


TEXTS = hostile_texts()
NUMBERS = (
    0,
    -1,
    1,
    2,
    7,
    10**6,
    10**9,
    10**13,
    2**31,
    2**63,
    10**400,
    -(10**20),
    0.0,
    -0.5,
    0.5,
    1e-300,
    1e308,
)
OTHERS = (True, False, float("nan"), float("inf"), [], {}, [[]], [{}], {"a": {}}, [1, "a"], ["none"], {"": 1})


def any_value(draws: random.Random) -> object:
    """Return a value that a TOML file may give to any key."""
    kind = draws.randrange(4)
    if kind == 3:
        return [any_value(draws) for _ in range(draws.randrange(3))]
    return draws.choice((TEXTS, NUMBERS, OTHERS)[kind])


def damaged(content: bytes, draws: random.Random) -> bytes:
    """Return a file's content as disks, editors and attackers leave it; never the same as it was."""
    size = max(1, len(content))
    place, length = draws.randrange(size), draws.choice((1, 4, 16, 512))
    match draws.randrange(9):
        case 0:
            changed = content[:place]
        case 1:
            flipped = bytes([content[place] ^ (1 << draws.randrange(8))]) if content else b"x"
            changed = content[:place] + flipped + content[place + 1 :]
        case 2:
            changed = content[:place] + bytes(length) + content[place + length :]
        case 3:
            changed = content[:place] + draws.randbytes(length) + content[place:]
        case 4:
            changed = content[:place] + content[place + length :]
        case 5:
            changed = draws.randbytes(size)
        case 6:
            changed = content + content
        case 7:
            changed = (
                content[:place] + draws.choice(TEXTS).encode("utf-8", "surrogatepass") + content[place + 8 :]
            )
        case _:
            changed = b""
    return changed if changed != content else content + b"\xff"


def trials(kind: int | str) -> Iterator[random.Random]:
    """Yield a generator for each trial of a kind, told apart by number and by the tier's seed."""
    for number in itertools.count():
        yield random.Random(f"{tier_seed()}/{kind}/{number}")


def tier_seed() -> str:
    """Return the seed of all trials: the same one makes the same trials on every machine."""
    return os.environ.get(SEED, "0")


def some(draws: random.Random, choices: Sequence[object], most: int) -> list[object]:
    """Return up to so many of the choices, in any order, repeated or not."""
    return [draws.choice(choices) for _ in range(draws.randrange(most + 1))]
