"""Exports: tidy tables as CSV, Parquet or JSON, described, kept, and the same bytes every time.

request.py  what is asked for               table.py    what a table is: columns, key, rows as data frames
trends.py (trend_columns.py), cooccurrence.py, prices.py, evidence.py, articles.py, entities.py, sources.py: one each
tables.py   all of them by name             selection.py, cells.py, article_columns.py  what they share
writers.py  a table as bytes                meta.py     what describes it: the sidecar and dictionary.csv
kept.py     every export, kept              write.py    the whole export
"""
