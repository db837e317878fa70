"""The series of trends: windows, zeros, denominators, and every column against plain arithmetic."""

import math
import statistics
from collections import Counter, defaultdict
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trend_rows import ENTITIES, MONDAY, World, days, moment, source

from aiwire.exceptions import ConfigError
from db.trends import coverage, reading, stored
from db.trends.periods import span_at
from db.trends.query import TrendsQuery
from db.trends.series import DEFAULT_PERIODS, load_periods, load_trends

NOW = datetime(2026, 11, 23, 7, tzinfo=UTC)  # a Monday
TODAY = NOW.date()
QUERY = TrendsQuery(NOW)
SOURCES = [source("press"), source("vendor", owner="nvidia"), source("lab", category="lab")]
INTEGERS = ("is_partial", "coverage_ok", "articles", "articles_about", "stories", "publishers",
            "publishers_independent", "mentions", "articles_total", "stories_total", "publishers_active")  # fmt: skip
REALS = ("share_articles", "share_stories", "share_lo", "share_hi", "share_panel", "owned_share", "stories_ma4",
         "momentum_4v4", "momentum_lo", "momentum_hi", "signal_q", "signal_noise", "burst_z", "theme_lift")  # fmt: skip


def rows(world, **selection):
    """All rows as dictionaries, by (first day, entity, segment)."""
    with world.db.atomic():
        trends = load_trends(world.db, replace(QUERY, **selection))
    found = {}
    for part in trends.rows():
        for at, series in enumerate(trends.series):
            key = str(part.period.span.start), series.entity_id, series.segment
            assert key not in found
            found[key] = {name: column[at] for name, column in part.columns.items()}
    return found


def column(world, name, entity_id="nvidia", segment="all", **selection):
    """One column of one series, by the first day of each period."""
    found = rows(world, **({"entities": (entity_id,), "segment": segment} | selection))
    return {key[0]: row[name] for key, row in found.items() if key[1:] == (entity_id, segment)}


def same(one, other):
    return one == other or (isinstance(one, float) and math.isnan(one) and math.isnan(other)) or (
        isinstance(one, float) and one == pytest.approx(other, rel=1e-9)
    )  # fmt: skip


@pytest.fixture
def world():
    return World(list(SOURCES))


# --- windows


def test_an_empty_database_has_no_period_and_no_series(world):
    trends = load_trends(world.db, QUERY)

    assert (trends.periods, trends.series, list(trends.rows())) == ((), (), [])
    assert load_periods(world.db, QUERY) == ()


def test_one_cell_in_full(world):
    world.answer(TODAY - timedelta(8), TODAY)
    [leader] = world.add(TODAY - timedelta(7), "nvidia", "tco")
    world.db.execute("UPDATE articles SET story_id = ? WHERE id = ?", [leader, leader])
    world.add(TODAY - timedelta(6), "nvidia", source_id="vendor", story=leader)
    world.add(TODAY - timedelta(5), scope="names", source_id="lab")
    world.roll_up()

    row = rows(world)["2026-11-16", "nvidia", "all"]
    assert {name: int(row[name]) for name in INTEGERS} == {
        "is_partial": 0, "coverage_ok": 1, "articles": 2, "articles_about": 2, "stories": 1, "publishers": 2,
        "publishers_independent": 1, "mentions": 4, "articles_total": 3, "stories_total": 2, "publishers_active": 3,
    }  # fmt: skip
    assert (row["share_articles"], row["share_stories"], row["owned_share"]) == (2 / 3, 1 / 2, 1 / 2)
    assert (row["share_lo"], row["share_hi"]) == pytest.approx((0.0945, 0.9055), abs=1e-4)
    assert row["signal"] == "too_few"
    assert {name for name in REALS if math.isnan(row[name])} == set(REALS[6:])
    assert row["share_panel"] == 2 / 3
    assert row.keys() == {*INTEGERS, *REALS, "signal"}


def test_columns_have_the_types_that_the_long_table_needs(world):
    world.add(TODAY, "nvidia")
    world.roll_up()

    [part] = load_trends(world.db, QUERY).rows()
    for name in INTEGERS:
        assert part.columns[name].dtype == np.int64
    for name in REALS:
        assert part.columns[name].dtype == np.float64
    assert part.columns["signal"].dtype == object


