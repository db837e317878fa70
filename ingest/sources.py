"""The source list: `sources.toml`, read and checked as a whole.

    [[source]]
    id = "nvidia-blog"
    name = "NVIDIA Blog"
    kind = "feed"
    url = "https://blogs.nvidia.com/feed/"
    owner = "nvidia"

The keys are the fields of `aiwire.types.Source`. A source of kind "listing" may have a `[source.listing]` table with
the fields of `ListingRule` (without it the list is found automatically), one of kind "sitemap" a `[source.sitemap]`
table (`SitemapRule`), any source a `[source.article]` table (`ArticleRule`). Every mistake of a file is reported at
once, each on a line of its own.
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
from aiwire.types import ArticleRule, ListingRule, LiveKind, SitemapRule, Source
from aiwire.types.sources import TextPolicy
from ingest.urls import normalize_url

__all__ = [
    "RULES",
    "add_source",
    "check_source",
    "free_id",
    "load_sources",
    "new_source",
    "renamed",
    "same_address",
    "slug",
    "sources_to_toml",
]

_SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
# The shape of BCP 47, whose languages are the codes of two or three letters of ISO 639; not its registry.
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{1,8})*")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_FULL_TEXT: tuple[str, ...] = get_args(get_type_hints(Source)["full_text"])
_MAX_SLUG = 60
_KINDS: tuple[str, ...] = get_args(LiveKind)
_TEXT_POLICIES: tuple[str, ...] = get_args(TextPolicy)
_REQUIRED = ("id", "name", "kind", "url")
_KEYS = tuple(field.name for field in dataclasses.fields(Source))
_WEEK_MINUTES = 7 * 24 * 60
_MAX_DAYS = 36_500
_MAX_EXCERPT = 100_000
_NUMBER, _SWITCH, _TEXT = (int, "a whole number"), (bool, "true or false"), (str, "a text")
_TYPES: dict[str, tuple[type, str]] = {
    "every_minutes": _NUMBER,
    "excerpt_chars": _NUMBER,
    "enabled": _SWITCH,
    "own_server": _SWITCH,
    "sitemap.days": _NUMBER,
}

RULES: dict[str, type[ListingRule | SitemapRule | ArticleRule]] = {  # tables below a source: [source.<name>]
    "listing": ListingRule,
    "sitemap": SitemapRule,
    "article": ArticleRule,
}
_RULE_KINDS = {"listing": "listing", "sitemap": "sitemap"}  # the only kind of source that may have the table
_PATTERNS = ("include", "exclude")  # of a SitemapRule: regular expressions


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
    raise ConfigError("\n".join(checked))


def renamed(source: Source, taken: Collection[str]) -> Source:
    """Return the source under an id that is not taken; a publisher that was only its own id follows."""
    source_id = free_id(source.id, taken)
    publisher = source_id if source.publisher == source.id else source.publisher
    return dataclasses.replace(source, id=source_id, publisher=publisher)


def same_address(url: str, sources: Iterable[Source]) -> Source | None:
    """Return the source that has this address already, whatever its spelling."""
    normal = normalize_url(url)
    return next((source for source in sources if normal and normalize_url(source.url) == normal), None)


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
    problems += _wrong_values({key: table[key] for key in _KEYS if key in table and key not in RULES})
    for name in RULES:
        if name in table:
            problems += _wrong_rule(name, table[name], kind=table.get("kind"))
    if problems:
        return problems
    values = {key: RULES[key](**value) if key in RULES else value for key, value in table.items()}
    return Source(**{"publisher": table["id"], **values})


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
    """Return what is wrong with each value by itself. `prefix` is the table's name and a dot."""
    problems = []
    for key, value in values.items():
        expected, words = _TYPES.get(prefix + key, _TEXT)
        if type(value) is not expected:  # not isinstance: true is no number
            problem: str | None = f"must be {words}, not {value!r}"
        else:
            problem = _wrong_text(value) if isinstance(value, str) else None
            problem = problem or (_wrong_rule_value(key, value) if prefix else _wrong_meaning(key, value))
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
        case "text_policy":
            return _wrong_choice(value, _TEXT_POLICIES)
        case "url":
            return _wrong_url(value)
        case "language" if not _LANGUAGE.fullmatch(value):
            return f"must be a language tag, a code of two or three letters first, such as 'en' or 'zh-Hans': {value!r}"
        case "every_minutes" if not 1 <= value <= _WEEK_MINUTES:
            return f"must be 1 to {_WEEK_MINUTES} (a week): {value}"
        case "excerpt_chars" if not 0 <= value <= _MAX_EXCERPT:
            return f"must be 0 (quote nothing) to {_MAX_EXCERPT}: {value}"
    return None


