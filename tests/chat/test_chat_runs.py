"""A chat agent's run: whole, or failed with each episode named; stopped or killed, nothing is asked twice."""

import json
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest
from chat_run import carry_out, planned
from local_server import ChatServer, cut_off, hang_up, reader
from program import stable_table

from glam_eval.config.protocols import ConditionConfig
from glam_eval.core.errors import RunFailedError, UserError
from glam_eval.core.world import IDLE
from glam_eval.environments import grid
from glam_eval.execution.owed import lacking
from glam_eval.execution.progress import StoppedError
from glam_eval.execution.study import answers_file
from glam_eval.protocols import play_condition
from glam_eval.results import load_results, table_names
from glam_eval.training.agents import build_policy

SCENES = 200


@pytest.fixture(scope="module")
def straight(tmp_path_factory):
    """A run that nothing went wrong in, and what its server was asked."""
    out = tmp_path_factory.mktemp("straight")
    with ChatServer() as server:
        carry_out(planned(server.url), out)
    return out, server


def asked(server):
    return Counter(json.dumps(body, sort_keys=True) for body in server.bodies)


def assert_same_tables(one, two):
    """Every column of every table is equal but times, and where the server was."""
    assert table_names(one) == table_names(two)
    for table in table_names(one):
        first, second = (
            stable_table(out, table).drop(columns="config", errors="ignore") for out in (one, two)
        )
        pd.testing.assert_frame_equal(first, second, check_exact=True)


def test_every_request_is_a_row_and_every_episode_has_its_own(straight):
    out, server = straight
    episodes, requests = load_results(out, "episodes"), load_results(out, "requests")
    assert len(episodes) == 2 * 12 and len(requests) == len(server.bodies)
    steps = requests.groupby(["shift", "scene_seed"], observed=True)["step"].agg(["size", "max"])
    lengths = episodes.set_index(["shift", "scene_seed"])["length"]
    assert (steps["size"] == lengths).all() and (steps["max"] == lengths - 1).all()
    assert set(requests["answer"]) <= {"go forward", "turn left", "turn right"} and requests["valid"].all()
    assert (requests["prompt_tokens"] == 100).all() and (requests["completion_tokens"] == 2).all()
    assert requests["cost"].isna().all()
    runs = load_results(out, "runs")
    assert (runs["agent"].item(), runs["model"].item(), runs["status"].item()) == (
        "chat",
        "reader",
        "finished",
    )


def test_a_model_that_reads_does_what_it_is_told(straight):
    success = load_results(straight[0], "episodes").groupby("shift", observed=True)
    assert success["success"].mean()["none"] > 0.8 > 0.3 > success["success"].mean()["none~swapped"]
    assert success["success_told"].mean()["none~swapped"] > 0.8


def test_costs_are_tokens_by_their_prices(tmp_path):
    with ChatServer() as server:
        plan = planned(server.url, 2, ("none",), prompt_price=5.0, completion_price=20.0)
        carry_out(plan, tmp_path)
    assert load_results(tmp_path, "requests")["cost"].to_numpy() == pytest.approx((100 * 5 + 2 * 20) / 1e6)


def test_pace_and_prices_are_not_the_runs_identity_but_what_is_asked_is():
    run_id = planned("http://a/v1").run_id
    assert planned("http://b/v1", in_flight=3, prompt_price=1.0, tries=1).run_id == run_id
    assert planned("http://a/v1", temperature=0.5).run_id != run_id


def test_stopped_anywhere_a_run_goes_on_and_asks_nothing_twice(straight, tmp_path):
    out, whole = straight
    with ChatServer() as server:
        for count in (3, 30, 60):
            with pytest.raises(StoppedError):
                carry_out(planned(server.url), tmp_path, lambda count=count: len(server.bodies) >= count)
            assert len(server.bodies) < len(whole.bodies)
        carry_out(planned(server.url), tmp_path)
    assert asked(server) == asked(whole)
    assert_same_tables(out, tmp_path)


def test_a_finished_run_that_lost_its_requests_owes_them(straight):
    out, server = straight
    plan, episodes = planned(server.url), load_results(out, "episodes")
    tables = {
        "episodes": episodes,
        "steps": load_results(out, "steps"),
        "requests": load_results(out, "requests"),
    }
    assert lacking(plan, tables.get) == ""
    scene = episodes["scene_seed"].iloc[0]
    tables["requests"] = tables["requests"][tables["requests"]["scene_seed"] != scene]
    assert lacking(plan, tables.get) == "requests"


def start(server, out):
    command = [
        sys.executable,
        str(Path(__file__).with_name("chat_run.py")),
        server.url,
        str(out),
        str(SCENES),
    ]
    return subprocess.Popen(command, stderr=subprocess.PIPE)


@pytest.mark.slow
def test_killed_and_gone_on_with_two_hundred_episodes_are_those_of_a_straight_run(tmp_path):
    with ChatServer() as whole:
        carry_out(planned(whole.url, SCENES, ("none",)), tmp_path / "straight")
    with ChatServer() as server:
        for until in (150, 400):
            process = start(server, tmp_path / "killed")
            while len(server.bodies) < until and process.poll() is None:
                time.sleep(0.01)
            process.send_signal(signal.SIGKILL)
            assert process.wait() == -signal.SIGKILL, process.stderr.read()
            process.stderr.close()
        carry_out(planned(server.url, SCENES, ("none",)), tmp_path / "killed")
    twice = asked(server) - asked(whole)
    assert asked(server).keys() == asked(whole).keys()
    # Those on their way when the process was killed; the next one can't know of them.
    assert twice.total() <= 2 * 8
    assert_same_tables(tmp_path / "straight", tmp_path / "killed")


