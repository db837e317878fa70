r"""How an article is cited: BibTeX and CSL-JSON, with the sentence that proves a tag as it was stored. Pure.

BibTeX: an entry @misc with `url` and `urldate`, which BibLaTeX, natbib and reference managers read alike. Text is
UTF-8; what is special to LaTeX is written as commands, braces too, as BibTeX counts even those behind a backslash.
CSL-JSON: https://github.com/citation-style-language/schema (csl-data.json, version 1.0.2).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

__all__ = ["Citation", "Proof", "authors", "bibtex", "csl", "csl_json", "escape_latex", "note", "with_first"]

MOST_PROOFS = 5
# < > | are other signs in LaTeX's oldest font encoding
_LATEX = {
    "\\": r"\textbackslash{}", "{": r"\textbraceleft{}", "}": r"\textbraceright{}", "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}",
    "#": r"\#", "$": r"\$", "%": r"\%", "&": r"\&", "_": r"\_",
}  # fmt: skip
_SPECIAL = re.compile("[" + re.escape("".join(_LATEX)) + "]")
_UNWRITTEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ufffe\uffff\s]+")  # control characters and runs of spaces
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_NAME = r"[^\W\d_]+(?:['’.-][^\W\d_]+)*\.?"  # no two ways to read it, so that a hostile one is refused at once
_PERSON = re.compile(rf"{_NAME}(?: {_NAME}){{1,3}}")
_DATE_PARTS = re.compile(r"\[\n\s+\[\n\s+(\d+),\n\s+(\d+),\n\s+(\d+)\n\s+\]\n\s+\]")  # on one line, as a person would
_AND = re.compile(r"\s+(?:and|&)\s+")
_NO_PERSON = re.compile(
    r"(?i)\b(?:the|team|staff|editors?|editorial|newsroom|news|press|group|company|corporation|corp|inc|ltd|llc|"
    r"university|institute|labs?|research|media|sons|partners|associates|agency|foundation)\b"
)
_TYPES = {"press": "article-newspaper", "analysis": "post-weblog"}  # by the category of the source


@dataclass(frozen=True, slots=True)
class Proof:
    """A sentence that proves a tag, as it is stored."""

    entity_id: str
    name: str
    kind: str
    sentence: str
    confidence: float
    is_about: bool


@dataclass(frozen=True, slots=True)
class Citation:
    """An article with what its entries say. Times are ISO 8601, UTC."""

    id: int
    title: str
    author: str | None
    source: str
    publisher: str
    is_own_voice: bool  # a vendor's own
    category: str | None  # of the source
    url: str | None  # None: no address that a browser may be sent to
    permalink: str  # the article on this site, absolute
    dated_at: str | None  # None: the publisher gives no date
    first_seen_at: str
    language: str | None
    text_hash: str
    tagger_version: str | None
    taxonomy_version: str | None
    as_of: str  # when the evidence was found, else when the text was last changed
    proofs: tuple[Proof, ...]  # the first one stands in the note

    @property
    def key(self) -> str:
        """The key of its entries: the same in every database, whatever is put right."""
        return f"aiwire-{self.id}"


def authors(author: str | None) -> tuple[str, ...]:
    """Return the authors that one string names, each as it is written.

    "Ann Lee and Bo Chen" is two; what may be a company or a name turned round ("Lee, Ann", "Black and Decker",
    "Keyword Team") stays one.
    """
    whole = _plain(author or "")
    if not whole:
        return ()
    parts = _AND.split(whole)
    if len(parts) == 2 and all(_is_person(part) for part in parts):
        return tuple(parts)
    return (whole,)


def _is_person(name: str) -> bool:
    words = name.split()
    is_named = 2 <= len(words) <= 4 and words[0][0].isupper() and words[-1][0].isupper()
    return is_named and bool(_PERSON.fullmatch(name)) and not _NO_PERSON.search(name)


def note(citation: Citation) -> str:
    """Return in words what the first proof says, and of which state of the text."""
    state = _state(citation)
    if not citation.proofs:
        return f"{state}. {citation.permalink}"
    first = citation.proofs[0]
    return f"Evidence for {first.name} ({first.kind}): “{_plain(first.sentence)}” {state}. {citation.permalink}"


def _state(citation: Citation) -> str:
    tagged = ""
    if citation.tagger_version is not None:
        tagged = f", tagger {citation.tagger_version}, taxonomy {citation.taxonomy_version or 'unknown'}"
    return f"As stored on {citation.as_of[:10]}{tagged}, text BLAKE2b-128 {citation.text_hash}"


# ---------------------------------------------------------------- BibTeX


def bibtex(citation: Citation) -> str:
    """Return the BibTeX entry of an article, with a line feed at its end."""
    names = " and ".join(_braced(name) for name in authors(citation.author))
    dated = _day(citation.dated_at)
    seen = _day(citation.first_seen_at)
    fields = {
        "author": names,
        "title": _braced(citation.title),  # a second pair of braces keeps its capitals
        "howpublished": escape_latex(citation.source),
        "organization": escape_latex(citation.publisher) if citation.publisher != citation.source else "",
        "year": f"{dated.year:04}" if dated else "",
        "month": _MONTHS[dated.month - 1] if dated else "",
        "day": str(dated.day) if dated else "",
        "url": _verbatim(citation.url) if citation.url else "",
        "urldate": seen.isoformat() if seen else "",
        "language": escape_latex(citation.language or ""),
        "note": escape_latex(note(citation)),
        "annote": escape_latex(" ".join(_told(proof) for proof in citation.proofs[1:MOST_PROOFS])),
    }
    lines = [
        f"  {name} = {value if name == 'month' else '{' + value + '}'}," for name, value in fields.items() if value
    ]
    return "\n".join((f"@misc{{{citation.key},", *lines, "}", ""))


def escape_latex(text: str) -> str:
    """Return a text as LaTeX shows it on one line: specials as commands, the rest as it is, in UTF-8."""
    return _SPECIAL.sub(lambda found: _LATEX[found.group()], _plain(text))


def _braced(text: str) -> str:
    return "{" + escape_latex(text) + "}"


def _verbatim(url: str) -> str:
    """Return an address that keeps the braces of an entry in balance; it is read without escapes."""
    return url.replace("\\", "%5C").replace("{", "%7B").replace("}", "%7D")


def _told(proof: Proof) -> str:
    return f"{proof.name} ({proof.kind}): “{_plain(proof.sentence)}”"


def _plain(text: str) -> str:
    """Return a text on one line, without control characters."""
    return _UNWRITTEN.sub(" ", text).strip()


# ---------------------------------------------------------------- CSL-JSON


def csl_json(citation: Citation) -> str:
    """Return the CSL-JSON of an article: a list of one item."""
    written = json.dumps([csl(citation)], ensure_ascii=False, indent=2)
    return _DATE_PARTS.sub(r"[[\1, \2, \3]]", written) + "\n"


def csl(citation: Citation) -> dict[str, Any]:
    """Return the CSL-JSON item of an article; what is not known is left out."""
    names = [{"literal": name} for name in authors(citation.author)]
    item: dict[str, Any] = {
        "id": citation.key,
        "type": _type(citation),
        "title": _plain(citation.title),
        "author": names or None,
        "container-title": _plain(citation.source) or None,
        "publisher": _plain(citation.publisher) or None,
        "issued": _date(citation.dated_at),
        "accessed": _date(citation.first_seen_at),
        "URL": citation.url,
        "language": citation.language,
        "note": note(citation),
        "custom": {
            "permalink": citation.permalink,
            "as_of": citation.as_of,
            "text_hash": citation.text_hash,
            "tagger_version": citation.tagger_version,
            "taxonomy_version": citation.taxonomy_version,
            "evidence": [_frozen(proof) for proof in citation.proofs[:MOST_PROOFS]],
        },
    }
    return {name: value for name, value in item.items() if value is not None}


def _type(citation: Citation) -> str:
    if citation.is_own_voice:
        return "post-weblog"
    return _TYPES.get(citation.category or "", "webpage")


def _date(moment: str | None) -> dict[str, list[list[int]]] | None:
    day = _day(moment)
    return {"date-parts": [[day.year, day.month, day.day]]} if day else None


def _day(moment: str | None) -> date | None:
    """Return the day of a moment; None: it is not known, or what is stored is none."""
    try:
        return date.fromisoformat((moment or "")[:10])
    except ValueError:
        return None


def _frozen(proof: Proof) -> dict[str, object]:
    return {
        "entity_id": proof.entity_id,
        "name": proof.name,
        "kind": proof.kind,
        "sentence": _plain(proof.sentence),
        "confidence": proof.confidence,
        "about": proof.is_about,
    }


def with_first(proofs: Iterable[Proof], entity_id: str) -> tuple[Proof, ...]:
    """Return the proofs with that of an entity before the others.

    Raises:
        KeyError: none is of it.
    """
    found = tuple(proofs)
    first = next((proof for proof in found if proof.entity_id == entity_id), None)
    if first is None:
        raise KeyError(entity_id)
    return (first, *(proof for proof in found if proof is not first))
