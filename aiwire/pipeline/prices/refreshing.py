"""Refresh the prices of the reference: ask every document, stage what it says, show what would change, apply it.

The same path over the network, with a recording, and from an archive. A document that fails is a line in the report and
never stops the others; what holds of it stays. Nothing but the staging is written unless `apply` is set.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime

from sqlite_utils import Database

from aiwire.exceptions import AiwireError, FetchError, InputError, SourceError, TryLater
from aiwire.pipeline.online import is_unreachable
from aiwire.pipeline.prices.catalogs import Reading, read_document, read_with
from aiwire.pipeline.prices.report import DocumentLine, RefreshReport
from aiwire.pipeline.progress import Progress, Silent
from aiwire.types import FetchResult, NotModified, Request, Response
from db.connection import transaction
from db.lanes import lane_states, save_lanes
from db.reference.applying import Scope, accepted, apply_changes, changes_of, confirm, judged, known_ids, load_context
from db.reference.rules import Context
from db.reference.staging import Outcome, hold_back, note, note_unchanged, source_states, stage, staged_rows
from db.reference.tables import Row
from ingest.catalogs.documents import CatalogDocument
from ingest.http.fetch import Fetcher

__all__ = ["RefreshOptions", "refresh", "scope_of"]

log = logging.getLogger(__name__)

_GONE = (404, 410)


@dataclass(frozen=True, slots=True)
class RefreshOptions:
    now: datetime
    apply: bool = False
    allow_loss: bool = False  # apply documents that have lost more than half of their rows, too
    accept_implausible: bool = False  # use rows, too, that break a rule
    end_vanished: bool = False  # end the prices of documents that are gone (HTTP 404 or 410)
    force: bool = False  # ask for whole documents, not only whether they changed
    replay: bool = False  # no server is to be spared


def refresh(
    db: Database,
    documents: Sequence[CatalogDocument],
    fetcher: Fetcher,
    options: RefreshOptions,
    *,
    progress: Progress | None = None,
) -> RefreshReport:
    """Refresh these documents and return what was found and done, in their order.

    Raises:
        TryLater: no host could be reached: our own network is down. Nothing is held against any document.
        DatabaseError: the database cannot be written.
    """
    progress = progress or Silent()
    job = _Refresh(db, {document.name: document for document in documents}, options)
    progress.stage("documents", len(documents))
    for result in _reachable_first(_fetched(db, fetcher, job.requests(), options)):
        job.one(result)
        progress.step(result.request.source_id)
    return job.finished()


def scope_of(document: CatalogDocument) -> Scope:
    """Return which rows of the reference are a document's own."""
    if document.kind == "list":
        return Scope(document.table, origin=document.name)
    return Scope(document.table, origin=document.kind, provider=document.provider)


def _fetched(db: Database, fetcher: Fetcher, requests: list[Request], options: RefreshOptions) -> Iterator[FetchResult]:
    """Yield the results as they arrive, and keep what they teach about the servers."""
    lanes = {} if options.replay else lane_states(db)
    learnt = {}
    with closing(fetcher.fetch_all(requests, now=options.now, lanes=lanes)) as results:
        for result in results:
            if result.lane is not None:
                learnt[result.lane.lane] = result.lane
            yield result
    save_lanes(db, learnt.values())


def _reachable_first(results: Iterator[FetchResult]) -> Iterator[FetchResult]:
    """Yield the results of hosts that could not be reached last, when it is sure that our own network is up.

    Raises:
        TryLater: no host could be reached.
    """
    held: list[FetchResult] = []
    is_online = False
    for result in results:
        if is_unreachable(result):
            held.append(result)
            continue
        is_online = True
        yield result
    if held and not is_online:
        raise TryLater(f"{len(held)} addresses could not be reached ({held[0].outcome}); is this machine online?")
    yield from held


