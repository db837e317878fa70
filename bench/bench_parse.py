"""Compare the CPU time of reading feeds of which one item is new with feedparser's for the same bytes.

Every feed is read once, untimed, to know its items; then all but one of them count as seen. Both feedparser with its
default options and without sanitising and link resolution read the whole document, as they have no memory. All three
take turns on each feed within one process.

usage: python bench/bench_parse.py [--feeds N] [--rounds N] [--json] [FOLDER]
"""

from __future__ import annotations

import argparse
import gzip
import io
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import feedparser

from aiwire.exceptions import ParseError
from ingest.feeds.parse import parse_feed

SHARED = Path(__file__).resolve().parents[2] / "shared" / "feeds"
TARGET = 5.0
_PEERS = ("aiwire", "feedparser", "feedparser_fast")


def feeds(folder: Path, count: int | None) -> list[bytes]:
    """Return the XML feeds of a folder, gzipped or not; JSON feeds are none of feedparser's."""
    files = sorted(path for path in folder.iterdir() if path.suffix in (".gz", ".xml", ".rss", ".atom"))
    bodies = (gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes() for path in files)
    documents = [body for body in bodies if b"<" in body[:2000] and body.lstrip()[:1] not in (b"{", b"[")]
    return documents[:count]


def own_feeds(count: int) -> list[bytes]:
    """Return feeds of our own making, for where no real ones are at hand."""
    text = "<p>The provider added <b>{n}</b> servers to its data centre &amp; <a href='/{n}'>said why</a>.</p>" * 20
    item = (
        "<item><title>Item {n}</title><link>https://example.org/{n}</link><guid>{n}</guid>"
        "<pubDate>Mon, 02 Mar 2026 06:00:00 GMT</pubDate><description><![CDATA[" + text + "]]></description></item>"
    )
    head = "<?xml version='1.0'?><rss version='2.0'><channel><title>Feed {n}</title>"
    return [
        (head.format(n=n) + "".join(item.format(n=n * 1000 + i) for i in range(30)) + "</channel></rss>").encode()
        for n in range(count)
    ]


def all_but_one(body: bytes) -> frozenset[str]:
    """Return the digests of all items but the first."""
    try:
        entries = parse_feed(body).entries
    except ParseError:
        return frozenset()
    return frozenset(entry.digest for entry in entries[1:] if entry.digest)


def cpu(function: Callable[[], object]) -> float:
    started = time.process_time()
    function()
    return time.process_time() - started


def measure(documents: list[bytes], rounds: int) -> dict[str, float]:
    """Return the CPU seconds that each took for all feeds: its best round."""
    seen = [all_but_one(body) for body in documents]
    best = dict.fromkeys(_PEERS, float("inf"))
    for _ in range(rounds):
        spent = dict.fromkeys(_PEERS, 0.0)
        for body, known in zip(documents, seen, strict=True):
            spent["aiwire"] += cpu(lambda b=body, k=known: _ours(b, k))
            spent["feedparser"] += cpu(lambda b=body: feedparser.parse(io.BytesIO(b)))
            spent["feedparser_fast"] += cpu(
                lambda b=body: feedparser.parse(io.BytesIO(b), sanitize_html=False, resolve_relative_uris=False)
            )
        best = {name: min(best[name], spent[name]) for name in _PEERS}
    return best


def _ours(body: bytes, known: frozenset[str]) -> None:
    try:
        parse_feed(body, seen=known)
    except ParseError:
        return


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, default=SHARED, help="of feeds (default: ../shared/feeds)")
    parser.add_argument("--feeds", type=int, help="how many")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    real = options.folder.is_dir()
    documents = feeds(options.folder, options.feeds) if real else own_feeds(options.feeds or 40)
    spent = measure(documents, options.rounds)
    result: dict[str, object] = {
        "feeds": len(documents),
        "real": real,
        "megabytes": round(sum(map(len, documents)) / 1e6, 1),
        "cpu_s": {name: round(seconds, 3) for name, seconds in spent.items()},
        "ratio": round(spent["feedparser"] / spent["aiwire"], 2),
        "ratio_fast": round(spent["feedparser_fast"] / spent["aiwire"], 2),
    }
    if options.json:
        print(json.dumps(result))
        return 0
    print(f"{result['feeds']} {'real' if real else 'made'} feeds, {result['megabytes']} MB, one new item each")
    for name, seconds in spent.items():
        print(f"  {name:16} {seconds:8.3f} s CPU   {seconds / spent['aiwire']:5.1f}x")
    reached = spent["feedparser"] >= TARGET * spent["aiwire"]
    print(f"{'reached' if reached else 'MISSED'}: at least {TARGET:g}x less than feedparser")
    return 0 if reached else 1


if __name__ == "__main__":
    sys.exit(main())
