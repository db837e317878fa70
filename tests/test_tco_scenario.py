"""Scenario files: what is read, what is written, and what is refused."""

from __future__ import annotations

import string
from typing import Any

import pytest
import tomlkit
from hypothesis import given
from hypothesis import strategies as st

from aiwire.exceptions import ConfigError
from aiwire.tco.inputs import INPUTS, checked
from aiwire.tco.scenario import AskedOption, Figure, OwnOption, Scenario, asked, dump, read

WHOLE_FILE = """
[scenario]
accelerator = "nvidia-h100"
count = 8
years = 2.5
utilisation = 0.6
country = "DE"
compare = ["buy", "aws", "lambda:reserved-1y", "api:openai/gpt-5.4", "our-host"]

[inputs]
pue = 1.3
usd_per_kwh = {low = 0.15, mid = 0.18, high = 0.22, source = "our contract", date = 2026-01-31}

[options."aws"]
managed_share = 0.1

[options."api:openai/gpt-5.4"]
input_usd_per_mtok = {mid = 1, high = 2, date = "2026-02-01"}

[options."our-host"]
kind = "rent"
instance_gpus = 8
rate_usd_per_gpu_hour = 2
"""


def test_a_scenario_file_is_read_whole() -> None:
    assert read(WHOLE_FILE) == Scenario(
        accelerator="nvidia-h100",
        count=8,
        years=2.5,
        utilisation=0.6,
        country="DE",
        compare=("buy", "aws", "lambda:reserved-1y", "api:openai/gpt-5.4", "our-host"),
        figures={
            "pue": Figure(1.3, 1.3, 1.3),
            "usd_per_kwh": Figure(0.15, 0.18, 0.22, "our contract", "2026-01-31"),
            "aws.managed_share": Figure(0.1, 0.1, 0.1),
            "api:openai/gpt-5.4.input_usd_per_mtok": Figure(1, 1, 2, date="2026-02-01"),
            "our-host.rate_usd_per_gpu_hour": Figure(2, 2, 2),
        },
        options={"our-host": OwnOption("rent", 8)},
    )


def test_an_empty_file_leaves_everything_open() -> None:
    assert read("") == Scenario()
    assert dump(Scenario()) == ""


def test_count_years_and_utilisation_are_inputs_like_others() -> None:
    given_figures = read(
        "[scenario]\ncount = 8\nyears = 2.5\n[inputs]\nutilisation = {low = 0.4, mid = 0.5, high = 0.6}"
    )

    assert given_figures.given() == {
        "accelerators": Figure(8, 8, 8),
        "horizon_months": Figure(30, 30, 30),
        "utilisation": Figure(0.4, 0.5, 0.6),
    }


# round trip

TEXTS = st.text(min_size=1).filter(str.strip)
NAMES = st.text(string.ascii_letters + string.digits + "-_./ é\"'\\", min_size=1).filter(str.strip)
MODELS = NAMES.filter(lambda name: all(part.strip() for part in name.split("/", 1)))


def allowed(name: str) -> st.SearchStrategy[float]:
    spec = INPUTS[name]
    high = min(spec.high, 1e9)
    if spec.whole:
        return st.integers(int(spec.low), int(high)).map(float)
    return st.floats(spec.low + 1e-9 if spec.above_low else spec.low, high)


@st.composite
def drawn_figures(draw: st.DrawFn, name: str) -> Figure:
    low, mid, high = sorted(draw(st.tuples(allowed(name), allowed(name), allowed(name))))
    dates = st.dates().map(lambda day: day.isoformat())
    return Figure(low, mid, high, draw(st.none() | TEXTS), draw(st.none() | dates))


