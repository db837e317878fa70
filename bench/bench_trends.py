"""Measure rollups, exports and story clustering on a generated database of a million articles (`trends_archive.py`).

1,000 new articles of the newest two days are saved as `aiwire run` saves them, with their real texts and sketches and
with made-up tags; a tenth of them are edited copies of stored articles. Then:

rollup      the part of that save in `refresh_entities`, in one transaction, against a rebuild of all rollups: at most
            1/100. Not in either: the commit.
            Beside it the same if the articles come 10 at once, each time in a transaction of their own.
export      `aiwire export trends -o FILE` in a process of its own, start to end (weeks, all entities, default
            window), against `sqlite3 -csv FILE "SELECT * FROM rows"` of the same rows, kept in a table with their
            types: at most 3 times. Peak memory of the export beside it.
clustering  the part of that save in `db.stories`, and the sketches, against tagging the same 1,000 texts, sketches
            not counted: at most 2 times. Not in it: what any save costs (rows, tags, full-text index), the commit.

Wall clocks decide. On a machine that is busy with other things, the ratios of CPU seconds say more. The file is read
into memory before, as far as that goes; the save is also measured with nothing of it in memory, as after a restart.
The saves are rolled back: the database stays as it was made, and is used again.

usage: python bench/bench_trends.py [--folder DIR] [--articles N] [--mentions N] [--entities N] [--new N] [--rounds N]
       [--json]
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import IO, Any
from unittest import mock

import numpy as np
from bench_tagging import texts_of
from trends_archive import NOW, SOURCES, Known, Scale, entities, make, stamp, zipf

import db.tags
from aiwire.types import ArticleText, ArticleUpdate, Mention, Tag, Tagging, iso
from db.articles import insert_article
from db.connection import connect
from db.store import save_taggings
from db.trends import rebuild
from nlp.pipeline import load_tagger, tag_articles
from nlp.similarity import sketch

ROLLUP, EXPORT, CLUSTERING = 1 / 100, 3.0, 2.0  # targets
COPIES = 0.1  # of the new articles
LEAST_WORDS, MOST_WORDS = 300, 1200  # of a text
TEXTS = 645  # that tools share; each long one gives several
ANSWER = 10  # articles that a source brings at once


def texts(count: int) -> list[str]:
    """Return different real-length texts: those that helpers share, cut where they are long, else made-up ones."""
    parts = []
    for text in texts_of(max(TEXTS, count)):
        words = text.split(" ")
        pieces = max(1, -(-len(words) // MOST_WORDS))
        size = -(-len(words) // pieces)
        parts += [" ".join(words[n : n + size]) for n in range(0, len(words), size)]
    long = [part for part in parts if len(part.split(" ")) >= LEAST_WORDS]
    random.Random(3).shuffle(long)
    return long[:count]


def edited(text: str, number: int) -> Known:
    """Return a text as another site would bring it: another headline, without its end."""
    words = text.split(" ")
    kept = " ".join(words[: len(words) * 9 // 10])
    title = f"{title_of(text)} again"
    return Known(title, kept, sketch(title, kept))


def title_of(text: str) -> str:
    return " ".join(text.split()[:9])


def new_articles(found: Sequence[str], entity_count: int) -> list[tuple[ArticleUpdate, str, Tagging]]:
    """Return articles of the newest two days, their sources and their tags, 4 entities and 10 mentions on average."""
    rng = np.random.default_rng(1)
    kinds = {entity.id: entity.kind for entity in entities(entity_count)}
    made = []
    for number, text in enumerate(found):
        at = NOW - timedelta(seconds=int(rng.integers(60, 2 * 86_400)))
        title, url = title_of(text), f"https://new.example/{number}"
        article = ArticleUpdate(
            url, url, title, None, at, at, "published", "en", text, entry_hash=url, wants_page=False, tagging=None
        )
        named = sorted({f"entity-{n:04}" for n in zipf(rng, entity_count, 1 + rng.poisson(3)).tolist()})
        tags = tuple(_tag(one, kinds[one], place, 1 + int(rng.poisson(1.5))) for place, one in enumerate(named))
        tagging = Tagging(tags, tagger_version="3", taxonomy_version="bench", sketch=sketch(title, text))
        made.append((article, f"source-{rng.integers(SOURCES):03}", tagging))
    return made


def _tag(entity_id: str, kind: Any, place: int, count: int) -> Tag:
    starts = [place * 1000 + n * 20 for n in range(count)]
    mentions = tuple(Mention("text", at, at + 8, "Entity", at, at + 15, "any", 0.9) for at in starts)
    return Tag(
        kind, entity_id, entity_id, ("Entity",), count, True, "subject", True, 0.5, 0.9, "It ordered more.", mentions
    )


# a small program between us and what is measured: the peak memory of a process begins with that of its parent
LAUNCHER = """
import json, os, sys, time
started = time.perf_counter()
_, status, usage = os.wait4(os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ), 0)
wall = time.perf_counter() - started
sys.stderr.write(json.dumps([wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024]) + "\\n")
sys.exit(os.waitstatus_to_exitcode(status))
"""


@dataclass(frozen=True, slots=True)
class Took:
    """Seconds that something took: by the wall clock, and of processors, which others on the machine do not stretch."""

    wall: float
    cpu: float

    def __add__(self, other: Took) -> Took:
        return Took(self.wall + other.wall, self.cpu + other.cpu)

    def __sub__(self, other: Took) -> Took:
        return Took(self.wall - other.wall, self.cpu - other.cpu)


class Clock:
    """What parts of a whole took, by name."""

    def __init__(self) -> None:
        self.parts: dict[str, Took] = {}

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        wall, cpu = time.perf_counter(), time.process_time()
        yield
        took = Took(time.perf_counter() - wall, time.process_time() - cpu)
        self.parts[name] = self.parts.get(name, Took(0.0, 0.0)) + took

    def timed(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function, with its calls added to a part."""

        def call(*args: Any, **kwargs: Any) -> Any:
            with self.part(name):
                return function(*args, **kwargs)

        return call


