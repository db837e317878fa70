"""What a document of prices says, as rows of a reference table: names resolved, one row of a key. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from hashlib import sha256
from importlib import resources

from aiwire.types import Catalog, Offer
from db.reference import names, read_rows
from db.reference.tables import TABLES, Row, Value
from ingest.catalogs import documents

__all__ = ["Reading", "Resolve", "read_document", "read_offers", "read_with"]

Resolve = Callable[[Offer], names.Part | None]  # None: no part is called so


@dataclass(frozen=True, slots=True)
class Reading:
    """A document as rows of a table, and what of it did not become one."""

    table: str
    rows: list[Row]
    total: int  # rows in the document
    skipped: Mapping[str, int] = field(default_factory=dict)  # reason -> rows
    unknown: Mapping[str, int] = field(default_factory=dict)  # name of an accelerator that no part has -> offers


def read_document(
    document: documents.CatalogDocument, body: bytes, *, as_of: str, ids: Mapping[str, Collection[str]]
) -> Reading:
    """Return what a document says.

    Args:
        as_of: ISO date on which it was read.
        ids: table -> ids that there are, for price lists.

    Raises:
        ParseError: it is none of its catalogue.
        InputError: it is a price list and not as it should be.
    """
    if document.kind == "list":
        rows = read_rows(document.table, body, name=document.url, users=True, as_of=as_of, ids=ids)
        return Reading(document.table, rows, len(rows))
    catalog = documents.read(document, body)

    def resolve(offer: Offer) -> names.Part | None:
        return names.resolve(
            document.kind, offer.accelerator, offer.memory_gb,
            provider=offer.provider, instance_type=offer.instance_type,
        )  # fmt: skip

    return read_offers(catalog, resolve, source=document.url, as_of=as_of)


@cache
def read_with() -> str:
    """Return a hash of what rows are made and judged with: readers of catalogues, names of parts, rules."""
    reference, readers = resources.files("db.reference"), resources.files("ingest.catalogs")
    files = [
        reference / "names.py",
        *(reference / "rules").iterdir(),
        *(file for file in (reference / "data").iterdir() if file.name.removesuffix(".csv") not in TABLES),
        *readers.iterdir(),
    ]
    found = sha256()
    for file in sorted((file for file in files if file.name.endswith((".py", ".csv"))), key=lambda file: file.name):
        found.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return found.hexdigest()


def read_offers(catalog: Catalog, resolve: Resolve, *, source: str, as_of: str) -> Reading:
    """Return the offers of a catalogue as rows of `cloud_prices`.

    Of several offers for the same part under one name in one region (two spellings of it, a market) the cheapest counts
    and says so.

    Args:
        source: address that it was read from.
        as_of: ISO date on which it was read.
    """
    unknown: Counter[str] = Counter()
    offers: dict[tuple[Value, ...], list[Offer]] = {}
    for offer in catalog.offers:
        found = resolve(offer)
        if found is None:
            unknown[offer.accelerator] += 1
            continue
        noted = replace(offer, note=_joined(offer.note, found.note))
        key = (offer.provider, offer.region, offer.instance_type, found.accelerator_id, offer.gpu_count)
        offers.setdefault(key, []).append(noted)
    rows = [_row(_cheapest(same), str(key[3]), source, as_of) for key, same in offers.items()]
    skipped = Counter(row.reason for row in catalog.skipped)
    return Reading("cloud_prices", rows, catalog.rows, dict(skipped.most_common()), dict(unknown.most_common()))


def _cheapest(offers: list[Offer]) -> Offer:
    best = min(offers, key=lambda offer: (offer.ondemand or float("inf"), offer.spot or float("inf")))
    if len({(offer.ondemand, offer.spot) for offer in offers}) == 1:
        return best
    return replace(best, note=_joined(best.note, f"the cheapest of {len(offers)} offers under this name"))


def _joined(*notes: str | None) -> str | None:
    return "; ".join(note for note in notes if note) or None


def _row(offer: Offer, accelerator_id: str, source: str, as_of: str) -> Row:
    return {
        "provider": offer.provider,
        "region": offer.region,
        "instance_type": offer.instance_type,
        "accelerator_id": accelerator_id,
        "gpu_count": offer.gpu_count,
        "ondemand_usd_per_gpu_hour": offer.ondemand,
        "spot_usd_per_gpu_hour": offer.spot,
        "reserved_1y_usd_per_gpu_hour": offer.reserved_1y,
        "reserved_3y_usd_per_gpu_hour": offer.reserved_3y,
        "price_date": offer.price_date,
        "source": source,
        "note": offer.note,
        "as_of": as_of,
    }
