"""reference check and reference status: is what is stored sound, and where does it stand?"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from aiwire.cli.common import Context, common_options, console, print_json, printable, warn

if TYPE_CHECKING:
    from db.reference import rules
    from db.reference.staging import SourceState

__all__ = ["check", "status"]


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON: the rules, what was checked, what breaks them.")
@common_options
def check(context: Context, as_json: bool) -> None:
    """Ask every plausibility rule of the shipped files and, if there is a database, of its rows that hold.

    Exit status 1 if a row breaks a rule. Rows of your own that you took with --accept-implausible are shown and do not
    count.

    \b
    Examples:
      aiwire reference check
      aiwire reference check --json
    """
    from db.reference.rules import RULES

    checked = dict(_contexts(context))
    found = [broken for where, rows in checked.items() for broken in _broken(where, rows)]
    numbers = {where: {table: len(rows) for table, rows in one.tables.items()} for where, one in checked.items()}
    broken = [one for one in found if not one["accepted"]]
    if as_json:
        rules = [{"table": rule.table, "name": rule.name, "why": rule.why} for rule in RULES]
        print_json({"rules": rules, "checked": numbers, "violations": found})
    else:
        for one in found:
            accepted = "accepted: " if one["accepted"] else ""
            row = one["row"] or "the whole table"
            warn(f"{accepted}{one['where']}: {one['table']}: {row}: {one['rule']}: {one['reason']}")
        rows = ", ".join(f"{sum(tables.values()):,} {where} rows" for where, tables in numbers.items())
        said = [f"{len(broken)} broken" if broken else "all hold"]
        said += [f"{len(found) - len(broken)} accepted by you"] if len(found) > len(broken) else []
        click.echo(f"{len(RULES)} rules asked of {rows}: {', '.join(said)}")
    if broken:
        raise SystemExit(1)


def _contexts(context: Context) -> Iterator[tuple[str, rules.Context]]:
    """Yield what is to be checked by where it is: in the shipped files, in the database."""
    from db.connection import open_existing
    from db.reference.applying import load_context, shipped_context
    from nlp.gazetteer import load_lexicon

    entities = load_lexicon().entities
    gazetteer = frozenset(entity.id for entity in entities if entity.kind == "accelerator")
    models = frozenset(entity.id for entity in entities if entity.kind == "model")
    yield "shipped", shipped_context(gazetteer, models)
    if context.settings.db.is_file():
        with closing(open_existing(context.settings.db)) as db:
            yield "stored", load_context(db, gazetteer, models)


def _broken(where: str, context: rules.Context) -> Iterator[dict[str, Any]]:
    from db.reference.applying import is_accepted
    from db.reference.rules import check_all
    from db.reference.tables import KEYS

    for table, violation in check_all(context):
        row = None if violation.row is None else context.tables[table][violation.row]
        label = row and " ".join(str(row[column]) for column in KEYS.get(table, ("id",)) if row[column] is not None)
        yield {
            "where": where, "table": table, "row": label, "rule": violation.rule, "reason": violation.reason,
            "accepted": row is not None and is_accepted(row),
        }  # fmt: skip


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@common_options
def status(context: Context, as_json: bool) -> None:
    """Show when each document of prices was asked for, was last good and was last applied, what waits, and why.

    \b
    Example:
      aiwire reference status
    """
    from db.connection import open_existing
    from db.reference.staging import source_states

    with closing(open_existing(context.settings.db)) as db:
        states = list(source_states(db).values())
    if as_json:
        print_json([asdict(state) for state in states])
        return
    if not states:
        click.echo("no document was asked for yet: `aiwire reference refresh` does")
        return
    from rich.box import SIMPLE_HEAD
    from rich.table import Column, Table

    heads = (
        Column("document", no_wrap=True),
        "outcome",
        "asked",
        "good",
        "applied",
        Column("waiting", justify="right"),
    )
    table = Table(*heads, box=SIMPLE_HEAD, pad_edge=False)
    for state in states:
        days = (_day(moment) for moment in (state.checked_at, state.ok_at, state.applied_at))
        table.add_row(state.name, _outcome(state), *days, f"{state.staged:,}" if state.staged else "")
    console(stderr=False).print(table)
    for state in states:
        if state.error:
            click.echo(printable(f"{state.name}: {' '.join(state.error.split())}{_remedy(state)}"))


def _outcome(state: SourceState) -> str | None:
    return "HELD BACK" if state.held_back else state.outcome


def _remedy(state: SourceState) -> str:
    if not state.held_back:
        return ""
    return f"; to apply it all the same: `aiwire reference refresh --source {state.name} --apply --allow-loss`"


def _day(moment: str | None) -> str:
    return "never" if moment is None else moment[:10]
