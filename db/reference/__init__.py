"""The reference: what the hardware is and costs, and what else a cost comparison takes, each value with its source.

The files in `data/` ship with aiwire and are loaded into the tables of the same names; catalogues that are refreshed
and users' own lists go into the same tables. Unknown is NULL, never 0. README.md says where the figures come from.

cells.py, tables.py      cells, columns, keys        superseding.py     which row of a key holds
files.py, load.py        files to rows, to tables    observations.py    rows into tables
parts.py, show.py        parts from their facts      template.py        files for users to fill in
rules/                   what plausible rows are     staging.py         what a refresh has read
names.py                 names in catalogues         changes.py         what it would change
lookup.py, figures.py    values for comparisons      applying.py        putting it into the tables
purchase.py              and prices to buy at        quotes.py          quoted prices for and against
"""

from db.reference.files import read_rows
from db.reference.load import load_reference, row_counts
from db.reference.observations import WriteCounts, end_rows, write_rows
from db.reference.show import describe
from db.reference.tables import KEYS, OBSERVATIONS, REFERENCES, TABLES, VALUES, Column, key_of
from db.reference.template import describe_columns, template

__all__ = [
    "KEYS",
    "OBSERVATIONS",
    "REFERENCES",
    "TABLES",
    "VALUES",
    "Column",
    "WriteCounts",
    "describe",
    "describe_columns",
    "end_rows",
    "key_of",
    "load_reference",
    "read_rows",
    "row_counts",
    "template",
    "write_rows",
]
