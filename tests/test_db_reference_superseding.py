"""Which row of a key holds, whatever came first."""

import sqlite3
from datetime import date, datetime, timedelta
from itertools import permutations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from reference_files import CARBON, FACT, MODEL, OFFER, SERVER, ship
from sqlite_utils import Database

from db.connection import connect, transaction
from db.reference import end_rows, load_reference, write_rows
from db.reference.applying import Scope, apply_changes, changes_of
from db.reference.observations import write_dropping
from db.reference.staging import stage
from db.reference.superseding import settle


@pytest.fixture
def db(monkeypatch, tmp_path):
    ship(monkeypatch, tmp_path / "data", grid_carbon=[], cloud_prices=[], api_prices=[], accelerator_facts=[])
    database = connect(":memory:")
    load_reference(database)
    yield database
    database.close()


def carbon(value, as_of, **more):
    return CARBON | {"g_co2e_per_kwh": value, "as_of": as_of} | more


def rows(db):
    """Return value, origin, day and end of each row."""
    return db.execute(
        "SELECT g_co2e_per_kwh, origin, as_of, superseded_at FROM grid_carbon ORDER BY as_of, origin, superseded_at"
    ).fetchall()


def held(db):
    return db.execute(
        "SELECT g_co2e_per_kwh FROM grid_carbon WHERE superseded_at IS NULL AND implausible IS NULL"
    ).fetchall()


def test_another_value_supersedes_the_old_one_on_its_day(db):
    write_rows(db, "grid_carbon", [carbon(350, "2026-11-01")], origin="shipped")

    counts = write_rows(db, "grid_carbon", [carbon(340, "2026-12-01")], origin="a-list")

    assert (counts.added, counts.superseded, counts.renewed) == (1, 1, 0)
    assert rows(db) == [(350, "shipped", "2026-11-01", "2026-12-01"), (340, "a-list", "2026-12-01", None)]


def test_the_same_value_only_moves_the_day_on_which_it_was_read(db):
    write_rows(db, "grid_carbon", [carbon(350, "2026-11-01")], origin="shipped")
    before = db.execute("SELECT id FROM grid_carbon").fetchall()

    again = carbon(350, "2026-12-01", source="https://example.org/b")
    counts = write_rows(db, "grid_carbon", [again], origin="skypilot")

    assert (counts.added, counts.superseded, counts.renewed) == (0, 0, 1)
    assert rows(db) == [(350, "skypilot", "2026-12-01", None)]
    assert db.execute("SELECT id, source FROM grid_carbon").fetchall() == [(before[0][0], "https://example.org/b")]


def test_the_day_of_the_first_reading_is_kept_however_often_it_is_read(db):
    for day in ("2026-11-01", "2026-12-01", "2027-01-01"):
        write_rows(db, "grid_carbon", [carbon(350, day)], origin="a-list")
    write_rows(db, "grid_carbon", [carbon(340, "2027-02-01")], origin="a-list")

    found = db.execute("SELECT read_since, as_of, superseded_at FROM grid_carbon ORDER BY as_of").fetchall()
    assert found == [("2026-11-01", "2027-01-01", "2027-02-01"), (None, "2027-02-01", None)]


def test_a_value_that_comes_back_is_a_new_row(db):
    for value, day in ((350, "2026-11-01"), (340, "2026-12-01"), (350, "2027-01-01")):
        write_rows(db, "grid_carbon", [carbon(value, day)], origin="a-list")

    assert [(value, end) for value, _, _, end in rows(db)] == [(350, "2026-12-01"), (340, "2027-01-01"), (350, None)]


def test_a_reading_older_than_what_holds_is_history(db):
    write_rows(db, "grid_carbon", [carbon(340, "2026-12-01")], origin="a-list")

    write_rows(db, "grid_carbon", [carbon(350, "2026-11-01")], origin="shipped")

    assert rows(db) == [(350, "shipped", "2026-11-01", "2026-12-01"), (340, "a-list", "2026-12-01", None)]


def test_a_users_own_row_holds_against_newer_ones_of_others_but_not_against_a_newer_import(db):
    write_rows(db, "grid_carbon", [carbon(300, "2026-11-01")], origin="import:mine")

    write_rows(db, "grid_carbon", [carbon(340, "2026-12-01")], origin="a-list")
    write_rows(db, "grid_carbon", [carbon(330, "2026-12-02")], origin="shipped")
    assert held(db) == [(300,)]
    assert all(end >= as_of for _, _, as_of, end in rows(db) if end)

    write_rows(db, "grid_carbon", [carbon(310, "2026-12-03")], origin="import:theirs")
    assert held(db) == [(310,)]