@st.composite
def scenarios(draw: st.DrawFn) -> Scenario:
    rented = draw(st.lists(NAMES.filter(lambda name: name not in ("buy", "api")), unique=True, max_size=3))
    models = draw(st.lists(MODELS.map(lambda name: f"api:{name}"), unique=True, max_size=2))
    commons = draw(st.lists(st.sampled_from(sorted(INPUTS)), unique=True, max_size=5))
    figures = {name: draw(drawn_figures(name)) for name in commons}
    options = {}
    for option, scope in [(name, "rent") for name in rented] + [(name, "api") for name in models]:
        own = draw(st.lists(st.sampled_from([n for n, spec in INPUTS.items() if spec.scope == scope]), unique=True))
        figures |= {f"{option}.{name}": draw(drawn_figures(name)) for name in own}
        if draw(st.booleans()):
            options[option] = OwnOption("rent" if scope == "rent" else "api", draw(st.none() | st.integers(1, 72)))
    short = {
        "count": st.integers(1, 10_000),
        "years": st.floats(0.01, 20),
        "utilisation": st.floats(0.01, 1),
    }
    full = {"count": "accelerators", "years": "horizon_months", "utilisation": "utilisation"}
    return Scenario(
        accelerator=draw(st.none() | TEXTS),
        part=draw(st.none() | TEXTS),
        country=draw(st.none() | st.text(string.ascii_uppercase, min_size=2, max_size=2)),
        region=draw(st.none() | TEXTS),
        compare=tuple(draw(st.permutations(["buy", *rented, *models]))),
        figures=figures,
        options=options,
        **{key: draw(st.none() | values) for key, values in short.items() if full[key] not in figures},
    )


@given(scenarios())
def test_what_is_written_is_read_again(scenario: Scenario) -> None:
    assert read(dump(scenario)) == scenario


@given(scenarios())
def test_all_figures_of_a_scenario_are_ones_that_inputs_may_have(scenario: Scenario) -> None:
    for end in ("low", "mid", "high"):
        found = {name: getattr(figure, end) for name, figure in scenario.given().items()}
        assert checked(found) == found


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 300) | st.floats() | st.sampled_from(["DE", "rent", "api", "", "aws"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["low", "mid", "kind", "a"]), inner),
    max_leaves=4,
)
KEYS = st.sampled_from(["accelerator", "count", "years", "compare", "country", "pue", "aws", "buy", "kind", "a.pue"])


@given(st.dictionaries(st.sampled_from(["scenario", "inputs", "options"]), VALUES | st.dictionaries(KEYS, VALUES)))
def test_any_tables_are_read_and_written_again_or_refused_with_the_name_of_the_file(tables: dict[str, Any]) -> None:
    text = tomlkit.dumps(without_none(tables))
    try:
        found = read(text, name="ours.toml")
    except ConfigError as refused:
        found, message = None, str(refused)
    if found is None:
        assert message.startswith("ours.toml: ")
    else:
        assert read(dump(found)) == found


def without_none(value: Any) -> Any:
    """Return tables and lists without None, which TOML has not."""
    if isinstance(value, dict):
        return {key: without_none(one) for key, one in value.items() if one is not None}
    return [without_none(one) for one in value if one is not None] if isinstance(value, list) else value


# entries of `compare`


