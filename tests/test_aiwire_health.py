"""`aiwire sources doctor`: the order, the reason and the remedy of each, the exit status; nothing unsafe printed."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from aiwire.cli.common import printable
from aiwire.cli.sources import sources as sources_group
from aiwire.exceptions import DatabaseError, FetchReason, InputError
from aiwire.health_words import (
    STANDINGS,
    Standing,
    needs_hand,
    reason,
    remedy,
    standing,
)
from aiwire.types import ErrorClass, LiveKind, Source
from db.connection import connect
from db.health import HealthRow, HealthStatus
from db.store import sync_sources

NOW = datetime(2026, 11, 23, 6, tzinfo=UTC)
WELL = HealthRow(
    source_id="example", name="Example", kind="feed", url="https://example.org/news/feed.xml", publisher="example",
    category="press", status="ok", error_class=None, error=None, last_outcome="ok", failing_since=None, error_count=0,
    first_read_at=NOW - timedelta(days=90), last_ok_at=NOW, last_checked_at=NOW, last_new_at=NOW,
    next_check_at=NOW + timedelta(hours=1), next_check_reason="every 60 min", entries=10,
    new_gap_hours=5.0, articles=100, new_per_week=7.5, not_modified_share=0.8, p50_latency_ms=120,
    validators_trusted=True, suggestion=None, moved_to=None, hub=None, robots=None, enabled=True,
)  # fmt: skip


def failing(outcome, error="it failed", *, error_class="temp", status="failing", days=1.0, **more):
    return replace(WELL, status=status, error_class=error_class, error=error, last_outcome=outcome, error_count=4,
                   failing_since=NOW - timedelta(days=days), **more)  # fmt: skip


def moments():
    return st.none() | st.integers(0, 2000).map(lambda days: NOW - timedelta(days=days))


ANY_ROW = st.builds(
    replace,
    st.just(WELL),
    kind=st.sampled_from(get_args(LiveKind)),
    status=st.sampled_from(get_args(HealthStatus)),
    error_class=st.none() | st.sampled_from(get_args(ErrorClass)),
    error=st.none() | st.text(min_size=1),
    last_outcome=st.none() | st.sampled_from(["ok", "not-modified", "unreadable", *get_args(FetchReason)]),
    failing_since=moments(),
    first_read_at=moments(),
    last_checked_at=moments(),
    last_new_at=moments(),
    validators_trusted=st.booleans(),
    suggestion=st.none() | st.just("https://example.org/rss"),
    robots=st.none() | st.just("Disallow: /"),
).map(lambda row: replace(row, enabled=row.status != "off"))


# ---------------------------------------------------------------- what is said of one source


@given(ANY_ROW)
def test_every_source_has_a_standing_a_reason_and_where_something_is_wrong_a_remedy(row):
    word = standing(row)

    assert word in get_args(Standing)
    assert reason(row)
    assert bool(remedy(row)) == (word not in ("ok", "off"))


@given(ANY_ROW)
def test_what_needs_a_hand_is_always_shown(row):
    if needs_hand(row):
        assert row.enabled
        assert standing(row) not in ("ok", "off")


def test_every_standing_has_its_place_in_the_order():
    assert set(STANDINGS) == set(get_args(Standing))
    assert set(get_args(HealthStatus)) <= set(STANDINGS)
    assert STANDINGS.index("empty") == STANDINGS.index("suspicious") + 1


@pytest.mark.parametrize(
    ("row", "word"),
    [
        (WELL, "ok"),
        (replace(WELL, enabled=False, status="off", error="HTTP 410 Gone", error_class="gone"), "off"),
        (replace(WELL, status="empty", entries=0, robots="Disallow: /news"), "empty"),
        (replace(WELL, validators_trusted=False), "lying"),
        (replace(WELL, suggestion="https://elsewhere.example/feed"), "moving"),
        (replace(WELL, robots="Disallow: /news"), "unwelcome"),
        (replace(WELL, last_new_at=NOW - timedelta(days=30)), "ok"),
        (replace(WELL, last_new_at=NOW - timedelta(days=31)), "dormant"),
        (replace(WELL, last_new_at=None), "ok"),
        (replace(WELL, status="suspicious", last_new_at=NOW - timedelta(days=31)), "suspicious"),
    ],
    ids=[
        "ok",
        "off",
        "empty",
        "lying",
        "moving",
        "unwelcome",
        "quiet-for-30-days",
        "dormant",
        "unknown",
        "status-first",
    ],
)
def test_a_source_that_is_read_may_still_be_worth_a_word(row, word):
    assert standing(row) == word


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (WELL, False),
        (failing("timeout", days=7), False),
        (failing("timeout", days=7.1), True),
        (failing("status", status="blocked", error_class="blocked", days=0), True),
        (failing("status", status="missing", error_class="missing", days=0), True),
        (failing("status", status="gone", error_class="gone", days=0), True),
        (failing("address", error_class="refused", days=0), True),
        (failing("status", status="throttled", error_class="throttled", days=20), False),
        (failing("status", status="off", error_class="refused", enabled=False), False),
        (replace(WELL, status="empty", first_read_at=NOW - timedelta(days=7)), False),
        (replace(WELL, status="empty", first_read_at=NOW - timedelta(days=7.1)), True),
    ],
    ids=["ok", "7-days", "longer", "blocked", "missing", "gone", "refused", "throttled", "off", "empty", "for-long"],
)
def test_only_what_waiting_does_not_heal_needs_a_hand(row, expected):
    assert needs_hand(row) is expected


MISSING = failing("status", status="missing", error_class="missing")
UNREADABLE = failing("unreadable", "it cannot be read", error_class="parse")
EMPTY = replace(WELL, status="empty", entries=0, articles=0)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (replace(MISSING, suggestion="https://example.org/rss"), "in sources.toml: https://example.org/rss"),
        (MISSING, "`aiwire sources test https://example.org/`"),
        (failing("status", status="gone", error_class="gone"), "enabled = false"),
        (failing("status", status="blocked", error_class="blocked"), "ask the publisher"),
        (UNREADABLE, "`aiwire sources doctor --sample example`"),
        (UNREADABLE, 'kind = "listing"'),
        (replace(UNREADABLE, kind="listing"), "`aiwire sources doctor --sample example`"),
        (replace(UNREADABLE, kind="listing"), "selectors of its list in [source.listing]"),
        (replace(UNREADABLE, kind="listing"), "JavaScript"),
        (replace(UNREADABLE, kind="sitemap"), "simplify include and exclude of [source.sitemap]"),
        (EMPTY, "`aiwire sources test https://example.org/`"),
        (replace(EMPTY, kind="listing"), "selectors in [source.listing] of 'example'"),
        (replace(EMPTY, kind="sitemap"), "[source.sitemap] of 'example'"),
        (replace(EMPTY, kind="sitemap"), "`aiwire sources test example`"),
        (failing("robots", error_class="refused"), "ask the publisher to allow aiwire"),
        (failing("robots", error_class="refused", status="blocked"), "take a feed of the site"),
        (failing("address", error_class="refused"), "add 'example.org' to allow_hosts"),
        (failing("address", error_class="refused", moved_to="http://10.0.0.1/f"), "add '10.0.0.1' to allow_hosts"),
        (failing("url", error_class="refused"), "correct the url of 'example'"),
        (failing("redirect"), "https://example.org/news/feed.xml in a browser"),
        (failing("dns"), "the name 'example.org'"),
        (failing("too-large"), "max_body_mib"),
        (failing("connect", "no connection: certificate verify failed"), "CA certificates"),
        (failing("connect", "no connection: refused"), "asked again by itself"),
        (failing("status", "HTTP 503 Service Unavailable"), "asked again by itself"),
        (replace(WELL, status="throttled"), "every_minutes"),
        (replace(WELL, status="suspicious"), "nothing is lost"),
        (replace(WELL, validators_trusted=False), "once a day"),
        (replace(WELL, suggestion="https://elsewhere.example/feed"), "https://elsewhere.example/feed"),
        (replace(WELL, status="new"), "`aiwire run`"),
        (replace(WELL, last_new_at=NOW - timedelta(days=90)), "https://example.org/"),
    ],
)  # fmt: skip
def test_the_remedy_is_what_helps_against_this_trouble(row, words):
    assert words in remedy(row)


@pytest.mark.parametrize("kind", ["listing", "sitemap"])
def test_a_list_that_cannot_be_read_is_not_told_to_become_one(kind):
    assert 'kind = "listing"' not in remedy(replace(UNREADABLE, kind=kind))


@pytest.mark.parametrize(
    ("kind", "words"),
    [("feed", "never had an entry"), ("listing", "no article was ever found"), ("sitemap", "no URL of it matches")],
)
def test_the_reason_of_an_empty_source_fits_its_kind(kind, words):
    assert words in reason(replace(EMPTY, kind=kind))


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (WELL, "10 entries, 100 articles, 7.5 new a week"),
        (replace(WELL, kind="sitemap", entries=1, articles=1), "1 entry, 1 article, 7.5 new a week"),
        (replace(WELL, entries=None), "100 articles, 7.5 new a week"),
        (replace(WELL, first_read_at=NOW - timedelta(hours=23)), "10 entries, 100 articles"),
    ],
    ids=["feed", "one", "unknown", "read-today"],
)
def test_of_a_source_that_is_well_the_numbers_that_are_known_are_told(row, words):
    assert reason(row) == words


def test_the_reason_is_the_error_or_says_what_was_noticed():
    assert reason(failing("timeout", "no data for 20 s")) == "no data for 20 s"
    assert "10 entries" in reason(replace(WELL, status="suspicious"))
    assert "nothing new since 2026-08-25" in reason(replace(WELL, last_new_at=NOW - timedelta(days=90)))


# ---------------------------------------------------------------- the command

SAMPLE = b"\x1b]0;owned\x07<html>\r\n\xff"
LONG_URL = "https://example.org/" + "a-very-long-path/" * 8 + "feed.xml"
LATER = "https://example.org/" + "somewhere-else-entirely/" * 6 + "rss"


def add_state(db, source_id, status, *, ok_at="2026-11-23T05:00:00Z", **more):
    values = {"source_id": source_id, "error_count": 2 if "error" in more else 0, "ok_at": ok_at, "status": status,
              "checked_at": "2026-11-23T05:00:00Z", **more}  # fmt: skip
    names, marks = ", ".join(values), ", ".join("?" * len(values))
    db.execute(f"INSERT INTO source_state ({names}) VALUES ({marks})", list(values.values()))


def add_document(db, source_id, at):
    db.execute(
        """
        INSERT INTO fetches (run_id, source_id, url, purpose, outcome, wire_bytes, elapsed_ms, entries, new, changed,
            fetched_at)
        VALUES (1, ?, 'https://map.example/sitemap.xml', 'sitemap', 'ok', 0, 1, 0, 0, 0, ?)
        """,
        [source_id, at],
    )


@pytest.fixture
def path(tmp_path, monkeypatch):
    """A database with a source that is well, one switched off, and three in trouble."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    path = tmp_path / "news.db"
    db = connect(path)
    sync_sources(db, [
        Source("a-well", "Well", "feed", "https://well.example/feed", "well"),
        Source("b-dormant", "Dormant", "feed", "https://dormant.example/feed", "dormant"),
        Source("c-failing", "Failing", "feed", "https://failing.example/feed", "failing"),
        Source("d-missing-with-a-long-name-that-nobody-should-cut", "Missing", "feed", LONG_URL, "missing"),
        Source("e-off", "Off", "feed", "https://off.example/feed", "off", enabled=False),
    ])  # fmt: skip
    with db.atomic():
        add_state(db, "a-well", "ok", new_at="2026-11-22T06:00:00Z", entries=12)
        add_state(db, "b-dormant", "ok", new_at="2026-01-22T06:00:00Z")
        add_state(db, "c-failing", "failing", error="no data for 20 s", error_class="temp",
                  failing_since="2026-11-22T06:00:00Z", next_check_at="2026-11-23T09:00:00Z",
                  next_check_reason="time-out, failure 2 in a row", sample=SAMPLE)  # fmt: skip
        add_state(db, "d-missing-with-a-long-name-that-nobody-should-cut", "missing", error="HTTP 404 Not Found",
                  error_class="missing", failing_since="2026-11-20T06:00:00Z", suggestion=LATER)  # fmt: skip
        add_state(db, "e-off", "gone", error="HTTP 410 Gone", error_class="gone")
    db.close()
    return path


