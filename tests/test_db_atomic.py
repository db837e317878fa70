"""Each save is all or nothing: an error in the middle, a kill -9."""

import signal
import sqlite3
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest
from db_rows import NOW, article, one, save, save_many

from db.connection import connect
from db.dump import dump_rows
from db.store import (
    source_states,
)


class Boom(Exception):
    pass


@pytest.mark.parametrize(
    "where",
    [
        "db.store.save_state",
        "db.store.record_fetch",
        "db.store.settle",
        "db.tags.settle_unlisted",
        "db.stock._settle_about",
    ],
)
def test_an_error_in_the_middle_leaves_nothing_of_the_source(db, monkeypatch, where):
    save(db, article("a"))
    before, states = dump_rows(db), source_states(db)

    def boom(*_args, **_kwargs):
        raise Boom

    monkeypatch.setattr(where, boom)
    with pytest.raises(Boom):
        save(db, article("a", "Edited NVIDIA."), article("b"), now=NOW + timedelta(days=1))

    assert (dump_rows(db), source_states(db)) == (before, states)
    assert one(db, "SELECT count(*) FROM fetches") == (1,)
    assert db.execute("SELECT rowid FROM articles_fts WHERE articles_fts MATCH 'edited'").fetchall() == []


SAVER = "import sys; sys.path.insert(0, sys.argv[1]); from db_rows import save_many; save_many(sys.argv[2])"


def test_killed_again_and_again_and_finished_it_has_the_rows_of_an_undisturbed_run(tmp_path):
    save_many(tmp_path / "whole.db")
    kills = 0
    for target in (2, 9, 25, 44):
        saver = subprocess.Popen([sys.executable, "-c", SAVER, str(Path(__file__).parent), str(tmp_path / "cut.db")])
        while saver.poll() is None:
            if _fetches(tmp_path / "cut.db") >= target:
                saver.send_signal(signal.SIGKILL)
                saver.wait()
                kills += 1
            time.sleep(0.001)
    cut = connect(tmp_path / "cut.db")
    assert cut.execute("SELECT count(*) % 3 FROM articles").fetchone() == (0,)
    cut.close()

    save_many(tmp_path / "cut.db")

    assert kills >= 2
    whole, cut = connect(tmp_path / "whole.db"), connect(tmp_path / "cut.db")
    assert dump_rows(cut) == dump_rows(whole)
    whole.close()
    cut.close()


def _fetches(path: Path) -> int:
    if not path.exists():
        return 0
    try:
        reader = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        try:
            # every start of the saver goes over what is stored: count what is new
            return reader.execute("SELECT count(*) / 3 FROM articles").fetchone()[0]
        finally:
            reader.close()
    except sqlite3.OperationalError:
        return 0
