"""Tell who is only quoted or credited, and where something was only posted, from what a text speaks of. Pure.

A news outlet is a source unless it is in the news itself; so is any firm of which only analysts are quoted or that only
stands in photo credits. A platform is a venue where every mention says that something was posted there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from nlp.features import Found
from nlp.text import Text

__all__ = ["is_source", "is_venue", "split_sources", "without_site_names"]

_QUOTED = frozenset(("analyst", "bank", "consultancy"))  # categories whose word on others is news
_FURNITURE = ("|", "•", "-", "–", "—", ":", "·", "/", ">")
_NEAR = 60  # characters around a name that are looked at

_NEWS_RIGHT = re.compile(
    r"(?:'s)? (?:(?:ceo|owner|parent|publisher|staff|employees|newsroom|layoffs|lawsuit|shares|union|journalists)\b|"
    r"(?:has |have |had |will |is |was )?(?:su(?:es|ed|ing)|acquir|sign|lays? off|laid off|laying off|cuts?\b|partner|"
    r"agree|launch|hire|bought|buys|sold|licen[sc]|block|settle|merge|clos(?:es|ed|ing)\b))"
)
_NEWS_LEFT = re.compile(
    r"\b(?:acquir\w+|buy(?:s|ing)?|bought|deals? with|partner\w* with|partnership with|agreements? with|sued by|suing|"
    r"lawsuit (?:by|from)|owned by|owner of|content (?:from|of)|licen\w+ with) (?:the )?\Z"
)
_ANALYSTS_LEFT = re.compile(r"\b(?:analysts?|strategists?|economists?) (?:at|from|with|for) (?:the )?\Z")
_ANALYSTS_RIGHT = re.compile(r"(?:'s)? (?:analysts?|strategists?|economists?)\b")
_ESTIMATE_LEFT = re.compile(
    r"\b(?:according to|estimates? (?:by|from)|(?:report|survey|study|figures|data|note) (?:by|from)) \Z"
)
_ESTIMATE_RIGHT = re.compile(r",? (?:estimate[sd]?|forecasts?|predict(?:s|ed)|projects|projected|reckons|found that)\b")
_CREDIT_LEFT = re.compile(r"\b(?:photo(?:graph)?|image|picture|illustration|credit|courtesy|graphic)s?\b[^.\n]{0,40}\Z")
_CREDIT_RIGHT = re.compile(r"\s*(?:[/|)\]]|\n|\Z)")
_STOCK_LEFT = re.compile(r"(?:[/|,] ?|\bvia )\Z")
_STOCK_PHOTOS = frozenset(("getty-images", "shutterstock", "istockphoto"))

_VENUE_LEFT = re.compile(
    r"(?:\b(?:on|via|at|to|from|through|our|your|my|follow (?:us|me) on|a|an|the|linked ?in|post(?:s|ed)?|thread|"
    r"repo(?:sitory)?|video|"
    r"share(?:d)? (?:this )?(?:on|to)|hosted on) |, |/|\||• ?|[-–] ?)\Z"
)
_VENUE_RIGHT = re.compile(
    r"\s?(?:post|thread|repo|repository|page|account|channel|video|issue|link|server|community|stars|,|\||/|\.|\n|•|\Z)"
)
_NO_VENUE_LEFT = re.compile(r"\b(?:such as|like|including|clients|customers|investors|partners) \Z")
_NO_VENUE_RIGHT = re.compile(
    r"(?:'s (?:ceo|chief|shares|stock|owner)| (?:said|says|announce[sd]|su(?:es|ed)|launche[sd]|plans|sign(?:s|ed)|"
    r"agree[sd]|acquire[sd]|bought|buys|filed|files|lays? off|laid off|told|declined))\b"
)
_POSTED_ON = frozenset(("facebook", "instagram", "threads", "twitter", "whatsapp"))  # brands, not the firms' own names


def without_site_names(text: Text, names: Iterable[Found]) -> list[Found]:
    """Return `names` without the outlet that ends the title as the site's own name: "Acme buys Zeta | The Daily"."""
    return [f for f in names if f.end != text.title_end or not _is_site_name(text, f)]


def _is_site_name(text: Text, f: Found) -> bool:
    outlet = f.record is not None and f.record.news_outlet
    return outlet and text.raw[: f.start].rstrip().endswith(_FURNITURE)


def is_source(text: Text, group: Sequence[Found]) -> bool:
    """Return whether the mentions of one company only quote or credit it."""
    record = group[0].record
    if record is None or record.entity.kind != "company":
        return False
    if record.news_outlet:
        return not any(_is_news(text, f) for f in group)
    quoted = record.entity.category in _QUOTED
    return all(_is_credit(text, f) or _is_quoted(text, f, says=quoted) for f in group)


def split_sources(text: Text, groups: Sequence[list[Found]]) -> tuple[list[list[Found]], list[list[Found]]]:
    """Return the groups of mentions that are sources, and the others."""
    split: tuple[list[list[Found]], list[list[Found]]] = [], []
    for group in groups:
        split[not is_source(text, group)].append(group)
    return split


def is_venue(text: Text, group: Sequence[Found]) -> bool:
    """Return whether every mention of one company says that something was posted there."""
    record = group[0].record
    if record is None or not (record.venue or all(text.folded[f.start : f.end] in _POSTED_ON for f in group)):
        return False
    return all(_is_posted_on(text, f) for f in group)


def _is_news(text: Text, f: Found) -> bool:
    """Return whether an outlet is in the news itself and not only where the news stood or who is quoted.

    It opens the title ("Reuters lays off staff") or does, or is done to, what firms do.
    """
    if f.start < text.title_end:
        before = text.raw[: f.start].rstrip()
        if not before or before.endswith(_FURNITURE):
            return not before
    return bool(_NEWS_LEFT.search(_left(text, f)) or _NEWS_RIGHT.match(text.folded, f.end))


def _is_credit(text: Text, f: Found) -> bool:
    """Return whether the name stands under a picture: "Photo: Acme", "Jane Doe / Getty Images"."""
    if f.start < text.title_end:
        return False
    left = _left(text, f)
    if f.id in _STOCK_PHOTOS and _STOCK_LEFT.search(left):
        return True
    return _CREDIT_LEFT.search(left) is not None and _CREDIT_RIGHT.match(text.folded, f.end) is not None


def _is_quoted(text: Text, f: Found, *, says: bool) -> bool:
    """Return whether the firm's analysts are quoted; where it `says` things on others for a living, whether it is."""
    left, folded = _left(text, f), text.folded
    if _ANALYSTS_LEFT.search(left) or _ANALYSTS_RIGHT.match(folded, f.end):
        return True
    return says and bool(_ESTIMATE_LEFT.search(left) or _ESTIMATE_RIGHT.match(folded, f.end))


def _is_posted_on(text: Text, f: Found) -> bool:
    left = _left(text, f)
    if _NO_VENUE_LEFT.search(left) or _NO_VENUE_RIGHT.match(text.folded, f.end):
        return False
    opens = f.start == text.sentence_at(f.start)[0]
    return opens or bool(_VENUE_LEFT.search(left) or _VENUE_RIGHT.match(text.folded, f.end))


def _left(text: Text, f: Found) -> str:
    return text.folded[max(0, f.start - _NEAR) : f.start]
