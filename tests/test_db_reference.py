"""The reference in the database: loading what ships, beside what was refreshed and imported, and showing it."""

import csv
import json
from importlib import resources
from pathlib import Path

import pytest
from db_rows import article, make_db, save
from reference_files import CARBON, FACT, FAMILY, OFFER, PART, READ, SERVER, content, ship
from sqlite_utils import Database

from aiwire.exceptions import ConfigError, InputError
from aiwire.types import Price, Tagging
from db.connection import connect
from db.dump import dump_rows
from db.migrations import MIGRATIONS
from db.reference import (
    OBSERVATIONS,
    TABLES,
    VALUES,
    describe,
    end_rows,
    key_of,
    load_reference,
    row_counts,
    write_rows,
)
from db.reference.files import read_shipped, shipped_bytes
from db.reference.parts import wide_row
from db.reference.tables import observations_of

SHARED = Path(__file__).resolve().parents[1].parent / "shared"


@pytest.fixture
def empty():
    database = connect(":memory:")
    yield database
    database.close()


@pytest.fixture
def folder(monkeypatch, tmp_path):
    """Let small files be what ships; return their folder."""
    ship(monkeypatch, tmp_path / "data")
    return tmp_path / "data"


def again(db, folder, table, rows):
    """Load after a file has changed."""
    (folder / f"{table}.csv").write_bytes(content(table, rows))
    load_reference(db)


def offers(db):
    return db.execute(
        "SELECT ondemand_usd_per_gpu_hour, origin, superseded_at FROM cloud_prices ORDER BY as_of, id"
    ).fetchall()


# ---------------------------------------------------------------- what ships


def test_all_shipped_files_are_loaded_and_loading_again_changes_nothing(empty):
    load_reference(empty)
    before, changes = dump_rows(empty), empty.conn.total_changes

    load_reference(empty)
    assert (dump_rows(empty), empty.conn.total_changes) == (before, changes)
    assert empty.execute("PRAGMA foreign_key_check").fetchall() == []

    empty.execute("DELETE FROM reference_files")
    load_reference(empty)
    assert dump_rows(empty) == before


def test_every_shipped_row_is_in_the_database_as_the_file_has_it(empty):
    load_reference(empty)

    rows = {
        table: [observation for row in read for observation in observations_of(table, row)]
        for table, read in read_shipped({table: shipped_bytes(table) for table in TABLES}).items()
    }

    for table in OBSERVATIONS:
        stored = {
            (key_of(table, row), *(row[column] for column in VALUES[table]), row["as_of"]): row
            for row in empty.query(f"SELECT * FROM {table}")
        }
        for row in rows[table]:
            found = stored[key_of(table, row), *(row[column] for column in VALUES[table]), row["as_of"]]
            assert row.items() <= found.items()
        assert len(stored) == len(rows[table]) > 0
    assert row_counts(empty) == {table: len(rows[table]) for table in TABLES}


def test_of_one_key_at_most_one_shipped_row_holds(empty):
    load_reference(empty)

    for table in OBSERVATIONS:
        held = list(empty.query(f"SELECT * FROM {table} WHERE superseded_at IS NULL AND implausible IS NULL"))
        assert len({key_of(table, row) for row in held}) == len(held)


def test_the_files_are_plain_csv_with_line_feeds():
    for table in TABLES:
        shipped = (resources.files("db.reference") / "data" / f"{table}.csv").read_bytes()
        assert b"\r" not in shipped
        assert shipped.endswith(b"\n")


def test_every_shipped_family_has_parts_of_its_vendor_or_says_why_it_has_none(empty):
    load_reference(empty)
    vendors = dict(empty.execute("SELECT family_id, min(vendor) FROM accelerators GROUP BY family_id"))

    for family in empty.query("SELECT * FROM accelerator_families"):
        assert family["source"]
        assert (family["id"] in vendors) != bool(family["note"]), family["id"]
        assert vendors.get(family["id"], family["vendor"]) == family["vendor"], family["id"]


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs ../shared, which users do not have")
def test_all_parts_and_families_of_the_collection_are_there(empty):
    load_reference(empty)
    with (SHARED / "reference" / "part_families.csv").open(encoding="utf-8") as file:
        wanted = {(row["accelerator_id"], row["family_id"]) for row in csv.DictReader(file)}

    assert wanted <= set(empty.execute("SELECT id, family_id FROM accelerators").fetchall())


