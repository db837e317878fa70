"""What the wrappers around Datasette share: the shapes of ASGI (https://asgi.readthedocs.io), and a short answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from datasette.utils import tilde_decode

__all__ = ["App", "Message", "Receive", "Scope", "Send", "answer", "header", "paths_below"]

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


async def answer(send: Send, status: int, words: str, headers: Mapping[str, str] | None = None) -> None:
    """Send a line of plain text."""
    body = f"{words}\n".encode()
    sent = {
        "content-type": "text/plain; charset=utf-8",
        "content-length": str(len(body)),
        "cache-control": "no-store",
        **(headers or {}),
    }
    coded = [(name.encode(), value.encode()) for name, value in sent.items()]
    await send({"type": "http.response.start", "status": status, "headers": coded})
    await send({"type": "http.response.body", "body": body})


def header(message: Mapping[str, Any], name: bytes) -> str:
    """Return a header of a request's scope or of a message that starts an answer, "" if it is not there."""
    return next((str(value.decode("latin-1")) for key, value in message["headers"] if key.lower() == name), "")


def paths_below(scope: Mapping[str, Any], mount: str) -> tuple[str, ...]:
    """Return a request's path below Datasette's setting base_url in all the ways in which it may be read.

    As it was sent (Datasette routes by it), with %xx decoded, and with Datasette's own ~xx decoded.
    """
    raw = scope.get("raw_path") or str(scope["path"]).encode()
    sent = bytes(raw).decode("latin-1").partition("?")[0]
    ways = (sent, str(scope["path"]), tilde_decode(sent))
    return tuple(f"/{path.removeprefix(mount)}" if path.startswith(mount) else path for path in ways)
