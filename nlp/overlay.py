"""The user's own names and theme terms, laid over the shipped ones. Pure: raw objects in, raw objects out.

A file is JSON lines; blank lines and lines that begin with # or // say nothing. In one file each id has one line, and
the order of the lines does not matter; the files lie over each other in their order. A line

- adds an entity: the object of the shipped files, `kind` tells which. An alias or term may be a plain text (an alias
  "cased", a term of weight 1); without aliases the name is the alias;
- changes the entity of its `id`: what it gives replaces what was there, null takes it away; `aliases`, `parts` and
  `terms` are added to those there, one of the same spelling replaces (`"replace_aliases": true`, `"replace_terms":
  true`: the list replaces all), `remove_aliases` and `remove_terms` name those that go;
- removes an entity, `{"id": "acme-ai", "remove": true}`: what belonged to it stays, without a parent;
- keeps a name from being found as an unlisted company or product: `{"not_company": "Foo Bar"}`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, cast, get_args

from aiwire.exceptions import ConfigError
from aiwire.types import EntityKind
from nlp.datafile import Line, check_keys, flag_of, hint, number_of, required_text, text_of, texts_of

__all__ = ["KEYS", "Overlaid", "check_overlaid", "lay_over", "read_overlay", "with_lines"]

_KINDS = get_args(EntityKind)
_ENTITY_KEYS = frozenset(("id", "kind", "name", "category", "description", "parent", "country", "ticker", "aliases"))
KEYS: dict[EntityKind, frozenset[str]] = {
    "company": _ENTITY_KEYS | {"venue", "news_outlet"},
    "accelerator": _ENTITY_KEYS | {"parts", "implies"},
    "model": _ENTITY_KEYS,
    "regulation": _ENTITY_KEYS,
    "theme": frozenset(
        ("id", "kind", "name", "category", "description", "threshold", "strong", "negation", "field", "evidence",
         "terms", "pos", "neg")
    ),
}  # fmt: skip
"""Keys of an entity in the shipped files."""

_NAME_EDITS = frozenset(("remove", "remove_aliases", "replace_aliases"))
_THEME_EDITS = frozenset(("remove", "remove_terms", "replace_terms"))
_COUNTRY = re.compile("[A-Z]{2}")
_HEAVIEST = 100.0  # weight of a term, either way: thresholds are about 1, so more is a slip of the keyboard
_LISTS = {"aliases": "aliases", "parts": "aliases", "terms": "terms"}  # and what their edits are called


class Overlaid(NamedTuple):
    """All entities by id after a file was laid over them."""

    entities: dict[str, Line]  # those that the file added or changed have its place
    changed: tuple[str, ...]  # ids of those
    not_companies: Mapping[str, str]  # names as written, and where


def read_overlay(path: Path) -> str:
    """Return the text of a user's file, its line ends and byte order mark as they are.

    Raises:
        ConfigError: it cannot be read.
    """
    try:
        return path.read_bytes().decode("utf-8")
    except OSError as e:
        raise ConfigError(f"{path}: the gazetteer cannot be read ({e.strerror}); name a file that is there") from e
    except UnicodeDecodeError as e:
        raise ConfigError(f"{path}: the gazetteer is not UTF-8 ({e.reason} at byte {e.start}); save it as UTF-8") from e


def with_lines(text: str, added: Iterable[Mapping[str, Any]]) -> str:
    """Return the text of a user's file with objects at its end, a line each; what is there stays as it is."""
    lines = "".join(json.dumps(raw, ensure_ascii=False) + "\n" for raw in added)
    return text + ("\n" if text and not text.endswith("\n") else "") + lines


def lay_over(entities: Mapping[str, Line], lines: Iterable[Line]) -> Overlaid:
    """Return `entities` (by id) as the lines of one file change them; those that it adds come last, sorted by id.

    Whether the result makes sense (types, parents) is for the caller to check on what has changed.

    Raises:
        ConfigError: a line edits what is not there, has an unknown key, or an id of another line; the message names it.
    """
    edits, not_companies = _sorted_out(lines)
    removed = {i for i, line in edits.items() if flag_of(line.raw, "remove", line.where)}
    for entity_id in sorted(removed):
        _check_removal(entities, edits[entity_id])
    kept = {i: _without_references(line, removed) for i, line in entities.items() if i not in removed}
    changed = {}
    for entity_id, line in sorted(edits.items()):
        if entity_id in kept:
            changed[entity_id] = Line(line.where, _changed(kept[entity_id].raw, line))
        elif entity_id not in removed:
            changed[entity_id] = Line(line.where, _added(line, entities))
    return Overlaid(kept | changed, tuple(changed), not_companies)


