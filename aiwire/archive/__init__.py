"""Archives beyond one machine: the same extraction and tagging over WARC files, on a process pool or on Dask.

the job        job.py what is missing, and does it; plan.py which shards; ledger.py the table `shards`; values.py what
               is handed over
who works      local.py processes; cluster.py Dask; outcomes.py what an error means, retries
one shard      shard.py the one function that both call; funnel.py which pages are worth reading; sites.py whose they
               are; articles.py page -> article; rows.py article -> rows; tally.py counts; watchdog.py pages that do
               harm; parts.py Parquet, whole or not at all
all shards     assemble.py parts -> tables; captures.py one row per article; linking.py stories; stock.py stock
               sentences; generations.py tables replaced as a whole; schemas.py columns; tables.py reads them; digest.py
what for       trends.py, counting.py the trend CSV by DuckDB; load.py, selection.py into news.db
"""
