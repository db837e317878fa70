"""Date texts of feeds and pages -> aware UTC datetimes, without inventing parts that the text does not give.

The ladder: Unix seconds, ISO 8601 / RFC 3339, RFC 822 and its many misspellings (read part by part), and at last
dateutil, believed only when its answer does not lean on its defaults. A text needs at least a year and a month.
Without a zone the time is taken as UTC; without a time it is 00:00.
Pure: no network, no clock, no database.
"""

from __future__ import annotations

import calendar
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

__all__ = ["from_struct", "parse_date"]

_YEARS = range(1990, 2101)
_MAX_CHARS = 200  # no date is longer; a longer text is something else

_ISO = re.compile(
    r"(?P<y>\d{4})(?P<sep>-?)(?P<m>\d{2})(?P=sep)(?P<d>\d{2})"
    r"(?:[T\s_]+(?P<H>\d{2}):?(?P<M>\d{2})(?::?(?P<S>\d{2})(?:[.,](?P<f>\d+))?)?)?"
    r"\s*(?P<z>Z|UTC|GMT|[+-]\d{2}:?\d{2}(?::\d{2})?|[+-]\d{2})?Z?$",
    re.I,
)
_CLOCK = re.compile(
    r"(?<![\d:])(?P<H>\d{1,2})[:h](?P<M>\d{2})(?::(?P<S>\d{2})(?:[.,]\d+)?)?\s*(?P<half>[ap]\.?\s?m\b\.?)?"
    r"|\b(?P<H12>\d{1,2})\s*(?P<half12>[ap]\.?m\b\.?)",
    re.I,
)
_OFFSET = re.compile(r"(?:\b(?:GMT|UTC|UT|Z)\s?)?(?:(?<![\d./-])|(?<=:\d\d))([+-])(\d{1,2}):?(\d{2})?\b(?!\s*[/.-]?\d)")
_REGION = re.compile(
    r"\b(?:Africa|America|Antarctica|Arctic|Asia|Atlantic|Australia|Europe|Indian|Pacific|US|Etc)(?:/[A-Za-z0-9_+-]+)+"
)
_WORD = re.compile(r"[^\W\d_]+")

# Zone abbreviations that news feeds use, in hours. Ambiguous ones as the press writes them: EST and CST are American,
# IST is Indian, BST is British. The military letters of RFC 822 other than Z mean nothing (RFC 5322 4.3).
_ABBREVIATION_LIST = """
    UT=0 UTC=0 GMT=0 Z=0 WET=0 WEST=1 BST=1 CET=1 CEST=2 MET=1 MEZ=1 MESZ=2 EET=2 EEST=3 MSK=3 SAST=2 GST=4 PKT=5
    IST=5.5 ICT=7 WIB=7 HKT=8 SGT=8 AWST=8 JST=9 KST=9 ACST=9.5 AEST=10 ACDT=10.5 AEDT=11 NZST=12 NZDT=13
    NST=-3.5 NDT=-2.5 AST=-4 ADT=-3 EST=-5 EDT=-4 CST=-6 CDT=-5 MST=-7 MDT=-6 PST=-8 PDT=-7 AKST=-9 AKDT=-8
    HST=-10 BRT=-3 ART=-3
"""
_ABBREVIATIONS = {name: float(hours) for name, hours in (pair.split("=") for pair in _ABBREVIATION_LIST.split())}
# "ET" and "PT" change with the season.
_SEASONAL = {"ET": "America/New_York", "CT": "America/Chicago", "MT": "America/Denver", "PT": "America/Los_Angeles"}

# Month names of the press's languages: English, German, French, Spanish, Portuguese, Italian, Dutch, Scandinavian,
# Polish, Czech, Turkish. A word is a month if it is on a line or cuts a name on it short
# ("Janu."). A looser rule would read "Decision 5, 2024" as December.
_MONTH_LINES = (
    "jan gen ene led sty oca january januar janvier janeiro gennaio enero januari stycznia ledna ocak",
    "feb fev fév fèv lut unor úno şub february februar février fevereiro febbraio febrero februari lutego února şubat",
    "mar mär maa mrt mrz bře march märz mars março marzo maart marts marca března mart",
    "apr avr abr kwi dub nis april avril abril aprile kwietnia dubna nisan",
    "may mai maj mei mag kvě máj mayo maio maggio maja května mayıs",
    "jun juin giu cze čer haz june juni junho junio giugno czerwca června haziran",
    "jul juil lug lip čvc tem july juli juillet julho julio luglio lipca července temmuz",
    "aug aou aoû ago sie srp ağu august août agosto augustus augusti sierpnia srpna ağustos",
    "sep set wrz zář eyl sept september septembre setembro settembre septiembre września září eylül",
    "oct okt out ott paź říj eki october oktober octobre outubro ottobre octubre października října ekim",
    "nov lis kas november novembre novembro noviembre listopada listopadu kasım",
    "dec dez déc dic gru pro ara december dezember décembre dezembro dicembre diciembre grudnia prosince aralık",
)
_MONTHS = {name: number for number, line in enumerate(_MONTH_LINES, 1) for name in line.split()}
_SHORTENED = {name[:size]: number for name, number in _MONTHS.items() for size in range(4, len(name))}

