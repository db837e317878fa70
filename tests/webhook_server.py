"""A web server on 127.0.0.1 that takes what is posted to it; tests of webhooks and watches use it."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Posted:
    """One request: header names in lower case."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Taker:
    """What came, and what is answered: status, headers and body."""

    port: int = 0
    posted: list[Posted] = field(default_factory=list)
    status: int = 204
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    wait: threading.Event | None = None  # nothing is answered before it is set

    def url(self, path: str = "/hook") -> str:
        return f"http://127.0.0.1:{self.port}{path}"


@contextmanager
def taking() -> Iterator[Taker]:
    """Run the server for the block."""
    taker = Taker()

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            fields = {name.lower(): value for name, value in self.headers.items()}
            taker.posted.append(Posted(self.path, fields, body))
            if taker.wait is not None:
                taker.wait.wait(10)
            self.send_response(taker.status)
            for name, value in ({"Content-Length": str(len(taker.body))} | taker.headers).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(taker.body)

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

        def handle(self) -> None:
            try:
                super().handle()
            except OSError:  # whoever asked has gone
                self.close_connection = True

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    taker.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, name="webhook")
    thread.start()
    try:
        yield taker
    finally:
        if taker.wait is not None:
            taker.wait.set()
        server.shutdown()
        server.server_close()
        thread.join(5)