def _sorted_out(lines: Iterable[Line]) -> tuple[dict[str, Line], dict[str, str]]:
    edits: dict[str, Line] = {}
    not_companies: dict[str, str] = {}
    for line in lines:
        if "not_company" in line.raw:
            check_keys(line.raw, ("not_company",), line.where)
            not_companies.setdefault(required_text(line.raw, "not_company", line.where), line.where)
            continue
        entity_id = required_text(line.raw, "id", line.where)
        first = edits.setdefault(entity_id, line)
        if first is not line:
            raise ConfigError(f"{line.where}: id {entity_id!r} is already that of {first.where}; make one line of both")
    return edits, not_companies


def _check_removal(entities: Mapping[str, Line], line: Line) -> None:
    check_keys(line.raw, ("id", "kind", "remove"), line.where)
    if line.raw["id"] not in entities:
        raise ConfigError(f"{line.where}: nothing to remove: {_unknown(line.raw['id'], entities)}")


def _unknown(entity_id: str, entities: Iterable[str]) -> str:
    return f"there is no id {entity_id!r}; {hint(entity_id, entities) or 'take the line out'}"


def _without_references(line: Line, removed: set[str]) -> Line:
    """Return an entity that does not point at those removed: what they owned or were part of stays."""
    raw = line.raw
    if raw.get("parent") in removed:
        raw = {key: value for key, value in raw.items() if key != "parent"}
    if removed.intersection(raw.get("implies", ())):
        raw = raw | {"implies": [i for i in raw["implies"] if i not in removed]}
    return line if raw is line.raw else Line(line.where, raw)


def _added(line: Line, entities: Iterable[str]) -> dict[str, Any]:
    kind = line.raw.get("kind")
    if kind is None:
        raise ConfigError(
            f"{line.where}: {_unknown(line.raw['id'], entities)}, or give 'kind' and 'name' to add an entity"
        )
    if kind not in _KINDS:
        raise ConfigError(f"{line.where}: 'kind' must be one of {', '.join(_KINDS)}, not {kind!r}")
    name = required_text(line.raw, "name", line.where)
    check_keys(line.raw, KEYS[cast(EntityKind, kind)], line.where)
    raw = _spelled_out(line)
    if kind != "theme" and not raw.get("aliases") and not raw.get("parts"):
        raw["aliases"] = list(_items("aliases", [name], line.where))
    return raw


def _changed(old: dict[str, Any], line: Line) -> dict[str, Any]:
    kind: EntityKind = old["kind"]
    given = text_of(line.raw, "kind", line.where)
    if given not in (None, kind):
        raise ConfigError(f"{line.where}: 'kind' of {line.raw['id']!r} is {kind!r} and stays so: leave it out")
    check_keys(line.raw, KEYS[kind] | (_THEME_EDITS if kind == "theme" else _NAME_EDITS), line.where)
    new = _spelled_out(line)
    raw = {key: value for key, value in old.items() if key not in new or key in _LISTS}
    raw |= {key: value for key, value in new.items() if key in KEYS[kind] and key not in _LISTS and value is not None}
    _remove_spellings(raw, line, "terms" if kind == "theme" else "aliases")
    for key, edits in _LISTS.items():
        if key in new:
            replaced = flag_of(new, f"replace_{edits}", line.where)
            raw[key] = _merged([] if replaced else raw.get(key, []), new[key])
        elif f"replace_{key}" in new:
            raise ConfigError(f"{line.where}: 'replace_{key}' needs the list {key!r} that is to hold")
    return raw


def _remove_spellings(raw: dict[str, Any], line: Line, edits: str) -> None:
    """Take what `remove_aliases` or `remove_terms` names out of the lists of `raw`."""
    keys = [key for key, called in _LISTS.items() if called == edits and key in raw]
    for written in texts_of(line.raw, f"remove_{edits}", line.where):
        spelling = _spelling(written, "terms" if edits == "terms" else "aliases")
        there = [item["s"] for key in keys for item in raw[key]]
        if spelling not in there:
            told = hint(spelling, there) or f"it has: {', '.join(there)}"
            raise ConfigError(f"{line.where}: nothing to remove: {line.raw['id']!r} has no {spelling!r}; {told}")
        for key in keys:
            raw[key] = [item for item in raw[key] if item["s"] != spelling]


