"""Kill a replay with SIGKILL at several moments, finish it, and compare with an undisturbed one.

    python tests/kill_and_finish.py --sources S.toml --replay A.warc.gz [--replay B.warc.gz] [--kills 10]

Prints where it was killed and whether the rows are the same; exit status 1 if they differ. Also used by the tests.
"""

from __future__ import annotations

import argparse
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from db.connection import connect
from db.dump import dump_rows

RUN = (sys.executable, "-P", "-m", "aiwire", "run", "--db", "news.db")


def differences(folder: Path, other: Path) -> dict[str, list[object]]:
    """Return the tables that differ with a few rows that only one has: empty if both have the same rows."""
    ours, theirs = (rows_of(path) for path in (folder, other))
    return {
        table: sorted(set(rows) ^ set(theirs[table]), key=repr)[:4]
        for table, rows in ours.items()
        if rows != theirs[table]
    }


def rows_of(folder: Path) -> dict[str, list[tuple[object, ...]]]:
    """Return all rows of `news.db` in `folder` that count as "the same rows"."""
    db = connect(folder / "news.db")
    try:
        return dump_rows(db)
    finally:
        db.close()


def requests_made(folder: Path) -> int:
    """Return how many requests the database in `folder` has on record."""
    try:
        db = sqlite3.connect(f"file:{folder / 'news.db'}?mode=ro", uri=True)
    except sqlite3.OperationalError:  # not there yet
        return 0
    try:
        return int(db.execute("SELECT count(*) FROM fetches").fetchone()[0])
    except sqlite3.OperationalError:  # not yet a table
        return 0
    finally:
        db.close()


def kill_after(folder: Path, arguments: Sequence[str], requests: int) -> bool:
    """Start a run in `folder` and kill it -9 as soon as so many requests are on record; False if it ended before."""
    run = subprocess.Popen([*RUN, *arguments], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while run.poll() is None:
        if requests_made(folder) >= requests:
            run.send_signal(signal.SIGKILL)
            run.wait()
            return True
        time.sleep(0.001)
    return False


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sources", type=Path, required=True)
    parser.add_argument("--replay", type=Path, action="append", required=True)
    parser.add_argument("--kills", type=int, default=10)
    options = parser.parse_args()
    arguments = ["--sources", str(options.sources.resolve())]
    for archive in options.replay:
        arguments += ["--replay", str(archive.resolve())]
    with tempfile.TemporaryDirectory() as top:
        undisturbed, disturbed = Path(top, "undisturbed"), Path(top, "disturbed")
        for folder in (undisturbed, disturbed):
            folder.mkdir()
        subprocess.run([*RUN, *arguments], cwd=undisturbed, check=True)
        total = requests_made(undisturbed)
        for number in range(options.kills):
            at = total * number // options.kills
            killed = kill_after(disturbed, arguments, at)
            print(f"kill {number + 1}: wanted at request {at}, {'killed' if killed else 'too late'}")
        subprocess.run([*RUN, *arguments], cwd=disturbed, check=True)
        found = differences(disturbed, undisturbed)
    print(f"tables that differ: {found or 'none'}")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
