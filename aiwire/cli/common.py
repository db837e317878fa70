"""What every command shares: options, the clock, opening the database, the console."""

from __future__ import annotations

import gzip
import io
import json
import logging
import os
import sys
import unicodedata
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar, cast

import click

from aiwire.config import Settings, find_config, load_settings
from aiwire.exceptions import ConfigError, InputError
from aiwire.types import parse_iso

if TYPE_CHECKING:
    from rich.console import Console

__all__ = [
    "ISO_MOMENT",
    "MAX_INPUT_BYTES",
    "Context",
    "common_options",
    "console",
    "print_json",
    "print_json_line",
    "printable",
    "read_input",
    "read_json_lines",
    "read_text",
    "read_url_map",
    "tagger_options",
    "warn",
]

MAX_INPUT_BYTES = 128 * 1024 * 1024  # of one input file after decompression: a bomb must not fill the memory

EARLIEST, LATEST = 1990, 2100  # years that --now may be in
GZIP_MAGIC = b"\x1f\x8b"
_UNSAFE = frozenset(["Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"])  # Unicode categories: a terminal may obey them

F = TypeVar("F", bound=Callable[..., Any])


class _IsoMoment(click.ParamType[datetime]):
    name = "ISO time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        if isinstance(value, datetime):
            return value
        try:
            moment = parse_iso(value)
            if not EARLIEST <= moment.year <= LATEST:
                self.fail(f"{value!r} is not between the years {EARLIEST} and {LATEST}", param, ctx)
            return moment
        except (ValueError, OverflowError):
            self.fail(f"{value!r} is no ISO 8601 time such as 2026-11-23T06:00:00Z", param, ctx)


ISO_MOMENT = _IsoMoment()


class Context:
    """The settings of this call and its clock: both read once, when first asked for, and the clock nowhere else."""

    def __init__(
        self,
        load: Callable[[], Settings],
        *,
        given_now: datetime | None,
        given_db: Path | None,
        given_gazetteer: tuple[Path, ...],
        config: Callable[[], Path | None],
    ) -> None:
        self._load = load
        self._config = config
        self.given_now = given_now
        self.given_db = given_db
        self.given_gazetteer = given_gazetteer

    @cached_property
    def settings(self) -> Settings:
        """Raises ConfigError; so a filter that needs no settings does not stumble over a broken file."""
        return self._load()

    @cached_property
    def config(self) -> Path | None:
        """The settings file; None: there is none. Raises ConfigError."""
        return self._config()

    @cached_property
    def now(self) -> datetime:
        return self.given_now or datetime.now(UTC).replace(microsecond=0)

    def with_(self, *, settings: Settings, now: datetime) -> Context:
        """Return a context with these settings at that time."""
        return Context(
            lambda: settings,
            given_now=now,
            given_db=self.given_db,
            given_gazetteer=self.given_gazetteer,
            config=self._config,
        )


def common_options(command: F) -> F:
    """Add --db, --config, --now and -v, and hand the command a `Context` as its first argument."""

    @click.option("--db", type=click.Path(path_type=Path, dir_okay=False), help="Database file [default: news.db].")
    @click.option(
        "--config", type=click.Path(path_type=Path), help="Settings file [default: ./aiwire.toml, then the user's]."
    )
    @click.option("--now", type=ISO_MOMENT, help="Take this as the present time, for example 2026-11-23T06:00:00Z.")
    @click.option("-v", "--verbose", count=True, help="Log events to stderr; -vv for all of them.")
    @click.pass_context
    def wrapper(
        ctx: click.Context, /, db: Path | None, config: Path | None, now: datetime | None, verbose: int, **kwargs: Any
    ) -> Any:
        _configure_logging(verbose)
        overrides = {"db": db} | {name: kwargs[name] for name in ("sources", "port") if name in kwargs}
        overrides["spacy_model"] = kwargs.pop("spacy_model", None)
        gazetteer: tuple[Path, ...] = kwargs.pop("gazetteer", ())
        if config is not None:
            find_config(config, folder=Path())  # a file that was named must be there, whether it is needed or not

        def find() -> Path | None:
            return find_config(config, folder=Path())

        def load() -> Settings:
            settings = load_settings(find(), environ=os.environ, overrides=overrides)
            return replace(settings, gazetteer=_once(settings.gazetteer + gazetteer))

        context = Context(load, given_now=now, given_db=db, given_gazetteer=gazetteer, config=find)
        return ctx.invoke(command, context, **kwargs)

    wrapper.__name__ = command.__name__
    wrapper.__doc__ = command.__doc__
    return wrapper  # type: ignore[return-value]  # click's decorators erase the signature


def _once(paths: Iterable[Path]) -> tuple[Path, ...]:
    """Return each file once: those of the settings may be named again on the command line."""
    return tuple({path.resolve(): path for path in paths}.values())


def tagger_options(command: F) -> F:
    """Add what changes the tagger's knowledge for this call; it is in the settings that the command gets.

    Below it stands `common_options`.
    """
    gazetteer = click.option(
        "--gazetteer",
        type=click.Path(path_type=Path, dir_okay=False),
        multiple=True,
        help="A file of your own names and theme terms, over those of the settings (may be repeated).",
    )
    model = click.option(
        "--spacy-model", help="An installed spaCy model (name or folder) that proposes names for review."
    )
    return gazetteer(model(command))


