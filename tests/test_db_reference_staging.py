"""What is staged, and how it gets into the tables: whole or not at all, and what the state of a document remembers."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from price_site import H100
from sqlite_utils import Database

from db.connection import connect, transaction
from db.reference import applying, load_reference
from db.reference.applying import Scope, apply_changes, changes_of, confirm, judged, load_context
from db.reference.observations import write_rows
from db.reference.staging import hold_back, note, note_unchanged, source_states, stage, staged_rows

NOW = datetime(2026, 12, 1, 6, tzinfo=UTC)
DAY, NEXT_DAY = "2026-12-01", "2026-12-02"
URL = "https://prices.example/v9/cloud/vms.csv"
NAME = "skypilot/cloud"
SCOPE = Scope("cloud_prices", origin="skypilot", provider="cloud")
VALIDATORS = {"etag": '"1"', "last-modified": "Mon, 30 Nov 2026 06:00:00 GMT", "server": "x"}


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    """A database file with the shipped reference."""
    path = tmp_path_factory.mktemp("loaded") / "news.db"
    db = connect(path)
    load_reference(db)
    db.close()
    return path


@pytest.fixture
def db(loaded, tmp_path):
    (tmp_path / "news.db").write_bytes(loaded.read_bytes())
    opened = connect(tmp_path / "news.db")
    yield opened
    opened.close()


def offer(region, price=2.5, *, as_of=DAY, **values):
    return {
        "provider": "cloud", "region": region, "instance_type": "h8", "accelerator_id": H100, "gpu_count": 8,
        "ondemand_usd_per_gpu_hour": price, "spot_usd_per_gpu_hour": None, "reserved_1y_usd_per_gpu_hour": None,
        "reserved_3y_usd_per_gpu_hour": None, "price_date": None, "source": URL, "note": None, "as_of": as_of,
    } | values  # fmt: skip


def put(db, rows, *, now=NOW, scope=SCOPE, name=NAME, table="cloud_prices"):
    """Stage rows and apply them, as a refresh does."""
    day = now.date().isoformat()
    rows = judged(table, [row | {"as_of": day} for row in rows], load_context(db))
    stage(db, name, URL, table, rows, validators=VALIDATORS, now=now)
    changes = changes_of(db, scope, rows, day=day)
    apply_changes(db, name, scope, changes, day=day, now=now)
    return changes


def held(db, provider="cloud"):
    return db.execute(
        """SELECT region, ondemand_usd_per_gpu_hour, as_of FROM cloud_prices
           WHERE provider = ? AND superseded_at IS NULL AND implausible IS NULL ORDER BY region""",
        [provider],
    ).fetchall()


def all_rows(db):
    return [db.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall() for table in
            ("cloud_prices", "reference_sources", "reference_staged", "accelerators")]  # fmt: skip


# ---------------------------------------------------------------- staging


def test_staged_rows_come_back_as_they_were_with_the_validators(db):
    rows = [offer("a"), offer("b", None, note="Zürich, „x“")]
    stage(db, NAME, URL, "cloud_prices", rows, validators=VALIDATORS, now=NOW)

    state = source_states(db)[NAME]
    assert staged_rows(db, NAME) == rows
    assert (state.etag, state.last_modified, state.staged) == ('"1"', "Mon, 30 Nov 2026 06:00:00 GMT", 2)
    assert (state.outcome, state.ok_at, state.applied_at) == ("staged", "2026-12-01T06:00:00Z", None)


def test_a_newer_reading_takes_the_place_of_what_was_staged(db):
    stage(db, NAME, URL, "cloud_prices", [offer("a"), offer("b")], validators=VALIDATORS, now=NOW)
    stage(db, NAME, URL, "cloud_prices", [offer("c")], validators={}, now=NOW)

    assert staged_rows(db, NAME) == [offer("c")]
    assert source_states(db)[NAME].etag is None


def test_unchanged_keeps_what_was_staged_and_dates_it_anew(db):
    stage(db, NAME, URL, "cloud_prices", [offer("a")], validators=VALIDATORS, now=NOW)
    note_unchanged(db, NAME, URL, now=NOW + timedelta(days=1), dates=True)

    assert staged_rows(db, NAME) == [offer("a", as_of=NEXT_DAY)]
    assert source_states(db)[NAME].ok_at == "2026-12-02T06:00:00Z"


def test_a_failure_keeps_what_was_staged_and_when_it_was_last_good(db):
    stage(db, NAME, URL, "cloud_prices", [offer("a")], validators=VALIDATORS, now=NOW)
    note(db, NAME, URL, "failed", error="HTTP 503", now=NOW + timedelta(days=1))

    state = source_states(db)[NAME]
    assert (state.outcome, state.error, state.ok_at) == ("failed", "HTTP 503", "2026-12-01T06:00:00Z")
    assert (state.etag, state.staged) == ('"1"', 1)


def test_what_is_held_back_keeps_its_rows_and_the_reason_until_the_next_try_and_has_no_validators(db):
    stage(db, NAME, URL, "cloud_prices", [offer("a")], validators=VALIDATORS, now=NOW)
    with transaction(db):
        hold_back(db, NAME, "too few")

    state = source_states(db)[NAME]
    assert (state.held_back, state.error, state.etag, state.last_modified) == (True, "too few", None, None)
    assert staged_rows(db, NAME) == [offer("a")]
    note_unchanged(db, NAME, URL, now=NOW, dates=True)
    assert not source_states(db)[NAME].held_back
    note(db, NAME, URL, "failed", error="HTTP 503", now=NOW)
    assert not source_states(db)[NAME].held_back  # it failed: that is another matter


@pytest.mark.parametrize(("url", "outcome"), [("https://elsewhere.example/x.csv", "failed"), (URL, "vanished")])
def test_another_address_or_one_that_is_gone_has_no_validators(db, url, outcome):
    stage(db, NAME, URL, "cloud_prices", [], validators=VALIDATORS, now=NOW)
    note(db, NAME, url, outcome, error="x", now=NOW)

    assert (source_states(db)[NAME].etag, source_states(db)[NAME].last_modified) == (None, None)


# ---------------------------------------------------------------- applying


def test_applied_rows_hold_and_the_staging_is_empty(db):
    put(db, [offer("a"), offer("b", 3.0)])

    assert held(db) == [("a", 2.5, DAY), ("b", 3.0, DAY)]
    assert staged_rows(db, NAME) == []
    assert source_states(db)[NAME].applied_at == "2026-12-01T06:00:00Z"


@pytest.mark.parametrize("step", ["write_rows", "forget_validators", "discard"])
def test_cut_off_at_any_step_nothing_has_changed_and_the_next_try_ends_as_one_without_trouble(db, step, monkeypatch):
    put(db, [offer("a"), offer("b"), offer("c")])
    rows = [offer("a", 2.0, as_of=NEXT_DAY), offer("b", as_of=NEXT_DAY)]
    stage(db, NAME, URL, "cloud_prices", rows, validators=VALIDATORS, now=NOW + timedelta(days=1))
    changes = changes_of(db, SCOPE, staged_rows(db, NAME), day=NEXT_DAY)
    before = all_rows(db)

    def fail(*_args, **_values):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(applying, step, fail)
        with pytest.raises(KeyboardInterrupt):
            apply_changes(db, NAME, SCOPE, changes, day=NEXT_DAY, now=NOW + timedelta(days=1))
    assert all_rows(db) == before

    apply_changes(db, NAME, SCOPE, changes, day=NEXT_DAY, now=NOW + timedelta(days=1))
    assert held(db) == [("a", 2.0, NEXT_DAY), ("b", 2.5, NEXT_DAY)]
    assert staged_rows(db, NAME) == []


def test_an_offer_that_comes_back_holds_again(db):
    put(db, [offer("a"), offer("b"), offer("c")])
    put(db, [offer("a"), offer("b")], now=NOW + timedelta(days=1))
    put(db, [offer("a"), offer("b"), offer("c")], now=NOW + timedelta(days=2))

    assert [row[0] for row in held(db)] == ["a", "b", "c"]


def test_an_offer_that_goes_and_comes_back_on_one_day_holds_again(db):
    for rows in ([offer("a"), offer("b"), offer("c")], [offer("a"), offer("b")], [offer("a"), offer("b"), offer("c")]):
        put(db, rows)

    assert [row[0] for row in held(db)] == ["a", "b", "c"]


def test_an_implausible_row_ends_when_the_document_no_longer_has_it(db):
    put(db, [offer("a"), offer("b", 2500.0)])
    put(db, [offer("a")], now=NOW + timedelta(days=1))

    rows = db.execute(
        "SELECT region, superseded_at FROM cloud_prices WHERE implausible IS NOT NULL AND provider = ?", ["cloud"]
    )
    assert rows.fetchall() == [("b", NEXT_DAY)]


def test_an_implausible_row_that_is_said_again_is_stored_once(db):
    for day in range(3):
        put(db, [offer("a"), offer("b", 2500.0)], now=NOW + timedelta(days=day))

    count = "SELECT count(*) FROM cloud_prices WHERE provider = 'cloud' AND implausible IS NOT NULL"
    assert db.execute(count).fetchone() == (1,)


def test_shipped_copies_of_the_catalogue_end_with_it_and_other_shipped_prices_stay(db):
    sql = """SELECT count(*) FROM cloud_prices
             WHERE provider = 'lambda' AND superseded_at IS NULL AND source {} LIKE '%skypilot-catalog%'"""
    elsewhere = db.execute(sql.format("NOT")).fetchone()
    assert db.execute(sql.format("")).fetchone()[0] > 1

    put(db, [offer("a", provider="lambda")], scope=Scope("cloud_prices", "skypilot", "lambda"))

    assert db.execute(sql.format("")).fetchone() == (0,)
    assert db.execute(sql.format("NOT")).fetchone()[0] == elsewhere[0] + 1  # the new one


DATED = "SELECT {}, source, price_date, as_of FROM cloud_prices WHERE provider = 'cloud' AND superseded_at IS NULL"


def test_reserved_prices_that_a_catalogue_cannot_have_keep_value_date_and_source(db):
    told = offer(
        "a", reserved_1y_usd_per_gpu_hour=1.5, reserved_3y_usd_per_gpu_hour=1.0, price_date="2025-03-02",
        as_of="2026-11-23", source="https://article.example",
    )  # fmt: skip
    with db.conn:
        write_rows(db, "cloud_prices", [told], origin="shipped")

    changes = put(db, [offer("a", 2.2), offer("b")])

    ((old, new),) = [(change.old, change.new) for change in changes.changed]
    assert (old["ondemand_usd_per_gpu_hour"], new["ondemand_usd_per_gpu_hour"]) == (2.5, 2.2)
    reserved = db.execute(DATED.format("reserved_1y_usd_per_gpu_hour, reserved_3y_usd_per_gpu_hour"))
    assert [row for row in reserved if row[0]] == [(1.5, 1.0, "https://article.example", "2025-03-02", "2026-11-23")]
    assert (2.2, URL, None, DAY) in db.execute(DATED.format("ondemand_usd_per_gpu_hour")).fetchall()

    put(db, [offer("b")], now=NOW + timedelta(days=1))  # the offer itself is gone, and is not one that is reserved

    assert [row for row in db.execute(DATED.format("reserved_1y_usd_per_gpu_hour")) if row[0]] == [
        (1.5, "https://article.example", "2025-03-02", "2026-11-23")
    ]


def test_a_price_list_that_no_longer_has_reserved_prices_ends_them(db):
    mine = Scope("cloud_prices", origin="import:mine")
    put(db, [offer("a", reserved_1y_usd_per_gpu_hour=1.5)], scope=mine, name="import/mine")

    changes = put(db, [offer("a")], scope=mine, name="import/mine", now=NOW + timedelta(days=1))

    assert [row["reserved_1y_usd_per_gpu_hour"] for row in changes.ended] == [1.5]
    assert held(db) == [("a", 2.5, NEXT_DAY)]


def test_a_confirmed_document_moves_the_date_of_its_own_rows_alone(db):
    put(db, [offer("a")])
    put(db, [offer("b", provider="other")], scope=Scope("cloud_prices", "skypilot", "other"), name="skypilot/other")

    confirm(db, SCOPE, day="2026-12-09")

    assert held(db) == [("a", 2.5, "2026-12-09")]
    assert held(db, "other") == [("b", 2.5, DAY)]
    assert db.execute("SELECT count(*) FROM cloud_prices WHERE provider = 'cloud'").fetchone() == (1,)


def test_what_an_import_outranked_is_asked_for_anew_when_the_import_ends(db):
    put(db, [offer("a")])
    mine = Scope("cloud_prices", origin="import:mine")
    put(db, [offer("a", 2.0)], scope=mine, name="import/mine")
    assert source_states(db)[NAME].etag == '"1"'

    put(db, [], scope=mine, name="import/mine")

    assert source_states(db)[NAME].etag is None


OFFERS = st.dictionaries(st.sampled_from("abcd"), st.sampled_from([1.5, 2.0, 2.5, None]))


@settings(max_examples=40, deadline=None)
@given(documents=st.lists(st.tuples(OFFERS, st.integers(0, 2)), min_size=1, max_size=6))
def test_after_any_documents_the_offers_of_the_last_one_hold_and_no_price_is_lost(loaded, documents):
    db = Database(sqlite3.connect(":memory:"))
    with closing(sqlite3.connect(loaded)) as file:
        file.backup(db.conn)
    said, now = set(), NOW
    for offers, days in documents:
        now += timedelta(days=days)
        day = now.date().isoformat()
        rows = [offer(region, price, as_of=day, spot_usd_per_gpu_hour=1.0) for region, price in offers.items()]
        stage(db, NAME, URL, "cloud_prices", rows, validators={}, now=now)
        apply_changes(db, NAME, SCOPE, changes_of(db, SCOPE, rows, day=day), day=day, now=now)
        said |= set(offers.items())

    assert {row[0]: row[1] for row in held(db)} == documents[-1][0]
    assert len(held(db)) == len(documents[-1][0])  # one row of each
    stored = db.execute(
        "SELECT region, ondemand_usd_per_gpu_hour FROM cloud_prices WHERE provider = 'cloud'"
    ).fetchall()
    assert set(stored) == said
    db.close()


def test_reasons_of_all_rules_that_a_row_breaks_are_told(db):
    row = offer("a", 2500.0, spot_usd_per_gpu_hour=2600.0)

    (found,) = judged("cloud_prices", [row], load_context(db))

    assert found["implausible"].count("cloud-") >= 2


def test_a_sound_row_has_no_reason(db):
    assert judged("cloud_prices", [offer("a")], load_context(db)) == [offer("a") | {"implausible": None}]