@pytest.mark.parametrize(
    ("table", "before", "after", "message"),
    [
        ("accelerators", b"acme-x1,Acme", b"acme-x2,Acme", r"data/accelerators.csv:2: family_id 'acme-x2' is not in"),
        ("accelerator_facts", b",80,GB", b",0,GB", r"accelerator_facts.csv:2: memory_gb '0': must be greater than 0"),
        ("cloud_prices", b"acme-x1-pcie", b"acme-x1-sxm", r"did you mean 'acme-x1-pcie'"),
        ("cloud_prices", b"provider,region", b"region,provider", r"cloud_prices.csv:1: the columns must be provider"),
        ("cloud_prices", b",8,", b",eight,", r"cloud_prices.csv:2: gpu_count 'eight': must be a whole number"),
        ("tco_defaults", b"pue,,", b"pue,acme-x3,", r"tco_defaults.csv:2: applies_to 'acme-x3' is not in"),
    ],
)
def test_a_wrong_cell_is_named_with_file_and_line_and_nothing_is_loaded(empty, folder, table, before, after, message):
    shipped = (folder / f"{table}.csv").read_bytes()
    assert before in shipped
    (folder / f"{table}.csv").write_bytes(shipped.replace(before, after, 1))

    with pytest.raises(ConfigError, match=message):
        load_reference(empty)

    assert set(row_counts(empty).values()) == {0}


# ---------------------------------------------------------------- files that change


def test_a_new_price_in_a_new_file_supersedes_the_old_one(empty, folder):
    load_reference(empty)

    again(empty, folder, "cloud_prices", [OFFER | {"ondemand_usd_per_gpu_hour": 2, "as_of": "2026-12-01"}])

    assert offers(empty) == [(2.5, "shipped", "2026-12-01"), (2, "shipped", None)]


def test_a_corrected_cell_of_the_same_day_takes_the_place_of_the_wrong_one(empty, folder):
    wrong = OFFER | {"price_date": "2026-09-01"}
    again(empty, folder, "cloud_prices", [wrong])

    again(empty, folder, "cloud_prices", [wrong | {"price_date": "2026-03-01"}])

    assert empty.execute("SELECT price_date, superseded_at FROM cloud_prices ORDER BY 1").fetchall() == [
        ("2026-03-01", None), ("2026-09-01", "2026-11-01"),
    ]  # fmt: skip


def test_a_corrected_cell_holds_although_other_rows_were_read_later(empty, folder):
    wrong = OFFER | {"price_date": "2026-09-01"}
    again(empty, folder, "cloud_prices", [wrong])

    newer = OFFER | {"region": "south", "as_of": "2026-12-01"}
    again(empty, folder, "cloud_prices", [wrong | {"price_date": "2026-03-01"}, newer])

    held = "SELECT region, price_date FROM cloud_prices WHERE superseded_at IS NULL ORDER BY region"
    assert empty.execute(held).fetchall() == [("north", "2026-03-01"), ("south", None)]


def test_a_row_that_a_new_file_lacks_ends_and_may_come_back(empty, folder):
    other = OFFER | {"region": "south", "as_of": "2026-10-01"}
    again(empty, folder, "cloud_prices", [OFFER, other])

    again(empty, folder, "cloud_prices", [OFFER])
    ended = empty.execute("SELECT region, superseded_at FROM cloud_prices ORDER BY 1").fetchall()
    assert ended == [("north", None), ("south", "2026-11-01")]

    again(empty, folder, "cloud_prices", [OFFER, other | {"as_of": "2026-12-01"}])
    held = empty.execute("SELECT region FROM cloud_prices WHERE superseded_at IS NULL ORDER BY 1").fetchall()
    assert held == [("north",), ("south",)]


def test_going_back_to_the_file_before_brings_its_rows_back(empty, folder):
    load_reference(empty)
    before = dump_rows(empty)

    again(empty, folder, "cloud_prices", [OFFER | {"ondemand_usd_per_gpu_hour": 2}])
    again(empty, folder, "cloud_prices", [OFFER])

    assert [(price, end) for price, _, end in offers(empty) if end is None] == [(2.5, None)]
    after = dump_rows(empty)
    assert {table for table in after if after[table] != before[table]} == {"cloud_prices"}


def test_a_file_with_the_same_values_and_a_later_day_moves_the_day_alone(empty, folder):
    load_reference(empty)
    before = empty.execute("SELECT id FROM cloud_prices").fetchall()

    again(empty, folder, "cloud_prices", [OFFER | {"as_of": "2026-12-01", "note": "read again"}])

    assert empty.execute("SELECT id FROM cloud_prices").fetchall() == before
    assert empty.execute("SELECT as_of, note, superseded_at FROM cloud_prices").fetchall() == [
        ("2026-12-01", "read again", None)
    ]


