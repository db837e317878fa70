"""Pages of a public copy are made once and kept for a minute: the copy does not change while it is served.

So a crowd that asks for the same heavy pages, which the gate lets pass, costs one page a minute; and of requests for
one page at the same time, one makes it and the others wait for it.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiwire.web.middleware.asgi import App, Message, Receive, Scope, Send, header

__all__ = ["Keep", "cached"]

Key = tuple[str, str, bytes, bytes]


@dataclass(frozen=True, slots=True)
class Keep:
    """How much is kept, and how long."""

    seconds: float = 60.0
    most_bytes: int = 32 * 1024 * 1024  # of all pages; the one that was asked for longest ago goes first
    page_bytes: int = 512 * 1024  # of one page; a larger one is not kept


@dataclass(frozen=True, slots=True)
class _Page:
    messages: tuple[Message, ...]
    size: int
    made_at: float  # by the event loop's clock


def cached(app: App, keep: Keep | None = None) -> App:
    """Return the application with a memory for its HTML pages."""
    limits = keep or Keep()
    pages: OrderedDict[Key, _Page] = OrderedDict()
    under_way: dict[Key, asyncio.Lock] = {}

    def found(key: Key) -> _Page | None:
        page = pages.get(key)
        if page is None or page.made_at + limits.seconds < asyncio.get_running_loop().time():
            return None
        pages.move_to_end(key)
        return page

    def add(key: Key, page: _Page) -> None:
        pages[key] = page
        pages.move_to_end(key)
        while sum(one.size for one in pages.values()) > limits.most_bytes:
            pages.popitem(last=False)

    async def made(key: Key, scope: Scope, receive: Receive) -> _Page:
        page = await _recorded(app, scope, receive)
        if _is_worth_keeping(page, limits):
            add(key, page)
        return page

    async def cache(scope: Scope, receive: Receive, send: Send) -> None:
        if not _is_page(scope):
            await app(scope, receive, send)
            return
        key = _key(scope)
        page = found(key)
        if page is None:
            try:
                async with under_way.setdefault(key, asyncio.Lock()):
                    page = found(key) or await made(key, scope, receive)
            finally:
                under_way.pop(key, None)
        for message in page.messages:
            await send(dict(message))

    return cache


def _is_page(scope: Mapping[str, Any]) -> bool:
    """Tell whether a request is for a page: its address has no extension, and it is nobody's own (no cookie)."""
    if scope["type"] != "http" or scope["method"] != "GET" or header(scope, b"cookie"):
        return False
    path = str(scope["path"])
    return "." not in path.rpartition("/")[2] and "/-/" not in path


def _key(scope: Mapping[str, Any]) -> Key:
    """Return what a page depends on: links that leave the site are made with scheme and host, too."""
    sent = scope.get("raw_path") or str(scope["path"]).encode()
    return str(scope.get("scheme", "")), header(scope, b"host"), bytes(sent), bytes(scope.get("query_string") or b"")


async def _recorded(app: App, scope: Scope, receive: Receive) -> _Page:
    messages: list[Message] = []

    async def record(message: Message) -> None:
        messages.append(message)

    await app(scope, receive, record)
    size = sum(len(message.get("body", b"")) for message in messages)
    return _Page(tuple(messages), size, asyncio.get_running_loop().time())


def _is_worth_keeping(page: _Page, limits: Keep) -> bool:
    start = page.messages[0] if page.messages else {}
    if start.get("status") != 200 or page.size > limits.page_bytes:
        return False
    return header(start, b"content-type").startswith("text/html") and not header(start, b"set-cookie")
