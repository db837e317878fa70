"""Three voices on the price of an accelerator: reference, clouds and press."""

import re

import pytest
from db_rows import article, make_db, save

from aiwire.exceptions import AiwireError
from aiwire.types import Price, Tagging
from db.price_history import TERMS, VoiceMonth, check_family, months, observations, terms_of
from db.queries.prices import PRICE_HISTORY, PRICE_MONTHS

H100 = "nvidia-h100"


def price(amount, *, high=None, currency="USD", unit="gpu-hour", qualifier=None):
    return Price(f"{amount}", amount, high, currency, unit, qualifier, H100, "It costs that.", "text", 0, 2)


def put(db, table, **row):
    row = {"origin": "shipped", "source": "https://example.org/prices", "as_of": "2026-11-20"} | row
    names = ", ".join(row)
    db.execute(f"INSERT INTO {table} ({names}) VALUES ({', '.join(f':{name}' for name in row)})", row)


def offer(db, number, **row):
    put(db, "cloud_prices", **{"id": number, "provider": "aws", "accelerator_id": "h100-sxm", "gpu_count": 8} | row)


@pytest.fixture
def db():
    made = make_db()
    made.execute("INSERT INTO accelerator_families VALUES (:id, 'NVIDIA', 'product', 'H100', 's', NULL, '2026-11-20')",
                 {"id": H100})  # fmt: skip
    made.execute(
        "INSERT INTO accelerators (id, family_id, vendor, name, segment, status, sources, as_of)"
        " VALUES ('h100-sxm', :family, 'NVIDIA', 'H100 SXM', 'datacenter', 'available', 's', '2026-11-20')",
        {"family": H100},
    )
    yield made
    made.close()


def told(db, **asked):
    return [(r["voice"], r["kind"], r["unit"], r["usd"], r["is_plausible"]) for r in observations(db, H100, **asked)]


def test_each_voice_tells_its_prices_newest_first(db):
    offer(db, 1, ondemand_usd_per_gpu_hour=4.0, spot_usd_per_gpu_hour=1.5, reserved_3y_usd_per_gpu_hour=2.0)
    put(db, "hardware_prices", id=1, family_id=H100, kind="street", item="HGX board", gpu_count=8, usd=240_000,
        price_date="2024-03-27")  # fmt: skip
    put(db, "hardware_prices", id=2, family_id=H100, kind="system", item="server", gpu_count=8, usd=800_000,
        price_date="2025-05")  # fmt: skip
    save(db, article("a", tagging=Tagging(prices=(price(2.5, qualifier="spot"),), tagger_version="1")))

    assert told(db) == [
        ("press", "spot", "gpu-hour", 2.5, 1),
        ("cloud", "on-demand", "gpu-hour", 4.0, 1),
        ("cloud", "reserved-3y", "gpu-hour", 2.0, 1),
        ("cloud", "spot", "gpu-hour", 1.5, 1),
        ("reference", "system", "system", 800_000.0, 1),
        ("reference", "street", "card", 30_000.0, 1),
    ]
    assert told(db, unit="card") == [("reference", "street", "card", 30_000.0, 1)]
    assert len({row["observation"] for row in observations(db, H100)}) == 6


def test_what_is_implausible_is_shown_with_its_reason_and_used_in_no_month(db):
    offer(db, 1, ondemand_usd_per_gpu_hour=4.0)
    offer(db, 2, ondemand_usd_per_gpu_hour=99.0, region="eu", implausible="above the band of its family")
    save(db, article("a", tagging=Tagging(prices=(price(3.0), price(500.0)), tagger_version="1")))
    db.execute("UPDATE prices SET implausible = amount > 100")

    doubted = {r["usd"]: r["why_not"] for r in observations(db, H100) if not r["is_plausible"]}
    assert doubted == {99.0: "above the band of its family", 500.0: "outside what the reference makes likely"}
    assert [(m.voice, m.prices, m.highest) for m in months(db, H100, "gpu-hour")] == [
        ("cloud", 1, 4.0),
        ("press", 1, 3.0),
    ]


def test_a_price_of_the_cloud_counts_in_every_month_in_which_it_is_known_to_have_held(db):
    offer(db, 1, ondemand_usd_per_gpu_hour=4.0, as_of="2026-08-10", superseded_at="2026-10-05")
    offer(db, 2, ondemand_usd_per_gpu_hour=3.0, as_of="2026-11-20", read_since="2026-10-05")
    offer(db, 3, ondemand_usd_per_gpu_hour=9.0, region="dated", price_date="2025-12-01")

    assert {(m.month, m.lowest, m.highest) for m in months(db, H100, "gpu-hour")} == {
        ("2026-08", 4.0, 4.0), ("2026-09", 4.0, 4.0), ("2026-10", 3.0, 4.0), ("2026-11", 3.0, 3.0),
        ("2025-12", 9.0, 9.0),
    }  # fmt: skip


def test_a_dated_price_holds_to_the_next_dated_one_and_not_to_the_day_on_which_another_was_read(db):
    offer(db, 1, ondemand_usd_per_gpu_hour=4.0, price_date="2025-01-10", superseded_at="2025-03-05")
    offer(db, 2, ondemand_usd_per_gpu_hour=3.0, price_date="2025-03-05", superseded_at="2026-11-20")
    offer(db, 3, ondemand_usd_per_gpu_hour=2.0)

    assert [(m.month, m.lowest, m.highest) for m in months(db, H100, "gpu-hour")] == [
        ("2026-11", 2.0, 2.0), ("2025-03", 3.0, 4.0), ("2025-02", 4.0, 4.0), ("2025-01", 4.0, 4.0),
    ]  # fmt: skip
    assert [(r["price_date"], r["is_dated"]) for r in observations(db, H100)] == [
        ("2026-11-20", 0), ("2025-03-05", 1), ("2025-01-10", 1),
    ]  # fmt: skip


