"""Opening the database: settings, migrations, and errors that say the remedy."""

import sqlite3
import subprocess
import sys
from datetime import timedelta

import pytest
from db_rows import NOW, article, make_db, save
from sqlite_utils import Database

from aiwire.exceptions import DatabaseError, TryLater
from db.connection import check, connect, open_existing, transaction
from db.migrations import MIGRATIONS
from db.reference import load_reference
from db.trends.tables import ROLLUPS


def test_a_new_database_has_our_settings_and_every_step(tmp_path):
    db = connect(tmp_path / "news.db")

    pragmas = {
        name: db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "foreign_keys", "synchronous")
    }

    assert pragmas == {"journal_mode": "wal", "foreign_keys": 1, "synchronous": 1}
    assert db.execute("PRAGMA busy_timeout").fetchone()[0] >= 5000
    assert MIGRATIONS.pending(db) == []
    db.close()


def test_opening_again_changes_nothing(tmp_path):
    connect(tmp_path / "news.db").close()
    before = (tmp_path / "news.db").read_bytes()

    connect(tmp_path / "news.db").close()

    assert (tmp_path / "news.db").read_bytes() == before


def test_every_table_is_strict_and_every_column_says_what_it_is():
    db = connect(":memory:")
    tables = {
        name: (sql, strict)
        for name, sql, strict in db.execute(
            "SELECT l.name, s.sql, l.strict FROM pragma_table_list AS l JOIN sqlite_schema AS s ON s.name = l.name"
            " WHERE l.type = 'table' AND l.name NOT LIKE 'articles_fts%' AND l.name NOT LIKE '%sqlite%'"
        )
    }
    assert len(tables) >= 18
    assert [name for name, (_, strict) in tables.items() if not strict] == []
    db.close()


def test_every_foreign_key_has_an_index_on_its_side():
    """Else a deletion in the parent, or a page that follows the key, reads the whole child."""
    db = connect(":memory:")
    small = {
        *(("source_state", "source_id"), ("story_sketches", "article_id")),  # their own primary keys
        ("loaded_articles", "article_id"),  # its own primary key
        ("story_links", "other_id"),  # both ways: the other row leads with it
        ("story_bands", "article_id"),  # named by story_sketches.bands; articles are never deleted
        ("hardware_prices", "accelerator_id"),  # parts are never deleted; their prices are read by family
        ("watch_items", "batch_id"),  # batches are never deleted without the items of their watch
    }
    missing = []
    for (table,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall():
        leading = {
            db.execute("SELECT name FROM pragma_index_info(?) ORDER BY seqno LIMIT 1", [row[0]]).fetchone()[0]
            for row in db.execute("SELECT name FROM pragma_index_list(?)", [table]).fetchall()
        }
        for key in db.execute('SELECT "from" FROM pragma_foreign_key_list(?)', [table]).fetchall():
            if key[0] not in leading and (table, key[0]) not in small:
                missing.append((table, key[0]))
    assert missing == []
    db.close()


def test_a_full_text_index_follows_every_write():
    db = connect(":memory:")
    db.execute(
        "INSERT INTO sources (id, name, kind, url, publisher, full_text, enabled, active, own_server)"
        " VALUES ('s', 's', 'feed', 'u', 'p', 'auto', 1, 1, 0)"
    )
    db.execute(
        "INSERT INTO articles (id, url, source_id, title, dated_at, week, date_source, first_seen_at, updated_at, text,"
        " text_hash, text_origin, entry_hash, page_state, page_attempts) VALUES"
        " (1, 'u', 's', 'Früher', '2026-11-23T06:00:00Z',"
        " '2026-11-23', 'published', 'x', 'x', 'running', 'h', 'feed', 'h', 'none', 0)"
    )

    def found(words):
        return db.execute("SELECT rowid FROM articles_fts WHERE articles_fts MATCH ?", [words]).fetchall() == [(1,)]

    assert found("fruher")  # accents and endings do not matter
    assert found("runs")
    db.execute("UPDATE articles SET text = 'walking'")
    assert (found("runs"), found("walks")) == (False, True)
    db.execute("DELETE FROM articles")
    assert not found("walks")
    db.close()


def test_a_week_that_does_not_fit_the_date_is_refused():
    db = connect(":memory:")
    db.execute(
        "INSERT INTO sources (id, name, kind, url, publisher, full_text, enabled, active, own_server)"
        " VALUES ('s', 's', 'feed', 'u', 'p', 'auto', 1, 1, 0)"
    )

    with pytest.raises(sqlite3.IntegrityError, match="week"):
        db.execute(
            "INSERT INTO articles (id, url, source_id, title, dated_at, week, date_source, first_seen_at, updated_at,"
            " text, text_hash, text_origin, entry_hash, page_state, page_attempts) VALUES"
            " (1, 'u', 's', 't', '2026-11-23T06:00:00Z',"
            " '2026-11-16', 'published', 'x', 'x', '', 'h', 'feed', 'h', 'none', 0)"
        )
    db.close()


def _text_file(path):
    path.write_text("this is a text\n" * 100)


def _other_program(path):
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE bookmarks (id INTEGER)")
    other.close()


def _newer(path):
    db = connect(path)
    db.table("_sqlite_migrations").insert({"migration_set": "aiwire", "name": "m999_future", "applied_at": "x"})
    db.close()


def _folder(path):
    path.mkdir()


def _damaged(path):
    connect(path).close()
    data = bytearray(path.read_bytes())
    data[100:4096] = b"\xff" * 3996
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("situation", "message"),
    [
        pytest.param(_text_file, "is no SQLite database; name another file", id="a text file"),
        pytest.param(
            _other_program, "another program's database .*'bookmarks'.*; name another file", id="another program's"
        ),
        pytest.param(_newer, "written by a newer aiwire .*m999_future.*; upgrade", id="newer"),
        pytest.param(_folder, "is a folder; name a file", id="a folder"),
        pytest.param(_damaged, "malformed.*; restore it from a backup", id="damaged"),
    ],
)
def test_a_file_that_is_no_database_of_ours_is_refused_with_the_remedy(tmp_path, situation, message):
    situation(tmp_path / "news.db")

    with pytest.raises(DatabaseError, match=message):
        connect(tmp_path / "news.db")


