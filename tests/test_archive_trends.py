"""The trends of an archive are those of a database into which all of it was loaded, to the last byte."""

import json
import random
import shutil
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

pytest.importorskip("duckdb", reason="the extra [archive] is not installed")

from archive_parquet import write_tables
from archive_shards_small import small_archive
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aiwire.archive.trends import made_trends, write_trends
from aiwire.exceptions import ConfigError
from aiwire.types import (
    ArticleUpdate,
    Entity,
    FetchResult,
    Request,
    Response,
    Source,
    SourceState,
    SourceUpdate,
    Tag,
    Tagging,
    iso,
)
from db.connection import connect
from db.exports.request import ExportRequest
from db.exports.write import made
from db.store import save_source, start_run, sync_entities, sync_sources
from db.trends import rebuild

NOW = datetime(2026, 11, 23, 6, tzinfo=UTC)
REQUEST = ExportRequest("trends", NOW, "http://127.0.0.1:8001/", precision={"company": (0.9, 120)})
ENTITIES = (
    *(Entity(f"company-{n}", "company", f"Company {n}") for n in range(6)),
    *(Entity(f"chip-{n}", "accelerator", f"Chip {n}", parent=f"company-{n}") for n in range(4)),
    *(Entity(f"theme-{n}", "theme", f"Theme {n}") for n in range(3)),
    Entity("never-named", "regulation", "Never Named"),
)
KINDS = {one.id: one.kind for one in ENTITIES}
CATEGORIES = ("press", "chips", None, "cloud")
SOURCES = tuple(
    Source(
        f"source-{n}", f"Source {n}", "feed", f"https://s{n}.example/", f"publisher-{n % 5}",
        owner="company-0" if n % 3 == 0 else None, category=CATEGORIES[n % 4],
    )
    for n in range(7)
)  # fmt: skip
NOT_LOADED = ("empty", "Empty", "archive", "https://empty.example/", "empty", None, None, "labs", None)
LANGUAGES = ("en", "en-US", "zh", "zh-Hant", None, "de")
WEEKS = 60


def tag(rng, entity_id, *, unlisted):
    name = entity_id.replace("-", " ").title()
    role = rng.choices(("subject", "mention", "source", "venue"), (5, 5, 1, 1))[0]
    kind = "company" if unlisted else KINDS[entity_id]
    return Tag(
        kind, entity_id, name, (name,), rng.randint(1, 9), rng.random() < 0.5, role, not unlisted, 0.5, 0.9, "", ()
    )  # fmt: skip


def tagging(rng):
    named = rng.sample(sorted(KINDS.keys() - {"never-named"}), rng.randint(0, 6))
    tags = [tag(rng, entity_id, unlisted=False) for entity_id in named]
    if rng.random() < 0.1:
        tags.append(tag(rng, f"newcomer-{rng.randint(0, 2)}", unlisted=True))
    scope = rng.choice(("full", "full", "names"))
    return Tagging(tuple(tags), scope=scope, tagger_version=rng.choice("12"), taxonomy_version=rng.choice("tu"))


def article(rng, number):
    dated = NOW - timedelta(seconds=rng.randint(0, WEEKS * 7 * 86_400))
    url = f"https://example.org/{number}"
    return ArticleUpdate(
        url, None, f"Title {number}", None, dated, dated, rng.choices(("published", "backlog"), (12, 1))[0],
        rng.choice(LANGUAGES), "text", url, False, tagging(rng) if rng.random() < 0.97 else None,
    )  # fmt: skip


def captures(rng):
    """Yield which sources were captured on which days: now and then one falls silent, or nobody was looked at."""
    for n in range(WEEKS * 7 + 5):
        day = (NOW - timedelta(days=n)).date()
        for at, source in enumerate(SOURCES):
            if n % 90 != 5 and not (at == 3 and 50 < n < 120) and rng.random() < 0.8:
                last_at = datetime(day.year, day.month, day.day, rng.randint(0, 5), rng.randint(0, 59), tzinfo=UTC)
                yield source.id, str(day), rng.randint(1, 40), iso(last_at)