def test_periods_without_a_mention_are_zero_and_those_without_an_article_have_no_share(world):
    world.answer(TODAY)
    world.add(TODAY - timedelta(weeks=3), "nvidia")
    world.add(TODAY - timedelta(weeks=1), "h100")
    world.roll_up()

    found = {
        key[:2]: (int(row["articles"]), int(row["articles_total"]), row["share_articles"])
        for key, row in rows(world).items()
    }
    nan = pytest.approx(math.nan, nan_ok=True)
    assert found == {
        ("2026-11-02", "h100"): (0, 1, 0), ("2026-11-02", "nvidia"): (1, 1, 1),
        ("2026-11-09", "h100"): (0, 0, nan), ("2026-11-09", "nvidia"): (0, 0, nan),
        ("2026-11-16", "h100"): (1, 1, 1), ("2026-11-16", "nvidia"): (0, 1, 0),
        ("2026-11-23", "h100"): (0, 0, nan), ("2026-11-23", "nvidia"): (0, 0, nan),  # the last answer is in it
    }  # fmt: skip


@pytest.mark.parametrize(("grain", "first"), [("day", "2026-08-24"), ("week", "2023-12-04"), ("month", "2023-12-01")])
def test_without_since_a_bounded_window_is_told_and_with_it_everything(world, grain, first):
    world.add(TODAY - timedelta(weeks=400), "nvidia")
    world.add(TODAY, "nvidia")
    world.roll_up()

    recent = column(world, "articles", grain=grain)
    assert (len(recent), min(recent), sum(recent.values())) == (DEFAULT_PERIODS[grain], first, 1)
    everything = column(world, "articles", grain=grain, since=date(2000, 1, 1))
    assert (min(everything), sum(everything.values())) == (
        str(span_at(TODAY - timedelta(weeks=400), grain).start), 2,
    )  # fmt: skip
    assert rows(world, grain=grain, since=date(2027, 1, 1)) == {}


def test_a_window_of_days_and_of_months(world):
    for day in (date(2026, 2, 27), date(2026, 3, 1), date(2026, 3, 1)):
        world.add(day, "nvidia")
    world.roll_up()

    assert column(world, "articles", grain="day") == {"2026-02-27": 1, "2026-02-28": 0, "2026-03-01": 2}
    assert column(world, "articles", grain="month") == {"2026-02-01": 1, "2026-03-01": 2}
    assert column(world, "articles", grain="month", until=date(2026, 2, 3)) == {"2026-02-01": 1}


@pytest.mark.parametrize(
    ("good", "now", "partial"),
    [
        pytest.param(True, NOW, {"16": 0, "23": 1}, id="looked at after its end"),
        pytest.param(False, NOW, {"16": 1}, id="no good answer since"),
        pytest.param(True, NOW - timedelta(days=1), {"16": 1, "23": 1}, id="not over at as_of"),
    ],
)
def test_a_period_is_partial_until_a_source_answered_after_its_end_and_before_the_first_answer(
    world, good, now, partial
):
    world.answer(TODAY - timedelta(days=10))  # Friday of the week of 9 November
    for weeks in range(1, 4):
        world.add(TODAY - timedelta(weeks=weeks), "nvidia")
    world.answer(TODAY, good=good)
    world.roll_up()

    found = {day[-2:]: int(value) for day, value in column(world, "is_partial", now=now).items()}
    assert found == {"02": 1, "09": 1} | partial
    assert {
        str(one.span.start)[-2:]: int(one.is_partial) for one in load_periods(world.db, replace(QUERY, now=now))
    } == (found)


def test_a_page_that_was_read_is_no_answer_of_a_source(world):
    world.answer(TODAY - timedelta(weeks=2))
    world.add(TODAY - timedelta(weeks=1), "nvidia")
    world.answer(TODAY, purpose="page")
    world.roll_up()

    assert list(column(world, "is_partial").values()) == [1]


# --- denominators, segments, selection


def test_a_share_of_a_theme_is_of_what_is_tagged_for_themes(world):
    world.add(TODAY, "tco", "nvidia")
    world.add(TODAY, "nvidia", language="zh", scope="names", source_id="vendor")
    world.roll_up()

    found = {
        key[1:]: (int(row["articles_total"]), int(row["stories_total"]), int(row["publishers_active"]))
        for key, row in rows(world, segment=None, entities=("tco", "nvidia")).items()
    }
    assert found["nvidia", "all"] == (2, 2, 2)
    assert found["tco", "all"] == (1, 1, 1)
    assert found["tco", "lang:zh"] == (0, 0, 0)


