"""From a scenario and the reference to a comparison: whose figure counts, which part is meant, who is heard."""

import pytest
from cost_questions import figures, inputs, run
from cost_rows import cost_db, insert

from aiwire.exceptions import ConfigError
from aiwire.pipeline.costs.rates import is_in
from aiwire.tco.bands import bands
from aiwire.tco.scenario import Figure, read


@pytest.fixture
def db():
    with cost_db() as db:
        yield db


def test_the_costs_are_those_of_the_reference_by_plain_arithmetic(db):
    found = {one.name: one for one in run(db).comparison.options}

    capital = 8 * 23500 * 1.64  # eight are one server: no network
    kw = 8 * 700 * 1.82 / 1000 * 0.75 * 1.25
    yearly = kw * 8766 * 0.2 + capital * 0.1 + 8 * 6250
    assert found["buy"].upfront == pytest.approx(capital)
    assert found["buy"].total == pytest.approx(capital + 3 * yearly)
    assert found["aws"].total == pytest.approx(8 * 6.88 * 0.6 * 3 * 8766)
    assert found["lambda"].total == pytest.approx(8 * 2.99 * 0.6 * 3 * 8766)


def test_one_server_needs_no_network_and_two_do(db):
    one, two = run(db), run(db, count=9)

    share = inputs(one)["network_share"]
    assert (share.low, share.mid, share.high, share.trust) == (0, 0, 0, "choice")
    assert share.note.startswith("8 in one server of 8 need no network of their own; for more servers 0.19 (0 to 0.19)")
    assert inputs(two)["network_share"].mid == 0.19
    assert two.comparison.options[0].upfront == pytest.approx(9 * 23500 * 1.64 / (1 - 0.19))
    db.execute("UPDATE cloud_prices SET gpu_count = 16")  # there are servers of sixteen
    assert inputs(run(db, count=9))["network_share"].mid == 0
    assert inputs(run(db, figures=figures(network_share=0.1)))["network_share"].mid == 0.1


@pytest.mark.parametrize(("segment", "staff"), [("datacenter", 6250), ("consumer", 0), ("workstation", 0)])
def test_staff_of_a_datacentre_is_not_counted_for_cards_of_a_desk(db, segment, staff):
    db.execute("UPDATE accelerators SET segment = ?", [segment])

    found = inputs(run(db))["staff_usd_per_accelerator_year"]

    assert found.mid == staff
    if not staff:
        assert (found.low, found.high, found.trust) == (0, 0, "choice")
        assert f"of {segment} cards nothing is known; of a datacentre's: 6250 (2250 to 10000)" in found.note


def test_the_hours_of_a_month_are_no_guess_unless_the_user_makes_them_one(db):
    assert "hours_per_month" not in {one.name for one in run(db).sensitivity}
    assert "hours_per_month" in {one.name for one in run(db, figures=figures(hours_per_month=720)).sensitivity}


def test_the_draws_do_not_lean_away_from_the_totals(db):
    found = run(db)
    totals = {one.name: one.total for one in found.comparison.options}

    for one in found.uncertainty.ranges:
        assert one.p50 == pytest.approx(totals[one.name], rel=0.04)


def test_each_input_says_where_it_comes_from(db):
    found = inputs(run(db, figures=figures(pue=1.4)))

    assert (found["pue"].mid, found["pue"].given_by, found["pue"].trust) == (1.4, "user", "given")
    assert (found["accelerator_usd"].given_by, found["accelerator_usd"].as_of) == ("reference", "2026")
    assert (found["server_factor"].given_by, found["server_factor"].trust) == ("default", "fair")
    assert all(one.source and one.unit for one in found.values())


def test_a_figure_of_the_user_for_all_options_goes_before_the_rate_of_a_provider(db):
    found = run(db, figures=figures(rate_usd_per_gpu_hour=1.0))

    totals = {one.name: one.total for one in found.comparison.options}
    assert totals["aws"] == totals["lambda"] == pytest.approx(8 * 0.6 * 3 * 8766)


def test_what_the_user_gives_in_vain_is_named(db):
    assert run(db, compare=("aws",), figures=figures(pue=1.4)).unused == ("pue",)


def test_the_part_is_the_one_that_the_providers_rent(db):
    assert run(db).part.id == "nvidia-h100-sxm5-80gb"
    assert "the one to be had from aws, lambda" in run(db).notes[0]
    assert run(db, compare=("buy", "hyperstack")).part.id == "nvidia-h100-pcie"
    assert run(db, compare=("buy", "hyperstack", "aws")).part.id == "nvidia-h100-sxm5-80gb"  # of equals: most offers


def test_a_provider_without_the_part_is_compared_by_another_of_the_family_and_it_is_said(db):
    found = run(db, compare=("buy", "aws", "lambda", "hyperstack"))

    assert inputs(found)["hyperstack.rate_usd_per_gpu_hour"].note.endswith("; of nvidia-h100-pcie")
    said = "hyperstack: its rate is of nvidia-h100-pcie; none of nvidia-h100-sxm5-80gb is known there"
    assert said in found.notes
    with pytest.raises(ConfigError, match="has no offer of nvidia-h100-sxm5-80gb, but of nvidia-h100-pcie: name"):
        run(db, part="nvidia-h100-sxm5-80gb", compare=("buy", "hyperstack"))


