"""What a run did and how the sources are, for Prometheus: the textfile collector of node_exporter reads the file.

Pure but for `write_metrics`. Format: Prometheus text exposition 0.0.4; samples carry no time stamp, as the collector
refuses those.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import get_args

from aiwire.exceptions import ConfigError
from aiwire.pipeline.report import LineStatus, RunReport
from db.files import is_replaceable, write_atomically
from db.health import HealthRow, HealthStatus

__all__ = ["render", "write_metrics"]

_MODE = 0o644  # node_exporter is another user
_RUN_STATUSES = ("done", "stopped")


@dataclass(frozen=True, slots=True)
class _Family:
    """A metric with its samples; every one of ours is a gauge."""

    name: str
    help: str
    samples: tuple[tuple[Mapping[str, str], float], ...]  # labels, value


def render(report: RunReport, health: Iterable[HealthRow], *, finished_at: datetime) -> str:
    """Return the metrics of one run and of all sources that are switched on, as the text of a `.prom` file.

    The names of the families and of their labels are the same after every run; what is not known has no sample.
    """
    rows = [row for row in health if row.enabled]
    families = (*_of_run(report, finished_at), *_of_sources(rows))
    return "".join(map(_text, families))


def write_metrics(path: Path, text: str) -> None:
    """Write the file whole or not at all, readable for everyone: the collector may come at any moment.

    Raises:
        ConfigError: it cannot be written there.
    """
    is_file = is_replaceable(path)
    write_atomically(path, lambda out: out.write(text))
    if is_file:
        try:
            path.chmod(_MODE)
        except OSError as e:
            raise ConfigError(f"{path}: belongs to another user ({e.strerror}); remove it, or name another file") from e


def _of_run(report: RunReport, finished_at: datetime) -> Iterator[_Family]:
    lines = Counter(line.status for line in report.lines)
    yield _one("aiwire_run_timestamp_seconds", "When the last run ended.", finished_at.timestamp())
    yield _one("aiwire_run_duration_seconds", "How long the last run took.", report.seconds)
    yield _by(
        "aiwire_run_status",
        "1 for the way in which the last run ended: done, or stopped when its time was up.",
        "status",
        {word: report.status == word for word in _RUN_STATUSES},
    )
    yield _one("aiwire_run_internal_errors", "Bugs that the last run met.", report.internal_errors)
    yield _one("aiwire_run_sources_due", "Sources that were due in the last run.", report.sources_due)
    yield _by(
        "aiwire_run_sources",
        "Sources that were asked in the last run, by what came of it.",
        "outcome",
        {word: lines[word] for word in get_args(LineStatus)},
    )
    yield _one("aiwire_run_deferred", "Requests that the last run put off, to be polite.", report.deferred)
    yield _one("aiwire_articles_new", "Articles added by the last run.", report.articles_new)
    yield _one("aiwire_articles_changed", "Articles changed by the last run.", report.articles_changed)
    yield _by(
        "aiwire_pages",
        "Pages of articles in the last run, by what came of it; left: still to be read after it.",
        "outcome",
        {name.replace("_", "-"): count for name, count in asdict(report.pages).items()},
    )


def _of_sources(rows: list[HealthRow]) -> Iterator[_Family]:
    statuses = Counter(row.status for row in rows)
    yield _by("aiwire_sources", "Sources that are switched on, by status.", "status",
              {word: statuses[word] for word in get_args(HealthStatus) if word != "off"})  # fmt: skip
    yield _of_each(
        "aiwire_source_last_success_timestamp_seconds",
        "When the source was last read, or had not changed.",
        ((row, row.last_ok_at.timestamp()) for row in rows if row.last_ok_at),
    )
    yield _of_each(
        "aiwire_source_last_new_timestamp_seconds",
        "When something new was last found in the source.",
        ((row, row.last_new_at.timestamp()) for row in rows if row.last_new_at),
    )
    yield _of_each(
        "aiwire_source_next_check_timestamp_seconds",
        "When the source is due again.",
        ((row, row.next_check_at.timestamp()) for row in rows if row.next_check_at),
    )
    yield _of_each(
        "aiwire_source_error_count",
        "Failures since the last success.",
        ((row, row.error_count) for row in rows),
    )
    yield _of_each(
        "aiwire_source_entries",
        "Entries in the last document that was not suspicious; of a sitemap, in the newest that had any.",
        ((row, row.entries) for row in rows if row.entries is not None),
    )
    yield _of_each("aiwire_source_articles", "Articles of the source.", ((row, row.articles) for row in rows))


def _one(name: str, help: str, value: float) -> _Family:
    return _Family(name, help, (({}, value),))


def _by(name: str, help: str, label: str, values: Mapping[str, float]) -> _Family:
    return _Family(name, help, tuple(({label: word}, value) for word, value in values.items()))


def _of_each(name: str, help: str, values: Iterable[tuple[HealthRow, float]]) -> _Family:
    pairs = sorted((row.source_id, value) for row, value in values)
    return _Family(name, help, tuple(({"source": source_id}, value) for source_id, value in pairs))


def _text(family: _Family) -> str:
    lines = [f"# HELP {family.name} {family.help}", f"# TYPE {family.name} gauge"]
    for labels, value in family.samples:
        pairs = ",".join(f'{name}="{_escaped(text)}"' for name, text in labels.items())
        lines.append(f"{family.name}{{{pairs}}} {_number(value)}" if pairs else f"{family.name} {_number(value)}")
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: float) -> str:
    return repr(float(value)) if value % 1 else str(int(value))