def test_a_selection_by_window_kind_entity_and_segment(world):
    world.answer(TODAY)
    for weeks in range(4):
        world.add(TODAY - timedelta(weeks=weeks), "nvidia", "tco", source_id="lab")
    world.roll_up()

    def keys(**selection):
        return set(rows(world, **selection))

    last = {"since": TODAY}
    assert keys(kinds=("theme",), since=date(2026, 11, 11), until=date(2026, 11, 22)) == {
        ("2026-11-09", "tco", "all"), ("2026-11-16", "tco", "all"),
    }  # fmt: skip
    assert keys(entities=("nvidia",), **last) == {("2026-11-23", "nvidia", "all")}
    assert keys(segment=None, entities=("tco",), **last) == {
        ("2026-11-23", "tco", name) for name in ("all", "independent", "lang:en", "category:lab")
    }
    assert keys(segment="owned") == set()
    assert keys(segment="LANG:EN", entities=("h100", "tco"), **last) == {
        ("2026-11-23", "h100", "lang:en"), ("2026-11-23", "tco", "lang:en"),  # h100 is in no article
    }  # fmt: skip
    assert keys(entities=("h100",), kinds=("theme",)) == set()


def test_series_are_sorted_and_each_has_its_label_and_kind(world):
    world.add(TODAY, "tco", "nvidia", "h100", source_id="lab")
    world.roll_up()

    series = load_trends(world.db, replace(QUERY, segment=None)).series
    assert list(series) == sorted(series)
    assert {(one.entity_id, one.label, one.kind) for one in series} == {
        ("h100", "H100", "accelerator"), ("nvidia", "NVIDIA", "company"), ("tco", "TCO", "theme"),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("selection", "message"),
    [
        ({"entities": ("nvidia", "nvidai")}, "there is no entity 'nvidai'; did you mean 'nvidia'"),
        ({"entities": ("???",)}, r"there is no entity '\?\?\?'; see the ids with `aiwire serve`"),
        ({"segment": "independant"}, "there is no segment 'independant'; did you mean 'independent'"),
        ({"segment": "lang:de"}, "there is no segment 'lang:de'; did you mean 'lang:en'"),
        ({"segment": "x"}, "there is no segment 'x'; choose from all, owned, independent, lang:en$"),
    ],
)
def test_an_unknown_entity_or_segment_is_an_error_that_names_the_nearest(world, selection, message):
    world.add(TODAY, "nvidia")
    world.roll_up()

    with pytest.raises(ConfigError, match=message):
        load_trends(world.db, replace(QUERY, **selection))


def test_the_years_turn(world):
    for day in (date(2026, 12, 31), date(2027, 1, 4)):
        world.add(day, "nvidia")
    world.roll_up()

    labels = [period.span.iso_week for period in load_trends(world.db, QUERY).periods]
    assert labels == ["2026-W53", "2027-W01"]


# --- the vintage


def test_versions_that_a_reader_would_take_for_numbers_get_prefixes(world):
    world.add(TODAY, "nvidia")
    world.add(TODAY, "nvidia")
    world.db.execute("UPDATE articles SET tagger_version = '1.0', taxonomy_version = '12e4' WHERE id = 1")
    world.roll_up()

    vintage = load_trends(world.db, QUERY).vintage
    assert (vintage.tagger, vintage.taxonomy) == ("tagger-1.0+tagger-3", "tx-12e4+tx-t")
    assert (vintage.as_of, vintage.first_answer) == ("2026-11-23T07:00:00Z", "")


# --- every column against plain arithmetic


@cache
def random_world(seed, *, weeks=18):
    random = np.random.default_rng(seed)
    world = World(list(SOURCES))
    world.answer(*days(MONDAY - timedelta(7), weeks * 7 + 8))
    for day in days(MONDAY, weeks * 7 + 1):
        for _ in range(random.poisson(4)):
            named = [one.id for one in ENTITIES if random.random() < 0.4]
            scope, language = ("full", "en") if random.random() < 0.8 else ("names", "de")
            told = world.articles["all"]
            story = int(random.integers(max(told - 5, 1), told + 1)) if told and random.random() < 0.3 else None
            if story is not None:
                world.db.execute("UPDATE articles SET story_id = id WHERE id = ? AND story_id IS NULL", [story])
                [story] = world.db.execute("SELECT story_id FROM articles WHERE id = ?", [story]).fetchone()
            name = str(random.choice([one.id for one in SOURCES], p=[0.5, 0.3, 0.2]))
            world.add(day, *named, source_id=name, scope=scope, language=language, story=story)
    world.roll_up()
    return world


