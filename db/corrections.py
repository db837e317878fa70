"""What people have put right: kept by the article's URL, laid over every tagging of the article.

`corrected` is pure; `db.tags.write_tagging` applies it to whatever is stored, so that a run, a retag, a page and
another fetch give the same rows.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlite_utils import Database

from aiwire.types import (
    Alias,
    Correction,
    CorrectionKind,
    Entity,
    Mention,
    Price,
    Sentence,
    Tag,
    Tagging,
    TagScope,
    TextField,
    parse_iso,
)

__all__ = [
    "RULE",
    "TagSaid",
    "Target",
    "add_corrections",
    "all_corrections",
    "corrected",
    "find_words",
    "listed_entities",
    "load_corrections",
    "names_it",
    "remove_corrections",
    "right_date",
    "said_tags",
    "target",
]

RULE = "correction"  # of the mentions that a person's word makes
COLUMNS = "url, kind, entity, about, value, evidence, note, made_at"
CHUNK = 500  # values in one IN (...)
OPPOSITE: dict[CorrectionKind, CorrectionKind] = {"wrong-tag": "missing-tag", "missing-tag": "wrong-tag"}
_WORD_BEFORE, _WORD_AFTER = r"(?<![^\W\u2e80-\U0010ffff])", r"(?![^\W\u2e80-\U0010ffff])"  # CJK is not parted by spaces
_GAPS = re.compile(r"[\s\-\u2010\u2011]+")  # in a name: space and hyphen are one

Place = tuple[TextField, int, int]


# ---------------------------------------------------------------- rows


def load_corrections(db: Database, urls: Iterable[str]) -> dict[str, tuple[Correction, ...]]:
    """Return the corrections of the articles at `urls`, by URL, in the order of their keys."""
    wanted = list(dict.fromkeys(urls))
    found: dict[str, tuple[Correction, ...]] = {}
    for start in range(0, len(wanted), CHUNK):
        chunk = wanted[start : start + CHUNK]
        for one in _select(db, f"url IN ({', '.join('?' * len(chunk))})", chunk):
            found[one.url] = (*found.get(one.url, ()), one)
    return found


def all_corrections(
    db: Database, *, url: str | None = None, kind: CorrectionKind | None = None, entity: str | None = None
) -> list[Correction]:
    """Return the corrections that are kept, in the order of their keys; None: of every URL, kind or entity."""
    asked = {"url": url, "kind": kind, "entity": entity}
    given = {column: value for column, value in asked.items() if value is not None}
    return list(_select(db, " AND ".join(f"{column} = ?" for column in given) or "1", list(given.values())))


def _select(db: Database, where: str, values: Sequence[str]) -> Iterator[Correction]:
    rows = db.execute(f"SELECT {COLUMNS} FROM corrections WHERE {where} ORDER BY url, kind, entity", values)
    for url, kind, entity, about, *rest in rows.fetchall():
        yield Correction(url, kind, entity, None if about is None else bool(about), *rest)


def add_corrections(db: Database, corrections: Iterable[Correction]) -> list[Correction]:
    """Keep corrections and return those that say something new. Part of the caller's transaction.

    A tag is wrong or missing: the later word holds. One that is kept already stays as it is, with its time.
    """
    fresh = []
    for one in corrections:
        kept = all_corrections(db, url=one.url, kind=one.kind, entity=one.entity)
        if kept and replace(kept[0], made_at=one.made_at) == one:
            continue
        if one.kind in OPPOSITE:
            _delete(db, one.url, OPPOSITE[one.kind], one.entity)
        about = None if one.about is None else int(one.about)
        db.execute(
            f"INSERT OR REPLACE INTO corrections ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [one.url, one.kind, one.entity, about, one.value, one.evidence, one.note, one.made_at],
        )
        fresh.append(one)
    return fresh


def remove_corrections(db: Database, corrections: Iterable[Correction]) -> None:
    """Take corrections back. Part of the caller's transaction."""
    for one in corrections:
        _delete(db, one.url, one.kind, one.entity)


def _delete(db: Database, url: str, kind: CorrectionKind, entity: str) -> None:
    db.execute("DELETE FROM corrections WHERE url = ? AND kind = ? AND entity = ?", [url, kind, entity])


