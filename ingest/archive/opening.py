"""Archives wherever they lie: local files, s3:// and https://, by fsspec.

S3 is read by obstore (`obstore.fsspec`), https by fsspec's own file system on aiohttp. What is final (not there,
forbidden) is an `InputError`, what the network did a `TryLater`.
"""

from __future__ import annotations

import gzip
import io
import os
import re
import stat
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from difflib import get_close_matches
from fnmatch import fnmatchcase
from glob import glob, has_magic
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final
from urllib.parse import urlsplit

from aiwire.exceptions import AiwireError, ConfigError, InputError, TryLater

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

__all__ = ["STORAGE_OPTIONS", "SUFFIXES", "ShardFile", "describe", "expand", "open_shard"]

SUFFIXES: Final = (".warc", ".warc.gz", ".jsonl", ".jsonl.gz")
_LISTS = (".paths", ".paths.gz")  # as Common Crawl calls its lists of paths
_MAX_LIST = 64 << 20  # of a list of paths, unpacked
_ENDS = 1 << 16  # of a local file: what its fingerprint is made of
_CONNECT_S, _READ_S = 30, 60
_RETRIES, _RETRY_S = 3, 60
_BLOCK = 4 << 20  # bytes asked for at a time
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_YES, _NO = frozenset(("1", "true", "yes", "on")), frozenset(("0", "false", "no", "off"))
_FINAL_STATUS = frozenset((400, 401, 403, 404, 405, 410, 451))

# names that s3fs, boto3 and obstore use -> obstore's; those of fsspec's users come first
_S3_NAMES = {
    "anon": "skip_signature", "skip_signature": "skip_signature",
    "endpoint_url": "endpoint", "endpoint": "endpoint",
    "region": "region", "region_name": "region",
    "key": "access_key_id", "access_key_id": "access_key_id", "aws_access_key_id": "access_key_id",
    "secret": "secret_access_key", "secret_access_key": "secret_access_key",
    "aws_secret_access_key": "secret_access_key",
    "token": "session_token", "session_token": "session_token", "aws_session_token": "session_token",
    "requester_pays": "request_payer", "virtual_hosted_style": "virtual_hosted_style_request",
}  # fmt: skip
_BOOLEANS = frozenset(("skip_signature", "request_payer", "virtual_hosted_style_request"))
STORAGE_OPTIONS: Final = (*_S3_NAMES, "allow_http")

_STATUS_WORDS = re.compile(r"(?:status|HTTP) (?:code:? )?([45][0-9]{2})")
_FORBIDDEN = frozenset(("PermissionDeniedError", "UnauthenticatedError", "PermissionError"))
_WRONG = frozenset(("InvalidURL", "InvalidUrlClientError", "NonHttpUrlClientError", "InvalidPathError"))


@dataclass(frozen=True, slots=True)
class ShardFile:
    """A file as it lies there: other bytes under the same address have another fingerprint."""

    url: str  # an absolute path, s3://… or https://…
    size: int | None  # bytes; None: the server does not say
    fingerprint: str


@contextmanager
def open_shard(url: str, storage: Mapping[str, str]) -> Iterator[BinaryIO]:
    """Open a file to be read forward; whether it can be sought in depends on where it lies.

    Raises:
        ConfigError: an address or a storage option that we do not know.
        InputError: it is not there, or may not be read; later tries will not change that.
        TryLater: the network failed, now or while reading: it may be tried again.
    """
    if not _scheme_of(url):
        with _local(url):
            _check_regular(url)
            local = Path(url).open("rb")  # noqa: SIM115 - what is done with it may fail in its own ways
        with local:
            yield local
        return
    with _failures(url):
        raw = _opened(url, storage)
    with io.BufferedReader(_Remote(raw, url), 1 << 16) as file:
        yield file


def describe(url: str, storage: Mapping[str, str]) -> ShardFile:
    """Return size and fingerprint of a file, without reading it.

    Raises:
        ConfigError, InputError, TryLater: as `open_shard`.
    """
    if not _scheme_of(url):
        with _local(url):
            _check_regular(url)
            with Path(url).open("rb") as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(0)
                digest = blake2b(b"%d " % size + file.read(_ENDS), digest_size=16)
                file.seek(max(0, size - _ENDS))
                digest.update(file.read(_ENDS))
        return ShardFile(str(Path(url).absolute()), size, digest.hexdigest())
    with _failures(url):
        info = _info(_file_system(url, storage), url)
    length: int | None = info.get("size")
    mark = next((info[name] for name in ("ETag", "e_tag", "Last-Modified", "last_modified") if info.get(name)), "")
    return ShardFile(url, length, blake2b(f"{length} {mark}".encode(), digest_size=16).hexdigest())


