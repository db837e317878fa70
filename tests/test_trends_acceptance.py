"""The acceptance tests of `trends.md`, on databases, through what exports, charts and watches read."""

import time
from datetime import date, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trend_rows import MONDAY, World, days, moment, source

from aiwire.types import Entity
from db.trends.periods import span_at
from db.trends.query import TrendsQuery
from db.trends.series import load_trends

WEEKS = 30
END = MONDAY + timedelta(weeks=WEEKS)


def table(world, now=END, **selection):
    """Columns by name as arrays, periods x series; with the trends."""
    with world.db.atomic():
        trends = load_trends(world.db, TrendsQuery(moment(now, 7), **selection))
    found = list(trends.rows())
    names = found[0].columns if found else ()
    return trends, {name: np.array([part.columns[name] for part in found]) for name in names}


def line(world, entity_id="nvidia", now=END, **selection):
    """The columns of one entity, one value per period, the last one that of the period which still runs."""
    _, columns = table(world, now, entities=(entity_id,), **selection)
    return {name: values[:, 0] for name, values in columns.items()}


def read(world, *source_ids, first=MONDAY, last=END):
    world.answer(*days(first - timedelta(1), (last - first).days + 2), source_ids=source_ids or None)


@given(st.integers(1, 4), st.integers(0, 3))
@settings(max_examples=5, deadline=None)
def test_steady_k_a_day_gives_7k_a_week_momentum_1_and_flat(k, others):
    world = World()
    read(world)
    for day in days(MONDAY, WEEKS * 7):
        world.add(day, "nvidia", number=k)
        world.add(day, number=others)
    world.roll_up()

    found = line(world)
    assert found["is_partial"].tolist() == [0] * WEEKS + [1]
    assert set(found["articles"][:-1]) == set(found["stories"][:-1]) == {7 * k}
    assert found["stories_ma4"][3:-1] == pytest.approx(7 * k)
    assert found["momentum_4v4"][7:-1] == pytest.approx(1, abs=1e-3)
    assert found["burst_z"][8:-1] == pytest.approx(0)
    assert found["signal"].tolist() == ["too_few"] * 7 + ["flat"] * (WEEKS - 7) + ["too_few"]
    assert set(found["coverage_ok"]) == {1}


def test_a_burst_of_copies_raises_articles_and_not_stories():
    world = World([source(f"s{n}") for n in range(4)])
    read(world)
    for day in days(MONDAY, WEEKS * 7):
        for n in range(4):
            world.add(day, source_id=f"s{n}")
        [leader] = world.add(day, "nvidia", source_id="s0", story=world.articles["all"] + 1)
        if day >= END - timedelta(weeks=4):  # a wire's story, taken over by everybody, twice
            for n in range(1, 4):
                world.add(day, "nvidia", number=2, source_id=f"s{n}", story=leader)
    world.roll_up()

    found = line(world)
    assert found["articles"][-8:-1].tolist() == [7] * 3 + [49] * 4
    assert set(found["stories"][:-1]) == {7}
    assert found["publishers"][-8:-1].tolist() == [1] * 3 + [4] * 4
    assert found["momentum_4v4"][7:-1] == pytest.approx(1, abs=1e-3)
    assert set(found["signal"][7:-1]) == {"flat"}
    assert found["share_articles"][-2] > 2 * found["share_articles"][-6]  # which is why stories are what is compared


def test_a_rise_is_told_and_a_fall_and_then_no_more():
    world = World(entities=(Entity("up", "company", "Up"), Entity("down", "company", "Down")))
    read(world)
    for day in days(MONDAY, WEEKS * 7):
        late = day >= END - timedelta(weeks=8)
        world.add(day, number=20)
        world.add(day, "up", number=4 if late else 2)
        world.add(day, "down", number=1 if late else 3)
    world.roll_up()

    up, down = (line(world, name)["signal"].tolist() for name in ("up", "down"))
    assert "rising" in up[-9:-5]
    assert "falling" in down[-9:-5]
    assert (up[-2], down[-2]) == ("flat", "flat")  # eight weeks after the change
    assert "falling" not in up
    assert "rising" not in down


