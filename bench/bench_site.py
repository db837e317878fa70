"""Measure the pages of the site on a generated database of 200,000 articles and 2 million mentions (`site_archive.py`).

pages       every page of ours, from `aiwire serve` in a process of its own over a real socket, against a bare Datasette
            (no plugin, no metadata, facets not suggested: its quickest form) that shows 50 rows of `articles`: the
            median at most 3 times; p95 at most 3 times the page's own median. Requests to both servers take turns in
            an order that is shuffled each round. Absolute times stand beside: 100 ms is the aim.
crowd       6 clients that send slow queries to `aiwire serve --public` without a pause, and 6 that ask for its heavy
            pages: the median of a cheap page at most 10 times what it is when nobody else asks. The copy holds all
            texts; a query that is refused would not count as slow: all are such as the profile answers.

What counts is the time until the whole answer is there. The file is in memory as far as the system keeps it there, as
on a site that is visited.

usage: python bench/bench_site.py [--folder DIR] [--articles N] [--rounds N] [--skip-crowd] [--json]
"""

from __future__ import annotations

import argparse
import json
import os
import random
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict, dataclass
from http.client import HTTPConnection
from pathlib import Path

from site_archive import FIRST, Scale, make, stamp

BOUND, OWN_BOUND, CROWD_BOUND = 3.0, 3.0, 10.0  # targets
MENTIONS_PER_ARTICLE = 10
CLIENTS = 6
WARM_UP = 3
CROWD_REQUESTS = 60
START_S = 60.0  # that a server may take to answer

BARE_SERVER = """
import sys
sys._called_from_test = True  # so that Datasette loads no plugin but its own
from datasette.cli import cli
settings = ["--setting", "suggest_facets", "off", "--setting", "default_page_size", "50"]
cli(["serve", sys.argv[1], "--port", sys.argv[2], *settings])
"""
BARE_PAGE = "/news/articles"


@dataclass(frozen=True, slots=True)
class Timed:
    """The times of one page in milliseconds."""

    name: str
    path: str
    median: float
    p95: float
    ratio: float  # of its median to that of the bare page
    kilobytes: float

    @property
    def is_met(self) -> bool:
        return self.ratio <= BOUND and self.p95 <= OWN_BOUND * self.median


def pages(db: Path) -> dict[str, str]:
    """Return the pages that are measured, and where each is: frequent things, as they cost most."""
    with closing(sqlite3.connect(f"file:{db}?mode=ro", uri=True)) as conn:
        (newest,) = conn.execute("SELECT id FROM articles ORDER BY dated_at DESC, id LIMIT 1").fetchone()
        (edited,) = conn.execute("SELECT article_id FROM article_versions ORDER BY article_id LIMIT 1").fetchone()
        (week,) = conn.execute("SELECT max(week) FROM entity_signals").fetchone()
        (rare,) = conn.execute("SELECT entity_id FROM trends_monthly ORDER BY articles, entity_id LIMIT 1").fetchone()
    company, _, accelerator, theme, *_ = FIRST
    return {
        "home": "/",
        "article": f"/news/articles/{newest}",
        "article with versions": f"/news/articles/{edited}",
        "article list": "/news/articles",
        "company": f"/news/entities/{company}",
        "company, 3 years": f"/news/entities/{company}?weeks=156",
        "accelerator": f"/news/entities/{accelerator}",
        "theme": f"/news/entities/{theme}",
        "rare entity": f"/news/entities/{rare}",
        "compare": f"/news/compare?entities={','.join(FIRST[:5])}",
        "search, common word": "/news/search?q=supply",
        "search, three words": "/news/search?q=supply+power+memory",
        "search, rare phrase": "/news/search?q=%22wafer+lease%22",
        "search in an entity": f"/news/search?q=market&entity={company}",
        "TCO": "/news/tco",
        "sources": "/news/sources",
        "source": "/news/sources/source-000",
        "about the data": "/news/about_the_data",
        "feed": "/news/feed.atom",
        "feed of an entity": f"/news/feed_of_entity.atom?entity_id={company}",
        "latest": "/news/latest",
        "news of an entity": f"/news/entity_news?entity_id={company}",
        "evidence of a week": f"/news/evidence?grain=week&period={week}&entity_id={company}&segment=all",
        "trend": f"/news/trend?entity_id={company}",
        "co-mentions": f"/news/co_mentions?entity_id={company}",
        "tables and queries": "/news",
        "source lift": f"/news/source_lift?entity_id={company}",
        "weeks compared": "/news/compare_weeks",
        "copied stories": "/news/copied_stories",
        "source coverage": "/news/source_coverage",
        "prices quoted": f"/news/prices_quoted?accelerator={accelerator}",
        "price history": f"/news/price_history_of?accelerator={accelerator}",
        "evidence of a month": f"/news/evidence?grain=month&period={week}&entity_id={company}&segment=all",
    }


