"""`aiwire.archive.load`: what comes out of an archive is what a run would have stored, once, whatever happens."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

pytest.importorskip("duckdb", reason="the extra [archive] is not installed")

from archive_shards_small import STOCK, Page, article_page, article_text, small_archive, write_warc
from archive_tables_made import write_archive
from db_rows import ENTITIES, article, make_db, one, save, tag
from kill_and_finish import rows_of

from aiwire.archive.load import Loaded, load
from aiwire.archive.tables import open_tables
from aiwire.exceptions import ConfigError
from aiwire.types import ArticleText, ArticleUpdate, Correction, Source, Tagging
from db.connection import connect, transaction
from db.corrections import add_corrections
from db.store import sync_entities, sync_sources
from db.watch_news import fresh_news
from db.watches import Watch, WatchFilter
from ingest.sources import load_sources

SEEN = datetime(2026, 11, 9, 6, tzinfo=UTC)  # the first answer of the list
CAPTURED = datetime(2026, 11, 16, 6, tzinfo=UTC)
NOW = datetime(2026, 11, 23, 6, tzinfo=UTC)
SITE = "https://courier.example.org"
SOURCES = f"""
[[source]]
id = "courier"
name = "The Rack Courier"
kind = "sitemap"
url = "{SITE}/sitemap.xml"
category = "press"
[source.sitemap]
include = "/2026/"

