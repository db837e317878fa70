"""The coverage ledger: what each source should have given, whether it did, and the panel of those that always do."""

from datetime import date, timedelta

import pytest
from trend_rows import MONDAY, World, days, moment, source

from db.trends.coverage import SourceCoverage, ledger, load_ledger
from db.trends.periods import span_at, spans
from db.trends.vintage import load_vintage

WEEKS = 12
END = MONDAY + timedelta(weeks=WEEKS)  # a Monday


def weeks(number=WEEKS, first=MONDAY):
    return [span_at(first + timedelta(weeks=n), "week") for n in range(number)]


def loaded(world, now=END, *, grain="week", hour=7):
    moment_ = moment(now, hour)
    return load_ledger(world.db, span_at(now, grain), load_vintage(world.db, moment_))


def ok(world, now=END, **more):
    return list(loaded(world, now, **more).ok().values())


def panel(world, now=END, **more):
    found, periods = loaded(world, now, **more).panel()
    return set(found.source_ids), len(periods)


def four(**options):
    return World([source(name) for name in ("a", "b", "c", "d")], **options)


def publish(world, source_id, per_week, first=MONDAY, number=WEEKS):
    """Spread articles over the working days of weeks."""
    for week in range(number):
        for n in range(per_week):
            world.add(first + timedelta(weeks=week, days=n % 5), source_id=source_id)


# --- the ledger itself


def test_requests_for_a_source_are_counted_by_day_and_good_answers_apart():
    world = World([source("a")])
    world.answer(MONDAY, MONDAY, MONDAY + timedelta(1))
    world.answer(MONDAY, good=False)
    world.answer(MONDAY, good=False, reason="not-in-archive")  # says nothing of the source
    for purpose in ("page", "robots", "discovery"):
        world.answer(MONDAY, purpose=purpose)
    world.answer(MONDAY, purpose="sitemap", hour=23)

    rows = world.db.execute("SELECT * FROM coverage ORDER BY day").fetchall()
    assert rows == [("a", "2026-01-05", 4, 3), ("a", "2026-01-06", 1, 1)]


def test_a_database_without_any_answer_has_no_ledger_and_no_panel():
    world = World([source("a")])
    world.add(MONDAY, source_id="a")
    world.answer(MONDAY, good=False)

    assert ok(world) == []
    assert panel(world) == (set(), 0)
    assert ledger(world.db, weeks()[0], moment(END)) == []


# --- how sources are asked


