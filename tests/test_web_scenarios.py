"""Scenarios as addresses and commands, charts of costs, and the words of the page: what needs no database."""

import shlex
import xml.etree.ElementTree as ElementTree
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiwire.pipeline.costs import report
from aiwire.tco.inputs import INPUTS
from aiwire.tco.scenario import Figure, Scenario
from aiwire.web.filters import FILTERS
from aiwire.web.scenarios import FIGURES, address_of, command_of, scenario_of
from aiwire.web.svg.costs import CostLine, Crossing, Swing, cost_chart, swing_bar
from aiwire.web.svg.scales import short_usd, ticks
from aiwire.web.wording import LABELS, input_label, on_page, option_name, provider_name, value_text

NOW = datetime(2026, 11, 23, 6, tzinfo=UTC)
ASKED = "accelerator=nvidia-h100&count=8&compare=buy,aws,lambda&utilisation=0.6&years=3&country=DE"


@st.composite
def scenarios(draw):
    names = draw(st.lists(st.sampled_from(["aws", "aws:spot", "lambda", "lambda:reserved-1y", "api:openai/gpt-5"]),
                          unique=True, min_size=1))  # fmt: skip
    figures = {}
    for name in draw(st.lists(st.sampled_from(FIGURES), unique=True, max_size=4)):
        spec = INPUTS[name]
        ends = st.integers(1, 4).map(lambda n, spec=spec: min(spec.high, spec.low + n / (1 if spec.whole else 8)))
        low, mid, high = sorted(draw(st.tuples(ends, ends, ends)))
        figures[name] = Figure(low, mid, high)
    if "aws" in names and draw(st.booleans()):
        figures["aws.managed_share"] = Figure(0.1, 0.25, 0.5)
    return Scenario(
        accelerator="nvidia-h100", part=draw(st.none() | st.just("nvidia-h100-pcie")),
        count=draw(st.integers(1, 10**6)), years=draw(st.integers(1, 80)) / 4,
        utilisation=draw(st.integers(1, 100)) / 100, country=draw(st.sampled_from(["DE", "US"])),
        region=draw(st.none() | st.just("us-east-1")),
        compare=(*draw(st.sampled_from([(), ("buy",)])), *names), figures=figures,
    )  # fmt: skip


@given(scenarios())
def test_an_address_gives_the_scenario_back(scenario):
    address = address_of(scenario)

    again = scenario_of(None, {name: [value] for name, value in address.items()}, today=date(2026, 11, 23))

    assert again == scenario


@given(scenarios())
def test_a_command_line_names_all_of_a_scenario(scenario):
    command = shlex.split(command_of(scenario))

    assert command[:2] == ["aiwire", "tco"]
    assert ("--no-buy" in command) == ("buy" not in scenario.compare)
    assert command.count("--set") == len(scenario.figures)


@given(st.floats(-1e9, 1e9), st.floats(0.01, 1e9))
def test_ticks_hold_all_values_and_are_few(low, span):
    found = ticks(low, low + span)

    assert found[0] <= low + 1e-6 * span
    assert found[-1] >= low + span - 1e-6 * span
    assert 2 <= len(found) <= 8


@pytest.mark.parametrize(
    ("usd", "words"), [(0, "$0"), (2.5, "$2.50"), (40000, "$40k"), (1.25e6, "$1.25M"), (-3e9, "-$3B")]
)
def test_amounts_on_axes_are_short(usd, words):
    assert short_usd(usd) == words


def test_more_options_than_colours_are_drawn_in_grey():
    lines = [CostLine(f"o{n}", (0.0, float(n)), n - 0.5, n + 0.5) for n in range(1, 9)]

    drawn = str(cost_chart([0.0, 1.0], lines, [Crossing(0.5, 1.0, "<here>")], title="<t>", description="d"))

    assert drawn.count('class="series series--more"') == 3
    assert "&lt;here&gt;" in drawn
    ElementTree.fromstring(drawn)


def test_a_bar_reaches_from_the_gap_as_it_is_to_both_ends():
    bar = ElementTree.fromstring(str(swing_bar(Swing(-50.0, 100.0, 0.0), low=-100.0, high=100.0, words="w")))

    low, high = (one for one in bar if one.tag.endswith("rect"))
    assert (float(low.get("width")), float(high.get("width"))) == (58.0, 116.0)
    assert float(low.get("x")) + 58.0 == float(high.get("x")) == 120.0


def test_every_input_has_a_label_of_its_own():
    assert set(LABELS) == set(INPUTS)
    assert len(set(LABELS.values())) == len(LABELS)


@pytest.mark.parametrize(
    ("provider", "name"), [("aws", "AWS"), ("lambda", "Lambda"), ("verda", "Verda"), ("vast", "Vast.ai"), ("", "")]
)
def test_providers_are_named_as_they_are_written(provider, name):
    assert provider_name(provider) == name


def test_options_and_inputs_are_named_in_plain_words():
    assert option_name("buy") == "buying"
    assert option_name("aws:spot") == "renting from AWS (spot)"
    assert option_name("api:openai/gpt-5") == "calling gpt-5 of OpenAI"
    assert input_label("verda.rate_usd_per_gpu_hour") == "Price of a GPU-hour, Verda"
    assert input_label("staff_usd_per_accelerator_year") == "Staff"


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("staff_usd_per_accelerator_year", 4687.5, "$4,688"), ("residual_share", 0.3375, "33.8%"),
        ("utilisation", 0.6, "60%"), ("aws.rate_usd_per_gpu_hour", 2.4, "$2.40"), ("pue", 1.25, "1.25"),
        ("usd_per_kwh", 0.1875, "$0.188"), ("storage_usd", 0.0, "$0.00"), ("interest_rate", 0.045, "4.5%"),
    ],
)  # fmt: skip
def test_values_are_written_as_amounts_and_shares(name, value, text):
    assert value_text(name, value) == text


@given(st.floats(0.01, 1e9) | st.floats(-1e9, -0.01))
def test_an_amount_is_written_the_same_in_sentences_and_in_tables(value):
    assert report.usd(value) == FILTERS["usd"](value)


@given(st.text())
def test_any_sentence_can_be_put_into_the_words_of_the_form(sentence):
    on_page(sentence)
