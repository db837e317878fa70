"""The reference tables: whole, plausible, each figure with its source."""

import csv
import re
from importlib import resources
from pathlib import Path

import pytest

from aiwire.exceptions import AiwireError, ConfigError
from db import reference
from db.connection import connect
from db.dump import dump_rows
from db.reference import TABLES, describe, load_reference, row_counts

SHARED = Path(__file__).resolve().parents[1].parent / "shared"


@pytest.fixture(scope="module")
def rows():
    loaded = connect(":memory:")
    load_reference(loaded)
    found = {table: list(loaded.query(f"SELECT * FROM {table}")) for table in TABLES}
    loaded.close()
    return found


@pytest.fixture
def empty():
    database = connect(":memory:")
    yield database
    database.close()


def test_all_files_are_loaded_and_loading_again_changes_nothing(empty):
    load_reference(empty)
    before, changes = dump_rows(empty), empty.conn.total_changes

    load_reference(empty)

    assert row_counts(empty) == {"accelerator_families": 162, "accelerators": 216, "cloud_prices": 188}
    assert (dump_rows(empty), empty.conn.total_changes) == (before, changes)
    assert empty.execute("PRAGMA foreign_key_check").fetchall() == []


def test_a_changed_file_is_loaded_anew(empty, monkeypatch):
    load_reference(empty)
    content = reference._bytes
    changed = content("accelerators").replace(b"Tesla P40,", b"Tesla P40 (changed),", 1)
    monkeypatch.setattr(reference, "_bytes", lambda t: changed if t == "accelerators" else content(t))

    load_reference(empty)

    assert empty.execute("SELECT name FROM accelerators WHERE id = 'nvidia-p40'").fetchone() == ("Tesla P40 (changed)",)
    assert row_counts(empty)["accelerators"] == 216


@pytest.mark.parametrize(
    ("table", "before", "after", "message"),
    [
        ("accelerators", b",nvidia-p40,", b",nvidia-p41,", r"accelerators.csv:2: family_id 'nvidia-p41' is not in"),
        ("accelerators", b",24,GDDR5", b",0,GDDR5", r"accelerators.csv:2: memory_gb '0': must be greater than 0"),
        ("accelerators", b",24,GDDR5", b",24 GB,GDDR5", r"accelerators.csv:2: memory_gb '24 GB': could not convert"),
        ("accelerators", b"nvidia-p100-pcie-16gb,", b"nvidia-p40,", r"csv:3: the id 'nvidia-p40' was there before"),
        ("accelerators", b"id,family_id", b"id,family", r"accelerators.csv:1: the columns must be id, family_id"),
        ("cloud_prices", b"sxm4-40gb,8", b"sxm4-40gb,0", r"cloud_prices.csv:2: gpu_count '0': must be 1 or more"),
        ("cloud_prices", b"aws,nvidia-a100", b",nvidia-a100", r"cloud_prices.csv:2: provider must not be empty"),
        ("cloud_prices", b"aws,nvidia-a100-sxm4-40gb,8", b"aws,8", r"cloud_prices.csv:2: must have 13 cells"),
    ],
)  # fmt: skip
def test_a_wrong_cell_is_named_with_file_and_line_and_nothing_is_loaded(
    empty, monkeypatch, table, before, after, message
):
    content = reference._bytes
    assert before in content(table)
    monkeypatch.setattr(
        reference, "_bytes", lambda t: content(t).replace(before, after, 1) if t == table else content(t)
    )

    with pytest.raises(ConfigError, match=message):
        load_reference(empty)

    assert set(row_counts(empty).values()) == {0}


def test_ids_are_slugs_and_families_are_of_the_parts_vendor(rows):
    families = {row["id"]: row for row in rows["accelerator_families"]}
    for row in [*families.values(), *rows["accelerators"]]:
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", row["id"])
    for part in rows["accelerators"]:
        assert part["vendor"] == families[part["family_id"]]["vendor"]
    assert {row["kind"] for row in families.values()} == {"product", "series", "architecture", "system"}


RANGES = {
    "memory_gb": (0.2, 600),
    "bandwidth_gbs": (30, 22e6),  # the wafers' on-chip memory is the upper end
    "fp16_bf16_dense_tflops": (5, 20_000),
    "fp8_dense_tflops": (50, 40_000),
    "fp4_dense_tflops": (500, 50_000),
    "int8_dense_tops": (10, 10_000),
    "tdp_w": (5, 2000),
    "launch_price_usd": (200, 60_000),
}


@pytest.mark.parametrize("column", RANGES)
def test_figures_are_plausible(rows, column):
    low, high = RANGES[column]
    values = [row[column] for row in rows["accelerators"] if row[column] is not None]

    assert len(values) >= 10
    assert [v for v in values if not low <= v <= high] == []


def test_lower_precision_is_never_slower(rows):
    for row in rows["accelerators"]:
        rates = [row[c] for c in ("fp16_bf16_dense_tflops", "fp8_dense_tflops", "fp4_dense_tflops") if row[c]]
        assert rates == sorted(rates), row["id"]