def test_what_was_refreshed_or_imported_stays_when_files_change(empty, folder):
    load_reference(empty)
    refreshed = OFFER | {"ondemand_usd_per_gpu_hour": 2.2, "as_of": "2026-12-01"}
    write_rows(empty, "cloud_prices", [refreshed], origin="a-list")
    write_rows(empty, "cloud_prices", [OFFER | {"region": "own"}], origin="import:mine")

    again(empty, folder, "cloud_prices", [OFFER | {"ondemand_usd_per_gpu_hour": 2.4, "as_of": "2026-11-20"}])

    held = "SELECT ondemand_usd_per_gpu_hour, origin FROM cloud_prices WHERE superseded_at IS NULL ORDER BY region"
    assert empty.execute(held).fetchall() == [(2.2, "a-list"), (2.5, "import:mine")]

    again(empty, folder, "cloud_prices", [OFFER | {"ondemand_usd_per_gpu_hour": 2.1, "as_of": "2026-12-20"}])
    assert empty.execute(held).fetchall() == [(2.1, "shipped"), (2.5, "import:mine")]


def test_an_offer_that_ended_on_the_day_of_its_reading_stays_ended_when_other_files_change(empty, folder):
    load_reference(empty)
    end_rows(empty, "cloud_prices", [row for (row,) in empty.execute("SELECT id FROM cloud_prices")], on="2026-11-01")

    again(empty, folder, "grid_carbon", [CARBON | {"g_co2e_per_kwh": 1}])

    assert offers(empty) == [(2.5, "shipped", "2026-11-01")]


def test_a_part_that_a_new_file_lacks_stays_for_the_rows_that_name_it(empty, folder):
    load_reference(empty)

    (folder / "accelerators.csv").write_bytes(content("accelerators", [PART | {"id": "acme-x1-sxm"}]))
    for table in ("accelerator_facts", "cloud_prices", "hardware_prices"):
        (folder / f"{table}.csv").write_bytes(content(table, []))
    load_reference(empty)

    assert empty.execute("SELECT id, memory_gb FROM accelerators ORDER BY id").fetchall() == [
        ("acme-x1-pcie", None), ("acme-x1-sxm", None),
    ]  # fmt: skip
    assert [end for _, _, end in offers(empty)] == ["2026-11-01"]
    assert empty.execute("PRAGMA foreign_key_check").fetchall() == []


@pytest.mark.usefixtures("folder")
def test_quoted_prices_are_judged_anew_when_prices_change():
    db = make_db()
    load_reference(db)
    quote = Price("$60", 60, None, "USD", "gpu-hour", None, None, "It costs $60.", "text", 0, 3, None)
    save(db, article("a", tagging=Tagging(prices=(quote,), tagger_version="1", taxonomy_version="t")))
    before = db.execute("SELECT implausible FROM prices").fetchall()

    write_rows(db, "cloud_prices", [OFFER | {"region": "south", "ondemand_usd_per_gpu_hour": 50}], origin="import:mine")

    assert (before, db.execute("SELECT implausible FROM prices").fetchall()) == ([(1,)], [(0,)])
    db.close()


# ---------------------------------------------------------------- parts from facts


def test_the_row_of_a_part_has_the_facts_in_use_their_sources_and_where_others_differ():
    facts = [
        FACT,
        FACT | {"fact": "bandwidth_gbs", "value": "2000", "unit": "GB/s", "as_of": "2026-11-05"},
        FACT | {"fact": "tdp_w", "value": "400", "unit": "W", "source": "b"},
        FACT | {"value": "96", "standing": "differs", "source": "b"},
        FACT | {"value": "9600", "standing": "rejected", "source": "c"},
        FACT | {"fact": "tdp_w", "value": "450", "unit": "W", "standing": "differs", "source": "c"},
        FACT | {"fact": "launch_price_usd", "value": "9000", "unit": "USD", "source": "b", "note": "list price"},
    ]

    row = wide_row(PART | {"quality_note": None}, facts, FAMILY)

    assert (row["memory_gb"], row["bandwidth_gbs"], row["tdp_w"], row["fp8_dense_tflops"]) == (80, 2000, 400, None)
    assert (row["launch_price_usd"], row["price_note"]) == (9000, "list price")
    assert row["status"] == "unknown"
    assert row["sources"] == "memory_gb,bandwidth_gbs: https://example.org/a | tdp_w,launch_price_usd: b"
    assert row["conflicts"] == "memory_gb: 80 (https://example.org/a) | 96 (b); tdp_w: 400 (b) | 450 (c)"
    assert row["as_of"] == "2026-11-05"


def test_a_part_of_which_nothing_is_known_has_source_and_day_of_its_family():
    row = wide_row(PART | {"quality_note": None}, [], FAMILY)

    assert (row["sources"], row["as_of"], row["status"], row["conflicts"]) == (*READ.values(), "unknown", None)