def test_a_server_that_fails_now_and_then_changes_nothing(straight, tmp_path):
    out, _ = straight

    def fault(number, handler):
        match number % 11:
            case 2:
                handler.answer(b"", 500)
            case 4:
                handler.answer(b"{", 200)
            case 6:
                cut_off(handler)
            case 8:
                hang_up(handler)
            case 10:
                handler.answer(b"", 429, Retry_After="0.01")
        return number % 11 in (2, 4, 6, 8, 10)

    with ChatServer(fault=fault) as server:
        carry_out(planned(server.url, tries=30), tmp_path)
    assert_same_tables(out, tmp_path)
    requests = load_results(tmp_path, "requests")
    assert requests["tries"].sum() == len(server.bodies) > len(requests)


def test_an_episode_without_an_end_is_named_the_others_are_kept_and_the_rest_alone_is_asked(
    straight, tmp_path
):
    out, whole = straight
    episodes = load_results(out, "episodes")
    first = episodes[episodes["shift"] == "none"].iloc[0]
    alike = sorted(
        episodes[(episodes["shift"] == "none") & (episodes["mission"] == first["mission"])]["scene_seed"]
    )
    server = ChatServer()
    broken = f"Your goal: {first['mission']}\n"

    def fault(number, handler):
        if broken and broken in server.bodies[number]["messages"][0]["content"]:
            handler.answer({"error": {"message": "no GPU"}}, 500)
            return True
        return False

    server.fault = fault
    with server:
        with pytest.raises(RunFailedError) as raised:
            carry_out(planned(server.url, tries=2, in_flight=1), tmp_path)
        named = f"scenes {', '.join(map(str, alike))}: HTTP 500 no GPU (2 tries)"
        assert f"{len(alike)} of 12 episodes of generalization none were not played to their end" in str(
            raised.value
        )
        assert named in str(raised.value) and "asks for the rest alone" in str(raised.value)
        before, broken = len(server.bodies), ""
        carry_out(planned(server.url), tmp_path)
    assert_same_tables(out, tmp_path)
    assert len(server.bodies) - before < len(whole.bodies)
    answered = Counter(json.dumps(body, sort_keys=True) for body in server.answered)
    assert answered == asked(whole)


def test_a_server_that_is_gone_is_not_asked_for_every_episode(tmp_path):
    gone = ChatServer(fault=lambda number, handler: handler.answer(b"", 401) or True)
    with gone as server, pytest.raises(RunFailedError) as raised:
        carry_out(planned(server.url, 50, ("none",), in_flight=4), tmp_path)
    assert len(server.bodies) <= 4 + 3
    assert "50 of 50 episodes" in str(raised.value)
    assert "HTTP 401" in str(raised.value) and "not begun, as none was answered any more" in str(raised.value)


@pytest.mark.parametrize(
    ("invalid", "action", "requests"), [("forward", "2", 1), ("no-op", "6", 1), ("retry", "6", 3)]
)
def test_what_answers_that_name_no_action_come_to(invalid, action, requests):
    with ChatServer(lambda messages: "I would rather not") as server:
        plan = planned(server.url, 2, ("none",), invalid=invalid, in_flight=2)
        policy = build_policy(plan.config, 6)
        played = list(play_condition(policy, plan.config, 0, *plan.protocols, ConditionConfig(), replays=2))
    for one in played:
        assert set(one.episode.actions) == {action}
        assert len(one.requests) == requests * one.episode.length
        assert not any(request.valid for request in one.requests)
        for step in one.steps:
            assert (
                len(step.action_names) == len(step.probabilities) and step.probabilities[step.action] == 1.0
            )
            assert step.action_names[step.action] == ("go forward" if action == "2" else "(nothing)")


def test_doing_nothing_is_minigrids_done():
    assert IDLE == grid.NOTHING


def test_seeds_differ_by_run_step_and_scene_and_not_by_condition(straight):
    _, server = straight
    seeds = Counter(body["seed"] for body in server.bodies)
    assert max(seeds.values()) == 2  # the two conditions of a scene
    assert all(0 <= seed < 2**31 for seed in seeds)


def test_a_damaged_file_of_answers_is_named(tmp_path):
    plan = planned("http://127.0.0.1:9/v1")
    file = answers_file(tmp_path, plan.run_id)
    file.parent.mkdir()
    file.write_text("{}\n")
    with pytest.raises(UserError, match="line 1 is damaged"):
        carry_out(plan, tmp_path)


def test_tables_do_not_depend_on_how_many_requests_are_in_flight(straight, tmp_path):
    with ChatServer(
        lambda messages: (time.sleep(len(messages[-1]["content"]) % 7 / 500), reader(messages))[1]
    ) as server:
        carry_out(planned(server.url, in_flight=1), tmp_path)
    for table in ("episodes", "steps", "requests"):
        pd.testing.assert_frame_equal(stable_table(straight[0], table), stable_table(tmp_path, table))
