"""What the pipeline saves: articles, pages, tags; twice, cut, killed."""

import re
import signal
import sqlite3
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from aiwire.exceptions import ConfigError, ExtractError, FetchError
from aiwire.types import (
    Alias,
    ArticleUpdate,
    Candidate,
    Entity,
    Extracted,
    FetchResult,
    Mention,
    NotModified,
    Page,
    PageUpdate,
    Price,
    Request,
    Response,
    Sentence,
    Source,
    SourceState,
    SourceUpdate,
    Tag,
    Tagging,
)
from db import articles as article_rows
from db.connection import connect
from db.dump import dump_rows
from db.runs import last_start
from db.store import (
    article_text,
    count_pending_pages,
    count_texts,
    finish_run,
    known_articles,
    pending_pages,
    save_page,
    save_source,
    save_tagging,
    save_taggings,
    source_states,
    start_run,
    sync_entities,
    sync_sources,
    texts,
)
from db.summary import counts, top_entities

NOW = datetime(2026, 11, 23, 6, tzinfo=UTC)
ENTITIES = (
    Entity("nvidia", "company", "NVIDIA", aliases=(Alias("NVIDIA", "any"),)),
    Entity("reuters", "company", "Reuters"),
    Entity("nvidia-h100", "accelerator", "NVIDIA H100", parent="nvidia", aliases=(Alias("H100", "any"),)),
    Entity("tco", "theme", "TCO", category="economics"),
)
NAMES = {"NVIDIA": "nvidia", "H100": "nvidia-h100", "Reuters": "reuters", "TCO": "tco"}
KINDS = {"nvidia": "company", "nvidia-h100": "accelerator", "reuters": "company", "tco": "theme"}


def sentences_of(text, field="text"):
    return [Sentence(field, m.start(), m.end()) for m in re.finditer(r"[^.\n]+\.?", text)]


def tag(title, text, *, version="1", unlisted=()):
    """Tag by plain search: enough of a tagger to see what the database does with its findings."""
    sentences = sentences_of(title, "title") + sentences_of(text)
    words = {"title": title, "text": text}
    tags = []
    for name, entity_id in (NAMES | {name: name.lower() for name in unlisted}).items():
        mentions = tuple(
            Mention(s.field, s.start + m.start(), s.start + m.end(), name, s.start, s.end, "any", 0.9)
            for s in sentences
            for m in re.finditer(name, words[s.field][s.start : s.end])
        )
        if mentions:
            first = mentions[0]
            tags.append(
                Tag(
                    kind=KINDS.get(entity_id, "company"),
                    id=entity_id,
                    name=name,
                    surfaces=(name,),
                    count=len(mentions),
                    about=True,
                    role="source" if entity_id == "reuters" else "subject",
                    listed=entity_id in KINDS,
                    salience=0.5,
                    confidence=0.9,
                    evidence=words[first.field][first.sent_start : first.sent_end].strip(),
                    mentions=mentions,
                )
            )
    return Tagging(tuple(tags), sentences=tuple(sentences), tagger_version=version, taxonomy_version="t")


def article(name, text="NVIDIA sells the H100.", *, title=None, day=NOW, tagged=True, wants_page=False, **more):
    title = f"Title of {name}" if title is None else title
    values = {
        "url": f"https://example.org/{name}", "guid": name, "title": title, "author": None, "published_at": day,
        "dated_at": day, "date_source": "published", "language": "en", "text": text,
        "entry_hash": f"{title}|{text}|{day}", "wants_page": wants_page,
        "tagging": tag(title, text) if tagged else None,
    }  # fmt: skip
    return ArticleUpdate(**(values | more))


def answer(url="https://example.org/feed", source_id="example", purpose="feed", article_id=None, outcome=None):
    request = Request(url, source_id, purpose, article_id)
    return FetchResult(request, outcome or Response(url, url, 200, {}, b"body"), elapsed_ms=5, wire_bytes=4)


def save(db, *articles, source_id="example", now=NOW, run_id=1):
    state = SourceState(source_id, etag='"1"', checked_at=now, ok_at=now)
    update = SourceUpdate(state, answer(source_id=source_id), articles, entries=len(articles))
    return save_source(db, update, run_id=run_id, now=now)


