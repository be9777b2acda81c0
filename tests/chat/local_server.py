"""A server of chats on this machine, whose model is a function: what it is asked is written down."""

import json
import re
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TASK = re.compile(r"Your goal: (?:go to|pick up) (?:a|an|the) (\w+ \w+)")
SEEN = r"You see an? {thing} (?:(\d+) steps? (left|right))?(?: and )?(?:(\d+) steps? forward)?(?:\n|$)"


def reader(messages):
    """A model that goes to the thing its goal names; without a goal it turns round and round."""
    goal, seen = TASK.search(messages[0]["content"]), messages[-1]["content"]
    place = goal and re.search(SEEN.format(thing=goal[1]), seen)
    if not place:
        return "turn right"
    aside, side, ahead = place.groups()
    if aside and not ahead:
        return f"turn {side}"
    return "go forward"


def completion(text, finish="stop", **usage):
    """A whole answer as OpenAI's interface has it."""
    counts = {"prompt_tokens": 100, "completion_tokens": len(text.split()), **usage}
    return {
        "choices": [{"message": {"role": "assistant", "content": text}, "finish_reason": finish}],
        "usage": counts,
    }


class ChatServer:
    """Serves ``model`` (messages -> text) until it is left.

    ``fault(number, handler)`` may answer the number-th request in its own way, and returns whether it did.
    """

    def __init__(self, model=reader, fault=None):
        self.model, self.fault = model, fault
        self.bodies, self.headers, self.answered = [], [], []
        self._lock = threading.Lock()
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with server._lock:
                    number = len(server.bodies)
                    server.bodies.append(body)
                    server.headers.append(dict(self.headers))
                self.path_asked = self.path
                if server.fault and server.fault(number, self):
                    return
                self.answer(completion(server.model(body["messages"])))
                with server._lock:
                    server.answered.append(body)

            def answer(self, content, status=200, **headers):
                data = content if isinstance(content, bytes) else json.dumps(content).encode()
                self.send_response(status)
                for name, value in {"Content-Type": "application/json", **headers}.items():
                    self.send_header(name.replace("_", "-"), value)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *arguments):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True

    @property
    def url(self):
        return f"http://127.0.0.1:{self._server.server_port}/v1"

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *error):
        self._server.shutdown()
        self._server.server_close()


def late(seconds):
    """A fault: an answer that comes too late."""

    def fault(number, handler):
        time.sleep(seconds)
        return False

    return fault


def cut_off(handler):
    """Send the beginning of an answer, and close the connection."""
    data = json.dumps(completion("go forward")).encode()
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(data)))
    handler.end_headers()
    handler.wfile.write(data[: len(data) // 2])
    handler.close_connection = True


def hang_up(handler):
    """Close the connection without a word."""
    handler.close_connection = True
    handler.connection.close()


def drip(handler, seconds):
    """Send an answer so slowly that it never ends, a byte at a time."""
    handler.send_response(200)
    handler.send_header("Content-Length", "100000")
    handler.end_headers()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        handler.wfile.write(b" ")
        handler.wfile.flush()
        time.sleep(0.02)
    handler.close_connection = True
