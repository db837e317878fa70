"""One shard -> rows: what every worker does, whoever gave it the shard.

    records -> whose page, seen before? -> funnel -> careful reading -> article -> tags -> rows -> Parquet

A page is worked on to its end before the next one is read: so a page that takes its worker down is known, and memory
does not grow with the shard. Tagging in batches would save a tenth of the tagger's time, and one per cent of all.
The rows depend on the bytes of the shard and on the job alone. What spaCy builds stays in its process.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path

from spacy.language import Language

from aiwire.archive.articles import archived
from aiwire.archive.funnel import DropReason, Funnel
from aiwire.archive.job import job_version, load_job
from aiwire.archive.parts import PartWriter, part_folder, read_report, remove_superseded
from aiwire.archive.rows import Rows, article_rows, capture_id
from aiwire.archive.sites import Sites, site_of
from aiwire.archive.tally import Tally
from aiwire.archive.values import Job, Shard, ShardReport
from aiwire.archive.watchdog import Watchdog, clear_journals, peak_rss
from aiwire.exceptions import AiwireError, ConfigError, SourceError
from aiwire.pipeline.identity import without_own_ref
from aiwire.types import ArticleText, Extracted, Source
from aiwire.types.archive import ArchivedArticle, BadRecord, CapturedPage, PassedRecord
from ingest.archive.opening import open_shard
from ingest.archive.records import read_pages
from ingest.pages.extract import extract_page
from ingest.urls import normalize_url
from nlp.pipeline import TaggerConfig, load_tagger, tag_articles

__all__ = ["Extract", "make_part", "process_shard"]

_log = logging.getLogger(__name__)

Extract = Callable[..., Extracted]  # as `extract_page`
Watch = Callable[[CapturedPage], AbstractContextManager[object]]

_RIGHTS = ("tdm-reservation", "tdm-policy", "x-robots-tag", "content-type")  # headers that say how a page is to be read
_turn = threading.Lock()  # the limits on time and memory are the process's: its threads take turns


def make_part(shard: Shard, job_file: Path, *, extract: Extract = extract_page) -> ShardReport:
    """Make the part of a shard, and return its report; if it is there already, of the same bytes, its report alone.

    Args:
        job_file: as `aiwire.archive.job.save_job` wrote it.
        extract: reads a page carefully.

    Raises:
        ConfigError: the job cannot be read, its gazetteer or spaCy model cannot be used, or this process would make
            other rows than those the job is named for.
        InputError: the shard is not there, or forbidden.
        TryLater: the network broke.
        OSError: the folder of the job cannot be written to.
    """
    with _turn:
        job, version = _job(job_file), job_file.stem
        report = read_report(part_folder(job.folder, shard.key, version))
        if report is None or report.fingerprint != shard.fingerprint:
            report = _made(shard, job, version, extract)
        clear_journals(job.folder, shard.key, version)
        remove_superseded(job.folder, shard.key, version)
        return report


def process_shard(
    shard: Shard,
    job: Job,
    *,
    tally: Tally | None = None,
    watch: Watch = nullcontext,
    blamed: Mapping[int, str] | None = None,
    extract: Extract = extract_page,
) -> Iterator[Rows]:
    """Yield the rows of every article of a shard, in the order of the file; `captures` come from the tally at the end.

    Args:
        tally: what is counted on the way.
        watch: holds the limits for one page (`Watchdog.page`).
        blamed: pages that are left out, by number, and why.
        extract: reads a page carefully.

    Raises:
        ConfigError: gazetteer or spaCy model cannot be used.
        InputError: the shard is not there, or forbidden.
        TryLater: the network broke.
    """
    tally = Tally() if tally is None else tally
    reader = _Reader(shard, job, tally, watch, blamed or {}, extract)
    with open_shard(shard.url, job.storage) as stream:
        for record in read_pages(stream, shard.key, max_page_bytes=job.max_page_bytes):
            tally.records += 1
            match record:
                case PassedRecord():
                    tally.dropped[record.why] += 1
                case BadRecord():
                    tally.quarantine(record)
                case CapturedPage():
                    if rows := reader.rows_of(replace(record, number=tally.records)):
                        yield rows
        tally.bytes_read = stream.tell()


def _made(shard: Shard, job: Job, version: str, extract: Extract) -> ShardReport:
    began, cpu_began = time.monotonic(), time.process_time()
    tally = Tally()
    with Watchdog(job, shard, version) as dog, PartWriter(job.folder, shard, version) as part:
        for rows in process_shard(shard, job, tally=tally, watch=dog.page, blamed=dog.blamed, extract=extract):
            part.add(rows)
        part.add_captures(tally.captures())
        report = ShardReport(
            key=shard.key,
            version=version,
            fingerprint=shard.fingerprint,
            records=tally.records,
            pages=tally.pages,
            articles=tally.articles,
            rows=part.rows,
            dropped=dict(sorted(tally.dropped.items())),
            bad=tuple(tally.bad),
            audit=tally.audit,
            bytes_read=tally.bytes_read,
            html_bytes=tally.html_bytes,
            seconds=time.monotonic() - began,
            cpu_seconds=time.process_time() - cpu_began,
            peak_rss_bytes=peak_rss(),
            worker=f"{socket.gethostname()}:{os.getpid()}",
        )
        return part.commit(report)


# ---------------------------------------------------------------- what a process holds


def _job(job_file: Path) -> Job:
    """Return the job, read once as long as its file is the same.

    Raises:
        ConfigError: it is not there, or cannot be read.
    """
    try:
        at = job_file.stat()
    except OSError:
        return load_job(job_file)  # which says why it cannot be read
    return _read_job(job_file, at.st_mtime_ns, at.st_size)


@lru_cache(maxsize=4)
def _read_job(job_file: Path, _changed_ns: int, _size: int) -> Job:
    job = load_job(job_file)
    ours = job_version(job)
    if ours != job_file.stem:
        raise ConfigError(
            f"a worker has another version of aiwire, or other lists: it would make {ours}, the job is {job_file.stem};"
            " install the same on every machine and start the workers again"
        )
    return job


@lru_cache(maxsize=2)
def _tagger(config: TaggerConfig, _version: str) -> Language:
    """Return the pipeline; `_version` is that of the job: the files behind a path may be others by then."""
    return load_tagger(config)


# ---------------------------------------------------------------- one page


@dataclass(frozen=True, slots=True)
class _Kept:
    rows: Rows


_Outcome = _Kept | DropReason | BadRecord


class _Reader:
    """Turns the pages of one shard into rows."""

    def __init__(
        self, shard: Shard, job: Job, tally: Tally, watch: Watch, blamed: Mapping[int, str], extract: Extract
    ) -> None:
        self._shard = shard
        self._job = job
        self._tally = tally
        self._watch = watch
        self._blamed = blamed
        self._extract = extract
        self._funnel = Funnel(job)
        self._sites = Sites(job.sources)
        self._tagger = _tagger(TaggerConfig(None, job.gazetteer, job.spacy_model), job_version(job))
        self._seen: dict[bytes, datetime] = {}  # digest of URL and body -> when it was captured first

    def rows_of(self, page: CapturedPage) -> Rows | None:
        """Return the rows of a page, all that it is counted for counted; None if it is left out."""
        url = normalize_url(page.url)
        if url is None:
            self._tally.quarantine(BadRecord(page.offset, "its address is no address of the web", page.url))
            return None
        source, site = self._sites.source_of(url), site_of(url)
        page = replace(page, url=without_own_ref(url, source))
        self._tally.see(page, source.id, site)
        outcome = self._outcome(page, source)
        match outcome:
            case _Kept():
                self._tally.keep(page, source.id, site)
                return outcome.rows
            case BadRecord():
                self._tally.quarantine(outcome)
            case _:
                self._tally.dropped[outcome] += 1
        return None

    def _outcome(self, page: CapturedPage, source: Source) -> _Outcome:
        if reason := self._blamed.get(page.number):
            return BadRecord(page.offset, reason, page.url)
        if self._is_repeated(page):
            return "repeated"
        with self._watch(page):
            return self._tried(page, source)

    def _tried(self, page: CapturedPage, source: Source) -> _Outcome:
        """Return what becomes of a page, also where it brings out a fault of ours."""
        try:
            return self._read(page, source)
        except MemoryError:
            limit = f"{self._job.memory_limit_bytes >> 20} MiB"
            return BadRecord(page.offset, f"needs more memory than its worker may have ({limit})", page.url)
        except (AiwireError, ImportError):  # of the worker, not of the page
            raise
        except Exception as e:  # noqa: BLE001  many libraries read a page; none of their errors may end a shard
            _log.error("page crashed  shard=%s offset=%d", self._shard.key, page.offset, exc_info=True)
            told = f"{type(e).__name__}: {e}"[:200]
            return BadRecord(page.offset, f"a fault of aiwire ({told}): please report it with the page", page.url)

    def _read(self, page: CapturedPage, source: Source) -> _Outcome:
        if reason := self._funnel.before_reading(page):
            if self._funnel.is_audited(page):
                self._tally.check(is_relevant=isinstance(self._article(page, source), ArchivedArticle))
            return reason
        article = self._article(page, source)
        if not isinstance(article, ArchivedArticle):
            return article
        text = ArticleText(
            capture_id(self._shard.key, page.number), article.title, article.text, article.language, article.source_id
        )
        ((_, tagging),) = tag_articles(self._tagger, [text])
        return _Kept(article_rows(article, tagging, shard=self._shard.key, offset=page.offset, number=page.number))

    def _article(self, page: CapturedPage, source: Source) -> ArchivedArticle | DropReason:
        """Return the article of a page that is read carefully, or why it is none of ours."""
        try:
            extracted = self._extract(page.body, url=page.url, headers=page.headers, rule=source.article)
        except SourceError:
            return "unreadable"
        if extracted.rights and self._job.opt_outs != "record":
            return "opt-out"
        article = archived(page, extracted, source)
        if article is None:
            return "no-text"
        return self._funnel.after_reading(article.title, article.text, article.language) or article

    def _is_repeated(self, page: CapturedPage) -> bool:
        """Tell whether the page stood before under its URL, byte for byte, and was captured no later then."""
        said = "\0".join((page.url, *(page.headers.get(name, "") for name in _RIGHTS), ""))
        digest = blake2b(said.encode("utf-8", "surrogatepass"), digest_size=16)
        digest.update(page.body)
        first = self._seen.get(digest.digest())
        if first is not None and first <= page.captured_at:
            return True
        self._seen[digest.digest()] = page.captured_at
        return False