def make_db(path=":memory:"):
    db = connect(path)
    sync_sources(db, [
        Source("example", "Example", "feed", "https://example.org/feed", "example"),
        Source("vendor", "Vendor", "feed", "https://vendor.example/feed", "vendor", owner="nvidia"),
        Source("mirror", "Mirror", "feed", "https://mirror.example/feed", "example"),
    ])  # fmt: skip
    sync_entities(db, ENTITIES)
    if not db.execute("SELECT 1 FROM runs").fetchone():
        start_run(db, "run", now=NOW)
    return db


@pytest.fixture
def db():
    with_rows = make_db()
    yield with_rows
    with_rows.close()


def one(db, sql, *values):
    return db.execute(sql, values).fetchone()


def page_update(article_id, text, *, title="Title of a", state="fetched", **more):
    values = {
        "article_id": article_id,
        "page": Page(state, 1, NOW, None, None),
        "fetch": answer("https://example.org/a", purpose="page", article_id=article_id),
        "extracted": Extracted(None, "https://example.org/canon", title, None, None, None, "en", text, False),
        "text_origin": "page",
        "title": title,
        "tagging": tag(title, text),
    }
    return PageUpdate(**(values | more))


def id_of(db, name="a"):
    return known_articles(db, [f"https://example.org/{name}"])[f"https://example.org/{name}"].id


# ---------------------------------------------------------------- saving


def test_what_a_feed_brings_is_stored_with_its_tags_and_the_state_of_the_source(db):
    counted = save(db, article("a", "Reuters says NVIDIA sells the H100. NVIDIA grows.", title="News on NVIDIA"))

    assert (counted.new, counted.changed, counted.tags, counted.weeks) == (1, 0, 3, frozenset({"2026-11-23"}))
    assert one(db, "SELECT title, week, text_origin, tagger_version, page_state FROM articles") == (
        "News on NVIDIA", "2026-11-23", "feed", "1", "none",
    )  # fmt: skip
    assert db.execute("SELECT entity_id, count, about, role FROM article_entities").fetchall() == [
        ("nvidia", 3, 1, "subject"),
        ("nvidia-h100", 1, 1, "subject"),
        ("reuters", 1, 1, "source"),
    ]
    assert source_states(db) == {
        "example": SourceState("example", etag='"1"', checked_at=NOW, ok_at=NOW),
    }


def test_offsets_of_the_best_mention_lead_to_the_name(db):
    text = "Nobody knows. Today NVIDIA sells the H100."
    save(db, article("a", text))

    field, start, end = one(
        db, "SELECT best_field, best_start, best_end FROM article_entities WHERE entity_id = 'nvidia-h100'"
    )

    assert (field, text[start:end]) == ("text", "H100")


def test_saving_the_same_twice_changes_nothing(db):
    save(db, article("a"), article("b", wants_page=True))
    before = dump_rows(db)

    again = save(db, article("a"), article("b", wants_page=True), now=NOW + timedelta(hours=1))

    assert dump_rows(db) == before
    assert (again.new, again.changed) == (0, 0)


def test_an_article_belongs_to_the_source_that_brought_it_first(db):
    save(db, article("a"))
    before = dump_rows(db)

    save(db, article("a", "Another wording of NVIDIA."), source_id="vendor")

    assert dump_rows(db) == before


@pytest.mark.parametrize("tagged", [True, False])
def test_an_article_whose_source_left_the_file_is_taken_over_by_the_next_that_brings_it(db, tagged):
    vendor = Source("vendor", "Vendor", "feed", "https://vendor.example/feed", "vendor", owner="nvidia")
    text = "NVIDIA sells the H100, and this sentence is long enough to be remembered."
    save(db, article("a", text))
    disabled = Source("example", "Example", "feed", "https://example.org/feed", "example", enabled=False)
    sync_sources(db, [vendor, disabled])
    assert save(db, article("a", text), source_id="vendor").changed == 0  # disabled is not gone

    sync_sources(db, [vendor])
    assert [known.owner_active for known in known_articles(db, ["https://example.org/a"]).values()] == [False]
    counted = save(db, article("a", text, tagged=tagged), source_id="vendor")

    assert counted.changed == 1
    assert one(db, "SELECT source_id FROM articles") == ("vendor",)
    if not tagged:
        assert counts(db)["untagged"] == 1
        save_taggings(db, [(t.id, tag(t.title, t.text)) for t in texts(db, stale_for=("1", "t"))], now=NOW)
    straight = make_db()
    save(straight, article("a", text), source_id="vendor")
    got, wanted = dump_rows(db), dump_rows(straight)
    assert {table: got[table] for table in got if table != "sources"} == {
        t: wanted[t] for t in wanted if t != "sources"
    }
    straight.close()


