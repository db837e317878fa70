"""tco: buying, renting and calling an API compared.

command.py  options and outputs    text.py   the report on a terminal
table.py    its tables             rows.py   CSV and JSON
chart.py    the chart              (its sentences: aiwire.pipeline.costs.report)
"""

from aiwire.cli.tco.command import tco

__all__ = ["tco"]
