"""What the reference knows of one question: the newest plausible row, its range, its source, or an error that helps."""

from datetime import UTC, date, datetime

import pytest
from cost_rows import add_family, add_part, cost_db, insert
from hypothesis import given
from hypothesis import strategies as st

from aiwire.exceptions import ConfigError
from db.reference import lookup
from db.reference.figures import is_old
from db.reference.purchase import purchase_price
from db.reference.quotes import quotes

TODAY = date(2026, 11, 23)


@pytest.fixture
def db():
    with cost_db() as db:
        yield db


@pytest.fixture
def part(db):
    return next(part for part in lookup.parts(db, "nvidia-h100") if part.id == "nvidia-h100-sxm5-80gb")


def test_a_family_gives_its_parts_and_a_part_itself(db):
    assert [part.id for part in lookup.parts(db, "nvidia-h100")] == ["nvidia-h100-pcie", "nvidia-h100-sxm5-80gb"]
    assert [part.name for part in lookup.parts(db, "nvidia-h100-pcie")] == ["H100 PCIe 80GB"]


def test_a_part_that_is_called_like_its_family_stands_for_all_of_the_family(db):
    add_family(db, "amd-mi300x", "MI300X")
    add_part(db, "amd-mi300x", "amd-mi300x", name="MI300X", watts=750.0)
    add_part(db, "amd-mi300x-air", "amd-mi300x", name="MI300X air", watts=700.0)

    assert [part.id for part in lookup.parts(db, "amd-mi300x")] == ["amd-mi300x", "amd-mi300x-air"]


def test_an_unknown_accelerator_is_named_with_the_nearest(db):
    with pytest.raises(ConfigError, match="no part or family 'nvidia-h10'; did you mean nvidia-h100"):
        lookup.parts(db, "nvidia-h10")


def test_power_comes_with_what_other_sources_say(db, part):
    insert(db, "accelerator_facts", accelerator_id=part.id, fact="tdp_w", value="650", unit="W", standing="differs")
    insert(db, "accelerator_facts", accelerator_id=part.id, fact="tdp_w", value="7000", unit="W", standing="rejected")

    found = lookup.thermal_power(db, part)

    assert (found.low, found.mid, found.high) == (650, 700, 700)
    assert "others say 650 W (https://example.org/accelerator_facts/3)" in found.note


def test_power_that_no_source_says_is_none(db):
    add_part(db, "nvidia-h100-nvl", "nvidia-h100", name="H100 NVL", watts=None)

    assert lookup.thermal_power(db, lookup.parts(db, "nvidia-h100-nvl")[0]) is None


def add_price(db, part, usd, dated, *, kind="street", own=True, **more):
    """Insert the price of one card, of this part or of its family at large."""
    insert(
        db, "hardware_prices", family_id=part.family_id, accelerator_id=part.id if own else None, kind=kind,
        item="card", gpu_count=1, usd=usd, price_date=dated, **more,
    )  # fmt: skip


def test_the_newest_price_is_taken_with_its_own_range(db, part):
    add_price(db, part, 40000.0, "2023-05-01", kind="list", own=False)

    found = purchase_price(db, part, today=TODAY)

    assert (found.low, found.mid, found.high, found.dated) == (20000, 23500, 27000, "2026")
    assert found.note == "street price of card; of nvidia-h100 at large, none of nvidia-h100-sxm5-80gb itself is known"


def test_the_price_is_the_middle_one_of_the_year_before_the_newest(db, part):
    for usd, day in (
        (30000.0, "2027-01-05"),
        (26000.0, "2026-06-01"),
        (27000.0, "2026-07-01"),
        (90000.0, "2024-01-01"),
    ):
        add_price(db, part, usd, day)

    found = purchase_price(db, part, today=date(2027, 2, 1))

    assert (found.low, found.mid, found.high, found.dated) == (26000, 27000, 30000, "2026-07-01")
    assert found.source == "https://example.org/hardware_prices/4"
    add_price(db, part, 29000.0, "2026-12-01")
    found = purchase_price(db, part, today=date(2027, 2, 1))
    assert (found.mid, found.dated) == (28000, "2026-07-01")
    assert found.source == "https://example.org/hardware_prices/4 | https://example.org/hardware_prices/6"


def test_an_estimate_does_not_go_before_what_shops_ask_at_the_same_time(db, part):
    add_price(db, part, 31000.0, "2025-03-03")
    add_price(db, part, 29000.0, "2025-03-03", kind="list")
    db.execute("UPDATE hardware_prices SET kind = 'estimate', price_date = '2025-09' WHERE accelerator_id IS NULL")

    found = purchase_price(db, part, today=TODAY)

    assert (found.low, found.mid, found.high, found.trust) == (31000, 31000, 31000, "weak")
    assert "not counted: estimate 20,000 to 27,000 (2025-09), list 29,000 (2025-03-03); older than 18" in found.note


