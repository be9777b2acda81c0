"""A hub of this machine: it answers what its client asks to send files, and keeps what it was sent."""

import base64
import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import yaml

TOKEN = "hf_of_somebody_who_may"
ELSEWHERE = "hf_of_somebody_else"  # known, and not allowed to write


class Hub(ThreadingHTTPServer):
    """Its repositories, by kind and name, and the files in them."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Answers)
        self.repositories = {"datasets/me/there": {}}
        self.private = set()
        self.asked = []
        self.commits = []

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"


@contextmanager
def hub():
    server = Hub()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        self._answer(self._repository)

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path = self.path.partition("?")[0]
        ends = {"create": self._create, "validate-yaml": self._check_card, "discussions": self._propose}
        answer = ends.get(path.rpartition("/")[2], self._take)
        self._answer(lambda: answer(path, body))

    def _answer(self, answer):
        self.server.asked.append((self.command, self.path, self.headers.get("Authorization", "")))
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if self.path.startswith("/api/validate-yaml"):  # which the hub does for anybody
            self._send(*answer())
        elif token not in (TOKEN, ELSEWHERE):
            self._send(401, {"error": "Invalid username or password."})
        elif token == ELSEWHERE and self.command == "POST":
            self._send(403, {"error": "You don't have the rights"})
        else:
            self._send(*answer())

    def _send(self, status, values, code=""):
        content = json.dumps(values).encode()
        self.send_response(status)
        if code:
            self.send_header("X-Error-Code", code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _repository(self):
        name = self.path.partition("?")[0].removeprefix("/api/")
        if name.endswith("/discussions/1"):
            return self._proposal(name)
        if name not in self.server.repositories:
            return 404, {"error": "Repository not found"}, "RepoNotFound"
        return 200, {
            "id": name.partition("/")[2],
            "sha": "0" * 40,
            "private": False,
            "tags": [],
            "siblings": [],
        }

    def _propose(self, path, body):
        return 200, {"num": 1, "title": json.loads(body)["title"]}

    def _proposal(self, name):
        kind, _, repository = name.removesuffix("/discussions/1").partition("/")
        return 200, {
            "num": 1, "title": "", "status": "draft", "isPullRequest": True, "events": [],
            "changes": {"base": "main"}, "filesWithConflicts": [], "createdAt": "2026-01-01T00:00:00.000Z",
            "repo": {"name": repository, "type": kind.removesuffix("s")},
        }  # fmt: skip

    def _create(self, path, body):
        asked = json.loads(body)
        name = f"{asked.get('type', 'model')}s/{asked['organization']}/{asked['name']}"
        self.server.repositories.setdefault(name, {})
        if asked.get("visibility") == "private" or asked.get("private"):
            self.server.private.add(name)
        return 200, {"url": f"{self.server.url}/{name}"}

    def _check_card(self, path, body):
        content = json.loads(body)["content"]
        metadata = yaml.safe_load(content.split("---\n")[1])
        errors = [] if isinstance(metadata, dict) else [{"message": "metadata is no mapping"}]
        return (400 if errors else 200), {"errors": errors, "warnings": []}

    def _take(self, path, body):
        name, _, rest = path.removeprefix("/api/").partition("/preupload/")
        if rest:
            files = [
                {"path": file["path"], "uploadMode": "regular", "shouldIgnore": False}
                for file in json.loads(body)["files"]
            ]
            return 200, {"files": files}
        name = name.partition("/commit/")[0]
        sent = [json.loads(line) for line in body.splitlines()]
        for each in sent:
            if each["key"] == "file":
                content = base64.b64decode(each["value"]["content"])
                self.server.repositories[name][each["value"]["path"]] = content
        self.server.commits.append(sent[0]["value"]["summary"])
        url = f"{self.server.url}/{name}"
        return 200, {
            "commitUrl": f"{url}/commit/{'a' * 40}",
            "commitOid": "a" * 40,
            "pullRequestUrl": f"{url}/discussions/1",
        }
