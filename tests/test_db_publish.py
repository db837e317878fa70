"""Public copies: nothing private is in their bytes, they are whole or not there, and a reader finds what is left."""

import json
import signal
import sqlite3
import subprocess
import sys
import textwrap
import threading
from contextlib import closing
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
from db_rows import NOW, article, make_db, save

from aiwire.exceptions import ConfigError, DatabaseError
from aiwire.paths import package_file
from aiwire.types import Source
from db.connection import Database, check, connect, open_existing
from db.publish import COPY_NAME, INSPECT_NAME, Policy, copy_made_at, publish
from db.published import TABLES, VIEWS, Emptied
from db.store import sync_sources
from ingest.opml import read_opml, write_opml
from ingest.sources import load_sources, sources_to_toml

POLICY = Policy("excerpt", 300, NOW, "1.2.3")
SECRET = "Only subscribers learn that NVIDIA moved the orchid shipment to Thursday"
OPEN = "Everybody may read that NVIDIA sells an ostrich edition of the H100"
TAIL = "and a zebra waits behind the last paragraph"


@pytest.fixture
def database(tmp_path):
    """A working database in WAL mode: a source that says nothing, one in full; watches, states, a price."""
    path = tmp_path / "work" / "news.db"
    path.parent.mkdir()
    db = make_db(path)
    sync_sources(db, [
        Source("example", "Example", "feed", "https://example.org/feed?key=walrus-token", "example"),
        Source("vendor", "Vendor", "feed", "https://vendor.example/feed", "vendor", text_policy="full"),
    ])  # fmt: skip
    save(db, article("a", f"{SECRET}. It weighs 3 kg. Somewhere {TAIL}.", title="NVIDIA moves something"))
    save(db, article("b", f"{OPEN}. {TAIL} of the open one."), source_id="vendor")
    with db.atomic():
        db.execute("INSERT INTO watches (name, filter, deliveries, made_at) VALUES ('w', '{}', 'https://penguin', 'x')")
        db.execute(
            "UPDATE source_state SET etag = 'lobster-etag', error = 'https://example.org/feed?key=walrus-token: 404'"
        )
        db.execute("UPDATE runs SET message = 'cannot reach giraffe.intranet'")
        db.execute(
            "INSERT INTO article_versions SELECT id, 1, title, 'An earlier text with a hedgehog', 'h', NULL,"
            " first_seen_at FROM articles WHERE source_id = 'example'"
        )
        db.execute(
            "INSERT INTO prices (article_id, position, dated_at, quote, amount, currency, unit, sentence, field,"
            " start, \"end\") SELECT id, 0, dated_at, '$2', 2.0, 'USD', 'gpu-hour', ?, 'text', 3, 5"
            " FROM articles WHERE source_id = 'example'",
            [SECRET],
        )
    yield path
    db.close()


def opened(copy):
    return closing(sqlite3.connect(copy.path))


def answers(copy, sql):
    with opened(copy) as db:
        return db.execute(sql).fetchall()


# ---------------------------------------------------------------- what is in it