[[source]]
id = "mirror"
name = "The Mirror"
kind = "sitemap"
url = "https://mirror.example.org/sitemap.xml"
[source.sitemap]
include = "/2026/"
"""
LISTED = (
    Source("courier", "The Rack Courier", "sitemap", f"{SITE}/sitemap.xml", "courier", category="press"),
    Source("mirror", "The Mirror", "sitemap", "https://mirror.example.org/sitemap.xml", "mirror"),
)


def _plain(texts: Iterable[ArticleText]) -> Iterator[tuple[ArticleText, Tagging]]:
    """Tag by plain search."""
    return ((text, tag(text.title, text.text)) for text in texts)


def _page(number: int, *, at: datetime = CAPTURED, site: str = SITE, dated: bool = True, **more: object) -> Page:
    title, text = article_text(number)
    date = at - timedelta(hours=9, minutes=number) if dated else None
    url = f"{site}/2026/{number}"
    return article_page(url, title, text, captured_at=at, date=date, **more)


def _loaded(db, folder, **options: object) -> Loaded:
    values = {"where": None, "tagger": _plain, "now": NOW}
    return replace(load(db, folder, **(values | options)), seconds=0.0)


def _tables(db, *names: str) -> dict[str, list[tuple[object, ...]]]:
    return {name: sorted(db.execute(f"SELECT * FROM {name}").fetchall(), key=repr) for name in names}


EVERYTHING = (
    "articles", "article_entities", "mentions", "prices", "candidates", "sentences", "stories", "story_links",
    "trends_daily", "trends_weekly", "trends_monthly", "period_totals", "sources", "coverage", "loaded_articles",
)  # fmt: skip


# ---------------------------------------------------------------- as if it had been fetched


def _sitemap(site: str, at: datetime, pages: Iterable[Page]) -> Page:
    links = "".join(f"<url><loc>{page.url}</loc></url>" for page in pages if page.url.startswith(site))
    xml = f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{links}</urlset>'
    return Page(f"{site}/sitemap.xml", at, xml.encode(), headers=(("Content-Type", "application/xml"),))


def _replay(folder, pages: list[Page], at: datetime) -> None:
    maps = [_sitemap(site, at, pages) for site in (SITE, "https://mirror.example.org")]
    write_warc(folder / "run.warc.gz", [*maps, *pages])
    done = subprocess.run(
        [sys.executable, "-P", "-m", "aiwire", "run", "--db", "news.db", "--sources", "sources.toml", "--replay",
         "run.warc.gz", "--now", at.isoformat()],
        cwd=folder, capture_output=True, text=True, check=False, env={**os.environ, "XDG_CONFIG_HOME": str(folder)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


CORRECTIONS = (
    Correction(f"{SITE}/2026/3", "wrong-date", value="2026-11-12T00:00:00Z", made_at="2026-11-10T00:00:00Z"),
    Correction(f"{SITE}/2026/4", "missing-tag", "samsung", made_at="2026-11-10T00:00:00Z"),
)


def _prepared(folder):
    """Make a database that knows the sources and what people will have put right."""
    folder.mkdir()
    (folder / "sources.toml").write_text(SOURCES)
    db = connect(folder / "news.db")
    sync_sources(db, load_sources(folder / "sources.toml"))
    with transaction(db):
        add_corrections(db, CORRECTIONS)
    return db


def test_loaded_pages_leave_the_rows_of_a_run_that_fetched_them_on_the_day_of_their_capture(tmp_path):
    from aiwire.cli.database import writable
    from aiwire.cli.tagging import prepared_tagger
    from aiwire.config import Settings
    from nlp.pipeline import TaggerConfig

    first = [_page(0, at=SEEN), _page(20, at=SEEN, site="https://mirror.example.org")]
    story = _page(1)
    copy = replace(_page(21, site="https://mirror.example.org"), html=story.html)
    priced = article_page(
        f"{SITE}/2026/prices", "What a rented H100 costs now",
        "\n".join([*article_text(7)[1].split("\n"), "An NVIDIA H100 is rented for $2.10 per GPU-hour.", *STOCK]),
        captured_at=CAPTURED,
    )  # fmt: skip
    later = [story, copy, priced, _page(2, dated=False), *(_page(n) for n in range(3, 7))]
    _prepared(tmp_path / "fetched").close()
    _replay(tmp_path / "fetched", first, SEEN)
    _replay(tmp_path / "fetched", [*first, *later], CAPTURED)

    _prepared(tmp_path / "loaded").close()
    folder = write_archive(tmp_path / "archive", [*first, *later], LISTED)
    with writable(Settings(db=tmp_path / "loaded" / "news.db")) as db:
        tagger = prepared_tagger(db, TaggerConfig())
        found = _loaded(db, folder, tagger=tagger)

    assert found == Loaded(new=10, sources=2)
    fetched, loaded = rows_of(tmp_path / "fetched"), rows_of(tmp_path / "loaded")
    for table in fetched:
        assert loaded[table] == fetched[table], table
    assert len(fetched["articles"]) == 10
    checked = ("prices", "story_links", "trends_daily", "stated_dates", "sentences", "corrections")
    assert [name for name in checked if not fetched[name]] == []
    assert _found_by(tmp_path / "loaded", "gpu") == _found_by(tmp_path / "fetched", "gpu") != []


def test_what_is_loaded_has_the_rows_of_the_archive(tmp_path):
    """Ids, stories, what articles are about, tags and prices: as Parquet has them, so SQLite does."""
    from aiwire.archive.assemble import assemble
    from aiwire.archive.job import save_job
    from aiwire.archive.plan import shards_of
    from aiwire.archive.shard import make_part
    from aiwire.archive.values import Job
    from aiwire.cli.tagging import prepared_tagger
    from nlp.pipeline import TaggerConfig

    files = small_archive(tmp_path / "shards")
    job = Job(folder=tmp_path / "archive")
    job.folder.mkdir()
    job_file = save_job(job)
    for shard in shards_of([str(file) for file in files], base=None, storage={}):
        make_part(shard, job_file)
    assembled = assemble(job)
    db = connect(":memory:")

    found = _loaded(db, job.folder, tagger=prepared_tagger(db, TaggerConfig()))

    assert found.new == assembled.articles > 10
    with closing(open_tables(job.folder)) as tables:
        for name, columns in SHARED.items():
            sql = f"SELECT {columns} FROM {name}"
            archived, stored = (sorted(one.execute(sql).fetchall(), key=repr) for one in (tables, db))
            assert stored == archived, name
            assert stored, name
        stories = tables.execute("SELECT count(DISTINCT story_id), count(*) FROM articles").fetchone()
    assert stories[0] < stories[1], "no copies in the archive"


# columns of the archive's tables that SQLite has, too, in the same type
SHARED = {
    "articles": "id, url, source_id, title, author, published_at, dated_at, date_source, date_flaw, language, text,"
    " text_hash, canonical_url, CAST(paywalled AS INTEGER), rights, tag_scope, tagger_version, taxonomy_version,"
    " first_seen_at, story_id",
    "article_entities": "article_id, entity_id, dated_at, kind, count, salience, CAST(about AS INTEGER),"
    " CAST(about_in_text AS INTEGER), role, confidence, evidence, best_field, best_start, best_end, unlisted_name",
    "mentions": 'article_id, field, start, "end", entity_id, surface, sent_start, sent_end, rule, confidence, part',
    "prices": 'article_id, position, dated_at, accelerator, quote, amount, amount_max, currency, unit, qualifier,'
    ' sentence, field, start, "end", product',
}  # fmt: skip


def _found_by(folder, words: str) -> list[tuple[int]]:
    db = connect(folder / "news.db")
    rows = db.execute("SELECT rowid FROM articles_fts WHERE articles_fts MATCH ? ORDER BY 1", [words]).fetchall()
    db.close()
    return rows


# ---------------------------------------------------------------- once, whatever happens


@pytest.fixture
def db():
    """A database that knows one of the two sources, and entities."""
    db = connect(":memory:")
    sync_sources(db, LISTED[:1])
    sync_entities(db, ENTITIES)
    return db


def _three_days(tmp_path, number: int = 12):
    pages = [_page(n, at=CAPTURED + timedelta(days=n % 3), site=SITE if n % 2 else "https://other.example.net")
             for n in range(number)]  # fmt: skip
    return write_archive(tmp_path / "archive", pages, LISTED[:1])


def test_loading_twice_changes_nothing(db, tmp_path):
    folder = _three_days(tmp_path)
    assert _loaded(db, folder) == Loaded(new=12, sources=2)
    before = _tables(db, *EVERYTHING)

    assert _loaded(db, folder) == Loaded(known=12, sources=2)

    assert _tables(db, *EVERYTHING) == before
    assert [row[:2] for row in db.execute("SELECT command, articles_new FROM runs").fetchall()] == [
        ("archive load", 12), ("archive load", 0),
    ]  # fmt: skip


def test_loaded_in_pieces_it_is_the_same_as_at_once(db, tmp_path):
    folder = _three_days(tmp_path)
    whole = make_empty()
    _loaded(whole, folder)

    assert _loaded(db, folder, limit=5).new == 5
    assert _loaded(db, folder, where="day = '2026-11-16'").new + _loaded(db, folder).new == 7

    tables = [name for name in EVERYTHING if name != "loaded_articles"]
    assert _tables(db, *tables) == _tables(whole, *tables)


def make_empty():
    db = connect(":memory:")
    sync_sources(db, LISTED[:1])
    sync_entities(db, ENTITIES)
    return db


KILLED = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
import aiwire.archive.load as loading
from db.connection import connect
from test_archive_load import NOW, _plain

left = int(sys.argv[1])

def deadly(texts):
    global left
    for text, tagging in _plain(texts):
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        yield text, tagging

loading.BATCH = 3
db = connect(Path("news.db"))
loading.load(db, Path("archive"), where=None, tagger=deadly, now=NOW)
"""


