"""Which documents a refresh of the prices asks for, and which reader each one needs. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from aiwire.exceptions import ConfigError
from aiwire.types import Catalog
from ingest.catalogs import gpuhunt, skypilot
from ingest.catalogs.providers import provider_slug

__all__ = ["CatalogDocument", "Kind", "documents", "read"]

Kind = Literal["skypilot", "gpuhunt", "list"]
PRICES = "cloud_prices"  # the table that both catalogues fill


@dataclass(frozen=True, slots=True)
class CatalogDocument:
    """One file of prices on the network."""

    name: str  # skypilot/vast, gpuhunt/aws, or the name of a price list
    kind: Kind
    provider: str | None  # slug of the cloud; None: a price list may name several
    table: str  # that its rows go into
    url: str


def documents(
    *,
    skypilot_url: str,
    skypilot_catalogs: Sequence[str],
    gpuhunt_url: str,
    gpuhunt_catalogs: Sequence[str],
    price_lists: Sequence[str],
) -> tuple[CatalogDocument, ...]:
    """Return the documents that the settings of these names ask for, in their order.

    Args:
        skypilot_catalogs: folders such as `v9/vast`.
        gpuhunt_catalogs: providers as gpuhunt names them, such as `lambdalabs`.
        price_lists: `NAME TABLE URL` each, as the settings have checked them.

    Raises:
        ConfigError: a cloud is asked for twice: one catalogue's prices would replace the other's each time.
    """
    found = [
        *(_gpuhunt(gpuhunt_url, name) for name in gpuhunt_catalogs),
        *(_skypilot(skypilot_url, folder) for folder in skypilot_catalogs),
        *(_price_list(line) for line in price_lists),
    ]
    _check_distinct(found)
    return tuple(found)


def read(document: CatalogDocument, body: bytes) -> Catalog:
    """Return the offers of a catalogue's document; price lists have another reader (`db.reference.files`).

    Raises:
        ParseError: the bytes are not what the document should be.
    """
    if document.provider is None:
        raise ValueError(f"{document.name} is no catalogue of one cloud")
    reader = skypilot.read if document.kind == "skypilot" else gpuhunt.read
    return reader(body, provider=document.provider, url=document.url)


def _gpuhunt(base: str, name: str) -> CatalogDocument:
    slug = provider_slug(name)
    return CatalogDocument(f"gpuhunt/{slug}", "gpuhunt", slug, PRICES, f"{base}/{name}/latest/catalog.zip")


def _skypilot(base: str, folder: str) -> CatalogDocument:
    slug = provider_slug(folder.rpartition("/")[2])
    return CatalogDocument(f"skypilot/{slug}", "skypilot", slug, PRICES, f"{base}/{folder}/vms.csv")


def _price_list(line: str) -> CatalogDocument:
    name, table, url = line.split()
    return CatalogDocument(name, "list", None, table, url)


def _check_distinct(found: Sequence[CatalogDocument]) -> None:
    by_cloud: dict[str, CatalogDocument] = {}
    for document in found:
        if document.provider is None:
            continue
        other = by_cloud.setdefault(document.provider, document)
        if other is not document:
            raise ConfigError(
                f"{document.provider} is asked for twice, by {other.name} and {document.name}, and each would replace "
                "the other's prices: take it out of skypilot_catalogs or gpuhunt_catalogs"
            )
