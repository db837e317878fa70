"""What the page of an article says in words: where a date came from, what found a tag, how to put it right. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from db.pages.article import Place

__all__ = [
    "confidence",
    "correction",
    "date_flaw",
    "date_origin",
    "label",
    "paywall",
    "put_right",
    "qualifier",
    "rights",
    "role",
    "rule",
    "spoken",
    "text_origin",
    "text_policy",
    "unit",
]

MOST_COMMANDS = 12  # tags that a command is shown for

_DATE_ORIGINS = {
    "published": "the publisher's date",
    "updated": "the publisher's date of the last update",
    "created": "the publisher's date of creation",
    "lastmod": "date of the last change in the publisher's sitemap",
    "url": "date in the article's address",
    "selector": "date on the article's page",
    "json-ld": "date in the article's page (JSON-LD)",
    "meta": "date in the article's page (meta element)",
    "time": "date in the article's page (time element)",
    "shown": "date shown on the article's page",
    "htmldate": "date found in the article's page",
    "correction": "date put right by a person",
    "first_seen": "first seen; the publisher gives no usable date",
    "backlog": "first seen, in the first answer of its source; its own date is not known",
}
_FEATURES = {
    "repeat": "named beyond doubt elsewhere in the article",
    "full-name": "its full name stands in the article",
    "parent": "what it belongs to is named",
    "owner-near": "its owner is named nearby",
    "neighbour": "names of its kind nearby",
    "possessive": "its owner's name before it",
    "verb": "does what companies do",
    "field": "an article on the field",
}
_ROLES = {
    "subject": "",
    "mention": "",
    "source": "said so: quoted as a source",
    "venue": "where something was posted",
}
_UNITS = {
    "gpu-hour": "per GPU-hour", "instance-hour": "per instance-hour", "card": "per card", "server": "per server",
    "system": "per system", "month": "per month", "1M-tokens": "per million tokens", "kwh": "per kWh",
    "other": "unit not told apart",
}  # fmt: skip
_QUALIFIERS = {
    "from": "from, a lower bound", "up-to": "up to, an upper bound", "list": "list price", "street": "street price",
    "spot": "spot", "reserved": "reserved", "on-demand": "on demand",
}  # fmt: skip
_DATE_FLAWS = {"future": "it lies in the future", "absurd": "it cannot be right"}
_CORRECTIONS = {
    "wrong-tag": "Tag taken away", "missing-tag": "Tag set", "wrong-date": "Date", "wrong-story": "Story",
}  # fmt: skip
_TEXT_POLICIES = {"full": "in full", "excerpt": "evidence only"}
_TEXT_ORIGINS = {"feed": "the feed", "page": "the article's page"}
_NOT_READ = "unknown: its page was not read"


def date_origin(date_source: str) -> str:
    """Return where an article's date came from."""
    return _DATE_ORIGINS.get(date_source, date_source)


def confidence(value: float) -> str:
    """Return a confidence of 0..1 in whole per cent; 100 only where it is 1."""
    return f"{round(value * 100) if value >= 1 else min(round(value * 100), 99)} %"


def rule(name: str) -> str:
    """Return what found a mention, from the name of its rule: "lexicon:air-gapped"."""
    kind, _, rest = name.partition(":")
    if kind == "any":
        return "unambiguous name"
    if kind == "cased":
        return "name in these capitals"
    if kind == "context":
        said = [_FEATURES[feature] for feature in rest.split("+") if feature in _FEATURES]
        return "ambiguous name, proved by its context" + (f" ({', '.join(said)})" if said else "")
    if kind == "lexicon":
        return f"term “{rest}” of the lexicon"
    if kind == "unlisted":
        return "on no list; the words around it say it is a company"
    if kind == "correction":
        return "put there by a person"
    return name


def role(name: str) -> str:
    """Return the part that an entity plays, where it is another than being written about; "" else."""
    return _ROLES.get(name, name)


def unit(name: str) -> str:
    """Return what a price is counted per."""
    return _UNITS.get(name, name)


def qualifier(name: str | None) -> str:
    """Return what kind of price it is; "" if nothing is said."""
    return _QUALIFIERS.get(name, name) if name else ""


def date_flaw(name: str | None) -> str:
    """Return what is wrong with the date that a publisher states; "" if nothing is."""
    return _DATE_FLAWS.get(name, name) if name else ""


def correction(kind: str) -> str:
    """Return what a person has put right."""
    return _CORRECTIONS.get(kind, kind)


def text_policy(name: str) -> str:
    """Return how much of a text goes into a public copy; "" if nobody says."""
    return _TEXT_POLICIES.get(name, name)


def text_origin(name: str) -> str:
    """Return where a text was read."""
    return _TEXT_ORIGINS.get(name, name)


def rights(stated: str | None, page_state: str) -> str:
    """Return what a publisher reserves, as its page states it."""
    return stated or ("no reservation found" if page_state == "fetched" else _NOT_READ)


def paywall(flag: int | None) -> str:
    """Return whether a page says that it is not free to read; None: it was not read."""
    if flag is None:
        return _NOT_READ
    return "yes" if flag else "none found"


def label(place: Place) -> str:
    """Return what is said of a mention where the pointer rests."""
    return f"{place.entity.kind} {place.entity.name}, confidence {confidence(place.confidence)}: {rule(place.rule)}"


def spoken(place: Place, written: str) -> str:
    """Return what is read out for the link of a mention: what is written, what it is, and how sure that is.

    It begins with the words that are seen (WCAG 2.2, 2.5.3, label in name).
    """
    name = "" if written.casefold() == place.entity.name.casefold() else f" {place.entity.name}"
    return f"{written}, {place.entity.kind}{name}, confidence {confidence(place.confidence)}"


def put_right(url: str, entity_ids: Iterable[str], sibling_url: str | None) -> tuple[tuple[str, str], ...]:
    """Return the commands that put an article right, each with what it is for; to be pasted in a shell.

    Args:
        entity_ids: of its tags, the most important first; MOST_COMMANDS of them get a command.
        sibling_url: of an article of its story; None: it has none.
    """
    named = list(entity_ids)[:MOST_COMMANDS]
    tag = ("aiwire", "correct", "tag", url)
    found = [("A tag that is wrong", "\n".join(shlex.join((*tag, entity_id, "--wrong")) for entity_id in named))]
    found.append(
        ("Named, but not what it is about", "\n".join(shlex.join((*tag, one, "--not-about")) for one in named[:3]))
    )
    found.append(("A tag that is missing", shlex.join((*tag, "ENTITY", "--missing", "--evidence", "SENTENCE"))))
    found.append(("Its date", shlex.join(("aiwire", "correct", "date", url, "YYYY-MM-DD"))))
    story = ("aiwire", "correct", "story", url)
    if sibling_url is None:
        found.append(("It tells the story of another article", shlex.join((*story, "--same-as", "URL"))))
    else:
        found.append(("It tells a story of its own", shlex.join((*story, "--own"))))
        found.append(("It tells the story of that article", shlex.join((*story, "--same-as", sibling_url))))
    found.append(("Take all of it back", shlex.join(("aiwire", "correct", "undo", url))))
    return tuple((purpose, command) for purpose, command in found if command)