def test_every_table_and_column_of_the_schema_is_classified(tmp_path):
    db = connect(tmp_path / "new.db")
    schema = {
        name: {row[1] for row in db.execute(f'PRAGMA table_xinfo("{name}")').fetchall()}
        for (name,) in db.execute(
            "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite_%'"
        ).fetchall()
    }
    views = {name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'view'").fetchall()}
    db.close()

    assert schema.keys() == TABLES.keys()
    assert views == VIEWS
    for name, treatment in TABLES.items():
        if not isinstance(treatment, Emptied):
            assert (name, treatment.columns) == (name, schema[name])
            assert not set(treatment.kept.split()) & set(treatment.changed)


def test_the_bytes_of_a_copy_hold_no_remains_of_what_is_not_published(database, tmp_path):
    policy = replace(POLICY, excerpt_chars=0)
    secrets = [
        "orchid shipment", "zebra waits behind the last paragraph.", "walrus-token", "penguin", "lobster-etag",
        "giraffe", "hedgehog",
    ]  # fmt: skip
    before = database.read_bytes() + database.with_name("news.db-wal").read_bytes()

    copy = publish(database, tmp_path / "out", policy)

    data = copy.path.read_bytes()
    assert [word for word in secrets if word.encode() not in before] == []  # the test would see them
    assert [word for word in secrets if word.encode() in data] == []
    assert b"ostrich edition" in data


def test_the_full_text_index_of_a_copy_knows_titles_and_open_texts_only(database, tmp_path):
    copy = publish(database, tmp_path / "out", POLICY)
    found = "SELECT count(*) FROM articles_fts WHERE articles_fts MATCH '{}'"
    vocabulary = "CREATE VIRTUAL TABLE temp.words USING fts5vocab(main, articles_fts, row)"

    with opened(copy) as db:
        db.execute(vocabulary)
        words = {word for (word,) in db.execute("SELECT term FROM temp.words")}
        counts = [db.execute(found.format(word)).fetchone()[0] for word in ("orchid", "ostrich", "something")]

    assert counts == [0, 1, 1]
    assert not {"orchid", "kg"} & words


def test_evidence_is_cut_to_what_the_source_allows_else_the_setting(database, tmp_path):
    sql = "SELECT evidence FROM article_entities JOIN articles ON id = article_id WHERE source_id = 'example'"
    prices = "SELECT sentence, quote, amount FROM prices"

    ten = publish(database, tmp_path / "ten", replace(POLICY, excerpt_chars=10))
    none = publish(database, tmp_path / "none", replace(POLICY, excerpt_chars=0))
    long = publish(database, tmp_path / "long", replace(POLICY, excerpt_chars=100_000))

    assert {len(text) for (text,) in answers(ten, sql)} == {10}
    assert answers(ten, prices) == [(SECRET[:10], "$2", 2.0)]
    assert {text for (text,) in answers(none, sql)} == {""}
    assert answers(none, prices) == [("", "", 2.0)]
    assert answers(long, prices) == [(SECRET, "$2", 2.0)]


def test_a_source_that_quotes_nothing_is_not_quoted_whatever_the_setting(database, tmp_path):
    db = connect(database)
    sync_sources(db, [Source("example", "E", "feed", "https://example.org/feed", "example", excerpt_chars=0)])
    db.close()

    copy = publish(database, tmp_path / "out", POLICY)

    assert answers(copy, "SELECT DISTINCT sentence FROM prices") == [("",)]


def test_a_copy_with_full_texts_by_default_still_obeys_a_source_that_says_excerpt(database, tmp_path):
    db = connect(database)
    sync_sources(db, [
        Source("example", "Example", "feed", "https://example.org/feed", "example", text_policy="excerpt"),
        Source("vendor", "Vendor", "feed", "https://vendor.example/feed", "vendor"),
    ])  # fmt: skip
    db.close()

    copy = publish(database, tmp_path / "out", replace(POLICY, text_policy="full"))

    texts = dict(answers(copy, "SELECT source_id, text FROM articles"))
    assert texts["example"] == ""
    assert OPEN in texts["vendor"]
    assert (copy.articles, copy.in_full) == (2, 1)


def test_mentions_of_a_hidden_text_are_gone_and_those_of_titles_and_open_texts_stay(database, tmp_path):
    copy = publish(database, tmp_path / "out", POLICY)

    found = answers(
        copy, "SELECT DISTINCT source_id, field FROM mentions JOIN articles ON id = article_id ORDER BY 1, 2"
    )
    places = answers(
        copy,
        "SELECT best_field, best_start FROM article_entities JOIN articles ON id = article_id"
        " WHERE source_id = 'example'",
    )

    assert found == [("example", "title"), ("vendor", "text")]
    assert all(start is None for field, start in places if field == "text")


def test_counts_and_trends_of_a_copy_are_those_of_the_database(database, tmp_path):
    copy = publish(database, tmp_path / "out", POLICY)
    db = open_existing(database)
    tables = ("trends_weekly", "period_totals", "stories", "article_entities", "entities", "sources", "coverage")

    with opened(copy) as made:
        for table in tables:
            sql = f"SELECT count(*) FROM {table}"
            assert (table, made.execute(sql).fetchone()) == (table, db.execute(sql).fetchone())
        trends = "SELECT * FROM trends_weekly ORDER BY 1, 2, 3"
        assert made.execute(trends).fetchall() == db.execute(trends).fetchall()
        last = "SELECT max(fetched_at) FROM fetches"  # weeks are judged whole by it
        assert made.execute(last).fetchone() == db.execute(last).fetchone() != (None,)
    db.close()


def test_a_copy_is_a_whole_database_of_ours_that_needs_no_second_file(database, tmp_path):
    copy = publish(database, tmp_path / "out", POLICY)

    db = open_existing(copy.path)
    assert check(db).startswith("2 articles")
    assert db.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    assert db.execute("SELECT * FROM published").fetchall() == [(1, "2026-11-23T06:00:00Z", "1.2.3", "excerpt", 300)]
    assert db.execute("SELECT count(*) FROM sqlite_stat1").fetchone()[0] > 10
    db.close()
    assert sorted(path.name for path in copy.path.parent.iterdir()) == [INSPECT_NAME, COPY_NAME]


def test_the_counts_beside_a_copy_are_its_own(database, tmp_path):
    copy = publish(database, tmp_path / "out", POLICY)

    inspected = json.loads((tmp_path / "out" / INSPECT_NAME).read_text())["news"]
    assert inspected["hash"] == copy.sha256 == sha256(copy.path.read_bytes()).hexdigest()
    assert (inspected["file"], inspected["size"]) == (COPY_NAME, copy.path.stat().st_size)
    for table, counted in inspected["tables"].items():
        assert answers(copy, f'SELECT count(*) FROM "{table}"') == [(counted["count"],)]
    assert {"articles", "articles_fts", "sqlite_stat1"} <= inspected["tables"].keys()


def test_tables_and_views_that_are_not_ours_are_left_out_and_named(database, tmp_path):
    db = connect(database)
    db.execute("CREATE TABLE my_notes (words TEXT)")
    db.execute("INSERT INTO my_notes VALUES ('a private flamingo')")
    db.execute("CREATE VIEW my_view AS SELECT * FROM my_notes")
    db.conn.commit()
    db.close()

    copy = publish(database, tmp_path / "out", POLICY)

    assert copy.left_out == ("my_notes", "my_view")
    assert b"flamingo" not in copy.path.read_bytes()


def test_a_price_list_of_ones_own_does_not_give_its_address_away_and_shipped_sources_stay(database, tmp_path):
    db = connect(database)
    with db.atomic():
        for number, origin in enumerate(("shipped", "ours")):
            db.execute(
                "INSERT INTO electricity_prices (id, country, year, sector, usd_per_kwh, origin, source, as_of,"
                " read_since) VALUES (?, 'DE', 2025, 'industrial', 0.2, ?, 'https://u:p@e.example/list?page=1',"
                " '2026-01-01', '2026-01-01')",
                [number, origin],
            )
    db.close()

    copy = publish(database, tmp_path / "out", POLICY)

    assert answers(copy, "SELECT source FROM electricity_prices ORDER BY id") == [
        ("https://u:p@e.example/list?page=1",),
        ("https://e.example/list",),
    ]


# ---------------------------------------------------------------- whole or not at all


def test_a_second_copy_takes_the_place_of_the_first(database, tmp_path):
    first = publish(database, tmp_path / "out", POLICY)
    with first.path.open("rb") as reader:
        publish(database, tmp_path / "out", replace(POLICY, excerpt_chars=1))
        assert sha256(reader.read()).hexdigest() == first.sha256  # who reads the old one goes on reading it

    assert answers(first, "SELECT excerpt_chars FROM published") == [(1,)]


def test_the_same_database_at_the_same_time_gives_the_same_rows(database, tmp_path):
    one, other = (publish(database, tmp_path / name, POLICY) for name in "ab")

    with opened(one) as a, opened(other) as b:
        assert list(a.iterdump()) == list(b.iterdump())


def test_a_copy_that_was_killed_halfway_leaves_the_old_one_and_the_next_one_sweeps_up(database, tmp_path):
    old = publish(database, tmp_path / "out", POLICY)
    code = textwrap.dedent("""
        import os, signal, sys
        from datetime import UTC, datetime
        from pathlib import Path
        import db.publish as module
        module._take_out = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
        policy = module.Policy("full", 9, datetime(2026, 1, 1, tzinfo=UTC), "x")
        module.publish(Path(sys.argv[1]), Path(sys.argv[2]), policy)
    """)

    killed = subprocess.run([sys.executable, "-c", code, str(database), str(tmp_path / "out")], check=False)

    assert killed.returncode == -signal.SIGKILL
    (left,) = (tmp_path / "out").glob(".publish-*")
    assert left.stat().st_mode & 0o077 == 0  # texts are in it: for nobody else
    assert sha256(old.path.read_bytes()).hexdigest() == old.sha256
    publish(database, tmp_path / "out", POLICY)
    assert list((tmp_path / "out").glob(".publish-*")) == []


def test_a_full_disk_is_a_clear_error_and_leaves_the_old_copy(database, tmp_path):
    old = publish(database, tmp_path / "out", POLICY)
    code = textwrap.dedent("""
        import resource, signal, sys
        from datetime import UTC, datetime
        from pathlib import Path
        from db.publish import Policy, publish
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))  # as a disk with no more room
        publish(Path(sys.argv[1]), Path(sys.argv[2]), Policy("full", 9, datetime(2026, 1, 1, tzinfo=UTC), "x"))
    """)

    full = subprocess.run(
        [sys.executable, "-c", code, str(database), str(tmp_path / "out")], check=False, capture_output=True, text=True
    )

    assert "DatabaseError" in full.stderr.splitlines()[-1]
    assert "no copy was made" in full.stderr
    assert sha256(old.path.read_bytes()).hexdigest() == old.sha256
    assert list((tmp_path / "out").glob(".publish-*")) == []


def test_a_copy_made_while_a_run_writes_is_one_state_of_the_database(database, tmp_path):
    done = threading.Event()

    def write():
        db = connect(database)
        number = 0
        while not done.is_set():
            number += 1
            save(
                db, article(f"n{number}", f"NVIDIA number {number}.", title=f"H100 number {number}"), source_id="vendor"
            )
        db.close()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        copies = [publish(database, tmp_path / f"out{n}", POLICY) for n in range(4)]
    finally:
        done.set()
        writer.join()

    for copy in copies:
        with opened(copy) as db:
            assert db.execute("PRAGMA foreign_key_check").fetchall() == []
            (articles,), (named,) = (
                db.execute(f"SELECT count(DISTINCT {column}) FROM {table}").fetchone()
                for column, table in (("id", "articles"), ("article_id", "article_entities"))
            )
            assert articles == named == copy.articles


# ---------------------------------------------------------------- where it may go


def test_a_place_that_holds_something_else_is_refused(database, tmp_path):
    with pytest.raises(ConfigError, match="is the database itself"):
        publish(database, database.parent, POLICY)
    other = tmp_path / "other" / COPY_NAME
    other.parent.mkdir()
    other.write_bytes(b"somebody's notes")
    with pytest.raises(ConfigError, match="is no public copy"):
        publish(database, other.parent, POLICY)
    assert other.read_bytes() == b"somebody's notes"
    make_db(tmp_path / "third.db").close()
    (tmp_path / "third.db").rename(other)
    with pytest.raises(ConfigError, match="is no public copy"):
        publish(database, other.parent, POLICY)


def test_a_copy_is_not_published_again(database, tmp_path):
    copy = publish(database, tmp_path / "out", POLICY)

    with pytest.raises(ConfigError, match="is a public copy itself"):
        publish(copy.path, tmp_path / "again", POLICY)


def test_no_database_and_no_folder_are_clear_errors(database, tmp_path):
    with pytest.raises(DatabaseError, match="no such database"):
        publish(tmp_path / "no.db", tmp_path / "out", POLICY)
    (tmp_path / "file").write_text("x")
    with pytest.raises(ConfigError, match="is no folder"):
        publish(database, tmp_path / "file", POLICY)
    with pytest.raises(ConfigError, match="cannot be written"):
        publish(database, Path("/proc/no-such-place"), POLICY)


def test_a_working_database_is_told_from_a_copy(database, tmp_path):
    copy = publish(database, tmp_path / "out", POLICY)

    assert (copy_made_at(copy.path), copy_made_at(database)) == ("2026-11-23T06:00:00Z", None)
    assert copy_made_at(tmp_path / "no.db") is None
    assert not (tmp_path / "no.db").exists()


# ---------------------------------------------------------------- what a source says


def test_the_text_policy_of_a_source_goes_through_toml_opml_and_the_database(tmp_path):
    path = tmp_path / "sources.toml"
    sources = [
        Source("a", "A", "feed", "https://a.example/", "a", text_policy="full"),
        Source("b", "B", "feed", "https://b.example/", "b", text_policy="excerpt"),
        Source("c", "C", "feed", "https://c.example/", "c"),
    ]

    path.write_text(sources_to_toml(sources))
    with closing(connect(tmp_path / "news.db").conn) as conn:
        db = Database(conn)
        sync_sources(db, sources)
        stored = db.execute("SELECT id, text_policy FROM sources ORDER BY id").fetchall()

    assert list(load_sources(path)) == sources
    assert list(read_opml(write_opml(sources, title="x", now=NOW), origin="x")) == sources
    assert stored == [("a", "full"), ("b", "excerpt"), ("c", None)]


def test_another_text_policy_is_refused_with_the_right_words(tmp_path):
    path = tmp_path / "sources.toml"
    path.write_text(sources_to_toml([Source("a", "A", "feed", "https://a.example/", "a")]) + 'text_policy = "fulll"\n')

    with pytest.raises(ConfigError, match="'text_policy' must be one of 'full', 'excerpt', not 'fulll', did you mean"):
        load_sources(path)


def test_the_texts_of_the_sample_are_free_and_published_whole():
    assert {source.text_policy for source in load_sources(package_file("sample", "sources.toml"))} == {"full"}
