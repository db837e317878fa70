"""Settings: one frozen value, read once by the command line and passed down.

Order: command line over environment (`AIWIRE_<NAME>`) over `aiwire.toml` over the defaults below.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, get_args
from urllib.parse import urlsplit

import platformdirs

from aiwire.exceptions import ConfigError
from aiwire.types.sources import TextPolicy

__all__ = [
    "CONFIG_NAME",
    "GAZETTEER_NAME",
    "Settings",
    "exports_folder",
    "find_config",
    "load_settings",
    "own_gazetteer",
]

OptOuts = Literal["record", "obey", "strict"]
CONFIG_NAME = "aiwire.toml"
GAZETTEER_NAME = "gazetteer.jsonl"
PREFIX = "AIWIRE_"  # of environment variables


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything a user may set. Units are in the names; paths in a file are relative to that file."""

    db: Path = Path("news.db")
    sources: Path = Path("sources.toml")
    contact: str = ""  # e-mail or URL in the User-Agent, so that a publisher can reach you
    base_url: str = ""  # where `aiwire serve` is reached, for links in exports; empty: http://127.0.0.1:<port>
    port: int = 8001
    check_every_minutes: int = 60  # per source, unless it says `every_minutes`
    full_text_below_words: int = 200  # a feed text shorter than this has its page fetched
    pages_per_run: int = 300  # full pages fetched in one run; the rest stays for the next
    concurrency: int = 16  # requests under way at once, one per host
    host_gap_s: float = 1.0  # least time between the starts of two requests to one host
    max_per_lane: int = 30  # requests to one host in one run, of feeds and of pages each
    allow_hosts: tuple[str, ...] = ()  # own hosts, addresses or networks inside, which are refused else
    proxy: str = ""  # of the outside world: http://host:port
    opt_outs: OptOuts = "obey"  # publishers' reservations against text and data mining: record, obey or strict
    gazetteer: tuple[Path, ...] = ()  # own files of names and theme terms; if none is named: `own_gazetteer`, if there
    exports: Path = Path()  # folder that every export is kept in; if none is named: beside the database
    excerpt_chars: int = 300  # quoted of a sentence in exports, unless its source says otherwise; 0: nothing
    text_policy: TextPolicy = "excerpt"  # what of a text `aiwire publish` hands on, unless its source says otherwise
    # where `aiwire reference refresh` asks for prices: both catalogues keep a file for each cloud
    gpuhunt_url: str = "https://dstack-gpu-pricing.s3.eu-west-1.amazonaws.com/v3"
    gpuhunt_catalogs: tuple[str, ...] = (
        "aws", "azure", "gcp", "lambdalabs", "nebius", "oci", "runpod", "verda", "cloudrift",
    )  # fmt: skip
    skypilot_url: str = "https://raw.githubusercontent.com/skypilot-org/skypilot-catalog/master/catalogs"
    # VERSION/CLOUD: clouds that gpuhunt lacks; a cloud may stand in one of both lists only
    skypilot_catalogs: tuple[str, ...] = ("v9/vast", "v9/cudo", "v8/hyperstack", "v8/jarvislabs", "v9/shadeform")
    price_lists: tuple[str, ...] = ()  # own CSV files on the network: "NAME TABLE URL" each
    spacy_model: str = ""  # name or folder of an installed spaCy model that proposes names for review; empty: none
    parse_timeout_s: float = 30.0  # for one document
    parse_workers: int = 0  # processes that parse; 0: one less than the machine has cores, at least one
    connect_timeout_s: float = 10.0
    read_timeout_s: float = 20.0
    total_timeout_s: float = 60.0
    max_wire_mib: float = 8.0  # of one answer as received
    max_body_mib: float = 15.0  # of one answer after decoding


_RANGES: dict[str, tuple[float, float]] = {
    "port": (1, 65535),
    "check_every_minutes": (1, 7 * 24 * 60),
    "full_text_below_words": (0, 100_000),
    "pages_per_run": (0, 1_000_000),
    "excerpt_chars": (0, 100_000),
    "concurrency": (1, 256),
    "host_gap_s": (0, 3600),
    "max_per_lane": (1, 100_000),
    "parse_timeout_s": (0.1, 3600),
    "parse_workers": (0, 64),
    "connect_timeout_s": (0.1, 600),
    "read_timeout_s": (0.1, 600),
    "total_timeout_s": (0.1, 3600),
    "max_wire_mib": (0.01, 1024),
    "max_body_mib": (0.01, 1024),
}