@pytest.mark.parametrize(
    ("text", "option"),
    [
        ("buy", AskedOption("buy", "buy", None)),
        ("aws", AskedOption("aws", "rent", "aws")),
        ("aws:spot", AskedOption("aws:spot", "rent", "aws", commitment="spot")),
        ("lambda:reserved-1y", AskedOption("lambda:reserved-1y", "rent", "lambda", commitment="reserved-1y")),
        ("api:openai/gpt-5", AskedOption("api:openai/gpt-5", "api", "openai", "gpt-5")),
        ("api:gpt-5", AskedOption("api:gpt-5", "api", None, "gpt-5")),
        ("api:together/meta/llama", AskedOption("api:together/meta/llama", "api", "together", "meta/llama")),
    ],
)
def test_an_entry_is_taken_apart(text: str, option: AskedOption) -> None:
    assert asked(text) == option


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no name"),
        (" ", "has no name"),
        ("api:", "has no name"),
        ("api", "'api' has no model"),
        ("api:openai/", "'api:openai/' has no model"),
        ("api:/gpt-5", "'api:/gpt-5' has no provider"),
        (":spot", "has no name"),
        ("aws:reserved", "'reserved' is no way of renting; accepted: on-demand, spot, reserved-1y, reserved-3y"),
        ("buy:spot", "'spot' is no way of buying"),
    ],
)
def test_an_entry_that_says_nothing_is_refused(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        asked(text)


# what is refused


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[scenario", "not TOML"),
        ("[inputs]\npue = 1" + 5000 * "0", "not TOML"),
        ("[input]", r"the file has no key 'input'; did you mean 'inputs'\?"),
        ("scenario = 1", r"\[scenario\] is 1; accepted is a table"),
        ("[scenario]\nacelerator = 'x'", r"\[scenario\] has no key 'acelerator'; did you mean 'accelerator'\?"),
        ("[scenario]\naccelerator = 5", "accelerator is 5; accepted is a text"),
        ("[scenario]\naccelerator = ' '", "accelerator is ' '; accepted is a text"),
        ("[scenario]\ncountry = 'Germany'", "country is 'Germany'; accepted is its code of two capital letters"),
        ("[scenario]\ncount = 7.5", "count is 7.5: .*accepted is a whole number from 1"),
        ("[scenario]\ncount = 1" + 400 * "0", "count is 10"),
        ("[scenario]\nyears = 1" + 400 * "0", "years is 10"),
        ("[options.aws]\ninstance_gpus = 1" + 400 * "0", "instance_gpus is 10"),
        ("[scenario]\ncount = true", "count is True"),
        ("[scenario]\nyears = 0", "years is 0: .*accepted is a number above 0, at most 240, in months"),
        ("[scenario]\nyears = '3'", "years is '3'"),
        ("[scenario]\nyears = nan", "years is nan"),
        ("[scenario]\nutilisation = 60", "utilisation is 60: .*at most 1"),
        ("[scenario]\ncompare = 'aws'", r'compare is \'aws\'; accepted is a list of options, as \["buy", "aws"\]'),
        ("[scenario]\ncompare = ['aws', 'aws']", "compare has 'aws' twice"),
        ("[scenario]\ncompare = ['aws:spit']", "'spit' is no way of renting"),
        ("[scenario]\ncount = 8\n[inputs]\naccelerators = 9", "count is given in .scenario. and, as accelerators"),
        ("[inputs]\nutilization = 0.5", r"there is no input 'utilization'; did you mean 'utilisation'\?"),
        (
            "[inputs]\n'aws.managed_share' = 0.5",
            r"\[inputs\] has 'aws.managed_share'; give it as managed_share under \[options\.\"aws\"\]",
        ),
        ("[inputs]\npue = '1.2'", "input pue is '1.2'; accepted is a number"),
        ("[inputs]\npue = []", r"input pue is \[\]; accepted is a number"),
        ("[inputs]\npue = {low = 1.1}", "input pue has no mid"),
        ("[inputs]\npue = {mid = 1.1, max = 2}", "input pue has no key 'max'"),
        ("[inputs]\npue = {low = 1.2, mid = 1.1}", "input pue is 1.2, 1.1, 1.1; accepted is low, mid, high in rising"),
        ("[inputs]\npue = {mid = 1.1, date = 2026}", "date of input pue is 2026; accepted is a day, as 2026-01-31"),
        ("[inputs]\npue = {mid = 1.1, date = 'now'}", "date of input pue is 'now'"),
        ("[inputs]\npue = {mid = 1.1, date = 2026-01-31T10:00:00}", "date of input pue is .*accepted is a day"),
        ("[inputs]\npue = {mid = 1.1, source = ''}", "source of input pue is ''; accepted is a text"),
        ("[options]\naws = 3", r"\[options\.\"aws\"\] is 3; accepted is a table"),
        ("[options.aws]\npue = 1.2", r"\[options\.\"aws\"\] has no key 'pue'"),
        ("[options.aws]\nkind = 'buy'", r"kind is 'buy'; accepted: rent, api"),
        ("[options.'api:x']\nkind = 'rent'", "kind is rent, but the name says api"),
        ("[options.aws]\ninstance_gpus = 0", "instance_gpus is 0; accepted is a whole number from 1"),
        ("[options.aws]\ninstance_gpus = true", "instance_gpus is True"),
        ("[scenario]\ncompare = ['aws']\n[options.asw]\n", r"\[options\] has no key 'asw'; did you mean 'aws'\?"),
    ],
)
def test_what_is_not_accepted_is_refused_with_what_is(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=rf"^ours\.toml: .*{message}"):
        read(text, name="ours.toml")
