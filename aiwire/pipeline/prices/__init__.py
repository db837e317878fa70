"""Prices from outside into the reference.

refreshing.py  catalogues and lists of the network    lists.py   price lists of the user
catalogs.py    offers of a catalogue as rows          report.py  what a refresh or import found
"""