def test_parts_follow_facts_that_are_imported_and_keep_them_when_other_files_change(empty, folder):
    load_reference(empty)
    assert empty.execute("SELECT memory_gb FROM accelerators").fetchone() == (80,)

    write_rows(empty, "accelerator_facts", [FACT | {"value": "96", "as_of": "2026-12-01"}], origin="import:mine")
    again(empty, folder, "grid_carbon", [CARBON | {"g_co2e_per_kwh": 1}])
    again(empty, folder, "accelerators", [PART | {"name": "Acme X1 card"}])

    assert empty.execute("SELECT name, memory_gb FROM accelerators").fetchone() == ("Acme X1 card", 96)


def test_a_fact_that_is_implausible_is_in_no_row_of_a_part(empty, folder):
    hot = FACT | {"fact": "tdp_w", "value": "9000", "unit": "W", "implausible": "too much"}

    again(empty, folder, "accelerator_facts", [FACT, hot])

    assert empty.execute("SELECT memory_gb, tdp_w FROM accelerators").fetchone() == (80, None)


# ---------------------------------------------------------------- older databases


def test_a_database_of_the_old_schema_gets_the_new_tables_filled(tmp_path):
    path = tmp_path / "news.db"
    old = Database(path)
    MIGRATIONS.apply(old, stop_before="m013_reference")
    with old.conn:
        old.execute(
            "INSERT INTO accelerator_families VALUES ('nvidia-h100', 'x', 'product', 'x', 'x', NULL, '2026-01-01')"
        )
        old.execute("INSERT INTO accelerators (id, family_id, vendor, name, segment, sources, as_of)"
                    " VALUES ('a-part', 'nvidia-h100', 'x', 'x', 'x', 'x', 'x')")  # fmt: skip
        old.execute("INSERT INTO reference_files VALUES ('accelerators.csv', 'x', 1)")
    old.close()

    db = connect(path)
    load_reference(db)

    fresh = connect(":memory:")
    load_reference(fresh)
    assert dump_rows(db) == dump_rows(fresh)
    assert db.execute("SELECT name FROM accelerator_families WHERE id = 'nvidia-h100'").fetchone() != ("x",)
    db.close()
    fresh.close()


# ---------------------------------------------------------------- showing


def test_a_part_is_shown_with_each_fact_each_price_and_its_source(empty, folder):
    said = [FACT, FACT | {"value": "96", "standing": "differs", "source": "b"}]
    dear = OFFER | {"region": "south", "ondemand_usd_per_gpu_hour": 400, "implausible": "too high"}
    spot = OFFER | {"region": "west", "ondemand_usd_per_gpu_hour": None, "spot_usd_per_gpu_hour": 1}
    old = OFFER | {"region": "east", "superseded_at": "2026-11-10"}
    again(empty, folder, "accelerator_facts", said)
    again(empty, folder, "cloud_prices", [dear, spot, old, OFFER])
    again(empty, folder, "hardware_prices", [SERVER | {"price_date": "2025"}, SERVER | {"accelerator_id": None}])

    [part] = describe("acme-x1", empty)

    assert describe("acme-x1-pcie", empty) == [part] == describe("acme-x1-pcie")
    assert part["memory_gb"] == 80
    assert [(fact["value"], fact["standing"], fact["source"]) for fact in part["facts"]] == [
        ("80", "used", "https://example.org/a"), ("96", "differs", "b"),
    ]  # fmt: skip
    assert [(offer["region"], offer["implausible"]) for offer in part["cloud_prices"]] == [
        ("north", None), ("west", None), ("south", "too high"),
    ]  # fmt: skip
    assert [(price["accelerator_id"], price["price_date"]) for price in part["hardware_prices"]] == [
        (None, "2026-05"), ("acme-x1-pcie", "2025"),
    ]  # fmt: skip
    assert {"source", "as_of", "note"} <= part["facts"][0].keys() & part["cloud_prices"][0].keys()
    assert json.loads(json.dumps([part])) == [part]


def test_shipped_parts_are_shown_without_a_database():
    family = describe("nvidia-h100")
    [part] = describe("nvidia-h100-sxm5-80gb")

    assert part in family
    assert len(family) > 1
    prices = [row["ondemand_usd_per_gpu_hour"] for row in part["cloud_prices"] if not row["implausible"]]
    known = [price for price in prices if price is not None]
    assert known == sorted(known) != []
    assert {fact["fact"] for fact in part["facts"] if fact["standing"] == "used"} >= {"memory_gb", "tdp_w"}
    assert all(fact["source"] for fact in part["facts"])


def test_describe_names_the_nearest_accelerator():
    with pytest.raises(InputError, match="did you mean 'nvidia-h100'"):
        describe("nvidia-h1000")
    with pytest.raises(InputError, match="aiwire reference show nvidia-h100"):
        describe("???")