def test_killed_at_any_moment_it_goes_on_to_the_same_rows(tmp_path):
    folder = _three_days(tmp_path)
    whole = make_empty()
    _loaded(whole, folder)
    db = connect(tmp_path / "news.db")
    sync_sources(db, LISTED[:1])
    sync_entities(db, ENTITIES)
    db.close()
    script = KILLED.format(tests=str(Path(__file__).parent))

    ends = [
        subprocess.run([sys.executable, "-c", script, str(at)], cwd=tmp_path, check=False).returncode
        for at in (0, 4, 100)
    ]

    assert ends == [-signal.SIGKILL, -signal.SIGKILL, 0]
    db = connect(tmp_path / "news.db")
    tables = [name for name in EVERYTHING if name != "sources"]
    assert _tables(db, *tables) == _tables(whole, *tables)
    statuses = db.execute("SELECT status, articles_new FROM runs ORDER BY id").fetchall()
    assert statuses == [("stopped", 0), ("stopped", 4), ("done", 8)]
    db.close()


def test_a_dry_run_counts_and_writes_nothing(db, tmp_path):
    folder = _three_days(tmp_path)
    before = db.conn.total_changes

    assert _loaded(db, folder, dry_run=True) == Loaded(new=12, sources=2)

    assert db.conn.total_changes == before


