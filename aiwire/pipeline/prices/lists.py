"""A user's own price list: checked, compared and, if asked, applied as a refresh does with catalogues."""

from __future__ import annotations

import reprlib
from dataclasses import dataclass, replace
from datetime import datetime

from sqlite_utils import Database

from aiwire.exceptions import ConfigError
from aiwire.pipeline.prices.report import DocumentLine, RefreshReport
from aiwire.tco.inputs import INPUTS, checked
from db.connection import transaction
from db.reference import read_rows
from db.reference.applying import Scope, accepted, apply_changes, changes_of, judged, known_ids, load_context
from db.reference.staging import stage
from db.reference.tables import Row

__all__ = ["ImportOptions", "import_list"]


@dataclass(frozen=True, slots=True)
class ImportOptions:
    now: datetime
    apply: bool = False
    accept_implausible: bool = False  # use rows, too, that break a rule
    allow_loss: bool = False  # apply a file that has lost more than half of its rows, too


def import_list(
    db: Database, content: bytes, *, table: str, name: str, file: str, options: ImportOptions
) -> RefreshReport:
    """Compare a file with what holds, apply it if that is asked for, and return a report of one line.

    Args:
        content: CSV in the columns of the table.
        name: of the list; its rows take the place of those of an earlier file of this name.
        file: where the content is from, for messages.

    Raises:
        InputError: the table takes no rows of users, or the file is not as it should be, or a default is none that the
            input of its name may have, or in another unit; one line for each fault.
    """
    day = options.now.date().isoformat()
    context = load_context(db)
    faults_of = _faults_of_default if table == "tco_defaults" else None
    rows = read_rows(table, content, name=file, users=True, as_of=day, ids=known_ids(context), faults_of=faults_of)
    scope = Scope(table, origin=f"import:{name}")
    rows = judged(table, [row | {"origin": scope.origin} for row in rows], context)
    if options.accept_implausible:
        rows = accepted(rows)
    changes = changes_of(db, scope, rows, day=day)
    line = DocumentLine(f"import/{name}", file, table, "staged", rows=len(rows), changes=changes)
    if options.apply and (options.allow_loss or changes.suspicious is None):
        with transaction(db):
            stage(db, line.name, file, table, rows, validators={}, now=options.now)
            apply_changes(db, line.name, scope, changes, day=day, now=options.now)
        line = replace(line, applied=True)
    return RefreshReport(options.now, options.apply, [line])


def _faults_of_default(row: Row) -> list[str]:
    """Say what `aiwire tco` would stop at: no insisting makes a share of 10 one that can be calculated with."""
    faults: dict[str, None] = {}  # once each: an unknown name is the same fault in low, mid and high
    for end in ("low", "mid", "high"):
        value = row.get(end)
        try:
            checked({str(row["name"]): value if value is None else float(value)})
        except ConfigError as error:
            faults[str(error)] = None
    spec = INPUTS.get(str(row["name"]).rpartition(".")[2])
    if spec and row["unit"] != spec.unit:  # figures are not converted: 2 percent would count as a ratio of 2
        faults[
            f"the unit of {spec.name} is {reprlib.repr(row['unit'])}; it must be {spec.unit!r}: convert the figures"
        ] = None
    return list(faults)
