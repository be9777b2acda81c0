"""A suite with a served model by the program itself: failed and named, mended, set beside others."""

import re
import sys
from pathlib import Path

import pytest
from local_server import ChatServer, completion
from program import answer
from under_way import begin

from glam_eval.chat.key import KEY_VARIABLE
from glam_eval.config.loading import load_suite
from glam_eval.core.errors import UserError
from glam_eval.results import load_results
from glam_eval.suites.validation import validate

pytestmark = pytest.mark.thorough
SECRET = "sk-0123456789SECRET"
SUITE = """
extends = "balrog-babyai"
seeds = 2
agents = [{ agent = "chat", model = "reader" }, { agent = "random" }, { agent = "bot" }]
protocols = [{ name = "generalization", scenes = 10, balanced = true, conditions = ["none", "none~hidden"] }]
"""


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A study whose server fails at first, and echoes the key: what was said and shown each time."""
    folder = tmp_path_factory.mktemp("chats")
    (folder / "mine.toml").write_text(SUITE)
    broken = [True]

    def fault(number, handler):
        body = server.bodies[number]
        if broken and "Your goal: open" in body["messages"][0]["content"]:
            handler.answer({"error": {"message": f"not with {handler.headers['Authorization']}"}}, 500)
            return True
        if "Your goal: put" in body["messages"][0]["content"]:
            handler.answer(completion(f"I am {handler.headers['Authorization']}"))
            return True
        return False

    server = ChatServer(fault=fault)
    said, pages = [], []
    with server:
        settings = {"endpoint": server.url, "tries": 2, "backoff_seconds": 0.01}
        for pace in (4, 8):
            sets = {**settings, "in_flight": pace}.items()
            options = [part for key, value in sets for part in ("--set", f"conversation.{key}={value}")]
            asked = ("run-suite", folder / "mine.toml", "--out", folder / "out", *options, "--workers", 2)
            said.append(begin(*asked, **{KEY_VARIABLE: SECRET}).ended())
            pages.append((folder / "out" / "report.html").read_text())
            broken.clear()
    return folder / "out", said, server, pages


def test_a_failed_run_names_its_episodes_and_the_study_says_what_it_lacks(study):
    _, (failed, _), _, (lacking, whole) = study
    assert failed.returncode == 1
    assert "2 runs failed" in failed.stderr and "2 of 10 episodes of generalization none" in failed.stderr
    assert "HTTP 500 not with Bearer [key] (2 tries)" in failed.stderr
    assert "Traceback" not in failed.stderr
    for seed in (0, 1):
        assert f"seed {seed} failed before an episode was stored: left out" in lacking
    assert "failed before an episode was stored" not in whole


def test_mended_and_gone_on_with_at_another_pace_it_is_whole(study):
    out, (_, done), server, _ = study
    assert done.returncode == 0, done.stderr
    runs, episodes = load_results(out, "runs"), load_results(out, "episodes")
    assert (runs["status"] == "finished").all() and len(runs) == 6
    assert (episodes.groupby(["run_id", "shift"], observed=True).size() == 10).all()
    assert not episodes["model"].astype(str).str.contains(r"\[").any()
    requests = load_results(out, "requests")
    assert set(requests["run_id"].astype(str)) == {run for run in runs["run_id"].astype(str) if "chat" in run}
    assert len(server.bodies) > len(requests)  # those that failed


def test_who_reads_is_told_of_a_served_model_as_of_any(study):
    out, *_ = study
    report = (out / "report.html").read_text()
    assert "chat reader" in report
    success = load_results(out, "episodes").groupby(["agent", "shift"], observed=True)["success"].mean()
    assert success["chat", "none"] > success["chat", "none~hidden"]


def test_the_report_tells_what_the_answers_came_to(study):
    out, *_ = study
    report, requests = (out / "report.html").read_text(), load_results(out, "requests")
    assert "What served models answered" in report
    assert f"{100 * (1 - requests['valid'].mean()):.1f}" in report.partition("What served models answered")[2]


def test_the_key_is_in_nothing_that_is_left_or_said(study):
    out, said, server, _ = study
    assert {headers["Authorization"] for headers in server.headers} == {f"Bearer {SECRET}"}
    files = [path for path in out.rglob("*") if path.is_file()]
    assert len(files) > 20 and any(path.suffix == ".jsonl" for path in files)
    assert not [path for path in files if SECRET.encode() in path.read_bytes()]
    assert not any(SECRET in done.stdout + done.stderr for done in said)
    assert load_results(out, "requests")["answer"].astype(str).str.contains("Bearer [key]", regex=False).any()


def test_beside_balrog_stand_theirs_and_ours(study):
    shown = answer("compare", study[0], "--against", "balrog")
    assert shown.returncode == 0, shown.stderr
    assert "ours: chat reader" in shown.stdout and "GPT-4o-2024-05-13 (naive)" in shown.stdout
    assert "78 ± 3.7" in shown.stdout and "arXiv 2411.13543" in shown.stdout
    assert "other scenes" not in shown.stdout
    refused = answer("compare", study[0], "--against", "agentgym")
    assert refused.returncode == 2 and "no episodes on GoTo" in refused.stderr
    unknown = answer("compare", study[0], "--against", "balorg")
    assert unknown.returncode == 2 and "did you mean 'balrog'" in unknown.stderr


def test_without_httpx_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "httpx", None)
    with pytest.raises(UserError, match=r"pip install 'glam-eval\[chat\]'"):
        validate(load_suite("balrog-babyai"))


def test_the_suite_of_the_docs_is_one(tmp_path):
    page = (Path(__file__).parents[2] / "docs/how-to/chat-agents.md").read_text(encoding="utf-8")
    (settings,) = re.findall(r"^```toml\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    file = tmp_path / "mine.toml"
    file.write_text(
        f'title = "t"\nquestion = "q"\nseeds = 1\n{settings}[[protocols]]\nname = "generalization"\n'
    )
    chat, grounded = load_suite(str(file)).runs()
    assert (chat.conversation.in_flight, chat.conversation.requests_per_minute) == (16, 500.0)
    assert grounded.conversation is None


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("agents=[{agent='chat'}]", "agent 'chat' needs a model, the name that its server knows"),
        (
            "agents=[{agent='bot', conversation={window=3}}]",
            "'bot' is served by no endpoint: leave conversation out",
        ),
        ("conversation.windw=3", "unknown key 'conversation.windw': did you mean 'window'"),
        ("conversation.invalid='skip'", "'retry', 'no-op' or 'forward'"),
        ("conversation.in_flight=0", "conversation.in_flight = 0"),
        ("agents=[{agent='bc-gflan', model='t5-pico', cloning={source='chat'}}]", "can't clone chat"),
    ],
)
def test_wrong_settings_are_named(override, message):
    with pytest.raises(UserError) as raised:
        load_suite("balrog-babyai", [override])
    assert message in str(raised.value) and "\n" not in str(raised.value)