class Plain:
    """The columns of a database once more, from its articles, in plain Python."""

    def __init__(self, world, segment):
        self.told = defaultdict(list)  # week -> articles
        self.named = defaultdict(list)  # week, entity -> articles
        tags = defaultdict(set)
        for article_id, entity_id in world.db.execute("SELECT article_id, entity_id FROM article_entities"):
            tags[article_id].add(entity_id)
        for article_id, week, source_id, owner, category, scope, language, story in world.db.execute(
            """
            SELECT articles.id, week, source_id, owner, category, tag_scope, articles.language, story_id
            FROM articles JOIN sources ON sources.id = source_id
            """
        ):
            names = {"all", "owned" if owner else "independent", f"lang:{language}", f"category:{category}"}
            if segment in names:
                row = {"source": source_id, "story": story or article_id, "full": scope == "full"}
                self.told[week].append(row)
                for entity_id in tags[article_id]:
                    self.named[week, entity_id].append(row)
        self.last = str(span_at(MONDAY + timedelta(weeks=18), "week").start)

    def weeks(self, week, number):
        """The week and full ones before it, the newest first."""
        found = [str(date.fromisoformat(week) - timedelta(weeks=n)) for n in range(number)]
        return [one for one in found if str(MONDAY) <= one < self.last]

    def stories(self, week, entity_id):
        return len({row["story"] for row in self.named[week, entity_id]})

    def total(self, week, theme):
        return len({row["story"] for row in self.told[week] if row["full"] or not theme})

    def momentum(self, week, entity_id, theme):
        found = self.weeks(week, 8)
        if len(found) < 8 or week == self.last:
            return math.nan
        s, p = (sum(self.stories(one, entity_id) for one in part) for part in (found[:4], found[4:]))
        all_s, all_p = (sum(self.total(one, theme) for one in part) for part in (found[:4], found[4:]))
        all_s, all_p = max(s, all_s), max(p, all_p)  # themes of articles that are not tagged for themes
        return ((s + 0.5) / (all_s + 1)) / ((p + 0.5) / (all_p + 1))

    def burst(self, week, entity_id):
        base = [self.stories(one, entity_id) for one in self.weeks(week, 27)[1:]]
        if len(base) < 8 or week == self.last:
            return math.nan
        middle = statistics.median(base)
        mad = statistics.median(abs(x - middle) for x in base)
        return (self.stories(week, entity_id) - middle) / max(1.4826 * mad, math.sqrt(middle), 1)

    def lift(self, week, entity_id):
        base = self.weeks(str(date.fromisoformat(week) - timedelta(7)), 26)
        if len(base) < 8:
            return math.nan
        habit = {}
        for name in {row["source"] for one in base for row in self.told[one] if row["full"]}:
            told = sum(row["full"] and row["source"] == name for one in base for row in self.told[one])
            with_it = sum(row["full"] and row["source"] == name for one in base for row in self.named[one, entity_id])
            habit[name] = with_it / told
        written = Counter(row["source"] for row in self.told[week] if row["full"])
        expected = sum(written[name] * share for name, share in habit.items())
        seen = sum(row["full"] and row["source"] in habit for row in self.named[week, entity_id])
        return seen / expected if expected >= 1 else math.nan


@pytest.mark.parametrize("segment", ["all", "owned", "independent", "lang:de", "category:lab"])
def test_columns_that_look_back_are_what_plain_arithmetic_gives(segment):
    world = random_world(1)
    plain = Plain(world, segment)

    found = rows(world, now=moment(MONDAY + timedelta(weeks=18), 7), segment=segment)

    assert len({key[0] for key in found}) == 19
    told = Counter()
    for (week, entity_id, _), row in found.items():
        theme = entity_id == "tco"
        full = week != plain.last
        four = plain.weeks(week, 4)
        ma4 = sum(plain.stories(one, entity_id) for one in four) / 4 if full and len(four) == 4 else math.nan
        expected = {
            "is_partial": int(not full),
            "stories": plain.stories(week, entity_id),
            "stories_total": plain.total(week, theme),
            "stories_ma4": ma4,
            "momentum_4v4": plain.momentum(week, entity_id, theme),
            "burst_z": plain.burst(week, entity_id),
            "theme_lift": plain.lift(week, entity_id) if theme and not segment.startswith("lang:") else math.nan,
        }
        wrong = {name: (row[name], value) for name, value in expected.items() if not same(row[name], value)}
        assert not wrong, (week, entity_id)
        told.update(name for name, value in expected.items() if not math.isnan(value))
    assert set(told) >= {"momentum_4v4", "burst_z", "stories_ma4"}
    if segment in ("all", "independent"):
        assert told["theme_lift"] >= 10


