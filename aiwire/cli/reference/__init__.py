"""reference: the hardware and cost tables.

group.py    load, show, template      refresh.py  refresh, import    report.py  what they print
check.py    check, status             sheet.py    what show prints   history.py three voices on a price
"""

from aiwire.cli.reference.group import reference

__all__ = ["reference"]
