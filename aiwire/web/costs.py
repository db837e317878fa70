"""The canned query `tco`: a cost comparison as rows, from an SQL function that reads the same database."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from sqlite_utils import Database

from aiwire.exceptions import AiwireError, ConfigError
from aiwire.tco.inputs import INPUTS
from aiwire.web.scenarios import EXAMPLE, FIELDS, scenario_of
from db.queries.canned import CannedQuery

__all__ = ["FUNCTION", "TCO", "compared", "register"]

FUNCTION = "aiwire_tco"
LONGEST = 20_000  # characters of its argument
_ARGUMENTS = 40  # pairs of one json_object: SQLite takes up to 100 arguments

_COLUMNS = {  # column -> type of SQL
    "option": "TEXT", "kind": "TEXT", "is_cheapest": "INTEGER", "total_usd": "REAL", "upfront_usd": "REAL",
    "usd_per_month": "REAL", "usd_per_gpu_hour": "REAL", "usd_per_mtok": "REAL", "capital_usd": "REAL",
    "operation_usd": "REAL", "buying_pays_off_in_month": "REAL", "buying_pays_off_from_utilisation": "REAL",
    "accelerator_id": "TEXT", "months": "REAL", "error": "TEXT",
}  # fmt: skip


def _argument_sql() -> str:
    """Return SQL for one JSON object of all parameters."""
    objects = []
    for start in range(0, len(FIELDS), _ARGUMENTS):
        pairs = ", ".join(f"'{name}', :{name}" for name in FIELDS[start : start + _ARGUMENTS])
        objects.append(f"json_object({pairs})")
    found = objects[0]
    for one in objects[1:]:
        found = f"json_patch({found}, {one})"
    return found


def _words() -> dict[str, str]:
    words = {
        "accelerator": "family or part, such as nvidia-h100",
        "part": "part of that family, such as nvidia-h100-sxm5-80gb; empty: the one that the providers rent",
        "count": "how many accelerators",
        "compare": "what is compared, by commas: buy, aws, aws:spot, azure:reserved-1y, api:openai/gpt-5; empty: buying"
        " and the cheapest providers near",
        "utilisation": "share of all hours in which they work, such as 0.6",
        "years": "how long costs are counted",
        "country": "whose tariff and grid, such as DE",
        "region": "only offers of this region",
        "set": "inputs of one option, by spaces: aws.managed_share=0.1",
    }
    return words | {name: _input_words(name) for name in FIELDS if name not in words}


def _input_words(name: str) -> str:
    spec = INPUTS[name]
    return f"{spec.meaning.rstrip('.')}, in {spec.unit}; empty: as the reference has it"


TCO = CannedQuery(
    "tco",
    "Buy, rent or call an API",
    "What the same work costs in US dollars if accelerators are bought, rented, or a model is paid by the token: a row"
    " per option. An empty parameter has the value of the example, or that of the reference. error: why nothing was"
    " calculated. The page has every input with its source; `aiwire tco` calculates the same.",
    "SELECT "
    + ", ".join(
        f"CAST(json_extract(value, '$.{name}') AS {kind}) AS {name}" if kind == "REAL"
        else f"json_extract(value, '$.{name}') AS {name}"
        for name, kind in _COLUMNS.items()
    )
    + f"\nFROM json_each({FUNCTION}({_argument_sql()}))",
    {name: EXAMPLE.get(name, "") for name in FIELDS},
    _words(),
)  # fmt: skip


def register(conn: sqlite3.Connection, clock: Callable[[], datetime]) -> None:
    """Teach a connection the function that `tco` calls: aiwire_tco(json) -> json.

    Args:
        clock: gives the time at which prices are judged old or not.
    """
    conn.create_function(FUNCTION, 1, lambda argument: _answer(conn, argument, clock()))


def _answer(conn: sqlite3.Connection, argument: object, now: datetime) -> str:
    """Return the rows as JSON: SQLite would tell a caller of an exception no more than that there was one."""
    factory, conn.row_factory = conn.row_factory, None
    try:
        return json.dumps(compared(Database(conn), argument, now=now))
    except AiwireError as e:
        return json.dumps([{"error": str(e)}])
    except sqlite3.OperationalError as e:
        if e.args == ("interrupted",):  # the time limit of the reader: theirs to tell
            raise
        return json.dumps([{"error": f"the reference cannot be read: {e}"}])
    finally:
        conn.row_factory = factory


def compared(db: Database, argument: object, *, now: datetime) -> list[dict[str, Any]]:
    """Return what each option costs: a row per option, with the columns of the canned query.

    Args:
        argument: a JSON object of the fields of `aiwire.web.scenarios.FIELDS`, as a text.

    Raises:
        ConfigError: an input is missing, unknown or may not have its value, or there is nothing to compare.
    """
    from aiwire.pipeline.costs.inputs import resolve
    from aiwire.tco.model import compare
    from aiwire.tco.results import cheapest_of

    scenario = scenario_of(db, _given(argument), today=now.date())
    resolved = resolve(db, scenario, today=now.date())
    found = compare({key: one.mid for key, one in resolved.inputs.items()}, resolved.options)
    cheapest = cheapest_of({one.name: one.total for one in found.options})
    months = resolved.inputs["horizon_months"].mid
    even = {one.other: one for one in found.break_even}
    return [
        {
            "option": one.name, "kind": one.kind, "is_cheapest": int(one.name in cheapest), "total_usd": one.total,
            "upfront_usd": one.upfront, "usd_per_month": sum(one.monthly) / months,
            "usd_per_gpu_hour": one.usd_per_gpu_hour, "usd_per_mtok": one.usd_per_mtok, "capital_usd": one.capex,
            "operation_usd": one.opex,
            "buying_pays_off_in_month": even[one.name].months if one.name in even else None,
            "buying_pays_off_from_utilisation": even[one.name].utilisation if one.name in even else None,
            "accelerator_id": resolved.part.id, "months": months,
        }
        for one in found.options
    ]  # fmt: skip


def _given(argument: object) -> dict[str, list[str]]:
    """Return the fields of an argument; one that is no JSON object has none."""
    if not isinstance(argument, str) or len(argument) > LONGEST:
        raise ConfigError(f"{FUNCTION}: accepted is a JSON object as a text of up to {LONGEST:,} characters")
    try:
        found = json.loads(argument)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise ConfigError(f"{FUNCTION}: accepted is a JSON object, such as {json.dumps(EXAMPLE)}")
    return {name: _texts(value) for name, value in found.items()}


def _texts(value: object) -> list[str]:
    values: Iterable[object] = value if isinstance(value, list) else [value]
    return [str(one) for one in values if one is not None] or [""]
