"""The canned queries of rollups, stories and coverage, checked by counting the articles."""

from datetime import UTC, datetime, timedelta

import pytest
from counted_rows import MONDAY, make_one_story, put
from db_rows import answer, make_db

from aiwire.types import SourceState, SourceUpdate
from db.queries import QUERIES
from db.store import save_source

BY_NAME = {query.name: query for query in QUERIES}


def run(db, name, **parameters):
    query = BY_NAME[name]
    cursor = db.execute(query.sql, dict.fromkeys(query.examples, "") | parameters)
    columns = [column[0] for column in cursor.description]
    return [dict(zip(columns, row, strict=True)) for row in cursor]


@pytest.fixture
def db():
    filled = make_db()
    yield filled
    filled.close()


@pytest.mark.parametrize(
    ("grain", "rows"),
    [
        ("day", [("2026-11-18", 1, 1), ("2026-11-17", 0, 0), ("2026-11-16", 2, 1), ("2026-10-31", 1, 1)]),
        ("week", [("2026-11-16", 3, 2), ("2026-10-26", 1, 1)]),
        ("month", [("2026-11-01", 3, 2), ("2026-10-01", 1, 1)]),
        ("", [("2026-11-16", 3, 2), ("2026-10-26", 1, 1)]),
        ("year", []),
    ],
)
def test_a_trend_has_its_grain_with_articles_and_stories(db, grain, rows):
    put(db, "a", "nvidia")
    put(db, "b", "nvidia", source_id="mirror")
    put(db, "other", day=MONDAY + timedelta(days=1))
    put(db, "c", "nvidia", day=MONDAY + timedelta(days=2))
    put(db, "old", "nvidia", day=datetime(2026, 10, 31, 23, tzinfo=UTC))
    make_one_story(db, "a", "b")

    found = run(db, "trend", entity_id="nvidia", grain=grain)

    assert [(r["period_start"], r["articles"], r["stories"]) for r in found] == rows
    assert all(r["share_stories"] == round(r["stories"] / r["stories_total"], 6) for r in found)


def test_a_theme_is_compared_with_the_stories_that_were_tagged_for_themes(db):
    put(db, "a", "tco", "nvidia")
    put(db, "b", "nvidia")
    put(db, "zh", "nvidia", scope="names", language="zh")

    assert [(r["stories"], r["stories_total"]) for r in run(db, "trend", entity_id="tco")] == [(1, 2)]
    assert [(r["stories"], r["stories_total"]) for r in run(db, "trend", entity_id="nvidia")] == [(3, 3)]


def test_stories_with_copies_come_newest_first_and_lead_to_their_copies(db):
    for name, day in (("a", 0), ("b", 1), ("alone", 2), ("new", 3), ("newer", 4)):
        put(db, name, day=MONDAY + timedelta(days=day), source_id="vendor" if name == "b" else "example")
    old = make_one_story(db, "a", "b")
    new = make_one_story(db, "new", "newer")

    found = run(db, "copied_stories")

    assert [(r["story_id"], r["title"], r["copies"], r["publishers"]) for r in found] == [
        (new, "Title of new", 2, 1), (old, "Title of a", 2, 2),
    ]  # fmt: skip
    copies = run(db, "story", story_id=str(old))
    assert [(r["title"], r["publisher"], r["is_lead"]) for r in copies] == [
        ("Title of a", "example", 1), ("Title of b", "vendor", 0),
    ]  # fmt: skip
    assert run(db, "story", story_id=str(copies[1]["id"])) == copies
    assert run(db, "story", story_id="1") == []
    assert [r["title"] for r in run(db, "story")] == ["Title of new", "Title of newer"]  # of the newest one


def test_what_is_named_together_has_a_lift_that_fits_its_denominators(db):
    put(db, "a", "nvidia", "tco", "reuters")
    put(db, "b", "nvidia", "tco")
    put(db, "c", "nvidia")
    put(db, "d", "tco")
    put(db, "e")
    put(db, "zh", "nvidia", "reuters", scope="names", language="zh")
    put(db, "before", "nvidia", "nvidia-h100", day=MONDAY - timedelta(days=1))

    columns = ("id", "stories_both", "stories_a", "stories_b", "stories_total", "lift")
    found = [tuple(r[c] for c in columns) for r in run(db, "co_mentions", entity_id="nvidia")]

    # with the theme, the Chinese article is in no count: 3 of 5 name NVIDIA, 3 of 5 TCO, 2 both
    assert found == [
        ("reuters", 2, 4, 2, 6, 1.5),
        ("tco", 2, 3, 3, 5, round(2 * 5 / 9, 6)),
    ]
    of_theme = [tuple(r[c] for c in columns) for r in run(db, "co_mentions", entity_id="tco")]
    assert of_theme == [("nvidia", 2, 3, 3, 5, round(10 / 9, 6)), ("reuters", 1, 3, 1, 5, round(5 / 3, 6))]
    week_before = run(db, "co_mentions", entity_id="nvidia", period="2026-11-11")
    assert [(r["id"], r["week"]) for r in week_before] == [("nvidia-h100", "2026-11-09")]
    assert run(db, "co_mentions", entity_id="nobody") == run(db, "co_mentions") == []