@pytest.mark.parametrize(
    ("declared", "stored"),
    [("en-us", "en-US"), ("EN", "en"), ("zh_hant_tw", "zh-Hant-TW"), ("en-x-us", "en-x-us"), (" ", None), (None, None)],
)
def test_language_tags_are_stored_in_one_spelling(db, declared, stored):
    save(db, article("a", language=declared))
    sync_sources(db, [Source("example", "Example", "feed", "u", "example", language=declared)])

    assert one(db, "SELECT language FROM articles") == (stored,)
    assert one(db, "SELECT language FROM sources WHERE id = 'example'") == (stored,)
    save_page(db, page_update(id_of(db), "Text.", language=declared), run_id=1, now=NOW)
    assert one(db, "SELECT language FROM articles") == (stored,)


def test_ids_do_not_depend_on_the_order_of_saving():
    forward, backward = make_db(), make_db()

    save(forward, article("a"), article("b"))
    save(backward, article("b"))
    save(backward, article("a"))

    assert dump_rows(forward) == dump_rows(backward)
    forward.close()
    backward.close()


def test_two_urls_with_one_hash_are_two_articles(db, monkeypatch):
    monkeypatch.setattr(article_rows, "ID_BITS", 1)

    save(db, *(article(name) for name in "abcdef"))

    assert one(db, "SELECT count(*), count(DISTINCT url) FROM articles") == (6, 6)


def test_an_edit_in_the_feed_keeps_the_earlier_text(db):
    save(db, article("a", "Old words on NVIDIA."))

    counted = save(db, article("a", "New words on the H100."), now=NOW + timedelta(days=1))

    assert (counted.new, counted.changed, counted.versions) == (0, 1, 1)
    assert one(db, "SELECT version, text, replaced_at FROM article_versions") == (
        1, "Old words on NVIDIA.", "2026-11-24T06:00:00Z",
    )  # fmt: skip
    assert one(db, "SELECT text, updated_at, first_seen_at FROM articles") == (
        "New words on the H100.", "2026-11-24T06:00:00Z", "2026-11-23T06:00:00Z",
    )  # fmt: skip
    assert db.execute("SELECT entity_id FROM article_entities").fetchall() == [("nvidia-h100",)]
    assert db.execute("SELECT rowid FROM articles_fts WHERE articles_fts MATCH 'old'").fetchall() == []


def test_the_feeds_text_replaced_by_the_pages_text_is_no_edit_but_another_text_of_the_page_is(db):
    save(db, article("a", "Summary on NVIDIA.", wants_page=True))

    first = save_page(db, page_update(id_of(db), "Full text on the H100."), run_id=1, now=NOW)
    again = save_page(db, page_update(id_of(db), "Full text on the H100."), run_id=1, now=NOW)
    edited = save_page(db, page_update(id_of(db), "Corrected text on TCO."), run_id=1, now=NOW)

    assert [c.versions for c in (first, again, edited)] == [0, 0, 1]
    assert [row[0] for row in db.execute("SELECT text FROM article_versions")] == ["Full text on the H100."]
    assert one(db, "SELECT text, text_origin, page_state, canonical_url, paywalled FROM articles") == (
        "Corrected text on TCO.", "page", "fetched", "https://example.org/canon", 0,
    )  # fmt: skip


def test_a_page_without_text_of_its_own_changes_only_the_state_of_the_page(db):
    save(db, article("a", wants_page=True))
    before = dump_rows(db)
    later = NOW + timedelta(hours=6)
    failed = FetchError("https://example.org/a", "timed out", reason="timeout")

    save_page(
        db,
        PageUpdate(id_of(db), Page("pending", 1, NOW, later, "timed out"), answer(purpose="page", outcome=failed)),
        run_id=1,
        now=NOW,
    )

    after = dump_rows(db)
    assert {table for table in after if after[table] != before[table]} == {"articles"}
    assert one(db, "SELECT page_state, page_attempts, page_next_at, page_error FROM articles") == (
        "pending", 1, "2026-11-23T12:00:00Z", "timed out",
    )  # fmt: skip


