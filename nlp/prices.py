"""Find prices of compute, hardware and model use in English text. Pure.

`nlp.amounts` finds sums of money, `nlp.priceunits` what they are counted per, `nlp.pricejudge` tells prices from other
money; here a price gets its qualifier and what it is the price of: an accelerator, else a model or a company.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from nlp.amounts import Amount, find_amounts
from nlp.context import Found
from nlp.pricejudge import (
    ANY_REASON,
    CARDS,
    FAR,
    PARTS,
    SERVERS,
    SYSTEMS,
    is_like,
    is_price,
    is_subscription,
    is_training_cost,
)
from nlp.pricetables import column_chip, table_heads
from nlp.priceunits import give_units, price_end
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
    product: str | None = None  # id of the model, else the company, whose price it is; None where an accelerator is


class _Named:
    """Names in the order of the text, of which the nearest to an amount is asked for."""

    def __init__(self, names: Iterable[Found]) -> None:
        self.names = sorted(names, key=lambda name: name.start)
        self._starts = [name.start for name in self.names]

    def nearest(self, folded: str, amount: Amount) -> Found | None:
        """Return the name that the amount belongs to: the last one before its end or the first one after it."""
        near = [name for name in self.beside(amount) if name is not None]
        return min(near, key=lambda name: _distance(folded, amount, name), default=None)

    def beside(self, amount: Amount) -> tuple[Found | None, Found | None]:
        """Return the last name before the amount's end and the first one after it."""
        after = bisect_left(self._starts, max(amount.end, amount.unit_end))
        # of several at one place, as in a system that implies its chips, the first
        left = self.names[bisect_left(self._starts, self._starts[after - 1])] if after else None
        return left, self.names[after] if after < len(self.names) else None


class _Sentence:
    """A sentence with money in it: the amounts and what may be sold there. Each question to its words is asked once."""

    def __init__(self, folded: str, start: int, end: int) -> None:
        self.folded = folded
        self.start = start
        self.end = end
        self.amounts: list[Amount] = []
        self.sells = False  # names a chip or a model
        self.has_reason = True  # to look for a price in it
        self._answers: dict[tuple[re.Pattern[str], int], bool] = {}
        self.header: tuple[int, int] | None = None  # first line of the table whose row the sentence is
        self.heads: Sequence[Found] = ()  # accelerators that it names
        self.take([], None)

    def take(self, names: Sequence[Found], carried: Found | None) -> None:
        """Note what the sentence names; `carried` is the accelerator that an "it" in it may mean."""
        self.chips = _Named(n for n in names if n.kind == "accelerator")
        self.models = _Named(n for n in names if n.kind == "model")
        self.sellers = _Named(n for n in names if n.kind == "company" and _may_sell(n))
        self.carried = carried
        self.is_row = self.end - self.start <= _LONGEST_ROW and self.folded.startswith(_ROW_MARKS, self.start)
        heads = bool(self.heads or (self.is_row and carried))
        self.has_chips = bool(self.chips.names) or heads
        self.sells = self.has_chips or bool(self.models.names)

    def says(self, pattern: re.Pattern[str], before: int = 0) -> bool:
        """Return whether `pattern` is found in the sentence, or up to `before` characters before it."""
        known = self._answers.get((pattern, before))
        if known is None:
            words = self.folded[max(0, self.start - before) : self.end]
            known = self._answers[pattern, before] = pattern.search(words) is not None
        return known

    def sells_near(self, amount: Amount) -> bool:
        """Return whether a chip, a model or a company that sells their use is named in the amount's clause."""
        for named in (self.chips, self.models, self.sellers):
            name = named.nearest(self.folded, amount)
            if name is None or _distance(self.folded, amount, name) > _NEAR:
                continue
            if name.kind != "company" or (name.record and name.record.entity.category in _SELLS_COMPUTE):
                return True
        return False

    def is_chips(self, amount: Amount) -> bool:
        """Return whether the name of an accelerator follows the amount at once ("a $549 RTX 5070")."""
        chip = self.chips.nearest(self.folded, amount)
        return chip is not None and 0 < chip.start - amount.end <= _AT_ONCE


_AT_ONCE = 3  # characters: a space, or a bracket and a space
_NEAR = 150  # characters within which a name may be what an amount is the price of
_SELLERS_REACH = 80  # ... within which a company may be its seller
_SELLS_COMPUTE = ("gpu-cloud", "model", "lab")  # categories of companies that sell little else
_CLAUSE_END = 40  # characters that a comma or the like between a name and an amount counts as
_REACH = 100  # characters before an amount in which a word qualifies it
_CARRY_REACH = 400  # characters in which the sentence before may name what "it" means