def right_date(db: Database, url: str) -> datetime | None:
    """Return the date that a person has given the article at `url`; None: nobody has."""
    row = db.execute("SELECT value FROM corrections WHERE url = ? AND kind = 'wrong-date'", [url]).fetchone()
    return None if row is None else parse_iso(row[0])


def listed_entities(db: Database, entity_ids: Collection[str]) -> dict[str, Entity]:
    """Return those of `entity_ids` that are on our lists, with kind, name and aliases."""
    found = {}
    for entity_id in entity_ids:
        row = db.execute("SELECT kind, name FROM entities WHERE id = ? AND listed = 1", [entity_id]).fetchone()
        if row is not None:
            kind, name = row
            aliases = db.execute(
                "SELECT surface, policy FROM aliases WHERE entity_id = ? ORDER BY surface", [entity_id]
            ).fetchall()
            found[entity_id] = Entity(entity_id, kind, name, aliases=tuple(Alias(*alias) for alias in aliases))
    return found


# ---------------------------------------------------------------- what is put right


@dataclass(frozen=True, slots=True)
class Target:
    """A stored article that may be put right."""

    id: int
    url: str
    title: str
    text: str
    tag_scope: TagScope | None  # None: not tagged


@dataclass(frozen=True, slots=True)
class TagSaid:
    """What is said of an article's tag now."""

    about: bool
    count: int
    evidence: str
    correction: str | None


def target(db: Database, *, article_id: int | None = None, url: str | None = None) -> Target | None:
    """Return the article with this id, else at this URL; None: it is not stored."""
    column, value = ("url", url) if article_id is None else ("id", article_id)
    row = db.execute(f"SELECT id, url, title, text, tag_scope FROM articles WHERE {column} = ?", [value]).fetchone()
    return None if row is None else Target(*row)


def said_tags(db: Database, article_id: int) -> dict[str, TagSaid]:
    """Return the article's tags by id, the most salient first."""
    rows = db.execute(
        """
        SELECT entity_id, about, count, evidence, correction FROM article_entities WHERE article_id = ?
        ORDER BY salience DESC, entity_id
        """,
        [article_id],
    )
    return {row[0]: TagSaid(bool(row[1]), *row[2:]) for row in rows.fetchall()}


# ---------------------------------------------------------------- tags


@dataclass(frozen=True, slots=True)
class _Words:
    """The article that the tags are of."""

    title: str
    text: str
    sentences: tuple[Sentence, ...]

    def of(self, field: TextField) -> str:
        return self.title if field == "title" else self.text

    def at(self, place: Place) -> str:
        field, start, end = place
        return self.of(field)[start:end]

    def mention(self, place: Place) -> Mention:
        """Return the mention at a place, with the sentence around it."""
        field, start, end = place
        around = next((s for s in self.sentences if s.field == field and s.start <= start < s.end), None)
        low, high = (around.start, max(around.end, end)) if around else (start, end)
        return Mention(field, start, end, self.of(field)[start:end], low, high, RULE, 1.0)


def corrected(
    tagging: Tagging, corrections: Collection[Correction], *, title: str, text: str, names: Mapping[str, Entity]
) -> Tagging:
    """Return what the tagger found in an article, put right by the corrections of that article.

    A wrong tag goes, and prices are no longer its. A missing one is added with its places: where one of its names
    stands, and the sentence that proves it if no name stands there; found by the tagger anyway, only `about`, role and
    evidence are set. Evidence that the text does not hold (it came from elsewhere, or the text was edited) is not
    claimed: the tagger's stands, else the sentence of the first place, else the title. Themes are added where themes
    are looked for, as their shares count these articles alone.

    Args:
        names: the entities on our lists that may be missing, by id; one that is on none can be changed, not added.
    """
    wrong = {one.entity for one in corrections if one.kind == "wrong-tag"}
    missing = {one.entity: one for one in corrections if one.kind == "missing-tag"}
    if not wrong and not missing:
        return tagging
    words = _Words(title, text, tagging.sentences)
    tags = [
        _changed(tag, missing[tag.id], words) if tag.id in missing else tag
        for tag in tagging.tags
        if tag.id not in wrong
    ]
    for entity_id in sorted(missing.keys() - wrong - {tag.id for tag in tags}):
        entity = names.get(entity_id)
        if entity is not None and (entity.kind != "theme" or tagging.scope == "full"):
            tags.append(_added(entity, missing[entity_id], words))
    prices = tuple(_disowned(price, wrong) for price in tagging.prices)
    return replace(tagging, tags=tuple(tags), prices=prices)