def test_whole_instances_are_rented(db):
    found = run(db, count=9, compare=("aws",))

    assert found.comparison.options[0].total == pytest.approx(16 * 6.88 * 0.6 * 3 * 8766)


def test_a_rate_of_elsewhere_is_said_to_be_one(db):
    said = "aws: its rate is of us-east-1, the cheapest, while DE was asked for; --region takes another"
    assert said in run(db).notes
    assert not [note for note in run(db, country="US").notes if "us-east-1" in note]
    assert not [note for note in run(db, region="us-east-1").notes if "its rate is of us-east-1" in note]


def test_a_spot_rate_is_said_to_be_of_a_moment(db):
    said = "aws:spot: its rate is of one moment: a spot price changes, and instances are taken back"
    assert said in run(db, compare=("aws:spot",)).notes
    assert said not in run(db).notes


@pytest.mark.parametrize(
    ("region", "country", "is_there"),
    [
        ("us-east-1", "US", True),
        ("eastus", "US", True),
        ("westus2", "US", True),
        ("US-1", "US", True),
        ("Florida, US, NA", "US", True),
        ("australiaeast", "US", False),
        ("eu-west-2", "GB", False),
        ("South Korea, KR, AS", "KR", True),
        ("ap-south-1", "AP", True),
    ],
)
def test_a_region_is_in_the_country_that_it_names(region, country, is_there):
    assert is_in(region, country) == is_there


def test_an_instance_that_is_taken_many_times_may_not_be_there_so_often(db):
    db.execute("UPDATE cloud_prices SET gpu_count = 2 WHERE provider = 'aws'")

    said = [note for note in run(db, compare=("aws",), country="US").notes if "taken" in note]

    assert said == [
        "aws: its rate is of an instance with 2, taken 4 times: nothing says that so many are to be had at once,"
        " or in one place"
    ]
    assert not [note for note in run(db, compare=("aws",), count=2).notes if "taken" in note]


def test_only_offers_of_the_region_count(db):
    assert inputs(run(db, region="eu-west-1", compare=("aws",)))["aws.rate_usd_per_gpu_hour"].mid == 7.5
    with pytest.raises(ConfigError, match="--region eu-west-1: lambda has us-east-1"):
        run(db, region="eu-west-1", compare=("lambda",))


def test_an_own_option_is_not_looked_up(db):
    scenario = read(
        """
        [scenario]
        accelerator = "nvidia-h100"
        count = 8
        years = 1
        utilisation = 0.5
        compare = ["our-host"]
        [options.our-host]
        kind = "rent"
        instance_gpus = 8
        rate_usd_per_gpu_hour = {low = 2, mid = 2.5, high = 3, source = "their offer of May", date = 2026-05-02}
        """
    )

    found = run(db, scenario)

    assert found.comparison.options[0].total == pytest.approx(8 * 2.5 * 0.5 * 8766)
    rate = inputs(found)["our-host.rate_usd_per_gpu_hour"]
    assert (rate.low, rate.high, rate.source, rate.as_of) == (2, 3, "their offer of May", "2026-05-02")


def test_a_model_is_paid_by_the_token(db):
    found = run(db, compare=("buy", "api:openai/gpt-5"), figures=figures(tokens_per_second=1000, output_share=0.25))

    tokens = 1000 * 3600 * 0.6 * 3 * 8766 / 1e6
    assert found.comparison.options[1].total == pytest.approx(tokens * (0.75 * 1.25 + 0.25 * 10))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"accelerator": None}, "which accelerator is not said: give --accelerator"),
        ({"compare": ()}, "nothing to compare: give --compare"),
        ({"compare": ("buy", "coreweave")}, "no offer of coreweave .*known are aws, hyperstack, lambda; or give"),
        ({"compare": ("lambda:spot",)}, "known are: lambda:on-demand, lambda:reserved-1y; or give it with --set"),
        ({"country": "FR"}, "no tariff is stored for country 'FR': give it with --tariff"),
        ({"country": None}, "which tariff is not said: give it with --tariff"),
        ({"utilisation": None}, "input utilisation is unknown.*--utilisation"),
        ({"count": None}, "input accelerators is unknown.*--count"),
        ({"years": None}, "input horizon_months is unknown.*--years"),
        ({"years": 0}, "input horizon_months is 0; accepted is"),
        ({"compare": ("api:openai/gpt-5",)}, "input tokens_per_second is unknown"),
        ({"figures": figures(aws__nonsense=1)}, "there is no input 'nonsense'"),
        ({"figures": figures(gcp__managed_share=1)}, "'gcp' is not compared; there are: buy, aws, lambda"),
        ({"part": "nvidia-h100-pcie", "accelerator": "nvidia-a100"}, "of the family nvidia-h100, not of nvidia-a100"),
    ],
)  # fmt: skip
def test_a_missing_or_bad_input_is_named_with_its_remedy(db, changes, message):
    with pytest.raises(ConfigError, match=message):
        run(db, **changes)


