"""The tables of an archive: equal to the database that holds the same articles, made once, never half."""

import json
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from datetime import timedelta
from unittest.mock import patch

import polars as pl
import pytest
import story_rows
from archive_parts import DAY, SOURCES, archived, database_of, job_of, write_part
from hypothesis import given, settings
from hypothesis import strategies as st

from aiwire.archive import assemble as assembling
from aiwire.archive import linking
from aiwire.archive.assemble import assemble
from aiwire.archive.digest import digest
from aiwire.archive.schemas import ARCHIVE_TABLES, PARTITIONED
from aiwire.archive.sites import made_source
from aiwire.archive.tables import open_tables
from aiwire.exceptions import ConfigError, TryLater
from aiwire.lock import writer_lock
from aiwire.types import Sketch
from db import stories
from nlp.gazetteer import load_lexicon

LINES = (
    "NVIDIA has sold more of its H100 cards than anybody thought it would.",
    "The harbour office of Lisbon rents racks of the H100 at $2 an hour now.",
    "Reuters was told that the grid of the island cannot take another hall.",
    "Our guide to the TCO of your own cards explains what power really costs.",
    "A lighthouse keeper trained a small model on the songs of local whales.",
    "Subscribe to the letter in which NVIDIA and its rivals are told apart.",
    "Nobody in the valley had asked for a substation, yet here it stands now.",
    "too short to be stock",
)
TITLES = ("NVIDIA sells", "nvidia  SELLS", "Whales", "The TCO of things", "")


@dataclass(frozen=True)
class Piece:
    title: str
    publisher: str
    shingles: frozenset


def by_lines(limit):
    """Compare texts by their lines: every way in which texts can be alike is a few lines away."""
    stack = ExitStack()
    for module in (stories, linking):
        stack.enter_context(patch.object(module, "piece", lambda *of: Piece(*of[:2], frozenset(of[2].split("\n")))))
        stack.enter_context(patch.object(module, "is_copy", story_rows.is_copy))
        stack.enter_context(patch.object(module, "BAND_LIMIT", limit))
    return stack


def of_lines(number, lines, title, source, day):
    found = archived(
        str(number), "\n".join(LINES[n] for n in lines), title=title, source=source, at=DAY - timedelta(days=day)
    )
    sketch = Sketch(len(lines), tuple(sorted(set(lines))))
    return replace(found, tagging=replace(found.tagging, sketch=sketch))


CORPORA = st.lists(
    st.tuples(
        st.lists(st.integers(0, len(LINES) - 1), max_size=6),
        st.sampled_from(TITLES),
        st.sampled_from([one.id for one in SOURCES]),
        st.integers(0, 3),
    ),
    max_size=14,
)

# (table of the archive, its columns in SQLite where they are other ones)
SAME = {
    "articles": (
        "id", "url", "source_id", "title", "author", "published_at", "dated_at", "date_source", "date_flaw", "language",
        "text", "text_hash", "tag_scope", "tagger_version", "taxonomy_version", "first_seen_at", "story_id",
    ),
    "mentions": tuple(column for column in ARCHIVE_TABLES["mentions"] if column != "day"),
    "article_entities": tuple(
        column for column in ARCHIVE_TABLES["article_entities"] if column not in ("day", "surfaces")
    ),
    "prices": tuple(column for column in ARCHIVE_TABLES["prices"] if column != "day"),
}  # fmt: skip


def rows(db, table, columns):
    quoted = ", ".join(f'"{column}"' for column in columns)
    return sorted(db.execute(f"SELECT {quoted} FROM {table}").fetchall(), key=repr_key)


def repr_key(row):
    return [repr(value) for value in row[:5]]


def as_sqlite(found):
    return [tuple(int(value) if isinstance(value, bool) else value for value in row) for row in found]


def assert_same_rows(folder, db):
    with closing(open_tables(folder)) as archive:
        for table, columns in SAME.items():
            found, wanted = as_sqlite(rows(archive, table, columns)), rows(db, table, columns)
            assert sorted(found, key=repr_key) == wanted, table
        surfaces = archive.execute("SELECT article_id, entity_id, surfaces FROM article_entities ORDER BY ALL")
        wanted = db.execute("SELECT article_id, entity_id, surfaces FROM article_entities ORDER BY 1, 2").fetchall()
        assert surfaces.fetchall() == [(*key, json.loads(kept)) for *key, kept in wanted]


