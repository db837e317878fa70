"""What a sum of money is counted per: GPU-hour, card, month, 1M tokens ... Pure.

A unit stands after the amount ("$2 per GPU-hour", "$20-a-month"), is shared by what is joined ("$1/$6 per 1M tokens"),
or heads a table or list. What is priced per thousand tokens, per page, per task and so on is `other`, with its amount
as written: only a price per million tokens is `1M-tokens`.
"""

from __future__ import annotations

import re
from itertools import pairwise

from nlp.amounts import Amount

__all__ = ["give_units", "price_end"]

_PER = r"(?:per|/|an?|each|every|for an?|for each|for every)"
_GAP = r"[\s-]?"  # "$20-a-month"
_GPU = r"(?:[a-z]{0,2}gpus?|chips?|accelerators?|cards?|[ablmht]{1,2}\d{2,3}s?x?|tpu(?: v\d\w?)?)"
_HOUR = r"(?:hours?|hrs?|h)\b"
_MILLION = r"(?:1[ ,]?m|m|1,?000,?000|(?:one |1 |a )?million|mn|1?mtoks?)\b"
_HEAD = r"(?:(?:active |power |core |named |individual )?(?:user|seat|person|developer|member|head))"
_UNITS = tuple(
    (re.compile(pattern), unit)
    for pattern, unit in (
        (rf"{_GAP}{_PER}{_GAP}{_GPU}[ /-]?(?:per )?{_HOUR}", "gpu-hour"),
        (rf"{_GAP}{_PER}{_GAP}{_HOUR}\s?(?:per|/)\s?{_GPU}\b", "gpu-hour"),
        (rf"{_GAP}{_PER}{_GAP}(?:instance|node|server|vm|machine)[ /-]?{_HOUR}", "instance-hour"),
        (rf"{_GAP}{_PER}{_GAP}{_HOUR}\s?(?:per|/)\s?(?:instance|node|server|vm)\b", "instance-hour"),
        (rf"{_GAP}(?:{_PER}{_GAP}{_HOUR}|hourly\b)", "hour"),
        (rf"(?: (?:in|out|input|output)(?: tokens?)?)?{_GAP}(?:per|/|for|a|for every|for each)\s?{_MILLION}",
         "1M-tokens"),
        (r"\s?(?:per|/|an?)\s?(?:k?wh|kilowatt[ -]?hours?|kw/h)\b", "kwh"),
        (rf"[\s,-]{{0,2}}(?:per|/|an?|each|every){_GAP}(?:{_HEAD}\s?,?\s?(?:/|per|an?|each)\s?)?(?:month|mo)\b",
         "month"),
        (r"\s?(?:/monthto\b|/month|monthly\b)", "month"),
        (rf"\s?(?:{_PER}|apiece per)\s?(?:gpu|card|chip|accelerator|graphics card|module|unit|superchip|"
         rf"processor|{_GPU})\b", "card"),
        (rf"\s?{_PER}\s?(?:server|node|8-gpu \w+|box)\b", "server"),
        (rf"\s?{_PER}\s?(?:system|rack|cabinet|laptop|pc|workstation|machine|pod|desktop)\b", "system"),
        (r"\s?(?:(?:per|/|for every|for each)[ -]?(?:[\d,]+\s?)?(?:1?[km]\b|thousand\b|billion\b|[a-z])|"
         r"an?\s(?:minute|second|day|week|year|image|request|query|task|page|session|token|run|call|video|paper)\b|"
         r"(?:annually|yearly|daily|weekly)\b)", "other"),
    )
)  # fmt: skip
_OF_OTHER_THINGS = re.compile(
    r"\s?(?:users?|people|parameters|requests|pages|images|characters|minutes|downloads|queries|calls|views|"
    r"impressions|rows|events|installs|messages|words|vectors|documents|records|operations|gb|mw|square)"
)
_TOKEN_WORDS = re.compile(r"\b(?:m?tok(?:en)?s?|input|output|api|llms?|models?|pricing|priced|prices?|cached)\b")
_LEFT_TOKENS = re.compile(
    r"\b(?:per[ -](?:1m|m|(?:one |1 )?million)|for (?:one|1|a) million)[ -](?:\w+ ){0,2}tokens?\b"
    r"(?:[^.$€£]|\.\d){0,110}\Z"
)
_TOKEN_SIDE = re.compile(
    r"\s?(?:\([^)]{0,20}\))?\s?(?:for |per )?(?:(?:cached|cache|uncached|fresh) )?(?:input|output|cached)\b"
)
_LEFT_SIDE = re.compile(
    r"\b(?:input|output)(?: tokens?)?(?: pric(?:e|ing)| costs?| rate)?\s?(?:[:=|~]|at|is|costs?|for|priced at|"
    r"of)\s?(?:about |around |roughly )?~?\Z"
)
_JOIN = re.compile(
    r"(?:\s?(?:/|,|and|or|to|vs\.?|versus|compared (?:to|with)|against|\+|;|from|&|-|–|for (?:input|output)(?: and)?|"
    r"input(?: and|,)?|output(?: and|,)?|\([^)]{0,14}\)|in|out))*\s?"
)
_GOES_ON = re.compile(
    r"(?:\b(?:to|vs\.?|versus|from|and|compared|than|with)|,)\s*(?:approximately |about |around |roughly |only |just |"
    r"above |below |nearly |almost |over |under |some )*\Z|"
    r"\A[ \w]{0,20}\((?:approximately |about |around |roughly |or )?[~≈]?\Z"  # the same in another currency
)
_INSTANCE = re.compile(
    r"\b(?:[a-z]{1,3}\d{1,2}[a-z]{0,3}\.(?:\d{0,3}x?large|metal\w*)|a[234]-\w+gpu-\w+|standard_n\w+|bm\.gpu[\w.-]*|"
    r"(?<!for )instances?|virtual machines?|vms?|droplets?)\b|\d{1,2}xlarge"
)
_ROOM = re.compile(
    r"\b(?:servers?|nodes?|machines?|clouds?|on-demand|spot|rent\w*|hosting|vps|boxe?s?|clusters?|pods?)\b"
)
_NODE = re.compile(r"\b(?:nodes?|servers?|boxes?|systems?) [^.;$]{0,30}\Z")
_WHOLE = re.compile(r"[^.;$]{0,12}\b(?:in total|total|altogether|for the (?:cluster|lot|whole))\b")
_SUMMED = re.compile(r"\s?[÷×*=+]")  # a sum in a calculation
_TOKENS_SOLD = re.compile(r"\b(?:api|tokens?|input|output|llms?|models?)\b")
_TOKENS_AFTER = re.compile(r"(?: (?:total|input|output|cached|prompt|completion))? tokens?\b")

