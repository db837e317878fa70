"""What protects the site and its readers: headers, closed doors for strangers, and no other name for a local site.

The headers allow nothing that our pages do not need: no script, no frame, no font, nothing from elsewhere
(https://www.w3.org/TR/CSP3/). Encryption and HSTS are the business of the proxy in front.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from urllib.parse import parse_qsl, urlsplit

from aiwire.web.middleware.asgi import App, Message, Receive, Scope, Send, answer, header, paths_below
from aiwire.web.site import DATABASE_NAME

__all__ = ["CLOSED_PARAMETERS", "HEADERS", "host_of", "protected"]

HEADERS = {
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none';"
        " frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",  # for browsers that do not know frame-ancestors
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
}
# parameters of Datasette that run a reader's own SQL, reach past the tables asked for, tell how the server works, or
# say how long a cache keeps a page
CLOSED_PARAMETERS = frozenset(
    ("sql", "_where", "_through", "_extra", "_extras", "_trace", "_timelimit", "_searchmode", "_stream", "_ttl")
)
OPEN_INTERNALS = ("/-/static/", "/-/static-plugins/")
# Datasette's own databases, its pages about itself, whole databases
CLOSED_PATHS = re.compile(r"/(?:_memory|_internal)(?:[/.]|$)|/-(?:[/.]|$)|/[^/]*\.db$")
LOOPBACK = frozenset(("127.0.0.1", "localhost", "::1"))
MAX_PARAMETERS = 200
MAX_AGE_S = 60  # that a cache in front may keep an answer
# as a browser sends it: a name or an address, and a port
HOST = re.compile(r"(?P<name>[a-z0-9](?:[a-z0-9_.-]*[a-z0-9_])?\.?|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?", re.IGNORECASE)

Refusal = tuple[int, str]  # status, and why in words


def protected(app: App, *, is_public: bool, hosts: Collection[str] | None, mount: str = "/", origin: str = "") -> App:
    """Return the application behind the rules of a profile.

    Args:
        app: answers what the rules let through.
        is_public: strangers see it: closed doors, and no cookies either way.
        hosts: the names it answers to, beside those of this machine; None: any. A stranger's web page whose name was
            made to point to 127.0.0.1 (DNS rebinding) asks under its own name, and must not read a local site.
        mount: Datasette's setting base_url.
        origin: scheme and host of the site: every request is taken as one to them, whatever name it came under, so
            that no page that a cache may keep has links to a name that a stranger chose. "": as the request says.
    """
    known = None if hosts is None else LOOPBACK | {host.lower() for host in hosts}

    async def secured(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        dressed = _with_headers(send, is_public=is_public)
        refused = None if origin else _stranger(scope, known)
        refused = refused or (_closed(scope, mount) if is_public else _sent_to_a_page(scope, known, mount))
        if refused is not None:
            await answer(dressed, *refused)
            return
        await app(_anonymous(_at(scope, origin)) if is_public else scope, receive, dressed)

    return secured


def _stranger(scope: Scope, known: Collection[str] | None) -> Refusal | None:
    name = _host_name(header(scope, b"host"))
    if known is None or name in known:
        return None
    return 421, "This site does not answer to this name. If it has a name of its own, set base_url in aiwire.toml."


def _host_name(host: str) -> str:
    """Return the name in a Host header, without the port; "" if it is none."""
    found = HOST.fullmatch(host)
    return found["name"].strip("[]").rstrip(".").lower() if found else ""


def _sent_to_a_page(scope: Scope, known: Collection[str] | None, mount: str) -> Refusal | None:
    """Refuse to take what is sent to a table or query of ours, where Datasette stumbles; `/-/` is for such."""
    path = paths_below(scope, mount)[-1]
    is_page = path.startswith(f"/{DATABASE_NAME}/") and "/-/" not in path
    if known is None or not is_page or scope["method"] in ("GET", "HEAD", "OPTIONS"):
        return None
    return 405, "This page is for reading: GET and HEAD."


def _at(scope: Scope, origin: str) -> Scope:
    """Return the request as one to the site's own address."""
    if not origin:
        return scope
    parts = urlsplit(origin)
    headers = [(key, value) for key, value in scope["headers"] if key.lower() != b"host"]
    return {**scope, "scheme": parts.scheme, "headers": [(b"host", parts.netloc.encode()), *headers]}


def _closed(scope: Scope, mount: str) -> Refusal | None:
    """Return why a stranger may not have this, or None."""
    if scope["method"] not in ("GET", "HEAD"):
        return 405, "This site is for reading: GET and HEAD."
    for path in paths_below(scope, mount):
        if CLOSED_PATHS.match(path) and (not path.startswith(OPEN_INTERNALS) or ".." in path):
            return 404, "Not found."
    query = bytes(scope.get("query_string", b"")).decode("latin-1")
    try:
        asked = parse_qsl(query, keep_blank_values=True, max_num_fields=MAX_PARAMETERS)
    except ValueError:
        return 400, f"More than {MAX_PARAMETERS} parameters."
    closed = sorted({key for key, _ in asked} & CLOSED_PARAMETERS)
    return (403, f"Not offered here: {', '.join(closed)}.") if closed else None


def _anonymous(scope: Scope) -> Scope:
    """Return the request without what could tell readers apart: so that any cache may keep the answer."""
    private = (b"cookie", b"authorization")
    return {**scope, "headers": [(key, value) for key, value in scope["headers"] if key.lower() not in private]}


def _with_headers(send: Send, *, is_public: bool) -> Send:
    async def dressed(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = _dressed(message.get("headers", ()), is_public=is_public)
            if is_public:
                headers = _cached(headers, int(message["status"]))
            message = {**message, "headers": headers}
        await send(message)

    return dressed


def _dressed(headers: Iterable[tuple[bytes, bytes]], *, is_public: bool) -> list[tuple[bytes, bytes]]:
    ours = {name.encode() for name in HEADERS} | {b"server", b"x-powered-by"}
    if is_public:
        ours |= {b"set-cookie", b"vary"}  # answers do not vary with what is not read
    kept = [(key, value) for key, value in headers if key.lower() not in ours]
    return kept + [(name.encode(), value.encode()) for name, value in HEADERS.items()]


def _cached(headers: list[tuple[bytes, bytes]], status: int) -> list[tuple[bytes, bytes]]:
    """Say how long a cache may keep an answer: what was found for a minute, unless it says itself; an error never."""
    if status >= 400:
        kept = [(key, value) for key, value in headers if key.lower() != b"cache-control"]
        return [*kept, (b"cache-control", b"no-store")]
    if status == 200 and not any(key.lower() == b"cache-control" for key, _ in headers):
        return [*headers, (b"cache-control", f"public, max-age={MAX_AGE_S}".encode())]
    return headers


def host_of(base_url: str) -> frozenset[str]:
    """Return the name of a site's address, as a set of one or none."""
    name = urlsplit(base_url).hostname
    return frozenset((name.lower(),)) if name else frozenset()