def test_a_price_of_the_family_counts_only_where_the_part_has_none_of_that_time_or_of_late(db, part):
    """Boards, cards and other memory sizes are in a family: what is said of it may be of another part."""
    add_price(db, part, 31000.0, "2023-03-03")
    found = purchase_price(db, part, today=TODAY)
    assert (found.mid, found.low, found.high) == (23500, 20000, 27000)
    assert "of nvidia-h100 at large, its own is older; not counted: street 31,000 (2023-03-03)" in found.note

    db.execute("UPDATE hardware_prices SET price_date = '2025-01' WHERE accelerator_id IS NULL")  # old, too
    found = purchase_price(db, part, today=TODAY)
    assert (found.low, found.mid, found.high) == (31000, 31000, 31000)

    add_price(db, part, 26000.0, "2026-03-03")
    assert purchase_price(db, part, today=TODAY).mid == 26000


def test_a_price_that_the_user_imported_goes_before_all_others_and_is_trusted(db, part):
    add_price(db, part, 31000.0, "2026-10-03")
    add_price(db, part, 28000.0, "2026-09-03", kind="list", origin="import:ours.csv")

    found = purchase_price(db, part, today=TODAY)

    assert (found.mid, found.trust) == (28000, "good")
    db.execute("UPDATE hardware_prices SET origin = 'shipped'")
    assert purchase_price(db, part, today=TODAY).trust == "fair"


def test_a_price_without_a_date_is_taken_only_where_none_has_one(db, part):
    insert(db, "hardware_prices", family_id=part.family_id, kind="street", item="card", gpu_count=1, usd=39000.0)

    assert purchase_price(db, part, today=TODAY).mid == 23500
    db.execute("DELETE FROM hardware_prices WHERE price_date IS NOT NULL")
    found = purchase_price(db, part, today=TODAY)
    assert (found.mid, found.dated, found.trust) == (39000, None, "fair")
    assert found.note.startswith("not dated, read 2026-11-01; street price of card")


def test_a_board_of_eight_is_priced_by_the_accelerator(db, part):
    insert(
        db, "hardware_prices", family_id=part.family_id, accelerator_id=part.id, kind="list", item="board",
        gpu_count=8, usd=200000.0, price_date="2028-01-01",
    )  # fmt: skip

    found = purchase_price(db, part, today=date(2028, 1, 2))

    assert found.mid == 25000
    assert found.note == "list price of board, by 8"


def test_a_price_of_a_part_is_not_that_of_its_sister_unless_there_is_no_other(db, part):
    sister = lookup.parts(db, "nvidia-h100-pcie")[0]
    insert(
        db, "hardware_prices", family_id=part.family_id, accelerator_id=sister.id, kind="street", item="card",
        gpu_count=1, usd=18000.0, price_date="2026-11-01",
    )  # fmt: skip

    assert purchase_price(db, part, today=TODAY).mid == 23500
    db.execute("DELETE FROM hardware_prices WHERE accelerator_id IS NULL")
    found = purchase_price(db, part, today=TODAY)
    assert found.mid == 18000
    assert "of nvidia-h100-pcie, none of nvidia-h100-sxm5-80gb is known" in found.note
    assert found.trust == "weak"
    db.execute("UPDATE accelerators SET memory_gb = 96 WHERE id = ?", [sister.id])  # it is another thing then
    assert purchase_price(db, part, today=TODAY) is None


@pytest.mark.parametrize("column", ["superseded_at", "implausible"])
def test_rows_that_are_superseded_or_implausible_are_never_used(db, part, column):
    for table in ("hardware_prices", "cloud_prices", "api_prices", "electricity_prices", "grid_carbon", "tco_defaults"):
        db.execute(f"UPDATE {table} SET {column} = '2026-11-02'")
    db.execute(f"UPDATE accelerator_facts SET {column} = '2026-11-02'")

    assert purchase_price(db, part, today=TODAY) is None
    assert lookup.thermal_power(db, part) is None
    assert lookup.offers(db, part.family_id) == []
    assert lookup.carbon(db, "DE", today=TODAY) is None
    assert lookup.defaults(db, part.family_id) == {}
    with pytest.raises(ConfigError, match="no tariff is stored"):
        lookup.tariff(db, "DE", today=TODAY)
    with pytest.raises(ConfigError, match="no price of it is known; there is none"):
        lookup.api_price(db, "openai", "gpt-5", today=TODAY)


