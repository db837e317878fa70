"""How values stand in the cells of tables: links, chips, percentages, the words a sentence is quoted for. Pure.

Only for our own database; a value on which there is nothing to say stands there as Datasette shows it. Datasette asks
for all cells of an answer, of which a page shows the first rows or makes something else: so a cell is made when it is
written.
"""

from __future__ import annotations

import json
import re
from typing import Any

from markupsafe import Markup, escape

from aiwire.web.filters import percent
from aiwire.web.links import Links, outside

__all__ = ["Cell", "cell_class", "cell_of", "render_cell", "shortened"]

LONG_CHARS = 90  # from here on a cell gets the width of a text
BRIEF_CHARS = 28  # and from here on that of a few words
CUT_CHARS = 200  # of a text in a table; its row shows all of it
CUT_URL_CHARS = 60
MOST_MARKS = 30  # ways of writing a name that are looked for in a sentence

KINDS = frozenset({"company", "accelerator", "theme", "model", "regulation"})
SIGNALS = {"rising": "rising", "falling": "falling", "flat": "flat", "too_few": "too few to tell"}
ENTITY_COLUMNS = {  # column -> kind of the entity that it names, where that is certain
    "entity_id": "", "entity_a": "", "entity_b": "", "parent": "", "product": "",
    "accelerator": "accelerator", "family_id": "accelerator", "owner": "company",
}  # fmt: skip
ENTITY_KEYS = {"entities": "id", "accelerator_sheet": "family_id", "accelerators": "family_id"}  # beside a name
MARKED = {"evidence": ("surfaces",), "sentence": ("quote", "surface")}  # a sentence, and what it is quoted for
LINK_START, LINK_END, TAG_END = (
    Markup('<a href="'),
    Markup("</a>"),
    Markup('">'),
)  # joined: format() takes 5 times as long
TIME_START, DAY_START, TIME_END = Markup('<time datetime="'), Markup("<time>"), Markup("</time>")
SLUG = re.compile(r"[a-z0-9][a-z0-9._-]*")
DAY = re.compile(r"\d{4}-\d\d-\d\d")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d\S*")


class Cell:
    """A text or number of our database in a page: marked up when, and only if, it is written."""

    __slots__ = ("column", "mount", "row", "table", "value")

    def __init__(self, row: Any, value: str | float, column: str, table: str | None, mount: str) -> None:
        self.row = row
        self.value = value
        self.column = column
        self.table = table
        self.mount = mount

    def shown(self) -> Markup | str:
        """Return it marked up; what there is nothing to say on, as it is: not escaped."""
        found = render_cell(self.row, self.value, self.column, self.table, Links(self.mount))
        return str(self.value) if found is None else found

    def __html__(self) -> str:
        return str(escape(self.shown()))

    __str__ = __html__  # Datasette 1.0 gives cells as JSON, too


def cell_of(row: Any, value: object, column: str, table: str | None, mount: str) -> Cell | Markup | None:
    """Return a cell for Datasette's hook; None: as Datasette shows it.

    Arguments as those of `render_cell`, but mount: the path before all others, with a slash at its end.
    """
    if value is None or value == "" or isinstance(value, bytes):
        return None
    if isinstance(value, str | int | float):
        return Cell(row, value, column, table, mount)
    return render_cell(row, value, column, table, Links(mount))


def render_cell(row: Any, value: object, column: str, table: str | None, links: Links) -> Markup | None:
    """Return a cell of our database as it should be shown, escaped; None: as Datasette shows it.

    Args:
        row: the whole row: values by column.
        value: of the cell; {"value": key, "label": name} where it is the key of a row with a name.
        column: name of the column.
        table: None: the result of a query.
        links: addresses of the site.
    """
    if isinstance(value, dict):
        return _named(row, value, column, links)
    if isinstance(value, str) and value:
        return _text(row, value, column, table, links)
    if isinstance(value, int | float):
        return _number(row, value, column, table, links)
    return None


def cell_class(column: str, value: object) -> str:
    """Return the class of a cell: num, long, brief or none. Its value: as it is stored, or with its label."""
    if isinstance(value, Cell):
        value = value.value
    if isinstance(value, dict):
        value = value.get("label")
    if isinstance(value, int | float):
        return "" if _is_key(column) else "num"
    length = 0 if value is None or isinstance(value, bytes) else len(str(value))
    return "long" if length >= LONG_CHARS else "brief" if length >= BRIEF_CHARS else ""


def shortened(shown: object) -> object:
    """Return a text for a table, cut where it is very long; what is marked up already stays as it is."""
    if isinstance(shown, Cell):
        shown = shown.shown()
    if isinstance(shown, Markup) or not isinstance(shown, str) or len(shown) <= CUT_CHARS:
        return shown
    return shown[:CUT_CHARS].rsplit(None, 1)[0] + " …"


def _named(row: Any, value: dict[str, Any], column: str, links: Links) -> Markup | None:
    key, name = str(value.get("value")), str(value.get("label") or value.get("value"))
    if column in ENTITY_COLUMNS:
        return _chip(key, name, ENTITY_COLUMNS[column] or _kind(row, column), links)
    if column in ("article_id", "other_id"):
        return _link(links.row("articles", key), _cut(name))
    return _link(links.row("sources", key), name) if column == "source_id" else None