def doctor(path, *options, now="2026-11-23T06:00:00Z"):
    return CliRunner().invoke(sources_group, ["doctor", "--db", str(path), "--now", now, *options])


def heal(path):
    db = connect(path)
    with db.atomic():
        db.execute("DELETE FROM source_state WHERE status = 'missing'")
    db.close()


def test_the_worst_is_told_first_and_what_is_well_only_in_the_sum(path):
    done = doctor(path)

    heads = re.findall(r"^(\w+) +(\w\S+)$", done.stdout, flags=re.MULTILINE)
    assert [word for word, _ in heads] == ["missing", "failing", "dormant"]
    assert done.stdout.splitlines()[-1] == "5 sources: 1 off, 1 ok, 1 dormant, 1 failing, 1 missing"


def test_all_shows_those_that_are_well_and_those_switched_off(path):
    done = doctor(path, "--all")

    heads = re.findall(r"^(\w+) +(\w\S+)$", done.stdout, flags=re.MULTILINE)
    assert [word for word, _ in heads] == ["missing", "failing", "dormant", "ok", "off"]


def test_a_block_tells_why_since_when_how_often_and_when_again(path):
    done = doctor(path)

    text = " ".join(done.stdout.split())
    assert "no data for 20 s" in text
    assert "failed 2 times since 2026-11-22 06:00; last read 2026-11-23 05:00; next try 2026-11-23 09:00" in text
    assert "(time-out, failure 2 in a row)" in text