@settings(max_examples=12, deadline=None)
@given(st.sampled_from(["day", "week", "month"]), st.integers(0, 120), st.integers(0, 40))
def test_a_row_does_not_depend_on_what_else_is_asked_for(grain, after, length):
    world = random_world(2)
    now = moment(MONDAY + timedelta(weeks=18), 7)
    since = MONDAY + timedelta(after)
    whole = rows(world, now=now, grain=grain, segment=None, since=MONDAY)
    part = rows(world, now=now, grain=grain, since=since, until=since + timedelta(length), entities=("nvidia", "tco"))

    assert part
    for key, row in part.items():
        assert {name for name in row if not same(row[name], whole[key][name])} <= {"share_panel"}


def test_the_panel_share_is_that_of_its_sources_and_of_its_stretch():
    world = World([source("a"), source("b"), source("gone")])
    number = 30
    world.answer(*days(MONDAY - timedelta(7), number * 7 + 8), source_ids=["a", "b"])
    world.answer(*days(MONDAY - timedelta(7), 20 * 7), source_ids=["gone"])
    for week in range(number):
        monday = MONDAY + timedelta(weeks=week)
        world.add(monday, "nvidia", "tco", source_id="a", number=1)
        world.add(monday, source_id="b", number=3, scope="names")
        world.add(monday, source_id="gone" if week < 19 else "b", number=4)
    world.roll_up()
    now = moment(MONDAY + timedelta(weeks=number), 7)

    found = list(column(world, "share_panel", now=now).values())
    assert [math.isnan(value) for value in found] == [True] * 4 + [False] * 26 + [True]
    assert found[4:30] == pytest.approx([1 / 4] * 15 + [1 / 8] * 11)
    theme = list(column(world, "share_panel", "tco", now=now).values())
    assert theme[4:30] == pytest.approx([1] * 15 + [1 / 5] * 11)
    trends = load_trends(world.db, replace(QUERY, now=now, until=MONDAY + timedelta(weeks=10)))
    assert trends.panel.source_ids == ("a", "b", "gone")


def test_a_source_without_a_habit_moves_no_lift():
    world = World([source("a"), source("new")])
    world.answer(*days(MONDAY - timedelta(7), 10 * 7 + 8))
    for week in range(10):
        monday = MONDAY + timedelta(weeks=week)
        world.add(monday, "tco", source_id="a", number=2)
        world.add(monday, source_id="a", number=2)
    world.add(MONDAY + timedelta(weeks=9), "tco", source_id="new", number=20)
    world.add(MONDAY + timedelta(weeks=9), "tco", source_id="a", number=1)
    world.roll_up()

    found = list(column(world, "theme_lift", "tco", now=moment(MONDAY + timedelta(weeks=10), 7)).values())
    assert [math.isnan(value) for value in found] == [True] * 8 + [False, False, True]
    assert found[8:10] == pytest.approx([1, 3 / 2.5])


# --- how it is read


@pytest.mark.parametrize(
    "sql",
    [
        reading.ARTICLES_SQL,
        reading.LANGUAGES_SQL,
        reading.NAMED_SQL,
        reading.PER_SOURCE_SQL,
        coverage.FIRST_SQL,
        coverage.GOOD_SQL,
        coverage.LAST_BAD_SQL,
    ],
)
def test_no_text_is_read_and_nothing_is_sorted(world, sql):
    plan = [row[3] for row in world.db.execute(f"EXPLAIN QUERY PLAN {sql}", ["2026"] * sql.count("?"))]

    assert all("COVERING INDEX" in step or "PRIMARY KEY" in step or "TEMP B-TREE FOR GROUP BY" in step or
               "SEARCH sources" in step for step in plan), plan  # fmt: skip
    assert not any("ORDER BY" in step for step in plan)


@pytest.mark.parametrize("table", ["trends_daily", "trends_weekly", "trends_monthly"])
def test_cells_are_read_entity_by_entity_in_the_order_of_their_table(world, table):
    sql = stored.CELLS_SQL.format(table=table, counts="articles")
    plan = [row[3] for row in world.db.execute(f"EXPLAIN QUERY PLAN {sql}", ["", "", ""])]

    assert plan == [
        "SCAN entities USING COVERING INDEX sqlite_autoindex_entities_1",
        "SEARCH cells USING PRIMARY KEY (entity_id=? AND segment=? AND period_start>? AND period_start<?)",
    ]
