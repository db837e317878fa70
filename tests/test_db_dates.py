"""Dates that people put right: they hold whatever is stated meanwhile, and undone they leave no trace."""

from dataclasses import replace
from datetime import timedelta

from db_rows import NOW, article, id_of, make_db, one, page_update, save
from hypothesis import given, settings
from hypothesis import strategies as st

from aiwire.pipeline.correcting import put_right
from aiwire.types import Correction, Page
from db.corrections import all_corrections
from db.dump import dump_rows
from db.store import known_articles, pending_pages, save_page
from db.trends import rebuild

URL = "https://example.org/a"
TEXT = "NVIDIA sells the H100. Its maker counts on graphics cards."


def right_day(day):
    return Correction(URL, "wrong-date", value=f"{day}T00:00:00Z", made_at="2026-11-23T06:00:00Z")


DATES = "SELECT published_at, dated_at, week, date_source, date_flaw FROM articles"
FIRST_OF_MARCH = ("2026-03-01T00:00:00Z", "2026-03-01T00:00:00Z", "2026-02-23", "correction", None)


def test_a_right_date_moves_tags_prices_and_rollups_and_back(db):
    save(db, article("a", TEXT), article("b", TEXT))
    before = dump_rows(db)

    put_right(db, None, add=[right_day("2026-03-01")], now=NOW)

    assert one(db, DATES + " WHERE url = ?", URL) == FIRST_OF_MARCH
    assert db.execute(
        "SELECT DISTINCT dated_at FROM article_entities WHERE article_id = ?", [id_of(db)]
    ).fetchall() == [("2026-03-01T00:00:00Z",)]
    counts = "SELECT grain, period_start, articles_total FROM period_totals WHERE segment = 'all' ORDER BY 1, 2"
    assert db.execute(counts).fetchall() == [
        ("day", "2026-03-01", 1), ("day", "2026-11-23", 1),
        ("month", "2026-03-01", 1), ("month", "2026-11-01", 1),
        ("week", "2026-02-23", 1), ("week", "2026-11-23", 1),
    ]  # fmt: skip
    kept = dump_rows(db)
    rebuild(db)
    assert dump_rows(db) == kept

    put_right(db, None, undo=[right_day("2026-03-01")], now=NOW)
    assert dump_rows(db) == before


def test_a_right_date_takes_an_undated_backlog_article_into_its_week(db):
    save(db, article("a", TEXT, date_source="backlog", published_at=None))
    assert one(db, "SELECT count(*) FROM trends_weekly") == (0,)

    put_right(db, None, add=[right_day("2026-03-01")], now=NOW)

    assert one(db, "SELECT DISTINCT period_start FROM trends_weekly") == ("2026-02-23",)


def test_a_right_date_gives_way_to_another_one_and_what_is_stated_stays_known(db):
    save(db, article("a", TEXT))
    stated = one(db, DATES)

    put_right(db, None, add=[right_day("2026-03-01")], now=NOW)
    put_right(db, None, add=[right_day("2026-03-09")], now=NOW)
    assert one(db, DATES)[1:4] == ("2026-03-09T00:00:00Z", "2026-03-09", "correction")
    assert [a.published_at for a in known_articles(db, [URL]).values()] == [NOW]  # identity goes by what is stated

    put_right(db, None, undo=[right_day("2026-03-09")], now=NOW)
    assert one(db, DATES) == stated


STATED = st.sampled_from(["published", "updated", "lastmod", "first_seen", "url", "time"])
EVENTS = st.lists(
    st.tuples(st.sampled_from(["entry", "page", "right", "undo"]), STATED, st.integers(0, 40)), min_size=1, max_size=7
)


@settings(max_examples=60, deadline=None)
@given(EVENTS)
def test_whatever_entries_and_pages_state_meanwhile_the_date_holds_and_undone_leaves_no_trace(events):
    """The same events with and without corrections: the dates differ while one is in force, and nothing after it."""
    touched, untouched = make_db(), make_db()
    for database in (touched, untouched):
        save(database, article("a", TEXT, wants_page=True))
    is_right = False
    for number, (what, source, days) in enumerate(events):
        moment = NOW - timedelta(days=days)
        later = NOW + timedelta(minutes=number)
        if what == "right":
            put_right(touched, None, add=[right_day("2026-03-01")], now=later)
            is_right = True
        elif what == "undo":
            put_right(touched, None, undo=[right_day("2026-03-01")], now=later)
            is_right = False
        stated = None if source == "first_seen" else moment
        for database in (touched, untouched):
            if what == "entry":
                update = article("a", TEXT, published_at=stated, dated_at=moment, date_source=source, wants_page=True)
                save(database, replace(update, entry_hash=f"{number}"), now=later)
            elif what == "page":
                page = Page("pending", 1, later, None, None)
                dates = {"published_at": stated, "dated_at": moment, "date_source": source, "page": page}
                save_page(database, page_update(id_of(database), TEXT + " More.", **dates), run_id=1, now=later)
        assert pending_pages(touched, now=later) == pending_pages(untouched, now=later)
        if is_right:
            assert one(touched, DATES) == FIRST_OF_MARCH
        else:
            assert dump_rows(touched) == dump_rows(untouched)
    put_right(touched, None, undo=all_corrections(touched), now=NOW)
    assert dump_rows(touched) == dump_rows(untouched)
    touched.close()
    untouched.close()