def test_a_changed_entry_leaves_the_pages_text_until_the_page_is_read_again(db):
    save(db, article("a", "Summary.", wants_page=True))
    save_page(db, page_update(id_of(db), "Full text on the H100."), run_id=1, now=NOW)

    kept = article("a", "Full text on the H100.", title="Better title of NVIDIA", wants_page=True, text_origin="page")
    counted = save(db, kept)

    assert (counted.changed, counted.versions) == (1, 1)  # of the title
    assert one(db, "SELECT title, text, text_origin, page_state, page_attempts FROM articles") == (
        "Better title of NVIDIA", "Full text on the H100.", "page", "pending", 0,
    )  # fmt: skip
    assert [row[0] for row in db.execute("SELECT entity_id FROM article_entities")] == ["nvidia", "nvidia-h100"]


def test_tags_that_fit_another_text_than_the_stored_one_are_not_stored(db):
    save(db, article("a", "Summary.", wants_page=True))
    save_page(db, page_update(id_of(db), "Full text on the H100."), run_id=1, now=NOW)

    save(db, article("a", "Quite another text, on TCO.", title="New title", wants_page=True, text_origin="page"))

    assert one(db, "SELECT text, tagger_version FROM articles") == ("Full text on the H100.", None)
    assert one(db, "SELECT count(*) FROM article_entities") == (0,)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"title": "Another title"}, id="title"),
        pytest.param({"text": "Another text."}, id="text"),
        pytest.param({"day": NOW - timedelta(days=1)}, id="date"),
    ],
)
def test_another_title_text_or_date_keeps_the_earlier_version(db, change):
    save(db, article("a", "One text."))

    counted = save(db, article("a", **({"text": "One text."} | change)), now=NOW + timedelta(days=1))

    assert counted.versions == 1
    assert one(db, "SELECT title, text, published_at, replaced_at FROM article_versions") == (
        "Title of a", "One text.", "2026-11-23T06:00:00Z", "2026-11-24T06:00:00Z",
    )  # fmt: skip
    assert one(db, "SELECT updated_at FROM articles") == ("2026-11-24T06:00:00Z",)


def test_another_author_or_a_first_date_is_no_new_version(db):
    save(db, article("a", published_at=None, date_source="backlog"))

    counted = save(db, article("a", author="Ann", entry_hash="other"))

    assert (counted.changed, counted.versions) == (1, 0)
    assert one(db, "SELECT author, published_at, date_source FROM articles") == (
        "Ann", "2026-11-23T06:00:00Z", "published",
    )  # fmt: skip