_BREAK = re.compile(r"[,;|)]|\bwhile\b|\bbut\b|\bwhereas\b")
_REFERS = re.compile(
    r"\b(?:it|they|each|the (?:new )?(?:card|gpu|chip|accelerator|part|board|graphics card)s?|this (?:card|gpu|chip))\b"
)
_PART = re.compile(rf"[\s-](?:\w+ ){{0,2}}?{CARDS.pattern}")  # "a $900 GPU", though the sentence speaks of a PC, too
_THING_REACH = 250  # characters in which the sentences before name the system whose parts a sentence praises
_SERVER = re.compile(r"\bservers?\b")
_CHEAP_SERVER, _DEAR_SERVER = (
    1000,
    10_000,
)  # whole units of currency above which a server, or what may be one, is priced
_MOST_ROWS = 8  # ... in so many sentences
_STRETCH = 1000  # characters
_ROW_MARKS = ("-", "*", "•", "$", "|")
_LONGEST_ROW = 120  # characters of a row; what is longer is a sentence of its own, only set as a list
_HARDWARE_UNITS = ("gpu-hour", "instance-hour", "card", "server", "system")
_TOKENS_OR_API = re.compile(r"\btokens?\b|\bapi\b")
_SELLING = re.compile(  # what stands between a company and the price of what it sells
    r"(?:'s?)?[^.;]{0,60}\b(?:charg\w+|offer\w*|sell\w*|rent\w*|price[sd]?|pricing|lists?|asks?|cost\w*|api|plans?|"
    r"starts?|at|is|has|subscription|tier)\b[^.;]{0,40}\Z|'s?\s?~?\Z|\s?[:(|-]\s?~?\Z"
)
_POSSESSIVE = re.compile(r"'s?\s~?")  # "Anthropic's $0.50/MTok": not of the model that was named before
_PRICING = (  # what else may be told of a price before the model that it is attached to
    r"(?:[\s/$€£+–\d.()-]|(?<=\d),(?=\d)|\b(?:and|per|for|a|an|each|in|out|input|output|cached|1?m|million|mtoks?|tokens?|"
    r"user|month|mo|hour)\b)"
)
_THE = r"(?:(?:the|a|an|its|their|our|using|running|access to|new|latest|full) )*"
_ATTACHED = re.compile(rf"[ -]|{_PRICING}*\b(?:for|on|with|via|through|using|of) {_THE}")  # "$20 a month for ChatGPT"
_OPENING = re.compile(r"\W*(?:\w+ )?(?:at|for|from) (?:\w+ )?~?(?=[$€£\d])")  # "At $2 per million tokens, Qwen3 ..."
_OPENED = re.compile(rf"{_PRICING}*, {_THE}")
_COMPARES = r"\b(?:close(?:r|st)?(?: to)?|than|vs\.?|versus|compared(?: (?:to|with))?|unlike)"
# what tells that the price is not of the name on its other side: a comparison, or a model that no list has;
# "less than $2" compares with no name
_PARTS_THEM = re.compile(
    rf"{_COMPARES}(?!\w)(?<!than)|\bthan\b(?! ~?\Z)|"
    r"(?<![\w.-])(?!(?:per|sub|top|mid|pre|post|under|over|up|fp|int)-)(?=[\w.-]*\d)[a-z][\w.]*-\w"
)
_IN_COMPARISON = re.compile(rf"{_COMPARES} (?:\w+ )?\Z")  # "A, compared with B, costs $2": not of B
_SOLD_AT = re.compile(r"[^.;$]{0,40}\b(?:on|at|from|via|through|by|with)\s\Z")

_QUALIFIERS = (
    (
        re.compile(
            r"\b(?:starting (?:at|from)|starts? (?:at|from)|as (?:low|little) as|begin\w* at|"
            r"(?:plans?|prices?|pricing|priced|available|sold|rent\w*|ranges?) from)(?: just| only)?(?: about| around)?"
            r"\s?\Z|(?:^|[(:|,\n])\s?from(?: just| only)?\s?\Z|\bfor as\s?\Z"
        ),
        "from",
    ),
    (
        re.compile(r"\b(?:up to|as much as|at most|maximum of|under|below|less than|no more than)\s?\Z|\bsub-\Z"),
        "up-to",
    ),
    (re.compile(r"\b(?:list(?:ed|s)?|msrp|sticker|official|retail\w*)\b[^.;$]{0,40}\Z"), "list"),
    (
        re.compile(
            r"\b(?:street|ebay|resale|second-hand|used(?! (?:to|by|for|in|as|with|on)\b)|gr[ea]y market|scalp\w*)\b"
            r"[^.;$]{0,40}\Z"
        ),
        "street",
    ),
    (re.compile(r"(?<!sweet )\bspot\b[^.;$]{0,40}\Z"), "spot"),
    (re.compile(r"\breserved?\b[^.;$]{0,40}\Z|\bcommitted\b[^.;$]{0,30}\Z"), "reserved"),
    (re.compile(r"\bon-demand\b[^.;$]{0,40}\Z"), "on-demand"),
)
_QUALIFIERS_RIGHT = (
    (re.compile(r"[^.;$]{0,24}(?<!sweet )\bspot\b"), "spot"),
    (re.compile(r"[^.;$]{0,24}\b(?:reserved|commitment)\b"), "reserved"),
    (re.compile(r"[^.;$]{0,24}\bon[- ]demand\b"), "on-demand"),
    (re.compile(r"\s?(?:list price|msrp|rrp)\b"), "list"),
)