def measure_save(
    path: Path, articles: Sequence[tuple[ArticleUpdate, str, Tagging]], *, at_once: int
) -> tuple[dict[str, Took], int]:
    """Save new articles, `at_once` of them in a transaction, and undo it all.

    Returns what the parts took, and how many of the articles were found to be copies.
    """
    clock = Clock()
    parts = {"refresh_entities": "rollup", "replace_sketch": "stories", "settle_stories": "stories"}
    with closing(connect(path)) as database:
        database.execute("BEGIN IMMEDIATE")
        ids = [insert_article(database, article, source_id=source, now=NOW) for article, source, _ in articles]
        taggings = [(one, tagging) for one, (_, _, tagging) in zip(ids, articles, strict=True)]
        with ExitStack() as stack, clock.part("save"):
            for name, part in parts.items():
                stack.enter_context(mock.patch.object(db.tags, name, clock.timed(part, getattr(db.tags, name))))
            for start in range(0, len(taggings), at_once):
                save_taggings(database, taggings[start : start + at_once], now=NOW)
        copies = database.execute(
            "SELECT count(DISTINCT articles.id) FROM articles JOIN story_links ON article_id = id"
            " WHERE url LIKE 'https://new.example/%'"
        ).fetchone()[0]
        database.conn.rollback()
    return clock.parts, copies


def measure_rebuild(path: Path) -> Took:
    """Return what a rebuild takes; it is undone."""
    clock = Clock()
    with closing(connect(path)) as database:
        database.execute("BEGIN IMMEDIATE")
        with clock.part("rebuild"):
            rebuild(database)
        database.conn.rollback()
    return clock.parts["rebuild"]