def test_what_cannot_be_bought_can_be_left_out(db):
    db.execute("DELETE FROM hardware_prices")

    with pytest.raises(
        ConfigError, match=r"no price of H100 SXM5 80GB .* is known: give it with --set accel.*--no-buy"
    ):
        run(db)
    assert run(db, compare=("aws", "lambda")).energy is None


def test_a_room_whose_rent_holds_the_electricity_needs_no_tariff(db):
    found = run(db, country=None, figures=figures(colo_covers_power=1, colo_usd_per_kw_month=150))

    assert "usd_per_kwh" not in inputs(found)


def test_energy_and_carbon_of_a_year_are_those_of_the_servers_and_the_building(db):
    energy = run(db).energy

    assert energy.kwh_per_year == pytest.approx(8 * 0.7 * 1.82 * 0.75 * 1.25 * 8766)
    assert energy.kg_co2e_per_year == pytest.approx(energy.kwh_per_year * 0.35)
    db.execute("DELETE FROM grid_carbon")
    assert run(db).energy.kg_co2e_per_year is None


def test_the_bands_of_the_chart_end_where_the_ranges_of_the_table_are(db):
    found = run(db)

    drawn = bands(inputs(found), found.options)

    for one in found.uncertainty.ranges:
        low, high = drawn[one.name]
        assert (low[-1], high[-1]) == (pytest.approx(one.p10), pytest.approx(one.p90))
        assert len(low) == 37


def test_what_only_the_high_end_of_a_range_needs_is_there_and_shown(db):
    found = run(db, figures={"financed_share": Figure(0.0, 0.0, 0.5)})

    assert {"financed_share", "interest_rate", "loan_months"} <= set(inputs(found))
    assert next(one for one in found.uncertainty.ranges if one.name == "buy").highest > 0


def test_what_nobody_can_own_is_not_bought_unless_somebody_says_what_it_costs(db):
    db.execute("UPDATE accelerators SET segment = 'cloud-only'")

    with pytest.raises(ConfigError, match=r"is not sold, only rented: leave buying out with --no-buy, or say what"):
        run(db)
    assert run(db, compare=("aws",)).comparison.cheapest == "aws"
    assert run(db, figures=figures(accelerator_usd=9000.0)).comparison.options[0].upfront > 0


def test_our_choices_are_tried_otherwise_and_those_of_the_user_are_not(db):
    found = {one.name: one for one in run(db).choices}

    idle = found["paid_idle_share"]
    assert (idle.value, idle.tried, idle.cheapest, idle.flips) == (0, 1, ("buy",), True)
    again = run(db, figures=figures(paid_idle_share=1))
    totals = {one.name: one.total for one in again.comparison.options}
    assert idle.gap == pytest.approx(totals["buy"] - totals["lambda"])
    assert again.comparison.cheapest == "buy"
    assert "paid_idle_share" not in {one.name for one in again.choices}
    assert "cached_share" not in found  # no API is compared
    assert {"residual_share", "spares_share"} <= set(found)


def test_more_options_than_can_be_drawn_are_refused(db):
    with pytest.raises(ConfigError, match="up to 20 options, not 21: compare fewer"):
        run(db, compare=tuple(f"p{number}" for number in range(21)))


def test_a_pod_of_a_thousand_is_no_offer_to_who_wants_eight_as_long_as_there_are_smaller_ones(db):
    pod = {"provider": "aws", "instance_type": "pod", "gpu_count": 1920, "accelerator_id": "nvidia-h100-sxm5-80gb"}
    insert(db, "cloud_prices", region="us-east-1", ondemand_usd_per_gpu_hour=1.0, price_date="2026-11-20", **pod)

    assert inputs(run(db))["aws.rate_usd_per_gpu_hour"].mid == 6.88
    assert inputs(run(db, count=1900))["aws.rate_usd_per_gpu_hour"].mid == 1.0


def test_a_reservation_that_outlasts_the_horizon_is_named(db):
    found = run(db, compare=("buy", "lambda:reserved-1y"), years=2.5).notes

    assert "lambda:reserved-1y: 36 months are paid for 30: a reservation runs to its end" in found
    assert not any("runs to its end" in note for note in run(db, compare=("buy", "lambda:reserved-1y"), years=2).notes)


def test_a_model_that_retires_before_the_end_is_named(db):
    work = figures(tokens_per_second=5000.0, output_share=0.25)
    db.execute("UPDATE api_prices SET note = 'retires on 2027-02-01 (as a list says)' WHERE model = 'gpt-5'")

    asked = {"compare": ("buy", "api:openai/gpt-5"), "figures": work}
    said = "api:openai/gpt-5: its provider says that the model retires on 2027-02-01, before the end"
    assert said in run(db, **asked).notes
    assert said not in run(db, **asked, years=0.1).notes