def _check_regular(url: str) -> None:
    """Refuse what is no file: opening a pipe would wait for ever, a device may have no end.

    Raises:
        OSError: it is not there.
        InputError: it is something else.
    """
    mode = Path(url).stat().st_mode
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):  # opening a folder fails in words
        raise InputError(f"{url}: is no file but a pipe, a socket or a device; name a file")


def expand(argument: str, storage: Mapping[str, str]) -> list[str]:
    """Return the files that an argument names, in order of their names, those of a list in its order.

    Args:
        argument: a file; a folder, of which all files with one of `SUFFIXES` are taken; a pattern with `*`; an address
            of S3 (one that ends with a slash is a folder) or https; or a list of such, one a line: `@FILE`, or a file
            whose name ends with "paths" or "paths.gz", as Common Crawl's. Relative lines of a list are given as they
            stand: below what they are, the caller knows.
        storage: options for S3.

    Raises:
        ConfigError: an address or a storage option that we do not know; a folder or pattern without a file; a list
            within a list.
        InputError, TryLater: as `open_shard`, for folders and lists. Whether a single file is there is not looked at.
    """
    listed = argument.removeprefix("@")
    if listed != argument or _is_list(argument):
        return [found for line in _lines_of(listed, storage) for found in _expanded_line(line, listed, storage)]
    found = _expanded(argument, storage)
    if not found:
        raise ConfigError(f"{argument}: no file with one of {', '.join(SUFFIXES)} there; name files as they are called")
    return found


def _expanded(argument: str, storage: Mapping[str, str]) -> list[str]:
    scheme = _scheme_of(argument)
    if scheme == "s3":
        return _expanded_s3(argument, storage)
    if scheme:
        if argument.endswith("/") or "*" in argument:
            raise ConfigError(
                f"{argument}: folders cannot be listed by {scheme}; name files, or a list of them (@FILE)"
            )
        return [argument]
    path = Path(argument).absolute()
    if path.is_dir():
        with _local(argument):
            return sorted(str(file) for file in path.iterdir() if _is_shard(file.name) and file.is_file())
    if has_magic(argument) and not path.exists():
        names = glob(argument, recursive=True)  # noqa: PTH207 - Path.glob takes no absolute pattern
        return sorted(str(Path(name).absolute()) for name in names if Path(name).is_file())
    return [str(path)]


def _expanded_s3(argument: str, storage: Mapping[str, str]) -> list[str]:
    before, star, _ = argument.partition("*")
    if not star and not argument.endswith("/"):
        return [argument]
    folder = before[: before.rindex("/") + 1]
    with _failures(argument):
        names = _file_system(argument, storage).find(folder)
    urls = sorted(f"s3://{name}" for name in names)
    if star:
        depth = argument.count("/")
        return [url for url in urls if fnmatchcase(url, argument) and ("**" in argument or url.count("/") == depth)]
    return [url for url in urls if _is_shard(url)]


def _expanded_line(line: str, listed: str, storage: Mapping[str, str]) -> list[str]:
    if line.startswith("@") or _is_list(line):
        raise ConfigError(f"{listed}: {line}: a list within a list; name both lists")
    return expand(line, storage) if _scheme_of(line) or Path(line).is_absolute() else [line]


def _lines_of(listed: str, storage: Mapping[str, str]) -> list[str]:
    """Return the lines of a list of paths that are neither empty nor comments."""
    with open_shard(listed, storage) as file:
        data = file.read(_MAX_LIST + 1)
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as unpacked:
            data = unpacked.read(_MAX_LIST + 1) if data.startswith(b"\x1f\x8b") else data
        lines = data.decode("utf-8-sig").splitlines()
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as e:
        raise InputError(f"{listed}: no list of paths: {e}") from e
    if len(data) > _MAX_LIST:
        raise InputError(f"{listed}: a list of paths of more than {_MAX_LIST} bytes; split it")
    kept = [text for line in lines if (text := line.strip()) and not text.startswith("#")]
    if not kept:
        raise InputError(f"{listed}: a list without a path; write one a line")
    return kept


def _is_list(name: str) -> bool:
    last = name.rpartition("/")[2]
    return last.endswith(_LISTS) or last in ("paths", "paths.gz")


def _is_shard(name: str) -> bool:
    return name.endswith(SUFFIXES)


# ---------------------------------------------------------------- file systems


def _scheme_of(url: str) -> str:
    """Return the scheme of an address, nothing for a local path.

    Raises:
        ConfigError: a scheme that we do not read.
    """
    if not _SCHEME.match(url):
        return ""
    scheme = urlsplit(url).scheme
    if scheme not in ("http", "https", "s3"):
        raise ConfigError(f"{url}: {scheme}:// is not read; give a local path, or s3:// or https://")
    return scheme


