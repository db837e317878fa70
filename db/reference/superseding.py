"""Which of the observations of one key holds. Pure: rows in, rows out.

An observation is a row with `origin`, `as_of`, `gone_at`, `superseded_at` and `implausible`; its key and its values are
`tables.KEYS` and `tables.VALUES`. Its date is its `price_date`, or else the day on which its source was read. Of the
rows of one key that are not gone (`gone_at`: the day on which their own source no longer said so) that row holds which
ranks highest:

    a user's import     before all others; of several the newest
    the newer date      then the later reading; of one day what was refreshed before what is shipped
    what came last      of the same day and the same sort

Every other one is superseded on the first day on which a higher one was there, and holds again when all higher ones are
gone: an import that ends leaves what ranks next. Its `superseded_at` is empty again then; for how long another one held
is in that one. But a catalogue knows all that its provider sells: what is gone from it does not come back by an older
row, if it is not a user's own.

What says the same as the highest row of its kind only moves the day on which it was last read; `read_since` keeps the
first. An implausible row takes nothing's place; it ends when its own origin says something newer. No row is deleted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from db.reference.tables import SHIPPED, VALUES, Key, Row, Value, key_of

__all__ = ["CATALOGS", "IMPORT", "dropped", "is_users", "observed_on", "outranks", "settle", "unsaid"]

CATALOGS = ("skypilot", "gpuhunt")  # origins that know all that a provider sells
IMPORT = "import:"  # what the origin of a user's own rows begins with
_READING = ("origin", "source", "note", "as_of")  # what a newer reading of the same observation replaces


def observed_on(row: Mapping[str, Value]) -> str:
    """Return the date of an observation: an ISO date, month or year."""
    return str(row.get("price_date") or row["as_of"])


def is_users(row: Mapping[str, Value]) -> bool:
    """Tell whether a row is of a user's own list, be it imported or refreshed; one without an origin is not known."""
    return row.get("origin") not in (None, SHIPPED, *CATALOGS)


def outranks(held: Mapping[str, Value], new: Mapping[str, Value]) -> bool:
    """Tell whether a row that holds stays although a new one of its key, which is plausible, says something else."""
    return _rank(held) > _rank(new)


def settle(
    table: str, stored: Sequence[Row], new: Iterable[Row] = (), *, gone: Mapping[int, str] | None = None
) -> list[Row]:
    """Return the rows of one key after new ones came: the stored ones, changed where need be, and those to be stored.

    Args:
        table: that the rows are of.
        stored: rows of one key with their `id`.
        new: rows of the same key in the order in which they came, without `id`; one with `superseded_at` is history.
        gone: ids of stored rows that their source no longer has -> ISO date on which it was seen.
    """
    # of equal rank the last one counts: what held before is after what did not
    rows = sorted(map(dict, stored), key=lambda row: (row["superseded_at"] is None, str(row["superseded_at"] or "")))
    ends = {id(row): row["superseded_at"] for row in rows}
    for row in rows:
        if (day := (gone or {}).get(int(row.get("id") or 0))) and row["gone_at"] is None:
            row["gone_at"] = day
    for row in new:
        _add(table, rows, ends, {"read_since": None, "gone_at": row["superseded_at"]} | row)
    _settle_plausible([row for row in rows if not row["implausible"]], ends)
    _end_implausible(rows)
    return rows


def dropped(table: str, stored: Iterable[Row], rows: Sequence[Row]) -> dict[int, str]:
    """Return which shipped rows end because a new file lacks them: id -> day.

    The day is that of the row that stands in its place, or the newest of the file; of an empty file the row's own.
    """
    said = {(key_of(table, row), _values(table, row), bool(row["implausible"])) for row in rows}
    instead = {key_of(table, row): str(row["as_of"]) for row in rows if _holds(row)}
    newest = max((str(row["as_of"]) for row in rows), default="")
    return {
        int(row["id"] or 0): instead.get(key_of(table, row)) or newest or str(row["as_of"])
        for row in stored
        if row["origin"] == SHIPPED
        and row["gone_at"] is None
        and (key_of(table, row), _values(table, row), bool(row["implausible"])) not in said
    }