@pytest.mark.parametrize(
    ("step", "hours"),
    [pytest.param(1, (3, 9, 15, 21), id="many times a day"), pytest.param(7, (6,), id="once a week, on Mondays")],
)
def test_sources_that_answer_are_covered_however_often_they_are_asked(step, hours):
    world = four()
    for hour in hours:
        world.answer(*days(MONDAY, WEEKS * 7 // step + 1, step), hour=hour)
    for name in "abcd":
        publish(world, name, 10)

    assert ok(world) == [True] * (WEEKS + 1)  # the week that runs, too
    assert panel(world) == (set("abcd"), WEEKS - 1)  # the first week began before the first answer
    assert ok(world, grain="day")[-8:] == [True] * 8


def test_two_captures_a_week_apart_cover_the_week_between():
    world = four()
    world.answer(MONDAY, MONDAY + timedelta(7))
    publish(world, "a", 10, number=1)

    found = loaded(world, MONDAY + timedelta(7))
    assert (list(found.ok().values()), found.is_full.tolist()) == ([True, True], [False, False])
    assert panel(world, MONDAY + timedelta(7)) == (set(), 0)  # no full week yet


def test_a_computer_that_was_off_covers_nothing_and_does_not_empty_the_panel():
    world = four()
    off = {MONDAY + timedelta(weeks=5, days=n) for n in range(17)}
    world.answer(*(day for day in days(MONDAY, WEEKS * 7 + 1) if day not in off))
    for name in "abcd":
        publish(world, name, 10)

    found = ok(world)
    assert [n for n, is_ok in enumerate(found) if not is_ok] == [5]  # the week after was read within a week of its end
    assert panel(world) == (set("abcd"), WEEKS - 2)


def test_a_source_whose_turn_has_not_come_counts_until_the_week_is_over():
    world = four()
    world.answer(*days(MONDAY, WEEKS * 7 + 1), source_ids=["a", "b", "c"])
    world.answer(*days(MONDAY + timedelta(3), WEEKS, 7), source_ids=["d"])  # Thursdays
    for name in "abcd":
        publish(world, name, 10)
    assert ok(world) == [True] * (WEEKS + 1)

    world.answer(END, source_ids=["d"], good=False)  # its turn came, and it failed

    assert ok(world) == [True] * (WEEKS - 1) + [False] * 2


# --- sources that fail


@pytest.mark.parametrize(("number", "is_ok"), [(4, False), (19, False), (20, True), (40, True)])
def test_a_dead_source_is_missed_if_it_gave_more_than_one_article_of_twenty(number, is_ok):
    names = [f"s{n:02}" for n in range(number)]
    world = World([source(name) for name in names])
    world.answer(*days(MONDAY, WEEKS * 7 + 1), source_ids=names[1:])
    world.answer(*days(MONDAY, 6 * 7 + 2), source_ids=names[:1])
    world.answer(*days(MONDAY + timedelta(6 * 7 + 2), WEEKS * 7 - 6 * 7 - 1), source_ids=names[:1], good=False)
    for name in names:
        publish(world, name, 5, number=6 if name == names[0] else WEEKS)

    assert ok(world)[:6] == [True] * 6
    assert ok(world)[6:] == [is_ok] * (WEEKS - 5)
    assert panel(world)[0] == set(names[1:])


def test_a_source_that_gave_nothing_is_not_missed():
    world = four()
    world.answer(*days(MONDAY, WEEKS * 7 + 1), source_ids=["a", "b", "c"])
    world.answer(*days(MONDAY, 30), source_ids=["d"])
    for name in "abc":
        publish(world, name, 10)

    assert ok(world) == [True] * (WEEKS + 1)


def test_before_anything_is_known_of_their_articles_sources_count_alike():
    world = four()
    world.answer(*days(MONDAY, 15), source_ids=["a", "b", "c"])
    world.answer(MONDAY, source_ids=["d"])
    world.answer(*days(MONDAY + timedelta(1), 14), source_ids=["d"], good=False)

    assert ok(world, MONDAY + timedelta(14)) == [False, False, False]


def test_a_feed_that_answers_and_gives_nothing_against_its_habit_is_frozen():
    world = four()
    world.answer(*days(MONDAY, WEEKS * 7 + 1))
    publish(world, "a", 10, number=6)
    publish(world, "b", 10)
    publish(world, "c", 4, number=6)  # falls silent, but it never gave much

    assert ok(world)[:6] == [True] * 6
    assert ok(world)[6:WEEKS] == [False] * (WEEKS - 6)
    assert panel(world)[0] == set("bcd")


def test_a_week_that_has_just_begun_is_not_silent_yet():
    world = four()
    world.answer(*days(MONDAY, WEEKS * 7 + 4))
    for name in "abcd":
        publish(world, name, 10)

    assert ok(world, END)[-1]
    assert ok(world, END + timedelta(3))[-1]  # Thursday morning: 4.6 were to be expected of each
    world.answer(*days(END + timedelta(4), 3))
    assert not ok(world, END + timedelta(6))[-1]  # Sunday morning: 8.9


def test_no_day_is_silent_for_being_a_sunday():
    world = four()
    world.answer(*days(MONDAY, WEEKS * 7 + 1))
    for name in "abcd":
        publish(world, name, 60)

    assert all(ok(world, grain="day"))


def test_days_of_a_frozen_feed_are_missed_after_a_week():
    world = four()
    world.answer(*days(MONDAY, 8 * 7))
    publish(world, "a", 60, number=6)
    for name in "bcd":
        publish(world, name, 60, number=8)

    found = ok(world, MONDAY + timedelta(8 * 7 - 1), grain="day")
    assert found.index(False) == 6 * 7 - 2 + 6  # the seventh day after its last Friday


# --- sources that come and go


def test_a_new_source_is_expected_from_its_first_answer_on_and_weighed_after_its_first_full_week():
    world = four()
    old = [one.id for one in world.sources]
    world.answer(*days(MONDAY, WEEKS * 7 + 1), source_ids=old)
    for name in old:
        publish(world, name, 10)
    late = MONDAY + timedelta(weeks=6, days=2)
    world.sync(*world.sources, source("new"))
    world.answer(*days(late, WEEKS * 7 + 1 - 44), source_ids=["new"])
    publish(world, "new", 10, first=MONDAY, number=WEEKS)  # its feed held old articles, too

    found = loaded(world)
    at = found.source_ids.index("new")
    assert found.is_expected[:, at].tolist() == [False] * 6 + [True] * (WEEKS - 5)
    assert [str(value) for value in found.expected[6:9, at]] == ["nan", "nan", "10.0"]
    assert panel(world)[0] == set(old)


@pytest.mark.parametrize("how", ["left", "switched off"])
def test_a_source_that_is_not_wanted_any_more_is_expected_up_to_its_last_answer(how):
    world = four()
    for name in "abcd":
        publish(world, name, 10, number=WEEKS if name != "d" else 6)
    world.answer(*days(MONDAY, 6 * 7 + 1))
    world.sync(*(source(name) for name in "abc"), *([source("d", enabled=False)] if how == "switched off" else []))
    world.answer(*days(MONDAY + timedelta(6 * 7 + 1), 6 * 7), source_ids=["a", "b", "c"])

    found = loaded(world)
    assert found.is_expected[:, 3].tolist() == [True] * 6 + [False] * (WEEKS - 5)
    assert list(found.ok().values()) == [True] * (WEEKS + 1)


def test_the_panel_is_that_of_the_last_26_full_weeks():
    world = four()
    number = 40
    world.answer(*days(MONDAY, number * 7 + 1), source_ids=["a", "b", "c"])
    world.answer(*days(MONDAY, 10 * 7), *days(MONDAY + timedelta(weeks=12), (number - 12) * 7 + 1), source_ids=["d"])
    now = MONDAY + timedelta(weeks=number)

    found, periods = loaded(world, now).panel()
    assert (set(found.source_ids), len(periods)) == (set("abcd"), 26)
    assert (found.first, found.last) == (weeks(number)[14], weeks(number)[39])
    assert panel(world, now - timedelta(weeks=5)) == (set("abc"), 26)


def test_expectations_rest_on_the_last_eight_weeks_that_were_covered():
    world = World([source("a"), source("b")])
    world.answer(*days(MONDAY, 20 * 7 + 1), source_ids=["b"])
    world.answer(*days(MONDAY, 12 * 7), *days(MONDAY + timedelta(weeks=15), 5 * 7 + 1), source_ids=["a"])
    for week in range(20):
        world.add(MONDAY + timedelta(weeks=week), number=week + 1, source_id="a")

    found = loaded(world, MONDAY + timedelta(weeks=20))
    assert found.expected[12:15, 0].tolist() == [8.5, 8.5, 8.5]  # the thirteenth and fourteenth were not covered
    assert found.expected[15, 0] == pytest.approx((sum(range(6, 13)) + 15) / 8)


def test_the_ledger_of_a_period_source_by_source():
    world = four()
    world.answer(*days(MONDAY, 21), source_ids=["a", "b"], hour=0)
    world.answer(*days(MONDAY, 5), source_ids=["c"])
    world.answer(*days(MONDAY + timedelta(5), 16), source_ids=["c"], good=False)
    publish(world, "a", 10, number=3)
    publish(world, "c", 4, number=1)
    world.add(MONDAY + timedelta(7), source_id="a", date_source="backlog")  # nobody knows its week
    world.add(MONDAY + timedelta(7), source_id="a", tagged=False)  # given, if not tagged yet

    assert ledger(world.db, weeks()[1], moment(MONDAY + timedelta(20))) == [
        SourceCoverage("a", 7, 7, 10.0, 11, covered=True),
        SourceCoverage("b", 7, 7, 0.0, 0, covered=True),
        SourceCoverage("c", 7, 0, None, 0, covered=False),  # d was never read
    ]
    assert ledger(world.db, span_at(MONDAY - timedelta(7), "week"), moment(END)) == []


def test_what_is_said_of_a_week_does_not_depend_on_where_the_reading_ends():
    world = four()
    world.answer(*days(MONDAY, 40), *days(MONDAY + timedelta(60), 30), source_ids=["a", "b"])
    world.answer(*days(MONDAY, 90, 3), source_ids=["c", "d"])
    publish(world, "a", 12, number=8)
    publish(world, "c", 3)
    vintage = load_vintage(world.db, moment(MONDAY + timedelta(89)))

    whole = load_ledger(world.db, span_at(MONDAY + timedelta(89), "week"), vintage)
    for at, span in enumerate(whole.spans):
        part = load_ledger(world.db, span, vintage)
        assert part.ok() == dict(list(whole.ok().items())[: at + 1])


def test_the_years_turn_without_a_gap():
    first = date(2026, 12, 14)
    world = four()
    world.answer(*days(first, 29))
    for name in "abcd":
        publish(world, name, 10, first=first, number=4)

    found = loaded(world, date(2027, 1, 11))
    assert found.spans == tuple(spans(first, date(2027, 1, 11), "week"))
    assert all(found.ok().values())