_PATHS = frozenset(("gazetteer",))
_CHOICES: dict[str, tuple[str, ...]] = {"opt_outs": get_args(OptOuts), "text_policy": get_args(TextPolicy)}
_MAY_BE_EMPTY = frozenset(["base_url", "proxy"])
_URLS = {  # setting -> an example
    "base_url": "https://news.example.org",
    "proxy": "http://proxy.example.org:3128",
    "gpuhunt_url": "https://prices.example.org/v3",
    "skypilot_url": "https://prices.example.org/catalogs",
}
_PRICE_TABLES = (
    "accelerator_facts", "cloud_prices", "hardware_prices", "api_prices", "electricity_prices", "grid_carbon",
    "tco_defaults", "model_shapes",
)  # fmt: skip
_OWN_ORIGINS = frozenset(["shipped", "skypilot", "gpuhunt", "import"])  # a price list of this name would pass for them
_PARTS_OF_LISTS = {  # setting -> what each of its texts looks like, and in words
    "gpuhunt_catalogs": (re.compile(r"[a-z0-9][a-z0-9_-]{0,39}"), "the name of a provider, such as 'aws'"),
    "skypilot_catalogs": (
        re.compile(r"v[0-9]{1,3}/[a-z0-9][a-z0-9_-]{0,39}"),
        "a version and a cloud, such as 'v9/vast'",
    ),
    "price_lists": (
        re.compile(r"[a-z0-9][a-z0-9_-]{0,39} [a-z_]+ https?://[!-~]+"),
        "'NAME TABLE URL', such as 'ours cloud_prices https://intranet.example.org/gpu.csv'",
    ),
}


def find_config(explicit: Path | None, *, folder: Path) -> Path | None:
    """Return the settings file to read: `explicit`, else `aiwire.toml` in `folder`, else in the user's config folder.

    Raises:
        ConfigError: `explicit` is not a file.
    """
    if explicit is not None:
        if not explicit.is_file():
            raise ConfigError(f"{explicit}: no such settings file; `aiwire init` writes one")
        return explicit
    for candidate in (folder / CONFIG_NAME, platformdirs.user_config_path("aiwire") / CONFIG_NAME):
        if candidate.is_file():
            return candidate
    return None


def own_gazetteer(config: Path | None) -> Path:
    """Return the user's file of names where none is named: beside the settings file, else in the current folder."""
    return (config.parent if config is not None else Path()) / GAZETTEER_NAME


def exports_folder(settings: Settings) -> Path:
    """Return the folder that every export is kept in: the one that is set, else `news-exports` beside `news.db`."""
    return settings.db.with_name(f"{settings.db.stem}-exports") if settings.exports == Path() else settings.exports


def load_settings(config: Path | None, *, environ: Mapping[str, str], overrides: Mapping[str, Any]) -> Settings:
    """Return the settings of the file `config` (None: defaults), the environment and the command line's `overrides`.

    Values of `overrides` that are None were not given.

    Raises:
        ConfigError: an unknown key, a wrong type or a value out of range; the message names where.
    """
    settings = Settings()
    if config is not None:
        settings = _apply(settings, _read_toml(config), origin=str(config), folder=config.parent)
    from_env = {
        key.removeprefix(PREFIX).lower(): value for key, value in environ.items() if key.startswith(PREFIX) and value
    }
    settings = _apply(settings, from_env, origin="environment", text=True)
    settings = _apply(settings, {k: v for k, v in overrides.items() if v is not None}, origin="command line")
    if not settings.gazetteer and (own := own_gazetteer(config)).is_file():
        settings = replace(settings, gazetteer=(own,))
    return settings if settings.base_url else replace(settings, base_url=f"http://127.0.0.1:{settings.port}")


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as e:
        raise ConfigError(f"{path}: cannot be read: {e}") from e
    except (tomllib.TOMLDecodeError, RecursionError) as e:
        raise ConfigError(f"{path}: not valid TOML: {e}") from e


def _apply(
    settings: Settings, values: Mapping[str, Any], *, origin: str, folder: Path | None = None, text: bool = False
) -> Settings:
    known = {f.name: f for f in fields(Settings)}
    changes: dict[str, Any] = {}
    for key, value in values.items():
        if key not in known:
            near = get_close_matches(key, known, n=1)
            hint = f", did you mean '{near[0]}'?" if near else f"; known keys: {', '.join(known)}"
            raise ConfigError(f"{origin}: unknown setting '{key}'{hint}")
        changes[key] = _converted(key, value, type(getattr(Settings(), key)), origin, folder, text=text)
    return replace(settings, **changes)


