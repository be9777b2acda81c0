"""A server that fails in every way: what is tried again, what is given up, and what is never shown."""

import threading
import time

import pytest
from local_server import ChatServer, completion, cut_off, drip, hang_up, late

from glam_eval.chat.endpoint import Endpoint
from glam_eval.chat.key import KEY_VARIABLE
from glam_eval.chat.pace import Pace
from glam_eval.config.conversation import ConversationConfig
from glam_eval.core.errors import UserError
from glam_eval.policies.base import NoAnswerError

MESSAGES = [{"role": "user", "content": "now?"}]


def ask(server, **settings):
    settings = {"backoff_seconds": 0.01, "tries": 3, "timeout_seconds": 5.0, **settings}
    endpoint = Endpoint("m", ConversationConfig(endpoint=getattr(server, "url", server), **settings))
    return endpoint.complete(MESSAGES, 7, 0.5)


def once(act):
    """A fault of the first request alone."""

    def fault(number, handler):
        if number == 0:
            act(handler)
        return number == 0

    return fault


def always(act):
    def fault(number, handler):
        act(handler)
        return True

    return fault


def status(code, body=b"", **headers):
    return lambda handler: handler.answer(body, code, **headers)


def test_what_is_sent_is_what_openais_interface_takes():
    with ChatServer(lambda messages: "go forward") as server:
        answer = ask(server, temperature=0.5, max_tokens=9)
    assert server.bodies == [
        {"model": "m", "messages": MESSAGES, "max_tokens": 9, "temperature": 0.5, "seed": 7}
    ]
    assert (answer.text, answer.finish, answer.prompt_tokens, answer.completion_tokens) == (
        "go forward",
        "stop",
        100,
        2,
    )
    assert answer.tries == 1 and "Authorization" not in server.headers[0]


def test_what_a_server_refuses_can_be_left_out():
    with ChatServer(lambda messages: "x") as server:
        ask(server, temperature=None, seeded=False, token_limit="max_completion_tokens", max_tokens=9)
    assert server.bodies == [{"model": "m", "messages": MESSAGES, "max_completion_tokens": 9}]


@pytest.mark.parametrize(
    "act",
    [
        status(500, b"oops"),
        status(503),
        status(429),
        status(200, b'{"choices": ['),
        status(200, b"<html>"),
        status(200, {"choices": []}),
        status(200, {"error": "overloaded"}),
        status(200, b"[" * 100_000),
        status(200, {"choices": [{"message": {"content": 5}}]}),
        cut_off,
        hang_up,
    ],
    ids=["500", "503", "429", "half", "html", "no choice", "error", "deep", "number", "cut off", "hung up"],
)
def test_what_may_pass_is_tried_again_and_what_stays_fails_with_its_reason(act):
    with ChatServer(lambda messages: "go forward", once(act)) as server:
        answer = ask(server)
    assert (answer.text, answer.tries, len(server.bodies)) == ("go forward", 2, 2)
    with (
        ChatServer(fault=always(act)) as server,
        pytest.raises(NoAnswerError, match=r"\(3 tries\)$") as raised,
    ):
        ask(server)
    assert len(server.bodies) == 3
    assert "\n" not in str(raised.value) and len(str(raised.value)) < 400


@pytest.mark.parametrize("code", [301, 400, 401, 403, 404])
def test_what_will_not_pass_is_not_tried_again(code):
    said = {"error": {"message": "the context is\ntoo long"}}
    with ChatServer(fault=always(status(code, said))) as server, pytest.raises(NoAnswerError) as raised:
        ask(server)
    assert len(server.bodies) == 1
    assert str(raised.value) == f"HTTP {code} the context is too long"


def test_late_answers_are_given_up_also_those_that_drip():
    for fault in (late(1.0), always(lambda handler: drip(handler, 1.0))):
        with ChatServer(fault=fault) as server, pytest.raises(NoAnswerError, match=r"answer in 0\.1 s"):
            ask(server, timeout_seconds=0.1, tries=1)


