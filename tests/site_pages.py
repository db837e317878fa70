"""A site over the demo's news, a walk over all its pages, and what must hold of each of them."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urldefrag, urljoin, urlsplit

from datasette.app import Datasette
from lxml import html

from aiwire.web.server import make_datasette

ORIGIN = "http://localhost"
# every kind of page once or more; the walk adds what they link to
PAGES = (
    "/",
    "/news",
    "/news/articles",
    "/news/entities",
    "/news/entities/nvidia",
    "/news/entities/nvidia-h100",
    "/news/entities/data-sovereignty",
    "/news/compare?entities=nvidia,amd,nvidia-h100",
    "/news/search?q=cloud",
    "/news/tco",
    "/news/sources",
    "/news/about_the_data",
    "/news/latest",
    "/news/accelerators",
    "/news/no_such_table",
    "/news/entities/no-such-entity",
)
FORBIDDEN = ("script", "iframe", "object", "embed", "base", "style", "frame", "applet", "marquee")
RUNNING = ("javascript:", "data:text/html", "vbscript:")


def make_demo(folder: Path) -> Path:
    """Run `aiwire demo` and return its database."""
    command = [sys.executable, "-P", "-m", "aiwire", "demo", str(folder)]
    subprocess.run(command, check=True, capture_output=True, cwd=folder)
    return folder / "news.db"


@contextmanager
def serving(database: Path, *options: str) -> Iterator[str]:
    """Run `aiwire serve` over a database in a process of its own; yield the address of the site."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-P", "-m", "aiwire", "serve", "--db", str(database), "--port", str(port), *options]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            _wait(f"http://127.0.0.1:{port}/robots.txt", server)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()


def _wait(url: str, server: subprocess.Popen[bytes]) -> None:
    stop = time.monotonic() + 30
    while True:
        try:
            urllib.request.urlopen(url, timeout=5).close()
        except OSError:
            if time.monotonic() > stop or server.poll() is not None:
                raise
            time.sleep(0.1)
        else:
            return


@dataclass(frozen=True)
class Answer:
    """A page as it came."""

    path: str
    status: int
    content_type: str
    body: str


async def walk(database: Path, starts: tuple[str, ...] = PAGES, *, most: int = 400, **options: object) -> list[Answer]:
    """Return the pages that can be reached by links, breadth first; of addresses that differ in values, a few."""
    datasette = make_datasette(database, **options)
    try:
        return await _walk(datasette, starts, most)
    finally:
        datasette.get_database("news").close()


async def _walk(datasette: Datasette, starts: tuple[str, ...], most: int) -> list[Answer]:
    waiting, seen, shapes, found = deque(starts), set(starts), {}, []
    while waiting and len(found) < most:
        path = waiting.popleft()
        answer = await datasette.client.get(path, follow_redirects=True)
        found.append(Answer(path, answer.status_code, answer.headers.get("content-type", ""), answer.text))
        if not found[-1].content_type.startswith("text/html"):
            continue
        for link in _links(path, answer.text):
            shape = _shape(link)
            if link not in seen and shapes.get(shape, 0) < 4:
                shapes[shape] = shapes.get(shape, 0) + 1
                seen.add(link)
                waiting.append(link)
    return found


def _links(path: str, body: str) -> list[str]:
    """Return the addresses within the site that a page links to."""
    found = []
    for _, _, link, _ in html.document_fromstring(body).iterlinks():
        address, _ = urldefrag(urljoin(ORIGIN + path, link))
        parts = urlsplit(address)
        if f"{parts.scheme}://{parts.netloc}" == ORIGIN and "/-/" not in parts.path:
            found.append(address.removeprefix(ORIGIN) or "/")
    return found


def _shape(link: str) -> tuple[str, ...]:
    """Return what an address has in common with others of its kind: the path without the key, names of parameters."""
    parts = urlsplit(link)
    steps = parts.path.split("/")
    names = sorted({pair.partition("=")[0] for pair in parts.query.split("&")})
    extension = steps[-1].rpartition(".")[2] if "." in steps[-1] else ""
    return (*steps[:3], str(len(steps)), extension, *names)


def running_parts(body: str) -> list[str]:
    """Return what a browser would run, fetch from elsewhere or style by: scripts, handlers, frames, odd addresses."""
    found = []
    for element in html.document_fromstring(body).iter():
        if not isinstance(element.tag, str):
            continue
        if element.tag in FORBIDDEN or (element.tag == "meta" and "http-equiv" in element.attrib):
            found.append(f"<{element.tag}>")
        for name, value in element.attrib.items():
            squeezed = re.sub(r"[\s\x00-\x1f]", "", value).lower()
            if name.startswith("on") or name == "style" or squeezed.startswith(RUNNING):
                found.append(f"{element.tag} {name}={value[:60]}")
            if name in ("src", "srcset", "data", "poster", "background") and "//" in squeezed:
                found.append(f"{element.tag} {name}={value[:60]}")
    return found