def test_a_dead_feed_flags_coverage_and_leaves_the_share_over_the_panel_steady():
    names = ("a", "b", "c", "dying")
    world = World([source(name) for name in names])
    read(world, "a", "b", "c")
    dies = MONDAY + timedelta(weeks=20)
    read(world, "dying", last=dies - timedelta(1))
    world.answer(*days(dies + timedelta(1), 70), source_ids=["dying"], good=False)
    for day in days(MONDAY, WEEKS * 7):
        for name in names:
            if name != "dying" or day < dies:
                world.add(day, number=3, source_id=name)
                world.add(day, "nvidia", number=1 if name != "dying" else 5, source_id=name)
    world.roll_up()

    found = line(world)
    assert found["coverage_ok"].tolist() == [1] * 20 + [0] * (WEEKS - 20 + 1)
    before, after = slice(WEEKS - 26, 20), slice(20, WEEKS)
    assert np.ptp(found["share_panel"][WEEKS - 26 : WEEKS]) <= 0.05 * found["share_panel"][19]
    assert found["share_articles"][after].max() < 0.7 * found["share_articles"][before].min()
    trends, _ = table(world)
    assert trends.panel.source_ids == ("a", "b", "c")


def test_year_ends_are_iso_weeks_and_no_day_is_counted_twice():
    first, last = date(2026, 12, 21), date(2027, 1, 17)
    world = World()
    read(world, first=first, last=last + timedelta(1))
    for day in days(first, 28):
        world.add(day, "nvidia", hour=0)
        world.add(day, "nvidia", hour=23)
    world.roll_up()
    now = last + timedelta(1)

    trends, columns = table(world, now, entities=("nvidia",))
    assert [(str(one.span.start), str(one.span.end), one.span.iso_week) for one in trends.periods[:4]] == [
        ("2026-12-21", "2026-12-27", "2026-W52"),
        ("2026-12-28", "2027-01-03", "2026-W53"),
        ("2027-01-04", "2027-01-10", "2027-W01"),
        ("2027-01-11", "2027-01-17", "2027-W02"),
    ]
    assert columns["articles"][:4, 0].tolist() == [14] * 4
    assert line(world, now=now, grain="month")["articles"].tolist() == [22, 34]
    assert line(world, now=now, grain="day")["articles"].tolist() == [2] * 28 + [0]


@pytest.fixture
def local_zone():
    """Sets the zone of the process."""
    with pytest.MonkeyPatch.context() as patch:

        def to(zone):
            patch.setenv("TZ", zone)
            time.tzset()

        yield to
    time.tzset()


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York"])
def test_the_days_on_which_clocks_change_are_as_long_as_others(zone, local_zone):
    local_zone(zone)
    first = date(2026, 3, 2)
    world = World()
    read(world, first=first, last=first + timedelta(42))
    for day in days(first, 42):
        for hour in range(24):
            world.add(day, "nvidia", hour=hour)
    world.roll_up()

    assert line(world, now=first + timedelta(42))["articles"].tolist() == [168] * 6 + [0]


@pytest.mark.parametrize("grain", ["day", "week", "month"])
def test_every_series_has_one_row_in_every_period_and_zeros_are_told(grain):
    world = World()
    world.add(MONDAY, "nvidia")
    world.add(MONDAY + timedelta(80), "h100")
    world.roll_up()

    trends, columns = table(world, grain=grain, segment=None, since=MONDAY)
    spans = [one.span for one in trends.periods]
    assert spans[0] == span_at(MONDAY, grain)
    assert [span.next() for span in spans[:-1]] == spans[1:]
    assert len(set(trends.series)) == len(trends.series) == columns["articles"].shape[1]
    assert columns["articles"].sum(axis=0).tolist() == [1] * len(trends.series)
    empty = columns["articles_total"] == 0
    assert np.isnan(columns["share_articles"][empty]).all()
    assert not np.isnan(columns["share_articles"][~empty]).any()


