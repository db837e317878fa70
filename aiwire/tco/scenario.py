"""Scenario files: what is compared, and the user's own figures, in TOML.

    [scenario]
    accelerator = "nvidia-h100"
    count = 8
    years = 3
    utilisation = 0.6
    country = "DE"
    compare = ["buy", "aws", "lambda:reserved-1y", "api:openai/gpt-5", "our-host"]

    [inputs]
    usd_per_kwh = {low = 0.15, mid = 0.18, high = 0.22, source = "our contract", date = 2026-01-01}
    pue = 1.3

    [options."aws"]
    rate_usd_per_gpu_hour = 3.2

    [options."our-host"]
    kind = "rent"
    instance_gpus = 8
    rate_usd_per_gpu_hour = 2.1

An option with a `kind` is the user's own: nothing about it is looked up.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from difflib import get_close_matches
from typing import Any, get_args

import tomlkit

from aiwire.exceptions import ConfigError
from aiwire.tco.inputs import INPUTS, checked
from aiwire.tco.options import LARGEST_INSTANCE, Commitment, is_instance_size
from aiwire.tco.results import OptionKind

__all__ = ["AskedOption", "Figure", "OwnOption", "Scenario", "asked", "dump", "read"]

_TEXTS = ("accelerator", "part", "country", "region")
_SHORT = {
    "count": "accelerators",
    "years": "horizon_months",
    "utilisation": "utilisation",
}  # -> the input it stands for
_COUNTRY = re.compile(r"[A-Z]{2}")
_FORMS = "accepted: buy, PROVIDER, PROVIDER:COMMITMENT, api:MODEL, api:PROVIDER/MODEL"
_FIGURE_KEYS = ("low", "mid", "high", "source", "date")


@dataclass(frozen=True, slots=True)
class AskedOption:
    """An entry of `compare`, taken apart."""

    name: str  # as it was asked for
    kind: OptionKind
    provider: str | None  # None: buying, or a model that is asked of no provider
    model: str | None = None  # of an API
    commitment: Commitment = "on-demand"


@dataclass(frozen=True, slots=True)
class Figure:
    """A value as the user gives it. Without a range all three are the same."""

    low: float
    mid: float
    high: float
    source: str | None = None
    date: str | None = None  # ISO


@dataclass(frozen=True, slots=True)
class OwnOption:
    """What a scenario says of an option besides its figures; options of which it says neither are left out."""

    kind: OptionKind | None = None  # None: it is looked up
    instance_gpus: int | None = None  # accelerators to an instance; None: as looked up, else 1


@dataclass(frozen=True, slots=True)
class Scenario:
    """What a scenario file says; what it leaves open comes from the command line, the reference or the defaults."""

    accelerator: str | None = None  # family
    part: str | None = None
    count: int | None = None
    years: float | None = None
    utilisation: float | None = None
    country: str | None = None  # ISO 3166-1 alpha-2
    region: str | None = None
    compare: tuple[str, ...] = ()
    figures: Mapping[str, Figure] = field(default_factory=dict)  # by name, or by option and name: aws.managed_share
    options: Mapping[str, OwnOption] = field(default_factory=dict)

    def given(self) -> dict[str, Figure]:
        """Return all figures that it gives, with those of `count`, `years` and `utilisation`."""
        months = None if self.years is None else self.years * 12
        short = {"accelerators": self.count, "horizon_months": months, "utilisation": self.utilisation}
        return {name: Figure(value, value, value) for name, value in short.items() if value is not None} | {
            **self.figures
        }


def asked(text: str) -> AskedOption:
    """Take an entry of `compare` apart: `buy`, `aws`, `aws:spot`, `lambda:reserved-1y`, `api:openai/gpt-5`.

    Raises:
        ConfigError: no name, no model, or a way of renting that there is not.
    """
    if text == "buy":
        return AskedOption(text, "buy", None)
    before, colon, after = text.partition(":")
    if not before.strip() or (colon and not after.strip()):
        raise ConfigError(f"option {text!r} has no name; {_FORMS}")
    if before == "api":
        provider, slash, model = after.partition("/")
        if not after or (slash and not (provider.strip() and model.strip())):
            raise ConfigError(f"option {text!r} has no {'model' if provider or not after else 'provider'}; {_FORMS}")
        return AskedOption(text, "api", provider, model) if slash else AskedOption(text, "api", None, after)
    if before == "buy":
        raise ConfigError(f"option {text!r}: {after!r} is no way of buying; {_FORMS}")
    if not colon:
        return AskedOption(text, "rent", before)
    for commitment in get_args(Commitment):
        if after == commitment:
            return AskedOption(text, "rent", before, commitment=commitment)
    raise ConfigError(f"option {text!r}: {after!r} is no way of renting; accepted: {', '.join(get_args(Commitment))}")


def read(text: str, *, name: str = "scenario") -> Scenario:
    """Return the scenario of a TOML text.

    Args:
        text: of the file.
        name: of the file, for messages.

    Raises:
        ConfigError: no TOML, an unknown key, a wrong type or a value that is not accepted; the message says where.
    """
    try:
        tables = tomllib.loads(text.removeprefix("\ufeff"))  # editors on Windows begin so
    except (ValueError, RecursionError) as e:  # ValueError: also a number with too many digits
        raise ConfigError(f"{name}: not TOML: {e}; `aiwire tco --save-scenario FILE` writes one to start from") from e
    try:
        return _scenario(tables)
    except ConfigError as e:
        raise ConfigError(f"{name}: {e}") from e


def _scenario(tables: Mapping[str, Any]) -> Scenario:
    _known("the file", tables, ("scenario", "inputs", "options"))
    plain = _table("[scenario]", tables.get("scenario", {}))
    _known("[scenario]", plain, (*_TEXTS, *_SHORT, "compare"))
    figures = _common_figures(_table("[inputs]", tables.get("inputs", {})))
    if twice := [short for short, full in _SHORT.items() if short in plain and full in figures]:
        raise ConfigError(f"{twice[0]} is given in [scenario] and, as {_SHORT[twice[0]]}, in [inputs]: leave one out")
    compare = _compare(plain.get("compare", []))
    own = {
        key: _table(f'[options."{key}"]', value)
        for key, value in _table("[options]", tables.get("options", {})).items()
    }
    if compare:
        _known("[options]", own, compare)
    for option, table in own.items():
        figures |= _option_figures(option, table)
    count = _number(plain, "count")
    return Scenario(
        **{key: _text(key, plain[key]) for key in _TEXTS if key in plain},
        count=None if count is None else int(count),
        years=_number(plain, "years"),
        utilisation=_number(plain, "utilisation"),
        compare=compare,
        figures=figures,
        options={option: said for option, table in own.items() if (said := _own_option(option, table)) != OwnOption()},
    )


def _known(where: str, keys: Iterable[str], known: Iterable[str]) -> None:
    known = tuple(known)
    for key in keys:
        if key not in known:
            near = get_close_matches(key, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(known)}"
            raise ConfigError(f"{where} has no key {key!r}; {hint}")


def _table(where: str, value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ConfigError(f"{where} is {value!r}; accepted is a table")
    return value


def _text(key: str, value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ConfigError(f"{key} is {value!r}; accepted is a text")
    if key == "country" and not _COUNTRY.fullmatch(value):
        raise ConfigError(f"country is {value!r}; accepted is its code of two capital letters, as DE (ISO 3166-1)")
    return value


def _number(table: Mapping[str, Any], key: str) -> float | None:
    """Return a figure that has a short name in [scenario], in the unit of that name; None: not given."""
    value = table.get(key)
    if value is None:
        return None
    try:
        checked({_SHORT[key]: value * 12 if key == "years" and type(value) in (int, float) else value})
    except ConfigError as e:
        raise ConfigError(f"{key} is {value!r}: {e}") from e
    return float(value)


def _compare(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
        raise ConfigError(f'compare is {value!r}; accepted is a list of options, as ["buy", "aws"]')
    for entry in value:
        asked(entry)
        if value.count(entry) > 1:
            raise ConfigError(f"compare has {entry!r} twice: leave one out")
    return tuple(value)


def _own_option(option: str, table: Mapping[str, Any]) -> OwnOption:
    kind, gpus = table.get("kind"), table.get("instance_gpus")
    if kind is not None and kind not in ("rent", "api"):
        raise ConfigError(f'[options."{option}"] kind is {kind!r}; accepted: rent, api')
    named = asked(option).kind
    if kind is not None and named not in ("rent", kind):
        raise ConfigError(f'[options."{option}"] kind is {kind}, but the name says {named}: give it another name')
    if gpus is not None and not is_instance_size(gpus):
        raise ConfigError(
            f'[options."{option}"] instance_gpus is {gpus!r}; accepted is a whole number from 1 to {LARGEST_INSTANCE}'
        )
    return OwnOption(kind, gpus)


def _common_figures(table: Mapping[str, Any]) -> dict[str, Figure]:
    for key in table:
        option, _, name = key.rpartition(".")
        if option and name in INPUTS:
            raise ConfigError(f'[inputs] has {key!r}; give it as {name} under [options."{option}"]')
    return {key: _figure(key, value) for key, value in table.items()}


def _option_figures(option: str, table: Mapping[str, Any]) -> dict[str, Figure]:
    kind = table.get("kind", asked(option).kind)
    names = [name for name, spec in INPUTS.items() if spec.scope == kind]
    _known(f'[options."{option}"]', table, ("kind", "instance_gpus", *names))
    return {f"{option}.{name}": _figure(f"{option}.{name}", table[name]) for name in names if name in table}


def _figure(key: str, value: object) -> Figure:
    table: dict[str, Any] = value if isinstance(value, dict) else {"mid": value}
    _known(f"input {key}", table, _FIGURE_KEYS)
    if "mid" not in table:
        raise ConfigError(f"input {key} has no mid; accepted is a number, or {{low, mid, high, source, date}}")
    low, mid, high = (checked({key: table.get(end, table["mid"])})[key] for end in ("low", "mid", "high"))
    if not low <= mid <= high:
        raise ConfigError(
            f"input {key} is {low:.12g}, {mid:.12g}, {high:.12g}; accepted is low, mid, high in rising order"
        )
    source = _text(f"source of input {key}", table["source"]) if "source" in table else None
    return Figure(low, mid, high, source, _date(key, table["date"]) if "date" in table else None)


def _date(key: str, value: object) -> str:
    """Return a date in ISO form, given as TOML's own or as a text."""
    try:
        found = value if isinstance(value, date) else date.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        found = None
    if found is None or isinstance(found, datetime):
        raise ConfigError(f"date of input {key} is {value!r}; accepted is a day, as 2026-01-31")
    return found.isoformat()