def measure_tagging(found: Sequence[str]) -> dict[str, Took]:
    """Return what tagging takes without the sketches, and what the sketches take."""
    clock = Clock()
    tagger = load_tagger()
    list(tag_articles(tagger, [ArticleText(0, "", "Nvidia sold one H100.", None, "")]))  # builds what is built once
    articles = [ArticleText(n, title_of(text), text, "en", "") for n, text in enumerate(found)]
    with clock.part("both"):
        for _ in tag_articles(tagger, articles):
            pass
    with clock.part("sketches"):
        for article in articles:
            sketch(article.title, article.text)
    return {"tagging": clock.parts["both"] - clock.parts["sketches"], "sketches": clock.parts["sketches"]}


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export of the trends and a dump of its rows took, each the median of its rounds."""

    export: Took
    dump: Took
    peak_mb: float  # of the export
    rows: int


def measure_export(path: Path, folder: Path, rounds: int) -> Exported:
    out = folder / "trends_weekly.csv"
    command = [sys.executable, "-m", "aiwire", "export", "trends", "--db", str(path), "--now", iso(NOW), "-o", str(out)]
    exports, dumps, peaks, rows = [], [], [], 0
    for number in range(rounds):
        took, peak = run(command)
        exports.append(took)
        peaks.append(peak)
        if not number:
            rows = load_rows(out, folder / "rows.db")
        dumps.append(dump(folder / "rows.db", folder / "dump.csv"))
    return Exported(_median(exports), _median(dumps), max(peaks), rows)


def _median(rounds: Sequence[Took]) -> Took:
    return sorted(rounds, key=lambda took: took.wall)[len(rounds) // 2]


def run(command: Sequence[str], stdout: IO[Any] | None = None) -> tuple[Took, float]:
    """Run a program; return what it took and its peak memory in MB."""
    done = subprocess.run([sys.executable, "-c", LAUNCHER, *command], stdout=stdout, stderr=subprocess.PIPE, text=True)
    *said, figures = done.stderr.splitlines()
    if done.returncode:
        sys.stderr.write("".join(f"{line}\n" for line in said))
        raise subprocess.CalledProcessError(done.returncode, command)
    wall, cpu, peak = json.loads(figures)
    return Took(wall, cpu), peak


def load_rows(source: Path, target: Path) -> int:
    """Keep the rows of a CSV in a table with the types of its columns; return how many there are."""
    from db.exports.tables import COLUMNS

    kinds = {"integer": "INTEGER", "boolean": "INTEGER", "real": "REAL"}
    columns = [(column.name, kinds.get(column.type, "TEXT")) for column in COLUMNS["trends"]]
    target.unlink(missing_ok=True)
    with closing(sqlite3.connect(target)) as database, source.open(encoding="utf-8", newline="") as file:
        database.execute(f"CREATE TABLE rows ({', '.join(f'{name} {kind}' for name, kind in columns)})")
        lines = csv.reader(file)
        next(lines)
        marks = ", ".join("nullif(?, '')" for _ in columns)
        database.executemany(f"INSERT INTO rows VALUES ({marks})", lines)
        database.commit()
        return int(database.execute("SELECT count(*) FROM rows").fetchone()[0])


def dump(source: Path, target: Path) -> Took:
    """Write all rows as CSV, with the sqlite3 program if there is one, else with Python; return what it took."""
    with target.open("w", encoding="utf-8", newline="") as out:
        if shutil.which("sqlite3"):
            return run(["sqlite3", "-csv", "-header", str(source), "SELECT * FROM rows"], out)[0]
        clock = Clock()
        with closing(sqlite3.connect(source)) as database, clock.part("dump"):
            csv.writer(out, lineterminator="\n").writerows(database.execute("SELECT * FROM rows"))
        return clock.parts["dump"]


def warm(path: Path) -> None:
    """Have the operating system read a file into memory, as far as that goes."""
    with path.open("rb") as file:
        while file.read(1 << 24):
            pass


def forget(path: Path) -> None:
    """Have the operating system drop what it holds of a file in memory, where it can."""
    if not hasattr(os, "posix_fadvise"):
        return
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def prepared(folder: Path, size: Scale, known: Sequence[Known]) -> tuple[Path, dict[str, float]]:
    """Return the database, made now or kept from before, and what making it took."""
    path, mark = folder / "trends.db", folder / "trends.stamp.json"
    wanted = stamp(size, len(known))
    if path.exists() and mark.exists() and mark.read_text() == wanted:
        return path, {}
    mark.unlink(missing_ok=True)
    path.unlink(missing_ok=True)
    started = time.perf_counter()
    make(path, size, known)
    rows = time.perf_counter() - started
    with closing(connect(path)) as database:  # fills the rollups
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    mark.write_text(wanted)
    return path, {"rows_s": round(rows), "rollups_s": round(time.perf_counter() - started - rows)}


def counts(path: Path) -> dict[str, Any]:
    with closing(connect(path)) as database:
        return {
            name: database.execute(f"SELECT count(*) FROM {name}").fetchone()[0]
            for name in ("articles", "mentions", "article_entities", "story_bands", "stories", "trends_weekly")
        } | {"file_mb": round(path.stat().st_size / 1e6)}


def measure(folder: Path, args: argparse.Namespace) -> dict[str, Any]:
    """Return all figures."""
    found = texts(args.new)
    copied = found[:: round(1 / COPIES)]
    size = Scale(args.articles, args.mentions, args.entities)
    path, took = prepared(folder, size, [edited(text, number) for number, text in enumerate(copied)])
    articles = new_articles(found, args.entities)
    forget(path)
    cold, _ = measure_save(path, articles, at_once=len(articles))
    warm(path)
    exported = measure_export(path, folder, args.rounds)
    save, copies = measure_save(path, articles, at_once=len(articles))
    answers, _ = measure_save(path, articles, at_once=ANSWER)
    tagging = measure_tagging(found)
    again = measure_rebuild(path)
    return {
        "made": took or "kept from before",
        "database": counts(path),
        "new": {"articles": len(articles), "words": sum(len(text.split()) for text in found), "copies": copies},
        "rollup": compared(save["rollup"], again, "a rebuild", ROLLUP)
        | {
            "ratio, file not in memory": cold["rollup"].wall / again.wall,
            f"ratio, {ANSWER} at once": answers["rollup"].wall / again.wall,
        },
        "export": compared(exported.export, exported.dump, "the dump", EXPORT)
        | {
            "rows": exported.rows,
            "dumped with": "the sqlite3 program" if shutil.which("sqlite3") else "Python's sqlite3 and csv",
            "peak MB": round(exported.peak_mb),
        },
        "clustering": compared(save["stories"] + tagging["sketches"], tagging["tagging"], "tagging", CLUSTERING)
        | {
            "seconds of sketches": tagging["sketches"].wall,
            "ratio, file not in memory": (cold["stories"] + tagging["sketches"]).wall / tagging["tagging"].wall,
            f"ratio, {ANSWER} at once": (answers["stories"] + tagging["sketches"]).wall / tagging["tagging"].wall,
        },
        "whole save": {"seconds": save["save"].wall, f"seconds, {ANSWER} at once": answers["save"].wall},
    }


def compared(one: Took, other: Took, name: str, most: float) -> dict[str, float]:
    """Return the seconds of both, and their ratio by both clocks."""
    return {
        "seconds": one.wall,
        f"seconds of {name}": other.wall,
        "ratio": one.wall / other.wall,
        "at most": most,
        "ratio of CPU seconds": one.cpu / other.cpu,
    }


def missed(result: dict[str, Any]) -> list[str]:
    """Return the targets that were missed."""
    return [name for name in ("rollup", "export", "clustering") if result[name]["ratio"] > result[name]["at most"]]


def _line(name: str, value: Any) -> str:
    if isinstance(value, dict):
        value = ", ".join(f"{key} {f'{x:.4g}' if isinstance(x, float) else x}" for key, x in value.items())
    return f"{name:12} {value}\n"


def main() -> int:
    parser = argparse.ArgumentParser(description="Speed of rollups, exports and clustering at a million articles.")
    parser.add_argument("--folder", type=Path, help="where the database is made and kept [default: a temporary one]")
    parser.add_argument("--articles", type=int, default=1_000_000)
    parser.add_argument("--mentions", type=int, default=10_000_000)
    parser.add_argument("--entities", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3, help="of the export and the dump; the median counts")
    parser.add_argument("--new", type=int, default=1000, help="articles that are saved")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = args.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        result = measure(folder, args)
    lines = "".join(_line(name, value) for name, value in result.items())
    failed = missed(result)
    verdict = f"missed: {', '.join(failed)}\n" if failed else "all targets met\n"
    sys.stdout.write(json.dumps(result) + "\n" if args.json else lines + verdict)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
