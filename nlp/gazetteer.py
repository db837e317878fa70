"""The names and themes that the tagger knows: load and check the data files.

One JSON object a line; `companies.jsonl`, `accelerators.jsonl`, `models.jsonl` and `regulations.jsonl` hold names,
`themes.jsonl` holds term lists with signed weights, `themes.<language>.jsonl` more of them by the theme's id. Adding
an entity needs no Python. Over them lie the user's own
files (`nlp.overlay` tells their format). No spaCy here.

A surface with a separator is also found with the others: "RTX 4090" as "RTX-4090" and "RTX4090" (accelerators and
models; for the glued form a digit must stand beside the separator), "on-premises" as "on premises" (themes).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Literal, cast, get_args

from aiwire.exceptions import ConfigError
from aiwire.types import Alias, Entity, EntityKind
from nlp.datafile import (
    Line,
    check_keys,
    flag_of,
    hint,
    json_lines,
    number_of,
    objects_of,
    required_text,
    text_of,
    texts_of,
)
from nlp.han import spellings
from nlp.overlay import KEYS, check_overlaid, lay_over, read_overlay
from nlp.text import CJK, fold

__all__ = ["DATA", "AliasRule", "Lexicon", "Record", "Term", "ThemeRule", "lexicon_with", "load_lexicon"]

DATA = Path(__file__).parent / "data"
FILES: dict[str, EntityKind] = {
    "companies.jsonl": "company",
    "accelerators.jsonl": "accelerator",
    "models.jsonl": "model",
    "regulations.jsonl": "regulation",
    "themes.jsonl": "theme",
}
SUPPORT_FILES = ("about.json", "common_words.txt", "field.json", "unlisted.json", "weights.json")

_LANGUAGE_FILES = ("themes.*.jsonl", "field.*.json")  # what other languages add; a folder of one's own may lack them

Policy = Literal["any", "cased", "context"]
_POLICIES = get_args(Policy)
_ALIAS_KEYS = {"s", "policy", "prior", "veto_left", "veto_right", "pos", "neg"}


@dataclass(frozen=True, slots=True)
class AliasRule:
    """One surface of an entity and when it counts; `policy` as in `aiwire.types.Alias`."""

    surface: str
    policy: Policy
    prior: float = 0.0  # log-odds, only for policy context
    veto_left: tuple[str, ...] = ()  # literal text immediately before that forbids the match
    veto_right: tuple[str, ...] = ()
    positive: tuple[str, ...] = ()  # example sentences where it is the entity
    negative: tuple[str, ...] = ()
    part: str | None = None  # accelerator id of the variant that this surface names


@dataclass(frozen=True, slots=True)
class Record:
    """An entity with its matching rules."""

    entity: Entity
    aliases: tuple[AliasRule, ...]
    venue: bool = False  # a platform where things are posted
    news_outlet: bool = False  # an outlet or analyst house that texts quote
    implies: tuple[str, ...] = ()  # ids of accelerators inside a system
    where: str = ""  # file:line


@dataclass(frozen=True, slots=True)
class Term:
    """A phrase of a theme; a trailing `*` in the data means that the word may go on."""

    text: str  # lower case
    weight: float
    prefix: bool = False
    near: tuple[str, ...] = ()  # groups of field.json or kinds of names that its sentence must hold


@dataclass(frozen=True, slots=True)
class ThemeRule:
    """A theme's lexicon. A sentence whose weights sum to `threshold` is evidence."""

    entity: Entity
    terms: tuple[Term, ...]
    threshold: float
    strong: float  # one sentence of this score is enough in a long text
    negation: bool  # whether "no ...", "without ..." switch a term off
    field: bool  # whether the text must be on computing at all
    evidence: tuple[tuple[str, float], ...]  # weights of what other components found: "price", "regulation"
    positive: tuple[str, ...]
    negative: tuple[str, ...]
    where: str = ""


@dataclass(frozen=True, slots=True)
class Lexicon:
    """All that is known, and the hash of the files it came from."""

    records: tuple[Record, ...]
    themes: tuple[ThemeRule, ...]
    common_words: frozenset[str]
    version: str
    not_companies: frozenset[str] = frozenset()  # names in lower case that the user wants neither tagged nor proposed

    @property
    def entities(self) -> tuple[Entity, ...]:
        """Return every entity with its aliases, for the `entities` and `aliases` tables."""
        return tuple(r.entity for r in self.records) + tuple(t.entity for t in self.themes)

    def by_id(self) -> dict[str, Record]:
        """Return the named entities (all but themes) by id."""
        return {record.entity.id: record for record in self.records}


