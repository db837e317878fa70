"""The gpuhunt catalogue: a zip archive with one CSV file, and every trap of the code that writes it."""

import contextlib
import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st
from price_catalogs import gpuhunt_csv, gpuhunt_row, zipped

from aiwire.exceptions import ParseError
from aiwire.types import Catalog
from ingest.catalogs import gpuhunt

URL = "https://prices.example.org/v3/aws/latest/catalog.zip"


def _read(*rows, provider="aws"):
    return gpuhunt.read(zipped(any=gpuhunt_csv(*rows)), provider=provider, url=URL)


def _reasons(catalog):
    return [row.reason for row in catalog.skipped]


def test_spot_and_on_demand_rows_become_one_offer_per_accelerator():
    catalog = _read(
        gpuhunt_row("p9.8x", "H100", 8, 24.08, memory=80.0),
        gpuhunt_row("p9.8x", "H100", 8, 9.64, memory=80.0, spot=True),
        gpuhunt_row("cpu.large", "", 0, 0.2),
    )

    (offer,) = catalog.offers
    assert (offer.provider, offer.instance_type, offer.region) == ("aws", "p9.8x", "north-1")
    assert (offer.accelerator, offer.memory_gb, offer.gpu_count) == ("H100", 80.0, 8)
    assert (offer.ondemand, offer.spot, offer.note) == (3.01, 1.205, None)
    assert (catalog.rows, catalog.skipped) == (3, ())


def test_a_spot_price_alone_is_an_offer():
    assert _read(gpuhunt_row("a", "L4", 1, 0.3, spot=True)).offers[0].ondemand is None


def test_the_csv_file_alone_is_read_too():
    rows = gpuhunt_csv(gpuhunt_row("a", "L4", 1, 0.7, memory=24.0))

    assert gpuhunt.read(rows, provider="aws", url=URL) == gpuhunt.read(zipped(aws=rows), provider="aws", url=URL)


def test_zones_of_google_cloud_become_regions():
    rows = [gpuhunt_row("g2", "L4", 1, 0.7, location=zone) for zone in ("us-central1-a", "us-central1-b")]
    spots = [gpuhunt_row("g2", "L4", 1, price, location="us-central1-a", spot=True) for price in (0.3, 0.25)]

    (offer,) = _read(*rows, *spots, provider="gcp").offers
    assert (offer.region, offer.ondemand, offer.spot) == ("us-central1", 0.7, 0.25)
    assert _read(*rows, provider="aws").offers[0].region == "us-central1-a"


def test_tpu_slices_count_chips_and_old_ones_are_left_out():
    catalog = _read(
        gpuhunt_row("v5p-8", "v5p-8", 1, 16.8, memory=95.0),
        gpuhunt_row("v6e-4", "tpu-v6e-4", 1, 10.8, memory=128.0),
        gpuhunt_row("v2-8", "v2-8", 1, 4.5, memory=64.0),
        provider="gcp",
    )

    assert [(o.accelerator, o.gpu_count, o.memory_gb, o.ondemand) for o in catalog.offers] == [
        ("tpu-v5p", 4, None, 4.2),
        ("tpu-v6e", 4, None, 2.7),
    ]
    assert _reasons(catalog) == [gpuhunt.OLD_TPU]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (gpuhunt_row("a", "B200", 8, 40, flags="gcp-a4 gcp-dws-calendar-mode"), "calendar mode"),
        (gpuhunt_row("a", "H100", 8, 20, flags="runpod-cluster"), "clusters of several machines"),
        (gpuhunt_row("a", "H100", 8, 0), "no price"),
        (gpuhunt_row("a", "H100", 8, "-1"), "negative price -1"),
        (gpuhunt_row("a", "H100", 8, "nan"), "no price"),
        (gpuhunt_row("a", "", 8, 20), "an accelerator without a name"),
        (gpuhunt_row("a", "H100", 0, 20), "no count of accelerators"),
        (gpuhunt_row("a", "H100", "0.25", 1), "a part of an accelerator"),
        (gpuhunt_row("a", "H100", 8, 20, spot="maybe"), "spot is neither True nor False"),
    ],
)
def test_a_row_that_is_no_offer_is_named(row, reason):
    catalog = _read(row, gpuhunt_row("good", "L4", 1, 0.7, flags="gcp-g4"))

    assert [offer.instance_type for offer in catalog.offers] == ["good"]
    assert [row.line for row in catalog.skipped] == [2]
    assert reason in _reasons(catalog)[0]


