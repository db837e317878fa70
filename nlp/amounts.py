"""Find sums of money: a number beside a currency sign or word. Pure; `nlp.prices` tells which of them are prices."""

from __future__ import annotations

import re
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
    currency: str
    big: bool  # written in millions or more
    unit: str | None = None
    unit_end: int = 0


_NUMBER = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+"
_SCALE = r"thousand|million|billion|trillion|mn|bn|tn|mio|[kKMBTmb](?![a-zA-Z])"
_SIGN = r"(?:US|HK|NT|AU|CA|A|C|S)?\\?\$|€|£|¥|₹|₩|(?:USD|EUR|GBP|CHF|RMB|CNY|HKD|JPY|INR)[ \xa0]?"
_SIGN_PREFIX = re.compile(r"(?:US|HK|NT|AU|CA|A|C|S)?\\?\Z")
_AMOUNT = re.compile(
    rf"(?P<sign>{_SIGN})\s?(?P<low>{_NUMBER})(?:\s?(?P<lowscale>{_SCALE}))?\+?"
    rf"(?:\s?(?:[-–—]|to)\s?(?P<sign2>{_SIGN})?\s?(?P<high>{_NUMBER})(?:\s?(?P<highscale>{_SCALE}))?(?![\d%])"
    rf"(?!\s?(?:GB|x\b|percent|tokens\s+per\s+second)))?"
)
_MONEY_WORD = re.compile(
    r"(?:dollars?|euros?|pounds sterling|yuan|renminbi|rmb|yen|won|rupees|usd|eur|chf|€|cents?(?= (?:per|an?)\b)|"
    r"[c¢](?=\s?/|\sper\b|\s?an?\s(?:kwh|kilowatt)))(?![a-z])"
)
_BEFORE_WORD = re.compile(
    rf"(?<![\w.,$€£])(?P<low>{_NUMBER})(?:\s?(?P<lowscale>{_SCALE}))?"
    rf"(?:\s?(?:[-–—]|to)\s?(?P<high>{_NUMBER})(?:\s?(?P<highscale>{_SCALE}))?)?\s?(?:U\.?S\.? )?\Z",
)
_SIGNS = ("$", "€", "£", "¥", "₹", "₩", "usd", "eur", "gbp", "chf", "rmb", "cny", "hkd", "jpy", "inr")
_WORDS_OF_MONEY = ("dollar", "euro", "pounds sterling", "yuan", "renminbi", "yen", "won", "rupee", "cent", "¢",
                   "c/", "c /", "c per kwh", "c a kwh", "c per kilowatt")  # fmt: skip
_MONEY = AhoCorasick(
    [*_SIGNS, *_WORDS_OF_MONEY], matchkind=MatchKind.LeftmostLongest, implementation=Implementation.DFA
)  # one pass instead of thirty
_SCALES = {"k": 1e3, "thousand": 1e3, "m": 1e6, "mn": 1e6, "mio": 1e6, "million": 1e6, "b": 1e9, "bn": 1e9,
           "billion": 1e9, "t": 1e12, "tn": 1e12, "trillion": 1e12}  # fmt: skip
_CURRENCIES = {
    "$": "USD", "US$": "USD", "HK$": "HKD", "NT$": "TWD", "A$": "AUD", "AU$": "AUD", "C$": "CAD", "CA$": "CAD",
    "S$": "SGD", "€": "EUR", "£": "GBP", "¥": "CNY", "₹": "INR", "₩": "KRW", "RMB": "CNY",
}  # fmt: skip
_WORDS = (("dollar", "USD"), ("euro", "EUR"), ("pound", "GBP"), ("yuan", "CNY"), ("renminbi", "CNY"), ("rmb", "CNY"),
          ("yen", "JPY"), ("won", "KRW"), ("rupee", "INR"), ("cent", "USD"), ("€", "EUR"))  # fmt: skip


def find_amounts(text: Text) -> list[Amount]:
    """Return the sums of money in `text`, in order, not overlapping: the first fifty of each sentence."""
    raw = text.raw
    found: list[Amount] = []
    sentence_end, first = 0, 0  # of the sentence that we are in, and its first amount's index
    for index, at, _ in _MONEY.find_matches_as_indexes(text.folded):
        if at >= sentence_end:
            sentence_end, first = text.sentence_at(at)[1], len(found)
        if len(found) - first >= _MOST_AMOUNTS or (found and at < found[-1].end):
            continue
        amount = None
        if index < len(_SIGNS) and (match := _AMOUNT.match(raw, at - _prefix_length(raw, at))):
            amount = _from_sign(match)
        elif (word := _MONEY_WORD.match(text.folded, at)) and (match := _BEFORE_WORD.search(raw, max(0, at - 40), at)):
            amount = _from_word(match, word)
        if amount is not None and (not found or amount.start >= found[-1].end):
            found.append(amount)
    return found


def _prefix_length(raw: str, sign: int) -> int:
    match = _SIGN_PREFIX.search(raw, max(0, sign - 3), sign)
    return len(match[0]) if match else 0


def _number(digits: str, scale: str | None) -> float:
    return float(digits.replace(",", "")) * (_SCALES[scale.lower()] if scale else 1.0)


def _scales(match: re.Match[str]) -> tuple[str | None, str | None]:
    """Return the scales of both ends: in "$2-3 million" the low end has the high end's."""
    low, high = match["lowscale"], match["highscale"]
    return (low or high if match["high"] else low), high


def _range(match: re.Match[str]) -> tuple[float, float | None]:
    low_scale, high_scale = _scales(match)
    low = _number(match["low"], low_scale)
    if not match["high"]:
        return low, None
    high = _number(match["high"], high_scale or (low_scale if match["lowscale"] else None))
    return (low, high) if high > low else (low, None)


def _from_sign(match: re.Match[str]) -> Amount:
    sign = match["sign"].replace("\\", "").strip()
    low, high = _range(match)
    end = match.end()
    if high is None and match["high"]:  # not a range after all: "$5 to 3"
        end = match.end("lowscale") if match["lowscale"] else match.end("low")
        low = _number(match["low"], match["lowscale"])
    return Amount(match.start(), end, low, high, _CURRENCIES.get(sign, sign), _is_big(match))


def _is_big(match: re.Match[str]) -> bool:
    return (match["lowscale"] or match["highscale"] or "").lower() not in ("", "k", "thousand")


def _from_word(match: re.Match[str], word: re.Match[str]) -> Amount:
    name = word[0]
    low, high = _range(match)
    cents = name.startswith("cent") or name in ("c", "¢")
    currency = "USD" if cents else next((code for start, code in _WORDS if name.startswith(start)), name.upper())
    factor = 0.01 if cents else 1.0
    return Amount(match.start(), word.end(), low * factor, high * factor if high else None, currency, _is_big(match))