def load_lexicon(folder: Path | str | None = None, gazetteer: Iterable[Path | str] = ()) -> Lexicon:
    """Return the lexicon in `folder` (default: the shipped data) with the user's files `gazetteer` over it, in order.

    Made once per content and process.

    Raises:
        ConfigError: a file is missing or a line is wrong; the message names file and line.
    """
    data = Path(folder) if folder is not None else DATA
    own = tuple((str(path), read_overlay(Path(path))) for path in gazetteer)
    return lexicon_with(own, data) if own else _shipped(data)


@lru_cache(maxsize=4)  # the user's files change, also while a command runs
def lexicon_with(own: tuple[tuple[str, str], ...], folder: Path = DATA) -> Lexicon:
    """Return the lexicon with files over it that need not be written yet: their names and texts.

    Raises:
        ConfigError: as `load_lexicon`.
    """
    return _load(folder, own)


@cache
def _shipped(folder: Path) -> Lexicon:
    return _load(folder, ())


def _load(folder: Path, own: tuple[tuple[str, str], ...]) -> Lexicon:
    texts = {name: _read(folder / name) for name in (*FILES, *SUPPORT_FILES)}
    texts |= {path.name: _read(path) for pattern in _LANGUAGE_FILES for path in folder.glob(pattern)}
    digest = hashlib.blake2b(digest_size=6)
    for name in sorted(texts):
        digest.update(name.encode() + b"\0" + texts[name].encode() + b"\0")
    lines = _shipped_lines(texts)
    parsed = {entity_id: _parsed(line) for entity_id, line in lines.items()}
    not_companies: set[str] = set()
    for file, text in own:
        edits = list(json_lines(file, text, by_hand=True))
        digest.update(_content(edits))
        before = lines
        laid = lay_over(before, edits)
        lines = laid.entities
        parsed = {i: parsed[i] if before.get(i) is line else _parsed(line) for i, line in lines.items()}
        _check_references(parsed, laid.changed)
        check_overlaid(before, laid)
        not_companies |= {fold(name) for name in laid.not_companies}
    return Lexicon(
        records=tuple(p for p in parsed.values() if isinstance(p, Record)),
        themes=tuple(p for p in parsed.values() if isinstance(p, ThemeRule)),
        common_words=frozenset(line.strip() for line in texts["common_words.txt"].splitlines() if line.strip()),
        version=digest.hexdigest(),
        not_companies=frozenset(not_companies),
    )


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as e:
        raise ConfigError(f"{path}: cannot be read ({e.strerror}); the data folder must hold it") from e


def _shipped_lines(texts: Mapping[str, str]) -> dict[str, Line]:
    lines: dict[str, Line] = {}
    for file, kind in FILES.items():
        for line in json_lines(file, texts[file]):
            if line.raw.get("kind") != kind:
                raise ConfigError(f"{line.where}: 'kind' must be {kind!r} in this file, not {line.raw.get('kind')!r}")
            entity_id = required_text(line.raw, "id", line.where)
            if (first := lines.setdefault(entity_id, line)) is not line:
                raise ConfigError(f"{line.where}: id {entity_id!r} is already that of {first.where}")
    for file in sorted(name for name in texts if name.startswith("themes.") and name not in FILES):
        for line in json_lines(file, texts[file]):
            _add_terms(lines, line)
    return lines


def _add_terms(lines: dict[str, Line], added: Line) -> None:
    """Add a language's terms and examples to the theme in `lines`."""
    where, raw = added
    check_keys(raw, ("id", "terms", "pos", "neg"), where)
    theme = lines.get(entity_id := required_text(raw, "id", where))
    if theme is None or theme.raw["kind"] != "theme":
        raise ConfigError(f"{where}: {entity_id!r} is the id of no theme in themes.jsonl")
    terms = [term | {"s": form} for term in objects_of(raw, "terms", where) for form in _forms(term, where)]
    lists: dict[str, list[Any]] = {"terms": terms, **{key: list(texts_of(raw, key, where)) for key in ("pos", "neg")}}
    lines[entity_id] = theme._replace(
        raw=theme.raw | {key: [*theme.raw.get(key, ()), *more] for key, more in lists.items()}
    )


def _forms(term: dict[str, Any], where: str) -> tuple[str, ...]:
    return spellings(required_text(term, "s", where))


def _content(edits: Iterable[Line]) -> bytes:
    """Return what a user's file says, whatever the order and the spacing of its lines."""
    return "\n".join(sorted(json.dumps(line.raw, sort_keys=True) for line in edits)).encode()


