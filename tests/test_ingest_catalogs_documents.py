"""Which documents the settings ask for, and which reader each one gets."""

from dataclasses import fields

import pytest
from price_catalogs import gpuhunt_csv, gpuhunt_row, skypilot_csv, skypilot_row, zipped

from aiwire.config import Settings
from aiwire.exceptions import ConfigError, ParseError
from ingest.catalogs.documents import CatalogDocument, documents, read

WANTED = ("skypilot_url", "skypilot_catalogs", "gpuhunt_url", "gpuhunt_catalogs", "price_lists")


def _documents(**settings):
    plain = {
        "skypilot_url": "https://s.example.org/c", "skypilot_catalogs": (), "gpuhunt_url": "https://g.example.org/v3",
        "gpuhunt_catalogs": (), "price_lists": (),
    }  # fmt: skip
    return documents(**plain | settings)


def test_each_catalogue_has_its_address_and_the_slug_of_its_cloud():
    assert _documents(
        skypilot_catalogs=("v9/vast",),
        gpuhunt_catalogs=("lambdalabs",),
        price_lists=("ours hardware_prices https://i.example.org/a.csv?b=1",),
    ) == (
        CatalogDocument(
            "gpuhunt/lambda", "gpuhunt", "lambda", "cloud_prices",
            "https://g.example.org/v3/lambdalabs/latest/catalog.zip",
        ),
        CatalogDocument(
            "skypilot/vast", "skypilot", "vast", "cloud_prices", "https://s.example.org/c/v9/vast/vms.csv"
        ),
        CatalogDocument("ours", "list", None, "hardware_prices", "https://i.example.org/a.csv?b=1"),
    )  # fmt: skip


@pytest.mark.parametrize(
    "settings",
    [
        {"skypilot_catalogs": ("v9/lambda",), "gpuhunt_catalogs": ("lambdalabs",)},
        {"skypilot_catalogs": ("v8/lambda", "v9/lambda")},
    ],
)
def test_a_cloud_that_is_asked_for_twice_is_an_error(settings):
    with pytest.raises(ConfigError, match=r"lambda is asked for twice, by .*/lambda and skypilot/lambda"):
        _documents(**settings)


def test_the_default_settings_ask_for_every_cloud_once():
    found = documents(**{f.name: getattr(Settings(), f.name) for f in fields(Settings) if f.name in WANTED})

    assert len({document.name for document in found}) == len(found) >= 10
    assert {document.url.split("/")[2] for document in found} == {
        "dstack-gpu-pricing.s3.eu-west-1.amazonaws.com",
        "raw.githubusercontent.com",
    }


def test_a_document_is_read_by_the_reader_of_its_catalogue():
    ours, theirs = _documents(skypilot_catalogs=("v9/vast",), gpuhunt_catalogs=("aws",))
    vms = skypilot_csv(skypilot_row("1x-L4-1-2", "L4", "1", "0.4"))
    archive = zipped(aws=gpuhunt_csv(gpuhunt_row("g.1x", "L4", 1, 0.7)))

    assert read(ours, archive).offers[0].provider == "aws"
    assert read(theirs, vms).offers[0].provider == "vast"
    with pytest.raises(ParseError) as caught:
        read(theirs, archive)
    assert caught.value.url == theirs.url


def test_a_price_list_has_another_reader():
    (document,) = _documents(price_lists=("ours api_prices https://i.example.org/a.csv",))
    with pytest.raises(ValueError, match="ours is no catalogue"):
        read(document, b"a,b\n")