def _converted(key: str, value: Any, kind: type, origin: str, folder: Path | None, *, text: bool) -> Any:
    if isinstance(value, Path):
        return value
    if issubclass(kind, Path):
        if not isinstance(value, str) or not value:
            raise ConfigError(f"{origin}: '{key}' wants a path, not {value!r}")
        return _path(value, folder)
    if kind is tuple:
        texts = _texts(key, value, origin, text=text)
        return tuple(_path(part, folder) for part in texts) if key in _PATHS else _checked_parts(key, texts, origin)
    if kind is str:
        return _text(key, value, origin)
    number = _number(key, value, kind, origin, text=text)
    low, high = _RANGES[key]
    if not low <= number <= high:
        raise ConfigError(f"{origin}: '{key}' = {number:g} is out of range, it may be {low:g} to {high:g}")
    return number


def _path(value: str | Path, folder: Path | None) -> Path:
    path = Path(value).expanduser()
    return folder / path if folder and not path.is_absolute() else path


def _text(key: str, value: Any, origin: str) -> str:
    if not isinstance(value, str):
        raise ConfigError(f"{origin}: '{key}' wants a text in quotes, not {value!r}")
    choices = _CHOICES.get(key)
    if choices and value not in choices:
        raise ConfigError(f"{origin}: '{key}' must be one of {', '.join(choices)}, not {value!r}")
    if key in _URLS and (value or key not in _MAY_BE_EMPTY):
        return _checked_url(key, value, origin)
    return _checked_header(key, value, origin)


def _texts(key: str, value: Any, origin: str, *, text: bool) -> tuple[str, ...]:
    """Return a list of texts; in the environment they are parted by commas."""
    if text:
        value = [part.strip() for part in value.split(",") if part.strip()]
    if isinstance(value, tuple):
        return value
    if not isinstance(value, list) or not all(isinstance(part, str) and part for part in value):
        raise ConfigError(f"{origin}: '{key}' wants a list of texts, such as [\"10.0.0.5\"], not {value!r}")
    return tuple(value)


def _checked_parts(key: str, texts: tuple[str, ...], origin: str) -> tuple[str, ...]:
    """Return the texts of a list, each in the form that its setting wants."""
    if key in _PARTS_OF_LISTS:
        form, wanted = _PARTS_OF_LISTS[key]
        for text in texts:
            if not form.fullmatch(text):
                raise ConfigError(f"{origin}: '{key}' wants {wanted}, not {text!r}")
    if key == "price_lists":
        _check_price_lists(texts, origin)
    return texts


def _check_price_lists(lines: tuple[str, ...], origin: str) -> None:
    names = [line.split()[0] for line in lines]
    for line in lines:
        name, table, _ = line.split()
        if table not in _PRICE_TABLES:
            raise ConfigError(f"{origin}: 'price_lists': no table '{table}', there are {', '.join(_PRICE_TABLES)}")
        if name in _OWN_ORIGINS:
            raise ConfigError(f"{origin}: 'price_lists': the name '{name}' is taken, choose another")
        if names.count(name) > 1:
            raise ConfigError(f"{origin}: 'price_lists': two lists are called '{name}', choose another name for one")


def _number(key: str, value: Any, kind: type, origin: str, *, text: bool) -> int | float:
    wanted = "a whole number" if kind is int else "a number"
    if text:
        try:
            return int(value) if kind is int else float(value)
        except ValueError as e:
            raise ConfigError(f"{origin}: AIWIRE_{key.upper()} wants {wanted}, not {value!r}") from e
    if isinstance(value, bool) or not isinstance(value, int if kind is int else (int, float)):
        raise ConfigError(f"{origin}: '{key}' wants {wanted}, not {value!r}")
    return int(value) if kind is int else float(value)


def _checked_url(key: str, value: str, origin: str) -> str:
    try:
        parts = urlsplit(value)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        usable = False
    if not usable:
        raise ConfigError(f"{origin}: '{key}' wants an address such as {_URLS[key]}, not {value!r}")
    return value.rstrip("/")


def _checked_header(key: str, value: str, origin: str) -> str:
    if not value.isascii() or not value.isprintable():
        raise ConfigError(f"{origin}: '{key}' goes into an HTTP header: plain ASCII on one line, not {value!r}")
    return value
