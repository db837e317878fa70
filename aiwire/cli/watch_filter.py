"""What the options of `aiwire watch add` say: a filter and deliveries, checked; and a filter in words."""

from __future__ import annotations

import re
import shlex
import shutil
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from aiwire.cli.common import warn
from aiwire.exceptions import ConfigError, FetchError

if TYPE_CHECKING:
    from sqlite_utils import Database

    from db.watches import Delivery, DeliveryKind, Watch, WatchFilter, What

__all__ = [
    "PRICE_UNITS",
    "SIGNALS",
    "WHAT",
    "Words",
    "advise",
    "check_files",
    "check_name",
    "deliveries_of",
    "described",
    "filter_of",
]

WHAT: tuple[What, ...] = ("stories", "prices", "signals")
SIGNALS = ("rising", "falling", "flat")
PRICE_UNITS = ("gpu-hour", "instance-hour", "card", "server", "system", "month", "1M-tokens", "kwh", "other")
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?")


class Words(click.ParamType[tuple[str, ...]]):
    """Words of a list, with commas between them."""

    name = "words"

    def __init__(self, known: tuple[str, ...]) -> None:
        self.known = known

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        words = value if isinstance(value, tuple) else tuple(word.strip() for word in value.split(","))
        for word in words:
            if word not in self.known:
                self.fail(f"{word!r} is none of {', '.join(self.known)}; put commas between several", param, ctx)
        return tuple(one for one in self.known if one in words)


def check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise ConfigError(f"{name!r}: a name is of a-z, 0-9, dots, hyphens and underscores, such as gpu-prices")


def filter_of(db: Database, *, entities: tuple[str, ...], start: str, options: dict[str, Any]) -> WatchFilter:
    """Return the filter that the options say.

    Raises:
        ConfigError: an entity or a segment is not known; what is asked for does not go together.
    """
    from db.exports.selection import checked_segment
    from db.watches import WatchFilter

    _check_entities(db, entities, options["kinds"])
    words = " ".join(options["words"].split())
    if options["words"] and not any(char.isalnum() for char in words):
        raise ConfigError(f"--words {options['words']!r} has no word to look for")
    named = bool(entities or options["kinds"])
    what: tuple[What, ...] = options["what"] or (WHAT if named or not words else ("stories", "prices"))
    if words and not named and "signals" in what:
        raise ConfigError(
            "signals are of entities, not of words: name --entity or --kind, or leave signals out of --what"
        )
    for option, needed in (("price_units", "prices"), ("signals", "signals")):
        if options[option] and needed not in what:
            raise ConfigError(
                f"--{option.replace('_', '-').rstrip('s')} says something of {needed}, which --what leaves out"
            )
    return WatchFilter(
        since=start,
        entities=tuple(dict.fromkeys(entities)),
        kinds=() if entities else tuple(dict.fromkeys(options["kinds"])),
        about_only=options["about_only"],
        segment=checked_segment(db, options["segment"]),
        words=words,
        price_units=tuple(dict.fromkeys(options["price_units"])),
        what=what,
        signals=options["signals"] or (),
    )


def _check_entities(db: Database, entities: Iterable[str], kinds: Sequence[str]) -> None:
    kinds_of = dict(db.execute("SELECT id, kind FROM entities").fetchall())
    for entity in entities:
        if entity not in kinds_of:
            raise ConfigError(f"there is no entity {entity!r}; {_nearest_entity(db, entity, kinds_of)}")
        if kinds and kinds_of[entity] not in kinds:
            raise ConfigError(
                f"{entity} is a {kinds_of[entity]}: --kind {kinds[0]} leaves nothing of it; leave --kind out"
            )