def test_a_users_own_row_keeps_its_source_beside_an_equal_one(db):
    write_rows(db, "grid_carbon", [carbon(350, "2026-11-01")], origin="shipped")

    write_rows(db, "grid_carbon", [carbon(350, "2026-11-02", source="our utility")], origin="import:mine")

    assert rows(db) == [(350, "shipped", "2026-11-01", "2026-11-02"), (350, "import:mine", "2026-11-02", None)]


def test_a_correction_of_the_same_day_holds_and_going_back_to_the_first_does_too(db):
    for value in (300, 310, 300):
        write_rows(db, "grid_carbon", [carbon(value, "2026-11-01")], origin="import:mine")

    assert held(db) == [(300,)]
    assert db.execute("SELECT count(*) FROM grid_carbon").fetchone() == (2,)


def test_of_one_day_what_was_refreshed_holds_against_what_is_shipped_in_any_order(db):
    both = {"shipped": carbon(350, "2026-11-01"), "a-list": carbon(340, "2026-11-01")}
    for order in permutations(both):
        db.execute("DELETE FROM grid_carbon")
        for origin in order:
            write_rows(db, "grid_carbon", [both[origin]], origin=origin)
        assert held(db) == [(340,)]


def test_the_date_of_a_price_counts_before_the_day_of_its_reading(db):
    later = MODEL | {"input_usd_per_mtok": 2, "price_date": "2026-06-01"}
    earlier = MODEL | {"input_usd_per_mtok": 3, "price_date": "2026-03"}

    write_rows(db, "api_prices", [later, earlier], origin="import:mine")

    found = db.execute("SELECT input_usd_per_mtok, superseded_at FROM api_prices ORDER BY price_date").fetchall()
    assert found == [(3, "2026-06-01"), (2, None)]


def test_an_implausible_row_is_kept_takes_nothings_place_and_ends_with_the_next_of_its_origin(db):
    write_rows(db, "grid_carbon", [carbon(350, "2026-11-01")], origin="a-list")

    write_rows(db, "grid_carbon", [carbon(35000, "2026-12-01", implausible="too high")], origin="a-list")
    write_rows(db, "grid_carbon", [carbon(35000, "2026-12-02", implausible="too high")], origin="a-list")
    assert rows(db) == [(350, "a-list", "2026-11-01", None), (35000, "a-list", "2026-12-02", None)]

    write_rows(db, "grid_carbon", [carbon(350, "2026-12-03")], origin="a-list")
    assert rows(db) == [(35000, "a-list", "2026-12-02", "2026-12-03"), (350, "a-list", "2026-12-03", None)]


def test_an_implausible_row_that_the_user_accepts_holds(db):
    write_rows(db, "grid_carbon", [carbon(900, "2026-11-01", implausible="too high")], origin="import:mine")

    write_rows(db, "grid_carbon", [carbon(900, "2026-11-01")], origin="import:mine")

    assert held(db) == [(900,)]


def test_a_row_that_ended_does_not_come_back_by_an_older_reading_but_by_a_newer_one(db):
    write_rows(db, "grid_carbon", [carbon(350, "2026-11-01")], origin="skypilot")
    [(row,)] = db.execute("SELECT id FROM grid_carbon").fetchall()

    assert end_rows(db, "grid_carbon", [row], on="2026-12-01") == 1
    assert end_rows(db, "grid_carbon", [row], on="2026-12-02") == 0
    write_rows(db, "grid_carbon", [carbon(350, "2026-11-01")], origin="skypilot")
    write_rows(db, "grid_carbon", [carbon(340, "2026-10-01")], origin="gpuhunt")
    assert held(db) == []

    write_rows(db, "grid_carbon", [carbon(350, "2026-12-02")], origin="skypilot")
    assert held(db) == [(350,)]


def test_a_users_own_row_that_ended_keeps_nothing_down(db):
    write_rows(db, "grid_carbon", [carbon(300, "2026-11-01")], origin="import:mine")
    end_rows(
        db, "grid_carbon", [row for (row,) in db.execute("SELECT id FROM grid_carbon").fetchall()], on="2026-12-07"
    )

    write_rows(db, "grid_carbon", [carbon(340, "2026-12-06")], origin="a-list")

    assert held(db) == [(340,)]