# ---------------------------------------------------------------- what is known


def _known_db(db_article: ArticleUpdate):
    """A database with one article out of a feed."""
    db = make_db()
    save(db, db_article, now=CAPTURED - timedelta(days=1))
    return db


def _one(tmp_path, number: int = 1, *, at: datetime = CAPTURED, url: str = "https://example.org/a", **more: object):
    page = replace(_page(number, at=at, **more), url=url)
    source = Source("example", "Example", "feed", "https://example.org/feed", "example")
    return write_archive(tmp_path / f"archive-{number}-{at:%d}", [page], [source])


def _stored(db) -> tuple[object, ...]:
    """Return page_state, text_origin, page_tried_at, title and how many earlier versions there are."""
    return one(
        db,
        "SELECT page_state, text_origin, page_tried_at, title, (SELECT count(*) FROM article_versions) FROM articles",
    )


def test_a_wanted_page_is_taken_out_of_the_archive_and_the_feed_keeps_its_title(tmp_path):
    db = _known_db(article("a", "NVIDIA has news.", wants_page=True))

    assert _loaded(db, _one(tmp_path)) == Loaded(updated=1, sources=1)

    assert _stored(db) == ("fetched", "page", "2026-11-16T06:00:00Z", "Title of a", 0)
    assert one(db, "SELECT source_id, count(*) FROM loaded_articles JOIN articles ON id = article_id") == (None, 0)


def test_an_article_whose_feed_said_enough_wants_no_page(tmp_path):
    db = _known_db(article("a", "NVIDIA has news."))

    assert _loaded(db, _one(tmp_path)) == Loaded(known=1, sources=1)

    assert _stored(db)[:2] == ("none", "feed")


def test_an_older_capture_changes_no_page_that_was_read_and_a_later_one_is_an_edit(tmp_path):
    db = _known_db(article("a", "NVIDIA has news.", wants_page=True))
    _loaded(db, _one(tmp_path))
    before = _tables(db, "articles", "article_entities", "article_versions")

    assert _loaded(db, _one(tmp_path, 2, at=CAPTURED - timedelta(days=2))).known == 1
    assert _tables(db, "articles", "article_entities", "article_versions") == before
    assert _loaded(db, _one(tmp_path, 3, at=CAPTURED + timedelta(days=2))).updated == 1

    assert _stored(db) == ("fetched", "page", "2026-11-18T06:00:00Z", "Title of a", 1)


@pytest.mark.parametrize("url", ["http://example.org/a", "https://example.org/a/"])
def test_an_article_is_known_by_other_spellings_of_its_address(tmp_path, url):
    db = _known_db(article("a", "NVIDIA has news.", wants_page=True))

    assert _loaded(db, _one(tmp_path, url=url)) == Loaded(updated=1, sources=1)

    assert one(db, "SELECT count(*) FROM articles") == (1,)


def test_an_article_is_known_by_the_address_that_its_page_declares_but_articles_of_one_archive_are_not(db, tmp_path):
    declared = f"{SITE}/2026/2"
    named = [_page(1, canonical=declared), _page(2, canonical=declared)]
    both = write_archive(tmp_path / "both", named, LISTED)
    first, second = (write_archive(tmp_path / str(n), [page], LISTED) for n, page in enumerate(named))

    assert [_loaded(db, both).new, _loaded(db, both).known] == [2, 2]

    other = make_empty()
    assert _loaded(other, first).new == 1
    assert _loaded(other, second) == Loaded(known=1, sources=1)


def test_a_later_reservation_of_the_publisher_is_obeyed_unless_it_is_only_recorded(db, tmp_path):
    reserved = '<meta name="tdm-reservation" content="1">'
    html = _page(1).html.replace(b"<head>", b"<head>" + reserved.encode(), 1)
    folder = write_archive(tmp_path / "archive", [replace(_page(1), html=html)], LISTED)

    assert _loaded(db, folder).new == 1
    assert one(db, "SELECT text, page_state, title <> '' FROM articles") == ("", "failed", 1)

    recording = make_empty()
    _loaded(recording, folder, opt_outs="record")
    assert one(recording, "SELECT text <> '', page_state FROM articles") == (1, "fetched")


# ---------------------------------------------------------------- sources, history, watches


