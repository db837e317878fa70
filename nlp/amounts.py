"""Find sums of money: a number beside a currency sign or word. Pure; `nlp.prices` tells which of them are prices."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ahocorasick_rs import AhoCorasick, Implementation, MatchKind

from nlp.text import Text

__all__ = ["Amount", "find_amounts"]

_MOST_AMOUNTS = 50  # of a sentence are judged: the head of a table; bounds the work on a text of nothing but sums


@dataclass(slots=True)
class Amount:
    """A money amount that may turn out to be a price."""

    start: int
    end: int
    low: float
    high: float | None
    currency: str  # ISO 4217
    big: bool  # written in millions or more
    unit: str | None = None
    unit_end: int = 0


_NUMBER = (
    r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|[1-9]\d{0,2}(?:\.\d{3})+(?:,\d{2})?(?!\d)|\d+,\d{2}(?![\d,])|\d+(?:\.\d+)?|\.\d+"
)
_DOTTED = re.compile(r"[1-9]\d{0,2}(?:\.\d{3})+(?:,\d{2})?")  # "400.000": thousands in euros, a decimal in dollars
# a letter that ends the number: not the M of "$599 M5 laptop", nor the T of "$80 T4"
_SCALE = r"(?i:thousand|million|billion|trillion|(?:mn|bn|tn|tr|mio|mln)(?![a-z]))|[kKMBTmb](?![a-zA-Z0-9])"
_SIGN = r"(?:US|HK|NT|AU|CA|A|C|S|R)?\\?\$|€|£|¥|₹|₩|(?:USD|EUR|GBP|CHF|RMB|CNY|HKD|JPY|INR)[ \xa0]?"
_SIGN_PREFIX = re.compile(r"(?:(?<![A-Za-z])(?:US|HK|NT|AU|CA|A|C|S|R))?\\?\Z")
_AMOUNT = re.compile(
    rf"(?P<sign>{_SIGN})\s?(?P<low>{_NUMBER})(?:\s?(?P<lowscale>{_SCALE}))?\+?"
    rf"(?:\s?(?:[-–—]|to)\s?(?P<sign2>{_SIGN})?\s?(?P<high>{_NUMBER})(?:\s?(?P<highscale>{_SCALE}))?(?![\d%])"
    rf"(?!\s?(?:GB|x\b|percent|tokens\s+per\s+second)))?"
)
# the second of "$3/15 per million tokens", which has no sign of its own
_SLASHED = re.compile(rf"/(?P<number>{_NUMBER})(?=\s?(?:per|/)\s?(?:1\s?)?(?:m|million|mtok)\b)", re.IGNORECASE)
_MONEY_WORD = re.compile(
    r"(?:dollars?|euros?|pounds sterling|yuan|renminbi|rmb|yen|won|rupees|bucks|usd|eur|chf|€|cents?|"
    r"[c¢](?=\s?/|\sper\b|\s?an?\s(?:kwh|kilowatt)))(?![a-z])"
)
_BEFORE_WORD = re.compile(
    rf"(?<![\w.,$€£])(?P<low>{_NUMBER})(?:\s?(?P<lowscale>{_SCALE}))?"
    rf"(?:\s?(?:[-–—]|to)\s?(?P<high>{_NUMBER})(?:\s?(?P<highscale>{_SCALE}))?)?\s?(?:U\.?S\.? )?\Z",
)
_NUMBER_WORDS = {
    "half a": 0.5, "a": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8,
    "nine": 9, "ten": 10, "twelve": 12, "fifteen": 15, "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50,
    "a hundred": 100, "one hundred": 100, "two hundred": 200, "a thousand": 1000, "one thousand": 1000,
}  # fmt: skip
_WRITTEN_OUT = re.compile(rf"(?<!\w)(?P<number>{'|'.join(sorted(_NUMBER_WORDS, key=len, reverse=True))})[ -]\Z")
_SIGNS = ("$", "€", "£", "¥", "₹", "₩", "usd", "eur", "gbp", "chf", "rmb", "cny", "hkd", "jpy", "inr")
_WORDS_OF_MONEY = ("dollar", "euro", "pounds sterling", "yuan", "renminbi", "yen", "won", "rupee", "buck", "cent", "¢",
                   "c/", "c /", "c per kwh", "c a kwh", "c per kilowatt")  # fmt: skip
_MONEY = AhoCorasick(
    [*_SIGNS, *_WORDS_OF_MONEY], matchkind=MatchKind.LeftmostLongest, implementation=Implementation.ContiguousNFA
)  # one pass instead of thirty
_SCALES = {"k": 1e3, "thousand": 1e3, "m": 1e6, "mn": 1e6, "mio": 1e6, "mln": 1e6, "million": 1e6, "b": 1e9, "bn": 1e9,
           "billion": 1e9, "t": 1e12, "tn": 1e12, "tr": 1e12, "trillion": 1e12}  # fmt: skip
_CURRENCIES = {
    "$": "USD", "US$": "USD", "HK$": "HKD", "NT$": "TWD", "A$": "AUD", "AU$": "AUD", "C$": "CAD", "CA$": "CAD",
    "S$": "SGD", "R$": "BRL", "€": "EUR", "£": "GBP", "¥": "CNY", "₹": "INR", "₩": "KRW", "RMB": "CNY",
}  # fmt: skip
_WORDS = (("dollar", "USD"), ("euro", "EUR"), ("pound", "GBP"), ("yuan", "CNY"), ("renminbi", "CNY"), ("rmb", "CNY"),
          ("yen", "JPY"), ("won", "KRW"), ("rupee", "INR"), ("cent", "USD"), ("buck", "USD"), ("€", "EUR"))  # fmt: skip
_REACH = 40  # characters before a money word in which its number may begin

_BETWEEN = re.compile(r"\bbetween (?:about |around |roughly )?\Z")
_AND = re.compile(r"\s?and (?:about |around |roughly )?\Z")
_RANGES = re.compile(r"\b(?:rang\w+|var\w+|anywhere|spread\w*) from (?:about |around |roughly |just |as little as )?\Z")
_TO = re.compile(r"\s?to (?:about |around |roughly |nearly |almost |over |as much as |up to |more than )?\Z")
_CHANGE = re.compile(  # "cut from $4 to $2" are two prices, "ranges from $2 to $4" is one
    r"\b(?:r[io]se[ns]?|rising|climb\w*|jump\w*|increas\w+|rais\w+|went|gone|go(?:es|ing)?|grew|surg\w+|soar\w*|"
    r"cut\w*|dropp?\w*|fell|fall\w*|slash\w*|reduc\w+|lower\w*|down|up|mov\w+|chang\w+)\b[^.;]{0,60}\bfrom "
    r"(?:about |around |roughly )?\Z"
)


def find_amounts(text: Text) -> list[Amount]:
    """Return the sums of money in `text`, in order, not overlapping: the first fifty of each sentence."""
    found: list[Amount] = []
    sentence_end, first = 0, 0  # of the sentence that we are in, and its first amount's index
    for index, at, _ in _MONEY.find_matches_as_indexes(text.folded):
        if at >= sentence_end:
            sentence_end, first = text.sentence_at(at)[1], len(found)
        if len(found) - first >= _MOST_AMOUNTS or (found and at < found[-1].end):
            continue
        for amount in _amounts_at(text, at, may_be_sign=index < len(_SIGNS)):
            if found and amount.start < found[-1].end:
                continue
            if len(found) > first and _is_span(text.folded, found[-1], amount):
                found[-1].end, found[-1].high = amount.end, amount.low
            else:
                found.append(amount)
    return found


def _amounts_at(text: Text, at: int, *, may_be_sign: bool) -> Iterator[Amount]:
    """Yield the amounts whose currency is written at `at`: two for "$3/15 per million tokens"."""
    raw, folded = text.raw, text.folded
    if may_be_sign and (match := _AMOUNT.match(raw, at - _prefix_length(raw, at))):
        amount = _from_sign(match, folded)
        yield amount
        if slashed := _SLASHED.match(raw, amount.end):
            low = _number(slashed["number"], None, amount.currency)
            yield Amount(slashed.start("number"), slashed.end(), low, None, amount.currency, big=False)
    elif word := _MONEY_WORD.match(folded, at):
        reach = max(0, at - _REACH)
        if match := _BEFORE_WORD.search(raw, reach, at):
            yield _from_word(match, word)
        elif written := _WRITTEN_OUT.search(folded, reach, at):
            currency, factor = _currency_of(word[0])
            low = _NUMBER_WORDS[written["number"]] * factor
            yield Amount(written.start(), word.end(), low, None, currency, big=False)


def _is_span(folded: str, left: Amount, right: Amount) -> bool:
    """Return whether the two are the ends of "between $2 and $4" or "ranges from $2 to nearly $4"."""
    if left.high is not None or right.high is not None or left.currency != right.currency or left.low >= right.low:
        return False
    gap, before = folded[left.end : right.start], folded[max(0, left.start - 40) : left.start]
    if len(gap) > 20:
        return False
    if _AND.match(gap):
        return _BETWEEN.search(before) is not None
    return _TO.match(gap) is not None and _RANGES.search(before) is not None


def _prefix_length(raw: str, sign: int) -> int:
    match = _SIGN_PREFIX.search(raw, max(0, sign - 3), sign)
    return len(match[0]) if match else 0


def _number(digits: str, scale: str | None, currency: str) -> float:
    is_dotted = _DOTTED.fullmatch(digits) and (
        digits.count(".") > 1 or "," in digits or (currency == "EUR" and not scale)  # "€1.125 billion" is no thousand
    )
    if is_dotted:
        digits = digits.replace(".", "").replace(",", ".")
    elif re.fullmatch(r"\d+,\d{2}", digits):  # a decimal comma
        digits = digits.replace(",", ".")
    return float(digits.replace(",", "")) * (_SCALES[scale.lower()] if scale else 1.0)


def _range(match: re.Match[str], currency: str) -> tuple[float, float | None]:
    """Return both ends: in "$2-3 million" the low end has the high end's scale."""
    low_scale, high_scale = match["lowscale"], match["highscale"]
    if not match["high"]:
        return _number(match["low"], low_scale, currency), None
    low = _number(match["low"], low_scale or high_scale, currency)
    high = _number(match["high"], high_scale or low_scale, currency)
    return (low, high) if high > low else (low, None)


