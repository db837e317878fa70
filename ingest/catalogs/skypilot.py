"""The SkyPilot catalogue: `catalogs/<version>/<cloud>/vms.csv` of github.com/skypilot-org/skypilot-catalog.

A row is an instance type in a zone; `Price` and `SpotPrice` are US dollars an hour for the whole instance. Versions v5
to v9 differ in the order of the columns and in which of the optional ones there are. Traps that were seen in its files
and what is done about each:

* `SpotPrice` 0.00 in a whole file (Vast): not said. Equal to `Price` (RunPod, AWS): no discount is said, left out.
* Google Cloud prices machine and accelerators in rows of their own (issue 31 of the repository): neither is the price
  of what one rents, and both are left out; TPU slices are whole.
* TPU slices: chips follow from the name (`ingest.catalogs.tpu`). Where no price is known the file has 700.00 for every
  slice size; a price that two sizes share is such a placeholder, because an honest one grows with the chips.
* `GpuInfo` is the `repr` of a Python dict, JSON, or a mixture of both, so it is searched and not parsed. Its memory is
  of one GPU in MiB, or of all of them (Vast), or in GB (RunPod, Shadeform), or 0 (Nebius).
* Vast: `AcceleratorName` calls several parts by one name; the name in the instance type is the exact one.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from aiwire.types import Catalog, SkippedRow
from ingest.catalogs.cells import NO_CURRENCY, BadCellError, count_of, memory_of, name_of, price_of
from ingest.catalogs.csvfile import Record, read_table
from ingest.catalogs.merging import Quote, merged
from ingest.catalogs.providers import has_dollar_prices, provider_slug
from ingest.catalogs.tpu import tpu_slice

__all__ = ["read"]

_REQUIRED = ("instancetype", "acceleratorname", "acceleratorcount", "price", "region")
_SIZE = re.compile(r"""["']SizeInMiB["']\s*:\s*([0-9]{1,9}(?:\.[0-9]{1,6})?)\b""", re.I)
# count, name, CPUs, memory; the newer form has the memory of the GPU before the CPUs
_VAST_NAME = re.compile(r"vastv[0-9]+-[0-9]+x-(.+)(?:-[0-9.]+){3}|[0-9]+x-(.+)(?:-[0-9.]+){2}")
_MIB_FROM = 1_024  # a smaller `SizeInMiB` is in GB: no accelerator has less than 1 GiB
_WHOLE_MEMORY = frozenset(["vast"])  # `SizeInMiB` is of all GPUs of the instance

NO_HOST = "accelerators without their machine, which is a row of its own: not the price of what one rents"
NO_PRICE = "no price: sold out, or not sold by the hour"
PLACEHOLDER = "the same price for TPU slices of different sizes: a placeholder"


def read(body: bytes, *, provider: str, url: str) -> Catalog:
    """Return the offers of one cloud's `vms.csv`.

    Args:
        provider: the cloud as the catalogue names its folder, or our slug of it.
        url: where the bytes came from, for messages.

    Raises:
        ParseError: the bytes are not such a file.
    """
    slug = provider_slug(provider)
    table = read_table(body, required=_REQUIRED, url=url)
    quotes: list[tuple[int, Quote]] = []
    skipped = list(table.skipped)
    for record in table.records:
        if not record.cells["acceleratorname"]:
            continue
        try:
            if not has_dollar_prices(slug):
                raise BadCellError(NO_CURRENCY)
            quotes.append((record.line, _quote(record, slug)))
        except BadCellError as e:
            skipped.append(SkippedRow(record.line, str(e)))
    kept, placeholders = _without_placeholders(quotes)
    skipped += placeholders
    skipped.sort(key=lambda row: row.line)
    return Catalog(merged(kept, provider=slug), tuple(skipped), len(table.records) + len(table.skipped))


def _quote(record: Record, slug: str) -> Quote:
    """Return what a row with an accelerator says.

    Raises:
        BadCellError: it is no offer that can be used.
    """
    cells = record.cells
    instance = name_of(cells["instancetype"], "instance type")
    name = _exact_name(name_of(cells["acceleratorname"], "accelerator") or "", instance, slug)
    count = count_of(cells["acceleratorcount"])
    if count == 0:
        raise BadCellError("no count of accelerators")
    tpu = tpu_slice(name)
    if tpu is None and instance is None:
        raise BadCellError(NO_HOST)
    ondemand, spot = price_of(cells["price"]), price_of(cells.get("spotprice", ""))
    if ondemand is None and spot is None:
        raise BadCellError(NO_PRICE)
    region = name_of(cells["region"], "region")
    if tpu is not None:
        generation, chips = tpu
        return Quote(instance or name, region, generation, None, count * chips, ondemand, spot)
    return Quote(instance, region, name, _memory(cells.get("gpuinfo", ""), count, slug), count, ondemand, spot)


def _exact_name(name: str, instance: str | None, slug: str) -> str:
    match = _VAST_NAME.fullmatch(instance) if slug == "vast" and instance else None
    return match[1] or match[2] if match else name


def _memory(gpu_info: str, count: int, slug: str) -> float | None:
    """Return the memory of one accelerator in GB (GiB where the file has MiB)."""
    match = _SIZE.search(gpu_info)
    if match is None:
        return None
    size = float(match[1])
    gigabytes = size / 1_024 if size >= _MIB_FROM else size
    return memory_of(gigabytes / count if slug in _WHOLE_MEMORY else gigabytes)


def _without_placeholders(quotes: Sequence[tuple[int, Quote]]) -> tuple[list[Quote], list[SkippedRow]]:
    """Leave out prices of TPU slices that are the same for several sizes."""
    sizes: defaultdict[tuple[str, str | None, float | None], set[int]] = defaultdict(set)
    for _, quote in quotes:
        if quote.accelerator.startswith("tpu-"):
            for price in (quote.ondemand, quote.spot):
                sizes[quote.accelerator, quote.region, price].add(quote.count)
    kept: list[Quote] = []
    skipped: list[SkippedRow] = []
    for line, quote in quotes:
        ondemand, spot = (
            None if len(sizes.get((quote.accelerator, quote.region, price), ())) > 1 else price
            for price in (quote.ondemand, quote.spot)
        )
        if ondemand is None and spot is None:
            skipped.append(SkippedRow(line, PLACEHOLDER))
        elif (ondemand, spot) == (quote.ondemand, quote.spot):
            kept.append(quote)
        else:
            which = "spot" if spot is None else "on-demand"
            note = f"{which} price left out: {PLACEHOLDER}"
            kept.append(replace(quote, ondemand=ondemand, spot=spot, note=note))
    return kept, skipped