def _nearest_entity(db: Database, wanted: str, ids: Iterable[str]) -> str:
    """Return the entity that was meant, by its names, else by its id."""
    names = {surface.casefold(): of for surface, of in db.execute("SELECT surface, entity_id FROM aliases")}
    names |= {name.casefold(): of for of, name in db.execute("SELECT id, name FROM entities WHERE listed = 1")}
    named = names.get(wanted.casefold())
    near = [named] if named else get_close_matches(wanted.casefold(), list(ids), n=1)
    return f"did you mean {near[0]!r}?" if near else "`aiwire export entities` lists all ids"


def deliveries_of(options: dict[str, Any]) -> tuple[Delivery, ...]:
    """Return the deliveries that the options say; a path holds wherever the command is called from.

    Raises:
        ConfigError: a folder is not there; a command or URL is none.
    """
    from db.watches import Delivery
    from ingest.http.webhook import check_url

    found: list[Delivery] = []
    files: tuple[tuple[DeliveryKind, str], ...] = (
        ("atom", "atom"), ("json-file", "json_file"), ("text-file", "text_file")
    )  # fmt: skip
    for kind, option in files:
        found += [Delivery(kind, (_path(path),)) for path in options[option]]
    for command in options["command"]:
        found.append(Delivery("command", _argv(command)))
    for url in options["webhook"]:
        try:
            check_url(url)
        except FetchError as e:
            raise ConfigError(f"--webhook: {e}") from e
        found.append(Delivery("webhook", (url.strip(),)))
    return tuple(dict.fromkeys(found))


def _path(name: str) -> str:
    path = Path(name).expanduser().absolute()
    if not path.parent.is_dir():
        raise ConfigError(f"{name}: the folder {path.parent} does not exist; make it first")
    if path.is_dir():
        raise ConfigError(f"{name}: is a folder; name a file in it")
    return str(path)


def _argv(command: str) -> tuple[str, ...]:
    try:
        argv = tuple(shlex.split(command))
    except ValueError as e:
        raise ConfigError(f"--command {command!r}: {e}; quote it as for a shell") from e
    if not argv or not argv[0]:
        raise ConfigError("--command wants a program and its arguments, such as --command 'mail -s news me'")
    return argv


def check_files(deliveries: Iterable[Delivery], there: Iterable[Watch]) -> None:
    """Refuse a file that two deliveries would write in turn."""
    from aiwire.pipeline.handover import FILE_KINDS

    taken = {one.target[0]: watch.name for watch in there for one in watch.deliveries if one.kind in FILE_KINDS}
    for one in deliveries:
        if one.kind in FILE_KINDS:
            if one.target[0] in taken:
                raise ConfigError(f"{one.target[0]}: is written by {taken[one.target[0]]}; name another file")
            taken[one.target[0]] = "another option of this watch"


def advise(said: WatchFilter, deliveries: Iterable[Delivery]) -> None:
    """Warn of what can be meant, but is unlikely to be."""
    for word in said.words.split():
        if any(unicodedata.east_asian_width(char) in "WF" for char in word):
            warn(
                f"{word}: Chinese text is indexed from one punctuation mark to the next, so this is found only where"
                " it stands between two; a watch on an entity or theme finds it anywhere"
            )
    for one in deliveries:
        if one.kind == "command" and shutil.which(one.target[0]) is None:
            warn(f"{one.target[0]}: there is no such program here now; the watch is made all the same")


def described(said: WatchFilter) -> str:
    """Return a filter in words."""
    return "; ".join(_parts(said))


def _parts(said: WatchFilter) -> Iterator[str]:
    yield ", ".join(said.what)
    if said.entities:
        yield f"of {' or '.join(said.entities)}"
    if said.kinds:
        yield f"of any {' or '.join(said.kinds)}"
    if said.about_only:
        yield "about it"
    if said.segment != "all":
        yield said.segment
    if said.words:
        yield f"with the words {said.words}"
    if said.price_units:
        yield f"prices per {' or '.join(said.price_units)}"
    if said.signals:
        yield f"signals {' or '.join(said.signals)}"
    yield f"from {said.since[:10]} on"