def test_sources_of_an_archive_are_inactive_and_a_run_leaves_them_alone(db, tmp_path):
    _loaded(db, _three_days(tmp_path))
    columns = "SELECT id, kind, active, enabled, publisher FROM sources ORDER BY id"
    before = db.execute(columns).fetchall()

    sync_sources(db, LISTED)

    assert before[0] == ("courier", "sitemap", 1, 1, "courier")
    assert before[1][1:] == ("archive", 0, 0, "example.net")
    assert [row for row in db.execute(columns).fetchall() if row[1] == "archive"] == before[1:]
    assert one(db, "SELECT count(*) FROM source_state") == (0,)
    assert db.execute("SELECT source_id, status, first_read_at FROM source_health").fetchall() == [
        ("courier", "new", None), ("mirror", "new", None),
    ]  # fmt: skip


def test_each_day_of_a_source_is_one_line_of_its_history_and_counts_its_pages_once(db, tmp_path):
    folder = _three_days(tmp_path)
    _loaded(db, folder, where="day = '2026-11-15'")
    _loaded(db, folder)

    fetches = db.execute("SELECT purpose, outcome, entries, substr(fetched_at, 1, 10) FROM fetches").fetchall()
    assert len(fetches) == 6
    assert {row[:3] for row in fetches} == {("archive", "ok", 2)}
    assert {row[3] for row in fetches} == {"2026-11-16", "2026-11-17", "2026-11-18"}
    assert set(db.execute("SELECT checks, answers FROM coverage").fetchall()) == {(2, 2)}


def test_what_is_loaded_is_no_news_to_a_watch_unless_it_was_written_in_the_week_before(db, tmp_path):
    pages = [_page(n, at=NOW - timedelta(days=n)) for n in (2, 5, 9, 20)]
    _loaded(db, write_archive(tmp_path / "archive", pages, LISTED))
    watch = Watch("w", WatchFilter(since="2026-10-01T00:00:00Z"), made_at="2026-10-01T00:00:00Z")
    later = replace(watch, made_at="2026-11-23T07:00:00Z")

    def told(watch: Watch) -> int:
        return len(list(fresh_news(db, watch, excerpt_chars=200)))

    assert told(watch) == 2
    assert told(later) == 4  # all that is there when a watch is made, since its start
    db.execute("DELETE FROM loaded_articles")
    assert told(watch) == 4  # what a run of those days would have brought


# ---------------------------------------------------------------- conditions


@pytest.mark.parametrize(
    ("where", "number"),
    [
        ("language = 'en' AND day >= '2026-11-17'", 4),
        ("list_contains(entities, 'nvidia-h100')", 2),
        ("len(entities) = 0 OR entities IS NULL -- the others", 10),
        ("url LIKE '%other.example%'", 6),
    ],
)
def test_a_condition_selects_by_columns_and_by_entities(db, tmp_path, where, number):
    pages = [_page(n, at=CAPTURED + timedelta(days=n % 3), site=SITE if n % 2 else "https://other.example.net")
             for n in range(12)]  # fmt: skip
    named = {pages[n].url: ["nvidia-h100", "nvidia"] for n in (1, 6)}
    folder = write_archive(tmp_path / "archive", pages, LISTED, entities=named)

    assert _loaded(db, folder, where=where, dry_run=True).new == number


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("langage = 'en'", "no column 'langage', did you mean 'language'?"),
        ("entity = 'nvidia'", "no column 'entity', did you mean 'entities'?"),
        ("day >", "syntax error"),
        ("true; DROP TABLE articles", "syntax error"),
        ("true) ORDER BY (url", "syntax error"),
        ("1=1) UNION SELECT 2 FROM articles WHERE (true", "syntax error"),
        ("true, true", "columns are id, url"),
        ("unheard_of(url)", "unheard_of does not exist"),
        ("day", "Could not convert string"),
        ("", "must be one condition"),
    ],
)
def test_what_is_no_condition_is_refused_in_one_line(db, tmp_path, where, said):
    folder = _three_days(tmp_path, 3)

    with pytest.raises(ConfigError) as caught:
        _loaded(db, folder, where=where)

    assert str(caught.value).startswith("--where: ")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert one(db, "SELECT count(*) FROM runs") == (0,)