def _file_system(url: str, storage: Mapping[str, str]) -> Any:
    """Return the file system of an address. fsspec keeps one for the same options, with its connections."""
    options = _s3_options(storage)
    if _scheme_of(url) == "s3":
        from obstore.fsspec import FsspecStore

        return FsspecStore("s3", **options)
    from aiohttp import ClientTimeout
    from fsspec.implementations.http import HTTPFileSystem

    timeout = ClientTimeout(total=None, sock_connect=_CONNECT_S, sock_read=_READ_S)
    # packed on the way, offsets would not be those of the file
    return HTTPFileSystem(client_kwargs={"timeout": timeout}, headers={"Accept-Encoding": "identity"})


def _opened(url: str, storage: Mapping[str, str]) -> Any:
    files = _file_system(url, storage)
    if _scheme_of(url) == "s3":  # its file leaves a trace on stderr if it is the one who finds nothing there
        return files.open(url, "rb", size=_info(files, url)["size"], buffer_size=_BLOCK)
    return files.open(url, "rb", block_size=_BLOCK, cache_type="readahead")


def _info(files: Any, url: str) -> dict[str, Any]:
    info: dict[str, Any] = files.info(url)
    if info.get("type") == "directory":
        raise InputError(f"{url}: a folder, not a file; write {url.rstrip('/')}/ to have all of it")
    return info


def _s3_options(storage: Mapping[str, str]) -> dict[str, Any]:
    """Return what obstore is given, from the options under whatever usual name.

    Raises:
        ConfigError: an option that we do not know, or a value that is none.
    """
    config = dict[str, Any]()
    is_http_allowed = False
    for name, value in storage.items():
        if name == "allow_http":
            is_http_allowed = _boolean(name, value)
        elif name in _S3_NAMES:
            key = _S3_NAMES[name]
            config[key] = _boolean(name, value) if key in _BOOLEANS else value
        else:
            near = get_close_matches(name, STORAGE_OPTIONS, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(STORAGE_OPTIONS)}"
            raise ConfigError(f"unknown storage option {name!r}; {hint}")
    if str(config.get("endpoint", "")).startswith("http:") and not is_http_allowed:
        raise ConfigError(f"storage option endpoint_url {config['endpoint']!r} is not encrypted; add allow_http=true")
    client = {"timeout": f"{_READ_S}s", "connect_timeout": f"{_CONNECT_S}s", "allow_http": is_http_allowed}
    retry = {"max_retries": _RETRIES, "retry_timeout": timedelta(seconds=_RETRY_S)}
    return {"config": config, "client_options": client, "retry_config": retry}


def _boolean(name: str, value: str) -> bool:
    text = value.strip().lower()
    if text not in _YES | _NO:
        raise ConfigError(f"storage option {name}: {value!r} is neither true nor false")
    return text in _YES


# ---------------------------------------------------------------- failures


class _Remote(io.RawIOBase):
    """A remote file, read forward; its failures are ours."""

    def __init__(self, file: Any, url: str) -> None:
        self._file = file
        self._url = url
        self._at = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        room = memoryview(buffer).cast("B")
        with _failures(self._url):
            piece = self._file.read(len(room))
        room[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)

    def tell(self) -> int:
        return self._at

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()


@contextmanager
def _local(path: str) -> Iterator[None]:
    """Turn failures of opening a local file into ours, not those of what is done with it."""
    try:
        yield
    except OSError as e:
        raise InputError(f"{path}: cannot be read: {e.strerror or e}") from e


@contextmanager
def _failures(url: str) -> Iterator[None]:
    """Turn failures of fsspec, aiohttp and obstore into ours: final is what the server said, all else the network."""
    try:
        yield
    except AiwireError:
        raise
    except Exception as e:
        raise _failure(url, e) from e


def _failure(url: str, error: Exception) -> AiwireError:
    """Return what a failure comes to. Who raised it is told by its causes: fsspec takes every failure for a missing
    file, and obstore puts the answer of a server into words.
    """
    causes = list(_causes(error))
    words = next((" ".join(str(cause).split()) for cause in reversed(causes) if str(cause)), type(error).__name__)[:300]
    status: Any = next(filter(None, (getattr(cause, "status", None) for cause in causes)), None)
    if status is None and (match := _STATUS_WORDS.search(words)):
        status = int(match[1])
    if status is not None:
        if status in _FINAL_STATUS:
            return InputError(f"{url}: HTTP {status}; check the address, and whether it may be read")
        return TryLater(f"{url}: HTTP {status}; try again later")
    names = {type(cause).__name__ for cause in causes}
    if names & _FORBIDDEN:
        return InputError(f"{url}: may not be read; give credentials, or anon=true for what is public: {words}")
    if names == {"FileNotFoundError"}:
        return InputError(f"{url}: not there; check the address")
    if names & _WRONG:
        return InputError(f"{url}: cannot be asked for: {words}")
    return TryLater(f"{url}: the connection failed: {words}; try again later")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__
