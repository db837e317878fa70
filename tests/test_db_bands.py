"""Bands of plausible prices: from the reference tables, settled when prices or tables change."""

import pytest
from db_rows import NOW, article, id_of, make_db, save

from aiwire.pipeline.correcting import put_right
from aiwire.types import Correction, Price, Tagging
from db.bands import Bands, load_bands
from db.connection import connect, transaction
from db.reference import load_reference, write_rows
from db.store import save_tagging

FAMILY = "nvidia-h100"


@pytest.fixture(scope="module")
def bands():
    db = connect(":memory:")
    load_reference(db)
    found = load_bands(db)
    db.close()
    return found


@pytest.mark.parametrize(
    ("unit", "family", "currency", "amount", "amount_max", "verdict"),
    [
        ("gpu-hour", FAMILY, "USD", 1.99, None, 0),
        ("gpu-hour", FAMILY, "USD", 14.9, None, 0),
        ("gpu-hour", FAMILY, "USD", 98.32, None, 1),  # of an instance of eight
        ("gpu-hour", FAMILY, "USD", 0.01, None, 1),
        ("gpu-hour", FAMILY, "USD", 2, 500, 1),  # one end is enough
        ("gpu-hour", FAMILY, "JPY", 500, None, 0),
        ("gpu-hour", "nvidia-blackwell", "USD", 6, None, 0),  # an architecture: the band of all families
        ("gpu-hour", None, "USD", 500, None, 1),
        ("instance-hour", FAMILY, "USD", 98.32, None, 0),
        ("instance-hour", None, "USD", 0.002, None, 0),  # a small machine without accelerator
        ("card", "nvidia-rtx-4090", "USD", 1599, None, 0),
        ("card", "nvidia-rtx-4090", "USD", 3, None, 1),
        ("card", "nvidia-p40", "USD", 150, None, 0),  # used
        ("card", FAMILY, "CNY", 250_000, None, 0),
        ("card", FAMILY, "USD", 2_000_000, None, 1),
        ("system", None, "USD", 3_300_000, None, 0),
        ("server", None, "EUR", 250_000, None, 0),
        ("month", None, "INR", 399, None, 0),
        ("month", None, "USD", 1_000_000, None, 1),
        ("1M-tokens", None, "USD", 75, None, 0),
        ("1M-tokens", None, "USD", 20_000, None, 1),
        ("kwh", None, "USD", 0.08, None, 0),
        ("kwh", None, "USD", 8, None, 1),  # cents read as dollars
        ("other", None, "USD", 5, None, None),
        ("card", FAMILY, "XAU", 5, None, None),
    ],
)
def test_a_price_outside_its_band_is_implausible(bands, unit, family, currency, amount, amount_max, verdict):
    assert bands.implausible(unit, family, currency, amount, amount_max) == verdict


def test_every_price_of_the_reference_tables_is_plausible(bands):
    db = connect(":memory:")
    load_reference(db)
    hours = db.execute(
        "SELECT 'gpu-hour', family_id, ondemand_usd_per_gpu_hour FROM cloud_prices"
        " JOIN accelerators ON accelerators.id = accelerator_id"
        " WHERE ondemand_usd_per_gpu_hour IS NOT NULL AND implausible IS NULL"
    ).fetchall()
    cards = db.execute(
        "SELECT 'card', family_id, launch_price_usd FROM accelerators WHERE launch_price_usd IS NOT NULL"
    ).fetchall()

    assert len(hours) > 100
    assert len(cards) > 20
    assert [row for row in hours + cards if bands.implausible(row[0], row[1], "USD", row[2], None)] == []


def test_empty_tables_give_no_band():
    assert Bands().implausible("gpu-hour", FAMILY, "USD", 5000, None) is None
    assert Bands().implausible("kwh", None, "USD", 5000, None) == 1


# ---------------------------------------------------------------- in the database


def price(amount, unit="gpu-hour", accelerator=FAMILY, product=None):
    return Price(f"${amount}", amount, None, "USD", unit, None, accelerator, "It costs that.", "text", 0, 2, product)


TAGGING = Tagging(
    prices=(price(2), price(500), price(5, "other"), price(20, "month", None, "nvidia")),
    tagger_version="1",
    taxonomy_version="t",
)
VERDICTS = [0, 1, None, 0]


@pytest.fixture
def db():
    made = make_db()
    yield made
    made.close()


