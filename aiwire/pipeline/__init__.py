"""Composes the layers: the only package that imports ingest, nlp and db together.

run.py       the main job          entries.py, pages.py   its pure decisions
retag.py     tag what is stored    report.py, progress.py what it tells
prices/      into the reference    costs/                 a comparison       fitting.py  does a model fit
"""
