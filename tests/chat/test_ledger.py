"""Answers on disk: each once, whatever became of the process that wrote them."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from glam_eval.chat.ledger import Completion, Ledger
from glam_eval.core.errors import UserError


def answer(text):
    return Completion(text, "stop", 3, 2, 1, 0.5)


def opened(file):
    ledger = Ledger()
    ledger.open(file)
    return ledger


def test_answers_come_back_by_what_was_asked(tmp_path):
    file = tmp_path / "answers" / "run.jsonl"
    with ThreadPoolExecutor(8) as pool:
        ledger = opened(file)
        list(pool.map(lambda n: ledger.add({"scene": n, "shift": "é"}, answer(f"line\n{n}")), range(200)))
    again = opened(file)
    assert [again.get({"shift": "é", "scene": n}) for n in range(200)] == [
        answer(f"line\n{n}") for n in range(200)
    ]
    assert again.get({"shift": "e", "scene": 0}) is None
    assert len(file.read_text().splitlines()) == 200


def test_half_a_line_at_the_end_is_taken_away(tmp_path):
    file = tmp_path / "run.jsonl"
    opened(file).add({"scene": 1}, answer("one"))
    whole = file.read_bytes()
    for cut in range(1, len(whole)):
        file.write_bytes(whole + whole[:cut].rstrip(b"\n"))
        ledger = opened(file)
        assert file.read_bytes() == whole
        assert ledger.get({"scene": 1}) == answer("one")
    ledger.add({"scene": 2}, answer("two"))
    assert [json.loads(line)["asked"]["scene"] for line in file.read_text().splitlines()] == [1, 2]


@pytest.mark.parametrize("line", ["{}", "nonsense", '{"asked": {}, "answer": {"text": "x"}}', "[1]"])
def test_a_damaged_line_is_named(tmp_path, line):
    file = tmp_path / "run.jsonl"
    opened(file).add({"scene": 1}, answer("one"))
    file.write_text(file.read_text() + line + "\n")
    with pytest.raises(UserError, match=r"run\.jsonl: line 2 is damaged: delete that line"):
        opened(file)
