"""Names in catalogues of prices -> parts."""

import csv
import io
from collections import Counter
from importlib import resources

import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.reference.names import NameRow, choose, name_rows, plain_name, resolve


def _parts():
    text = resources.files("db.reference").joinpath("data", "accelerators.csv").read_text("utf-8")
    return {row["id"] for row in csv.DictReader(io.StringIO(text, newline=""))}


def _id(catalog, name, memory, **where):
    part = resolve(catalog, name, memory, **where)
    return part and part.accelerator_id


def test_every_name_leads_to_a_part_of_the_reference():
    assert {row.accelerator_id for row in name_rows()} <= _parts()


def test_no_name_has_two_answers():
    keys = Counter((row.catalog, row.provider, row.instance, row.name, row.memory_gb) for row in name_rows())

    assert [key for key, count in keys.items() if count > 1] == []
    assert all(row.name for row in name_rows())


def test_every_row_is_reached_by_an_offer_that_it_describes():
    for row in name_rows():
        for catalog in [row.catalog] if row.catalog else ["skypilot", "gpuhunt"]:
            offers = {"provider": row.provider or None, "instance_type": row.instance or None}
            assert _id(catalog, row.name, row.memory_gb, **offers) == row.accelerator_id, (catalog, row)


@pytest.mark.parametrize(
    "spelling", ["RTX PRO 6000 96GB", "RTX-PRO-6000", "RTXPRO6000", "NVIDIA RTX PRO 6000", "rtx_pro_6000"]
)
def test_one_part_in_many_spellings(spelling):
    assert _id("skypilot", spelling, 96) == "nvidia-rtx-pro-6000-server"
    assert _id("skypilot", spelling, None, instance_type="NVIDIA RTX PRO 6000 Workstation Edition") == (
        "nvidia-rtx-pro-6000-ws"
    )


@pytest.mark.parametrize(
    ("catalog", "name", "memory", "where", "expected"),
    [
        ("gpuhunt", "A100", 40.0, {"provider": "aws"}, "nvidia-a100-sxm4-40gb"),
        ("gpuhunt", "A100", 80.0, {"provider": "aws"}, "nvidia-a100-sxm4-80gb"),
        ("gpuhunt", "A100", 80.0, {"provider": "azure", "instance_type": "Standard_NC24ads"}, "nvidia-a100-pcie-80gb"),
        ("gpuhunt", "A100", 40.0, {"provider": "azure", "instance_type": "Standard_ND96asr"}, "nvidia-a100-sxm4-40gb"),
        ("gpuhunt", "H100", 80.0, {"provider": "runpod", "instance_type": "NVIDIA H100 PCIe"}, "nvidia-h100-pcie-80gb"),
        ("gpuhunt", "H100", 80.0, {"provider": "runpod", "instance_type": "H100 80GB HBM3"}, "nvidia-h100-sxm5-80gb"),
        ("gpuhunt", "H100NVL", 94.0, {}, "nvidia-h100-nvl-94gb"),
        ("gpuhunt", "H200NVL", 141.0, {}, "nvidia-h200-nvl-141gb"),
        ("gpuhunt", "GB200", 192.0, {"provider": "oci"}, "nvidia-gb200"),
        ("gpuhunt", "MI325X", 288.0, {}, "amd-mi325x"),
        ("gpuhunt", "tpu-v5litepod", None, {}, "google-tpu-v5e"),
        ("skypilot", "H100", 93.6, {"provider": "vast"}, "nvidia-h100-nvl-94gb"),
        ("skypilot", "H100", None, {"provider": "nebius", "instance_type": "gpu-h100-sxm"}, "nvidia-h100-sxm5-80gb"),
        ("skypilot", "A100", 40.0, {"provider": "lambda", "instance_type": "gpu_1x_a100"}, "nvidia-a100-pcie-40gb"),
        ("skypilot", "A100", 40.0, {"provider": "lambda", "instance_type": "1x_a100_sxm4"}, "nvidia-a100-sxm4-40gb"),
        ("skypilot", "RTX6000", 24.0, {"provider": "lambda"}, "nvidia-quadro-rtx-6000"),
        ("skypilot", "RTX6000", None, {"provider": "nebius"}, "nvidia-rtx-pro-6000-server"),
        ("skypilot", "RTX_4060_Ti", 16.0, {"provider": "vast"}, "nvidia-rtx-4060-ti-16gb"),
        ("skypilot", "Gaudi HL-205", None, {"provider": "aws"}, "intel-gaudi-hl205"),
        ("skypilot", "B300", 262.0, {"provider": "verda"}, "nvidia-b300-sxm"),
    ],
)  # fmt: skip
def test_memory_provider_and_instance_tell_the_part(catalog, name, memory, where, expected):
    assert _id(catalog, name, memory, **where) == expected


@pytest.mark.parametrize(
    ("name", "memory"),
    [
        pytest.param("Warp Drive 9000", 80.0, id="nobody-knows-it"),
        pytest.param("", None, id="blank"),
        pytest.param("A100", None, id="40-or-80"),
        pytest.param("V100", None, id="16-or-32"),
        pytest.param("A10", 4.0, id="part-of-a-card"),
        pytest.param("RTXPRO6000", 48.0, id="half-a-card"),
        pytest.param("RTX3070", 16.0, id="another-card-of-the-name"),
    ],
)
def test_what_does_not_tell_its_part_is_unknown(name, memory):
    assert resolve("gpuhunt", name, memory) is None


def test_what_was_assumed_is_noted():
    assert resolve("gpuhunt", "H100", 80.0).note == "form factor not said: taken as SXM"
    assert resolve("gpuhunt", "H100", 80.0, provider="aws").note is None
    assert resolve("gpuhunt", "RTXPRO6000", 96.0).note == "edition not said: taken as Server Edition"


def _row(part, *, catalog="", provider="", instance="", memory=None):
    return NameRow(catalog, provider, instance, "x1", memory, part, None)


@pytest.mark.parametrize("order", [1, -1])
def test_the_most_precise_row_decides_in_any_order(order):
    rows = [_row("any"), _row("here", catalog="gpuhunt"), _row("cloud", provider="acme"), _row("type", instance="sxm")]

    def chosen(catalog="skypilot", provider="", instance=""):
        return choose(rows[::order], catalog, None, provider, instance).accelerator_id

    assert chosen() == "any"
    assert chosen("gpuhunt") == "here"
    assert chosen("gpuhunt", "acme") == "cloud"
    assert chosen("gpuhunt", "acme", "Big-SXM-8") == "type"


def test_the_nearest_memory_decides_and_far_ones_are_no_match():
    rows = [_row("small", memory=94.0), _row("large", memory=96.0)]

    assert choose(rows, "gpuhunt", 93.6, "", "").accelerator_id == "small"
    assert choose(rows, "gpuhunt", 97.0, "", "").accelerator_id == "large"
    assert choose(rows, "gpuhunt", 95.0, "", "") is None  # as near to both
    assert choose(rows, "gpuhunt", 80.0, "", "") is None
    assert choose(rows, "gpuhunt", None, "", "") is None


@given(st.text(), st.floats() | st.none(), st.text() | st.none(), st.text() | st.none())
def test_any_name_is_a_part_or_unknown(name, memory, provider, instance):
    part = resolve("skypilot", name, memory, provider=provider, instance_type=instance)

    assert part is None or part.accelerator_id in _parts()


@given(st.text())
def test_a_plain_name_is_letters_and_digits(name):
    assert all(character.isascii() and character.isalnum() for character in plain_name(name))
