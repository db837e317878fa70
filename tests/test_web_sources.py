"""The pages of sources: how each is, what helps, when it answered; and the notice that other pages show."""

from dataclasses import replace
from datetime import date, timedelta
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree, html
from trend_rows import MONDAY, World, days, moment, source

from aiwire.health_words import STANDINGS, Standing, remedy
from aiwire.types import iso
from aiwire.web.filters import commands
from aiwire.web.links import Links
from aiwire.web.pages import Ask
from aiwire.web.pages.source import load as load_source
from aiwire.web.pages.source import shown_address
from aiwire.web.pages.sources import MEANINGS, PAGE_SIZE
from aiwire.web.pages.sources import load as load_sources
from aiwire.web.server import make_datasette
from aiwire.web.site import Site
from aiwire.web.svg.calendar import LEVELS, calendar, level, strip
from db.health import health_row, health_rows
from db.pages.coverage import CoverageDay, by_week, coverage_notice, days_of_all
from db.trends.verdicts import refresh_verdicts

HOSTILE = "<script>alert(1)</script>\"'&"
NOW = moment(MONDAY + timedelta(days=20))


def state(db, source_id, **values):
    """Write what the scheduler would have written after the last check."""
    values = {
        "checked_at": iso(NOW), "ok_at": iso(NOW), "error_count": 0, "status": "ok", "entries": 10, "new_at": iso(NOW),
    } | values  # fmt: skip
    names = ", ".join(values)
    db.execute(
        f"INSERT OR REPLACE INTO source_state (source_id, {names}) VALUES (?{', ?' * len(values)})",
        [source_id, *values.values()],
    )
    db.conn.commit()


def failing(db, source_id, *, days=10, **values):
    since = iso(NOW - timedelta(days=days))
    state(db, source_id, status="failing", error="it timed out", error_class="temp", error_count=4, ok_at=since,
          failing_since=since, **values)  # fmt: skip


@pytest.fixture
def world(tmp_path):
    made = World([source("press", category="press"), source("wire", category="press"), source("vendor", owner="nvidia"),
                  source("idle", enabled=False)], path=str(tmp_path / "news.db"))  # fmt: skip
    answering = ["press", "wire", "vendor"]
    made.answer(*days(MONDAY, 21), source_ids=answering)
    made.answer(MONDAY + timedelta(days=8), source_ids=["wire"], good=False)
    made.answer(*days(MONDAY + timedelta(days=18), 3), source_ids=["press"], good=False)
    made.add(MONDAY + timedelta(days=3), "nvidia", "h100", number=3)
    made.add(MONDAY + timedelta(days=5), "tco", source_id="vendor")
    made.roll_up()
    for source_id in answering:
        state(made.db, source_id)
    return made


def ask(key="", *, public=False, **args):
    site = Site(is_public=public)
    return Ask(key, {name: [value] for name, value in args.items()}, site, Links(), NOW)


@pytest.fixture
def site(world, tmp_path):
    async def get(path):
        answer = await make_datasette(tmp_path / "news.db").client.get(path)
        assert answer.status_code == 200, answer.text[:500]
        return answer.text, html.fromstring(answer.text)

    return get


def said(tree, selector="main"):
    return " ".join(tree.cssselect(selector)[0].text_content().split())


# ---------------------------------------------------------------- all sources


def test_those_that_need_a_hand_come_first_with_the_doctors_remedy(world):
    failing(world.db, "wire", last_modified=None)
    (row,) = (one for one in health_rows(world.db) if one.source_id == "wire")

    found = load_sources(world.db, ask())

    assert [(group.key, [line.id for line in group.lines]) for group in found.groups] == [
        ("hand", ["wire"]), ("well", ["press", "vendor"]), ("off", ["idle"]),
    ]  # fmt: skip
    line = found.groups[0].lines[0]
    assert (line.standing, line.meaning, line.remedy) == ("failing", "it timed out", remedy(row))
    assert found.summary == "3 sources in use: 2 read as planned, 1 in need of a hand."