def write_parts(job, articles, shards, random):
    pieces = [[] for _ in range(shards)]
    for article in random.sample(articles, len(articles)):
        random.choice(pieces).append(article)
    for number, piece in enumerate(pieces):
        write_part(job, f"shard{number}", piece)


@settings(max_examples=60, deadline=None)
@given(CORPORA, st.sampled_from([1, 2, 100]), st.integers(1, 3), st.randoms(use_true_random=False))
def test_the_archive_holds_what_a_database_of_the_same_articles_holds(tmp_path_factory, corpus, limit, shards, random):
    job = job_of(tmp_path_factory.mktemp("archive"))
    articles = [of_lines(number, *one) for number, one in enumerate(corpus)]
    write_parts(job, articles, shards, random)

    with by_lines(limit), closing(database_of(random.sample(articles, len(articles)))) as db:
        found = assemble(job)

        assert_same_rows(job.folder, db)
        assert found.articles == len(articles)
        assert found.stories == db.execute("SELECT count(*) FROM stories").fetchone()[0]


WORDS = [f"{a}{b}" for a in ("cluster", "harbour", "valve", "lantern", "copper", "meadow") for b in "abcdefghij"]


def wire_text(random, sentences=14):
    return "\n".join(" ".join(random.sample(WORDS, 12)).capitalize() + "." for _ in range(sentences))


def test_real_texts_their_copies_and_a_crowd_of_templates_have_the_stories_of_the_database(tmp_path):
    from random import Random

    random = Random(8)
    articles = []
    for number in range(5):
        text = wire_text(random)
        lines = text.split("\n")
        for copy in range(9):
            changed = lines[: random.randrange(5, len(lines) + 1)]
            changed += [f"{LINES[random.randrange(8)]}"] * random.randrange(2)
            title = f"The {WORDS[number]} of the {WORDS[number + 9]} opens at last"
            articles.append(
                archived(f"{number}-{copy}", "\n".join(changed), title=title,
                         source=random.choice(SOURCES).id, at=DAY - timedelta(hours=random.randrange(50)))
            )  # fmt: skip
    template = wire_text(random, 10)
    for issue in range(30):
        text = f"{template}\nOn day {issue} the {random.choice(WORDS)} rose by {issue * 7} points to {issue * 11}."
        articles.append(archived(f"issue-{issue}", text, title="The morning letter", source="wire"))
        articles.append(archived(f"teaser-{issue}", "Ten words.", title=f"The same teaser of ours {issue % 3} again"))
    job = job_of(tmp_path)
    write_parts(job, articles, 3, random)

    found = assemble(job)

    with closing(database_of(articles)) as db:
        assert_same_rows(tmp_path, db)
        assert found.stories == db.execute("SELECT count(*) FROM stories").fetchone()[0]
        assert 5 <= found.stories < len(articles)


def test_how_articles_begin_tells_versions_from_what_a_publisher_repeats(tmp_path):
    shared = [LINES[0], *(f"This line stands under whatever the paper prints on day {n}." for n in range(3))]
    first = "An opening that no other article of the paper has in any of its lines."
    texts = {"unlike": [first, *shared], "long": [*shared, *LINES[1:5]]}
    texts |= {"version": shared[::-1], "whole": [*shared[::-1], *LINES[4:6]]}
    for names, about in ((["unlike", "long"], 0), (["version", "whole"], 1)):
        job = job_of(tmp_path / names[0])
        articles = [archived(name, "\n".join(texts[name]), title=f"On {name}") for name in names]
        write_part(job, "one", articles)
        assemble(job)
        with closing(database_of(articles)) as db:
            assert_same_rows(job.folder, db)
            sql = "SELECT about FROM article_entities JOIN articles ON articles.id = article_id WHERE title = ?"
            assert set(db.execute(sql, [f"On {names[0]}"]).fetchall()) == {(about,)}


def test_an_article_is_in_the_file_of_its_day_in_the_order_of_ids(tmp_path):
    job = job_of(tmp_path)
    write_part(job, "one", [archived(f"a{n}", LINES[0], at=DAY - timedelta(days=n % 2)) for n in range(40)])

    assemble(job)

    days = sorted((tmp_path / "tables" / "articles").iterdir())
    assert [day.name for day in days] == ["day=2026-11-15", "day=2026-11-16"]
    for day in days:
        (file,) = day.iterdir()
        ids = pl.read_parquet(file, columns=["id"])["id"].to_list()
        assert len(ids) == 20
        assert ids == sorted(ids)