_MON = r"(?P<mon>[^\W\d_]{3,12})"
_DAY = r"(?P<d>\d{1,2})(?:st|nd|rd|th|er|º|\.)?"
_D_MON_Y = re.compile(
    rf"(?<!\d){_DAY}[\s.,/-]*(?:of\s+|de\s+)?{_MON}[\s.,/-]*(?:de\s+|del\s+)?'?(?P<y>\d{{4}}|\d{{2}})(?!\d)", re.I
)
_MON_D_Y = re.compile(rf"{_MON}[\s.,/-]*{_DAY}[\s.,/-]+'?(?P<y>\d{{4}})(?!\d)", re.I)
_Y_MON_D = re.compile(rf"(?<!\d)(?P<y>\d{{4}})[\s.,/-]+{_MON}[\s.,/-]+{_DAY}(?!\d)", re.I)
_MON_Y = re.compile(rf"{_MON}[\s.,/-]+(?:de\s+)?(?P<y>\d{{4}})(?!\d)", re.I)
_CJK = re.compile(r"(?P<y>\d{4})\s*[年년]\s*(?P<m>\d{1,2})\s*[月월]\s*(?:(?P<d>\d{1,2})\s*[日号號일])?")
_YMD = re.compile(r"(?<!\d)(?P<y>\d{4})\s?(?P<sep>[-/.])\s?(?P<m>\d{1,2})\s?(?P=sep)\s?(?P<d>\d{1,2})(?!\d)")
_NUMERIC = re.compile(r"(?<![\d.])(?P<a>\d{1,2})(?P<sep>[-/.\s])\s?(?P<b>\d{1,2})(?P=sep)\s?(?P<y>\d{4}|\d{2})(?!\d)")
_YM = re.compile(r"\s*(?P<y>\d{4})-(?P<m>\d{2})\s*$")


def parse_date(text: str | None) -> datetime | None:
    """Return the moment that `text` names, in UTC; None if it names none or one out of 1990..2100. Never raises."""
    if not text or len(text) > _MAX_CHARS:
        return None
    text = " ".join(text.replace("\\n", " ").split())
    try:
        moment = _parse_unix(text) or _parse_iso(text) or _parse_parts(text) or _parse_dateutil(text)
        return _plausible(moment)
    except (ValueError, OverflowError):  # a part out of its range, such as the 31st of February
        return None


def from_struct(parsed: time.struct_time | None, text: str | None) -> datetime | None:
    """Return the moment of feedparser's UTC tuple.

    None if `text` is too short to hold a whole date: feedparser completes "12" to a day of its own.
    """
    if parsed is None or sum(char.isdigit() for char in text or "") < 5:
        return None
    try:
        return _plausible(datetime.fromtimestamp(calendar.timegm(parsed), UTC))
    except (ValueError, OverflowError, OSError):
        return None


def _plausible(moment: datetime | None) -> datetime | None:
    if moment is None:
        return None
    moment = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    return moment if moment.year in _YEARS else None


def _parse_unix(text: str) -> datetime | None:
    if not (text.isascii() and text.isdigit() and len(text) in (10, 13)):
        return None
    return datetime.fromtimestamp(int(text) / (1000 if len(text) == 13 else 1), UTC)


def _parse_iso(text: str) -> datetime | None:
    match = _ISO.match(text)
    if match is None:
        return None
    hour, minute, second = (int(match[name] or 0) for name in "HMS")
    if second == 60:  # leap seconds have no place in datetime
        second = 59
    micro = int(((match["f"] or "") + "000000")[:6])
    day_over = timedelta(days=1) if (hour, minute, second) == (24, 0, 0) else timedelta()
    day = datetime(int(match["y"]), int(match["m"]), int(match["d"]), tzinfo=_iso_zone(match["z"]))
    return day_over + day.replace(hour=0 if day_over else hour, minute=minute, second=second, microsecond=micro)


def _iso_zone(text: str | None) -> tzinfo:
    if not text or text[0] not in "+-":
        return UTC
    digits = text[1:].replace(":", "")
    return _offset(text[0], int(digits[:2]), int(digits[2:4] or 0))


def _offset(sign: str, hours: int, minutes: int) -> tzinfo:
    """Return a fixed zone; an offset that no place on earth has is read as UTC."""
    total = timedelta(hours=hours, minutes=minutes)
    if total > timedelta(hours=14):
        return UTC
    return timezone(-total if sign == "-" else total)


