"""What the tests of the dashboard's server share: the server at work, and who asks it."""

import http.client
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "cli"))
from command_line import NEEDED_BY_ALL, PATIENCE_S, TIDINGS  # noqa: E402, F401
from parking import Parking  # noqa: E402

ACTION = {"Content-Type": "application/json", "X-Tidings-Action": "1"}


class Stream:
    """Server-sent events, as they come."""

    def __init__(self, port, path, headers=None):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)
        lines = [f"GET {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", *(f"{name}: {value}" for name, value in (headers or {}).items())]
        self.socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        self.buffer = b""
        head = self.until(b"\r\n\r\n")
        self.status = int(head.split()[1])

    def until(self, end):
        while end not in self.buffer:
            some = self.socket.recv(65536)
            if not some:
                raise EOFError(self.buffer)
            self.buffer += some
        text, self.buffer = self.buffer.split(end, 1)
        return text.decode()

    def next(self, wanted=None):
        """The next message, or the next of that name: its name, and what it says."""
        while True:
            fields = dict(line.split(": ", 1) for line in self.until(b"\n\n").splitlines() if line and not line.startswith(":"))
            if "event" in fields and wanted in (None, fields["event"]):
                return fields["event"], json.loads(fields["data"])

    def close(self):
        self.socket.close()


class Watching(Parking):
    def setUp(self):
        super().setUp()
        self.streams = []

    def tearDown(self):
        for stream in self.streams:
            stream.close()
        super().tearDown()

    def watch(self, *options):
        """Starts a dashboard; its process. Its port is `self.port`."""
        process = self.start("dashboard", "--listen", "127.0.0.1:0", *options)
        self.url = self.line_of(process.stdout).strip()
        self.port = urllib.parse.urlparse(self.url).port
        return process

    def leave_dashboard(self, process):
        process.send_signal(signal.SIGTERM)
        self.end_of(process, 143)

    def ask(self, path, method="GET", body=None, headers=None, status=200, **query):
        """The answer's JSON, or its text."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        try:
            target = path + ("?" + urllib.parse.urlencode(query, doseq=True) if query else "")
            connection.request(method, target, body=body, headers=headers or {})
            answer = connection.getresponse()
            text = answer.read().decode()
            self.head = dict(answer.getheaders())
            self.assertEqual(answer.status, status, f"{target}: {text[:500]}")
            return json.loads(text) if answer.getheader("Content-Type") == "application/json" else text
        finally:
            connection.close()

    def api(self, path, status=200, **query):
        return self.ask("/api/v1/" + path, status=status, **query)

    def act(self, path, status=200, **body):
        return self.ask("/api/v1/" + path, "POST", json.dumps(body), ACTION, status)

    def listen(self, path, **query):
        stream = Stream(self.port, "/api/v1/" + path + ("?" + urllib.parse.urlencode(query, doseq=True) if query else ""))
        self.streams.append(stream)
        return stream

    def group_of(self, name, topic="orders"):
        for group in self.api("overview")["groups"]:
            if (group["group"], group["topic"]) == (name, topic):
                return group
        return None