def test_the_views_have_the_columns_of_the_contract_with_and_without_rows(tmp_path):
    types = {
        pl.String: "VARCHAR",
        pl.Int64: "BIGINT",
        pl.Float64: "DOUBLE",
        pl.Boolean: "BOOLEAN",
        pl.List: "VARCHAR[]",
    }
    for folder, articles in ((tmp_path / "none", []), (tmp_path / "some", [archived("a", "\n".join(LINES))])):
        job = job_of(folder)
        write_part(job, "one", articles)
        assemble(job)
        with closing(open_tables(folder)) as db:
            for table, columns in ARCHIVE_TABLES.items():
                described = {row[0]: row[1] for row in db.execute(f"DESCRIBE {table}").fetchall()}
                assert described == {column: types[type(of)] for column, of in columns.items()}


def test_the_same_parts_are_assembled_once(tmp_path):
    job = job_of(tmp_path)
    write_part(job, "one", [archived("a", LINES[0])])
    steps = []

    first = assemble(job, progress=steps.append)
    again = assemble(job, progress=steps.append)
    write_part(job, "two", [archived("b", LINES[1])])
    more = assemble(job)

    assert (first.is_new, again.is_new, more.is_new) == (True, False, True)
    assert replace(again, is_new=True) == first
    assert steps == ["captures", "stories", "stock sentences", "tables"]
    assert (first.articles, more.articles) == (1, 2)
    assert [folder.name for folder in (tmp_path / "generations").iterdir()] == [more.generation]


def test_parts_of_another_version_are_left_out(tmp_path):
    job = job_of(tmp_path)
    write_part(job, "one", [archived("a", LINES[0])])
    write_part(replace(job, everything=True), "one", [archived("a", LINES[0]), archived("b", LINES[1])])

    assert assemble(job).articles == 1
    assert assemble(replace(job, everything=True)).articles == 2


@pytest.mark.parametrize("step", ["fold_captures", "link_stories", "_write_partitioned"])
def test_an_end_in_the_middle_leaves_the_tables_that_were_there(tmp_path, step):
    job = job_of(tmp_path)
    write_part(job, "one", [archived("a", LINES[0])])
    before = assemble(job)
    write_part(job, "two", [archived("b", LINES[1])])

    with patch.object(assembling, step, side_effect=KeyboardInterrupt), pytest.raises(KeyboardInterrupt):
        assemble(job)

    with closing(open_tables(tmp_path)) as db:
        assert db.execute("SELECT count(*) FROM articles").fetchall() == [(1,)]
    assert [folder.name for folder in (tmp_path / "generations").iterdir()] == [before.generation]
    assert assemble(job).articles == 2


def test_what_a_killed_process_has_left_is_removed(tmp_path):
    job = job_of(tmp_path)
    write_part(job, "one", [archived("a", LINES[0])])
    generation = assemble(job).generation
    (tmp_path / "tables").unlink()
    (tmp_path / "generations" / generation / "meta.json").write_text("cut of")
    left = tmp_path / "generations" / f".{generation}.tmp"
    left.mkdir()
    (left / "file").write_text("half")

    assert assemble(job).articles == 1
    assert [folder.name for folder in (tmp_path / "generations").iterdir()] == [generation]


def test_two_processes_do_not_make_the_tables_at_once(tmp_path):
    with writer_lock(tmp_path / "tables"), pytest.raises(TryLater):
        assemble(job_of(tmp_path))


def test_the_digest_knows_articles_and_not_where_they_stood(tmp_path):
    articles = [archived(f"a{n}", "\n".join(LINES[n % 5 :]), at=DAY - timedelta(days=n % 3)) for n in range(12)]
    digests = []
    for name, cuts in (("one", [articles]), ("two", [articles[7:], articles[:7][::-1]]), ("less", [articles[1:]])):
        job = job_of(tmp_path / name)
        for number, piece in enumerate(cuts):
            write_part(job, f"{name}{number}", piece)
        assemble(job)
        digests.append(digest(tmp_path / name))

    assert digests[0] == digests[1] != digests[2]