def test_a_missing_file_is_made_only_if_wanted(tmp_path):
    with pytest.raises(DatabaseError, match="there is no such database; make it with `aiwire run"):
        open_existing(tmp_path / "news.db")
    with pytest.raises(DatabaseError, match=r"folder .*no.* does not exist; create it"):
        connect(tmp_path / "no" / "news.db")

    connect(tmp_path / "news.db").close()
    open_existing(tmp_path / "news.db").close()


def _old_schema(path):
    db = connect(path)
    db.execute("DELETE FROM _sqlite_migrations WHERE name = 'm005_reference'")
    db.close()


@pytest.mark.parametrize(
    ("situation", "message"),
    [
        pytest.param(lambda path: path.touch(), r"is empty; run `aiwire run --db .*news\.db` once", id="empty"),
        pytest.param(_old_schema, r"of an older aiwire \(without m005_reference\); run `aiwire run", id="old"),
        pytest.param(_other_program, "another program's database", id="another program's"),
        pytest.param(_newer, "written by a newer aiwire", id="newer"),
        pytest.param(_damaged, "malformed.*; restore it from a backup", id="damaged"),
    ],
)
def test_opening_for_reading_neither_makes_nor_migrates_a_database(tmp_path, situation, message):
    situation(tmp_path / "news.db")
    before = (tmp_path / "news.db").read_bytes()

    with pytest.raises(DatabaseError, match=message):
        open_existing(tmp_path / "news.db")

    assert (tmp_path / "news.db").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["news.db"]


def _saved(path):
    """Make a database with tagged articles; return the rows of its rollups."""
    db = make_db(path)
    save(db, article("a", "NVIDIA sells the H100."), article("b", day=NOW - timedelta(30)))
    rows = rollups(db)
    db.close()
    return rows


def rollups(db):
    return {one.name: db.execute(f"SELECT * FROM {one.name} ORDER BY 1, 2, 3").fetchall() for one in ROLLUPS}


def _upgraded(path):
    """Leave the database as the step that makes the rollups does: they are empty."""
    db = connect(path)
    for one in ROLLUPS:
        db.execute(f"DELETE FROM {one.name}")
    db.close()


def test_an_upgrade_fills_the_rollups_and_cut_short_is_done_by_the_next_one(tmp_path, monkeypatch):
    path = tmp_path / "news.db"
    before = _saved(path)
    _upgraded(path)

    def cut_short(db, week, schema):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("db.trends.cooccurrence.fill_pairs", cut_short)  # the last of it
        with pytest.raises(KeyboardInterrupt):
            connect(path)
    with pytest.raises(DatabaseError, match=r"its upgrade is not complete; run `aiwire run --db .*news\.db` once"):
        open_existing(path)

    db = connect(path)
    assert rollups(db) == before
    assert all(before.values())
    db.close()
    open_existing(path).close()