def _wrong_choice(value: str, choices: tuple[str, ...]) -> str | None:
    if value in choices:
        return None
    near = difflib.get_close_matches(value, choices, n=1)
    hint = f", did you mean {near[0]!r}?" if near else ""
    return f"must be one of {', '.join(map(repr, choices))}, not {value!r}{hint}"


def _wrong_url(url: str) -> str | None:
    if normalize_url(url) is None or re.search(r"\s", url):
        with_scheme = f"https://{url.lstrip('/')}"
        if "://" not in url and not re.search(r"\s", url) and normalize_url(with_scheme):
            return f"has no scheme, write {with_scheme!r}: {url!r}"
        return f"must be an http or https URL: {url!r}"
    if "@" in re.split(r"[/?#]", url.partition("://")[2], maxsplit=1)[0]:
        return "must not hold a user name or password: aiwire sends none"
    return None


def _wrong_rule(name: str, rule: object, *, kind: object) -> list[str]:
    """Return what is wrong with the table `[source.<name>]`."""
    label = f"[source.{name}]"
    if name in _RULE_KINDS and kind != _RULE_KINDS[name]:
        return [f"a {label} table is only for kind {_RULE_KINDS[name]!r}"]
    if not isinstance(rule, dict):
        return [f"{name!r} must be written as a {label} table"]
    fields = dataclasses.fields(RULES[name])
    keys = tuple(field.name for field in fields)
    problems = [f"{label}: {problem}" for problem in _unknown_keys(rule, keys)]
    required = (field.name for field in fields if field.default is dataclasses.MISSING)
    problems += [f"{label}: {key!r} is missing" for key in required if key not in rule]
    return problems + _wrong_values({key: value for key, value in rule.items() if key in keys}, f"{name}.")


def _wrong_rule_value(key: str, value: Any) -> str | None:
    if key == "days":
        return None if 1 <= value <= _MAX_DAYS else f"must be 1 to {_MAX_DAYS}: {value}"
    return _wrong_pattern(value) if key in _PATTERNS else _wrong_selector(value)


def _wrong_pattern(pattern: str) -> str | None:
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as e:
        return f"is no regular expression: {e}"
    return None


def _wrong_selector(selector: str) -> str | None:
    try:
        soupsieve.compile(selector)
    except (soupsieve.SelectorSyntaxError, ValueError, NotImplementedError, RecursionError) as e:
        return f"is no CSS selector: {str(e).splitlines()[0]}"
    return None


def _duplicates(tables: Iterable[Mapping[str, Any]]) -> list[str]:
    problems = []
    ids: dict[str, int] = {}
    urls: dict[str, int] = {}
    labels = [""]
    for position, table in enumerate(tables, 1):
        labels.append(_label(table, position))
        source_id, url = table.get("id"), table.get("url")
        same_id = ids.setdefault(source_id, position) if isinstance(source_id, str) else position
        normal = normalize_url(url) if isinstance(url, str) else None
        same_url = urls.setdefault(normal, position) if normal else position
        if same_url != position:  # said alone where both are the same: one mistake, one line
            where = f"{labels[same_url]} (#{same_url})"
            problems.append(f"{labels[position]}: has the same URL as {where}: {url}")
        elif same_id != position:
            problems.append(f"source #{position}: id {source_id!r} is taken by source #{same_id}")
    return problems


# ---------------------------------------------------------------- writing


def _table_to_toml(source: Source) -> str:
    values: dict[str, object] = {}
    rules = ""
    for field in dataclasses.fields(Source):
        value = getattr(source, field.name)
        if field.name in RULES:
            rules += _rule_to_toml(field.name, value) if value is not None else ""
        elif value != (source.id if field.name == "publisher" else field.default):
            values[field.name] = value
    return "[[source]]\n" + tomlkit.dumps(values) + rules


def _rule_to_toml(name: str, rule: ListingRule | SitemapRule | ArticleRule) -> str:
    """Return a table below a source; an empty one if the rule has only defaults, so that it is read back as a rule."""
    given = {f.name: value for f in dataclasses.fields(rule) if (value := getattr(rule, f.name)) != f.default}
    return f"[source.{name}]\n" + tomlkit.dumps(given)


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