def test_captures_are_summed_and_sources_of_sites_are_made(tmp_path):
    job = job_of(tmp_path)
    captures = ("press", "press.example", "2026-11-16", 5, 2, "2026-11-16T01:00:00Z", "2026-11-16T08:00:00Z")
    later = ("press", "press.example", "2026-11-16", 1, 1, "2026-11-16T07:00:00Z", "2026-11-16T09:00:00Z")
    of_site = (
        "site-other-example",
        "other.example",
        "2026-11-17",
        3,
        0,
        "2026-11-17T01:00:00Z",
        "2026-11-17T02:00:00Z",
    )
    write_part(job, "one", captures=[captures, of_site])
    write_part(job, "two", captures=[later])

    assemble(job)

    with closing(open_tables(tmp_path)) as db:
        assert db.execute("FROM captures").fetchall() == [
            ("press", "2026-11-16", 6, 3, "2026-11-16T01:00:00Z", "2026-11-16T09:00:00Z"),
            ("site-other-example", "2026-11-17", 3, 0, "2026-11-17T01:00:00Z", "2026-11-17T02:00:00Z"),
        ]
        assert db.execute("SELECT id, kind, publisher, language, is_listed FROM sources ORDER BY id").fetchall() == [
            ("mirror", "feed", "press", None, True),
            ("press", "feed", "press", None, True),
            ("site-other-example", "archive", "other.example", None, False),
            ("wire", "feed", "wire", "en-US", True),
        ]


def test_entities_are_those_of_the_lists_and_what_articles_name_besides(tmp_path):
    job = job_of(tmp_path)
    articles = [
        archived("a", "Copperlane sells the H100.", unlisted=["Copperlane"]),
        archived("b", "COPPERLANE buys the H100.", unlisted=["COPPERLANE"]),
    ]
    write_part(job, "one", articles)

    assemble(job)

    columns = ", ".join(ARCHIVE_TABLES["entities"])
    with closing(open_tables(tmp_path)) as db, closing(database_of(articles, load_lexicon().entities)) as wanted:
        found = as_sqlite(db.execute(f"SELECT {columns} FROM entities").fetchall())
        assert found == wanted.execute(f"SELECT {columns} FROM entities ORDER BY id").fetchall()
        assert ("copperlane", "company", "COPPERLANE", None, None, None, None, None, 0) in found


def test_a_folder_without_tables_is_an_error_with_a_remedy(tmp_path):
    with pytest.raises(ConfigError, match="aiwire archive run"):
        open_tables(tmp_path)


def test_no_work_file_is_left_in_a_generation(tmp_path):
    job = job_of(tmp_path)
    write_part(job, "one", [archived("a", LINES[0])])

    assemble(job)

    names = {path.name for path in (tmp_path / "tables").iterdir()}
    assert names == {*PARTITIONED, "captures.parquet", "sources.parquet", "entities.parquet", "meta.json"}


def test_a_text_that_stands_word_for_word_on_many_sites_is_compared_once(tmp_path):
    job = job_of(tmp_path)
    made = [made_source(f"s{number}.example") for number in range(40)]
    captures = [(one.id, one.name, "2026-11-16", 1, 1, "2026-11-16T01:00:00Z", "2026-11-16T02:00:00Z")
                for one in made]  # fmt: skip
    text = "\n".join(LINES)
    copies = [
        archived("a", text, title="NVIDIA cards rents in Lisbon harbour", url=f"{one.url}a", source_id=one.id)
        for one in made
    ]
    write_part(job, "one", copies, captures=captures)

    with patch.object(linking, "is_copy", wraps=linking.is_copy) as asked:
        found = assemble(job)

    assert (found.articles, found.stories) == (40, 1)
    assert asked.call_count == 1


def test_more_texts_than_there_is_room_for_are_compared_all_the_same(tmp_path):
    articles = [
        archived(
            f"{n}-{copy}", f"{'. '.join(LINES[n:])}\nA line of its own, {copy}.", title=f"Title {n}", source=source
        )
        for n in range(4)
        for copy, source in enumerate(("press", "wire", "mirror"))
    ]
    job = job_of(tmp_path)
    write_part(job, "one", articles)

    with patch.object(linking, "ROOM", 10), closing(database_of(articles)) as db:
        assemble(job)
        assert_same_rows(tmp_path, db)
