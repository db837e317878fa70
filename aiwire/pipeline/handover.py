"""Hand digests over: into files, to a command, to a webhook. Whatever goes wrong is a value: other deliveries go on."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlite_utils import Database

from aiwire.digest import as_atom, as_json, file_json, file_text, newest
from aiwire.exceptions import ConfigError, FetchError
from db.files import write_atomically
from db.watches import Batch, Delivery, Watch, newest_batches
from ingest.http.guard import Guard
from ingest.http.limits import FetchLimits
from ingest.http.webhook import post_json, shown

__all__ = ["FILE_ITEMS", "FILE_KINDS", "Means", "hand_over", "shown_target", "write_file"]

FILE_ITEMS = 200  # the newest, that a file holds
FILE_KINDS = ("atom", "json-file", "text-file")
COMMAND_S = 60.0
_LAST_BYTES = 4096  # of what a command that failed had to say
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")  # in the URL of a webhook


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What deliveries need besides a batch."""

    user_agent: str
    limits: FetchLimits
    guard: Guard
    proxy: str | None = None
    environ: Mapping[str, str]
    command_s: float = COMMAND_S


def hand_over(db: Database, watch: Watch, delivery: Delivery, batch: Batch, means: Means) -> str | None:
    """Deliver a batch and return what went wrong, None if it is delivered."""
    match delivery.kind:
        case "command":
            return _run(delivery.target, batch, means)
        case "webhook":
            return _post(delivery.target[0], batch, means)
        case _:
            return write_file(db, watch, delivery, up_to=batch.number)


def shown_target(delivery: Delivery) -> str:
    """Return where a delivery goes, without what may be a secret of it."""
    if delivery.kind == "webhook":
        return shown(delivery.target[0])
    return delivery.target[0]


# ---------------------------------------------------------------- files


def write_file(db: Database, watch: Watch, delivery: Delivery, *, up_to: int | None = None) -> str | None:
    """Write a file anew from the stored batches, so that writing it twice changes nothing; return what went wrong."""
    batches = newest(newest_batches(db, watch.name, items=FILE_ITEMS, up_to=up_to), FILE_ITEMS)
    match delivery.kind:
        case "atom":
            text = as_atom(watch.name, batches, updated=watch.made_at)
        case "json-file":
            text = json.dumps(file_json(watch.name, batches), ensure_ascii=False, indent=2) + "\n"
        case _:
            text = file_text(watch.name, batches)
    try:
        write_atomically(Path(delivery.target[0]), lambda out: out.write(text))
    except ConfigError as e:
        return str(e)
    return None


# ---------------------------------------------------------------- commands


def _run(argv: Sequence[str], batch: Batch, means: Means) -> str | None:
    """Run a command with the digest on its standard input; exit status 0 is delivered.

    Files and no pipes: a command that reads nothing, or leaves a process behind, holds nobody up.
    """
    environ = {**means.environ, "AIWIRE_BATCH": batch.id, "AIWIRE_WATCH": batch.watch}
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as said:
        given.write(json.dumps(as_json(batch), ensure_ascii=False).encode("utf-8", "replace") + b"\n")
        given.seek(0)
        try:
            process = subprocess.Popen(  # noqa: S603  # the user's own command, without a shell
                argv, stdin=given, stdout=subprocess.DEVNULL, stderr=said, env=environ, start_new_session=True
            )
        except (OSError, ValueError) as e:
            why = e.strerror if isinstance(e, OSError) else "it has a NUL character"
            return f"{argv[0]} cannot be started: {why}; name a program that this user may run, with its path"
        try:
            status = process.wait(means.command_s)
        except subprocess.TimeoutExpired:
            return f"{argv[0]} was not done within {means.command_s:g} s"
        finally:
            _end(process)
        return None if status == 0 else f"{argv[0]} {_ended(status)}{_last_words(said.fileno())}"


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a command that still runs, and all that it has started."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)  # it leads a group of its own
        process.wait()


def _ended(status: int) -> str:
    return f"ended with exit status {status}" if status > 0 else f"was ended by signal {-status}"


def _last_words(file: int) -> str:
    """Return the last line that a command wrote to its standard error."""
    size = os.fstat(file).st_size
    lines = os.pread(file, _LAST_BYTES, max(0, size - _LAST_BYTES)).decode("utf-8", "replace").split("\n")
    words = next((line.strip() for line in reversed(lines) if line.strip()), "")
    return f": {words[-200:]}" if words else ""


# ---------------------------------------------------------------- webhooks


def _post(url: str, batch: Batch, means: Means) -> str | None:
    missing = [name for name in _VARIABLE.findall(url) if name not in means.environ]
    if missing:
        return f"{shown(url)}: the environment has no {missing[0]}; set it where `aiwire watch run` is called"
    try:
        post_json(
            _VARIABLE.sub(lambda found: means.environ[found[1]], url),
            as_json(batch),
            user_agent=means.user_agent,
            limits=means.limits,
            guard=means.guard,
            headers={"Idempotency-Key": batch.id},
            proxy=means.proxy,
        )
    except FetchError as e:
        return f"{shown(url)}: {e.message}"  # not the address it was sent to: it holds keys of the environment
    except ConfigError as e:
        return str(e)
    return None