def test_dates_are_iso(rows):
    for row in rows["accelerators"]:
        assert re.fullmatch(r"20\d\d(-\d\d-\d\d)?", row["release_date"] or "2026"), row["id"]
    for row in rows["cloud_prices"]:
        assert re.fullmatch(r"20\d\d-\d\d-\d\d", row["price_date"] or row["as_of"])


def test_every_figure_has_a_source(rows):
    fields = {"memory_gb": "memory_gb", "bandwidth_gbs": "bandwidth_gbs", "tdp_w": "tdp", "launch_price_usd": "price",
              "release_date": "release", "fp16_bf16_dense_tflops": "fp16", "fp8_dense_tflops": "fp8",
              "fp4_dense_tflops": "fp4", "int8_dense_tops": "int8"}  # fmt: skip
    for row in rows["accelerators"]:
        named = {field for part in row["sources"].split(" | ") for field in part.split(":")[0].split(",")}
        missing = {column for column, field in fields.items() if row[column] is not None and field not in named}
        assert missing == set(), row["id"]
        assert (row["launch_price_usd"] is None) == (row["price_note"] is None), row["id"]


def test_cloud_prices_are_plausible_and_dated_to_a_commit(rows):
    for row in rows["cloud_prices"]:
        prices = [p for p in (row["ondemand_usd_per_gpu_hour"], row["spot_usd_per_gpu_hour"]) if p is not None]
        assert prices
        assert all(0.01 <= price <= 120 for price in prices)
        assert re.fullmatch(r"[0-9a-f]{40}", row["source_commit"])
    keys = [
        tuple(row[c] for c in ("provider", "accelerator_id", "gpu_count", "instance_type", "region"))
        for row in rows["cloud_prices"]
    ]
    assert len(keys) == len(set(keys))


def test_spot_is_not_above_on_demand_by_more_than_rounding(rows):
    for row in rows["cloud_prices"]:
        if row["spot_usd_per_gpu_hour"] and row["ondemand_usd_per_gpu_hour"]:
            assert row["spot_usd_per_gpu_hour"] <= row["ondemand_usd_per_gpu_hour"] + 0.0001


def test_describe_shows_a_part_or_a_family_with_its_offers():
    family = describe("nvidia-h100")
    [part] = describe("nvidia-h100-sxm5-80gb")

    assert part in family
    assert len(family) > 1
    prices = [
        offer["ondemand_usd_per_gpu_hour"] for offer in part["cloud_prices"] if offer["ondemand_usd_per_gpu_hour"]
    ]
    assert prices == sorted(prices) != []
    offer = part["cloud_prices"][0]
    assert offer["source"].startswith("https://github.com/")
    assert {"price_date", "read_on"} <= set(offer)
    assert "as_of" not in offer


@pytest.mark.parametrize(
    ("part", "column", "value"),
    [
        ("nvidia-a100-sxm4-40gb", "memory_type", "HBM2"),
        ("nvidia-a100-sxm4-80gb", "memory_type", "HBM2e"),
        ("nvidia-h100-pcie-80gb", "memory_type", "HBM2e"),
        ("nvidia-b300-sxm", "int8_dense_tops", None),
        ("nvidia-a800-pcie-80gb", "tdp_w", 300.0),
    ],
)
def test_figures_that_a_source_has_wrong_are_mended_with_a_note(part, column, value):
    [row] = describe(part)

    assert row[column] == value
    assert row["quality_note"] or part == "nvidia-a100-sxm4-80gb"


def test_every_family_says_where_it_is_from_and_has_parts_or_a_note(rows):
    with_parts = {row["family_id"] for row in rows["accelerators"]}

    for row in rows["accelerator_families"]:
        assert row["source"]
        assert re.fullmatch(r"20\d\d-\d\d-\d\d", row["as_of"])
        assert (row["id"] in with_parts) != bool(row["note"]), row["id"]


def test_describe_names_the_nearest_accelerator():
    with pytest.raises(AiwireError, match="did you mean 'nvidia-h100'"):
        describe("nvidia-h1000")
    with pytest.raises(AiwireError, match="aiwire reference show nvidia-h100"):
        describe("???")


def test_the_files_are_plain_csv_with_line_feeds():
    for table in TABLES:
        content = resources.files("db.reference").joinpath(f"{table}.csv").read_bytes()
        assert b"\r" not in content
        assert content.endswith(b"\n")


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs ../shared, which users do not have")
def test_all_parts_and_families_of_the_collection_are_there(rows):
    with (SHARED / "reference" / "part_families.csv").open(encoding="utf-8") as file:
        wanted = {(row["accelerator_id"], row["family_id"]) for row in csv.DictReader(file)}
    with (SHARED / "reference" / "families.csv").open(encoding="utf-8") as file:
        families = {row["family_id"] for row in csv.DictReader(file)}

    assert {(row["id"], row["family_id"]) for row in rows["accelerators"]} == wanted
    assert {row["id"] for row in rows["accelerator_families"]} == families
