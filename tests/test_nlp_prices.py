"""Prices: amount, unit, qualifier, and what is no price."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.language import Language

from aiwire.types import Entity
from nlp.context import Found
from nlp.gazetteer import Record
from nlp.jsonl import tag_record
from nlp.pipeline import load_tagger, tag_article
from nlp.prices import PriceFound, find_prices
from nlp.text import Text


def chips(raw: str, *surfaces: str) -> list[Found]:
    return [
        Found("accelerator", s.lower(), s, at, at + len(s), "any", 1.0, None, Record(Entity(s, "accelerator", s), ()))
        for s in surfaces
        if (at := raw.find(s)) >= 0
    ]


def prices(raw: str, *surfaces: str) -> list[PriceFound]:
    return find_prices(Text.of("", raw), chips(raw, *surfaces))


def told(raw: str, *surfaces: str) -> list[tuple[float, float | None, str, str]]:
    return [(p.amount, p.amount_max, p.currency, p.unit) for p in prices(raw, *surfaces)]


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("An H100 rents for $2.99 per GPU-hour.", [(2.99, None, "USD", "gpu-hour")]),
        ("H100s cost $25,000-$30,000 per card.", [(25000, 30000, "USD", "card")]),
        ("Renting an H100 costs €2.5/h there.", [(2.5, None, "EUR", "gpu-hour")]),
        ("Power for the GPU hall is 5c/kWh.", [(0.05, None, "USD", "kwh")]),
        ("The model is $1/$6 per 1M tokens.", [(1, None, "USD", "1M-tokens"), (6, None, "USD", "1M-tokens")]),
        (
            "It costs $0.40 per million input tokens and $2 per million output tokens.",
            [(0.4, None, "USD", "1M-tokens"), (2, None, "USD", "1M-tokens")],
        ),
        ("ChatGPT Plus is $20/month.", [(20, None, "USD", "month")]),
        ("A GPU for 2.99 dollars an hour.", [(2.99, None, "USD", "gpu-hour")]),
        ("The card costs RMB 80,000 in Shenzhen, the GPU dealer said.", [(80000, None, "CNY", "card")]),
        ("A rack with 72 chips costs $3.3 million.", [(3.3e6, None, "USD", "system")]),
        ("Plans for the AI assistant cost US$15-25 monthly.", [(15, 25, "USD", "month")]),
        ("Eight GPUs cost $98.32 per instance-hour.", [(98.32, None, "USD", "instance-hour")]),
        ("A kit of eight chips costs $125,000, the GPU maker said.", [(125000, None, "USD", "system")]),
        ("A p5.48xlarge with eight H100 is $55.04 an hour.", [(55.04, None, "USD", "instance-hour")]),
        ("An H100 instance rents at $4 an hour.", [(4, None, "USD", "instance-hour")]),
        ("Running the model non-stop costs $1 per hour.", [(1, None, "USD", "other")]),
        ("The 8-GPU server sells for £250k.", [(250000, None, "GBP", "server")]),
        ("Each card is priced at HK$9,999, GPU fans said.", [(9999, None, "HKD", "card")]),
        ("GPU rents range from $0.52 to nearly $14.90 per GPU-hour.", [(0.52, 14.9, "USD", "gpu-hour")]),
        ("A GPU will cost between $30,000 and $40,000.", [(30000, 40000, "USD", "card")]),
        ("The GPU was cut from $900 to $700.", [(900, None, "USD", "card"), (700, None, "USD", "card")]),
        ("The API asks three cents per 1,000 tokens.", [(0.03, None, "USD", "other")]),
        ("Each LLM query costs half a dollar.", [(0.5, None, "USD", "other")]),
        ("The LLM costs $3/15 per million tokens.", [(3, None, "USD", "1M-tokens"), (15, None, "USD", "1M-tokens")]),
        (
            "The LLM is $2 in and $6 out per million tokens.",
            [(2, None, "USD", "1M-tokens"), (6, None, "USD", "1M-tokens")],
        ),
        ("ChatGPT has a $20-a-month plan.", [(20, None, "USD", "month")]),
        ("Most people stay on the $20 plan of ChatGPT.", [(20, None, "USD", "month")]),
        ("Copilot costs $30 per user per month.", [(30, None, "USD", "month")]),
        ("Running ChatGPT costs $700,000 a day.", [(700000, None, "USD", "other")]),
        ("The AI writes papers at a cost of $15 per paper.", [(15, None, "USD", "other")]),
        ("A sub-$500 GPU is enough.", [(500, None, "USD", "card")]),
        ("The $599 M5 laptop is out.", [(599, None, "USD", "system")]),
        ("The GPU rents for €2,50 per hour.", [(2.5, None, "EUR", "gpu-hour")]),
        ("The start-up's $6,400 server runs LLMs.", [(6400, None, "USD", "server")]),
        ("An 8-GPU node rents at $20–$32/hr.", [(20, 32, "USD", "instance-hour")]),
        ("The GPU server costs EUR 400.000.", [(400000, None, "EUR", "server")]),
        ("The server with eight GPUs costs 30.000 euros.", [(30000, None, "EUR", "server")]),
        ("The GPU server costs 250.000 €.", [(250000, None, "EUR", "server")]),
        ("The GPU server costs €400.000,50.", [(400000.5, None, "EUR", "server")]),
        ("The GPU server costs €400.000-500.000.", [(400000, 500000, "EUR", "server")]),
        ("The GPU rack costs 1.250.000 €.", [(1250000, None, "EUR", "system")]),
        ("The GPU rack costs €1.125 million.", [(1125000, None, "EUR", "system")]),
        ("The GPU rents for €1,99/h.", [(1.99, None, "EUR", "gpu-hour")]),
        ("The GPU rents for €0.125 per hour.", [(0.125, None, "EUR", "gpu-hour")]),
        ("The GPU rents for $1.250 per hour.", [(1.25, None, "USD", "gpu-hour")]),
    ],
)
def test_prices_are_read_with_currency_and_unit(raw: str, expected: list[tuple[float, float | None, str, str]]) -> None:
    assert told(raw, "H100") == expected


@pytest.mark.parametrize(
    "raw",
    [
        "The AI start-up raised $30 million from investors.",
        "It has a $30B valuation and sells GPUs.",
        "Revenue from GPUs was $9.2 billion.",
        "Capex for AI servers will reach $80 billion.",
        "The model's maker was fined $20 million.",
        "Engineers of the model earn a salary of $400,000.",
        "Shares of the GPU maker fell to $110.",
        "The factor is $1 / Y$ for the model.",
        "He paid $5 for a coffee.",
        "A ticket costs $300.",
        "Nvidia will spend $26 Billion on open models.",
        "The tenant used ChatGPT after he was charged a $2,175 security deposit.",
        "The office suite costs $8.75 per user per month.",
        "The course on AI costs $84.",
        "The smartphone with an AI chip costs $799.",
        "Sponsor my notes on LLMs for $10 a month.",
        "The GPU now costs a third more after a $400 increase.",
        "The maker cut the GPU's price by $50.",
        "The LLM is free: $0.",
        "People who label data for LLMs are paid $15 an hour.",
        "Training the LLM took $100 million.",
        "The web shop's plan with AI hosting tips costs $39/month.",
    ],
)
def test_other_money_is_no_price(raw: str) -> None:
    assert told(raw) == []


def test_a_price_belongs_to_the_nearest_accelerator_of_its_sentence() -> None:
    found = prices(
        "The cloud asks $10/hour for an H200 but $4/hour for a TPU. The H100 is older.", "H200", "TPU", "H100"
    )

    assert [(p.amount, p.accelerator) for p in found] == [(10, "h200"), (4, "tpu")]


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("H100: $2.99, A100: $1.29 per hour.", [(2.99, "h100"), (1.29, "a100")]),
        ("An H100 is $3 an hour, while an A100 is $1 an hour.", [(3, "h100"), (1, "a100")]),
        ("The H100 is new. The card costs $30,000.", [(30000, "h100")]),
        ("The H100 is new. A GPU costs $30,000.", [(30000, None)]),
        ("## H100\n- $2.10/hr\n- $1.50/hr spot", [(2.1, "h100"), (1.5, "h100")]),
        ("| | H100 | A100 |\n|---|---|---|\n| List price | $30,000 | $9,000 |", [(30000, "h100"), (9000, "a100")]),
    ],
)
def test_clauses_headings_rows_and_columns_tell_the_accelerator(
    raw: str, expected: list[tuple[float, str | None]]
) -> None:
    assert [(p.amount, p.accelerator) for p in prices(raw, "H100", "A100")] == expected


@pytest.mark.parametrize(
    ("raw", "units"),
    [
        ("| Model | Input / 1M | Output / 1M |\n|---|---|---|\n| Large LLM | $2 | $8 |", ["1M-tokens", "1M-tokens"]),
        ("GPU prices per hour:\n- H100: $2.50\n- A100: $1.30", ["gpu-hour", "gpu-hour"]),
        ("Plans of ChatGPT, per month:\n- Plus: $20\n- Pro: $200", ["month", "month"]),
    ],
)
def test_the_head_of_a_table_or_list_names_the_unit(raw: str, units: list[str]) -> None:
    assert [p.unit for p in prices(raw, "H100", "A100")] == units


@pytest.fixture(scope="module")
def tagger() -> Language:
    return load_tagger()


@pytest.mark.parametrize(
    ("raw", "product"),
    [
        ("RunPod charges $1.99/hr for its cheapest pod.", "runpod"),
        ("You can rent GPUs at $2 per GPU-hour on CoreWeave.", "coreweave"),
        ("GPT-5 costs $1.25 per million input tokens.", "gpt"),
        ("Qwen3 asks $0.39 per million tokens, against Anthropic's $5 per million tokens.", "qwen anthropic"),
        ("An Nvidia H100 costs $2 per GPU-hour at RunPod.", "None"),
        (
            "Qwen3 ($0.30/$1.20 per million tokens) undercuts Gemini 3 Flash ($0.50 per million tokens).",
            "qwen qwen gemini",
        ),
        (
            "vega-spark-1.2 asks $1.25 per million input and $4.25 per million output tokens, like Qwen3 ($0.3/$1.2).",
            "None None qwen qwen",
        ),
        ("The model asks $3 per million tokens, closer to Claude Opus.", "None"),
        ("The model asks $3 per million tokens, more than GPT-5.", "None"),
        ("GPT-5, compared with Claude Opus, costs $1.25 per million tokens.", "None"),
        ("Compared with GPT-5, Qwen3 costs $0.39 per million tokens.", "qwen"),
        ("Gemini 3 Flash is good; vega-2-mini costs $0.50 per million tokens.", "None"),
        ("A GPU-hour costs $2 per GPU-hour, less than on CoreWeave.", "None"),
        ("Qwen3 asks less than $0.50 per million tokens.", "qwen"),
        ("Qwen3 asks $1 per million tokens, compared with $5 per million tokens for Claude Opus.", "qwen claude"),
        ("The cloud asks $2 per million input and $6 per million output tokens for Qwen3.", "qwen qwen"),
        ("At $2 per million tokens, Qwen3 is cheap.", "qwen"),
        ("The API asks $0.40/$2.00 per million tokens (input/output) for Gemini 3 Flash.", "gemini gemini"),
        ("OpenAI asks $20 a month for Claude Pro.", "claude"),
    ],
)
def test_a_price_without_accelerator_is_of_a_model_or_of_who_sells(tagger: Language, raw: str, product: str) -> None:
    found = tag_article(tagger, "", raw, "en")

    assert " ".join(str(p.product) for p in found.prices) == product
    assert [p["product"] for p in tag_record(1, found)["prices"]] == [p.product for p in found.prices]


@pytest.mark.parametrize(
    ("raw", "qualifier"),
    [
        ("GPU plans start, starting at $50 per month.", "from"),
        ("The GPU rents for up to $3 per GPU-hour.", "up-to"),
        ("The list price is $30,000 per card.", "list"),
        ("The GPU's spot price is $1 per GPU-hour.", "spot"),
        ("An H100 is $2 per GPU-hour on demand.", "on-demand"),
        ("Reserved, it is $2 per GPU-hour.", "reserved"),
        ("An H100 is $2 per GPU-hour.", None),
        ("A sub-$500 GPU is enough.", "up-to"),
        ("A used GPU costs $700.", "street"),
        ("In the sweet spot, a GPU costs $700.", None),
        ("It used to cost $700 per GPU.", None),
        ("The GPU went from $900 per card.", None),
    ],
)
def test_the_qualifier_is_kept(raw: str, qualifier: str | None) -> None:
    assert [p.qualifier for p in prices(raw, "H100")] == [qualifier]


class CountedChip(Found):
    """A name that counts how often its place is asked for."""

    asked = 0

    @property
    def start(self) -> int:  # a named tuple's field, made a property to count
        CountedChip.asked += 1
        return self[3]


def places_asked_for(sentences: int) -> int:
    sentence = "The H100 costs $30,000 per GPU hour. "
    raw = sentence * sentences
    record = Record(Entity("h100", "accelerator", "H100"), ())
    at = [number * len(sentence) + 4 for number in range(sentences)]
    names = [CountedChip("accelerator", "h100", "H100", a, a + 4, "any", 1.0, None, record) for a in at]
    text = Text.of("", raw)
    CountedChip.asked = 0

    assert len(find_prices(text, names)) == sentences
    return CountedChip.asked


def test_twice_the_text_asks_for_twice_the_places() -> None:
    once, twice = places_asked_for(200), places_asked_for(400)

    assert 400 <= twice <= 2 * once


def test_a_sentence_of_prices_gives_its_first_fifty() -> None:
    raw = "GPU prices: " + ", ".join(f"${n} per GPU-hour" for n in range(1, 61))

    assert [p.amount for p in prices(raw)] == list(range(1, 51))


def test_the_sentence_after_a_long_table_is_read_too() -> None:
    raw = "GPU prices: " + ", ".join(f"${n} per GPU-hour" for n in range(1, 61)) + ".\nAn H100 is $99 per GPU-hour."

    found = prices(raw, "H100")

    assert (len(found), found[-1].amount, found[-1].accelerator) == (51, 99, "h100")


@pytest.mark.parametrize("money", ["$1/$6 model ", "1 cent a kwh ", "$1/month LLM ", "5 dollars a GPU "])
def test_a_text_of_nothing_but_sums_gives_at_most_fifty_prices_a_sentence(money: str) -> None:
    text = Text.of("", money * 5000)

    found = find_prices(text, [])

    assert (
        len(text.sentences) < len(found) <= 51 * len(text.sentences)
    )  # an amount may begin before the sentence of its currency's word


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(["c0", "c1", "c2", "$3 per GPU-hour"]), min_size=1, max_size=12))
def test_a_price_belongs_to_the_accelerator_with_the_least_distance(words: list[str]) -> None:
    names, at = [], 0
    for word in words:
        if word.startswith("c"):
            record = Record(Entity(word, "accelerator", word), ())
            names.append(Found("accelerator", word, word, at, at + 2, "any", 1.0, None, record))
        at += len(word) + 1

    found = find_prices(Text.of("", " ".join(words)), names)

    for price in found:
        distances = [n.start - price.end if n.start >= price.end else price.start - n.end + 4 for n in names]
        nearest = names[distances.index(min(distances))].id if names else None
        assert price.accelerator == nearest


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet=st.sampled_from("$€£1290.,-–/ MkbpermillontkshGPU\n"), max_size=60))
def test_a_price_lies_in_the_text_and_its_range_rises(raw: str) -> None:
    last = 0
    for price in prices(raw):
        assert last <= price.start < price.end <= len(raw)
        assert price.amount_max is None or price.amount_max > price.amount
        last = price.start