def unsaid(table: str, stored: Iterable[Row], rows: Iterable[Mapping[str, Value]]) -> list[Row]:
    """Return the stored rows of a document that a newer version of it does not say any more.

    One that it says with an older date of reading than before is put right: the stored one goes, too. What stands
    beside an implausible row stays: that one says nothing.
    """
    said: dict[tuple[Key, Key, bool], str] = {}  # key, values, whether implausible -> day
    unclear = set()
    for row in rows:
        what = (key_of(table, row), _values(table, row), bool(row.get("implausible")))
        said[what] = max(str(row["as_of"]), said.get(what, ""))
        if row.get("implausible"):
            unclear.add(key_of(table, row))
    return [
        row for row in stored
        if row["gone_at"] is None and (row["implausible"] or key_of(table, row) not in unclear)
        and said.get((key_of(table, row), _values(table, row), bool(row["implausible"])), "") < str(row["as_of"])
    ]  # fmt: skip


def _add(table: str, rows: list[Row], ends: dict[int, Value], row: Row) -> None:
    """Put a new row among those of its key, or note in the one it repeats that it was said again."""
    values = _values(table, row)
    alike = [one for one in rows if _values(table, one) == values]
    if (partner := _partner(rows, alike, row)) is not None:
        ends[id(partner)] = row["superseded_at"] or ends.get(id(partner))
        _read_again(partner, row)
        rows[:] = [*(one for one in rows if one is not partner), partner]  # of equal rank the last one wins
    elif not (alike and _says_nothing_new(rows, alike, row)):
        ends[id(row)] = row["superseded_at"]
        rows.append(row)


def _partner(rows: Sequence[Row], alike: Sequence[Row], row: Row) -> Row | None:
    """Return the row that a new one repeats: the same reading, or an older one of the same that is still so."""
    alike = [one for one in alike if bool(one["implausible"]) == bool(row["implausible"])]
    own = [one for one in alike if one["origin"] == row["origin"]]
    same = [one for one in own if one["as_of"] == row["as_of"] and (row["superseded_at"] or not _was_taken_out(one))]
    if same:
        return next((one for one in reversed(same) if one["gone_at"] is None), same[-1])
    if row["superseded_at"]:  # history, read again
        older = [one for one in own if str(one["as_of"]) < str(row["as_of"])]
        return older[-1] if older else None
    standing = _standing(rows, row) if alike else []
    held = [one for one in alike if any(one is other for other in standing) and _may_renew(one, row)]
    return held[-1] if held else None


def _standing(rows: Sequence[Row], new: Row) -> list[Row]:
    """Return which rows are not gone and the highest of the kind of a new one, or the last that its own source said."""
    if new["implausible"]:
        return [row for row in rows if row["superseded_at"] is None and row["gone_at"] is None]
    rivals = [row for row in rows if not row["implausible"] and _is_rival(row, new)]
    own = [row for row in rivals if row["origin"] == new["origin"]]
    return [row for row in (_highest(rivals), _highest(own)) if row is not None]


def _is_rival(one: Row, row: Row) -> bool:
    """Tell whether two rows are of one import, or neither is of any."""
    if _is_import(str(row["origin"])):
        return one["origin"] == row["origin"]
    return not _is_import(str(one["origin"]))


def _may_renew(held: Row, new: Row) -> bool:
    """Tell whether a new reading may replace that of a row: its own, and a catalogue's that of a shipped copy."""
    is_own = held["origin"] == new["origin"]
    is_copy = not held["implausible"] and not is_users(held) and new["origin"] in CATALOGS
    return (is_own or is_copy) and _rank(new) >= _rank(held)


def _read_again(held: Row, new: Row) -> None:
    """Put a newer reading in the place of that of a row, which keeps the day on which it was first read."""
    if held["as_of"] != new["as_of"]:
        held["read_since"] = held.get("read_since") or held["as_of"]
    was_gone_later = held["gone_at"] is not None and str(held["gone_at"]) > str(new["as_of"])
    held.update({column: new[column] for column in (*_READING, "implausible")})
    if new["gone_at"] or not was_gone_later:
        held["gone_at"] = new["gone_at"]


