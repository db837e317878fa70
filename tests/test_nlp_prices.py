"""Prices: amount, unit, qualifier, and what is no price."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiwire.types import Entity
from nlp.context import Found
from nlp.gazetteer import Record
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
    ("raw", "qualifier"),
    [
        ("GPU plans start, starting at $50 per month.", "from"),
        ("The GPU rents for up to $3 per GPU-hour.", "up-to"),
        ("The list price is $30,000 per card.", "list"),
        ("The GPU's spot price is $1 per GPU-hour.", "spot"),
        ("An H100 is $2 per GPU-hour on demand.", "on-demand"),
        ("Reserved, it is $2 per GPU-hour.", "reserved"),
        ("An H100 is $2 per GPU-hour.", None),
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


@pytest.mark.parametrize("money", ["$1/$6 model ", "1 cent a kwh ", "$1/month AI ", "5 dollars a GPU "])
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