class _Refresh:
    """One refresh under way."""

    def __init__(self, db: Database, documents: dict[str, CatalogDocument], options: RefreshOptions) -> None:
        self._db = db
        self._documents = documents
        self._options = options
        self._states = source_states(db)
        self._context: Context = load_context(db)
        self._lines: dict[str, DocumentLine] = {}
        self._internal_errors = 0

    def requests(self) -> list[Request]:
        return [self._request(document) for document in self._documents.values()]

    def one(self, result: FetchResult) -> None:
        """Stage, compare and apply what came of one request."""
        document = self._documents[result.request.source_id]
        try:
            line = self._read(document, result)
        except (SourceError, InputError) as e:
            line = self._failed(document, e)
        except AiwireError:
            raise  # the database or our own data: not this document's fault
        except Exception as e:
            log.info("document crashed  name=%s", document.name, exc_info=True)
            self._internal_errors += 1
            line = self._failed(document, SourceError("", f"internal error, please report it: {type(e).__name__}: {e}"))
        self._lines[document.name] = line

    def finished(self) -> RefreshReport:
        """Return the report; documents that were not asked, to be polite, are in it."""
        report = RefreshReport(self._options.now, self._options.apply, internal_errors=self._internal_errors)
        for document in self._documents.values():
            report.lines.append(self._lines.get(document.name) or _put_off(document))
        return report

    # ------------------------------------------------------------ reading

    def _request(self, document: CatalogDocument) -> Request:
        """Return what to ask for: the whole document, or whether it has changed since it was read.

        New names and rules reach documents that stay as they are, too: what was read with others is read anew.
        """
        state = self._states.get(document.name)
        request = Request(document.url, document.name, "catalog")
        is_whole = self._options.force or self._options.accept_implausible or self._options.allow_loss
        if is_whole or state is None or (state.url, state.read_with) != (document.url, read_with()):
            return request
        return replace(request, etag=state.etag, last_modified=state.last_modified)

    def _read(self, document: CatalogDocument, result: FetchResult) -> DocumentLine:
        """Stage what an answer brings.

        Raises:
            FetchError: there was none.
            ParseError, InputError: it cannot be read.
        """
        match result.outcome:
            case FetchError() as error:
                raise error
            case NotModified():
                return self._not_modified(document)
            case Response() as response:
                return self._staged(document, response)

    def _staged(self, document: CatalogDocument, response: Response) -> DocumentLine:
        reading = read_document(document, response.body, as_of=self._day, ids=known_ids(self._context))
        origin = scope_of(document).origin
        rows = judged(reading.table, [row | {"origin": origin} for row in reading.rows], self._context)
        with transaction(self._db):
            stage(
                self._db, document.name, document.url, reading.table, rows,
                validators=response.headers, now=self._options.now, read_with=read_with(),
            )  # fmt: skip
            line = self._compared(_line(document, reading), document, rows)
        return self._settled(line, document)

    def _not_modified(self, document: CatalogDocument) -> DocumentLine:
        """Take what is staged for what the document says today; what was applied of it holds today, too.

        The rows of a price list keep their dates: they are the list's own.
        """
        is_dated = document.kind == "list"
        line = DocumentLine(document.name, document.url, document.table, "not-modified")
        with transaction(self._db):
            note_unchanged(self._db, document.name, document.url, now=self._options.now, dates=not is_dated)
            if rows := staged_rows(self._db, document.name):
                line = self._compared(line, document, rows)
        if rows:
            return self._settled(line, document)
        if self._options.apply and not is_dated:
            confirm(self._db, scope_of(document), day=self._day)
        return line

    def _failed(self, document: CatalogDocument, error: AiwireError) -> DocumentLine:
        """Note a failure. What holds of the document stays, but for one that is gone and is to end."""
        gone = isinstance(error, FetchError) and error.status in _GONE
        absent = isinstance(error, FetchError) and error.reason == "not-in-archive"
        broken = not isinstance(error, FetchError)
        outcome: Outcome = "vanished" if gone else "broken" if broken else "failed"
        message = error.message if isinstance(error, SourceError) else str(error)
        note(self._db, document.name, document.url, outcome, error=message, now=self._options.now)
        line = DocumentLine(
            document.name, document.url, document.table, "not-in-archive" if absent else outcome, error=message
        )
        if not (gone and self._options.end_vanished and self._options.apply):
            return line
        everything = replace(changes_of(self._db, scope_of(document), [], day=self._day), suspicious=None)
        return self._applied(replace(line, changes=everything), document)

    # ------------------------------------------------------------ comparing and applying

    def _compared(self, line: DocumentLine, document: CatalogDocument, rows: Sequence[Row]) -> DocumentLine:
        """Put into a line what the rows would change, and note it if they are held back."""
        used = accepted(rows) if self._options.accept_implausible else rows
        changes = changes_of(self._db, scope_of(document), used, day=self._day)
        if changes.suspicious is not None and not (self._options.apply and self._options.allow_loss):
            hold_back(self._db, document.name, changes.suspicious)
        return replace(line, changes=changes)

    def _settled(self, line: DocumentLine, document: CatalogDocument) -> DocumentLine:
        """Apply what was compared, if that is asked for and it is not held back."""
        is_sound = not line.held_back or self._options.allow_loss
        return self._applied(line, document) if self._options.apply and is_sound else line

    def _applied(self, line: DocumentLine, document: CatalogDocument) -> DocumentLine:
        assert line.changes is not None  # noqa: S101  # both callers have put them in
        apply_changes(self._db, document.name, scope_of(document), line.changes, day=self._day, now=self._options.now)
        return replace(line, applied=True)

    @property
    def _day(self) -> str:
        return self._options.now.date().isoformat()


def _line(document: CatalogDocument, reading: Reading) -> DocumentLine:
    return DocumentLine(
        document.name, document.url, reading.table, "staged",
        rows=reading.total, skipped=reading.skipped, unknown=reading.unknown,
    )  # fmt: skip


def _put_off(document: CatalogDocument) -> DocumentLine:
    error = "the server was asked enough for one run, or wants to be left alone; refresh again later"
    return DocumentLine(document.name, document.url, document.table, "put-off", error=error)
