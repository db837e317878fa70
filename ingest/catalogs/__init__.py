"""Catalogues of cloud prices: bytes in, offers out. Pure; the fetch layer brings the bytes.

documents.py  what to ask for     skypilot.py  vms.csv of the SkyPilot catalogue    merging.py    rows -> offers
csvfile.py    CSV with caps       gpuhunt.py   its archives with a CSV file         providers.py  slugs, currencies
cells.py      cells -> values     tpu.py       slices of TPUs: how many chips?
"""