_MONTHLY_AT_MOST = 400  # whole units of currency that "$20 a month and $10 for ..." takes as monthly, too
_TOKENS_AT_MOST = 200  # whole units of currency that a price per million tokens is without saying so
_LOWERED = re.compile(
    r"\b(?:(?:drops?|falls?|goes|rises?|down|up|cuts? (?:it|that|this)) to|down from|up from|just|only)\s\Z"
)
_HEADER_REACH = 400  # characters above an amount in which its table's or list's head is looked for
_MOST_HEADER_LINES = 6
_HEADER_UNITS = (
    (re.compile(r"(?:\bper|/)\s?(?:1\s?)?(?:m\b|million\b|mtok)"), "1M-tokens"),
    (re.compile(rf"(?:\bper|/)\s?{_GPU}[ /-]?(?:per )?{_HOUR}"), "gpu-hour"),
    (re.compile(rf"(?:\bper|/|\bhourly)\s?{_HOUR}|\bhourly\b"), "hour"),
    (re.compile(r"(?:\bper|/)\s?(?:month|mo)\b|\bmonthly\b"), "month"),
)


def give_units(
    folded: str,
    start: int,
    end: int,
    amounts: list[Amount],
    *,
    has_chips: bool,
    sells: bool,
    header: tuple[int, int] | None,
) -> None:
    """Set the unit of each amount of the sentence folded[start:end] that has one.

    Args:
        has_chips: the sentence names an accelerator.
        sells: it names an accelerator or a model.
        header: start and end of the first line of the table whose row it is.
    """
    is_of_tokens = sells or _TOKEN_WORDS.search(folded, max(0, start - 120), end) is not None
    for number, amount in enumerate(amounts):
        stop = amounts[number + 1].start if number + 1 < len(amounts) else end
        _own_unit(folded, amount, min(stop, amount.end + 70), is_of_tokens=is_of_tokens)
        if amount.unit == "hour":
            amount.unit = _hour_of(folded, amount, stop, has_chips)
    for left, right in pairwise(amounts):  # "$1/$6 per 1M": the left one takes the right one's
        if left.unit is None and right.unit and (_joined(folded, left, right) or _labelled(folded, left, right)):
            left.unit = right.unit
    for left, right in pairwise(amounts):  # "$2 per million input and $6 output"
        if right.unit is None and left.unit and _continues(folded, left, right):
            right.unit = left.unit
    _give_pair_units(folded, amounts, end)
    of_tokens = any(amount.unit == "1M-tokens" for amount in amounts)
    for amount in amounts:  # "$5 input and $25 output": prices of tokens, whatever they are counted in
        if (
            amount.unit is None
            and is_of_tokens
            and (_is_token_side(folded, amount, start, end) or (of_tokens and _drops(folded, amount)))
        ):
            amount.unit = "1M-tokens"
    if any(amount.unit is None for amount in amounts) and (unit := _header_unit(folded, start, end, header, has_chips)):
        for amount in amounts:
            amount.unit = amount.unit or unit


def price_end(folded: str, amount: Amount, sentence_end: int) -> int:
    """Return where the price's words end: after its unit, if that stands beside it."""
    if not amount.unit_end:
        return amount.end
    tokens = _TOKENS_AFTER.match(folded, amount.unit_end, sentence_end)
    return tokens.end() if tokens else amount.unit_end


