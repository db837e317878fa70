"""The first page: what a person sees of a filled, a fresh and a foreign database, and how it is read."""

import re
import sqlite3
import zlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html import unescape
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlite_utils import Database as SqliteDatabase

import aiwire.web
from aiwire.cli import cli
from aiwire.types import (
    ArticleUpdate,
    Entity,
    FetchResult,
    Mention,
    Request,
    Response,
    Sketch,
    Source,
    SourceState,
    SourceUpdate,
    Tag,
    Tagging,
    iso,
)
from aiwire.web.pages.home import Row, ago, fresh_words, no_verdicts_words, spark
from aiwire.web.server import make_datasette
from aiwire.web.svg.sparkline import sparkline
from db.connection import connect
from db.pages import home
from db.pages.excerpts import is_echo
from db.pages.refs import ArticleRef
from db.store import save_source, start_run, sync_entities, sync_sources

NOW = datetime(2026, 11, 24, 6, tzinfo=UTC)  # a Tuesday
KINDS = {"nvidia": "company", "nvidia-h100": "accelerator", "tco": "theme"}
HOSTILE = "<script>alert(1)</script>"


def tag(entity_id, evidence):
    mention = Mention("text", 0, 4, "It", 0, 20, "any", 0.9)
    return Tag(KINDS[entity_id], entity_id, entity_id, (entity_id,), 1, True, "subject", True, 0.5, 0.9, evidence,
               (mention,))  # fmt: skip


def update(name, *tags, day, date_source="published", text=None):
    url = f"https://example.org/{name}"
    words = text or f"It is of {name}."
    tagging = Tagging(
        tags,
        (),
        tagger_version="1",
        taxonomy_version="t",
        sketch=Sketch(words=50, bands=(zlib.crc32(name.encode()) >> 1,)),
    )
    published = day if date_source == "published" else None
    return ArticleUpdate(url, None, f"Title of {name}", None, published, day, date_source, "en", words, name, False,
                         tagging)  # fmt: skip


def save(db, updates, now):
    url = "https://press.example/"
    fetch = FetchResult(Request(url, "press", "feed"), Response(url, url, 200, {}, b""), 1, 1)
    save_source(db, SourceUpdate(SourceState("press", status="ok"), fetch, tuple(updates)), run_id=1, now=now)


def fill(path):
    """Fill a database with 30 weeks of articles, one undated and one from the future; read until `NOW`."""
    db = connect(path)
    sync_sources(db, [Source("press", "Press", "feed", "https://press.example/", "press")])
    sync_entities(db, [Entity(i, kind, i.upper()) for i, kind in KINDS.items()])
    start_run(db, "run", now=NOW)
    save(db, [], NOW - timedelta(weeks=40))
    updates = [update(f"week-{n}", tag("nvidia", f"NVIDIA in week {n}."), day=NOW - timedelta(weeks=n, days=1))
               for n in range(30)]  # fmt: skip
    updates.append(update("chip", tag("nvidia-h100", HOSTILE), tag("tco", "Cost."), day=NOW - timedelta(weeks=1)))
    updates.append(update("undated", day=NOW - timedelta(hours=1), date_source="backlog"))
    updates.append(update("to-come", day=NOW + timedelta(days=3)))
    save(db, updates, NOW - timedelta(minutes=14))
    db.close()
    return path


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return fill(tmp_path_factory.mktemp("home") / "any.db")


@pytest.fixture
def db(path):
    db = connect(path)
    yield db
    db.close()


async def page_of(path, address="/"):
    answer = await make_datasette(path).client.get(address)
    return answer.status_code, answer.text


async def test_the_first_page_leads_to_search_stories_and_those_in_the_news(path):
    status, html = await page_of(path)

    assert status == 200
    assert len(re.findall("<h1", html)) == 1
    assert 'action="/news/search"' in html
    assert html.count('<li class="item">') == 15
    for words in ("Title of week-0", "Newest stories", "Companies", "Accelerators", "Themes", "NVIDIA-H100", "TCO"):
        assert words in html
    for address in ("/news/entities/nvidia-h100", "/news/tco", "/news/compare", "/news/feed.atom", "/news/articles"):
        assert f'href="{address}"' in html


async def test_what_came_from_outside_is_inert_on_the_first_page(path):
    _, html = await page_of(path)

    assert "&lt;script&gt;alert(1)" in html
    assert "<script" not in html
    assert "style=" not in html


async def test_a_fresh_database_says_how_to_begin(tmp_path):
    connect(tmp_path / "new.db").close()

    status, html = await page_of(tmp_path / "new.db")

    assert status == 200
    assert "Nothing here yet" in html
    assert "<code>aiwire init</code>" in html
    assert "<code>aiwire run</code>" in html


async def test_a_database_that_is_not_ours_gets_a_plain_list(tmp_path):
    from datasette.app import Datasette
    from datasette.database import Database

    foreign = tmp_path / "news.db"
    with sqlite3.connect(foreign) as conn:
        conn.execute("CREATE TABLE stamps (id INTEGER PRIMARY KEY)")
    datasette = Datasette([])
    datasette.add_database(Database(datasette, path=str(foreign)), name="news")
    datasette.add_database(Database(datasette, path=str(foreign)), name="letters")

    answer = await datasette.client.get("/")

    assert answer.status_code == 200
    assert "<h1>Databases</h1>" in answer.text
    assert {"/news", "/letters"} <= set(re.findall('href="([^"]*)"', answer.text))