def test_copies_are_one_story_in_what_is_named_together(db):
    put(db, "a", "nvidia", "reuters")
    put(db, "b", "nvidia", "reuters", source_id="mirror")
    put(db, "c")
    make_one_story(db, "a", "b")

    (found,) = run(db, "co_mentions", entity_id="reuters")

    assert (found["articles_both"], found["stories_both"], found["stories_total"], found["lift"]) == (2, 1, 2, 2.0)


def test_sources_that_name_an_entity_more_than_they_used_to_come_first(db):
    for week in range(1, 5):
        put(db, f"on-{week}", "nvidia", day=MONDAY - timedelta(weeks=week))
        for n in range(3):
            put(db, f"off-{week}-{n}", day=MONDAY - timedelta(weeks=week))
            put(db, f"vendor-{week}-{n}", "nvidia", day=MONDAY - timedelta(weeks=week), source_id="vendor")
    for n in range(4):
        put(db, f"now-{n}", "nvidia")
        put(db, f"vendor-now-{n}", "nvidia", source_id="vendor")

    found = run(db, "source_lift", entity_id="nvidia", period="2026-11-20")

    columns = ("source_id", "articles", "expected", "lift", "articles_before", "articles_total_before")
    assert [tuple(r[c] for c in columns) for r in found] == [
        ("example", 4, 1.0, 4.0, 4, 16), ("vendor", 4, 4.0, 1.0, 12, 12),
    ]  # fmt: skip


def test_the_habit_of_a_source_is_that_of_26_weeks_and_a_themes_that_of_what_was_tagged_for_themes(db):
    put(db, "now", "tco")
    put(db, "now-zh", scope="names", language="zh")
    put(db, "before", "tco", day=MONDAY - timedelta(weeks=26))
    put(db, "too-old", day=MONDAY - timedelta(weeks=26, days=1))
    put(db, "before-zh", scope="names", language="zh", day=MONDAY - timedelta(weeks=1))

    (found,) = run(db, "source_lift", entity_id="tco")

    assert (found["articles"], found["articles_total"], found["articles_total_before"], found["lift"]) == (1, 1, 1, 1.0)


def test_the_coverage_of_a_period_counts_requests_answers_and_articles(db):
    put(db, "a")
    put(db, "b", day=MONDAY + timedelta(days=6, hours=23))
    put(db, "next", day=MONDAY + timedelta(days=7))
    put(db, "vendor-before", day=MONDAY - timedelta(weeks=8), source_id="vendor")
    put(db, "vendor-long-before", day=MONDAY - timedelta(weeks=8, days=1), source_id="vendor")
    for day in (0, 6, 7):
        fetch = answer("https://example.org/feed")
        at = MONDAY + timedelta(days=day)
        save_source(db, SourceUpdate(SourceState("example"), fetch, ()), run_id=1, now=at)

    found = {r["source_id"]: r for r in run(db, "source_coverage", period="2026-11-18")}

    columns = ("checks", "answers", "articles", "articles_before")
    assert {key: tuple(r[c] for c in columns) for key, r in found.items()} == {
        "example": (2, 2, 2, 0.0), "vendor": (0, 0, 0, 0.13), "mirror": (0, 0, 0, 0.0),
    }  # fmt: skip
    assert {(r["period_start"], r["period_end"]) for r in found.values()} == {("2026-11-16", "2026-11-22")}
    assert next(iter(found)) == "vendor"  # what gave least of what it used to comes first
    by_day = {r["source_id"]: r["articles"] for r in run(db, "source_coverage", grain="day", period="2026-11-23")}
    assert by_day["example"] == 1
    by_month = {r["source_id"]: r for r in run(db, "source_coverage", grain="month", period="2026-11-01")}
    assert by_month["vendor"]["articles_before"] == 0.25
    assert run(db, "source_coverage", period="nonsense") == []