def _from_sign(match: re.Match[str], folded: str) -> Amount:
    sign = match["sign"].replace("\\", "").strip()
    currency = _CURRENCIES.get(sign, sign)
    low, high = _range(match, currency)
    end = match.end()
    is_change = match["sign2"] and _CHANGE.search(folded, max(0, match.start() - 120), match.start())
    if match["high"] and (high is None or is_change):  # not a range after all: "$5 to 3", "cut from $4 to $2"
        end = match.end("lowscale") if match["lowscale"] else match.end("low")
        low, high = _number(match["low"], match["lowscale"], currency), None
    return Amount(match.start(), end, low, high, currency, _is_big(match))


def _is_big(match: re.Match[str]) -> bool:
    return (match["lowscale"] or match["highscale"] or "").lower() not in ("", "k", "thousand")


def _from_word(match: re.Match[str], word: re.Match[str]) -> Amount:
    currency, factor = _currency_of(word[0])
    low, high = _range(match, currency)
    return Amount(match.start(), word.end(), low * factor, high * factor if high else None, currency, _is_big(match))


def _currency_of(word: str) -> tuple[str, float]:
    """Return the currency that a money word names, and what one of it is in whole units."""
    if word.startswith("cent") or word in ("c", "¢"):
        return "USD", 0.01
    return next((code for start, code in _WORDS if word.startswith(start)), word.upper()), 1.0
