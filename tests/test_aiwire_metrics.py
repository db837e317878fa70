"""The metrics file: a text that a strict reader of the format takes, with the right numbers, written whole."""

import re
import stat
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiwire.exceptions import ConfigError
from aiwire.metrics import render, write_metrics
from aiwire.pipeline.report import PageCounts, RunReport, SourceLine
from aiwire.types import SourceStatus
from db.health import HealthRow

NOW = datetime(2026, 11, 23, 6, tzinfo=UTC)
UNREAD = HealthRow(
    **dict.fromkeys(field.name for field in fields(HealthRow))
    | {"source_id": "example", "status": "new", "enabled": True, "error_count": 0, "articles": 0, "new_per_week": 0.0}
)
READ = replace(UNREAD, status="ok", last_ok_at=NOW, last_new_at=NOW - timedelta(days=1), entries=12, articles=340,
               next_check_at=NOW + timedelta(hours=1))  # fmt: skip

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"'
SAMPLE = re.compile(rf"({NAME})(?:\{{({LABEL}(?:,{LABEL})*)\}})? (-?[0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?)")


def parse(text):
    """Read text exposition 0.0.4 strictly: (name, labels) -> value; each family once, with HELP, TYPE, then samples."""
    assert text.endswith("\n")
    samples, announced = {}, []
    for line in text.removesuffix("\n").split("\n"):
        if match := re.fullmatch(rf"# HELP ({NAME}) ((?:[^\\]|\\[\\n])+)", line):
            assert match[1] not in announced, f"{match[1]} twice"
            announced.append(match[1])
        elif match := re.fullmatch(rf"# TYPE ({NAME}) gauge", line):
            assert announced[-1] == match[1]
        else:
            match = SAMPLE.fullmatch(line)
            assert match, f"no sample: {line!r}"
            assert match[1] == announced[-1], "a sample outside of its family"
            pairs = tuple((name, unescaped(value)) for name, value in re.findall(LABEL, match[2] or ""))
            assert (match[1], pairs) not in samples, f"twice: {line}"
            samples[match[1], pairs] = float(match[match.lastindex])
    return samples


def unescaped(text):
    return re.sub(r"\\(.)", lambda match: "\n" if match[1] == "n" else match[1], text)


def value(samples, name, **labels):
    return samples[name, tuple(labels.items())]


def report(**more):
    lines = [SourceLine("a", "ok", 3, 2), SourceLine("b", "not-modified"), SourceLine("c", "failed", error="bad"),
             SourceLine("d", "failed", error="bad")]  # fmt: skip
    values = {"sources_known": 9, "sources_due": 4, "lines": lines, "pages": PageCounts(5, 1, left=7),
              "articles_new": 2, "articles_changed": 1, "seconds": 12.75}  # fmt: skip
    return RunReport(NOW, 1, **(values | more))


def test_a_run_is_told_in_numbers():
    samples = parse(render(report(), [], finished_at=NOW + timedelta(seconds=13)))

    assert value(samples, "aiwire_run_timestamp_seconds") == NOW.timestamp() + 13
    assert value(samples, "aiwire_run_duration_seconds") == 12.75
    assert value(samples, "aiwire_run_sources_due") == 4
    assert value(samples, "aiwire_run_sources", outcome="failed") == 2
    assert value(samples, "aiwire_run_sources", outcome="not-modified") == 1
    assert value(samples, "aiwire_run_sources", outcome="not-in-archive") == 0
    assert value(samples, "aiwire_articles_new") == 2
    assert value(samples, "aiwire_articles_changed") == 1
    assert value(samples, "aiwire_pages", outcome="fetched") == 5
    assert value(samples, "aiwire_pages", outcome="not-in-archive") == 0
    assert value(samples, "aiwire_pages", outcome="left") == 7


@pytest.mark.parametrize(("stopped", "done"), [(False, 1), (True, 0)])
def test_how_a_run_ended_is_one_of_two(stopped, done):
    samples = parse(render(report(stopped=stopped), [], finished_at=NOW))

    assert value(samples, "aiwire_run_status", status="done") == done
    assert value(samples, "aiwire_run_status", status="stopped") == 1 - done


