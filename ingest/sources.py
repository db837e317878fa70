"""The source list: `sources.toml`, read and checked as a whole.

    [[source]]
    id = "nvidia-blog"
    name = "NVIDIA Blog"
    kind = "feed"
    url = "https://blogs.nvidia.com/feed/"
    owner = "nvidia"

The keys are the fields of `aiwire.types.Source`; a source of kind "listing" has a `[source.listing]` table with the
fields of `ListingRule`. Every mistake of a file is reported at once, each on a line of its own.
"""

from __future__ import annotations

import contextlib
import dataclasses
import difflib
import os
import re
import shutil
import tempfile
import tomllib
import unicodedata
from collections.abc import Collection, Iterable, Mapping
from itertools import count
from pathlib import Path
from typing import Any, get_args, get_type_hints
from urllib.parse import urlsplit

import soupsieve
import tomlkit

from aiwire.exceptions import ConfigError
from aiwire.types import ListingRule, Source, SourceKind
from ingest.urls import normalize_url

__all__ = [
    "add_source",
    "check_source",
    "free_id",
    "load_sources",
    "new_source",
    "renamed",
    "slug",
    "sources_to_toml",
]

_SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*")  # the shape of BCP 47, not its registry
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_FULL_TEXT: tuple[str, ...] = get_args(get_type_hints(Source)["full_text"])
_MAX_SLUG = 60
_KINDS: tuple[str, ...] = get_args(SourceKind)
_REQUIRED = ("id", "name", "kind", "url")
_KEYS = tuple(field.name for field in dataclasses.fields(Source))
_LISTING_KEYS = tuple(field.name for field in dataclasses.fields(ListingRule))
_WEEK_MINUTES = 7 * 24 * 60
_TYPES: dict[str, tuple[type, str]] = {"every_minutes": (int, "a whole number"), "enabled": (bool, "true or false")}
_TEXT = (str, "a text")


