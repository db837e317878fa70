"""The names and themes that the tagger knows: load, check and lint the data files.

One JSON object a line; `companies.jsonl`, `accelerators.jsonl`, `models.jsonl` and `regulations.jsonl` hold names,
`themes.jsonl` holds term lists with signed weights. Adding an entity needs no Python. No spaCy here.

A surface with a separator is also found with the others: "RTX 4090" as "RTX-4090" and "RTX4090" (accelerators and
models; for the glued form a digit must stand beside the separator), "on-premises" as "on premises" (themes).
"""

from __future__ import annotations

import difflib
import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, cast, get_args

from aiwire.exceptions import ConfigError
from aiwire.types import Alias, Entity, EntityKind

__all__ = ["DATA", "AliasRule", "Lexicon", "Record", "Term", "ThemeRule", "lint", "load_lexicon"]

DATA = Path(__file__).parent / "data"
NAME_FILES: dict[str, EntityKind] = {
    "companies.jsonl": "company",
    "accelerators.jsonl": "accelerator",
    "models.jsonl": "model",
    "regulations.jsonl": "regulation",
}
THEME_FILE = "themes.jsonl"
SUPPORT_FILES = ("common_words.txt", "field.json", "unlisted.json", "weights.json")

Policy = Literal["any", "cased", "context"]
_POLICIES = get_args(Policy)
_ALIAS_KEYS = {"s", "policy", "prior", "veto_left", "veto_right", "pos", "neg"}
_ENTITY_KEYS = {"id", "kind", "name", "category", "description", "parent", "country", "ticker", "aliases"}
_NAME_KEYS = {
    "company": _ENTITY_KEYS | {"venue", "news_outlet"},
    "accelerator": _ENTITY_KEYS | {"parts", "implies"},
    "model": _ENTITY_KEYS,
    "regulation": _ENTITY_KEYS,
}
_THEME_KEYS = {
    "id", "kind", "name", "category", "description", "threshold", "strong", "negation", "field",
    "evidence", "terms", "pos", "neg",
}  # fmt: skip


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

    @property
    def entities(self) -> tuple[Entity, ...]:
        """Return every entity with its aliases, for the `entities` and `aliases` tables."""
        return tuple(r.entity for r in self.records) + tuple(t.entity for t in self.themes)

    def by_id(self) -> dict[str, Record]:
        """Return the named entities (all but themes) by id."""
        return {record.entity.id: record for record in self.records}


def load_lexicon(folder: Path | str | None = None) -> Lexicon:
    """Return the lexicon in `folder` (default: the shipped data); loaded once per folder and process.

    Raises:
        ConfigError: a file is missing or a line is wrong; the message names file and line.
    """
    return _load(Path(folder) if folder is not None else DATA)


@cache
def _load(folder: Path) -> Lexicon:
    digest = hashlib.blake2b(digest_size=6)
    texts = {name: _read(folder / name) for name in (*NAME_FILES, THEME_FILE, *SUPPORT_FILES)}
    for name in sorted(texts):
        digest.update(name.encode() + b"\0" + texts[name].encode() + b"\0")
    records = tuple(
        _record(raw, where, kind) for file, kind in NAME_FILES.items() for where, raw in _objects(file, texts[file])
    )
    themes = tuple(_theme(raw, where) for where, raw in _objects(THEME_FILE, texts[THEME_FILE]))
    _refuse_duplicates(records, themes)
    words = frozenset(line.strip() for line in texts["common_words.txt"].splitlines() if line.strip())
    return Lexicon(records=records, themes=themes, common_words=words, version=digest.hexdigest())


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as e:
        raise ConfigError(f"{path}: cannot be read ({e.strerror}); the data folder must hold it") from e


def _objects(file: str, text: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        where = f"{file}:{number}"
        try:
            raw = json.loads(line)
        except ValueError as e:
            raise ConfigError(f"{where}: not JSON: {e}") from e
        if not isinstance(raw, dict):
            raise ConfigError(f"{where}: a line must be one JSON object")
        yield where, raw


def _known_keys(raw: dict[str, Any], known: set[str], where: str) -> None:
    for key in raw:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(sorted(known))}"
            raise ConfigError(f"{where}: unknown key {key!r}; {hint}")


def _text(raw: dict[str, Any], key: str, where: str, *, required: bool = False) -> str | None:
    value = raw.get(key)
    if value is None and not required:
        return None
    if not isinstance(value, str) or not value.strip() or value != value.strip():
        raise ConfigError(f"{where}: {key!r} must be a text without spaces around it, not {value!r}")
    return value