@pytest.mark.parametrize("columns", ["40", "80", "200"])
def test_no_id_and_no_address_is_cut_or_broken_however_narrow_it_is(path, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", columns)

    done = doctor(path)

    words = done.stdout.split()
    assert "d-missing-with-a-long-name-that-nobody-should-cut" in words
    assert LONG_URL in words
    assert LATER in words
    assert [line for line in done.stdout.splitlines() if len(line) > 79 and "https://" not in line] == []


def test_the_exit_status_is_1_while_a_source_needs_a_hand(path):
    before = doctor(path).exit_code
    heal(path)
    after = doctor(path).exit_code

    assert (before, after) == (1, 0)


def test_json_has_every_column_and_the_advice_worst_first(path):
    done = doctor(path, "--json")

    rows = json.loads(done.stdout)
    assert [row["standing"] for row in rows] == ["missing", "failing", "dormant"]
    assert list(rows[0]) == [*HealthRow.__dataclass_fields__, "standing", "needs_hand", "reason", "remedy"]
    assert rows[0]["failing_since"] == "2026-11-20T06:00:00Z"
    assert [row["needs_hand"] for row in rows] == [True, False, False]
    assert LATER in rows[0]["remedy"]
    assert done.exit_code == 1


def test_a_sitemap_that_matches_nothing_is_shown_at_once_and_needs_a_hand_after_a_week(path):
    heal(path)
    db = connect(path)
    with db.atomic():
        sync_sources(db, [Source("f-map", "Map", "sitemap", "https://map.example/sitemap.xml", "map")])
        db.execute(
            "INSERT INTO runs (id, command, started_at, status) VALUES (1, 'run', '2026-11-23T05:00:00Z', 'done')"
        )
        add_state(db, "f-map", "ok")
        add_document(db, "f-map", "2026-11-23T05:00:00Z")
    today = doctor(path)
    with db.atomic():
        add_document(db, "f-map", "2026-11-15T05:00:00Z")
    db.close()

    later = doctor(path)

    assert "no URL of it matches include, exclude and days" in today.stdout
    assert today.stdout.splitlines()[-1] == "1 sources: 1 empty"
    assert (today.exit_code, later.exit_code) == (0, 1)


def test_without_a_database_it_says_how_to_make_one(tmp_path):
    done = doctor(tmp_path / "none.db")

    assert isinstance(done.exception, DatabaseError)
    assert "aiwire run --db" in str(done.exception)


def test_an_empty_list_is_said_to_be_empty(tmp_path):
    connect(tmp_path / "empty.db").close()

    done = doctor(tmp_path / "empty.db")

    assert "no source is in this database yet" in done.stdout
    assert done.exit_code == 0


def test_it_asks_about_cron_when_nothing_was_checked_for_a_day(path):
    fresh = doctor(path).stderr
    stale = doctor(path, now="2026-11-24T06:00:00Z").stderr

    assert fresh == ""
    assert "nothing was checked since 2026-11-23 05:00: does cron run?" in stale


def test_a_sample_is_printed_without_anything_that_a_terminal_obeys(path):
    done = doctor(path, "--sample", "c-failing")

    assert done.stdout == "\\x1b]0;owned\\x07<html>\\r\n\\xff\n"
    assert done.exit_code == 0


def test_without_a_sample_it_says_that_nothing_is_kept(path):
    done = doctor(path, "--sample", "a-well")

    assert "nothing is kept of 'a-well'" in done.stderr
    assert done.exit_code == 1


def test_a_sample_of_a_source_that_is_not_there_names_one_that_is(path):
    done = doctor(path, "--sample", "c-failin")

    assert isinstance(done.exception, InputError)
    assert "did you mean 'c-failing'?" in str(done.exception)


def test_what_a_server_wrote_into_an_error_cannot_reach_the_terminal(path):
    db = connect(path)
    with db.atomic():
        db.execute("UPDATE source_state SET error = ? WHERE source_id = 'c-failing'", ["redirect to \x1b[2J\u202egpj"])
    db.close()

    done = doctor(path)

    assert "\\x1b[2J\\u202egpj" in done.stdout
    assert "\x1b" not in done.stdout


@given(st.text())
def test_printable_text_has_no_control_and_no_format_characters(text):
    shown = printable(text)

    assert all(char.isprintable() or char.isspace() for char in shown)
    assert not set(shown) & set("\n\r\t\x1b\u202e\u2028\x85")


@given(st.text(alphabet=st.characters(categories=["L", "N", "P", "S", "Zs"])))
def test_printable_text_stays_as_it_is(text):
    assert printable(text) == text
