"""What the pipeline saves: articles, pages, tags; saved twice it changes nothing."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from db_rows import NOW, answer, article, id_of, make_db, one, page_update, save, tag

from aiwire.exceptions import FetchError
from aiwire.types import (
    Candidate,
    Page,
    PageUpdate,
    Price,
    Source,
    SourceState,
    Tagging,
)
from db import articles as article_rows
from db.dump import dump_rows
from db.store import (
    known_articles,
    save_page,
    save_tagging,
    save_taggings,
    source_states,
    sync_sources,
    texts,
)
from db.summary import counts


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
    assert db.execute("SELECT * FROM period_totals").fetchall() == []
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
