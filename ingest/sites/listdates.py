"""Dates as listing pages show them: found in the short texts around a link, never invented.

Pure: no network, no clock, no database.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from ingest.dates import parse_date
from ingest.sites.pagetext import chunks

__all__ = ["attribute_date", "complete", "find_date", "only_date", "shown_dates", "slashed_day_first", "year_alone"]

_ATTRIBUTES = (
    "datetime", "data-datetime", "data-date", "data-published", "data-publish-date", "data-pubdate", "data-timestamp",
    "data-time", "dateline", "data-dateline", "date",
)  # fmt: skip
_WORD = r"[^\W\d_]{3,12}\.?"
_CLOCK = r"(?:[T\s,]+\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?\s?(?:[ap]\.?m\.?)?\s?(?:Z|UTC|GMT|[+-]\d{2}:?\d{2})?)?"
_DATE = re.compile(
    rf"(?<![\w-])(?:"
    rf"\d{{4}}\s*年\s*\d{{1,2}}\s*月\s*\d{{1,2}}\s*日"
    rf"|\d{{4}}\s?[-/.]\s?\d{{1,2}}\s?[-/.]\s?\d{{1,2}}(?!\d){_CLOCK}"
    rf"|\d{{1,2}}(?:st|nd|rd|th|\.)?[\s-]+(?:of\s+|de\s+)?{_WORD},?[\s-]+(?:de\s+)?\d{{4}}(?!\d)"
    rf"|{_WORD}\s+\d{{1,2}}(?:st|nd|rd|th)?,?\s+\d{{4}}(?!\d)"
    rf"|\d{{1,2}}([-/.])\d{{1,2}}\1\d{{4}}(?!\d)"
    rf")",
    re.I,
)
# The day apart from the rest, as where a box shows "02" above "2026-03".
_DAY_APART = re.compile(r"\A\W*(\d{1,2})\s+(\d{4})\s?[-./年]\s?(\d{1,2})\s?月?\W*\Z")
_DAY_LAST = re.compile(r"\A\W*(\d{4})\s?[-./年]\s?(\d{1,2})\s?月?\s+(\d{1,2})\s?日?\W*\Z")
_MONTH_DAY = re.compile(
    r"\A\W*(?:(?P<m>\d{1,2})\s?[-/.月]\s?(?P<d>\d{1,2})\s?日?"
    rf"|(?P<mon>{_WORD})\s+(?P<day>\d{{1,2}})|(?P<day2>\d{{1,2}})\.?\s+(?P<mon2>{_WORD}))\W*\Z"
)
_SLASHED = re.compile(r"\b(\d{1,2})/(\d{1,2})/(\d{4})\b")
_YEAR = re.compile(r"\A\W*(20\d\d)\s*年?\W*\Z")
_PARTING = re.compile(r"[|·•]|\s[-–—]\s")
_LABEL = re.compile(
    r"\A\W*(?:posted|published|publication|updated|date|released?|time|on|发布(?:时间|日期)?|日期|时间|更新)\W*\s*(?:on|at)?\W+",
    re.I,
)
# What follows a date that stands above the articles of a day: (showing 25 of 80 entries).
_COUNT = re.compile(
    r"\s*\((?:\d{1,3}|[^()]{0,40}\b(?:of \d+|entries|articles|items|posts|results)\b[^()]{0,20})\)\s*\Z", re.I
)
_MAX_CHARS = 60  # of a text that shows a date; a longer one speaks of it
_SHARE = 0.4  # of a text that must be its date
_SPLIT_CHARS = 12  # a part of a date that is shown in several elements


def attribute_date(element: Any) -> datetime | None:
    """Return the first date that an attribute in or on an element gives for machines."""
    for node in element.iter():
        if not isinstance(node.tag, str):
            continue
        names = _ATTRIBUTES if node.tag != "abbr" else (*_ATTRIBUTES, "title")
        for name in names:
            if (value := node.get(name)) and (date := parse_date(value)):
                return date
        if "date" in (node.get("itemprop") or "").lower() and (date := parse_date(node.get("content"))):
            return date
    return None


def shown_dates(element: Any) -> list[str]:
    """Return the short texts of an element that may show its date, the most likely first."""
    texts = chunks(element)
    parts = [part for text in texts for part in _parts(text)]
    split = [" ".join(run) for run in _runs(texts)]
    times = [" ".join(chunks(node)) for node in element.iter("time")]
    return [*times, *parts, *split]


def _parts(text: str) -> Iterator[str]:
    for part in _PARTING.split(text):
        part = _LABEL.sub("", part.strip())
        if part and len(part) <= _MAX_CHARS:
            yield part


def _runs(texts: Iterable[str]) -> Iterator[list[str]]:
    """Yield two or three short texts that stand side by side."""
    run: list[str] = []
    for text in [*texts, "-" * (_SPLIT_CHARS + 1)]:
        if len(text) <= _SPLIT_CHARS:
            run.append(text)
            continue
        for size in (3, 2):
            yield from (run[at : at + size] for at in range(len(run) - size + 1))
        run = []


def find_date(text: str, *, day_first: bool = False) -> datetime | None:
    """Return the date that a short text shows; None if it shows none, or speaks of much else.

    Args:
        day_first: whether 03/04/2026 is the third of April.
    """
    text = _COUNT.sub("", text)
    if match := _DAY_APART.match(text):
        return parse_date(f"{match[2]}-{int(match[3]):02}-{int(match[1]):02}")
    if match := _DAY_LAST.match(text):
        return parse_date(f"{match[1]}-{int(match[2]):02}-{int(match[3]):02}")
    for match in _DATE.finditer(text):
        if len(match[0]) < _SHARE * len(text):
            continue
        slashed = _SLASHED.fullmatch(match[0])
        written = f"{slashed[3]}-{slashed[2]:0>2}-{slashed[1]:0>2}" if slashed and day_first else match[0]
        if date := parse_date(written):
            return date
    return None


def only_date(text: str) -> bool:
    """Whether a text is a date and hardly more: a heading above the articles of a day."""
    text = _COUNT.sub("", text)
    if len(text) > _MAX_CHARS:
        return False
    text = _LABEL.sub("", text)
    match = _DATE.search(text)
    if match is None:
        return bool(_DAY_APART.match(text) or _DAY_LAST.match(text))
    return len(match[0]) >= len(text.strip()) - len(" Wednesday, ") and find_date(text) is not None


def year_alone(text: str) -> int | None:
    """Return the year if a text is nothing else."""
    match = _YEAR.match(text) if len(text) <= _MAX_CHARS else None
    return int(match[1]) if match else None


def complete(text: str, year: int, month: int | None = None) -> datetime | None:
    """Return the date of a text that shows month and day alone, in that year; None if it shows another month."""
    match = _MONTH_DAY.match(text)
    if match is None:
        return None
    if match["m"]:
        written = f"{year}-{int(match['m']):02}-{int(match['d']):02}"
    else:
        written = f"{match['day'] or match['day2']} {match['mon'] or match['mon2']} {year}"
    date = parse_date(written)
    return date if date is not None and month in (None, date.month) else None


def slashed_day_first(texts: Iterable[str], language: str | None) -> bool:
    """Whether dates such as 03/04/2026 on a page are written day first: one of them shows it, else the language."""
    pairs = [(int(match[1]), int(match[2])) for text in texts for match in _SLASHED.finditer(text)]
    if any(first > 12 for first, _ in pairs):
        return True
    if any(second > 12 for _, second in pairs):
        return False
    return (language or "en").lower() not in ("en", "en-us")