def find_prices(text: Text, names: Iterable[Found]) -> list[PriceFound]:
    """Return the prices in `text`, in order; `names` gives what they may be the prices of."""
    found: list[PriceFound] = []
    for sentence in _sentences(text, names):
        give_units(
            sentence.folded, sentence.start, sentence.end, sentence.amounts,
            has_chips=sentence.has_chips, sells=sentence.sells, header=sentence.header,
        )  # fmt: skip
        found.extend(_judged(sentence))
    return found


def _judged(sentence: _Sentence) -> list[PriceFound]:
    """Return the prices of a sentence: what is named in one breath with a price is one of its kind."""
    found: list[PriceFound] = []
    last: Amount | None = None
    for amount in sentence.amounts:
        if is_price(sentence, amount):
            found.append(_price(sentence, amount))
        elif last is not None and is_like(sentence.folded, last, amount):
            found.append(replace(_price(sentence, amount), unit=found[-1].unit))
        else:
            continue
        last = amount
    return found


def _sentences(text: Text, names: Iterable[Found]) -> Iterable[_Sentence]:
    """Return the sentences with money in them, in order, in one pass over the amounts and one over the names."""
    made: dict[int, _Sentence] = {}
    for amount in find_amounts(text):
        start, end = text.sentence_at(amount.start)
        if start not in made:
            made[start] = _Sentence(text.folded, start, end)
        made[start].amounts.append(amount)
    named: dict[int, list[Found]] = defaultdict(list)
    for name in names if made else ():
        if name.kind in ("accelerator", "model", "company"):
            named[text.sentence_at(name.start)[0]].append(name)
    reasons = _Reasons(text.folded)
    tables = table_heads(text.folded, sorted(made))
    for start, sentence in made.items():
        sentence.has_reason = reasons.near(sentence)
        sentence.header = tables.get(start)
        if sentence.header:
            heads = named.get(text.sentence_at(sentence.header[0])[0], ())
            sentence.heads = [name for name in heads if name.kind == "accelerator"]
        sentence.take(named.get(start, ()), _carried(text, start, named))
    return made.values()


class _Reasons:
    """Whether anything that is sold is named near a sentence, asked once for all sentences of a stretch of text."""

    def __init__(self, folded: str) -> None:
        self._folded = folded
        self._known: dict[int, bool] = {}  # by the stretch's number

    def near(self, sentence: _Sentence) -> bool:
        """Return False if neither the sentence nor the `FAR` characters before it name anything that is sold."""
        stretch = sentence.start // _STRETCH
        if stretch not in self._known:
            start = stretch * _STRETCH
            self._known[stretch] = (
                ANY_REASON.search(self._folded, max(0, start - FAR), start + 3 * _STRETCH) is not None
            )
        beyond = sentence.end > (stretch + 3) * _STRETCH  # a sentence of such a length: look no closer
        return self._known[stretch] or beyond


def _carried(text: Text, start: int, named: dict[int, list[Found]]) -> Found | None:
    """Return the last accelerator of the sentence or heading before, which "it" or a row of a list may mean."""
    index = text.sentence_index(start)
    for before, _ in reversed(text.sentences[max(0, index - _MOST_ROWS) : index]):
        if start - before > _CARRY_REACH:
            return None
        chips = [name for name in named.get(before, ()) if name.kind == "accelerator"]
        if chips:
            return chips[-1]
        if not text.folded.startswith(_ROW_MARKS, before):  # above the rows of a list stands what they are of
            return None
    return None


def _may_sell(company: Found) -> bool:
    return company.record is not None and not (company.record.venue or company.record.news_outlet)


# ---------------------------------------------------------------- what the price is of


