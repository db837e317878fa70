"""Which shards a job has: files, folders, globs, addresses and lists of them, each looked at once."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from hashlib import blake2b
from pathlib import Path
from urllib.parse import urljoin

from aiwire.archive.values import Shard
from aiwire.exceptions import ConfigError, InputError, TryLater
from ingest.archive.opening import describe, expand

__all__ = ["shard_key", "shards_of"]

_ASKING = 16  # servers' answers waited for at once
_NAME_CHARS = 100  # of a key; with the version and the name of a process it must stay a name of a file
_KEY_BYTES = 5  # eight digits of base 32
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_DIGITS = "abcdefghijklmnopqrstuvwxyz234567"  # RFC 4648, in lower case


def shards_of(arguments: Sequence[str], *, base: str | None = None, storage: Mapping[str, str]) -> list[Shard]:
    """Return the shards that the arguments of a command name, in their order, each once.

    A file that is not there, or a server that does not answer, is a shard all the same: one without fingerprint, which
    fails with its reason when it is read. A long job must not end for one of its files.

    Args:
        arguments: files, folders, globs, s3:// and https:// addresses, lists of paths (`@FILE`, `….paths.gz`).
        base: what the relative lines of a list are below.
        storage: options for fsspec.

    Raises:
        ConfigError: a folder or pattern has no file, or an option is unknown.
        InputError, TryLater: a list or folder cannot be read.
    """
    urls = dict.fromkeys(_below(url, base) for argument in arguments for url in expand(argument, storage))
    if not urls:
        raise ConfigError("no shards: name files, a folder that holds some, or a list with @FILE")
    with ThreadPoolExecutor(_ASKING, thread_name_prefix="aiwire-plan") as threads:
        shards = list(threads.map(partial(_shard, storage=storage), urls))
    _check_keys(shards)
    return shards


def shard_key(url: str) -> str:
    """Return the key of a shard: its file name and eight digits of a hash of its address."""
    name = _UNSAFE.sub("_", url.partition("?")[0].rstrip("/").rpartition("/")[2])[-_NAME_CHARS:].lstrip(".")
    number = int.from_bytes(blake2b(url.encode("utf-8", "surrogateescape"), digest_size=_KEY_BYTES).digest())
    digits = "".join(_DIGITS[number >> shift & 31] for shift in range(0, 8 * _KEY_BYTES, 5))
    return f"{name}-{digits}" if name else digits


def _below(url: str, base: str | None) -> str:
    """Return an absolute address: a relative one is below `base`, or else a path of this machine."""
    if "://" in url:
        return url
    if base is not None and "://" in base and not Path(url).is_absolute():
        return urljoin(base if base.endswith("/") else f"{base}/", url)
    return str((Path(base or ".") / url).absolute())


def _shard(url: str, storage: Mapping[str, str]) -> Shard:
    try:
        file = describe(url, storage)
    except (InputError, TryLater, OSError):
        return Shard(shard_key(url), url, None, "")
    return Shard(shard_key(url), url, file.size, file.fingerprint)


def _check_keys(shards: Sequence[Shard]) -> None:
    seen: dict[str, Shard] = {}
    for shard in shards:
        if (other := seen.setdefault(shard.key, shard)) is not shard:
            raise ConfigError(f"{shard.url} and {other.url} have the same key {shard.key}; rename one of them")
