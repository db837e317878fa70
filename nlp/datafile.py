"""Lines of the data files: one JSON object each, and typed look-ups whose errors name file and line. Pure."""

from __future__ import annotations

import difflib
import json
import re
import sys
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple, NoReturn

from aiwire.exceptions import ConfigError

__all__ = [
    "Line",
    "check_keys",
    "flag_of",
    "hint",
    "json_lines",
    "number_of",
    "objects_of",
    "required_text",
    "shown",
    "text_of",
    "texts_of",
]

_COMMENTS = ("#", "//")
_LONGEST = 1000  # characters of a name or a description
_SHOWN = 80  # characters of a wrong value in a message
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class Line(NamedTuple):
    """A JSON object and its place."""

    where: str  # file:line
    raw: dict[str, Any]


def json_lines(file: str, text: str, *, by_hand: bool = False) -> Iterator[Line]:
    """Yield the objects of a JSON Lines file; blank lines are left out.

    Args:
        file: its name, for errors.
        text: what it holds.
        by_hand: somebody wrote it by hand: lines that begin with # or // are left out, a key that is given twice is an
            error (to look for it takes three times as long).

    Raises:
        ConfigError: a line is no JSON object.
    """
    pairs_hook = _no_key_twice if by_hand else None
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
        stripped = line.strip()
        if not stripped or (by_hand and stripped.startswith(_COMMENTS)):
            continue
        where = f"{file}:{number}"
        try:
            raw = json.loads(stripped, object_pairs_hook=pairs_hook, parse_constant=_no_constant)
            if "\\u" in stripped:  # a lone surrogate could not be stored
                json.dumps(raw, ensure_ascii=False).encode()
        except (ValueError, RecursionError) as e:
            raise ConfigError(f"{where}: not JSON: {e}") from e
        if not isinstance(raw, dict):
            raise ConfigError(f"{where}: a line must be one JSON object")
        yield Line(where, raw)


def _no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise ValueError(f"the key {shown(key)} is given twice")
            seen.add(key)
    return made


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def shown(value: object) -> str:
    """Return a value for a message: what is long is cut."""
    try:
        text = repr(value)
    except ValueError:  # an integer of thousands of digits
        return "a number of thousands of digits"
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]} …"


def hint(wrong: str, known: Iterable[str]) -> str:
    """Return "did you mean …?" for the nearest of `known`; "" if none is near."""
    near = difflib.get_close_matches(wrong[:_SHOWN], list(known), n=1)
    return f"did you mean {near[0]!r}?" if near else ""


def check_keys(raw: dict[str, Any], known: Iterable[str], where: str) -> None:
    """Raise ConfigError if `raw` has a key that is not among `known`."""
    wanted = set(known)
    for key in raw:
        if key not in wanted:
            told = hint(key, wanted) or f"known: {', '.join(sorted(wanted))}"
            raise ConfigError(f"{where}: unknown key {shown(key)}; {told}")


def text_of(raw: dict[str, Any], key: str, where: str) -> str | None:
    """Return a text, None if it is not there."""
    value = raw.get(key)
    if value is None:
        return None
    if not isinstance(value, str) or not value.strip() or value != value.strip():
        raise ConfigError(f"{where}: {key!r} must be a text without spaces around it, not {shown(value)}")
    if len(value) > _LONGEST or _CONTROL.search(value):
        raise ConfigError(
            f"{where}: {key!r} must be at most {_LONGEST} characters without line feeds or control characters, "
            f"not {shown(value)}"
        )
    return value


def required_text(raw: dict[str, Any], key: str, where: str) -> str:
    """Return a text that must be there."""
    value = text_of(raw, key, where)
    if value is None:
        raise ConfigError(f"{where}: {key!r} is missing")
    return value


def texts_of(raw: dict[str, Any], key: str, where: str) -> tuple[str, ...]:
    """Return a list of texts, empty if it is not there."""
    value = raw.get(key, [])
    if not isinstance(value, list) or not all(isinstance(v, str) and v for v in value):
        raise ConfigError(f"{where}: {key!r} must be a list of texts, not {shown(value)}")
    return tuple(value)


def number_of(raw: dict[str, Any], key: str, default: float, where: str) -> float:
    """Return a number, `default` if it is not there."""
    value = raw.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= sys.float_info.max:
        raise ConfigError(f"{where}: {key!r} must be a number, not {shown(value)}")
    return float(value)


def flag_of(raw: dict[str, Any], key: str, where: str) -> bool:
    """Return true or false; false if it is not there."""
    value = raw.get(key, False)
    if not isinstance(value, bool):
        raise ConfigError(f"{where}: {key!r} must be true or false, not {shown(value)}")
    return value


def objects_of(raw: dict[str, Any], key: str, where: str) -> list[dict[str, Any]]:
    """Return a list of objects, empty if it is not there."""
    value = raw.get(key, [])
    if not isinstance(value, list) or not all(isinstance(v, dict) for v in value):
        raise ConfigError(f"{where}: {key!r} must be a list of objects")
    return value