def _own_unit(folded: str, amount: Amount, stop: int, *, is_of_tokens: bool) -> None:
    for pattern, unit in _UNITS:
        match = pattern.match(folded, amount.end, stop)
        if match and unit == "1M-tokens" and (_OF_OTHER_THINGS.match(folded, match.end()) or not is_of_tokens):
            amount.unit, amount.unit_end = "other", match.end()
            return
        if match:
            amount.unit, amount.unit_end = unit, match.end()
            return
    if (
        is_of_tokens
        and not _SUMMED.match(folded, amount.end)
        and _LEFT_TOKENS.search(folded, max(0, amount.start - 160), amount.start)
    ):
        amount.unit = "1M-tokens"


def _hour_of(folded: str, amount: Amount, stop: int, has_chips: bool) -> str:
    """Return the unit of a price an hour that names none: what is rented, or "other" where nothing is."""
    around = folded[max(0, amount.start - 140) : stop]
    if _WHOLE.match(folded, amount.unit_end, stop):
        return "other"
    if _INSTANCE.search(around) or _NODE.search(folded, max(0, amount.start - 60), amount.start):
        return "instance-hour"
    if has_chips or re.search(r"\bgpus?\b", folded[max(0, amount.end - 80) : stop]):
        return "gpu-hour"
    return "instance-hour" if _ROOM.search(around) else "other"


def _give_pair_units(folded: str, amounts: list[Amount], sentence_end: int) -> None:
    """Take "$5/$25" without a unit as input and output prices where the sentence is on models."""
    for left, right in pairwise(amounts):
        open_pair = {left.unit, right.unit} <= {None, "1M-tokens"} and None in (left.unit, right.unit)
        pair = open_pair and folded[left.end : right.start].strip() == "/"
        if pair and (
            any(amount.unit == "1M-tokens" for amount in amounts)
            or _TOKENS_SOLD.search(folded, max(0, left.start - 160), sentence_end)
        ):
            left.unit = right.unit = "1M-tokens"


def _is_token_side(folded: str, amount: Amount, start: int, end: int) -> bool:
    if _TOKEN_SIDE.match(folded, amount.end, end):
        return True
    return _LEFT_SIDE.search(folded, max(start, amount.start - 40), amount.start) is not None


def _drops(folded: str, amount: Amount) -> bool:
    """Return whether it is another price of the tokens that the sentence prices ("batch use drops to $1.25")."""
    left = folded[max(0, amount.start - 30) : amount.start]
    return amount.low <= _TOKENS_AT_MOST and not amount.big and _LOWERED.search(left) is not None


def _joined(folded: str, left: Amount, right: Amount) -> bool:
    between = _JOIN.match(folded, left.end, right.start)
    return between is not None and between.end() == right.start


def _labelled(folded: str, left: Amount, right: Amount) -> bool:
    """Return whether both follow a label of their own ("H100: $2.99, A100: $1.29 per hour")."""
    both = (folded[max(0, amount.start - 2) : amount.start].strip() for amount in (left, right))
    return right.start - left.end < 40 and all(mark == ":" for mark in both)


def _continues(folded: str, left: Amount, right: Amount) -> bool:
    if left.unit == "1M-tokens" and _TOKEN_SIDE.match(folded, right.end):
        return True
    if _SUMMED.match(folded, right.end):
        return False
    gap = folded[max(left.end, left.unit_end) : right.start]
    if right.big:
        return False
    shared = left.unit in ("1M-tokens", "gpu-hour") or (left.unit == "month" and right.low <= _MONTHLY_AT_MOST)
    return len(gap) < 90 and shared and _GOES_ON.search(gap) is not None


def _header_unit(folded: str, start: int, end: int, header: tuple[int, int] | None, has_chips: bool) -> str | None:
    """Return the unit that the head of the table or list around the sentence names."""
    line_start = folded.rfind("\n", 0, start) + 1
    if not _is_row(folded[line_start : min(end, line_start + 200)]):
        return None
    if header and (unit := _named_unit(folded[start:end].split("|", 2)[1], has_chips)):  # the first cell names it
        return unit
    below = header[1] + 1 if header else line_start
    above = folded[max(0, below - _HEADER_REACH) : max(0, below - 1)].split("\n")
    for line in reversed(above[-_MOST_HEADER_LINES:]):
        if _is_header(line) and (unit := _named_unit(line, has_chips)):
            return unit
    return None


def _named_unit(words: str, has_chips: bool) -> str | None:
    unit = next((unit for pattern, unit in _HEADER_UNITS if pattern.search(words)), None)
    return ("gpu-hour" if has_chips else "instance-hour") if unit == "hour" else unit


def _is_row(line: str) -> bool:
    return line.lstrip()[:1] in ("|", "-", "*", "•", "$", "€") or len(line) < 60


def _is_header(line: str) -> bool:
    line = line.strip()
    is_head = line.startswith(("|", "#")) or line.endswith(":") or len(line) < 60
    return is_head and not re.search(r"[$€£¥]\s?\d", line)