def _says_nothing_new(rows: Sequence[Row], alike: Iterable[Row], row: Row) -> bool:
    """Tell whether the values of a row are there already and it could not hold, whatever import ends."""
    if row["gone_at"] is not None:
        return False
    alike = [one for one in alike if _is_rival(one, row)]
    if row["implausible"]:
        own = [one for one in alike if one["implausible"] and one["origin"] == row["origin"]]
        return any(_time(one) >= _time(row) for one in own)
    if _is_import(str(row["origin"])):
        return any(one["gone_at"] is None and not one["implausible"] and _rank(one) > _rank(row) for one in alike)
    rivals = [one for one in rows if not one["implausible"] and _is_rival(one, row)]
    higher = [one for one in rivals if _rank(one) > _rank(row) and one["gone_at"] is None]
    return any(one in rivals for one in alike) and (bool(higher) or any(_bars(one, row) for one in _barriers(rivals)))


def _settle_plausible(rows: Sequence[Row], ends: Mapping[int, Value]) -> None:
    """Have the highest row hold, and end the others on the day that was noted before, if any."""
    highest, bars = _highest(rows), _barriers(rows)
    starts: list[str] = []  # of the rows above, not of those that are gone: the first one alone is kept
    ranked = sorted(rows, key=_rank)  # stable: of equal rank the last one is the highest
    for row in reversed(ranked):
        if row is highest:
            row["superseded_at"] = None
        else:
            days = [str(row["gone_at"])] if row["gone_at"] else []
            end = str(ends.get(id(row)) or min([*days, *starts, *(_since(one) for one in bars if _bars(one, row))]))
            row["superseded_at"] = end if end == row["gone_at"] else max(end, observed_on(row))
        if row["gone_at"] is None:
            starts = [min([*starts, _since(row)])]


def _highest(rows: Sequence[Row]) -> Row | None:
    """Return the row that holds of these, which are plausible; of equal rank the last one."""
    bars = _barriers(rows)
    there = [row for row in rows if row["gone_at"] is None and not any(_bars(one, row) for one in bars)]
    return max(reversed(there), key=_rank, default=None)


def _barriers(rows: Iterable[Row]) -> list[Row]:
    return [row for row in rows if row["gone_at"] is not None and row["origin"] in CATALOGS]


def _bars(gone: Row, row: Row) -> bool:
    """Tell whether a row that is gone from a catalogue keeps an older one from coming back."""
    return not is_users(row) and str(gone["gone_at"]) > str(row["as_of"]) and _rank(gone) > _rank(row)


def _end_implausible(rows: Sequence[Row]) -> None:
    for row in rows:
        if row["implausible"] and row["superseded_at"] is None:
            newer = [observed_on(one) for one in rows if one["origin"] == row["origin"] and _time(one) > _time(row)]
            row["superseded_at"] = row["gone_at"] or min(newer, default=None)


def _rank(row: Mapping[str, Value]) -> tuple[bool, str, str, bool]:
    """Return what rows of one key are ranked by."""
    origin = str(row["origin"])
    return (_is_import(origin), *_time(row), origin != SHIPPED)


def _time(row: Mapping[str, Value]) -> tuple[str, str]:
    return observed_on(row), str(row["as_of"])


def _since(row: Mapping[str, Value]) -> str:
    """Return from when on a row was there."""
    return str(row.get("price_date") or row.get("read_since") or row["as_of"])


def _is_import(origin: str) -> bool:
    return origin.startswith(IMPORT)


def _was_taken_out(row: Row) -> bool:
    """Tell whether a user's list had a row and then did not: if the list says it again, that is a new row."""
    return is_users(row) and row["gone_at"] is not None and str(row["gone_at"]) > str(row["as_of"])


def _holds(row: Mapping[str, Value]) -> bool:
    return row["superseded_at"] is None and not row["implausible"]


def _values(table: str, row: Mapping[str, Value]) -> tuple[Value, ...]:
    return tuple(map(row.get, VALUES[table]))