def load_sources(path: Path) -> tuple[Source, ...]:
    """Return the sources of a `sources.toml`, in its order.

    Raises:
        ConfigError: the file cannot be read, or with one line for each thing that is wrong in it.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError as e:
        raise ConfigError(f"{path}: no such file; `aiwire init` writes one") from e
    except OSError as e:
        raise ConfigError(f"{path}: cannot be read: {e.strerror}") from e
    return _parse(data, path)


def add_source(path: Path, *sources: Source) -> None:
    """Append sources to the file (made if absent): what stood there stays byte for byte, and a crash changes nothing.

    Raises:
        ConfigError: the file or a source is wrong, or its id or URL is there already; the file is as it was.
    """
    path = path.resolve()  # replace the file that a link points to, not the link
    try:
        old = path.read_bytes() if path.exists() else b""
    except OSError as e:
        raise ConfigError(f"{path}: cannot be read: {e.strerror}") from e
    _parse(old, path)
    if sources:
        gap = b"" if not old else b"\n" if old.endswith(b"\n") else b"\n\n"
        new = old + gap + sources_to_toml(sources).encode()
        _parse(new, path)
        _replace(path, new)


def new_source(
    url: str, present: Iterable[Source], *, source_id: str | None = None, name: str | None = None, **fields: Any
) -> Source:
    """Return a source for `url`; its name defaults to the host, its id to a slug of the host that `present` lacks.

    Args:
        fields: other fields of Source, as TOML would give them; None: not given.

    Raises:
        ConfigError: with a line for each value that `sources.toml` would not take.
    """
    host = (urlsplit(url).hostname or "") if normalize_url(url) else ""
    table = {key: value for key, value in fields.items() if value is not None}
    table["url"] = url
    table["name"] = name or host or url
    table["id"] = source_id or free_id(host.removeprefix("www."), {source.id for source in present})
    checked = check_source({"kind": "feed", **table})
    if isinstance(checked, Source):
        return checked
    raise ConfigError("\n".join(f"{_label(table, 1)}: {problem}" for problem in checked))


def renamed(source: Source, taken: Collection[str]) -> Source:
    """Return the source under an id that is not taken; a publisher that was only its own id follows."""
    source_id = free_id(source.id, taken)
    publisher = source_id if source.publisher == source.id else source.publisher
    return dataclasses.replace(source, id=source_id, publisher=publisher)


def free_id(text: str, taken: Collection[str]) -> str:
    """Return a slug of the text that is not taken: `nvidia-blog`, `nvidia-blog-2` ...; of an empty one `source`."""
    stem = slug(text) or "source"
    return next(name for n in count(1) if (name := stem if n == 1 else f"{stem}-{n}") not in taken)


def slug(text: str) -> str:
    """Return the text in a-z, 0-9 and single hyphens, accents dropped; "" if nothing is left."""
    ascii_text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", ascii_text).strip("-")[:_MAX_SLUG].strip("-")


def sources_to_toml(sources: Iterable[Source]) -> str:
    """Return the sources as the text of a `sources.toml`. What has its default value is left out."""
    return "\n".join(_table_to_toml(source) for source in sources)


def check_source(table: Mapping[str, Any]) -> Source | list[str]:
    """Return the source that a table (as TOML gives it) declares, or all that is wrong with it, in words."""
    problems = _unknown_keys(table, _KEYS)
    problems += [f"{key!r} is missing" for key in _REQUIRED if key not in table]
    problems += _wrong_values({key: table[key] for key in _KEYS if key in table and key != "listing"})
    problems += _wrong_listing(table.get("listing"), kind=table.get("kind"))
    if problems:
        return problems
    values = {key: value for key, value in table.items() if key != "listing"}
    listing = ListingRule(**table["listing"]) if "listing" in table else None
    return Source(**{"publisher": table["id"], **values}, listing=listing)


# ---------------------------------------------------------------- reading


def _parse(data: bytes, path: Path) -> tuple[Source, ...]:
    try:
        document = tomllib.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError as e:
        raise ConfigError(f"{path}: not UTF-8 (byte {e.start}); save it as UTF-8") from e
    except (tomllib.TOMLDecodeError, RecursionError) as e:
        raise ConfigError(f"{path}: no valid TOML: {e}") from e
    problems = _unknown_keys(document, ("source",))
    tables = document.get("source", [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        problems.append("'source' must be written as [[source]] tables")
        tables = []
    sources: list[Source] = []
    for position, table in enumerate(tables, 1):
        checked = check_source(table)
        if isinstance(checked, Source):
            sources.append(checked)
        else:
            problems += [f"{_label(table, position)}: {problem}" for problem in checked]
    problems += _duplicates(tables)
    if problems:
        raise ConfigError("\n".join(f"{path}: {problem}" for problem in problems))
    return tuple(sources)


def _label(table: Mapping[str, Any], position: int) -> str:
    source_id = table.get("id")
    return f"source {source_id!r}" if isinstance(source_id, str) and source_id else f"source #{position}"


def _unknown_keys(table: Mapping[str, Any], known: tuple[str, ...]) -> list[str]:
    problems = []
    for key in table:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}"
            problems.append(f"unknown key {key!r}, {hint}")
    return problems


def _wrong_values(values: Mapping[str, Any], prefix: str = "") -> list[str]:
    """Return what is wrong with each value by itself. `prefix` is the table's name, for the message."""
    problems = []
    for key, value in values.items():
        expected, words = _TYPES.get(key, _TEXT)
        if type(value) is not expected:  # not isinstance: true is no number
            problem: str | None = f"must be {words}, not {value!r}"
        else:
            problem = _wrong_text(value) if isinstance(value, str) else None
            problem = problem or _wrong_meaning(key, value)
        if problem:
            problems.append(f"'{prefix}{key}' {problem}")
    return problems


def _wrong_text(text: str) -> str | None:
    if not text or text != text.strip():
        return f"must not be empty or have spaces around it: {text!r}"
    return f"must be one line without control characters: {text!r}" if _CONTROL.search(text) else None