def test_of_one_price_date_the_later_reading_holds_in_any_order(db):
    wrong = MODEL | {"input_usd_per_mtok": 2, "price_date": "2026-06-01", "as_of": "2026-07-01"}
    right = wrong | {"input_usd_per_mtok": 3, "as_of": "2026-08-01"}
    for order in permutations((wrong, right)):
        db.execute("DELETE FROM api_prices")
        for row in order:
            write_rows(db, "api_prices", [row], origin="a-list")
        assert db.execute("SELECT input_usd_per_mtok FROM api_prices WHERE superseded_at IS NULL").fetchall() == [(3,)]


def test_a_fact_that_ends_leaves_the_row_of_its_part(db):
    write_rows(db, "accelerator_facts", [FACT], origin="a-list")
    [(row,)] = db.execute("SELECT id FROM accelerator_facts").fetchall()

    end_rows(db, "accelerator_facts", [row], on="2026-12-01")

    assert db.execute("SELECT memory_gb FROM accelerators").fetchone() == (None,)


def test_history_in_a_file_is_kept_as_the_file_says(db):
    old = OFFER | {"price_date": "2025-01-01", "superseded_at": "2025-06-01"}
    gone = OFFER | {"price_date": "2025-06-01", "superseded_at": "2025-09-01", "ondemand_usd_per_gpu_hour": 2}

    write_rows(db, "cloud_prices", [old, gone], origin="shipped")
    write_rows(db, "cloud_prices", [old | {"as_of": "2026-12-01"}, gone | {"as_of": "2026-12-01"}], origin="shipped")

    found = db.execute("SELECT price_date, as_of, superseded_at FROM cloud_prices ORDER BY 1").fetchall()
    assert found == [("2025-01-01", "2026-12-01", "2025-06-01"), ("2025-06-01", "2026-12-01", "2025-09-01")]


def test_what_a_part_is_not_said_to_have_stands_beside_what_is_used(db):
    said = [
        FACT | {"value": "80"},
        FACT | {"value": "96", "standing": "differs", "source": "https://example.org/b"},
        FACT | {"value": "90", "standing": "differs", "source": "https://example.org/b"},
        FACT | {"value": "8000", "standing": "rejected", "source": "https://example.org/c"},
    ]

    write_rows(db, "accelerator_facts", said, origin="shipped")
    write_rows(db, "accelerator_facts", [FACT | {"value": "94", "as_of": "2026-12-01"}], origin="import:mine")

    found = db.execute("SELECT value, superseded_at FROM accelerator_facts ORDER BY CAST(value AS REAL)").fetchall()
    assert found == [("80", "2026-12-01"), ("90", None), ("94", None), ("96", None), ("8000", None)]
    assert db.execute("SELECT memory_gb FROM accelerators").fetchone() == (94,)


def test_nothing_said_is_a_key_like_any_other(db):
    bare = OFFER | {"region": None, "instance_type": None}

    write_rows(db, "cloud_prices", [bare, OFFER], origin="a-list")
    write_rows(db, "cloud_prices", [bare | {"ondemand_usd_per_gpu_hour": 2, "as_of": "2026-12-01"}], origin="a-list")

    found = db.execute(
        "SELECT region, ondemand_usd_per_gpu_hour FROM cloud_prices WHERE superseded_at IS NULL ORDER BY 1"
    ).fetchall()
    assert found == [(None, 2), ("north", 2.5)]


def test_prices_of_one_item_from_two_sources_stand_side_by_side(db):
    write_rows(db, "hardware_prices", [SERVER, SERVER | {"usd": 9500, "source": "b"}], origin="a-list")

    assert db.execute("SELECT usd FROM hardware_prices WHERE superseded_at IS NULL ORDER BY usd").fetchall() == [
        (9000,), (9500,),
    ]  # fmt: skip


ORIGINS = ("shipped", "skypilot", "gpuhunt", "a-list", "import:mine")
readings = st.lists(
    st.tuples(
        st.sampled_from(ORIGINS),
        st.dates(min_value=date(2026, 1, 1), max_value=date(2026, 3, 1)),
        st.sampled_from([100.0, 200.0, 300.0]),
        st.sampled_from([None, None, None, "too high"]),
    ),
    min_size=1,
    max_size=7,
    unique_by=lambda reading: reading[1],  # two of one day are told apart by what came last
)


def written(order, stored=()):
    """Return all rows of a key, by their day, after readings came one by one."""
    for origin, day, value, reason in order:
        new = CARBON | {"g_co2e_per_kwh": value, "as_of": day.isoformat(), "implausible": reason, "origin": origin}
        stored = settle("grid_carbon", stored, [{"superseded_at": None, "note": None} | new])
    return sorted(stored, key=lambda row: row["as_of"])