def test_a_launch_price_is_the_last_resort_and_said_to_be_one(db, part):
    db.execute("DELETE FROM hardware_prices")
    insert(db, "accelerator_facts", accelerator_id=part.id, fact="launch_price_usd", value="31000", unit="USD",
           standing="used")  # fmt: skip
    db.execute("UPDATE accelerators SET release_date = '2022-10-05'")

    found = purchase_price(db, part, today=TODAY)

    assert (found.mid, found.trust) == (31000, "weak")
    assert found.note == "price at launch, no later one is known; older than 18 months"
    add_price(db, part, 30000.0, "2022-10", kind="launch")
    assert purchase_price(db, part, today=TODAY).mid == 30000


def add_offer(db, price, *, region="us-west-2", **more):
    insert(
        db, "cloud_prices", provider="aws", region=region, instance_type="eight", gpu_count=8,
        accelerator_id="nvidia-h100-sxm5-80gb", ondemand_usd_per_gpu_hour=price, **more,
    )  # fmt: skip


def rate(db, commitment="on-demand"):
    own = [offer for offer in lookup.offers(db, "nvidia-h100") if offer.provider == "aws"]
    return lookup.rate(own, commitment, count=8, today=TODAY)


def test_a_rate_is_the_cheapest_and_the_dearest_region_is_no_range_but_named(db):
    figure, offer = rate(db)

    assert (figure.low, figure.mid, figure.high, offer.region) == (6.88, 6.88, 6.88, "us-east-1")
    assert figure.note == (
        "not dated, read 2026-11-01; instance eight, in us-east-1, 8 to an instance, the dearest is 7.5 in eu-west-1"
    )
    assert rate(db, "reserved-3y") is None


def test_an_offer_without_a_date_has_none_and_is_fair_at_best(db):
    assert (rate(db)[0].dated, rate(db)[0].trust) == (None, "fair")
    db.execute("UPDATE cloud_prices SET price_date = '2026-08-19'")
    assert (rate(db)[0].dated, rate(db)[0].trust) == ("2026-08-19", "good")
    assert rate(db, "spot")[0].trust == "fair"  # the price of a moment


def test_offers_dated_of_late_go_before_undated_ones_and_these_before_old_ones(db):
    add_offer(db, 3.0, price_date="2024-05-01", note="a campaign")
    assert rate(db)[0].mid == 6.88
    add_offer(db, 9.0, price_date="2026-05-01", note="a campaign")
    found = rate(db)[0]
    assert (found.mid, found.dated) == (9.0, "2026-05-01")
    assert found.note == "instance eight, in us-west-2, 8 to an instance, a campaign"
    add_offer(db, 8.0, origin="import:ours.csv", region=None)
    assert rate(db)[0].mid == 8.0


def test_the_cheapest_instance_is_the_one_that_costs_least_for_so_many(db):
    insert(
        db, "cloud_prices", provider="aws", region="us-east-1", instance_type="one", gpu_count=1,
        accelerator_id="nvidia-h100-sxm5-80gb", ondemand_usd_per_gpu_hour=8.0,
    )  # fmt: skip
    own = [offer for offer in lookup.offers(db, "nvidia-h100") if offer.provider == "aws"]

    assert lookup.rate(own, "on-demand", count=8, today=TODAY)[1].instance_type == "eight"
    assert lookup.rate(own, "on-demand", count=1, today=TODAY)[1].instance_type == "one"


def test_an_old_rate_says_so(db):
    db.execute("UPDATE cloud_prices SET price_date = '2024-01-01'")
    found = lookup.rate(lookup.offers(db, "nvidia-h100"), "on-demand", count=8, today=TODAY)

    assert found[0].trust == "weak"
    assert found[0].note.endswith("older than 18 months")


def test_a_model_has_its_newest_price(db):
    insert(db, "api_prices", provider="openai", model="gpt-5", input_usd_per_mtok=1.0, output_usd_per_mtok=8.0,
           price_date="2026-02-01")  # fmt: skip

    found = lookup.api_price(db, "openai", "gpt-5", today=TODAY)

    assert (found.input.mid, found.output.mid, found.cached_input) == (1.0, 8.0, None)
    assert (found.input.dated, found.input.trust) == ("2026-02-01", "fair")  # from a list that others keep
    assert lookup.api_price(db, None, "gpt-5", today=TODAY).provider == "openai"


def test_a_price_of_a_model_without_a_date_says_when_it_was_read(db):
    db.execute("UPDATE api_prices SET price_date = NULL")

    found = lookup.api_price(db, "openai", "gpt-5", today=TODAY).input

    assert (found.dated, found.trust, found.note) == (None, "fair", "not dated, read 2026-11-01")