def test_newest_stories_leave_out_what_is_undated_or_to_come(db):
    titles = [story.article.title for story in home.stories(db, NOW)]

    assert titles[0] == "Title of week-0"
    assert not {"Title of undated", "Title of to-come"} & set(titles)
    dates = [story.article.dated_at for story in home.stories(db, NOW)]
    assert dates == sorted(dates, reverse=True)


def test_a_story_shows_the_sentence_that_proves_its_tag(db):
    newest = home.stories(db, NOW)[0]

    assert newest.article.excerpt == "NVIDIA in week 0."
    assert [entity.id for entity in newest.article.chips] == ["nvidia"]
    assert newest.publishers == 1


def test_the_ranking_weeks_are_the_newest_four_that_a_source_answered_after(db):
    weeks = home.window(db, NOW)

    assert [week.start for week in weeks.ranking] == ["2026-10-26", "2026-11-02", "2026-11-09", "2026-11-16"]
    assert len(weeks.shown) == home.SHOWN_WEEKS
    assert [week.start for week in weeks.shown if week.is_partial] == ["2026-11-23"]


def test_leaders_have_the_share_of_the_ranking_weeks(db):
    weeks = home.window(db, NOW)
    leaders = home.leaders(db, weeks)

    (nvidia,) = leaders["company"]
    stories = sum(week.total for week in weeks.ranking)
    assert (nvidia.stories, nvidia.share) == (4, 4 / stories)
    assert len(nvidia.shares) == home.SHOWN_WEEKS
    assert [one.entity.id for one in leaders["accelerator"]] == ["nvidia-h100"]
    assert leaders["accelerator"][0].shares[0] == 0


def test_movers_come_from_the_verdicts_surest_first(db):
    with db.atomic():
        db.execute("DELETE FROM entity_signals")
        for entity_id, signal, q in (("nvidia", "rising", 0.05), ("tco", "rising", 0.01), ("nvidia-h100", "flat", 0.5)):
            db.execute(
                "INSERT INTO entity_signals VALUES (?, ?, '2026-11-16', ?, 9, 0.1, 2.0, 1.2, 3.1, ?, 1)",
                [entity_id, KINDS[entity_id], signal, q],
            )

    assert [row.entity.id for row in home.movers(db, "rising")] == ["tco", "nvidia"]
    assert home.movers(db, "falling") == ()
    assert home.verdicts(db).week == "2026-11-16"
    assert home.verdicts(db).is_possible
    assert no_verdicts_words(home.verdicts(db), NOW) == ""
    with db.atomic():
        db.execute("DELETE FROM entity_signals")
    assert home.verdicts(db).week is None
    assert "they come with the next run" in no_verdicts_words(home.verdicts(db), NOW)


@pytest.mark.parametrize(
    ("since", "first", "day"),
    [
        pytest.param("2026-11-20T06:00:00Z", "2024-01-01", "2027-01-18", id="read from a Friday on"),
        pytest.param("2026-11-23T00:00:00Z", "2024-01-01", "2027-01-18", id="from the first moment of a week on"),
        pytest.param("2026-11-23T00:00:01Z", "2024-01-01", "2027-01-25", id="from a moment later on"),
        pytest.param("2026-11-20T06:00:00Z", "2026-12-07", "2027-02-01", id="the first article came later"),
    ],
)
def test_no_verdict_comes_before_eight_whole_weeks_are_over(tmp_path, since, first, day):
    db = connect(tmp_path / "young.db")
    sync_sources(db, [Source("press", "Press", "feed", "https://press.example/", "press")])
    with db.atomic():
        db.execute("INSERT INTO runs (id, command, started_at, status) VALUES (1, 'run', ?, 'ok')", [since])
        db.execute(
            """
            INSERT INTO fetches (run_id, source_id, purpose, url, outcome, wire_bytes, elapsed_ms, entries, new,
                changed, fetched_at)
            VALUES (1, 'press', 'feed', 'https://press.example/', 'ok', 1, 1, 0, 0, 0, ?)
            """,
            [since],
        )
        db.execute("INSERT INTO period_totals VALUES ('week', ?, 'all', 9, 9, 1, 9, 9, 1)", [first])
    judged = home.verdicts(db)
    db.close()

    assert judged == home.Verdicts(None, since, day)
    assert no_verdicts_words(judged, datetime(2026, 11, 24, tzinfo=UTC)).endswith(
        f"sources have been read since {since[:10]}, so the first can come on {day}."
    )
    assert not home.Verdicts("2026-12-28", since, "2027-01-18").is_possible  # all are too few to tell


def test_a_share_of_few_stories_is_told_as_two_numbers(db):
    leader = home.leaders(db, home.window(db, NOW))["company"][0]

    assert Row(leader, "").share == "4 of 5"
    assert Row(replace(leader, stories=5, total=20, share=0.25), "").share == "25.0%"