def add_copies(rng, db):
    """Let some articles tell the story of an earlier one."""
    rows = db.execute("SELECT id, dated_at FROM articles WHERE tagger_version IS NOT NULL ORDER BY dated_at").fetchall()
    db.execute("UPDATE articles SET story_id = NULL")
    leaders = []
    for article_id, _ in rows:
        leader = rng.choice(leaders[-8:]) if leaders and rng.random() < 0.3 else article_id
        leaders += [leader] if leader == article_id else []
        db.execute(
            "INSERT OR IGNORE INTO stories (id, articles, publishers, first_at, last_at) VALUES (?, 1, 1, '', '')",
            [leader],
        )
        db.execute("UPDATE articles SET story_id = ? WHERE id = ?", [leader, article_id])


def make(seed, number, folder):
    """Make a database as loading an archive leaves it, and that archive; return the database."""
    rng = random.Random(seed)
    db = connect(":memory:")
    sync_sources(db, SOURCES)
    sync_entities(db, ENTITIES)
    start_run(db, "archive load", now=NOW)
    updates = {source.id: [] for source in SOURCES}
    for n in range(number):
        updates[rng.choice(SOURCES).id].append(article(rng, n))
    for source_id, articles in updates.items():
        fetch = FetchResult(Request("u", source_id, "feed"), Response("u", "u", 200, {}, b""), 1, 1)
        save_source(db, SourceUpdate(SourceState(source_id), fetch, tuple(articles)), run_id=1, now=NOW)
    empty = [source_id for source_id, articles in updates.items() if not articles]
    found = list(captures(rng))
    add_copies(rng, db)
    db.execute("DELETE FROM coverage")
    db.execute("DELETE FROM fetches")
    for source_id, day, pages, last_at in found:
        if source_id not in empty:
            db.execute("INSERT INTO coverage VALUES (?, ?, ?, ?)", [source_id, day, pages, pages])
            db.execute(
                "INSERT INTO fetches (run_id, source_id, url, purpose, outcome, wire_bytes, elapsed_ms, entries, new,"
                " changed, fetched_at) VALUES (1, ?, '', 'archive', 'ok', 0, 0, 0, 0, 0, ?)",
                [source_id, last_at],
            )
    db.execute("UPDATE sources SET active = 0")
    db.conn.commit()
    rebuild(db)
    captured = [*found, ("empty", "2020-01-01", 5, "2020-01-01T03:00:00Z")]
    write_tables(db, folder, captured, more_sources=[NOT_LOADED])
    db.execute("PRAGMA foreign_keys = OFF")
    for source_id in empty:  # a source without articles is not loaded
        db.execute("DELETE FROM sources WHERE id = ?", [source_id])
    db.conn.commit()
    return db


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("archive")
    db = make(1, 700, folder)
    yield db, folder
    db.close()


def both(db, folder, *, form="csv", excel=False, **selection):
    """Return the bytes and sidecar that the database gives, and those that the archive gives."""
    request = replace(REQUEST, **selection)
    with made(db, request, form=form, excel=excel, parameters={}, version="0") as export:
        stored = export.data.read(), json.loads(export.meta)
    with made_trends(folder, request, form=form, excel=excel, version="0") as export:
        counted = export.data.read(), json.loads(export.meta)
    return stored, counted


def same(stored, counted):
    assert counted[0] == stored[0]
    assert counted[1] == stored[1]


@pytest.mark.parametrize("grain", ["day", "week", "month"])
@pytest.mark.parametrize("segment", ["all", "owned", "lang:zh", "category:press", None])
def test_the_same_bytes_for_every_grain_and_segment(corpus, grain, segment):
    stored, counted = both(*corpus, grain=grain, segment=segment)

    assert stored[1]["rows"] > 100
    same(stored, counted)


@pytest.mark.parametrize(
    "selection",
    [
        {"kinds": ("theme",)},
        {"kinds": ("accelerator", "company"), "segment": None},
        {"entities": ("chip-1", "theme-0", "never-named", "newcomer-1")},
        {"since": date(2026, 3, 4), "until": date(2026, 9, 30)},
        {"grain": "day", "since": date(2026, 2, 1), "segment": None},
        {"grain": "month", "until": date(2026, 6, 1)},
        {"since": date(2027, 5, 1)},
        {"wide": "share_stories"},
        {"wide": "momentum_4v4", "grain": "month", "segment": "independent"},
        {"wide": "theme_lift", "kinds": ("theme",)},
        {"excel": True},
        {"form": "parquet"},
        {"form": "json", "segment": "LANG:EN"},
        {"now": NOW - timedelta(days=100)},
        {"now": NOW + timedelta(days=100)},
    ],
)
def test_the_same_bytes_whatever_is_asked_for(corpus, selection):
    same(*both(*corpus, **selection))