def holding(stored):
    return [row["g_co2e_per_kwh"] for row in stored if row["superseded_at"] is None and row["implausible"] is None]


@given(readings, st.randoms(use_true_random=False))
@settings(max_examples=300, deadline=None)
def test_what_holds_does_not_depend_on_the_order_of_writing(order, random):
    shuffled = random.sample(order, len(order))

    assert holding(written(order)) == holding(written(shuffled))


@given(readings)
@settings(max_examples=300, deadline=None)
def test_one_row_holds_and_it_is_the_newest_of_the_highest_kind(order):
    plausible = [reading for reading in order if reading[3] is None]
    own = [reading for reading in plausible if reading[0] == "import:mine"]

    best = max(own or plausible, key=lambda reading: reading[1], default=None)

    assert holding(written(order)) == ([] if best is None else [best[2]])


@given(readings)
@settings(max_examples=300, deadline=None)
def test_writing_again_changes_nothing_and_no_value_is_lost(order):
    once = written(order)

    assert written(order, once) == once
    assert {(row["g_co2e_per_kwh"], row["implausible"]) for row in once} == {reading[2:] for reading in order}
    assert all(row["superseded_at"] >= row["as_of"] for row in once if row["superseded_at"])


# ---------------------------------------------------------------- what documents say, one after the other

DOCUMENTS = {
    "skypilot": Scope("api_prices", "skypilot", "house"),
    "gpuhunt": Scope("api_prices", "gpuhunt", "house"),
    "ours": Scope("api_prices", "ours"),
    "import:a": Scope("api_prices", "import:a"),
    "import:b": Scope("api_prices", "import:b"),
}
START = date(2026, 1, 1)


def price(value, day, **more):
    row = {"provider": "house", "model": "m", "input_usd_per_mtok": value, "source": "our contract", "as_of": day}
    return row | {"superseded_at": None, "implausible": None} | more


def say(db, voice, rows, day):
    """Have a document, or the shipped file, say these rows."""
    if voice == "shipped":
        with transaction(db):
            write_dropping(db, "api_prices", rows, origin="shipped")
        return None
    scope, now = DOCUMENTS[voice], datetime.fromisoformat(f"{day}T06:00:00+00:00")
    stage(db, scope.name, "https://example.org", "api_prices", rows, validators={}, now=now)
    changes = changes_of(db, scope, rows, day=day)
    apply_changes(db, scope.name, scope, changes, day=day, now=now)
    return changes


def held_price(db):
    sql = "SELECT input_usd_per_mtok, origin FROM api_prices WHERE superseded_at IS NULL AND implausible IS NULL"
    return db.execute(sql).fetchall()


def expected(said):
    """Return what holds: a function of what each voice said, (voice, day, value or None) in time."""
    voices = {"skypilot": "catalog", "gpuhunt": "catalog"}
    last = {voices.get(voice, voice): (day, value, voice) for voice, day, value in said}
    imports = [reading for voice, reading in last.items() if voice.startswith("import:") and reading[1]]
    if imports:
        return [max(imports)[1:]]
    if "shipped" in last and "catalog" in last and last["catalog"][1] is None:
        shipped = last["shipped"][0]
        if any(voices.get(voice) and value and day > shipped for voice, day, value in said):
            del last["shipped"]  # it was older than an offer that is gone
    others = [reading for voice, reading in last.items() if reading[1] and not voice.startswith("import:")]
    return [max(others)[1:]] if others else []


@pytest.fixture(scope="module")
def bare():
    return connect(":memory:")


statements = st.lists(
    st.tuples(
        st.sampled_from(["shipped", *DOCUMENTS]), st.integers(1, 3), st.sampled_from([1.0, 2.0, 3.0, None])
    ),
    min_size=1, max_size=9,
)  # fmt: skip


@given(statements)
@example([("shipped", 1, 1.0), ("skypilot", 1, 2.0), ("gpuhunt", 1, None)])
@example([("shipped", 1, 1.0), ("gpuhunt", 1, 2.0), ("import:a", 1, 3.0), ("gpuhunt", 1, None), ("import:a", 1, None)])
@settings(max_examples=150, deadline=None)
def test_what_holds_follows_from_what_each_document_said_last(bare, statements):
    db = Database(sqlite3.connect(":memory:"))
    bare.conn.backup(db.conn)
    said, day = [], START
    for voice, days, value in statements:
        day += timedelta(days=days)
        say(db, voice, [price(value, day.isoformat())] if value else [], day.isoformat())
        said.append((voice, day, value))

        assert held_price(db) == expected(said), said

    values = {value for (value,) in db.execute("SELECT DISTINCT input_usd_per_mtok FROM api_prices").fetchall()}
    assert values == {value for *_, value in said if value}
    assert db.execute("SELECT count(*) FROM api_prices WHERE superseded_at < as_of").fetchone() == (0,)


