"""Find prices of compute, hardware and model use: anchored patterns around sums of money. Pure.

An amount is a price only with a reason: a unit ("per GPU-hour", "/1M tokens", "/month"), or a price word and a thing
that is sold near by. Funding sums, revenue, capex totals, salaries and share prices are not prices, nor is a bare sum.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from nlp.amounts import Amount, find_amounts
from nlp.context import Found
from nlp.text import Text

__all__ = ["PriceFound", "find_prices"]


@dataclass(frozen=True, slots=True)
class PriceFound:
    """A price at raw[start:end]; `amount` and `amount_max` in whole units of `currency`."""

    start: int
    end: int
    amount: float
    amount_max: float | None
    currency: str
    unit: str
    qualifier: str | None
    accelerator: str | None


class _Sentence:
    """A sentence with money in it: the amounts and what may be sold there. Each question to its words is asked once."""

    def __init__(self, folded: str, start: int, end: int) -> None:
        self.folded = folded
        self.start = start
        self.end = end
        self.amounts: list[Amount] = []
        self.chips: list[Found] = []  # in the order of the text
        self.sells = False  # names a chip or a model
        self._answers: dict[tuple[re.Pattern[str], int], bool] = {}
        self._starts: list[int] = []

    def take(self, names: list[Found]) -> None:
        """Note the accelerators and models that are named in the sentence."""
        self.chips = sorted((n for n in names if n.kind == "accelerator"), key=lambda n: n.start)
        self._starts = [chip.start for chip in self.chips]
        self.sells = bool(names)

    def says(self, pattern: re.Pattern[str], before: int = 0) -> bool:
        """Return whether `pattern` is found in the sentence, or up to `before` characters before it."""
        known = self._answers.get((pattern, before))
        if known is None:
            words = self.folded[max(0, self.start - before) : self.end]
            known = self._answers[pattern, before] = pattern.search(words) is not None
        return known

    def nearest_chip(self, amount: Amount) -> Found | None:
        """Return the accelerator that the amount belongs to: the last one before its end or the first one after it."""
        after = bisect_left(self._starts, max(amount.end, amount.unit_end))
        near = self.chips[after : after + 1]
        if after:  # of several at one place, as in a system that implies its chips, the first
            near.insert(0, self.chips[bisect_left(self._starts, self._starts[after - 1])])
        return min(near, key=lambda chip: _distance(amount, chip), default=None)


_REACH = 100  # characters before an amount in which a word qualifies it

# ---------------------------------------------------------------- units

_PER = r"(?:per|/|an?|each|every|for an?|for each|for every)"
_GPU = r"(?:[a-z]{0,2}gpus?|chips?|accelerators?|cards?|[ablmht]{1,2}\d{2,3}s?x?|tpu(?: v\d\w?)?)"
_HOUR = r"(?:hours?|hrs?|h)\b"
_UNITS = tuple(
    (re.compile(pattern), unit)
    for pattern, unit in (
        (rf"\s?{_PER}\s?{_GPU}[ /-]?(?:per )?{_HOUR}", "gpu-hour"),
        (rf"\s?{_PER}\s?{_HOUR}\s?(?:per|/)\s?{_GPU}\b", "gpu-hour"),
        (rf"\s?{_PER}\s?(?:instance|node|server|vm|machine)[ /-]?{_HOUR}", "instance-hour"),
        (rf"\s?{_PER}\s?{_HOUR}\s?(?:per|/)\s?(?:instance|node|server|vm)\b", "instance-hour"),
        (rf"\s?(?:{_PER}\s?{_HOUR}|hourly)", "hour"),
        (
            r"\s?(?:per|/|for|a|for every|for each)\s?(?:1[ ,]?m|m|1,?000,?000|(?:one |1 )?million|mn|mtoks?)\b"
            r"(?!\s?(?:users?|people|parameters|requests|pages|images|characters|minutes))",
            "1M-tokens",
        ),
        (r"\s?(?:per|/|a)\s?(?:k?wh|kilowatt[ -]?hours?|kw/h)\b", "kwh"),
        (
            r"\s?(?:(?:per|/|an?|each|every)\s?(?:user |seat |person )?(?:/ ?|per )?(?:month|mo)\b|monthly\b|"
            r"\s?/monthto\b)",
            "month",
        ),
        (r"\s?/\s?month", "month"),
        (
            rf"\s?(?:{_PER}|apiece per)\s?(?:gpu|card|chip|accelerator|graphics card|module|unit|superchip|"
            rf"processor|{_GPU})\b",
            "card",
        ),
        (rf"\s?{_PER}\s?(?:server|node|8-gpu \w+|box)\b", "server"),
        (rf"\s?{_PER}\s?(?:system|rack|cabinet|laptop|pc|workstation|machine|pod|desktop)\b", "system"),
        (
            r"\s?(?:per|/|for every|for each)[ -]?(?:1,?0{3}\b|1?k\b|thousand\b|image|minute|second|day|week|year|"
            r"request|query|"
            r"search|page|token|input token|output token|call|session|task|message|conversation|gb|gigabyte|token)",
            "other",
        ),
    )
)
_LEFT_TOKENS = re.compile(r"\bper (?:1m|m|(?:one |1 )?million) (?:\w+ ){0,2}tokens?\b[^.$€£]{0,60}\Z")
_TOKEN_SIDE = re.compile(r"\s?(?:\([^)]{0,20}\))?\s?(?:(?:cached|cache|uncached|fresh) )?(?:input|output|cached)\b")
_JOIN = re.compile(
    r"\s?(?:/|,|and|or|to|vs\.?|versus|compared (?:to|with)|against|\+|;|from|&|-|–|for (?:input|output)(?: and)?|"
    r"input(?: and|,)?|output(?: and|,)?|\([^)]{0,14}\)|in|out)*\s?"
)

# ---------------------------------------------------------------- what is and what is not a price

_PRICE_WORDS = re.compile(
    r"\b(?:cost(?:s|ing)?|pric\w+|charg\w+|sell(?:s|ing)?|sold|retail\w*|msrp|fees?|rates?|rent\w*|cheap\w*|"
    r"expensive|subscri\w+|"
    r"pay(?:s|ing)?|paid|bill\w*|list(?:s|ed)?|tier|plans?|starting (?:at|from)|starts (?:at|from)|as low as|buy|"
    r"available|only|under|"
    r"goes for|go for|for about|for around|for just|discount\w*|save|worth|spend|drops?|currently|recommend|budget|"
    r"asks?|tag)\b"
)
_NOT_PRICE_LEFT = re.compile(
    r"\b(?:rais\w+|revenues?|valu\w+|fund\w*|invest\w*|market cap\w*|salar\w+|earn\w*|profits?|income|losses|lost|"
    r"fined?|penalt\w+|"
    r"settle\w*|lawsuit|damages|grants?|award\w*|donat\w+|capex|capital expenditures?|capital spending|sales|arr|"
    r"run[- ]rate|gdp|"
    r"debt|loan|bonds?|stake|shares?|stock|acqui\w+|buyout|takeover|deal|contract|worth of (?:shares|stock)|"
    r"bitcoin|btc|token (?:price|rallied)|trading|traded|volume|per share|compensation|bonus\w*|tax\w*|tariffs?|"
    r"subsid\w+|"
    r"spending|prize|ipo|incident|breach|round|budget of|bankrupt\w*|financing|backlog|orders|commit\w*|"
    r"pledg\w+)\b[^.;]{0,70}\Z"
)
_NOT_PRICE_RIGHT = re.compile(
    r"\s?(?:\w+ ){0,3}(?:in (?:funding|revenue|sales|venture|investment|annual|capital|debt|damages|fines|profit|"
    r"losses|aid|grants|cash|"
    r"stock|equity|shares|credit)|round\b|valuation|market cap|series [a-f]|ipo\b|deal\b|contract|investment|stake|"
    r"fund\b|arr\b|"
    r"salar|fine\b|settlement|revenue|lawsuit|acquisition|takeover|worth of (?:shares|stock)|per share|a share\b|"
    r"project\b|off\b|"
    r"discount\b|rebate|gift|coupon|a year in (?:revenue|sales)|prize|bonus|loan|budget|incident|price target|"
    r"more\b(?! per)|cheaper\b|less\b(?! per)"
    r"|savings?\b|credits?\b)"
)
_SOLD = re.compile(
    r"\b(?:gpus?|graphics cards?|cards?|chips?|accelerators?|servers?|racks?|systems?|laptops?|workstations?|pcs?|"
    r"desktops?|mac\w*|"
    r"macbook\w*|model|models|api|apis|tokens?|inference|compute|cloud|instances?|vm|vps|hosting|rtx|ram|memory|"
    r"ssd|nvme|hbm|vram|"
    r"subscription\w*|plan|plans|chatgpt|claude|gemini|copilot|cursor|llms?|agent|assistant|ai|kwh|electricity|"
    r"configuration|"
    r"dgx|hardware|node|nodes|cluster|runner\w*|supercomputer|gpt[-\w.]*|minute|coding|code)\b"
)
_HARDWARE_SYSTEM = re.compile(
    r"\b(?:kits?|baseboards?|appliances?|"
    r"racks?|systems?|laptops?|workstations?|pcs?|desktops?|macbooks?|mac studio|mac mini|supercomputer|"
    r"nvl\d+|computer|"
    r"configuration|notebooks?|machine|phone|model we reviewed)\b"
)
_HARDWARE_SERVER = re.compile(r"\b(?:servers?|nodes?|8-gpu|eight-gpu|8x|hgx|dgx)\b")
_TOKENS_OR_API = re.compile(r"\btokens?\b|\bapi\b")
_HARDWARE_CARD = re.compile(r"\b(?:cards?|gpus?|chips?|accelerators?|graphics|processors?|modules?)\b")
_MODEL_USE = re.compile(
    r"\b(?:chatgpt|claude|gemini|copilot|cursor|perplexity|openai|anthropic|llms?|ai|gpt[-\w.]*|tokens?|api|model|"
    r"models|code|coding|"
    r"gpus?|cloud|compute|inference|server|vps|droplet|hosting|agents?|grok|mistral|midjourney|runway|suno|"
    r"elevenlabs)\b"
)
_OTHER_GOODS = re.compile(
    r"\b(?:iphones?|ipads?|watch(?:es)?|tvs?|televisions?|headphones?|earbuds|speakers?|thermostats?|"
    r"security systems?|cameras?|"
    r"solar|cars?|vehicles?|tickets?|flights?|hotels?|cart|shoes|books?|movies?|impressions|streaming|gift|house|"
    r"homes?|meals?)\b"
)
_TOKENS_SOLD = re.compile(r"\b(?:api|tokens?|input|output|llms?|models?)\b")
_FORMULA = re.compile(r"[^\s$]{0,3}\s?[/*+^=\\{}]?\s?\w{0,3}\$(?!\d)")  # "$1 / Y$" is TeX, not money
_YEARLY = re.compile(r"\s?(?:/|per|a|each)\s?(?:year|yr|annum)\b")
_SUBSCRIPTION = re.compile(r"\s?(?:\w+ ){0,2}(?:subscription|plan|tier)s?\b")
_QUALIFIERS = (
    (
        re.compile(
            r"\b(?:starting (?:at|from)|starts (?:at|from)|from(?: just| only)?|as (?:low|little) as|"
            r"begin\w* at)(?: about| around)?\s?\Z"
        ),
        "from",
    ),
    (re.compile(r"\b(?:up to|as much as|at most|maximum of|under|below|less than|no more than)\s?\Z"), "up-to"),
    (re.compile(r"\b(?:list\w*|msrp|sticker|official|retail)\b[^.;$]{0,40}\Z"), "list"),
    (
        re.compile(r"\b(?:street|ebay|resale|second-hand|used|grey market|gray market|scalp\w*)\b[^.;$]{0,40}\Z"),
        "street",
    ),
    (re.compile(r"\bspot\b[^.;$]{0,40}\Z"), "spot"),
    (re.compile(r"\breserved?\b[^.;$]{0,40}\Z|\bcommitted\b[^.;$]{0,30}\Z"), "reserved"),
    (re.compile(r"\bon-demand\b[^.;$]{0,40}\Z"), "on-demand"),
)
_QUALIFIERS_RIGHT = (
    (re.compile(r"[^.;$]{0,24}\bspot\b"), "spot"),
    (re.compile(r"[^.;$]{0,24}\b(?:reserved|commitment)\b"), "reserved"),
    (re.compile(r"[^.;$]{0,24}\bon[- ]demand\b"), "on-demand"),
)


def find_prices(text: Text, names: Iterable[Found]) -> list[PriceFound]:
    """Return the prices in `text`, in order; `names` gives the accelerators they may belong to."""
    found: list[PriceFound] = []
    for sentence in _sentences(text, names):
        _give_units(sentence)
        found.extend(_price(sentence, amount) for amount in sentence.amounts if _is_price(sentence, amount))
    return found


def _sentences(text: Text, names: Iterable[Found]) -> Iterable[_Sentence]:
    """Return the sentences with money in them, in order, in one pass over the amounts and one over the names."""
    made: dict[int, _Sentence] = {}
    for amount in find_amounts(text):
        start, end = text.sentence_at(amount.start)
        if start not in made:
            made[start] = _Sentence(text.folded, start, end)
        made[start].amounts.append(amount)
    sold: dict[int, list[Found]] = defaultdict(list)
    for name in names if made else ():
        if name.kind in ("accelerator", "model"):
            sold[text.sentence_at(name.start)[0]].append(name)
    for start, sentence in made.items():
        sentence.take(sold.get(start, []))
    return made.values()


# ---------------------------------------------------------------- units


def _give_units(sentence: _Sentence) -> None:
    folded, amounts, sentence_end = sentence.folded, sentence.amounts, sentence.end
    for number, amount in enumerate(amounts):
        stop = amounts[number + 1].start if number + 1 < len(amounts) else sentence_end
        _own_unit(folded, amount, min(stop, amount.end + 70))
        if amount.unit == "hour":
            amount.unit = _hour_of(folded, amount, stop, bool(sentence.chips))
    for left, right in pairwise(amounts):  # "$1/$6 per 1M": the left one takes the right one's
        if left.unit is None and right.unit and _joined(folded, left, right):
            left.unit = right.unit
    for left, right in pairwise(amounts):  # "$2 per million input and $6 output"
        if right.unit is None and left.unit and _continues(folded, left, right):
            right.unit = left.unit
    _give_pair_units(folded, amounts, sentence_end)
    for amount in amounts:  # "$5 input and $25 output": prices of tokens, whatever they are counted in
        if amount.unit is None and _TOKEN_SIDE.match(folded, amount.end, sentence_end):
            amount.unit = "1M-tokens"


_INSTANCE = re.compile(
    r"\b(?:[a-z]{1,3}\d{1,2}[a-z]{0,3}\.(?:\d{0,3}x?large|metal\w*)|a[234]-\w+gpu-\w+|standard_n\w+|bm\.gpu[\w.-]*|"
    r"instances?|virtual machines?|vms?|droplets?)\b"
)
_ROOM = re.compile(r"\b(?:servers?|nodes?|machines?|cloud|rent\w*|hosting|vps|boxe?s?|clusters?|pods?)\b")


def _hour_of(folded: str, amount: Amount, stop: int, chips: bool) -> str:
    """Return the unit of a price an hour that names none: what is rented, or "other" where nothing is."""
    around = folded[max(0, amount.start - 140) : stop]
    if _INSTANCE.search(around):
        return "instance-hour"
    if chips or re.search(r"\bgpus?\b", folded[max(0, amount.end - 80) : stop]):
        return "gpu-hour"
    return "instance-hour" if _ROOM.search(around) else "other"


def _give_pair_units(folded: str, amounts: list[Amount], sentence_end: int) -> None:
    """Take "$5/$25" without a unit as input and output prices where the sentence is on models."""
    for left, right in pairwise(amounts):
        open_pair = {left.unit, right.unit} <= {None, "1M-tokens"} and None in (left.unit, right.unit)
        pair = open_pair and folded[left.end : right.start].strip() == "/"
        if pair and _TOKENS_SOLD.search(folded, max(0, left.start - 160), sentence_end):
            left.unit = right.unit = "1M-tokens"


def _own_unit(folded: str, amount: Amount, stop: int) -> None:
    for pattern, unit in _UNITS:
        match = pattern.match(folded, amount.end, stop)
        if match:
            amount.unit, amount.unit_end = unit, match.end()
            return
    if _LEFT_TOKENS.search(folded, max(0, amount.start - 110), amount.start):
        amount.unit = "1M-tokens"


def _joined(folded: str, left: Amount, right: Amount) -> bool:
    between = _JOIN.match(folded, left.end, right.start)
    return between is not None and between.end() == right.start


def _continues(folded: str, left: Amount, right: Amount) -> bool:
    if left.unit == "1M-tokens" and _TOKEN_SIDE.match(folded, right.end):
        return True
    gap = folded[max(left.end, left.unit_end) : right.start]
    return (
        len(gap) < 90
        and left.unit in ("1M-tokens", "gpu-hour")
        and re.search(
            r"\b(?:to|vs\.?|versus|from|and|compared|,|than)\s*(?:approximately |about |around |roughly |only |"
            r"just )*\Z",
            gap,
        )
        is not None
    )


# ---------------------------------------------------------------- judgement


def _is_price(sentence: _Sentence, amount: Amount) -> bool:
    folded = sentence.folded
    left = folded[max(sentence.start, amount.start - 160) : amount.start]
    right = folded[amount.end : min(sentence.end, amount.end + 90)]
    if _FORMULA.match(right) or (amount.low >= 20_000 and _YEARLY.match(right)):  # TeX; a salary
        return False
    if amount.unit in ("gpu-hour", "1M-tokens", "kwh") and not amount.big:
        return True
    if amount.unit in ("instance-hour", "card", "server", "system"):
        return sentence.sells or sentence.says(_SOLD)
    if amount.low >= 1e8 or (amount.big and not sentence.says(_HARDWARE_SYSTEM)):
        return False
    if _NOT_PRICE_RIGHT.match(right) or _NOT_PRICE_LEFT.search(left[-100:]):
        return False
    if amount.unit is None and _SUBSCRIPTION.match(right) and not amount.big:
        amount.unit = "month"
    if amount.unit in ("month", "other"):
        return sentence.sells or sentence.says(_MODEL_USE, before=200)
    if sentence.says(_OTHER_GOODS) or not _PRICE_WORDS.search(left + " " + right[:60]):
        return False
    return sentence.sells or sentence.says(_SOLD)


def _price(sentence: _Sentence, amount: Amount) -> PriceFound:
    chip = sentence.nearest_chip(amount)
    unit = amount.unit or _unit_by_thing(sentence, amount, chip)
    stop = amount.end
    if amount.unit_end:
        stop = amount.unit_end
        tokens = re.match(
            r"(?: (?:total|input|output|cached|prompt|completion))? tokens?\b", sentence.folded[stop : sentence.end]
        )
        stop += tokens.end() if tokens else 0
    return PriceFound(
        start=amount.start,
        end=stop,
        amount=round(amount.low, 6),
        amount_max=None if amount.high is None else round(amount.high, 6),
        currency=amount.currency,
        unit=unit,
        qualifier=_qualifier(sentence, amount),
        accelerator=chip.id if chip else None,
    )


def _distance(amount: Amount, chip: Found) -> int:
    end = max(amount.end, amount.unit_end)
    return chip.start - end if chip.start >= end else amount.start - chip.end + 4  # what follows is nearer


def _unit_by_thing(sentence: _Sentence, amount: Amount, chip: Found | None) -> str:
    """Return the unit of a price that names none: what the sentence sells."""
    if sentence.says(_TOKENS_OR_API) and amount.low < 200:
        return "other"
    if sentence.says(_HARDWARE_SERVER) and amount.low > 10_000:
        return "server"
    if sentence.says(_HARDWARE_SYSTEM):
        return "system"
    if chip is not None or sentence.says(_HARDWARE_CARD):
        return "card"
    return "other"


def _qualifier(sentence: _Sentence, amount: Amount) -> str | None:
    reach = max(sentence.start, amount.start - _REACH)
    for pattern, name in _QUALIFIERS:
        if pattern.search(sentence.folded, reach, amount.start):
            return name
    for pattern, name in _QUALIFIERS_RIGHT:
        if pattern.match(sentence.folded, amount.end, sentence.end):
            return name
    return None