def test_a_name_in_the_news_of_three_weeks_has_no_line(db):
    weeks = home.window(db, NOW)
    leader = home.leaders(db, weeks)["company"][0]

    def drawn(known):
        return str(spark(replace(leader, shares=(0.5,) * known + (0.0, None) * 11 + (0.0,) * (4 - known)), weeks))

    assert drawn(3) == ""
    assert "<path" in drawn(4)


@pytest.mark.parametrize(
    ("title", "text", "echo"),
    [
        ("Chips: the plan", "Chips – the plan!", True),
        ("Chips: the plan for data centres", "Chips: the plan for data centres, by Writer", True),
        ("The plan for chips in data centres next year", "In data centres: the plan for chips of next year", True),
        ("Chips", "", True),
        ("Chips", "…", True),
        ("Chips", "Chips are scarce, says their maker.", False),
        ("", "A text.", False),
    ],
)
def test_an_excerpt_that_says_the_title_once_more_is_an_echo(title, text, echo):
    assert is_echo(title, text) == echo


COMMAND = re.compile(r"<code>aiwire ([a-z-]+)|`aiwire ([a-z-]+)")


def test_every_command_that_a_page_names_exists():
    web = Path(aiwire.web.__file__).parent
    named = {"".join(found) for kind in ("*.html", "*.py") for file in web.rglob(kind)
             for found in COMMAND.findall(file.read_text(encoding="utf-8"))}  # fmt: skip

    assert {"init", "run"} <= named
    assert named - set(cli.commands) == set()


async def test_the_weekly_counts_that_are_offered_are_whole(path):
    datasette = make_datasette(path)
    html = (await datasette.client.get("/")).text
    address = unescape(re.search(r'href="([^"]*)">Weekly counts as CSV', html)[1])

    lines = (await datasette.client.get(address)).text.splitlines()

    weeks, names = len({line.split(",")[0] for line in lines[1:]}), 3
    assert len(lines) == 1 + weeks * names > 60
    assert "<code>aiwire export trends</code>" in html


def test_undated_is_one_rule():
    def undated(source):
        return ArticleRef(1, "", "", "2026-11-23T00:00:00Z", source, "", "", None).is_undated

    assert [source for source in ("published", "updated", "first_seen", "backlog") if undated(source)] == [
        "first_seen", "backlog",
    ]  # fmt: skip


def test_freshness_is_said_in_words(db):
    fresh = home.freshness(db)

    assert fresh_words(fresh, NOW) == "Updated 14 minutes ago: 1 source, 32 dated articles"


@pytest.mark.parametrize(
    ("passed", "words"),
    [
        (timedelta(seconds=20), "a moment ago"),
        (timedelta(minutes=14), "14 minutes ago"),
        (timedelta(hours=3), "3 hours ago"),
        (timedelta(days=3), "3 days ago"),
        (timedelta(days=30), "2026-10-25 06:00 UTC"),
        (timedelta(days=-1), "2026-11-25 06:00 UTC"),
    ],
)
def test_how_long_ago(passed, words):
    assert ago(iso(NOW - passed), NOW) == words


BIG = "articles|mentions|article_entities|trends_weekly|stories|fetches|period_totals|coverage|prices"


def test_the_first_page_reads_big_tables_by_index_only(path):
    conn = sqlite3.connect(f"file:{path}?mode=ro", uri=True, isolation_level=None)
    said = []
    conn.set_trace_callback(said.append)
    db = SqliteDatabase(conn)
    home.stories(db, NOW)
    home.leaders(db, home.window(db, NOW))
    home.movers(db, "rising")
    home.freshness(db)
    conn.set_trace_callback(None)

    plans = [row[3] for sql in said if sql.lstrip().startswith(("SELECT", "WITH"))
             for row in conn.execute(f"EXPLAIN QUERY PLAN {sql}")]  # fmt: skip
    conn.close()
    assert plans
    assert [step for step in plans if re.match(rf"SCAN ({BIG})\b", step)] == []


@given(st.lists(st.none() | st.floats(0, 1), max_size=30), st.data())
def test_a_sparkline_stays_in_its_frame_and_has_a_piece_for_every_step(values, data):
    partial = data.draw(st.lists(st.booleans(), min_size=len(values), max_size=len(values)))

    drawn = str(sparkline(values, partial=partial, title="<x>"))

    places = [float(n) for d in re.findall(' d="([^"]*)"', drawn) for n in re.findall(r"[0-9.]+", d)]
    assert all(0 <= n <= 120 for n in places)
    steps = sum(d.count("L") for d in re.findall(' d="([^"]*)"', drawn))
    assert steps == sum(a is not None and b is not None for a, b in pairwise(values))
    assert "<x>" not in drawn


def test_a_step_to_a_partial_week_is_dashed():
    drawn = str(sparkline([1, 2, 3, 4], partial=[False, False, False, True], title="x"))

    assert re.findall('class="(spark(?: partial)?)"', drawn) == ["spark", "spark partial"]