def test_what_an_import_stood_above_holds_again_when_it_ends_and_what_changed_meanwhile_is_known(db):
    say(db, "skypilot", [price(1.0, "2026-11-01")], "2026-11-01")
    say(db, "import:a", [price(0.5, "2026-11-02")], "2026-11-02")
    changes = say(db, "skypilot", [price(2.0, "2026-11-03")], "2026-11-03")
    assert len(changes.outranked) == 1

    say(db, "import:a", [], "2026-11-05")

    found = "SELECT input_usd_per_mtok, as_of, gone_at, superseded_at FROM api_prices ORDER BY as_of"
    assert db.execute(found).fetchall() == [
        (1.0, "2026-11-01", "2026-11-03", "2026-11-02"),
        (0.5, "2026-11-02", "2026-11-05", "2026-11-05"),
        (2.0, "2026-11-03", None, None),
    ]


def test_an_offer_that_goes_while_an_import_stands_above_it_does_not_come_back_with_its_end(db):
    say(db, "shipped", [price(3.0, "2026-10-01")], "2026-10-01")
    say(db, "skypilot", [price(1.0, "2026-11-01")], "2026-11-01")
    say(db, "import:a", [price(0.5, "2026-11-02")], "2026-11-02")
    say(db, "skypilot", [], "2026-11-03")

    say(db, "import:a", [], "2026-11-05")

    assert held_price(db) == []


def test_a_shipped_row_that_a_new_file_lacks_does_not_come_back_with_the_end_of_an_import(db):
    say(db, "shipped", [price(3.0, "2026-10-01")], "2026-10-01")
    say(db, "import:a", [price(0.5, "2026-11-02")], "2026-11-02")
    say(db, "shipped", [], "2026-11-03")

    say(db, "import:a", [], "2026-11-05")

    assert held_price(db) == []


@pytest.mark.parametrize("wrong", [{"as_of": "2026-11-23"}, {"as_of": "2026-11-23", "price_date": "2026-11-01"}])
@pytest.mark.parametrize("voice", ["import:a", "ours"])
def test_a_list_that_is_put_right_holds_whatever_its_dates(db, voice, wrong):
    first = price(2.2, None, **wrong)
    right = price(2.4, "2026-11-20", price_date=wrong.get("price_date") and "2026-10-01")
    for number, row in enumerate((first, right, first, right)):
        changes = say(db, voice, [row], f"2026-11-{24 + number}")
        assert (len(changes.outranked), len(changes.ended)) == (0, 0)
        assert held_price(db) == [(row["input_usd_per_mtok"], voice)]

    say(db, voice, [right | {"input_usd_per_mtok": 2.2}], "2026-11-28")
    assert held_price(db) == [(2.2, voice)]


def test_the_right_date_of_reading_takes_the_place_of_a_wrong_one(db):
    say(db, "import:a", [price(2.2, "2026-11-23")], "2026-11-24")
    say(db, "import:a", [price(2.2, "2026-11-20")], "2026-11-25")

    assert db.execute("SELECT as_of FROM api_prices WHERE superseded_at IS NULL").fetchall() == [("2026-11-20",)]


def test_two_lists_that_say_the_same_end_each_on_its_own(db):
    say(db, "import:a", [price(2.0, "2026-11-01")], "2026-11-01")
    say(db, "import:b", [price(2.0, "2026-11-02")], "2026-11-02")

    say(db, "import:b", [], "2026-11-03")

    assert held_price(db) == [(2.0, "import:a")]


def test_what_only_an_older_document_has_is_of_the_past(db):
    say(db, "skypilot", [price(1.0, "2026-11-05")], "2026-11-05")
    older = [price(1.5, "2026-11-03"), price(4.0, "2026-11-03", model="other")]

    for _ in range(2):
        changes = say(db, "skypilot", older, "2026-11-03")

        assert (len(changes.added), len(changes.past), len(changes.outranked)) == (0, 1, 1)
        assert held_price(db) == [(1.0, "skypilot")]
        assert db.execute("SELECT count(*) FROM api_prices").fetchone() == (3,)
    assert db.execute("SELECT applied_at FROM reference_sources").fetchone() == ("2026-11-05T06:00:00Z",)
