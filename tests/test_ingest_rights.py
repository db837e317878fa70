"""Reservations against text and data mining or AI use, as headers and meta elements state them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.pages.extract import extract_page
from ingest.pages.rights import opt_outs

POLICY = "https://press.example/policies/tdm.json"
TDM = "tdm-reservation: 1"


@pytest.mark.parametrize(
    ("headers", "stated"),
    [
        ({}, None),
        ({"tdm-reservation": "1"}, TDM),
        ({"tdm-reservation": " 1 "}, TDM),
        ({"tdm-reservation": "0"}, None),
        ({"tdm-reservation": "yes"}, None),
        ({"tdm-reservation": "1", "tdm-policy": POLICY}, f"{TDM}; tdm-policy: {POLICY}"),
        ({"tdm-policy": POLICY}, None),
        ({"x-robots-tag": "noai"}, "x-robots-tag: noai"),
        ({"x-robots-tag": "NoIndex, NoAI"}, "x-robots-tag: noai"),
        ({"x-robots-tag": "noimageai"}, None),
        ({"x-robots-tag": "noarchive, nosnippet"}, None),
        ({"x-robots-tag": "googlebot: noai"}, None),
        ({"x-robots-tag": "googlebot: noindex, noai"}, None),
        ({"x-robots-tag": "noindex, googlebot: noai"}, None),
        ({"x-robots-tag": "noai, googlebot: noindex"}, "x-robots-tag: noai"),
        ({"x-robots-tag": "aiwire: noai"}, "x-robots-tag: noai"),
        ({"x-robots-tag": "googlebot: noindex, aiwire: noai"}, "x-robots-tag: noai"),
        ({"x-robots-tag": "aiwire: noindex, googlebot: noai"}, None),
        ({"x-robots-tag": "*: noai"}, "x-robots-tag: noai"),
        ({"x-robots-tag": "unavailable_after: 25 Jun 2030 15:00:00 PST, noai"}, "x-robots-tag: noai"),
        ({"x-robots-tag": "max-snippet: 20, noai"}, "x-robots-tag: noai"),
        ({"tdm-reservation": "1", "x-robots-tag": "noai"}, f"{TDM}; x-robots-tag: noai"),
    ],
)
def test_a_reservation_in_the_headers_is_told(headers: dict[str, str], stated: str | None) -> None:
    assert opt_outs(headers) == stated


@pytest.mark.parametrize(
    ("metas", "stated"),
    [
        ({"tdm-reservation": ["1"], "tdm-policy": [POLICY]}, f"{TDM}; tdm-policy: {POLICY}"),
        ({"robots": ["index, follow", "noai, noimageai"]}, "robots: noai"),
        ({"robots": ["noimageai"]}, None),
        ({"googlebot": ["noai"]}, None),
        ({"aiwire": ["noai"]}, "robots: noai"),
    ],
)
def test_a_reservation_in_the_page_is_told(metas: dict[str, list[str]], stated: str | None) -> None:
    assert opt_outs({}, metas) == stated


def test_the_word_of_the_page_goes_over_that_of_the_header() -> None:
    assert opt_outs({"tdm-reservation": "1"}, {"tdm-reservation": ["0"]}) is None
    assert opt_outs({"tdm-reservation": "0"}, {"tdm-reservation": ["1"]}) == TDM


def test_an_extracted_page_carries_the_rights_of_headers_and_page() -> None:
    body = b'<html><head><meta name="TDM-Reservation" content="1"></head><body><p>A text.</p></body></html>'
    found = extract_page(body, headers={"x-robots-tag": "noai", "content-type": "text/html"})

    assert found.rights == f"{TDM}; x-robots-tag: noai"
    assert extract_page(b"<html><body><p>A text.</p></body></html>").rights is None


@given(st.text(max_size=60), st.text(alphabet="noai,: *\nbot", max_size=60), st.text(max_size=20))
def test_no_header_raises_or_is_taken_for_a_reservation_it_does_not_make(tdm: str, robots: str, meta: str) -> None:
    stated = opt_outs({"tdm-reservation": tdm, "x-robots-tag": robots}, {"robots": [meta]})

    assert stated is None or "1" in tdm or "noai" in robots or "noai" in meta.lower()