def _disowned(price: Price, wrong: Collection[str]) -> Price:
    accelerator = None if price.accelerator in wrong else price.accelerator
    return replace(price, accelerator=accelerator, product=None if price.product in wrong else price.product)


def _changed(tag: Tag, correction: Correction, words: _Words) -> Tag:
    """Return a tag of the tagger's with what the person says of it."""
    if correction.about is not None:
        role = "subject" if correction.about else "mention" if tag.role == "subject" else tag.role
        tag = replace(tag, about=correction.about, role=role)
    place = _evidence_place(correction, words)
    if place is None:
        return tag
    mentions = _with_evidence(tag.mentions, place, words)
    return replace(tag, evidence=words.at(place), mentions=mentions, count=len(mentions))


def _added(entity: Entity, correction: Correction, words: _Words) -> Tag:
    """Return the tag that the tagger has missed."""
    named = tuple(words.mention(place) for place in _named(entity, words))
    place = _evidence_place(correction, words)
    mentions = _with_evidence(named, place, words)
    about = any(m.field == "title" for m in mentions) if correction.about is None else correction.about
    return Tag(
        kind=entity.kind,
        id=entity.id,
        name=entity.name,
        surfaces=tuple(dict.fromkeys(m.surface for m in named)),
        count=len(mentions),
        about=about,
        role="subject" if about else "mention",
        listed=True,
        salience=float(about),  # nothing has measured it
        confidence=1.0,
        evidence=_evidence(place, mentions, words),
        mentions=mentions,
    )


def _evidence_place(correction: Correction, words: _Words) -> Place | None:
    return find_words(correction.evidence, words.title, words.text) if correction.evidence else None


def _evidence(place: Place | None, mentions: tuple[Mention, ...], words: _Words) -> str:
    """Return the evidence as it stands in the article, else the sentence of the first mention, else the title."""
    if place is not None:
        return words.at(place)
    if not mentions:
        return words.title
    first = min(mentions, key=lambda m: (m.field == "title", m.start))
    return words.at((first.field, first.sent_start, first.sent_end))


def _with_evidence(mentions: tuple[Mention, ...], place: Place | None, words: _Words) -> tuple[Mention, ...]:
    """Return the mentions, and the evidence itself where none of them stands in it."""
    if place is None or any(m.field == place[0] and m.start < place[2] and m.end > place[1] for m in mentions):
        return mentions
    return (*mentions, words.mention(place))


def find_words(wanted: str, title: str, text: str) -> Place | None:
    """Return the first place in text, else title, that says `wanted`, however it is spaced."""
    pattern = re.compile(r"\s+".join(map(re.escape, wanted.split())))
    fields: tuple[tuple[TextField, str], ...] = (("text", text), ("title", title))
    for field, words in fields:
        if found := pattern.search(words):
            return field, *found.span()
    return None


def names_it(entity: Entity, title: str, text: str) -> bool:
    """Tell whether one of the entity's names stands in an article."""
    return next(_named(entity, _Words(title, text, ())), None) is not None


def _named(entity: Entity, words: _Words) -> Iterator[Place]:
    """Yield the places of the entity's names, title first; the longest name at a place."""
    if entity.kind == "theme":  # a term alone does not prove it
        return
    surfaces = sorted(entity.aliases, key=lambda alias: (-len(alias.surface), alias.surface))
    if not surfaces:
        return
    pattern = re.compile(_WORD_BEFORE + f"(?:{'|'.join(map(_surface_pattern, surfaces))})" + _WORD_AFTER)
    fields: tuple[TextField, ...] = ("title", "text")
    for field in fields:
        for found in pattern.finditer(words.of(field)):
            yield field, *found.span()


def _surface_pattern(alias: Alias) -> str:
    """Return the pattern of a name: capital letters count unless its policy is "any"."""
    parts = [re.escape(part).replace("'", "['’]") for part in _GAPS.split(alias.surface)]
    pattern = _GAPS.pattern.join(parts)
    return f"(?i:{pattern})" if alias.policy == "any" else pattern