def _configure_logging(verbose: int) -> None:
    logging.basicConfig(stream=sys.stderr, level=logging.ERROR, format="aiwire: %(name)s: %(message)s", force=True)
    level = (logging.WARNING, logging.INFO, logging.DEBUG)[min(verbose, 2)]
    for ours in ("aiwire", "ingest", "nlp", "db"):
        logging.getLogger(ours).setLevel(level)
    for noisy in ("trafilatura", "htmldate", "readability"):
        logging.getLogger(noisy).setLevel(logging.CRITICAL)


def console(*, stderr: bool = True) -> Console:
    """Return a rich console. Progress and messages go to stderr, so that stdout stays a clean filter.

    Text is never markup: much of what is shown was written by strangers.
    """
    from rich.console import Console

    return Console(stderr=stderr, highlight=False, soft_wrap=False, markup=False, emoji=False)


def printable(text: str, *, keep: str = "") -> str:
    """Return `text` with everything a terminal could obey, or that hides or turns text, as an escape (`\\x1b`).

    Args:
        text: from anywhere.
        keep: control characters that are left as they are.
    """
    return "".join(
        char if char in keep or unicodedata.category(char) not in _UNSAFE else _escaped(char) for char in text
    )


def _escaped(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")


def warn(message: str) -> None:
    """Print one line on stderr, whatever `message` holds."""
    click.echo("aiwire: " + " ".join(message.split()), err=True)


def print_json(value: Any) -> None:
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))


def print_json_line(value: Any) -> None:
    click.echo(json.dumps(value, ensure_ascii=False))


@contextmanager
def _opened(name: str) -> Iterator[BinaryIO]:
    """Open a file, or stdin for `-`, for reading; gzip is opened whatever the file is called.

    Raises:
        InputError: it cannot be read or is broken gzip, then or while the block reads.
    """
    if name == "-" and sys.stdin is None:
        raise InputError("-: standard input is closed")
    try:
        with nullcontext(sys.stdin.buffer) if name == "-" else Path(name).open("rb") as raw:
            file = cast(io.BufferedReader, raw)  # which both are
            packed = file.peek(2).startswith(GZIP_MAGIC)
            yield cast(BinaryIO, gzip.GzipFile(fileobj=file)) if packed else file
    except OSError as e:  # gzip.BadGzipFile is one
        raise InputError(f"{name}: cannot be read: {e.strerror or e}") from e
    except (EOFError, zlib.error) as e:
        raise InputError(f"{name}: broken gzip: {e}") from e


def read_input(name: str) -> bytes:
    """Return the bytes of a file, or of stdin for `-`.

    Raises:
        InputError: it cannot be read, is broken gzip, or is larger than `MAX_INPUT_BYTES`.
    """
    with _opened(name) as file:
        data = file.read(MAX_INPUT_BYTES + 1)
    if len(data) > MAX_INPUT_BYTES:
        raise InputError(f"{name}: larger than {MAX_INPUT_BYTES >> 20} MiB; split it")
    return data


def read_text(name: str) -> str:
    """Return a UTF-8 text file, or stdin for `-`.

    Raises:
        InputError: as `read_input`, or it is not UTF-8.
    """
    try:
        return read_input(name).decode("utf-8")
    except UnicodeDecodeError as e:
        raise InputError(f"{name}: is not UTF-8: {e}") from e


def read_json_lines(name: str) -> Iterator[tuple[int, dict[str, Any] | InputError]]:
    """Yield line number and object of each line of a JSON Lines file as it is read; a bad line is an InputError value.

    Raises:
        InputError: the file cannot be read, or a line is larger than `MAX_INPUT_BYTES`.
    """
    with _opened(name) as file:
        for number, line in enumerate(iter(lambda: file.readline(MAX_INPUT_BYTES + 1), b""), start=1):
            if len(line) > MAX_INPUT_BYTES:
                raise InputError(f"{name}:{number}: a line larger than {MAX_INPUT_BYTES >> 20} MiB")
            if line.strip():
                yield number, _json_object(line, f"{name}:{number}")


def _json_object(line: bytes, where: str) -> dict[str, Any] | InputError:
    try:
        value = json.loads(line, parse_constant=_no_constant)
    except (ValueError, RecursionError) as e:
        return InputError(f"{where}: not a JSON object: {e}")
    return (
        value
        if isinstance(value, dict)
        else InputError(f"{where}: a JSON object is wanted, not {type(value).__name__}")
    )


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def read_url_map(path: Path | None) -> dict[str, str]:
    """Return file name -> URL of a two-column tab-separated file.

    Raises:
        ConfigError: it cannot be read, or a line has no tab.
    """
    if path is None:
        return {}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as e:
        raise ConfigError(f"{path}: cannot be read: {e}") from e
    pairs: dict[str, str] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        name, tab, url = line.partition("\t")
        if not tab:
            raise ConfigError(f"{path}:{number}: a file name, a tab and a URL are wanted")
        pairs[name] = url.split("\t", 1)[0].strip()
    return pairs