def _texts(raw: dict[str, Any], key: str, where: str) -> tuple[str, ...]:
    value = raw.get(key, [])
    if not isinstance(value, list) or not all(isinstance(v, str) and v for v in value):
        raise ConfigError(f"{where}: {key!r} must be a list of texts, not {value!r}")
    return tuple(value)


def _number(raw: dict[str, Any], key: str, default: float, where: str) -> float:
    value = raw.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ConfigError(f"{where}: {key!r} must be a number, not {value!r}")
    return float(value)


def _flag(raw: dict[str, Any], key: str, where: str) -> bool:
    value = raw.get(key, False)
    if not isinstance(value, bool):
        raise ConfigError(f"{where}: {key!r} must be true or false, not {value!r}")
    return value


def _list_of_objects(raw: dict[str, Any], key: str, where: str) -> list[dict[str, Any]]:
    value = raw.get(key, [])
    if not isinstance(value, list) or not all(isinstance(v, dict) for v in value):
        raise ConfigError(f"{where}: {key!r} must be a list of objects")
    return value


def _entity(raw: dict[str, Any], where: str, kind: EntityKind, aliases: Iterable[Alias]) -> Entity:
    if raw.get("kind") != kind:
        raise ConfigError(f"{where}: 'kind' must be {kind!r} in this file, not {raw.get('kind')!r}")
    entity_id = cast(str, _text(raw, "id", where, required=True))
    if not all(c.isascii() and (c.isalnum() or c == "-") for c in entity_id) or entity_id != entity_id.lower():
        raise ConfigError(f"{where}: id {entity_id!r} must be a lower-case slug (a-z, 0-9, -)")
    return Entity(
        id=entity_id,
        kind=kind,
        name=cast(str, _text(raw, "name", where, required=True)),
        category=_text(raw, "category", where),
        description=_text(raw, "description", where),
        parent=_text(raw, "parent", where),
        country=_text(raw, "country", where),
        ticker=_text(raw, "ticker", where),
        aliases=tuple(aliases),
    )


def _record(raw: dict[str, Any], where: str, kind: EntityKind) -> Record:
    _known_keys(raw, _NAME_KEYS[kind], where)
    rules = [_alias(a, where) for a in _list_of_objects(raw, "aliases", where)]
    for part in _list_of_objects(raw, "parts", where):
        _known_keys(part, {"s", "accelerator_id"}, where)
        surface = cast(str, _text(part, "s", where, required=True))
        rules.append(AliasRule(surface, "any", part=_text(part, "accelerator_id", where, required=True)))
    if not rules:
        raise ConfigError(f"{where}: 'aliases' must name at least one surface")
    return Record(
        entity=_entity(raw, where, kind, [Alias(r.surface, r.policy) for r in rules]),
        aliases=tuple(rules),
        venue=_flag(raw, "venue", where),
        news_outlet=_flag(raw, "news_outlet", where),
        implies=_texts(raw, "implies", where),
        where=where,
    )


def _alias(raw: dict[str, Any], where: str) -> AliasRule:
    _known_keys(raw, _ALIAS_KEYS, where)
    surface = cast(str, _text(raw, "s", where, required=True))
    policy = raw.get("policy")
    if policy not in _POLICIES:
        raise ConfigError(f"{where}: policy of {surface!r} must be one of {', '.join(_POLICIES)}, not {policy!r}")
    return AliasRule(
        surface=surface,
        policy=cast(Policy, policy),
        prior=_number(raw, "prior", 0.0, where),
        veto_left=_texts(raw, "veto_left", where),
        veto_right=_texts(raw, "veto_right", where),
        positive=_texts(raw, "pos", where),
        negative=_texts(raw, "neg", where),
    )


def _theme(raw: dict[str, Any], where: str) -> ThemeRule:
    _known_keys(raw, _THEME_KEYS, where)
    terms = []
    for item in _list_of_objects(raw, "terms", where):
        _known_keys(item, {"s", "w", "near"}, where)
        text = cast(str, _text(item, "s", where, required=True)).lower()
        weight = _number(item, "w", 1.0, where)
        terms.append(Term(text.rstrip("*"), weight, prefix=text.endswith("*"), near=_texts(item, "near", where)))
    if not any(t.weight > 0 for t in terms):
        raise ConfigError(f"{where}: 'terms' must hold at least one positive weight")
    threshold = _number(raw, "threshold", 1.0, where)
    return ThemeRule(
        entity=_entity(raw, where, "theme", [Alias(t.text, "any") for t in terms if t.weight >= threshold]),
        terms=tuple(terms),
        threshold=threshold,
        strong=_number(raw, "strong", threshold, where),
        negation=_flag(raw, "negation", where),
        field=_flag(raw, "field", where),
        evidence=_evidence(raw, where),
        positive=_texts(raw, "pos", where),
        negative=_texts(raw, "neg", where),
        where=where,
    )


