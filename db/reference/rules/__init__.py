"""The plausibility rules of the reference, for shipped files, for what a refresh has staged and for users' rows.

types.py    what a rule is            parts.py     families, parts, the form of facts
prices.py   of prices by the token    figures.py   what figures may be
cloud.py    offers to rent            sisters.py   what the other parts of a family tell
hardware.py cards and systems         names.py     what names tell
costs.py    tariffs, defaults, shapes bands.py     what prices are likely

What no rule can tell: a currency that is worth nearly a dollar (euro, pounds), prices of batches (half of the standard
ones, as after an honest cut), a price per 1M characters, and a factor of seven in an offer that is new, where models or
providers differ as much.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from db.reference.rules.costs import COST_RULES
from db.reference.rules.parts import PART_RULES
from db.reference.rules.prices import PRICE_RULES
from db.reference.rules.types import Context, FamilyRange, KnownRate, Row, Rule, Violation, holds, number

__all__ = [
    "RULES",
    "Context",
    "FamilyRange",
    "KnownRate",
    "Row",
    "Rule",
    "Violation",
    "check_all",
    "check_rows",
    "holds",
    "number",
]

RULES: tuple[Rule, ...] = (*PART_RULES, *PRICE_RULES, *COST_RULES)


def check_rows(table: str, rows: Sequence[Row], context: Context, *, whole: bool = False) -> list[Violation]:
    """Return what is wrong with rows of a table, in the order of the rules.

    Args:
        table: of the reference.
        rows: all rows of the table, or some that are to go into it.
        context: the rows that hold now and what is known of parts and families.
        whole: the rows are the whole table, so that what is missing can be told, too.
    """
    return [
        Violation(row, rule.name, reason)
        for rule in RULES
        if rule.table == table and (whole or not rule.whole)
        for row, reason in rule.check(rows, context)
    ]


def check_all(context: Context) -> Iterator[tuple[str, Violation]]:
    """Yield table and violation for all rows of a context."""
    for table, rows in context.tables.items():
        for violation in check_rows(table, rows, context, whole=True):
            yield table, violation
