"""What was exported reaches a hub whole, by its client's login alone; a refusal is one line."""

import os
import subprocess

import huggingface_hub.constants
import pytest
from program import answer, command
from tiny_hub import ELSEWHERE, TOKEN, hub


@pytest.fixture(scope="module")
def dataset(made_up, tmp_path_factory):
    out = tmp_path_factory.mktemp("pushed") / "out"
    done = answer("export", made_up, "--format", "huggingface", "--to", out)
    assert done.returncode == 0, done.stderr
    return out


@pytest.fixture
def server():
    with hub() as running:
        yield running


@pytest.fixture
def push(server, monkeypatch, tmp_path):
    """Ask for it in this process, as somebody who is logged in to that hub by a token."""

    def ask(directory, *arguments, token=TOKEN, endpoint=None):
        monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", endpoint or server.url)
        monkeypatch.setattr(huggingface_hub.constants, "HF_TOKEN_PATH", str(tmp_path / "none"))
        if token:
            monkeypatch.setenv("HF_TOKEN", token)
        else:
            monkeypatch.delenv("HF_TOKEN", raising=False)
        done = answer("push", directory, *arguments)
        assert TOKEN not in done.stdout + done.stderr and ELSEWHERE not in done.stdout + done.stderr
        return done

    return ask


def refused(done):
    assert done.returncode == 2, done.stdout + done.stderr
    (line,) = done.stderr.splitlines()
    return line


def test_a_program_of_its_own_sends_every_file_and_shows_no_token(server, dataset, tmp_path):
    told = {"HF_ENDPOINT": server.url, "HF_TOKEN": TOKEN, "HF_HOME": str(tmp_path)}
    done = subprocess.run(
        command("push", dataset, "me/there"),
        capture_output=True,
        text=True,
        env=os.environ | told,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    files = {f.relative_to(dataset).as_posix(): f.read_bytes() for f in dataset.rglob("*") if f.is_file()}
    assert server.repositories["datasets/me/there"] == files
    assert f"{len(files)} files in {server.url}/datasets/me/there/commit/" in done.stdout
    asked = {authorization for _, path, authorization in server.asked if "/me/there" in path}
    assert asked == {f"Bearer {TOKEN}"}
    assert TOKEN not in done.stdout + done.stderr
    assert not any(TOKEN.encode() in content for content in files.values())
    assert not any(TOKEN in path.read_text() for path in tmp_path.rglob("*") if path.is_file())


def test_a_repository_that_is_made_is_private(server, push, dataset):
    assert push(dataset, "me/new", "--create").returncode == 0
    assert server.private == {"datasets/me/new"} and "README.md" in server.repositories["datasets/me/new"]


def test_what_is_proposed_is_told_by_the_address_of_the_proposal(server, push, dataset):
    done = push(dataset, "me/there", "--pull-request")
    assert f"{server.url}/datasets/me/there/discussions/1" in done.stdout, done.stderr
    assert not any(path.endswith("/commit/main") for _, path, _ in server.asked)


@pytest.mark.parametrize(
    ("repository", "token", "said"),
    [
        ("me/there", ELSEWHERE, "does not let you write to 'me/there'"),
        ("me/nowhere", TOKEN, "has no dataset 'me/nowhere' that you may see"),
        ("me/there", "hf_wrong", "log in"),
        ("me/there", None, "nobody is logged in to the hub: hf auth login, or set HF_TOKEN"),
        ("a/b/c", TOKEN, "'a/b/c' is no name of a repository: give OWNER/NAME"),
    ],
)
def test_whoever_is_refused_is_told_why_in_one_line(server, push, dataset, repository, token, said):
    assert said in refused(push(dataset, repository, token=token))
    assert not server.commits


def test_without_a_network_one_line_says_who_does_not_answer(push, dataset):
    line = refused(push(dataset, "me/there", endpoint="http://127.0.0.1:9"))
    assert "http://127.0.0.1:9 does not answer" in line


def test_only_what_was_exported_is_sent_and_no_link_is_followed(server, push, dataset, made_up, tmp_path):
    assert "was not exported" in refused(push(made_up, "me/there"))
    (tmp_path / "secret").write_text("mine")
    copy = tmp_path / "copy"
    copy.mkdir()
    (copy / "croissant.json").write_text("{}")
    (copy / "link").symlink_to(tmp_path / "secret")
    assert "symbolic link" in refused(push(copy, "me/there"))
    assert not server.commits