def _wrong_meaning(key: str, value: Any) -> str | None:
    """Return what is wrong with a value of the right type, or None."""
    match key:
        case "id" | "publisher" | "owner" if not _SLUG.fullmatch(value):
            return f"must be made of a-z, 0-9 and single hyphens, such as 'nvidia-blog': {value!r}"
        case "kind":
            return _wrong_choice(value, _KINDS)
        case "full_text":
            return _wrong_choice(value, _FULL_TEXT)
        case "url":
            return _wrong_url(value)
        case "language" if not _LANGUAGE.fullmatch(value):
            return f"must be a language tag such as 'en' or 'zh-Hans': {value!r}"
        case "every_minutes" if not 1 <= value <= _WEEK_MINUTES:
            return f"must be 1 to {_WEEK_MINUTES} (a week): {value}"
    return None


def _wrong_choice(value: str, choices: tuple[str, ...]) -> str | None:
    if value in choices:
        return None
    near = difflib.get_close_matches(value, choices, n=1)
    hint = f", did you mean {near[0]!r}?" if near else ""
    return f"must be one of {', '.join(map(repr, choices))}, not {value!r}{hint}"


def _wrong_url(url: str) -> str | None:
    if normalize_url(url) is None or re.search(r"\s", url):
        return f"must be an http or https URL: {url!r}"
    if "@" in re.split(r"[/?#]", url.partition("://")[2], maxsplit=1)[0]:
        return "must not hold a user name or password: aiwire sends none"
    return None


def _wrong_listing(listing: object, *, kind: object) -> list[str]:
    if listing is None:
        return ["kind 'listing' needs a [source.listing] table with at least 'item'"] if kind == "listing" else []
    if kind != "listing":
        return ["a [source.listing] table is only for kind 'listing'"]
    if not isinstance(listing, dict):
        return ["'listing' must be written as a [source.listing] table"]
    problems = [f"[source.listing]: {problem}" for problem in _unknown_keys(listing, _LISTING_KEYS)]
    if "item" not in listing:
        problems.append("[source.listing]: 'item' is missing")
    known = {key: value for key, value in listing.items() if key in _LISTING_KEYS}
    problems += _wrong_values(known, "listing.")
    problems += [
        f"'listing.{key}' is no CSS selector: {problem}"
        for key, value in known.items()
        if isinstance(value, str) and (problem := _wrong_selector(value))
    ]
    return problems


def _wrong_selector(selector: str) -> str | None:
    try:
        soupsieve.compile(selector)
    except (soupsieve.SelectorSyntaxError, ValueError, NotImplementedError) as e:
        return str(e).splitlines()[0]
    return None


def _duplicates(tables: Iterable[Mapping[str, Any]]) -> list[str]:
    problems = []
    ids: dict[str, int] = {}
    urls: dict[str, str] = {}
    for position, table in enumerate(tables, 1):
        label = _label(table, position)
        source_id, url = table.get("id"), table.get("url")
        if isinstance(source_id, str) and (first := ids.setdefault(source_id, position)) != position:
            problems.append(f"source #{position}: id {source_id!r} is taken by source #{first}")
        normal = normalize_url(url) if isinstance(url, str) else None
        if normal and (other := urls.setdefault(normal, f"{label} (#{position})")) != f"{label} (#{position})":
            problems.append(f"{label}: has the same URL as {other}: {url}")
    return problems


# ---------------------------------------------------------------- writing


def _table_to_toml(source: Source) -> str:
    values: dict[str, object] = {}
    for field in dataclasses.fields(Source):
        value = getattr(source, field.name)
        default = source.id if field.name == "publisher" else field.default
        if field.name != "listing" and value != default:
            values[field.name] = value
    text = "[[source]]\n" + tomlkit.dumps(values)
    if source.listing is not None:
        rule = {key: value for key, value in dataclasses.asdict(source.listing).items() if value is not None}
        text += "[source.listing]\n" + tomlkit.dumps(rule)
    return text


def _replace(path: Path, data: bytes) -> None:
    """Write `data` under the name `path` at once: a reader or a crash sees the old file or the new one."""
    temporary: Path | None = None
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=path.name + ".", delete=False) as file:
            temporary = Path(file.name)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            shutil.copymode(path, temporary)
        else:
            temporary.chmod(0o644)
        temporary.replace(path)
    except OSError as e:
        if temporary is not None:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
        raise ConfigError(f"{path}: cannot be written: {e.strerror}") from e