def stored(db, column):
    return [row[0] for row in db.execute(f"SELECT {column} FROM prices ORDER BY article_id, position")]


def test_prices_are_judged_when_they_are_written_and_all_are_kept(db):
    load_reference(db)

    save(db, article("a", tagging=TAGGING))

    assert stored(db, "implausible") == VERDICTS
    assert stored(db, "amount") == [2, 500, 5, 20]
    assert stored(db, "product") == [None, None, None, "nvidia"]


def test_prices_that_were_there_first_are_judged_when_the_tables_come(db):
    save(db, article("a", tagging=TAGGING))
    before = stored(db, "implausible")

    load_reference(db)

    assert before == [None, None, None, 0]
    assert stored(db, "implausible") == VERDICTS


def test_a_new_price_in_the_reference_judges_the_old_quotes_again(db):
    load_reference(db)
    save(db, article("a", tagging=TAGGING))
    settled = stored(db, "implausible")
    dear = {"provider": "dear", "accelerator_id": "nvidia-h100-sxm5-80gb", "gpu_count": 1,
            "ondemand_usd_per_gpu_hour": 119.0, "source": "s", "as_of": "2026-11-23"}  # fmt: skip

    with transaction(db):
        write_rows(db, "cloud_prices", [dear], origin="import:dear")
    save(db, article("b", tagging=Tagging(prices=(price(400),), tagger_version="1", taxonomy_version="t")))

    assert settled == VERDICTS
    assert db.execute("SELECT implausible FROM prices WHERE amount = 400").fetchone() == (0,)
    assert db.execute("SELECT implausible FROM prices WHERE amount = 500").fetchone() == (1,)


def test_what_is_implausible_itself_widens_no_band(db):
    load_reference(db)
    save(db, article("a", tagging=TAGGING))
    doubted = {"provider": "dear", "accelerator_id": "nvidia-h100-sxm5-80gb", "gpu_count": 1, "source": "s",
               "ondemand_usd_per_gpu_hour": 119.0, "as_of": "2026-11-23", "implausible": "too dear"}  # fmt: skip

    with transaction(db):
        write_rows(db, "cloud_prices", [doubted], origin="import:dear")
    save(db, article("b", tagging=Tagging(prices=(price(400),), tagger_version="1", taxonomy_version="t")))

    assert db.execute("SELECT implausible FROM prices WHERE amount = 400").fetchone() == (1,)


def test_a_retag_gives_the_verdicts_of_a_first_run(db):
    load_reference(db)
    save(db, article("a", tagging=Tagging(prices=(price(500),), tagger_version="0", taxonomy_version="t")))

    save_tagging(db, id_of(db), TAGGING, now=NOW)

    assert stored(db, "implausible") == VERDICTS


def test_a_corrected_date_is_the_date_of_the_prices_too(db):
    load_reference(db)
    save(db, article("a", tagging=TAGGING))
    right = Correction(
        "https://example.org/a", "wrong-date", value="2026-03-01T00:00:00Z", made_at="2026-11-23T06:00:00Z"
    )

    put_right(db, None, add=[right], now=NOW)
    moved = set(stored(db, "dated_at"))
    save_tagging(db, id_of(db), TAGGING, now=NOW)

    assert moved == {"2026-03-01T00:00:00Z"}
    assert set(stored(db, "dated_at")) == moved
    assert stored(db, "implausible") == VERDICTS


@pytest.mark.parametrize(
    ("table", "row", "unit", "amount"),
    [
        ("api_prices", {"provider": "p", "model": "m", "output_usd_per_mtok": 9000.0}, "1M-tokens", 20_000),
        ("electricity_prices", {"country": "XX", "year": 2025, "sector": "s", "usd_per_kwh": 2.0}, "kwh", 7.0),
    ],
)
@pytest.mark.parametrize("why_not", [None, "in another unit"])
def test_tokens_and_power_have_bands_of_plausible_prices_only(table, row, unit, amount, why_not):
    db = connect(":memory:")
    load_reference(db)
    before = load_bands(db).implausible(unit, None, "USD", amount, None)

    with transaction(db):
        row = row | {"source": "a list", "as_of": "2026-11-23", "implausible": why_not}
        write_rows(db, table, [row], origin="import:dear")

    assert before == 1
    assert load_bands(db).implausible(unit, None, "USD", amount, None) == (1 if why_not else 0)
    db.close()