def _check_references(parsed: Mapping[str, Record | ThemeRule], changed: Iterable[str]) -> None:
    """Raise ConfigError if a changed entity points at none of the right kind."""
    for item in (parsed[entity_id] for entity_id in changed):
        wanted: list[tuple[str, EntityKind, str]] = []
        if (parent := item.entity.parent) is not None:
            wanted.append(("parent", "company", parent))
        if isinstance(item, Record):
            wanted += [("implies", "accelerator", implied) for implied in item.implies]
        for key, kind, entity_id in wanted:
            if entity_id not in parsed or parsed[entity_id].entity.kind != kind:
                there = [i for i, p in parsed.items() if p.entity.kind == kind]
                told = hint(entity_id, there) or f"add a line for it, or leave {key!r} out"
                raise ConfigError(f"{item.where}: {key} {entity_id!r} is the id of no {kind}; {told}")


def _parsed(line: Line) -> Record | ThemeRule:
    kind = cast(EntityKind, line.raw["kind"])
    check_keys(line.raw, KEYS[kind], line.where)
    return _theme(line) if kind == "theme" else _record(line, kind)


def _entity(line: Line, kind: EntityKind, aliases: Iterable[Alias]) -> Entity:
    where, raw = line
    entity_id = required_text(raw, "id", where)
    if not all(c.isascii() and (c.isalnum() or c == "-") for c in entity_id) or entity_id != entity_id.lower():
        raise ConfigError(f"{where}: id {entity_id!r} must be a lower-case slug (a-z, 0-9, -)")
    return Entity(
        id=entity_id,
        kind=kind,
        name=required_text(raw, "name", where),
        category=text_of(raw, "category", where),
        description=text_of(raw, "description", where),
        parent=text_of(raw, "parent", where),
        country=text_of(raw, "country", where),
        ticker=text_of(raw, "ticker", where),
        aliases=tuple(aliases),
    )


def _record(line: Line, kind: EntityKind) -> Record:
    where, raw = line
    rules = [_alias(a, where) for a in objects_of(raw, "aliases", where)]
    for part in objects_of(raw, "parts", where):
        check_keys(part, ("s", "accelerator_id"), where)
        surface = required_text(part, "s", where)
        rules.append(AliasRule(surface, "any", part=required_text(part, "accelerator_id", where)))
    if not rules:
        raise ConfigError(f"{where}: 'aliases' must name at least one surface")
    return Record(
        entity=_entity(line, kind, [Alias(r.surface, r.policy) for r in rules]),
        aliases=tuple(rules),
        venue=flag_of(raw, "venue", where),
        news_outlet=flag_of(raw, "news_outlet", where),
        implies=texts_of(raw, "implies", where),
        where=where,
    )


def _alias(raw: dict[str, Any], where: str) -> AliasRule:
    check_keys(raw, _ALIAS_KEYS, where)
    surface = required_text(raw, "s", where)
    policy = raw.get("policy")
    if policy not in _POLICIES:
        raise ConfigError(f"{where}: policy of {surface!r} must be one of {', '.join(_POLICIES)}, not {policy!r}")
    return AliasRule(
        surface=surface,
        policy=cast(Policy, policy),
        prior=number_of(raw, "prior", 0.0, where),
        veto_left=texts_of(raw, "veto_left", where),
        veto_right=texts_of(raw, "veto_right", where),
        positive=texts_of(raw, "pos", where),
        negative=texts_of(raw, "neg", where),
    )


def _theme(line: Line) -> ThemeRule:
    where, raw = line
    terms = []
    for item in objects_of(raw, "terms", where):
        check_keys(item, ("s", "w", "near"), where)
        text = fold(required_text(item, "s", where))
        weight = number_of(item, "w", 1.0, where)
        prefix = text[-1] == "*" or text[-1] >= CJK  # what follows a Chinese word touches it
        terms.append(Term(text.rstrip("*"), weight, prefix=prefix, near=texts_of(item, "near", where)))
    if not any(t.weight > 0 for t in terms):
        raise ConfigError(f"{where}: 'terms' must hold at least one positive weight")
    threshold = number_of(raw, "threshold", 1.0, where)
    return ThemeRule(
        entity=_entity(line, "theme", [Alias(t.text, "any") for t in terms if t.weight >= threshold]),
        terms=tuple(terms),
        threshold=threshold,
        strong=number_of(raw, "strong", threshold, where),
        negation=flag_of(raw, "negation", where),
        field=flag_of(raw, "field", where),
        evidence=_evidence(raw, where),
        positive=texts_of(raw, "pos", where),
        negative=texts_of(raw, "neg", where),
        where=where,
    )


def _evidence(raw: dict[str, Any], where: str) -> tuple[tuple[str, float], ...]:
    weights = raw.get("evidence", {})
    if not isinstance(weights, dict):
        raise ConfigError(f"{where}: 'evidence' must be an object of weights, not {weights!r}")
    check_keys(weights, ("price", "regulation"), where)
    return tuple((kind, number_of(weights, kind, 0.0, where)) for kind in weights)
