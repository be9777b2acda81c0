"""Freely licensed text for pretraining, fetched by a build step; the repository holds none of it.

Debian's ``wordnet-base``: the glosses and examples of WordNet 3.0, whose licence lets anyone use, copy,
modify and distribute it, for any purpose, if its copyright notice goes with copies of the database. A model
is no copy; its card names the source all the same. Looked at and left out: the bilingual dictionaries of
``freedict`` (GPL, which leaves open what it asks of a model) and package descriptions (a licence each).
"""

import hashlib
import io
import re
import tarfile
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from glam_eval.core.errors import UserError
from glam_eval.core.files import write_bytes_atomically
from glam_eval.pretraining.audit import is_harmless

URL = "http://deb.debian.org/debian/pool/main/w/wordnet/wordnet-base_3.0-37_all.deb"
SHA256 = "61060d960f9ada8fa120872312eccd3ecebfbab8c4579e4f5a74e1cf67620752"
LICENCE = "WordNet 3.0 licence, Copyright 2006 by Princeton University"
PARTS = ("noun", "verb", "adj", "adv")
WORDS_PER_TEXT = (4, 24)
LEAST_COUNT = 30  # a text with a rarer word is left out: about 5,000 words remain
_WORD = re.compile(r"[^\W\d_]+")


def fetch(directory: Path) -> Path:
    """Return the package's file in a cache directory, fetched from Debian's mirror unless it is there.

    Raises:
        UserError: without network, or if the file is not the one pinned here.
    """
    path = directory / URL.rpartition("/")[2]
    if not path.exists():
        try:
            with urllib.request.urlopen(URL, timeout=60) as response:
                content = response.read()
        except (urllib.error.URLError, OSError) as error:
            reason = getattr(error, "reason", error)
            raise UserError(f"can't fetch {URL} ({reason}): put the file into {directory}") from error
        _check(content, URL)
        write_bytes_atomically(path, content)
    return path


def _check(content: bytes, name: str) -> None:
    """Raise UserError unless the content is the package pinned here."""
    if hashlib.sha256(content).hexdigest() != SHA256:
        raise UserError(f"{name} is not the wordnet-base 3.0-37 expected here: its SHA-256 differs")


def common_texts(directory: Path) -> list[str]:
    """Return the definitions and examples of WordNet made of common words alone, fetched if need be.

    Raises UserError as ``fetch`` does.
    """
    path = fetch(directory)
    content = path.read_bytes()
    _check(content, str(path))
    return common(list(glosses(unpack(content))))


def load_texts(directory: Path) -> list[str]:
    """Return those of ``common_texts`` that may stand next to observations, whatever the order of texts.

    None holds the phrase of an action of the world, in any words of any shift, or an invented word.
    Raises UserError as ``fetch`` does.
    """
    return [text for text in common_texts(directory) if is_harmless(text)]


def unpack(package: bytes) -> dict[str, str]:
    """Return WordNet's data files by part of speech, out of a Debian package (an ``ar`` archive)."""
    if not package.startswith(b"!<arch>\n"):
        raise UserError("not a Debian package: no ar archive")
    position = 8
    while position < len(package):
        header = package[position : position + 60]
        name, size = header[:16].decode().strip(), int(header[48:58])
        position += 60
        if name.startswith("data.tar"):
            with tarfile.open(fileobj=io.BytesIO(package[position : position + size])) as archive:
                return {part: _read(archive, f"./usr/share/wordnet/data.{part}") for part in PARTS}
        position += size + size % 2
    raise UserError("not a Debian package: it has no data.tar")


def _read(archive: tarfile.TarFile, name: str) -> str:
    member = archive.extractfile(name)
    if member is None:
        raise UserError(f"the package has no file {name}")
    return member.read().decode("utf-8")


def glosses(files: dict[str, str]) -> Iterator[str]:
    """Yield of each synonym set "words: definition", and its examples; the licence's lines are skipped.

    The format is that of ``wndb(5)``: words from the fifth field on, every other field, then "| gloss".
    """
    for content in files.values():
        for line in content.splitlines():
            if line.startswith(" ") or "|" not in line:
                continue
            data, _, gloss = line.partition("|")
            fields = data.split()
            words = [word.replace("_", " ") for word in fields[4 : 4 + 2 * int(fields[3], 16) : 2]]
            definition, *examples = gloss.strip().split('"')
            yield f"{', '.join(words)}: {definition.strip(' ;')}"
            yield from (example.strip() for example in examples[::2] if example.strip(" ;"))


def common(texts: Sequence[str]) -> list[str]:
    """Return the distinct texts of some length whose words are all common among the texts themselves."""
    words = {text: _WORD.findall(text.lower()) for text in texts}
    counts = Counter(word for each in words.values() for word in each)
    low, high = WORDS_PER_TEXT
    return [
        text
        for text, each in words.items()
        if low <= len(each) <= high and all(counts[word] >= LEAST_COUNT for word in each)
    ]
