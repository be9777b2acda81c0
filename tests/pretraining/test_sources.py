"""The external source: unpacked by itself, filtered, and one line where it can't be had."""

import io
import tarfile
import urllib.error

import pytest

from glam_eval.core.errors import UserError
from glam_eval.pretraining import sources

NOUNS = """  1 This software and database is being provided to you ...
00001740 03 n 02 home 0 plain_house 0 001 ~ 00001930 n 0000 | a place to live; "he built a home"; "at home"
"""


def package(files):
    """A Debian package with one data archive, preceded by a member of odd length."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:xz") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))

    def member(name, data):
        header = f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(data):<10}`\n".encode()
        return header + data + b"\n" * (len(data) % 2)

    return b"!<arch>\n" + member("debian-binary", b"2.0") + member("data.tar.xz", content.getvalue())


def wordnet():
    empty = {f"./usr/share/wordnet/data.{part}": "" for part in sources.PARTS}
    return package({**empty, "./usr/share/wordnet/data.noun": NOUNS})


def test_a_package_is_unpacked_and_its_glosses_read():
    files = sources.unpack(wordnet())
    assert list(files) == list(sources.PARTS)
    assert list(sources.glosses(files)) == [
        "home, plain house: a place to live",
        "he built a home",
        "at home",
    ]


def test_texts_of_common_words_and_some_length_remain(monkeypatch):
    monkeypatch.setattr(sources, "LEAST_COUNT", 2)
    texts = ["the cat saw the dog", "the dog saw the cat", "the dog saw the emu", "the dog"]
    assert sources.common(texts) == texts[:2]


def test_loading_leaves_out_actions_and_checks_the_file(monkeypatch, tmp_path):
    texts = ["a place to live in", "take a place to live in"]
    monkeypatch.setattr(sources, "common_texts", lambda directory: texts)
    assert sources.load_texts(tmp_path) == texts[:1]


def test_without_network_one_line_says_what_to_do(monkeypatch, tmp_path):
    def unreachable(*args, **kwargs):
        raise urllib.error.URLError("no network")

    monkeypatch.setattr(sources.urllib.request, "urlopen", unreachable)
    with pytest.raises(UserError, match="put the file into") as raised:
        sources.fetch(tmp_path / "cache")
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "cache").exists()


def test_another_file_is_refused(monkeypatch, tmp_path):
    monkeypatch.setattr(sources.urllib.request, "urlopen", lambda *a, **k: io.BytesIO(b"something else"))
    with pytest.raises(UserError, match="SHA-256"):
        sources.fetch(tmp_path)
    (tmp_path / sources.URL.rpartition("/")[2]).write_bytes(wordnet())
    with pytest.raises(UserError, match="SHA-256"):
        sources.common_texts(tmp_path)
    for broken in (b"zip", b"!<arch>\n"):
        with pytest.raises(UserError, match="Debian package"):
            sources.unpack(broken)