def test_spot_and_reserved_prices_are_not_mixed_with_others(db):
    offer(db, 1, ondemand_usd_per_gpu_hour=4.0, spot_usd_per_gpu_hour=1.0, reserved_1y_usd_per_gpu_hour=2.0,
          reserved_3y_usd_per_gpu_hour=1.5)  # fmt: skip
    tagging = Tagging(prices=(price(5.0), price(0.9, qualifier="spot")), tagger_version="1")
    save(db, article("a", tagging=tagging))

    told = {terms: {(m.voice, m.lowest, m.highest) for m in months(db, H100, "gpu-hour", terms)} for terms in TERMS}
    assert told == {
        "on-demand": {("cloud", 4.0, 4.0), ("press", 5.0, 5.0)},
        "spot": {("cloud", 1.0, 1.0), ("press", 0.9, 0.9)},
        "reserved": {("cloud", 1.5, 2.0)},
    }
    assert all(terms_of(row["kind"]) in TERMS for row in observations(db, H100))


@pytest.mark.parametrize(("amounts", "median"), [((1.0, 2.0, 9.0), 2.0), ((1.0, 2.0, 4.0, 9.0), 3.0), ((5.0,), 5.0)])
def test_a_month_has_its_median(db, amounts, median):
    for number, amount in enumerate(amounts):
        offer(db, number, ondemand_usd_per_gpu_hour=amount, region=f"r{number}")

    assert months(db, H100, "gpu-hour") == [
        VoiceMonth("2026-11", "cloud", len(amounts), min(amounts), median, max(amounts), undated=len(amounts))
    ]


def test_other_currencies_are_shown_and_not_compared_and_a_range_counts_by_its_middle(db):
    tagging = Tagging(prices=(price(2.0, high=4.0), price(90.0, currency="EUR")), tagger_version="1")
    save(db, article("a", tagging=tagging))

    [range_, euros] = sorted(observations(db, H100), key=lambda r: r["currency"], reverse=True)
    assert (range_["usd"], range_["usd_low"], range_["usd_high"]) == (2.0, 2.0, 4.0)
    assert (euros["usd"], euros["amount"], euros["currency"]) == (None, 90.0, "EUR")
    assert [(m.prices, m.median) for m in months(db, H100, "gpu-hour")] == [(1, 3.0)]


def test_a_price_that_is_dated_to_a_year_or_not_at_all_is_in_no_month(db):
    for number, day in enumerate(["2023", None]):
        put(db, "hardware_prices", id=number, family_id=H100, kind="estimate", item=f"card {number}", gpu_count=1,
            usd_low=20_000, usd_high=30_000, price_date=day)  # fmt: skip

    assert [(r["price_date"], r["usd"], r["usd_high"]) for r in observations(db, H100)] == [
        ("2023", None, 30_000.0), (None, None, 30_000.0),
    ]  # fmt: skip
    assert months(db, H100, "card") == []


def test_since_leaves_out_what_was_over(db):
    offer(db, 1, ondemand_usd_per_gpu_hour=4.0, as_of="2026-01-10", superseded_at="2026-03-05")
    offer(db, 2, ondemand_usd_per_gpu_hour=3.0)

    assert [r["usd"] for r in observations(db, H100, since="2026-03-06")] == [3.0]
    assert [r["usd"] for r in observations(db, H100, since="2026-03-05")] == [3.0, 4.0]


def test_a_part_stands_for_its_family_and_an_unknown_one_has_a_neighbour(db):
    assert check_family(db, "h100-sxm") == H100
    with pytest.raises(AiwireError, match="no accelerator family is called 'nvidia-h10'; did you mean 'nvidia-h100'"):
        check_family(db, "nvidia-h10")


@pytest.mark.parametrize("query", [PRICE_HISTORY, PRICE_MONTHS], ids=lambda query: query.name)
def test_a_family_is_found_by_indexes(db, query):
    plan = [row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {query.sql}", query.examples).fetchall()]

    of_tables = [step for step in plan if re.search(r"(SCAN|SEARCH) (cloud_prices|hardware_prices|prices)\b", step)]
    assert len(of_tables) == 6  # four kinds of cloud prices
    assert [step for step in of_tables if not re.search(r"\((family_id|accelerator|accelerator_id)=\?", step)] == []


def test_what_is_implausible_or_over_is_in_no_view_of_what_holds(db):
    offer(db, 1, ondemand_usd_per_gpu_hour=4.0)
    offer(db, 2, ondemand_usd_per_gpu_hour=0.1, region="eu", provider="cheap", implausible="too cheap")
    offer(db, 3, ondemand_usd_per_gpu_hour=0.2, region="us", provider="gone", superseded_at="2026-11-21")
    for number, wrong in enumerate([{}, {"implausible": "sparse"}, {"superseded_at": "2026-11-21"}]):
        put(db, "accelerator_facts", id=number, accelerator_id="h100-sxm", fact=f"fact{number}", value="1",
            standing="differs", **wrong)  # fmt: skip

    assert [r["provider"] for r in db.query("SELECT * FROM cloud_prices_now")] == ["aws"]
    [sheet] = db.query("SELECT * FROM accelerator_sheet")
    assert (sheet["cheapest_ondemand_usd_per_gpu_hour"], sheet["providers"], sheet["facts_disputed"]) == (4.0, 1, 1)