def _text(row: Any, value: str, column: str, table: str | None, links: Links) -> Markup | None:
    if column == "title" and (article := _article(row, table)):
        return _link(links.article(article), value)
    if column == "name" and (entity := _entity(row, table)):
        return _chip(entity, value, _kind(row, "entity_id"), links)
    if column in ENTITY_COLUMNS and SLUG.fullmatch(value):
        return _link(links.entity(value), value)
    if column == "accelerator_id" and SLUG.fullmatch(value):
        return _link(links.row("accelerators", value), value)
    if column == "source_id" and SLUG.fullmatch(value):
        return _link(links.row("sources", value), value)
    if column == "signal" and value in SIGNALS:
        return Markup('<span class="signal signal--{}">{}</span>').format(value, SIGNALS[value])
    if column in MARKED:
        return _marked(value, [word for other in MARKED[column] for word in _words(_of(row, other))])
    return _by_form(value)


def _by_form(value: str) -> Markup | None:
    """Return what any text is shown as by what it looks like: an address, a time, a list of words."""
    if value.lower().startswith(("http://", "https://")):
        return _address(value)
    if TIME.fullmatch(value):
        return TIME_START + value + TAG_END + f"{value[:10]} {value[11:16]}" + TIME_END
    if DAY.fullmatch(value):
        return DAY_START + value + TIME_END
    words = _words(value) if value.startswith("[") else []
    return escape(", ".join(words)) if words and words != [value] else None


def _number(row: Any, value: float, column: str, table: str | None, links: Links) -> Markup | None:
    if isinstance(value, int) and column == "story_id":
        return _link(links.query("story", story_id=value), str(value))
    if isinstance(value, int) and (column == "article_id" or (column == "id" and _article(row, table))):
        return _link(links.article(value), str(value))
    if _is_key(column):
        return None
    if column.startswith("share_") or column in ("share", "difference"):
        return escape(percent(value, 2))
    if not isinstance(value, int):
        if value != value or value in (float("inf"), float("-inf")):
            return None
        return escape(f"{value:,.4f}".rstrip("0").rstrip(".") if abs(value) >= 1 or value == 0 else f"{value:.4g}")
    return escape(f"{value:,}") if abs(value) >= 10_000 else None


def _marked(sentence: str, words: list[str]) -> Markup:
    found = sorted({word for word in words if word}, key=len, reverse=True)[:MOST_MARKS]
    if not found:
        return escape(sentence)
    pieces = re.split("(" + "|".join(map(re.escape, found)) + ")", sentence)
    return Markup("").join(
        Markup("<mark>{}</mark>").format(piece) if i % 2 else escape(piece) for i, piece in enumerate(pieces)
    )


def _address(value: str) -> Markup:
    url = outside(value)
    shown = value.split("//", 1)[1].removeprefix("www.")
    shown = shown if len(shown) <= CUT_URL_CHARS else shown[:CUT_URL_CHARS] + "…"
    if url is None:
        return escape(value)
    return Markup('<a href="{}" rel="noopener noreferrer nofollow">{}</a>').format(url, shown)


def _chip(key: str, name: str, kind: str, links: Links) -> Markup:
    if kind not in KINDS:
        return _link(links.entity(key), name)
    return Markup('<a class="chip chip--{0}" title="{0}" href="{1}">{2}</a>').format(kind, links.entity(key), name)


def _link(href: str, text: str) -> Markup:
    return LINK_START + href + TAG_END + text + LINK_END


def _cut(text: str) -> str:
    return text if len(text) <= LONG_CHARS else text[:LONG_CHARS].rsplit(None, 1)[0] + " …"


def _article(row: Any, table: str | None) -> int | None:
    """Return the id of the article that a row is of: a row of `articles`, or of a query that lists articles."""
    key = _of(row, "id")
    is_list = table is None and _of(row, "url") is not None and _of(row, "title") is not None
    return key if isinstance(key, int) and (table == "articles" or is_list) else None


def _entity(row: Any, table: str | None) -> str | None:
    """Return the id of the entity whose name stands in a row."""
    key = _of(row, ENTITY_KEYS.get(table or "", "entity_id"))
    return key if isinstance(key, str) else None


def _kind(row: Any, column: str) -> str:
    kind = _of(row, "kind")
    return kind if column == "entity_id" and isinstance(kind, str) else ""


def _is_key(column: str) -> bool:
    return column in ("id", "rowid", "hash", "key", "year") or column.endswith("_id")


def _words(value: object) -> list[str]:
    """Return the texts of a JSON array; of another text, itself."""
    if not isinstance(value, str):
        return []
    if value.startswith("["):
        try:
            parsed = json.loads(value)
        except (ValueError, RecursionError):
            return [value]
        return [word for word in parsed if isinstance(word, str)] if isinstance(parsed, list) else [value]
    return [value]


def _of(row: Any, column: str) -> object:
    """Return a value of a row; None: it has no such column."""
    try:
        value = row[column]
    except (KeyError, IndexError):
        return None
    return value.get("value") if isinstance(value, dict) else value