def _merged(old: list[dict[str, Any]], new: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return both lists, less the old ones whose spelling a new one has."""
    spellings = {item["s"] for item in new}
    return [item for item in old if item["s"] not in spellings] + new


def _spelled_out(line: Line) -> dict[str, Any]:
    """Return the line's object with every alias and term as the shipped files write it."""
    raw = dict(line.raw)
    for key in _LISTS:
        if key in raw:
            raw[key] = list(_items(key, raw[key], line.where))
    return raw


def _items(key: str, value: Any, where: str) -> Iterator[dict[str, Any]]:
    if not isinstance(value, list):
        raise ConfigError(f"{where}: {key!r} must be a list, not {value!r}")
    for item in value:
        made = {"s": item} if isinstance(item, str) and key != "parts" else item
        if not isinstance(made, dict):
            raise ConfigError(f"{where}: {key!r} must hold texts or objects, not {item!r}")
        spelling = _spelling(required_text(made, "s", where), key)
        if not any(char.isalnum() for char in spelling):
            raise ConfigError(f"{where}: {spelling!r} in {key!r} can never be found: it has no letter")
        yield {"policy": "cased"} | made | {"s": spelling} if key == "aliases" else made | {"s": spelling}


def _spelling(written: str, key: str) -> str:
    """Return an alias as the matcher compares it, with plain apostrophes, hyphens and spaces; a term in lower case."""
    if key == "terms":
        return written.lower()
    return " ".join(written.replace("\u2019", "'").replace("\u2011", "-").split())


# ---------------------------------------------------------------- whether the result makes sense


def check_overlaid(before: Mapping[str, Line], laid: Overlaid) -> None:
    """Check what a file has made of the entities `before` it; the types of all values and the parents' ids are right.

    Raises:
        ConfigError: a line would be kept and do nothing, or not what was meant; the message names it.
    """
    categories: dict[str, set[str]] = {}
    for line in before.values():
        if line.raw.get("category"):
            categories.setdefault(line.raw["kind"], set()).add(line.raw["category"])
    for entity_id in laid.changed:
        line = laid.entities[entity_id]
        _check_country(line)
        _check_category(line, categories.get(line.raw["kind"], set()))
        _check_parents(entity_id, laid.entities)
        _check_spellings(line, before.get(entity_id))


def _check_country(line: Line) -> None:
    country = line.raw.get("country")
    if country is not None and not _COUNTRY.fullmatch(country):
        upper = country.upper() if _COUNTRY.fullmatch(country.upper()) else "DE"
        raise ConfigError(
            f"{line.where}: 'country' is an ISO 3166-1 code of two capital letters such as {upper}, not {country!r}"
        )


def _check_category(line: Line, known: set[str]) -> None:
    category = line.raw.get("category")
    if category is not None and known and category not in known:
        told = hint(category, sorted(known)) or f"there are: {', '.join(sorted(known))}"
        raise ConfigError(f"{line.where}: there is no category {category!r} of a {line.raw['kind']}; {told}")


def _check_parents(entity_id: str, entities: Mapping[str, Line]) -> None:
    """Follow the parents of an entity; each must lead out."""
    path = [entity_id]
    while (parent := entities[path[-1]].raw.get("parent")) is not None and parent in entities:
        if parent == entity_id:
            where = entities[entity_id].where
            way = " -> ".join((*path, parent))
            raise ConfigError(f"{where}: {entity_id!r} would be its own parent ({way}); leave one 'parent' out")
        if parent in path:
            return  # a ring that it is not part of is told of those that are
        path.append(parent)


def _check_spellings(line: Line, before: Line | None) -> None:
    there = {alias["s"] for alias in before.raw.get("aliases", ())} if before else set()
    for key in ("aliases", "parts"):
        for alias in line.raw.get(key, ()):
            if len(alias["s"]) == 1 and alias["s"] not in there:
                raise ConfigError(f"{line.where}: the alias {alias['s']!r} is a single letter; give a longer name")
    for term in line.raw.get("terms", ()):
        if abs(number_of(term, "w", 1.0, line.where)) > _HEAVIEST:
            raise ConfigError(
                f"{line.where}: the weight of {term['s']!r} is {term['w']:g}; at most {_HEAVIEST:g} or -{_HEAVIEST:g}"
            )
