"""The gpuhunt catalogue of dstack: `<base>/v3/<provider>/latest/catalog.zip`, a zip with `<provider>.csv` inside.

A row is an instance type in a region or zone, on-demand or spot; `price` is US dollars an hour for the whole instance
(`src/gpuhunt/_internal/{models,storage,catalog}.py` and `.github/scripts/publish_catalog.sh` of dstackai/gpuhunt).
Traps that were seen in the code that writes the files and what is done about each:

* `gpu_name` drops the form factor: H100 is SXM or PCIe. The part follows from provider and instance
  (`db.reference.names`).
* Google Cloud gives zones, which are merged; T4 and V100 come with every N1 machine type.
* TPU slices have `gpu_count` 1 and the memory of the slice: chips follow from the name. For v2 to v4 the file mixes
  prices of 8 cores, of pods and of a table typed by hand (spot lies above on-demand): left out.
* Prices that are not those of an instance on demand are flagged: reserved ahead in a calendar, or for clusters only.
* Part of a GPU (Azure NV A10, Google G4) has count 1 and less memory, so the name does not resolve to a part.
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib

from aiwire.exceptions import ParseError
from aiwire.types import Catalog, SkippedRow
from ingest.catalogs.cells import NO_CURRENCY, BadCellError, count_of, gigabytes_of, name_of, price_of
from ingest.catalogs.csvfile import MAX_BYTES, Record, read_table
from ingest.catalogs.merging import Quote, merged
from ingest.catalogs.providers import has_dollar_prices, provider_slug
from ingest.catalogs.tpu import tpu_slice

__all__ = ["read"]

_REQUIRED = ("instance_name", "location", "price", "gpu_count", "gpu_name", "spot")
_ZIP_MAGIC = b"PK\x03\x04"
_MAX_MEMBERS = 100
_ZONED = frozenset(["gcp"])  # `location` is a zone: us-central1-a
_OLD_TPUS = frozenset(["tpu-v2", "tpu-v3", "tpu-v4"])
_OTHER_TERMS = {  # flag -> what the price is for
    "gcp-dws-calendar-mode": "price of capacity that is reserved ahead for days (calendar mode), not on demand",
    "runpod-cluster": "price of clusters of several machines only",
}

NO_PRICE = "no price"
OLD_TPU = "prices of TPU v2 to v4 mix units in this catalogue"


def read(body: bytes, *, provider: str, url: str) -> Catalog:
    """Return the offers of one provider's catalogue, given as the zip archive or as the CSV file inside.

    Args:
        provider: the cloud as the catalogue names it, or our slug of it.
        url: where the bytes came from, for messages.

    Raises:
        ParseError: the bytes are not such a file.
    """
    slug = provider_slug(provider)
    content = _unpacked(body, url) if body.startswith(_ZIP_MAGIC) else body
    table = read_table(content, required=_REQUIRED, url=url)
    quotes: list[Quote] = []
    skipped = list(table.skipped)
    for record in table.records:
        try:
            quote = _quote(record, slug)
        except BadCellError as e:
            skipped.append(SkippedRow(record.line, str(e)))
            continue
        if quote is not None:
            quotes.append(quote)
    skipped.sort(key=lambda row: row.line)
    return Catalog(merged(quotes, provider=slug), tuple(skipped), len(table.records) + len(table.skipped))


def _unpacked(body: bytes, url: str) -> bytes:
    """Return the one CSV file of an archive, never more than `MAX_BYTES` of it.

    Raises:
        ParseError: no readable archive, no CSV file or several in it, or a larger one.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            members = archive.infolist()
            names = [member for member in members[:_MAX_MEMBERS] if member.filename.casefold().endswith(".csv")]
            if len(names) != 1:
                raise ParseError(url, f"{len(names)} CSV files in the archive instead of one")
            with archive.open(names[0]) as file:
                content = file.read(MAX_BYTES + 1)
    # what zipfile raises for damaged, encrypted and unknown archives
    except (zipfile.BadZipFile, zlib.error, struct.error, OSError, EOFError, ValueError, RuntimeError) as e:
        raise ParseError(url, f"no readable zip archive: {e}") from e
    if len(content) > MAX_BYTES:
        raise ParseError(url, f"more than {MAX_BYTES:,} bytes of CSV in the archive")
    return content


def _quote(record: Record, slug: str) -> Quote | None:
    """Return what a row says; None: it has no accelerator.

    Raises:
        BadCellError: it is no offer that can be used.
    """
    cells = record.cells
    name = name_of(cells["gpu_name"], "accelerator")
    count = count_of(cells["gpu_count"])
    if name is None and count == 0:
        return None
    if name is None or count == 0:
        raise BadCellError("an accelerator without a name" if name is None else "no count of accelerators")
    if not has_dollar_prices(slug):
        raise BadCellError(NO_CURRENCY)
    for flag in cells.get("flags", "").split():
        if flag in _OTHER_TERMS:
            raise BadCellError(_OTHER_TERMS[flag])
    price = price_of(cells["price"])
    if price is None:
        raise BadCellError(NO_PRICE)
    accelerator, memory, count = _accelerator(name, cells.get("gpu_memory", ""), count)
    instance = name_of(cells["instance_name"], "instance type")
    region = _region(name_of(cells["location"], "location"), slug)
    spot = _is_spot(cells["spot"])
    return Quote(instance, region, accelerator, memory, count, None if spot else price, price if spot else None)


def _accelerator(name: str, memory: str, count: int) -> tuple[str, float | None, int]:
    """Return name, memory in GB and number of the accelerators.

    Raises:
        BadCellError: a TPU whose chips or price are not known.
    """
    tpu = tpu_slice(name)
    if tpu is None:
        return name, gigabytes_of(memory), count
    generation, chips = tpu
    if generation in _OLD_TPUS:
        raise BadCellError(OLD_TPU)
    return generation, None, count * chips


def _region(location: str | None, slug: str) -> str | None:
    if location and slug in _ZONED and location.count("-") >= 2:
        return location.rpartition("-")[0]
    return location


def _is_spot(cell: str) -> bool:
    plain = cell.casefold()
    if plain not in ("true", "false"):
        raise BadCellError(f"spot is neither True nor False: {cell[:40]!r}")
    return plain == "true"