def _price(sentence: _Sentence, amount: Amount) -> PriceFound:
    chip = sentence.chips.nearest(sentence.folded, amount) or _head(sentence, amount)
    unit = amount.unit or _unit_by_thing(sentence, amount, chip)
    accelerator = chip.id if chip else _carried_chip(sentence, unit)
    return PriceFound(
        start=amount.start,
        end=price_end(sentence.folded, amount, sentence.end),
        amount=round(amount.low, 6),
        amount_max=None if amount.high is None else round(amount.high, 6),
        currency=amount.currency,
        unit=unit,
        qualifier=_qualifier(sentence, amount),
        accelerator=accelerator,
        product=None if accelerator else _product(sentence, amount),
    )


def _head(sentence: _Sentence, amount: Amount) -> Found | None:
    if sentence.header is None or not sentence.heads:
        return None
    return column_chip(sentence.folded, sentence.start, amount.start, sentence.header, sentence.heads)


def _distance(folded: str, amount: Amount, name: Found) -> int:
    """Return the characters between the two; what follows is nearer, what another clause holds is farther."""
    end = max(amount.end, amount.unit_end)
    if name.start >= end:
        distance, between = name.start - end, (end, name.start)
    else:
        distance, between = amount.start - name.end + 4, (name.end, amount.start)
    if distance < _NEAR and _BREAK.search(folded, *between):
        distance += _CLAUSE_END
    return distance


def _carried_chip(sentence: _Sentence, unit: str) -> str | None:
    if sentence.carried is None or sentence.models.names or unit not in _HARDWARE_UNITS:
        return None
    return sentence.carried.id if sentence.is_row or sentence.says(_REFERS) else None


def _product(sentence: _Sentence, amount: Amount) -> str | None:
    """Return the model attached to the amount, else the last one before it, else the company that sells at this price.

    What is named beyond a comparison or a model of no list is no answer: None is better than another vendor's price.
    """
    folded = sentence.folded
    model, following = sentence.models.beside(amount)
    if following is not None and _is_attached(sentence, amount, following, opens=model is None):
        return following.id
    seller = sentence.sellers.nearest(folded, amount)
    if seller is not None and _POSSESSIVE.fullmatch(folded, seller.end, amount.start):
        return seller.id
    if model is not None and not _is_parted(sentence, amount, model):
        return model.id
    return seller.id if seller is not None and _sells_at(sentence, amount, seller) else None


def _is_attached(sentence: _Sentence, amount: Amount, name: Found, *, opens: bool) -> bool:
    """Return whether the name after the amount is what it buys; `opens`: no model is named before it."""
    folded, end = sentence.folded, price_end(sentence.folded, amount, sentence.end)
    if name.start - end > _SELLERS_REACH:
        return False
    if _ATTACHED.fullmatch(folded, end, name.start):
        return True
    is_opening = opens and _OPENING.match(folded, sentence.start, amount.end) is not None
    return is_opening and _OPENED.fullmatch(folded, end, name.start) is not None


def _is_parted(sentence: _Sentence, amount: Amount, name: Found) -> bool:
    """Return whether the words between the name and the amount tell that the price is another's."""
    folded = sentence.folded
    if name.start >= amount.end:
        return _PARTS_THEM.search(folded, amount.end, name.start) is not None
    if _PARTS_THEM.search(folded, name.end, amount.start):
        return True
    is_aside = folded.startswith(",", name.end)
    return is_aside and _IN_COMPARISON.search(folded, max(sentence.start, name.start - 40), name.start) is not None


def _sells_at(sentence: _Sentence, amount: Amount, seller: Found) -> bool:
    folded, end = sentence.folded, max(amount.end, amount.unit_end)
    gap = (end, seller.start) if seller.start >= end else (seller.end, amount.start)
    if gap[1] - gap[0] > _SELLERS_REACH or _is_parted(sentence, amount, seller):
        return False
    pattern = _SOLD_AT if seller.start >= end else _SELLING
    return pattern.match(folded[slice(*gap)]) is not None


def _unit_by_thing(sentence: _Sentence, amount: Amount, chip: Found | None) -> str:
    """Return the unit of a price that names none: what the sentence sells."""
    if is_subscription(sentence, amount):
        return "month"
    if chip is not None and chip.record is not None and chip.record.entity.category == "system":
        return "system"
    if sentence.says(_TOKENS_OR_API) and amount.low < 200:
        return "other"
    if is_training_cost(sentence, amount):
        return "other"
    if sentence.says(SERVERS) and amount.low > (_CHEAP_SERVER if sentence.says(_SERVER) else _DEAR_SERVER):
        return "server"
    if sentence.says(SYSTEMS) and not _PART.match(sentence.folded, amount.end, sentence.end):
        return "system"
    if chip is not None or sentence.says(CARDS):
        return "card"
    if sentence.says(PARTS) and sentence.says(SYSTEMS, before=_THING_REACH):
        return "system"
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