def test_strangers_get_no_errors_and_no_commands(world):
    failing(world.db, "wire")

    found = load_sources(world.db, ask(public=True))
    one = load_source(world.db, ask("wire", public=True))

    line = found.groups[0].lines[0]
    assert (line.meaning, line.remedy) == (MEANINGS["failing"], "")
    assert (one.health.reason, one.health.remedy) == ("", "")
    assert {request.error for request in one.requests} == {None}


def test_the_list_is_filtered_by_standing_and_category(world):
    failing(world.db, "wire")

    def ids(**args):
        return {line.id for group in load_sources(world.db, ask(**args)).groups for line in group.lines}

    assert ids(_standing="failing") == {"wire"}
    assert ids(category="press") == {"press", "wire"}
    assert ids(category="press", _standing="ok") == {"press"}
    assert ids(_standing="nonsense") == set()
    words = load_sources(world.db, ask(category="press")).standings
    assert [(one.label, one.count, one.href) for one in words][1] == (
        "failing", 1, "/news/sources?_standing=failing&category=press",
    )  # fmt: skip


def test_every_standing_has_a_meaning_for_strangers():
    assert set(MEANINGS) == set(STANDINGS) == set(get_args(Standing))


def test_many_sources_stand_on_several_pages(tmp_path):
    names = [f"s{n:03}" for n in range(PAGE_SIZE + 3)]
    made = World([source(name) for name in names])
    made.answer(MONDAY)

    first, second, beyond = (load_sources(made.db, ask(_page=number)) for number in ("", "2", "99"))

    shown = [line.id for found in (first, second) for group in found.groups for line in group.lines]
    assert shown == names
    assert (first.next, first.previous) == ("/news/sources?_page=2", None)
    assert (second.next, second.previous) == (None, "/news/sources")
    assert second.note == f"{PAGE_SIZE + 1} to {PAGE_SIZE + 3} of {PAGE_SIZE + 3}"
    assert beyond == second


async def test_the_page_shows_health_calendar_and_the_table(site, world):
    failing(world.db, "wire")

    text, tree = await site("/news/sources")

    assert len(tree.cssselect("h1")) == 1
    assert "1 of 3 sources could not be read: Wire (since 2026-01-15)." in said(tree, ".notice")
    assert "Needs a hand" in said(tree)
    titles = [title.text for title in tree.cssselect("svg.calendar rect title")]
    assert "2026-01-13: 3 of 3 sources answered" in titles
    rows = [[" ".join(cell.text_content().split()) for cell in row] for row in tree.cssselect("details .data tbody tr")]
    assert ["2026-01-12", "7", "21", "21", "100.0%"] in rows
    assert "4 rows" in said(tree)
    assert "style=" not in text
    assert "<script" not in text


async def test_datasettes_own_filters_and_json_still_work(site, tmp_path, world):
    _, tree = await site("/news/sources?category=press&_sort=name")
    answer = await make_datasette(tmp_path / "news.db").client.get("/news/sources.json?category=press&_shape=array")

    assert {row["id"] for row in answer.json()} == {"press", "wire"}
    assert "2 rows" in said(tree)


async def test_the_table_behind_is_folded_until_it_is_asked_for(site):
    shown = {path: (await site(path))[1].xpath("//details[summary[contains(., 'The table behind it')]]")[0]
             for path in ("/news/sources", "/news/sources?_standing=ok", "/news/sources?_sort=id")}  # fmt: skip

    assert [details.get("open") is not None for details in shown.values()] == [False, False, True]
    assert all(details.xpath(".//table//td") for details in shown.values())


async def test_three_hundred_sources_weigh_less_than_150_kb(tmp_path):
    made = World([source(f"a-rather-long-source-name-{n:03}") for n in range(300)], path=str(tmp_path / "news.db"))
    made.answer(*days(MONDAY, 5))
    made.answer(*days(MONDAY + timedelta(days=5), 1), good=False)
    made.db.conn.commit()

    answer = await make_datasette(tmp_path / "news.db").client.get("/news/sources?_size=20")

    assert answer.status_code == 200
    assert len(answer.content) < 120_000  # the style sheets are 30 KB at most