def test_nobody_there_is_named():
    with pytest.raises(
        NoAnswerError, match=r"ConnectError at http://127\.0\.0\.1:9/v1: .*refused.*\(2 tries\)"
    ):
        ask("http://127.0.0.1:9/v1", tries=2)


def test_a_server_that_asks_for_rest_gets_it_from_all_requests():
    moments = []

    def fault(number, handler):
        moments.append(time.monotonic())
        if number == 0:
            handler.answer(b"", 429, Retry_After="1")
        return number == 0

    with ChatServer(lambda messages: "x", fault) as server:
        assert ask(server, backoff_seconds=30.0).tries == 2
    assert moments[1] - moments[0] >= 0.9  # and not the half minute of the back-off


def test_thoughts_without_an_answer_and_answers_in_parts():
    parts = [{"type": "text", "text": "go "}, {"type": "text", "text": "forward"}]
    for content, text in ((None, ""), (parts, "go forward"), ("\ud83d", "?")):
        body = {"choices": [{"message": {"content": content}, "finish_reason": "length"}]}
        with ChatServer(fault=always(lambda handler, body=body: handler.answer(body))) as server:
            answer = ask(server)
        assert (answer.text, answer.finish) == (text, "length")
        assert (answer.prompt_tokens, answer.completion_tokens) == (-1, -1)


SECRET = "sk-abc123SECRET"


def test_a_key_is_sent_and_never_comes_back(monkeypatch):
    monkeypatch.setenv(KEY_VARIABLE, SECRET)

    def fault(number, handler):
        shown = f"wrong key {handler.headers['Authorization']}"
        handler.answer(completion(shown) if number else {"error": {"message": shown}}, 200 if number else 401)
        return True

    with ChatServer(fault=fault) as server:
        with pytest.raises(NoAnswerError) as raised:
            ask(server)
        assert str(raised.value) == "HTTP 401 wrong key Bearer [key]"
        assert raised.value.__cause__ is None and raised.value.__suppress_context__
        assert ask(server).text == "wrong key Bearer [key]"
    assert server.headers[0]["Authorization"] == f"Bearer {SECRET}"


@pytest.mark.parametrize("key", [f"{SECRET}\n", f"{SECRET} x", f"{SECRET}é"])
def test_a_key_that_no_header_can_hold_is_refused_unseen(monkeypatch, key):
    monkeypatch.setenv(KEY_VARIABLE, key)
    with pytest.raises(UserError, match=KEY_VARIABLE) as raised:
        ask("http://127.0.0.1:9/v1")
    assert SECRET not in str(raised.value)


def test_requests_are_spaced_whoever_sends_them():
    pace, moments = Pace(60 / 0.05, threading.Event()), []

    def go():
        assert pace.turn()
        moments.append(time.monotonic())

    threads = [threading.Thread(target=go) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(moments) - min(moments) >= 0.05 * 4.9


def test_halted_nobody_waits_any_more():
    with ChatServer(fault=always(status(500))) as server:
        endpoint = Endpoint("m", ConversationConfig(endpoint=server.url, backoff_seconds=1000.0))
        reasons = []

        def go():
            try:
                endpoint.complete(MESSAGES, 1, 0.0)
            except NoAnswerError as error:
                reasons.append(str(error))

        thread = threading.Thread(target=go)
        thread.start()
        while not server.bodies:
            time.sleep(0.01)
        endpoint.halt()
        thread.join(30)
        assert not thread.is_alive() and reasons == ["stopped before it was sent"]


@pytest.mark.parametrize(
    "url",
    [
        "localhost:8000",
        "ftp://x/v1",
        "https://me:secret@host/v1",
        "https://host/v1?key=1",
        "https://host/ v1",
    ],
)
def test_an_endpoint_with_anything_secret_in_it_is_refused(url):
    with pytest.raises(UserError, match="endpoint"):
        ConversationConfig.parse({"endpoint": url}, "test")