def _parse_parts(text: str) -> datetime | None:
    """Read zone, clock and date of a text one after the other, each cut out before the next is looked for."""
    zone, rest = _take_zone(text)
    clock, rest = _take_clock(rest)
    day = _date_of(rest)
    if day is None:
        return None
    year, month, date = day
    hour, minute, second = clock
    return datetime(year, month, date, hour, minute, second, tzinfo=zone)


def _take_zone(text: str) -> tuple[tzinfo, str]:
    if match := _REGION.search(text):
        try:
            return ZoneInfo(match[0]), text.replace(match[0], " ")
        except (ValueError, KeyError, OSError):  # unknown, malformed, or a folder of the zone database
            return UTC, text.replace(match[0], " ")
    if match := _OFFSET.search(text):
        hours, minutes = int(match[2]), int(match[3] or 0)
        if match[3] is None and len(match[2]) == 2 and hours > 14:
            return UTC, text
        rest = text[: match.start()] + " " + re.sub(r"\([^)]*\)", " ", text[match.end() :])
        return _offset(match[1], hours, minutes), rest
    for match in _WORD.finditer(text):
        word = match[0]
        if word in _SEASONAL:
            return ZoneInfo(_SEASONAL[word]), text[: match.start()] + " " + text[match.end() :]
        if word in _ABBREVIATIONS:
            return timezone(timedelta(hours=_ABBREVIATIONS[word])), text[: match.start()] + " " + text[match.end() :]
    return UTC, text


def _take_clock(text: str) -> tuple[tuple[int, int, int], str]:
    match = _CLOCK.search(text)
    if match is None:
        return (0, 0, 0), text
    hour, minute, second = int(match["H"] or match["H12"]), int(match["M"] or 0), int(match["S"] or 0)
    half = (match["half"] or match["half12"] or "").lower()
    if half and hour <= 12:
        hour = hour % 12 + (12 if half.startswith("p") else 0)
    return (hour, minute, min(second, 59)), text[: match.start()] + " " + text[match.end() :]


def _date_of(text: str) -> tuple[int, int, int] | None:
    """Return year, month and day of a text without clock and zone."""
    if match := _CJK.search(text):
        return int(match["y"]), int(match["m"]), int(match["d"] or 1)
    if match := _YMD.search(text):
        return int(match["y"]), int(match["m"]), int(match["d"])
    for pattern in (_MON_D_Y, _D_MON_Y, _Y_MON_D):
        for match in _all_matches(pattern, text):
            if month := _month(match["mon"]):
                return _year(match["y"]), month, int(match["d"])
    if match := _NUMERIC.search(text):
        return _numeric(int(match["a"]), int(match["b"]), match["sep"], _year(match["y"]))
    for match in _MON_Y.finditer(text):
        if month := _month(match["mon"]):
            return int(match["y"]), month, 1
    if match := _YM.match(text):
        return int(match["y"]), int(match["m"]), 1
    return None


def _all_matches(pattern: re.Pattern[str], text: str) -> Iterator[re.Match[str]]:
    """Yield matches that may overlap: "Monday, 12 March 2024" holds a word, a number and another word."""
    position = 0
    while match := pattern.search(text, position):
        yield match
        position = match.start() + 1


def _month(name: str) -> int | None:
    word = name.lower()
    return _MONTHS.get(word) or _SHORTENED.get(word)


def _year(text: str) -> int:
    year = int(text)
    if len(text) == 4:
        return year
    return year + (2000 if year < 70 else 1900)  # POSIX: 69-99 are the last century's


def _numeric(first: int, second: int, separator: str, year: int) -> tuple[int, int, int]:
    """Return the date of two numbers and a year: month first with slashes, else day first, unless impossible."""
    month_first = separator == "/" if first <= 12 and second <= 12 else second > 12
    return (year, first, second) if month_first else (year, second, first)


def _parse_dateutil(text: str) -> datetime | None:
    """Return dateutil's reading if it is the same whatever the default date: so no part of it is invented."""
    from dateutil import parser  # slow to import and seldom needed

    try:
        first, second = (parser.parse(text, default=day, tzinfos=_zone_of) for day in _DEFAULTS)
    except (parser.ParserError, TypeError, AttributeError, IndexError):
        return None  # dateutil stumbles over odd texts with more than its own error
    # Its year must be written: dateutil also makes 2003 of "1.2.3.2024".
    return first if first == second and str(first.year) in text else None


def _zone_of(_name: str | None, seconds: int | None) -> tzinfo | None:
    """Return the zone of an offset that dateutil read; names are not looked up in the machine's own zone."""
    return timezone(timedelta(seconds=seconds)) if seconds else None


_DEFAULTS = (datetime(2001, 1, 1), datetime(2004, 2, 3))  # noqa: DTZ001  dateutil wants naive defaults