# ---------------------------------------------------------------- servers


@contextmanager
def server(command: Sequence[str], port: int) -> Iterator[int]:
    """Run a server until the block ends; yield its port once it answers."""
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            _wait(process, port)
            yield port
        finally:
            process.terminate()


def _wait(process: subprocess.Popen[bytes], port: int) -> None:
    stop = time.monotonic() + START_S
    while time.monotonic() < stop:
        if process.poll() is not None:
            raise SystemExit(f"a server ended with {process.returncode}: {process.args}")
        try:
            get(port, "/robots.txt")
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit(f"a server does not answer: {process.args}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def ours(db: Path, port: int, *more: str) -> list[str]:
    return [sys.executable, "-P", "-m", "aiwire", "serve", "--db", str(db), "--port", str(port), *more]


def bare(db: Path, port: int) -> list[str]:
    return [sys.executable, "-P", "-c", BARE_SERVER, str(db), str(port)]


def get(port: int, path: str) -> tuple[int, bytes]:
    """Return status and body of one request, over a connection of its own."""
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    with closing(connection):
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read()


def timed(port: int, path: str) -> tuple[float, int]:
    """Return milliseconds and bytes of one request.

    Raises:
        SystemExit: it is no 200: there would be nothing to measure.
    """
    began = time.perf_counter()
    status, body = get(port, path)
    took = (time.perf_counter() - began) * 1000
    if status != 200:
        raise SystemExit(f"{path}: answered with {status}")
    return took, len(body)


# ---------------------------------------------------------------- pages


def measure_pages(db: Path, rounds: int) -> tuple[float, list[Timed]]:
    """Return the median of the bare page, and the times of ours."""
    with ExitStack() as stack:
        plain = stack.enter_context(server(bare(db, port := free_port()), port))
        site = stack.enter_context(server(ours(db, port := free_port()), port))
        asked = {"bare": (plain, BARE_PAGE)} | {name: (site, path) for name, path in pages(db).items()}
        times: dict[str, list[float]] = {name: [] for name in asked}
        sizes: dict[str, int] = {}
        order = random.Random(11)
        for number in range(WARM_UP + rounds):
            for name in order.sample(sorted(asked), len(asked)):
                took, sizes[name] = timed(*asked[name])
                if number >= WARM_UP:
                    times[name].append(took)
    bound = statistics.median(times.pop("bare"))
    return bound, [_summary(name, asked[name][1], found, bound, sizes[name]) for name, found in times.items()]


def _summary(name: str, path: str, times: list[float], bound: float, size: int) -> Timed:
    median = statistics.median(times)
    p95 = statistics.quantiles(times, n=20, method="inclusive")[-1]
    return Timed(name, path, median, p95, median / bound, size / 1000)


# ---------------------------------------------------------------- crowd


@dataclass(frozen=True, slots=True)
class Crowd:
    """A cheap page with and without others, in milliseconds; what the others were answered."""

    name: str
    idle: float
    crowded: float
    answers: dict[int, int]  # status -> how often

    @property
    def is_met(self) -> bool:
        return self.crowded < CROWD_BOUND * self.idle


def slow() -> dict[str, tuple[str, ...]]:
    """Return what the clients of each crowd ask for, in turn."""
    company = FIRST[0]
    return {
        "slow queries": (
            "/news/mentions.json?surface__contains=zzz&_sort=confidence",
            "/news/article_entities?_sort_desc=salience",
            f"/news/source_lift?entity_id={company}",
            f"/news/co_mentions?entity_id={company}",
            "/news/articles?title__contains=zzz",
            f"/news/evidence.csv?grain=month&entity_id={company}",
            "/news/search?q=sup*",
        ),
        "heavy pages": ("/", "/news/sources", "/news/tco", f"/news/entities/{FIRST[2]}", f"/news/entities/{company}"),
    }


def measure_crowds(db: Path, folder: Path) -> list[Crowd]:
    """Return how a cheap page does beside clients that ask for one heavy thing after the other."""
    publish = [sys.executable, "-P", "-m", "aiwire", "publish", "--db", str(db), str(folder)]
    subprocess.run(publish, check=True, stdout=subprocess.DEVNULL, env=os.environ | {"AIWIRE_TEXT_POLICY": "full"})
    cheap = _articles(db, 2 * CROWD_REQUESTS)
    return [measure_crowd(folder / "news.db", name, cheap, asked) for name, asked in slow().items()]


def _articles(db: Path, count: int) -> list[str]:
    """Return the addresses of articles: each is asked for once, as the public site keeps pages in memory."""
    with closing(sqlite3.connect(f"file:{db}?mode=ro", uri=True)) as conn:
        rows = conn.execute("SELECT id FROM articles ORDER BY dated_at DESC, id LIMIT ?", [count])
        return [f"/news/articles/{row[0]}" for row in rows]


def measure_crowd(copy: Path, name: str, cheap: list[str], asked: tuple[str, ...]) -> Crowd:
    """Return how a cheap page does beside one crowd; the server has just started."""
    with server(ours(copy, port := free_port(), "--public"), port):
        idle = _median_of(port, cheap[:CROWD_REQUESTS])
        stop = threading.Event()
        answers: dict[int, int] = {}
        clients = [threading.Thread(target=_ask_on, args=(port, asked, n, stop, answers)) for n in range(CLIENTS)]
        for client in clients:
            client.start()
        time.sleep(2)
        crowded = _median_of(port, cheap[CROWD_REQUESTS:])
        stop.set()
        for client in clients:
            client.join()
    return Crowd(name, idle, crowded, answers)


def _median_of(port: int, paths: Sequence[str]) -> float:
    return statistics.median(timed(port, path)[0] for path in paths)


def _ask_on(port: int, asked: tuple[str, ...], number: int, stop: threading.Event, answers: dict[int, int]) -> None:
    while not stop.is_set():
        for path in asked[number:] + asked[:number]:
            if stop.is_set():
                return
            status, _ = get(port, path)
            answers[status] = answers.get(status, 0) + 1


# ---------------------------------------------------------------- report


def report(bound: float, found: Sequence[Timed], crowds: Sequence[Crowd]) -> None:
    """Print what was measured."""
    print(f"bare Datasette, 50 rows of articles: {bound:.1f} ms\n")
    print(f"{'page':24} {'median ms':>10} {'p95 ms':>8} {'x bare':>7} {'p95/own':>8} {'kB':>6}")
    for one in found:
        mark = "" if one.is_met else "  MISSED"
        print(
            f"{one.name:24} {one.median:10.1f} {one.p95:8.1f} {one.ratio:7.2f} {one.p95 / one.median:8.2f}"
            f" {one.kilobytes:6.0f}{mark}"
        )
    worst = max(found, key=lambda one: one.ratio)
    print(f"\nslowest: {worst.name}, {worst.ratio:.2f} x bare (at most {BOUND:g})")
    for crowd in crowds:
        said = ", ".join(f"{count} x {status}" for status, count in sorted(crowd.answers.items()))
        print(
            f"cheap page of the public site: {crowd.idle:.1f} ms alone, {crowd.crowded:.1f} ms beside {CLIENTS} clients"
            f" with {crowd.name} (answers: {said}): {crowd.crowded / crowd.idle:.1f} x (below {CROWD_BOUND:g})"
        )


def database(folder: Path, size: Scale) -> Path:
    """Return the database of that size in a folder, made if it is not there as it is made now."""
    folder.mkdir(parents=True, exist_ok=True)
    path, note = folder / "news.db", folder / "news.stamp"
    wanted = stamp(size)
    if not (path.exists() and note.exists() and note.read_text() == wanted):
        print(f"making {path}: {size.articles:,} articles, {size.mentions:,} mentions", file=sys.stderr)
        note.unlink(missing_ok=True)
        make(path, size)
        note.write_text(wanted)
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--folder", type=Path, help="where the database is made and kept [default: a temporary one]")
    parser.add_argument("--articles", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--skip-crowd", action="store_true")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    if given.folder is None:
        with tempfile.TemporaryDirectory() as temporary:
            run(given, Path(temporary))
    else:
        run(given, given.folder)


def run(given: argparse.Namespace, folder: Path) -> None:
    """Measure and report.

    Raises:
        SystemExit: with 1, if a target is missed.
    """
    db = database(folder, Scale(given.articles, given.articles * MENTIONS_PER_ARTICLE))
    bound, found = measure_pages(db, given.rounds)
    crowds = [] if given.skip_crowd else measure_crowds(db, folder / "public")
    if given.json:
        told = {"bare_ms": bound, "pages": [asdict(one) for one in found], "crowds": [asdict(one) for one in crowds]}
        print(json.dumps(told, indent=1))
    else:
        report(bound, found, crowds)
    if not all(one.is_met for one in [*found, *crowds]):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
