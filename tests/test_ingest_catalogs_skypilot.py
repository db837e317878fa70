"""The SkyPilot catalogue: every trap of its files that was seen."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from price_catalogs import SKYPILOT_COLUMNS, gpu_info, skypilot_csv, skypilot_row

from aiwire.exceptions import ParseError
from aiwire.types import Catalog
from ingest.catalogs import skypilot

URL = "https://prices.example.org/v9/x/vms.csv"


def _read(*rows, provider="acme", columns=SKYPILOT_COLUMNS):
    return skypilot.read(skypilot_csv(*rows, columns=columns), provider=provider, url=URL)


def _one(row, provider="acme"):
    catalog = _read(row, provider=provider)
    assert len(catalog.offers) == 1, catalog.skipped
    return catalog.offers[0]


def _reasons(catalog):
    return [row.reason for row in catalog.skipped]


def test_a_price_of_an_instance_becomes_a_price_per_accelerator():
    offer = _one(skypilot_row("big.8x", "H100", "8.0", "24.08", spot="9.64", mib=81_920))

    assert (offer.provider, offer.instance_type, offer.region) == ("acme", "big.8x", "north-1")
    assert (offer.accelerator, offer.memory_gb, offer.gpu_count) == ("H100", 80.0, 8)
    assert (offer.ondemand, offer.spot) == (3.01, 1.205)
    assert (offer.reserved_1y, offer.price_date, offer.note) == (None, None, None)


def test_the_order_of_the_columns_and_the_optional_ones_do_not_matter():
    row = skypilot_row("a.1x", "L4", "1", "0.7", mib=24_576)
    few = ("SpotPrice", "Region", "Price", "AcceleratorCount", "AcceleratorName", "InstanceType")

    assert _read(row, columns=few).offers[0].ondemand == 0.7
    assert _read(row, columns=few).offers[0].memory_gb is None
    assert _read(row, columns=tuple(reversed(SKYPILOT_COLUMNS))).offers == _read(row).offers


def test_rows_without_an_accelerator_are_no_loss():
    catalog = _read(skypilot_row("cpu.4", price="0.2"), skypilot_row("a.1x", "L4", "1", "0.7"))

    assert (len(catalog.offers), catalog.skipped, catalog.rows) == (1, (), 2)


def test_zones_become_their_region_with_the_lowest_spot_price():
    catalog = _read(
        *(skypilot_row("a.8x", "H100", "8", "32", spot=spot, zone=zone) for spot, zone in [("16", "a"), ("12", "b")]),
        skypilot_row("a.8x", "H100", "8", "40", spot="", region="south-1"),
    )

    assert [(o.region, o.ondemand, o.spot, o.note) for o in catalog.offers] == [
        ("north-1", 4.0, 1.5, None),
        ("south-1", 5.0, None, None),
    ]


def test_different_prices_on_demand_in_a_region_are_said():
    rows = [skypilot_row("a.1x", "L4", "1", price, zone=price) for price in ("0.9", "0.7", "0.7")]
    offer = _read(*rows).offers[0]

    assert (offer.ondemand, offer.note) == (0.7, "several on-demand prices in the region: the lowest is taken")


@pytest.mark.parametrize(
    ("spot", "expected", "note"),
    [
        pytest.param("0.00", None, None, id="zero-is-not-said"),
        pytest.param("", None, None, id="blank"),
        pytest.param("2.0", None, "spot price equal to on-demand, so no discount is said: left out", id="equal"),
        pytest.param("2.5", None, "spot price above on-demand: left out", id="above"),
        pytest.param("1.99", 1.99, None, id="below"),
    ],
)
def test_a_spot_price_is_taken_only_if_it_says_something(spot, expected, note):
    offer = _one(skypilot_row("a.1x", "L4", "1", "2.0", spot=spot))

    assert (offer.ondemand, offer.spot, offer.note) == (2.0, expected, note)


def test_what_is_sold_out_keeps_its_spot_price():
    catalog = _read(
        skypilot_row("a.2x", "B300", "2", "", spot="4.8"),
        skypilot_row("a.4x", "B300", "4", "", spot=""),
    )

    assert [(o.gpu_count, o.ondemand, o.spot) for o in catalog.offers] == [(2, None, 2.4)]
    assert _reasons(catalog) == ["no price: sold out, or not sold by the hour"]


def test_the_same_row_twice_is_one_offer():
    row = skypilot_row("a.1x", "L4", "1", "0.7", mib=24_576)

    assert len(_read(row, row).offers) == 1


def test_google_cloud_prices_machine_and_accelerators_apart_so_neither_is_an_offer():
    catalog = _read(
        skypilot_row("a3-highgpu-8g", price="9.46", spot="5.1"),
        skypilot_row("", "H100", "8", "58.4", mib=81_920),
        provider="gcp",
    )

    assert catalog.offers == ()
    assert _reasons(catalog) == [skypilot.NO_HOST]


def test_tpu_slices_are_whole_and_count_chips():
    catalog = _read(
        skypilot_row("", "tpu-v5p-3840", "1", "8064", info="tpu-v5p-3840"),
        skypilot_row("", "tpu-v6e-64", "1", "172.8", info="tpu-v6e-64"),
        skypilot_row("", "tpu-v9-8", "1", "10", info="tpu-v9-8"),
        provider="gcp",
    )

    assert [(o.instance_type, o.accelerator, o.gpu_count, o.ondemand) for o in catalog.offers] == [
        ("tpu-v5p-3840", "tpu-v5p", 1920, 4.2),
        ("tpu-v6e-64", "tpu-v6e", 64, 2.7),
    ]
    assert _reasons(catalog) == ["tpu-v9-8: it is not known whether the number counts cores or chips"]


def test_a_price_that_slices_of_different_sizes_share_is_a_placeholder():
    catalog = _read(
        *(skypilot_row("", f"tpu-v6e-{n}", "1", "700.0", spot="700.0", region="east-1") for n in (64, 128)),
        *(skypilot_row("", f"tpu-v6e-{n}", "1", str(n * 2.7), spot="700.0", region="west-1") for n in (64, 128)),
        skypilot_row("", "tpu-v6e-256", "1", "700.0", region="south-1"),
        provider="gcp",
    )

    assert [(o.region, o.gpu_count, o.ondemand, o.spot) for o in catalog.offers] == [
        ("west-1", 64, 2.7, None),
        ("west-1", 128, 2.7, None),
        ("south-1", 256, 2.734375, None),  # of one size: the plausibility rules judge it
    ]
    assert _reasons(catalog) == [skypilot.PLACEHOLDER] * 2
    assert catalog.offers[0].note == f"spot price left out: {skypilot.PLACEHOLDER}"


@pytest.mark.parametrize(
    ("provider", "count", "info", "memory"),
    [
        pytest.param("acme", "8", gpu_info("H100", 8, 81_920), 80.0, id="python"),
        pytest.param("acme", "8", json.dumps({"Gpus": [{"MemoryInfo": {"SizeInMiB": 81_920}}]}), 80.0, id="json"),
        pytest.param("acme", "8", "{'Gpus': [{'Maker': null, 'MemoryInfo': {'SizeInMiB': 81920}}]}", 80.0, id="both"),
        pytest.param("vast", "4", gpu_info("H100", 4, 326_236), 79.6, id="of-all-of-them"),
        pytest.param("acme", "1", gpu_info("A100", 1, 80), 80.0, id="gigabytes"),
        pytest.param("nebius", "1", gpu_info("H100", 1, 0), None, id="zero"),
        pytest.param("acme", "1", "H100:80GB", None, id="another-format"),
        pytest.param("acme", "1", "[" * 3_000, None, id="nested"),
        pytest.param("acme", "1", "", None, id="blank"),
    ],
)
def test_memory_is_of_one_accelerator_whatever_the_provider_writes(provider, count, info, memory):
    assert _one(skypilot_row("a", "H100", count, "9", info=info), provider).memory_gb == memory


@pytest.mark.parametrize(
    ("instance", "name"),
    [
        ("4x-RTX_4070S_Ti-32-65536", "RTX_4070S_Ti"),
        ("vastv2-1x-H100_NVL-95830-4-8192", "H100_NVL"),
        ("8x-RTX-5090-32-65536", "RTX-5090"),
        ("something else", "RTX4070"),
    ],
)
def test_vast_has_the_exact_name_in_the_instance_type(instance, name):
    assert _one(skypilot_row(instance, "RTX4070", "4", "0.8"), "vast").accelerator == name


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (skypilot_row("a", "L4", "0.5", "1"), "a part of an accelerator: count 0.5"),
        (skypilot_row("a", "L4", "", "1"), "no count of accelerators"),
        (skypilot_row("a", "L4", "-1", "1"), "count -1 of accelerators"),
        (skypilot_row("a", "L4", "1", "-2"), "negative price -2"),
        (skypilot_row("a", "L4", "1", "inf"), "no price: 'inf'"),
        (skypilot_row("a", "L4", "1", "free"), "no price: 'free'"),
        (skypilot_row("a", "L4", "1", "1", region="x" * 300), f"no usable region: {'x' * 40!r}"),
    ],
)
def test_a_row_that_is_no_offer_is_named(row, reason):
    catalog = _read(row, skypilot_row("good", "L4", "1", "1"))

    assert [offer.instance_type for offer in catalog.offers] == ["good"]
    assert [(row.line, row.reason) for row in catalog.skipped] == [(2, reason)]


def test_prices_that_may_not_be_dollars_are_left_out():
    catalog = _read(skypilot_row("a", "L4", "1", "0.38"), skypilot_row("cpu", price="0.1"), provider="seeweb")

    assert catalog.offers == ()
    assert _reasons(catalog) == ["the currency of the price is not said, and it may not be the US dollar"]


def test_providers_have_one_slug():
    assert _one(skypilot_row("a", "L4", "1", "1"), "datacrunch").provider == "verda"
    assert _one(skypilot_row("a", "L4", "1", "1"), "DO").provider == "digitalocean"


NUMBERS = st.floats().map(repr) | st.integers(-1, 10**9).map(str) | st.sampled_from(["", "0.00", "nan", "1e-9"])
ROWS = st.builds(
    lambda instance, name, count, price, spot, region, info: skypilot_row(
        instance, name, count, price, spot=spot, region=region, info=info
    ),
    st.sampled_from(["", "a.1x", "b.8x"]) | st.text(max_size=10),
    st.sampled_from(["", "H100", "tpu-v6e-8", "tpu-v5p-16", "tpu-x"]) | st.text(max_size=10),
    st.integers(0, 16).map(str) | NUMBERS,
    NUMBERS,
    NUMBERS,
    st.sampled_from(["", "north-1", "south-1"]),
    st.sampled_from([gpu_info("H100", 1, 81_920), "", "{"]) | st.text(max_size=20),
)
PROVIDERS = st.sampled_from(["aws", "gcp", "vast", "seeweb"])


@given(st.lists(ROWS, max_size=8), PROVIDERS)
def test_whatever_the_rows_say_offers_have_prices_that_can_be(rows, provider):
    try:
        catalog = _read(*rows, provider=provider)
    except ParseError:  # control characters in the text
        return
    for offer in catalog.offers:
        prices = [price for price in (offer.ondemand, offer.spot) if price is not None]
        assert prices
        assert all(0 < price <= 1_000_000 for price in prices)
        assert offer.gpu_count > 0
        assert offer.ondemand is None or offer.spot is None or offer.spot < offer.ondemand
    keys = [(o.instance_type, o.region, o.accelerator, o.memory_gb, o.gpu_count) for o in catalog.offers]
    assert len(keys) == len(set(keys))


@given(st.integers(1, 16), st.decimals("0.01", "500", places=4))
def test_price_per_accelerator_times_count_is_the_price_of_the_instance(count, price):
    offer = _one(skypilot_row("a", "H100", str(count), str(price)))

    assert offer.ondemand * count == pytest.approx(float(price), abs=count * 5.1e-7)


@given(st.binary() | st.binary().map(lambda tail: skypilot_csv() + tail), PROVIDERS)
def test_any_bytes_are_a_catalog_or_a_parse_error(body, provider):
    with contextlib.suppress(ParseError):
        assert isinstance(skypilot.read(body, provider=provider, url=URL), Catalog)