def test_an_empty_database_has_nothing_to_tell():
    assert table(World())[1] == {}


def test_the_same_database_gives_the_same_numbers():
    world = World([source("a"), source("b", owner="nvidia", category="chips")])
    read(world)
    random = np.random.default_rng(2)
    for day in days(MONDAY, WEEKS * 7):
        world.add(day, "nvidia", number=int(random.poisson(3)), source_id="a")
        world.add(day, "nvidia", "tco", number=int(random.poisson(2)), source_id="b")
    world.roll_up()

    (one, first), (other, second) = (table(world, segment=None) for _ in range(2))
    assert one.series == other.series
    for name, values in first.items():
        np.testing.assert_array_equal(values, second[name])


# --- noise and change among a thousand entities, stored as rollups


def thousand(stories):
    """A database whose weekly rollups have these stories: weeks x entities."""
    entities = tuple(Entity(f"e{n:04}", "company", f"E{n}") for n in range(stories.shape[1]))
    world = World(entities=entities)
    read(world, last=MONDAY + timedelta(weeks=len(stories)))
    mondays = [str(MONDAY + timedelta(weeks=n)) for n in range(len(stories))]
    cells = [
        (entity.id, "all", monday, *[int(count)] * 4, 1, 1, int(count))
        for monday, row in zip(mondays, stories, strict=True)
        for entity, count in zip(entities, row, strict=True)
        if count
    ]
    world.db.conn.executemany(f"INSERT INTO trends_weekly VALUES ({', '.join('?' * 10)})", cells)
    totals = [("week", monday, "all", *[int(total), int(total), 1] * 2) for monday, total in
              zip(mondays, stories.sum(axis=1), strict=True)]  # fmt: skip
    world.db.conn.executemany(f"INSERT INTO period_totals VALUES ({', '.join('?' * 9)})", totals)
    return world


def test_a_year_of_flat_noise_of_a_thousand_entities_is_told_as_such_in_nine_weeks_of_ten():
    rates = np.random.default_rng(1).choice([0.5, 3.0, 10.0, 50.0], 1_000)
    stories = np.random.default_rng(11).poisson(np.tile(rates, (52, 1)))

    _, columns = table(thousand(stories), MONDAY + timedelta(weeks=52))
    called = np.isin(columns["signal"], ["rising", "falling"])
    assert columns["stories"][:52].tolist() == stories.tolist()
    assert called.any(axis=1)[:52].mean() <= 0.10
    assert np.mean(columns["signal"][7:52] == "flat") > 0.6


def test_a_doubling_among_a_thousand_flat_entities_is_found_and_dated_by_the_newest_week():
    mean = np.full((52, 1_000), 10.0)
    mean[-4:, 123] = 20
    stories = np.random.default_rng(12).poisson(mean)

    trends, columns = table(thousand(stories), MONDAY + timedelta(weeks=52), entities=("e0123", "e0001"))
    at = [one.entity_id for one in trends.series].index("e0123")
    assert columns["signal"][51, at] == "rising"
    assert columns["momentum_lo"][51, at] > 1
    assert columns["signal_q"][51, at] <= 0.10
    assert set(columns["signal"][40:48, at]) == {"flat"}


def test_moments_are_taken_in_utc():
    world = World()
    world.answer(*days(MONDAY, 8))
    world.add(MONDAY + timedelta(6), "nvidia", hour=23)  # Sunday night, in Asia Monday
    world.roll_up()
    now = datetime.fromisoformat("2026-01-12T08:00:00+09:00")  # in UTC still Sunday

    trends = load_trends(world.db, TrendsQuery(now))
    assert [(str(one.span.start), one.is_partial) for one in trends.periods] == [
        ("2026-01-05", True),
        ("2026-01-12", True),
    ]