def test_providers_have_the_slug_of_the_other_catalogue():
    row = gpuhunt_row("a", "L4", 1, 0.7)

    assert _read(row, provider="lambdalabs").offers[0].provider == "lambda"
    assert _read(row, provider="vastai").offers[0].provider == "vast"
    assert _read(row, provider="seeweb").offers == ()


def _archive(names, content=b"x"):
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, content)
    return body.getvalue()


@pytest.mark.parametrize(
    ("body", "message"),
    [
        pytest.param(_archive(["readme.txt"]), "0 CSV files in the archive instead of one", id="none"),
        pytest.param(_archive(["a.csv", "b.CSV"]), "2 CSV files in the archive instead of one", id="two"),
        pytest.param(zipped(aws=b""), "an empty body instead of CSV", id="empty"),
        pytest.param(zipped(aws=b"<html>no</html>"), "an HTML or XML page instead of CSV", id="html"),
        pytest.param(zipped(aws=b"a,b\n1,2\n"), "the head has no column instance_name", id="other"),
        pytest.param(zipped(aws=gpuhunt_csv())[:-30], "no readable zip archive", id="cut"),
        pytest.param(b"PK\x03\x04" + b"\0" * 100, "no readable zip archive", id="damaged"),
    ],
)
def test_an_archive_that_is_not_one_csv_file_is_said(body, message):
    with pytest.raises(ParseError) as caught:
        gpuhunt.read(body, provider="aws", url=URL)

    assert message in str(caught.value)


def test_a_bomb_is_unpacked_no_further_than_the_cap(monkeypatch):
    bomb = zipped(aws=b"instance_name" + b"," * 20_000_000)
    assert len(bomb) < 50_000
    monkeypatch.setattr(gpuhunt, "MAX_BYTES", 1_000_000)

    with pytest.raises(ParseError, match="more than 1,000,000 bytes of CSV in the archive"):
        gpuhunt.read(bomb, provider="aws", url=URL)


def test_an_encrypted_archive_is_an_error():
    body = bytearray(zipped(aws=gpuhunt_csv()))
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):  # general purpose flags of both headers
        body[body.index(mark) + offset] |= 1

    with pytest.raises(ParseError, match="no readable zip archive"):
        gpuhunt.read(bytes(body), provider="aws", url=URL)


ROWS = st.builds(
    lambda instance, name, count, price, memory, spot, location, flags: gpuhunt_row(
        instance, name, count, price, memory=memory, spot=spot, location=location, flags=flags
    ),
    st.sampled_from(["a", "b", ""]),
    st.sampled_from(["H100", "v5p-8", "v4-8", "tpu-v6e-7", "", "x" * 300]) | st.text(max_size=5),
    st.integers(-1, 8) | st.just("0.5"),
    st.floats() | st.integers(-1, 10**8),
    st.floats() | st.just(""),
    st.booleans() | st.just("x"),
    st.sampled_from(["us-central1-a", "us-central1-b", "-", ""]),
    st.sampled_from(["", "gcp-g4", "runpod-cluster"]),
)


@given(st.lists(ROWS, max_size=8), st.sampled_from(["aws", "gcp", "lambdalabs"]))
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


ARCHIVE = zipped(aws=gpuhunt_csv(gpuhunt_row("a", "L4", 1, 0.7)))


@given(st.binary() | st.binary().map(lambda tail: b"PK\x03\x04" + tail))
def test_any_bytes_are_a_catalog_or_a_parse_error(body):
    with contextlib.suppress(ParseError):
        assert isinstance(gpuhunt.read(body, provider="aws", url=URL), Catalog)


@given(st.lists(st.tuples(st.integers(0, len(ARCHIVE) - 1), st.integers(0, 255)), min_size=1, max_size=6))
def test_a_damaged_archive_is_a_catalog_or_a_parse_error(changes):
    body = bytearray(ARCHIVE)
    for position, value in changes:
        body[position] = value
    with contextlib.suppress(ParseError):
        assert isinstance(gpuhunt.read(bytes(body), provider="aws", url=URL), Catalog)
