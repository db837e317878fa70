"""Archives beyond one machine: the same extraction and tagging over WARC files, on a process pool or on Dask.

plan.py        which shards                 shard.py      one shard -> rows: the one function that all runners call
job.py         what is missing, and does it funnel.py     which pages are worth their reading
ledger.py      the table `shards`           parts.py      what a shard leaves behind: Parquet, whole or not at all
local.py       runs tasks in processes      assemble.py   parts -> one row per article, stories, partitions by day
cluster.py     runs them on Dask            trends.py     the trend CSV, counted by DuckDB
values.py      what is handed over          load.py       a selection -> news.db
"""
