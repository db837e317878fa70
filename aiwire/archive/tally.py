"""What is counted of a shard while it is read."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace

from aiwire.archive.rows import Row
from aiwire.archive.values import Audit
from aiwire.types import iso
from aiwire.types.archive import BadRecord, CapturedPage

__all__ = ["Tally"]

_MOST_CHARS = 1_000  # of an address or a reason
_MOST_BAD = 1000  # quarantined records that are kept one by one; a file of millions has something else wrong with it
_MORE_BAD = "quarantined-unlisted"


@dataclass(slots=True)
class _Day:
    """The pages of a source on one day."""

    first_at: str
    last_at: str
    pages: int = 0
    kept: int = 0


@dataclass(slots=True)
class Tally:
    """Grows as a shard is read; it depends on the shard and the job alone."""

    records: int = 0
    pages: int = 0
    articles: int = 0
    html_bytes: int = 0
    bytes_read: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    bad: list[BadRecord] = field(default_factory=list)
    audit: Audit = field(default_factory=Audit)
    _days: dict[tuple[str, str, str], _Day] = field(default_factory=dict)

    def quarantine(self, record: BadRecord) -> None:
        """Count a record that cannot be used."""
        if len(self.bad) < _MOST_BAD:
            url = None if record.url is None else _writable(record.url)
            self.bad.append(replace(record, reason=_writable(record.reason), url=url))
        else:
            self.dropped[_MORE_BAD] += 1

    def see(self, page: CapturedPage, source_id: str, site: str) -> None:
        """Count a page, whatever becomes of it: its source answered."""
        self.pages += 1
        self.html_bytes += len(page.body)
        day = self._day(page, source_id, site)
        day.pages += 1

    def keep(self, page: CapturedPage, source_id: str, site: str) -> None:
        """Count a page that gave an article."""
        self.articles += 1
        self._day(page, source_id, site).kept += 1

    def check(self, *, is_relevant: bool) -> None:
        """Count a dropped page that was read all the same."""
        self.audit = Audit(self.audit.sampled + 1, self.audit.relevant + is_relevant)

    def captures(self) -> list[Row]:
        """Return the rows of the table `captures`."""
        return [(*key, day.pages, day.kept, day.first_at, day.last_at) for key, day in sorted(self._days.items())]

    def _day(self, page: CapturedPage, source_id: str, site: str) -> _Day:
        moment = iso(page.captured_at)
        day = self._days.setdefault((source_id, site, moment[:10]), _Day(moment, moment))
        day.first_at, day.last_at = min(day.first_at, moment), max(day.last_at, moment)
        return day


def _writable(text: str) -> str:
    """Return words of a stranger as a database and a report can hold them."""
    return text[:_MOST_CHARS].encode("utf-8", "backslashreplace").decode()
