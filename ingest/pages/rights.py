"""What an answer says against text and data mining or the use of its text by AI.

TDMRep (W3C community group report of 10 May 2024, https://www.w3.org/2022/tdmrep/) as header fields and meta elements,
and the rule "noai" of X-Robots-Tag and <meta name="robots">. Only what is said is told; what follows from it is decided
elsewhere.
Pure: no network, no clock, no database.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

__all__ = ["opt_outs"]

_AGENT = "aiwire"  # the name by which a rule for one robot means us: the product of our User-Agent
_NO_AI = "noai"  # "noimageai" is about images only
# Rules that have a colon themselves.
_VALUED = frozenset(("unavailable_after", "max-snippet", "max-image-preview", "max-video-preview"))
_ADDRESSED = re.compile(r"\s*([\w./*-]+)\s*:(?!//)\s*(.*)", re.S)
_MAX_POLICY = 300  # characters; a longer address is cut


def opt_outs(headers: Mapping[str, str], metas: Mapping[str, Sequence[str]] | None = None) -> str | None:
    """Return the reservations of an answer as "tdm-reservation: 1; robots: noai"; None if it makes none.

    Args:
        headers: of the HTTP response, names in lower case; lines of one name joined by ", ".
        metas: the contents of the page's meta elements by name in lower case (`ingest.pages.pagetree.meta_contents`).
    """
    metas = metas or {}
    found = [*_tdm(headers, metas)]
    if any(_NO_AI in _rules(text) for name in ("robots", _AGENT) for text in metas.get(name, ())):
        found.append(f"robots: {_NO_AI}")
    if any(_NO_AI in _rules(text) for text in _for_us(headers.get("x-robots-tag", ""))):
        found.append(f"x-robots-tag: {_NO_AI}")
    return "; ".join(found) or None


def _tdm(headers: Mapping[str, str], metas: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Yield the reservation and where its licence is to be had; a page's own word goes over its header (TDMRep 7)."""
    stated = metas.get("tdm-reservation") or [headers.get("tdm-reservation", "")]
    if "1" not in [value for text in stated for value in _rules(text)]:
        return
    yield "tdm-reservation: 1"
    policy = next(iter(metas.get("tdm-policy") or [headers.get("tdm-policy", "")])).strip()
    if policy:
        yield f"tdm-policy: {policy[:_MAX_POLICY]}"


def _rules(text: str) -> list[str]:
    return [rule.strip().lower() for rule in text.split(",")]


def _for_us(text: str) -> Iterator[str]:
    """Yield the rules of an X-Robots-Tag that are for every robot or for us.

    The name of a robot holds for the rules that follow it, up to the next name.
    """
    for line in text.split("\n"):
        ours = True
        for rule in _parts(line):
            named = _ADDRESSED.fullmatch(rule)
            if named and named[1].lower() not in _VALUED:
                ours = named[1].lower() in (_AGENT, "*")
                rule = named[2]
            if ours:
                yield rule


def _parts(line: str) -> Iterable[str]:
    return (part for part in line.split(",") if part.strip())