ABSURD = datetime(1970, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("stated", [None, ABSURD])
@pytest.mark.parametrize("how", ["entry", "page"])
def test_an_absent_or_absurd_date_changes_none_of_the_three_dates(db, stated, how):
    save(db, article("a", wants_page=True))
    before = one(db, "SELECT published_at, dated_at, date_source FROM articles")
    later = {"published_at": stated, "dated_at": NOW + timedelta(days=3), "date_source": "first_seen"}

    if how == "entry":
        save(db, article("a", "Another text.", **later))
    else:
        save_page(db, page_update(id_of(db), "The text of the page.", **later), run_id=1, now=NOW)

    assert one(db, "SELECT published_at, dated_at, date_source FROM articles") == before


def test_a_page_that_states_a_date_takes_an_article_out_of_the_backlog(db):
    save(db, article("a", published_at=None, date_source="backlog", wants_page=True))
    assert db.execute("SELECT * FROM week_totals").fetchall() == []
    earlier = NOW - timedelta(days=14)
    dated = {"published_at": earlier, "dated_at": earlier, "date_source": "json-ld"}

    save_page(db, page_update(id_of(db), "NVIDIA sells the H100.", **dated), run_id=1, now=NOW)

    assert one(db, "SELECT date_source FROM articles") == ("json-ld",)
    assert db.execute("SELECT DISTINCT period_start FROM trends_weekly").fetchall() == [("2026-11-09",)]


def test_an_undated_entry_that_changes_keeps_the_day_it_was_first_seen(db):
    undated = {"published_at": None, "date_source": "first_seen"}
    save(db, article("a", "One text.", **undated))

    save(db, article("a", "Another text.", day=NOW + timedelta(days=9), **undated), now=NOW + timedelta(days=9))

    assert one(db, "SELECT dated_at, date_source, text FROM articles") == (
        "2026-11-23T06:00:00Z", "first_seen", "Another text.",
    )  # fmt: skip


def test_a_changed_date_moves_the_tags_and_both_weeks(db):
    save(db, article("a"))
    earlier = NOW - timedelta(days=14)

    save(db, article("a", day=earlier))

    assert {row[0] for row in db.execute("SELECT dated_at FROM article_entities")} == {"2026-11-09T06:00:00Z"}
    assert db.execute("SELECT DISTINCT period_start FROM trends_weekly").fetchall() == [("2026-11-09",)]


def test_untagged_articles_are_tagged_later_with_the_same_rows(db):
    direct = make_db()
    save(direct, article("a"), article("b", "TCO of NVIDIA."))
    save(db, article("a", tagged=False), article("b", "TCO of NVIDIA.", tagged=False))
    assert counts(db)["untagged"] == 2

    save_taggings(db, [(t.id, tag(t.title, t.text)) for t in texts(db, stale_for=("1", "t"))], now=NOW)

    assert dump_rows(db) == dump_rows(direct)
    direct.close()


def test_prices_and_candidates_are_stored_and_replaced(db):
    price = Price(
        "$2 an hour", 2.0, None, "USD", "gpu-hour", None, "nvidia-h100", "It costs $2 an hour.", "text", 9, 19
    )
    found = Tagging(
        prices=(price, replace(price, start=20, end=30)),
        candidates=(Candidate("Acme", "company", "rule", "Acme is new."),) * 2,
        tagger_version="1",
        taxonomy_version="t",
    )
    save(db, article("a", tagging=found))
    assert db.execute("SELECT position, amount, accelerator FROM prices").fetchall() == [
        (0, 2.0, "nvidia-h100"), (1, 2.0, "nvidia-h100"),
    ]  # fmt: skip
    assert counts(db)["candidates"] == 1

    save_tagging(db, id_of(db), replace(found, prices=(), candidates=()), now=NOW)

    assert (counts(db)["prices"], counts(db)["candidates"]) == (0, 0)


# ---------------------------------------------------------------- entities and sources


def test_unlisted_names_come_and_go_with_the_articles_and_do_not_depend_on_order():
    first = article("a", "Acme grows.", tagging=tag("x", "Acme grows.", unlisted=["Acme"]))
    shouted = tag("x", "ACME grows.", unlisted=["ACME"])
    second = article("b", "ACME grows.", tagging=replace(shouted, tags=(replace(shouted.tags[0], id="acme"),)))
    one_way, other_way = make_db(), make_db()
    save(one_way, first, second)
    save(other_way, second)
    save(other_way, first)
    assert dump_rows(one_way) == dump_rows(other_way)
    assert one(one_way, "SELECT name, kind, listed FROM entities WHERE id = 'acme'") == ("ACME", "company", 0)

    save_tagging(one_way, id_of(one_way, "b"), Tagging(tagger_version="1", taxonomy_version="t"), now=NOW)
    assert one(one_way, "SELECT name FROM entities WHERE id = 'acme'") == ("Acme",)
    save_tagging(one_way, id_of(one_way, "a"), Tagging(tagger_version="1", taxonomy_version="t"), now=NOW)

    assert one(one_way, "SELECT name FROM entities WHERE id = 'acme'") is None
    one_way.close()
    other_way.close()


def test_an_entity_that_left_the_lists_stays_while_an_article_names_it(db):
    save(db, article("a", "TCO of NVIDIA."))
    rest = [e for e in ENTITIES if e.id not in ("tco", "reuters")]

    sync_entities(db, rest)

    assert one(db, "SELECT listed, category FROM entities WHERE id = 'tco'") == (0, None)
    assert one(db, "SELECT 1 FROM entities WHERE id = 'reuters'") is None
    save_tagging(db, id_of(db), Tagging(tagger_version="2", taxonomy_version="t"), now=NOW)
    assert one(db, "SELECT 1 FROM entities WHERE id = 'tco'") is None


def test_sync_entities_replaces_what_changed_and_again_changes_nothing(db):
    changed = [
        replace(e, name="Nvidia Corp", aliases=(Alias("Nvidia", "cased"),)) if e.id == "nvidia" else e for e in ENTITIES
    ]
    sync_entities(db, changed)
    before = dump_rows(db)

    sync_entities(db, reversed(changed))

    assert dump_rows(db) == before
    assert db.execute("SELECT surface, policy FROM aliases WHERE entity_id = 'nvidia'").fetchall() == [
        ("Nvidia", "cased")
    ]
    assert one(db, "SELECT name FROM entities WHERE id = 'nvidia'") == ("Nvidia Corp",)


def test_an_unknown_parent_is_an_error_and_nothing_is_changed(db):
    before = dump_rows(db)

    with pytest.raises(ConfigError, match="'h': unknown parent 'nobody'"):
        sync_entities(db, [Entity("h", "accelerator", "H", parent="nobody")])

    assert dump_rows(db) == before


def test_a_source_that_left_the_file_becomes_inactive_and_comes_back(db):
    example = Source("example", "Example", "feed", "https://example.org/feed", "example")
    sync_sources(db, [])
    assert db.execute("SELECT DISTINCT active FROM sources").fetchall() == [(0,)]

    sync_sources(db, [example])

    assert one(db, "SELECT active FROM sources WHERE id = 'example'") == (1,)
    assert counts(db)["sources"] == 1


def test_a_source_that_gets_an_owner_moves_its_articles_to_the_owned_segment(db):
    save(db, article("a"))
    example = Source("example", "Example", "feed", "https://example.org/feed", "example", owner="nvidia")

    sync_sources(db, [example])

    segments = {row[0] for row in db.execute("SELECT segment FROM week_totals")}
    assert segments == {"all", "owned", "lang:en"}


# ---------------------------------------------------------------- reading


def test_known_articles_finds_more_urls_than_one_query_takes(db):
    save(db, *(article(f"n{i}", "Text.", tagged=False) for i in range(1200)))

    known = known_articles(db, [f"https://example.org/n{i}" for i in range(2000)])

    assert len(known) == 1200
    assert known["https://example.org/n7"].entry_hash == article("n7", "Text.").entry_hash


def test_pending_pages_are_those_due_newest_first(db):
    save(db, *(article(n, day=NOW - timedelta(days=i), wants_page=True) for i, n in enumerate("abc")), article("d"))
    later = NOW + timedelta(hours=6)
    failed = answer(purpose="page", outcome=FetchError("u", "no", reason="timeout"))
    save_page(db, PageUpdate(id_of(db, "b"), Page("pending", 1, NOW, later, "no"), failed), run_id=1, now=NOW)

    assert [p.url[-1] for p in pending_pages(db, now=NOW)] == ["a", "c"]
    assert [(p.url[-1], p.attempts, p.tried_at) for p in pending_pages(db, now=later)][1] == ("b", 1, NOW)
    assert [p.url[-1] for p in pending_pages(db, now=NOW, limit=1)] == ["a"]
    assert count_pending_pages(db) == 3


@pytest.mark.parametrize("change", [{"enabled": False}, {"full_text": "never"}, None])
def test_pages_of_a_source_that_is_gone_or_wants_none_are_not_pending(db, change):
    save(db, article("a", wants_page=True))
    source = Source("example", "Example", "feed", "https://example.org/feed", "example")

    sync_sources(db, [] if change is None else [replace(source, **change)])

    assert pending_pages(db, now=NOW) == []


def test_texts_can_be_written_to_while_they_are_read(db):
    save(db, *(article(f"n{i}", "Text on NVIDIA.", tagged=False) for i in range(600)))
    stale = ("2", "t")
    assert count_texts(db, stale_for=stale) == count_texts(db) == 600

    for text in texts(db, stale_for=stale):
        save_tagging(db, text.id, tag(text.title, text.text, version="2"), now=NOW)

    assert count_texts(db, stale_for=stale) == 0
    assert list(texts(db, stale_for=stale)) == []
    assert article_text(db, id_of(db, "n7")).text == "Text on NVIDIA."


def test_top_entities_come_with_counts_and_evidence(db):
    save(db, article("a", "Reuters on NVIDIA."), article("b", "NVIDIA grows."))

    [top] = top_entities(db, "company", limit=5)

    assert (top.id, top.name, top.articles, top.about) == ("nvidia", "NVIDIA", 2, 2)
    assert "NVIDIA" in top.evidence


# ---------------------------------------------------------------- runs


def test_a_run_sums_up_its_requests_and_a_killed_one_is_found_out(db):
    save(db, article("a", wants_page=True))
    state = SourceState("vendor", error_count=1, error="bad")
    save_source(
        db,
        SourceUpdate(state, replace(answer(source_id="vendor"), unreadable=ExtractError("u", "bad"))),
        run_id=1,
        now=NOW,
    )
    mirror = answer(source_id="mirror", outcome=NotModified("u", {}))
    save_source(db, SourceUpdate(SourceState("mirror"), mirror), run_id=1, now=NOW)
    save_page(db, page_update(id_of(db), "Full."), run_id=1, now=NOW)

    second = start_run(db, "run", now=NOW)  # the first never ended
    finish_run(db, second, now=NOW + timedelta(minutes=1), status="stopped", sources_due=3, message="time is up")

    columns = "finished_at, sources_due, sources_ok, sources_not_modified, sources_failed, articles_new, pages_fetched"
    assert db.execute(f"SELECT status, {columns} FROM runs").fetchall() == [
        ("stopped", None, None, 1, 1, 1, 1, 1),
        ("stopped", "2026-11-23T06:01:00Z", 3, 0, 0, 0, 0, 0),
    ]
    assert db.execute("SELECT source_id, purpose, outcome, status, entries, new FROM fetches").fetchall() == [
        ("example", "feed", "ok", 200, 1, 1),
        ("vendor", "feed", "unreadable", 200, 0, 0),
        ("mirror", "feed", "not-modified", 304, 0, 0),
        ("example", "page", "ok", 200, 0, 0),
    ]


def test_the_last_start_is_the_latest_whatever_the_order(db):
    start_run(db, "run", now=NOW - timedelta(days=1))

    assert last_start(db) == NOW
    db.execute("DELETE FROM runs")
    assert last_start(db) is None


def test_what_a_replay_has_no_answer_for_is_no_failure(db):
    save(db, article("a", wants_page=True))
    absent = FetchError("u", "not in the archive", reason="not-in-archive")
    update = SourceUpdate(SourceState("vendor"), answer(source_id="vendor", outcome=absent))
    save_source(db, update, run_id=1, now=NOW)
    page = answer(purpose="page", article_id=id_of(db), outcome=absent)
    save_page(db, PageUpdate(id_of(db), Page("pending", 0, None, None, "absent"), page), run_id=1, now=NOW)

    finish_run(db, 1, now=NOW)

    columns = "sources_ok, sources_failed, sources_not_in_archive, pages_failed, pages_not_in_archive"
    assert one(db, f"SELECT {columns} FROM runs") == (1, 0, 1, 0, 1)


# ---------------------------------------------------------------- all or nothing


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


SAVER = """
import importlib.util, sys
spec = importlib.util.spec_from_file_location("saver", sys.argv[1])
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
module.save_many(sys.argv[2])
"""


def save_many(path):
    """Save 60 answers of three articles each; those that are stored are skipped."""
    db = make_db(path)
    start_run(db, "run", now=NOW)
    stock = "This very passage on the TCO of NVIDIA cards stands under everything."
    for n in range(60):
        batch = (
            article(f"{n}-{i}", f"Story {n} {i} is on the H100.\n{stock}\nEnd of {n} {i}, at last.") for i in range(3)
        )
        save(db, *batch, run_id=1)
    db.close()


def test_killed_again_and_again_and_finished_it_has_the_rows_of_an_undisturbed_run(tmp_path):
    save_many(tmp_path / "whole.db")
    kills = 0
    for target in (2, 9, 25, 44):
        saver = subprocess.Popen([sys.executable, "-c", SAVER, __file__, str(tmp_path / "cut.db")])
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