@pytest.mark.parametrize(
    ("provider", "model", "message"),
    [
        ("openai", "gpt5", "did you mean openai/gpt-5"),
        (None, "gtp-5", "did you mean gpt-5"),
        (None, "gpt-5", "azure, openai sell it; write one, as in api:azure/gpt-5"),
        ("openai", "half", "price of output is not known; give it in a scenario file"),
    ],
)
def test_a_model_without_one_clear_price_is_an_error_that_helps(db, provider, model, message):
    insert(db, "api_prices", provider="azure", model="gpt-5", input_usd_per_mtok=1.0, output_usd_per_mtok=8.0)
    insert(db, "api_prices", provider="openai", model="half", input_usd_per_mtok=1.0)

    with pytest.raises(ConfigError, match=message):
        lookup.api_price(db, provider, model, today=TODAY)


def test_a_tariff_is_of_the_newest_year_and_of_industry_first(db):
    insert(db, "electricity_prices", country="DE", year=2024, sector="industrial", usd_per_kwh=0.3)
    insert(db, "electricity_prices", country="DE", year=2026, sector="household", usd_per_kwh=0.4)

    found = lookup.tariff(db, "de", today=TODAY)

    assert (found.mid, found.dated, found.note) == (0.2, "2025", "DE, industrial, 2025")


@pytest.mark.parametrize(
    ("year", "trust", "note"),
    [
        (2025, "good", "FR, industrial, 2025"),
        (2024, "good", "FR, industrial, 2024; older than 18 months"),
        (2022, "fair", "3 years old; FR, industrial, 2022"),
        (2019, "fair", "6 years old; FR, industrial, 2019"),
    ],
)
def test_a_tariff_of_long_ago_says_its_age_first_and_is_trusted_less(db, year, trust, note):
    insert(db, "electricity_prices", country="FR", year=year, sector="industrial", usd_per_kwh=0.1)

    found = lookup.tariff(db, "FR", today=TODAY)

    assert (found.trust, found.note) == (trust, note)


def test_a_tariff_that_the_user_imported_goes_before_statistics(db):
    insert(db, "electricity_prices", country="DE", year=2024, sector="contract", usd_per_kwh=0.15, origin="import:ours")

    assert lookup.tariff(db, "DE", today=TODAY).mid == 0.15


@pytest.mark.parametrize("country", ["FR", None])
def test_an_unknown_tariff_tells_how_to_give_one(db, country):
    with pytest.raises(ConfigError, match=r"--tariff USD_PER_KWH.*there are: DE, US.*reference import my.csv --table"):
        lookup.tariff(db, country, today=TODAY)


def test_a_default_of_the_family_goes_before_the_general_one(db):
    insert(db, "tco_defaults", name="server_factor", applies_to="nvidia-h100", mid=1.9, unit="ratio", trust="good")
    insert(db, "tco_defaults", name="server_factor", applies_to="nvidia-a100", mid=1.66, unit="ratio", trust="good")

    assert lookup.defaults(db, "nvidia-h100")["server_factor"].mid == 1.9
    assert lookup.defaults(db, "amd-mi300x")["server_factor"].mid == 1.64


def test_a_default_of_a_series_holds_for_its_families(db):
    insert(db, "tco_defaults", name="load_fraction", applies_to="google-tpu", mid=0.43, unit="share", trust="good")

    assert lookup.defaults(db, "google-tpu-v5p")["load_fraction"].mid == 0.43
    assert lookup.defaults(db, "google-tpux")["load_fraction"].mid == 0.75


@given(st.dates(date(2020, 1, 1), date(2026, 11, 23)))
def test_a_date_is_old_by_its_last_day(day):
    """A year is at least as new as its months, and a month as its days."""
    by_day, by_month, by_year = (is_old(day.isoformat()[:length], TODAY) for length in (10, 7, 4))
    assert by_day >= by_month >= by_year
    assert by_day == (datetime(2025, 5, 23, tzinfo=UTC).date() > day) or abs((day - date(2025, 5, 23)).days) <= 3


@pytest.mark.parametrize("of", [{"accelerator": "nvidia-h100"}, {"product": "gpt"}, {}])
def test_prices_in_the_press_are_found_by_an_index(db, of):
    statements = []
    db.conn.set_trace_callback(statements.append)
    quotes(db, ("card",), since=datetime(2026, 1, 1, tzinfo=UTC), until=datetime(2026, 12, 1, tzinfo=UTC), **of)
    db.conn.set_trace_callback(None)

    plan = [row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {statements[-1]}")]

    assert any(f"prices USING INDEX prices_{next(iter(of), 'dated')} (" in step for step in plan)
    assert not any(step.startswith("SCAN") for step in plan)
