"""Offers of a catalogue as rows: every offer is a row, part of one, or a name that no part has."""

from hypothesis import given
from hypothesis import strategies as st

from aiwire.pipeline.prices.catalogs import read_offers
from aiwire.types import Catalog, Offer, SkippedRow
from db.reference.names import Part
from db.reference.tables import TABLES, key_of

PARTS = {
    "H100": Part("nvidia-h100-sxm5-80gb", "form factor not said: taken as SXM"),
    "H100 SXM": Part("nvidia-h100-sxm5-80gb"),
}


def offer(name="H100 SXM", price=2.5, **values):
    return Offer(**{"provider": "aws", "instance_type": "p5", "region": "r", "accelerator": name, "memory_gb": 80.0,
                    "gpu_count": 8, "ondemand": price} | values)  # fmt: skip


def read(*offers, skipped=()):
    catalog = Catalog(offers, skipped, rows=len(offers) + len(skipped))
    return read_offers(catalog, lambda one: PARTS.get(one.accelerator), source="https://x.example", as_of="2026-12-01")


def test_a_row_has_the_columns_of_its_table_but_for_what_follows_later():
    (row,) = read(offer()).rows

    assert row.keys() == TABLES["cloud_prices"].keys() - {"superseded_at", "implausible"}


def test_what_was_assumed_of_a_part_is_in_the_note_with_what_the_catalogue_says():
    (row,) = read(offer("H100", note="zones merged")).rows

    assert row["note"] == "zones merged; form factor not said: taken as SXM"


def test_an_unknown_name_is_counted_and_reasons_of_skipped_rows_are():
    found = read(offer("HAL"), offer("HAL"), skipped=(SkippedRow(3, "no price"), SkippedRow(4, "no price")))

    assert (found.rows, found.unknown, found.skipped, found.total) == ([], {"HAL": 2}, {"no price": 2}, 4)


def test_the_cheapest_of_several_counts_and_one_without_price_on_demand_comes_last():
    (row,) = read(offer(price=None, spot=0.5), offer(price=3.0), offer("H100", price=2.0)).rows

    assert row["ondemand_usd_per_gpu_hour"] == 2.0
    assert "the cheapest of 3 offers" in row["note"]


def test_the_same_offer_twice_is_one_without_a_word():
    (row,) = read(offer(), offer()).rows

    assert row["note"] is None


@given(
    st.lists(
        st.builds(
            offer, st.sampled_from(["H100", "H100 SXM", "HAL"]), st.one_of(st.none(), st.floats(0.1, 50)),
            region=st.sampled_from(["a", "b", None]), gpu_count=st.sampled_from([1, 8]),
        )
    )
)  # fmt: skip
def test_rows_have_different_keys_and_the_lowest_price_of_theirs(offers):
    found = read(*offers)

    keys = [key_of("cloud_prices", row) for row in found.rows]
    assert len(set(keys)) == len(keys)
    assert sum(found.unknown.values()) == sum(one.accelerator == "HAL" for one in offers)
    for row in found.rows:
        alike = [
            one.ondemand for one in offers
            if one.accelerator != "HAL" and (one.region, one.gpu_count) == (row["region"], row["gpu_count"])
        ]  # fmt: skip
        assert row["ondemand_usd_per_gpu_hour"] == min((p for p in alike if p is not None), default=None)