def test_a_source_is_told_in_numbers():
    samples = parse(render(report(), [replace(READ, error_count=3, status="failing")], finished_at=NOW))

    assert value(samples, "aiwire_source_last_success_timestamp_seconds", source="example") == NOW.timestamp()
    assert value(samples, "aiwire_source_last_new_timestamp_seconds", source="example") == NOW.timestamp() - 86400
    assert value(samples, "aiwire_source_next_check_timestamp_seconds", source="example") == NOW.timestamp() + 3600
    assert value(samples, "aiwire_source_error_count", source="example") == 3
    assert value(samples, "aiwire_source_entries", source="example") == 12
    assert value(samples, "aiwire_source_articles", source="example") == 340
    assert value(samples, "aiwire_sources", status="failing") == 1


def test_what_is_not_known_has_no_sample_rather_than_a_zero():
    samples = parse(render(report(), [UNREAD], finished_at=NOW))

    known = {name for name, labels in samples if ("source", "example") in labels}
    assert known == {"aiwire_source_error_count", "aiwire_source_articles"}


def test_every_status_is_counted_even_if_no_source_has_it():
    samples = parse(render(report(), [READ, replace(READ, source_id="b")], finished_at=NOW))

    counts = {labels[0][1]: number for (name, labels), number in samples.items() if name == "aiwire_sources"}
    assert counts == dict.fromkeys([*get_args(SourceStatus), "empty"], 0) | {"ok": 2}


def test_a_source_that_never_had_an_entry_is_told_from_one_that_is_well():
    samples = parse(render(report(), [replace(READ, status="empty", entries=0)], finished_at=NOW))

    assert value(samples, "aiwire_sources", status="empty") == 1
    assert value(samples, "aiwire_sources", status="ok") == 0
    assert value(samples, "aiwire_source_entries", source="example") == 0


def test_a_source_that_is_switched_off_is_left_out():
    text = render(report(), [replace(READ, enabled=False, status="off")], finished_at=NOW)

    assert "example" not in text
    assert 'status="off"' not in text


def test_the_families_are_the_same_after_every_run():
    empty = render(RunReport(NOW, 1), [], finished_at=NOW)
    full = render(report(), [READ, replace(UNREAD, source_id="b")], finished_at=NOW)

    assert re.findall(r"^# TYPE (\S+)", empty, flags=re.M) == re.findall(r"^# TYPE (\S+)", full, flags=re.M)


@given(st.lists(st.text(), unique=True, max_size=5), st.floats(0, 1e9))
def test_any_id_and_any_duration_can_be_read_back(ids, seconds):
    rows = [replace(READ, source_id=source_id) for source_id in ids]

    samples = parse(render(report(seconds=seconds), rows, finished_at=NOW))

    told = {labels[0][1] for name, labels in samples if name == "aiwire_source_entries"}
    assert told == set(ids)
    assert value(samples, "aiwire_run_duration_seconds") == seconds


# ---------------------------------------------------------------- the file


def test_the_file_is_replaced_as_a_whole_and_readable_for_all(tmp_path):
    path = tmp_path / "aiwire.prom"
    path.write_text("old")
    path.chmod(0o600)
    with path.open() as reader:
        write_metrics(path, "new 1\n")
        still = reader.read()

    assert still == "old"  # another file has taken the name: nobody sees half a text
    assert path.read_text() == "new 1\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert list(tmp_path.iterdir()) == [path]


def test_what_is_left_of_a_failed_write_is_nothing(tmp_path):
    path = tmp_path / "folder.prom"
    path.mkdir()

    with pytest.raises(ConfigError, match=re.escape(str(path))):
        write_metrics(path, "new 1\n")
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_not_there_is_named_with_a_remedy(tmp_path):
    with pytest.raises(ConfigError, match=r"none/aiwire\.prom: cannot be written .* choose another file"):
        write_metrics(tmp_path / "none" / "aiwire.prom", "new 1\n")
