"""Which articles support or contradict an input of a comparison, and which say nothing about it."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from cost_questions import NOW, figures, inputs, run
from cost_rows import add_article, cost_db, quote
from db_rows import ENTITIES, article, save
from hypothesis import given
from hypothesis import strategies as st

from aiwire.pipeline.costs.evidence import Subject, weigh
from aiwire.tco.inputs import Input
from aiwire.types import Entity, Mention, Tag, Tagging
from db.reference.quotes import Quote, quotes
from db.store import sync_entities


@pytest.fixture
def db():
    with cost_db() as db:
        yield db


def test_articles_support_or_contradict_what_they_quote_a_price_of(db):
    of = {"accelerator": "nvidia-h100"}
    add_article(db, "near", quote("$25,000", 25000.0, "card", **of))
    add_article(db, "far", quote("$40,000", 40000.0, "card", **of))
    add_article(db, "hour", quote("$7 an hour", 7.0, "gpu-hour", **of))

    found = inputs(run(db))

    said = {item.url.rsplit("/", 1)[1]: item.supports for item in found["accelerator_usd"].evidence}
    assert said == {"near": True, "far": False}
    assert [item.supports for item in found["aws.rate_usd_per_gpu_hour"].evidence] == [True]  # 6.88
    assert [item.supports for item in found["lambda.rate_usd_per_gpu_hour"].evidence] == [False]  # 2.99


def test_implausible_and_foreign_prices_are_shown_and_never_counted(db):
    of = {"accelerator": "nvidia-h100"}
    add_article(db, "absurd", quote("$3", 3.0, "card", **of))
    add_article(db, "euro", quote("€25,000", 25000.0, "card", currency="EUR", **of))
    db.execute("UPDATE prices SET implausible = 1 WHERE amount = 3")

    found = run(db)

    assert inputs(found)["accelerator_usd"].evidence == ()
    assert {aside.reason for aside in found.press.set_aside} == {
        "implausible: outside what the reference makes likely", "in EUR: only US dollars are compared",
    }  # fmt: skip


def test_only_articles_of_the_time_that_was_asked_for_are_heard(db):
    of = {"accelerator": "nvidia-h100"}
    add_article(db, "old", quote("$25,000", 25000.0, "card", **of), day=datetime(2025, 11, 22, tzinfo=UTC))
    add_article(db, "new", quote("$25,000", 25000.0, "card", **of), day=datetime(2025, 11, 23, tzinfo=UTC))

    assert [item.url for item in inputs(run(db))["accelerator_usd"].evidence] == ["https://example.org/new"]
    assert len(inputs(run(db, months=13))["accelerator_usd"].evidence) == 2
    assert inputs(run(db, months=0))["accelerator_usd"].evidence == ()


def test_copies_of_a_story_are_one_witness(db):
    price = quote("$25,000", 25000.0, "card", accelerator="nvidia-h100")
    add_article(db, "first", price, day=datetime(2026, 10, 1, tzinfo=UTC))
    add_article(db, "copy", price, day=datetime(2026, 10, 2, tzinfo=UTC), source_id="mirror")
    leader = db.execute("SELECT id FROM articles WHERE url LIKE '%first'").fetchone()[0]
    db.execute("UPDATE articles SET story_id = ?", [leader])

    found = quotes(db, ("card",), since=datetime(2026, 1, 1, tzinfo=UTC), until=NOW, accelerator="nvidia-h100")

    assert [one.url for one in found] == ["https://example.org/first"]


def test_prices_of_tokens_are_compared_where_they_name_model_and_direction(db):
    sentence = "GPT-5 is priced at $1.25/1M input tokens and $12/1M output tokens."
    add_article(
        db, "gpt",
        quote("$1.25/1M input tokens", 1.25, "1M-tokens", sentence=sentence, product="gpt"),
        quote("$12/1M output tokens", 12.0, "1M-tokens", sentence=sentence, product="gpt"),
        quote("$14/1M output tokens", 14.0, "1M-tokens", product="gpt",
              sentence="GPT-5.2 is priced at $14/1M output tokens."),
    )  # fmt: skip

    found = run(db, compare=("api:openai/gpt-5",), figures=figures(tokens_per_second=1000, output_share=0.25))

    by_name = inputs(found)
    assert [item.amount for item in by_name["api:openai/gpt-5.input_usd_per_mtok"].evidence] == [1.25]
    assert [(item.amount, item.supports) for item in by_name["api:openai/gpt-5.output_usd_per_mtok"].evidence] == [
        (12.0, True)
    ]
    # what is counted for one input is not shown as left out of another, and nothing is shown twice
    assert [(aside.quote.amount, aside.reason) for aside in found.press.set_aside] == [
        (14.0, "the sentence does not name gpt-5")
    ]


def one_quote(amount, *, unit="card", sentence="It costs $5.", words="$5", highest=None, qualifier=None):
    return Quote(
        "https://example.org/a", "Title", "example", "2026-10-01T00:00:00Z", words, sentence, amount, highest, "USD",
        unit, qualifier, 0,
    )  # fmt: skip


def value(name="accelerator_usd", *, low=100.0, mid=100.0, high=100.0):
    return Input(name, low, mid, high, "USD", "reference", "made up")


@pytest.mark.parametrize(
    ("amount", "more", "supports"),
    [
        (125, {}, True),  # a quarter away
        (126, {}, False),
        (74, {}, False),
        (50, {"qualifier": "from"}, True),  # it may cost more
        (150, {"qualifier": "from"}, False),
        (150, {"qualifier": "up-to"}, True),
        (50, {"qualifier": "up-to"}, False),
        (50, {"highest": 80.0}, True),  # a part of the range lies near
        (50, {"highest": 70.0}, False),
    ],
)
def test_a_quote_supports_a_value_if_it_is_at_most_a_quarter_away(amount, more, supports):
    [found] = weigh(value(), Subject(), [one_quote(amount, **more)])[0].evidence
    assert found.supports is supports


@given(st.floats(1, 1e6), st.floats(0, 1e5), st.floats(0, 1e5), st.floats(1, 2e6))
def test_a_quote_supports_a_range_just_if_it_lies_in_it_or_near_the_value(mid, below, above, amount):
    low, high = max(0.0, mid - below), mid + above
    [found] = weigh(value(low=low, mid=mid, high=high), Subject(), [one_quote(amount)])[0].evidence
    assert found.supports == (low <= amount <= high or mid * 0.75 <= amount <= mid * 1.25)


@pytest.mark.parametrize(
    ("qualifier", "commitment", "is_compared"),
    [
        (None, "spot", False),
        (None, "reserved-1y", False),
        (None, "on-demand", True),
        ("spot", "spot", True),
        ("spot", "on-demand", False),
        ("reserved", "reserved-3y", True),
        ("reserved", "on-demand", False),
        ("from", "on-demand", True),
        ("from", "spot", False),
    ],
)
def test_a_quote_of_another_way_of_renting_is_not_compared(qualifier, commitment, is_compared):
    found, aside = weigh(
        value("aws.rate_usd_per_gpu_hour"), Subject(commitment=commitment), [one_quote(2, qualifier=qualifier)]
    )
    assert (len(found.evidence), len(aside)) == ((1, 0) if is_compared else (0, 1))


@pytest.mark.parametrize(
    ("sentence", "commitment", "reason"),
    [
        ("On demand, an H100 costs $5.", "on-demand", None),
        ("On demand, an H100 costs $5.", "spot", "a price on-demand, not spot"),
        ("On the spot market an H100 costs $5.", "spot", None),
        ("With a three-year commitment it costs $5.", "on-demand", "a price reserved, not on-demand"),
        ("It costs $5 on-demand, and less as spot.", "on-demand", "a price on-demand or spot, not on-demand"),
        ("It costs $5.", "reserved-3y", "does not say that it is reserved"),
    ],
)
def test_the_way_of_renting_is_read_in_the_sentence(sentence, commitment, reason):
    _, aside = weigh(
        value("aws.rate_usd_per_gpu_hour"), Subject(commitment=commitment), [one_quote(5, sentence=sentence)]
    )
    assert [one.reason for one in aside] == ([reason] if reason else [])


@pytest.mark.parametrize(
    ("sentence", "title", "tagged", "reason"),
    [
        ("AWS asks $5 an hour.", "Prices", (), None),
        ("It asks $5 an hour.", "Prices", (), None),
        ("CoreWeave asks $5 an hour.", "Prices of AWS", (), "the sentence names coreweave"),
        ("Lambda asks $5 an hour.", "Prices", (), "the sentence names lambda"),
        ("AWS asks $5 an hour, twice as much as Nebius.", "Prices", (), "the sentence names nebius"),
        ("They ask $5 an hour.", "RunPod cuts prices", (), "the title names runpod"),
        ("They ask $5 an hour.", "RunPod undercuts AWS", (), None),
        ("Quorvex asks $5 an hour.", "Prices", ("quorvex",), "the sentence names quorvex"),
        ("Amazon asks $5 an hour.", "Prices", ("amazon",), None),
        ("Quorvex Labs asks $5 an hour.", "Prices", (), "the sentence names Quorvex Labs"),
        ("The Cloud of AWS Inc asks $5 an hour.", "Prices", (), None),
    ],
)
def test_a_price_of_another_company_is_set_aside(sentence, title, tagged, reason):
    said = replace(one_quote(5, unit="gpu-hour", sentence=sentence), title=title, companies=tagged)
    _, aside = weigh(value("aws.rate_usd_per_gpu_hour"), Subject(commitment="on-demand", companies=("amazon",)), [said])
    assert [one.reason for one in aside] == ([reason] if reason else [])


@pytest.mark.parametrize(
    ("sentence", "title", "url", "reason"),
    [
        ("In Germany a kWh costs $5.", "Power", "https://example.org/a", None),
        ("A kWh costs $5.", "German industry pays more", "https://example.org/a", None),
        ("A kWh costs $5.", "Power", "https://zeitung.example.de/a", None),
        ("A kWh costs $5.", "Power", "https://example.org/a", "of no stated country"),
        ("A kWh costs $5, say us all.", "Power", "https://example.ai/a", "of no stated country"),
        ("In Texas a kWh costs $5.", "Power", "https://zeitung.example.de/a", "of US, not of DE alone"),
        ("A kWh costs $5 in Germany and France.", "Power", "https://example.org/a", "of DE, FR, not of DE alone"),
    ],
)
def test_a_tariff_counts_for_the_country_that_is_named(sentence, title, url, reason):
    said = replace(one_quote(5, unit="kwh", sentence=sentence), title=title, url=url)
    _, aside = weigh(value("usd_per_kwh"), Subject(is_tariff=True, country="DE"), [said])
    assert [one.reason for one in aside] == ([reason] if reason else [])


def test_without_a_country_no_tariff_is_compared():
    said = one_quote(5, unit="kwh", sentence="In Germany a kWh costs $5.")
    [aside] = weigh(value("usd_per_kwh"), Subject(is_tariff=True), [said])[1]
    assert aside.reason == "of DE, and no country was asked for"


@pytest.mark.parametrize(
    ("sentence", "count"),
    [
        ("A DGX H100, eight GPUs, costs $5.", 8),
        ("A DGX H100 costs $5.", 8),
        ("A server with 4 H100 costs $5.", 4),
        ("The 8-GPU system costs $5.", 8),
        ("An 8x H100 server costs $5.", 8),
        ("Sixteen Nvidia H100 GPUs in a rack cost $5.", 16),
        ("A GB200 NVL72 costs $5.", 72),
        ("A server costs $5.", None),
        ("Servers with 4 GPUs or 8 GPUs cost $5.", None),
        ("DGX Station costs $5.", None),
    ],
)
def test_a_system_counts_by_the_accelerators_that_the_sentence_gives_it(sentence, count):
    said = [one_quote(count * 1.5 * 100 if count else 5, unit="system", sentence=sentence)]

    part, aside = weigh(value("accelerator_usd"), Subject(server_factor=1.5), said)
    assert [(one.amount, one.supports) for one in part.evidence] == ([(pytest.approx(100), True)] if count else [])
    assert [one.reason for one in aside] == (
        [] if count else ["price of a system: how many accelerators are in it is not said"]
    )
    system, _ = weigh(value("system_usd"), Subject(accelerators=16), said)
    assert [one.amount for one in system.evidence] == ([pytest.approx(16 * 150)] if count else [])


def test_the_companies_of_a_quote_are_those_that_are_tagged_in_its_sentence(db):
    sync_entities(db, [*ENTITIES, Entity("quorvex", "company", "Quorvex", category="gpu-cloud")])
    words = "Quorvex rents an H100 for $7 an hour."
    price = quote("$7 an hour", 7.0, "gpu-hour", sentence=words, accelerator="nvidia-h100")
    found = Mention("text", 0, 7, "Quorvex", 0, len(words), "any", 0.9)
    tagged = Tag("company", "quorvex", "Quorvex", ("Quorvex",), 1, False, "mention", True, 0.5, 0.9, words, (found,))
    tagging = Tagging(tags=(tagged,), prices=(price,))
    save(db, article("tagged", words, day=datetime(2026, 10, 1, tzinfo=UTC), tagging=tagging))

    costing = run(db)

    assert [one.reason for one in costing.press.set_aside] == ["the sentence names quorvex"]
    assert costing.press.set_aside[0].quote.companies == ("quorvex",)
    assert inputs(costing)["aws.rate_usd_per_gpu_hour"].evidence == ()


def test_a_whole_system_in_the_press_speaks_of_its_accelerators(db):
    of = {"accelerator": "nvidia-h100"}
    add_article(db, "dgx", quote("$375,000", 375000.0, "system", sentence="DGX H100, eight GPUs, $375,000.", **of))
    add_article(db, "box", quote("$300,000", 300000.0, "server", sentence="A server for $300,000.", **of))

    found = run(db)

    [said] = inputs(found)["accelerator_usd"].evidence
    assert (said.amount, said.supports) == (pytest.approx(375000 / 8 / 1.64), True)
    assert [one.quote.quote for one in found.press.set_aside] == ["$300,000"]


@pytest.mark.parametrize(
    ("sentence", "is_named"),
    [
        ("GPT-5 costs $5 input", True),
        ("the new GPT 5, at $5 input", True),
        ("gpt‑5 ($5 input)", True),
        ("GPT-5.2 costs $5 input", False),
        ("GPT-5 mini costs $5 input", False),
        ("GPT-50 costs $5 input", False),
        ("its GPT-4 costs $5 input", False),
        ("XGPT-5 costs $5 input", False),
    ],
)
def test_a_model_is_named_where_its_name_does_not_go_on(sentence, is_named):
    quoted = one_quote(5, unit="1M-tokens", sentence=sentence)
    found, _ = weigh(value("api:a/gpt-5.input_usd_per_mtok", low=5, mid=5, high=5), Subject(model="gpt-5"), [quoted])
    assert bool(found.evidence) == is_named


@pytest.mark.parametrize(
    ("model", "sentence"),
    [
        ("gemini-3-flash-preview", "Gemini 3 Flash costs $5 input"),
        ("claude-sonnet-4-5-20250929", "Claude Sonnet 4.5 costs $5 input"),
        ("gpt-4o-2024-08-06", "GPT-4o costs $5 input"),
    ],
)
def test_what_providers_add_to_a_name_need_not_be_said(model, sentence):
    quoted = one_quote(5, unit="1M-tokens", sentence=sentence)
    found, _ = weigh(value("input_usd_per_mtok", low=5, mid=5, high=5), Subject(model=model), [quoted])
    assert len(found.evidence) == 1


@pytest.mark.parametrize(
    ("sentence", "words", "direction"),
    [
        ("m: $5 per 1M input tokens", "$5 per 1M input tokens", "input"),
        ("m: $5 per million output", "$5 per million", "output"),
        ("m: Input: $5 per 1M", "$5 per 1M", "input"),
        ("m: cached input $5", "$5", "cached"),
        ("m: $5 and $10 output", "$5", None),
        ("m: text (audio input stays at $5/1M input)", "$5/1M input", None),
        ("m: $5 a million", "$5 a million", None),
    ],
)
def test_the_direction_of_tokens_is_read_beside_the_price(sentence, words, direction):
    names = {"input": "input_usd_per_mtok", "cached": "cached_input_usd_per_mtok", "output": "output_usd_per_mtok"}
    quoted = one_quote(5, unit="1M-tokens", sentence=sentence, words=words)
    for found, name in names.items():
        heard, _ = weigh(value(name, low=5, mid=5, high=5), Subject(model="m"), [quoted])
        assert bool(heard.evidence) == (found == direction)