def test_an_upgrade_from_the_schema_before_the_rollups_brings_them(tmp_path):
    path = tmp_path / "news.db"
    db = Database(path)
    MIGRATIONS.apply(db, stop_before="m010_stories")
    db.execute(
        "INSERT INTO sources (id, name, kind, url, publisher, full_text, enabled, active, own_server)"
        " VALUES ('s', 's', 'feed', 'u', 'p', 'auto', 1, 1, 0)"
    )
    db.execute("INSERT INTO entities (id, kind, name, listed) VALUES ('nvidia', 'company', 'NVIDIA', 1)")
    db.execute(
        "INSERT INTO articles (id, url, source_id, title, dated_at, week, date_source, first_seen_at, updated_at, text,"
        " text_hash, text_origin, entry_hash, page_state, page_attempts, tag_scope, tagger_version) VALUES"
        " (1, 'u', 's', 't', '2026-11-23T06:00:00Z', '2026-11-23', 'published', 'x', 'x', '', 'h', 'feed', 'h', 'none',"
        " 0, 'full', '2')"
    )
    db.execute(
        "INSERT INTO article_entities (article_id, entity_id, dated_at, kind, count, salience, about, about_in_text,"
        " role, confidence, surfaces, evidence)"
        " VALUES (1, 'nvidia', '2026-11-23T06:00:00Z', 'company', 3, 1, 1, 1, 'subject', 1, '[]', '')"
    )
    db.execute("INSERT INTO trends_weekly VALUES ('nvidia', 'all', '2026-11-23', 1, 1, 1, 3)")
    db.close()

    db = connect(path)

    assert db.execute("SELECT * FROM trends_monthly WHERE segment = 'all'").fetchall() == [
        ("nvidia", "all", "2026-11-01", 1, 1, 0, 1, 1, 1, 3)
    ]
    assert db.execute("SELECT count(*) FROM trends_weekly").fetchone() == (3,)
    db.close()


def test_an_empty_file_becomes_a_database(tmp_path):
    (tmp_path / "news.db").touch()

    db = connect(tmp_path / "news.db")

    assert MIGRATIONS.pending(db) == []
    db.close()


def test_a_write_that_sqlite_refuses_is_our_error_and_leaves_nothing(tmp_path):
    db = connect(tmp_path / "news.db")
    db.execute("PRAGMA max_page_count = 1")  # as if the disk were full

    with pytest.raises(DatabaseError, match="full; free some space"):
        load_reference(db)

    db.execute("PRAGMA max_page_count = 1000000")
    assert db.execute("SELECT count(*) FROM accelerators").fetchone() == (0,)
    db.close()


def test_a_locked_database_is_to_try_later(tmp_path):
    db, other = connect(tmp_path / "news.db"), connect(tmp_path / "news.db")
    other.execute("BEGIN IMMEDIATE")
    db.execute("PRAGMA busy_timeout = 10")

    with pytest.raises(TryLater, match="locked; another program is writing"), transaction(db):
        db.execute("DELETE FROM runs")

    other.close()
    db.close()


def test_a_bug_is_not_dressed_up_as_a_broken_database(tmp_path):
    db = connect(tmp_path / "news.db")

    with pytest.raises(sqlite3.IntegrityError), transaction(db):
        db.execute("INSERT INTO aliases VALUES ('x', 'nobody', 'any')")
    with pytest.raises(sqlite3.OperationalError, match="no such table"), transaction(db):
        db.execute("DELETE FROM no_such_table")
    with pytest.raises(ZeroDivisionError), transaction(db):
        _ = db.execute("INSERT INTO reference_files VALUES ('x', 'y', 1)").rowcount / 0

    assert db.execute("SELECT count(*) FROM reference_files").fetchone() == (0,)
    db.close()


def test_check_finds_a_full_text_index_that_lies(tmp_path):
    db = connect(tmp_path / "news.db")
    assert check(db) == "0 articles"
    db.execute("INSERT INTO articles_fts(rowid, title, text) VALUES (7, 'a', 'b')")

    with pytest.raises(DatabaseError, match="damaged"):
        check(db)
    db.close()


def test_the_layer_loads_neither_spacy_nor_the_fetcher():
    code = (
        "import importlib, pkgutil, sys, db\n"
        "for module in pkgutil.walk_packages(db.__path__, 'db.'):\n"
        "    importlib.import_module(module.name)\n"
        "print(sorted({'spacy', 'httpx2', 'feedparser', 'trafilatura', 'nlp', 'ingest'} & set(sys.modules)))"
    )

    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"