def dump(scenario: Scenario) -> str:
    """Return a scenario as TOML, which `read` turns into an equal one."""
    plain = {key: getattr(scenario, key) for key in (*_TEXTS, *_SHORT)} | {"compare": list(scenario.compare) or None}
    options: dict[str, dict[str, Any]] = {
        name: {"kind": one.kind, "instance_gpus": one.instance_gpus} for name, one in scenario.options.items()
    }
    inputs: dict[str, Any] = {}
    for key, figure in scenario.figures.items():
        option, _, name = key.rpartition(".")
        (options.setdefault(option, {}) if option else inputs)[name] = _figure_value(figure)
    tables = {"scenario": plain, "inputs": inputs, "options": {key: _without_none(one) for key, one in options.items()}}
    return tomlkit.dumps({key: said for key, table in tables.items() if (said := _without_none(table))})


def _figure_value(figure: Figure) -> Any:
    """Return a number where that says all, else an inline table."""
    if figure == Figure(figure.mid, figure.mid, figure.mid):
        return figure.mid
    table = tomlkit.inline_table()
    values = {key: getattr(figure, key) for key in _FIGURE_KEYS}
    table.update(_without_none(values | {"date": date.fromisoformat(figure.date) if figure.date else None}))
    return table


def _without_none(table: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in table.items() if value is not None}