def test_what_is_compared_has_values_in_every_column(corpus):
    db, folder = corpus
    (data, meta), _ = both(db, folder, segment=None)
    header, *rows = (line.split(",") for line in data.decode().splitlines())

    for at, name in enumerate(header):
        assert len({row[at] for row in rows}) > (name not in ("grain", "as_of", "taxonomy_version", "tagger_version"))
    assert meta["panel"]["sources"]


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    seed=st.integers(0, 1 << 32),
    number=st.integers(0, 60),
    grain=st.sampled_from(["day", "week", "month"]),
    segment=st.sampled_from([None, "all", "independent"]),
)
def test_the_same_bytes_for_any_small_archive(tmp_path_factory, seed, number, grain, segment):
    folder = tmp_path_factory.mktemp("small")
    db = make(seed, number, folder)

    same(*both(db, folder, grain=grain, segment=segment))
    db.close()


def test_the_trends_of_shards_are_those_of_the_database_that_they_were_loaded_into(tmp_path):
    from aiwire.archive.assemble import assemble
    from aiwire.archive.job import save_job
    from aiwire.archive.load import load
    from aiwire.archive.plan import shards_of
    from aiwire.archive.shard import make_part
    from aiwire.archive.values import Job
    from aiwire.cli.tagging import prepared_tagger
    from nlp.pipeline import TaggerConfig

    job = Job(folder=tmp_path / "archive", audit=0)
    job.folder.mkdir()
    job_file = save_job(job)
    files = [str(file) for file in small_archive(tmp_path / "shards")]
    for shard in shards_of(files, base=None, storage={}):
        make_part(shard, job_file)
    assembled = assemble(job)
    db = connect(":memory:")
    loaded = load(db, job.folder, where=None, tagger=prepared_tagger(db, TaggerConfig()), now=NOW)

    assert loaded.new == assembled.articles > 10
    for selection in ({}, {"grain": "day", "segment": None}, {"grain": "month", "wide": "share_panel"}):
        stored, counted = both(db, job.folder, **selection)
        assert stored[1]["rows"]
        same(stored, counted)
    db.close()


@pytest.mark.parametrize(
    ("selection", "message"),
    [
        ({"segment": "lang:enn"}, "there is no segment 'lang:enn'; did you mean 'lang:en'"),
        ({"entities": ("chip-11",)}, "there is no entity 'chip-11'; did you mean 'chip-1'"),
        ({"wide": "storys"}, "did you mean 'stories'"),
    ],
)
def test_what_is_not_there_is_refused_as_by_an_export(corpus, selection, message):
    with (
        pytest.raises(ConfigError, match=message),
        made_trends(corpus[1], replace(REQUEST, **selection), form="csv", excel=False, version="0"),
    ):
        pass


def test_the_file_has_its_sidecar_and_the_dictionary_beside_it(corpus, tmp_path):
    db, folder = corpus
    output = tmp_path / "trends.csv"

    rows = write_trends(folder, REQUEST, output, form="csv", excel=False, version="0", parameters={"format": "csv"})

    meta = json.loads(output.with_suffix(".meta.json").read_bytes())
    with made(db, REQUEST, form="csv", excel=False, parameters={"format": "csv"}, version="0") as export:
        assert output.read_bytes() == export.data.read()
        assert meta == json.loads(export.meta)
    assert rows == meta["rows"]
    assert (tmp_path / "dictionary.csv").exists()
    assert write_trends(folder, REQUEST, output, form="csv", excel=False, version="0") == rows


def test_without_a_file_the_rows_go_to_stdout(corpus, capfdbinary):
    rows = write_trends(corpus[1], REQUEST, None, form="csv", excel=False, version="0")

    assert capfdbinary.readouterr().out.count(b"\n") == rows + 1


def test_a_folder_without_tables_is_refused(tmp_path):
    with pytest.raises(ConfigError):
        write_trends(tmp_path, REQUEST, None, form="csv", excel=False, version="0")


def test_damaged_tables_are_told_in_words(corpus, tmp_path):
    folder = shutil.copytree(corpus[1], tmp_path / "archive", symlinks=True)
    next((folder / "tables" / "article_entities").glob("*/*.parquet")).write_bytes(b"PAR1")

    with pytest.raises(ConfigError, match=r"the tables cannot be read .* `aiwire archive tables`"):
        write_trends(folder, REQUEST, tmp_path / "trends.csv", form="csv", excel=False, version="0")
    assert not (tmp_path / "trends.csv").exists()