async def test_a_hostile_name_is_only_text(site, world, tmp_path):
    world.sync(replace(source("press"), name=HOSTILE, licence=HOSTILE), source("wire"))
    failing(world.db, "press", suggestion="javascript:alert(1)")
    world.db.execute("UPDATE source_state SET error = ?, next_check_reason = ?", [HOSTILE, HOSTILE])
    world.db.conn.commit()

    for path in ("/news/sources", "/news/sources/press"):
        text, tree = await site(path)
        assert "<script" not in text
        assert HOSTILE in said(tree)
        assert not [link for link in tree.cssselect("a[href]") if link.get("href").startswith("javascript")]


# ---------------------------------------------------------------- one source


def test_a_copy_without_requests_knows_no_rate_but_shows_the_rest(world):
    world.db.execute("DELETE FROM fetches")

    found = load_sources(world.db, ask(public=True))
    one = load_source(world.db, ask("press", public=True))

    line = next(line for group in found.groups for line in group.lines if line.id == "press")
    assert (line.standing, line.articles, line.new_per_week) == ("ok", 3, None)
    assert (one.health.articles, one.health.new_per_week, len(one.articles)) == (3, None, 3)


async def test_a_source_tells_what_it_is_and_what_it_brought(site):
    text, tree = await site("/news/sources/press")

    assert said(tree, "h1") == "Press"
    assert tree.cssselect("svg.calendar")
    assert "2026-01-08" in said(tree, ".feed")
    chips = [chip.get("href") for chip in tree.cssselect(".named .chip")]
    assert chips == ["/news/entities/h100", "/news/entities/nvidia"]
    outcomes = [" ".join(cell.text_content().split()) for cell in tree.cssselect(".requests .what")]
    assert len(outcomes) == 20
    assert outcomes[0].startswith("timeout")
    assert "style=" not in text


async def test_a_vendors_own_voice_is_named(site):
    _, tree = await site("/news/sources/vendor")

    assert "The voice of a vendor: NVIDIA publishes it" in said(tree, ".notice")


async def test_a_source_that_left_the_list_keeps_its_page(site, world):
    world.sync(source("wire"))

    _, tree = await site("/news/sources/press")

    assert "It has left the list of sources; its articles stay." in said(tree)
    assert tree.cssselect(".feed .item")


def test_one_source_is_the_row_of_all(world):
    failing(world.db, "wire")

    assert [health_row(world.db, one.source_id) for one in health_rows(world.db)] == health_rows(world.db)
    quick = health_rows(world.db, quick=True)
    assert quick == [replace(one, not_modified_share=None, p50_latency_ms=None) for one in health_rows(world.db)]
    assert health_row(world.db, "no-such") is None


@pytest.mark.parametrize(
    ("url", "to_us", "to_strangers"),
    [
        (
            "https://example.org/feed.xml",
            ("https://example.org/feed.xml", True),
            ("https://example.org/feed.xml", True),
        ),
        ("https://example.org/feed?key=1", ("https://example.org/feed?key=1", True), ("example.org", False)),
        ("https://me:pw@example.org/", ("https://me:pw@example.org/", False), ("example.org", False)),
        ("javascript:alert(1)", ("javascript:alert(1)", False), ("", False)),
    ],
)
def test_an_address_that_may_hold_a_key_is_shown_to_strangers_as_its_host(url, to_us, to_strangers):
    for is_public, expected in ((False, to_us), (True, to_strangers)):
        found = shown_address(url, is_public=is_public)
        assert (found.text, found.href is not None) == expected


# ---------------------------------------------------------------- the notice


def test_nothing_is_said_where_all_is_well(world):
    assert coverage_notice(world.db, NOW) is None


def test_a_database_without_an_answer_says_so():
    found = coverage_notice(World().db, NOW)

    assert (found.severity, found.text) == ("warn", "No source has been read yet: there is nothing to count.")


def test_failed_sources_are_named_the_longest_first_and_three_at_most():
    names = ["a", "b", "c", "d", "e"]
    made = World([source(name) for name in [*names, "off"]])
    for number, name in enumerate(names):
        failing(made.db, name, days=number + 1)
    state(made.db, "off")
    made.sync(*(source(name) for name in names), source("off", enabled=False))

    found = coverage_notice(made.db, NOW)

    assert found.source_ids == ("e", "d", "c", "b", "a")
    assert (
        "5 of 5 sources could not be read: E (since 2026-01-20), D (since 2026-01-21), C (since 2026-01-22) and 2 more."
        in found.text
    )


