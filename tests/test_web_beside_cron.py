"""The site beside a run that writes: no failed request, counts that move; and who may not read it is told why."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest
from public_site import POLICY, make_database
from test_web_public import get, served

from aiwire.exceptions import DatabaseError
from aiwire.web.server import make_datasette
from aiwire.web.site import Site
from db.publish import publish

LOCAL, PUBLIC = Site(), Site(is_public=True)
MENTIONS = 50_000
# a process of its own, as cron starts one: answers of sources, each saved in a transaction by what the pipeline calls
WRITER = textwrap.dedent("""
    import sys
    from pathlib import Path
    sys.path.insert(0, sys.argv[3])
    from db_rows import article, save
    from db.connection import connect
    db = connect(Path(sys.argv[1]))
    words = "NVIDIA sells the H100. " * 25
    for number in range(int(sys.argv[2]) // 1000):
        names = [f"{number}-{i}" for i in range(20)]
        save(db, *(article(name, f"Story {name}. {words}", title=f"Story {name}") for name in names))
    db.close()
""")
PATHS = (
    "/news/articles",
    "/news/articles.json?_size=1",
    "/news/mentions.json?_size=1&_nocount=1",
    "/news/entities/nvidia",
    "/news/search?q=NVIDIA",
    "/news/sources",
)


def test_readers_meet_no_error_and_see_counts_move_while_a_run_writes(tmp_path, unused_port):
    database = make_database(tmp_path / "news.db")
    failures, counts, pages, done = [], [], [], threading.Event()

    def read(path):
        while not done.is_set():
            try:
                status, _, body = get(f"http://127.0.0.1:{unused_port}{path}")
                pages.append(status)
                if path.startswith("/news/articles.json"):
                    counts.append(json.loads(body)["filtered_table_rows_count"])
            except Exception as e:  # noqa: BLE001 - whatever goes wrong is what is looked for
                failures.append((path, e))

    with served("--db", str(database), port=unused_port):
        readers = [threading.Thread(target=read, args=(path,)) for path in PATHS]
        for reader in readers:
            reader.start()
        command = [sys.executable, "-c", WRITER, str(database), str(MENTIONS), str(Path(__file__).parent)]
        subprocess.run(command, check=True, timeout=300)
        time.sleep(0.5)
        done.set()
        for reader in readers:
            reader.join()

    with closing(sqlite3.connect(database)) as db:
        assert db.execute("SELECT count(*) FROM mentions").fetchone()[0] >= MENTIONS
    assert failures == []
    assert set(pages) == {200}
    assert len(set(counts)) >= 5  # not two or three: readers are not let in at the ends only
    assert counts == sorted(counts)
    assert counts[-1] == 3 + MENTIONS // 50


def test_a_public_site_shows_its_copy_while_a_run_writes_to_the_database(tmp_path, unused_port):
    database = make_database(tmp_path / "news.db")
    copy = publish(database, tmp_path / "out", POLICY)
    command = [sys.executable, "-c", WRITER, str(database), "5000", str(Path(__file__).parent)]

    with (
        served("--public", "--db", str(copy.path), port=unused_port) as (url, _),
        subprocess.Popen(command) as writer,
    ):
        seen = set()
        while writer.poll() is None:
            seen.add(json.loads(get(f"{url}/news/articles.json?_size=1")[2])["filtered_table_rows_count"])

    assert (writer.returncode, seen) == (0, {3})


# ---------------------------------------------------------------- another user


@pytest.fixture
def folder_of_another():
    """A folder that others may look into, but not write in."""
    folder = Path(tempfile.mkdtemp(prefix="aiwire-test-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def as_nobody(work):
    """Return what `work` returns, as a text, in a process of a user without rights."""
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    reading, writing = os.pipe()
    child = os.fork()  # not a new interpreter: it may lie where that user cannot reach it
    if child == 0:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
        try:
            words = str(work())
        except BaseException as e:  # noqa: BLE001 - told to the parent
            words = f"{type(e).__name__}: {e}"
        os.write(writing, words.encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as answer:
        words = answer.read()
    os.waitpid(child, 0)
    return words


def articles_of(path, site):
    """Return how many articles a Datasette counts in one of its connections."""
    database = make_datasette(path, site).get_database("news")
    return database.connect().execute("SELECT count(*) FROM articles").fetchone()[0]


def test_a_user_who_may_only_read_is_told_so_whether_a_run_is_at_work_or_not(folder_of_another):
    database = make_database(folder_of_another / "news.db")

    alone = as_nobody(lambda: articles_of(database, LOCAL))
    with closing(sqlite3.connect(database)) as writer:
        writer.execute("SELECT 1 FROM articles").fetchone()
        beside = as_nobody(lambda: articles_of(database, LOCAL))

    for refused in (alone, beside):
        assert refused.startswith("DatabaseError")
        assert "not write in" in refused
        assert "aiwire publish DIR" in refused


def test_a_user_who_may_only_read_can_serve_a_copy(folder_of_another):
    copy = publish(make_database(folder_of_another / "work.db"), folder_of_another / "out", POLICY)

    assert as_nobody(lambda: articles_of(copy.path, PUBLIC)) == "3"
    assert as_nobody(lambda: articles_of(copy.path, LOCAL)) == "3"


def test_a_folder_without_rights_is_told_before_anything_is_served(tmp_path, monkeypatch):
    database = make_database(tmp_path / "news.db")
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != tmp_path)

    with pytest.raises(DatabaseError, match="as the user of `aiwire run`"):
        make_datasette(database)