def _evidence(raw: dict[str, Any], where: str) -> tuple[tuple[str, float], ...]:
    weights = raw.get("evidence", {})
    if not isinstance(weights, dict):
        raise ConfigError(f"{where}: 'evidence' must be an object of weights, not {weights!r}")
    _known_keys(weights, {"price", "regulation"}, where)
    return tuple((kind, _number(weights, kind, 0.0, where)) for kind in weights)


def _refuse_duplicates(records: tuple[Record, ...], themes: tuple[ThemeRule, ...]) -> None:
    seen: dict[str, str] = {}
    places = [(r.entity.id, r.where) for r in records] + [(t.entity.id, t.where) for t in themes]
    for entity_id, where in places:
        if (first := seen.setdefault(entity_id, where)) != where:
            raise ConfigError(f"{where}: id {entity_id!r} is already that of {first}")


# ---------------------------------------------------------------- lint


def lint(lexicon: Lexicon) -> list[str]:
    """Return what is doubtful in the data, one line each; the tests want none."""
    return [
        *_lint_shared_aliases(lexicon),
        *_lint_common_words(lexicon),
        *_lint_references(lexicon),
        *_lint_surfaces(lexicon),
        *_lint_examples(lexicon),
    ]


def _lint_shared_aliases(lexicon: Lexicon) -> Iterator[str]:
    owners: dict[tuple[str, str], dict[str, list[AliasRule]]] = {}
    for record in lexicon.records:
        for rule in record.aliases:
            key = (record.entity.kind, rule.surface.lower())
            owners.setdefault(key, {}).setdefault(record.entity.id, []).append(rule)
    for (kind, surface), by_id in owners.items():
        rules = [r for found in by_id.values() for r in found]
        if len(by_id) > 1 and any(r.policy != "context" for r in rules) and not _told_apart_by_case(rules):
            yield f"{kind} alias {surface!r} is shared by {', '.join(sorted(by_id))}: give each the policy 'context'"


def _told_apart_by_case(rules: list[AliasRule]) -> bool:
    return all(r.policy != "any" for r in rules) and len({r.surface for r in rules}) == len(rules)


def _lint_common_words(lexicon: Lexicon) -> Iterator[str]:
    for record in lexicon.records:
        for rule in record.aliases:
            if rule.policy == "any" and rule.surface.lower() in lexicon.common_words:
                yield f"{record.where}: {rule.surface!r} is a common word: give it the policy 'context'"


def _lint_references(lexicon: Lexicon) -> Iterator[str]:
    kinds = {r.entity.id: r.entity.kind for r in lexicon.records}
    for record in lexicon.records:
        parent = record.entity.parent
        if parent is not None and kinds.get(parent) != "company":
            yield f"{record.where}: parent {parent!r} is no company of companies.jsonl"
        for implied in record.implies:
            if kinds.get(implied) != "accelerator":
                yield f"{record.where}: implies {implied!r}, which is no accelerator family"


def _lint_surfaces(lexicon: Lexicon) -> Iterator[str]:
    for record in lexicon.records:
        seen: set[str] = set()
        for rule in record.aliases:
            surface = rule.surface
            if not any(c.isalnum() for c in surface) or "  " in surface or "\n" in surface or "’" in surface:
                yield f"{record.where}: alias {surface!r} can never match (spaces are single, the apostrophe is ')"
            if surface.endswith("'s") and surface != record.entity.name:  # but "Moody's" is the name
                yield f"{record.where}: alias {surface!r} must be the bare name"
            if surface in seen:
                yield f"{record.where}: alias {surface!r} is given twice"
            seen.add(surface)
            if rule.policy != "context" and rule.prior:
                yield f"{record.where}: {surface!r} has a prior, which only the policy 'context' uses"


def _lint_examples(lexicon: Lexicon) -> Iterator[str]:
    for record in lexicon.records:
        for rule in record.aliases:
            if rule.policy == "context" and not (rule.positive and rule.negative):
                yield f"{record.where}: context alias {rule.surface!r} needs example sentences in 'pos' and 'neg'"
    for theme in lexicon.themes:
        if len(theme.positive) < 3 or len(theme.negative) < 3:
            yield f"{theme.where}: theme {theme.entity.id!r} needs three example sentences in 'pos' and in 'neg'"