@pytest.mark.parametrize(("hours", "is_stale"), [(25, False), (27, True)])
def test_a_day_without_an_answer_is_a_warning(world, hours, is_stale):
    found = coverage_notice(world.db, NOW + timedelta(hours=hours))

    assert (found is not None) is is_stale
    if found:
        assert (found.severity, found.text[:50]) == ("warn", "Nothing was read since 2026-01-25 06:00 UTC: what ")


@pytest.mark.parametrize(("hours", "is_told"), [(1, True), (4, False)])
def test_a_run_under_way_is_told_but_not_one_that_was_killed(world, hours, is_told):
    world.db.execute("UPDATE runs SET started_at = ?, status = 'running'", [iso(NOW - timedelta(hours=hours))])

    found = coverage_notice(world.db, NOW)

    assert (found is not None and "A run is under way" in found.text) is is_told


def test_a_newest_full_week_that_is_not_covered_is_told():
    made = World([source("press"), source("wire")])
    made.answer(*days(MONDAY - timedelta(days=1), 22), source_ids=["press"])
    made.answer(*days(MONDAY - timedelta(days=1), 8), source_ids=["wire"])
    made.add(MONDAY, "nvidia", number=4)
    made.add(MONDAY, "nvidia", number=4, source_id="wire")
    made.add(MONDAY + timedelta(days=8), "nvidia", number=4)
    made.roll_up()
    state(made.db, "press")
    refresh_verdicts(made.db)

    found = coverage_notice(made.db, NOW)

    assert (found.severity, found.text) == (
        "warn", "The week from 2026-01-12 is not fully covered: its counts are too low.",
    )  # fmt: skip


# ---------------------------------------------------------------- calendars

DAYS = st.lists(st.integers(0, 5).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n))), min_size=1, max_size=60)


def calendar_days(counts, first=MONDAY):
    return tuple(CoverageDay(first + timedelta(days=n), *one) for n, one in enumerate(counts))


@given(DAYS)
def test_weeks_hold_what_their_days_do(counts):
    found = calendar_days(counts, MONDAY + timedelta(days=3))

    weeks = by_week(found)

    assert sum(week.asked for week in weeks) == sum(one.asked for one in found)
    assert sum(week.answered for week in weeks) == sum(one.answered for one in found)
    assert sum(week.days for week in weeks) == sum(one.asked > 0 for one in found)
    assert all(week.start.weekday() == 0 for week in weeks)


@given(DAYS)
def test_a_calendar_has_a_titled_cell_for_each_day_and_a_strip_a_bar(counts):
    found = calendar_days(counts)

    drawn = etree.fromstring(calendar(found, title="<t>", description="&", say=lambda one: f"<{one.day}>"))
    bars = etree.fromstring(strip(found, title="<t>"))

    cells = drawn.findall("{*}rect")
    assert [cell.findtext("{*}title") for cell in cells] == [f"<{one.day}>" for one in found]
    assert [cell.get("class") for cell in cells] == [f"cal cal--{level(one)}" for one in found]
    lengths = [int(run.split("h")[1]) for path in bars.findall("{*}path") for run in path.get("d").split("M")[1:]]
    assert sum(length + 1 for length in lengths) == 5 * len(found)


def test_levels_tell_none_some_and_all():
    counts = {(0, 0): "gap", (3, 0): "none", (3, 1): "some", (10, 9): "most", (10, 10): "all"}

    assert {one: level(CoverageDay(MONDAY, *one)) for one in counts} == counts
    assert {name for name, _ in LEVELS} == set(counts.values())


def test_days_without_a_request_are_there_with_zeros(world):
    found = days_of_all(world.db, MONDAY - timedelta(days=2), MONDAY)

    assert [(one.asked, one.answered) for one in found] == [(0, 0), (0, 0), (3, 3)]
    assert found[0].day == date(2026, 1, 3)
    assert found[0].share is None


# ---------------------------------------------------------------- words


def test_what_stands_between_backticks_is_code_and_nothing_else_is_markup():
    assert commands("try `aiwire run <x>`, or <b>") == "try <code>aiwire run &lt;x&gt;</code>, or &lt;b&gt;"
    assert commands("a ` alone") == "a ` alone"
