"""Changes of all shipped prices at once: slips of unit, currency and id are caught, honest ones are believed."""

import json
from importlib import resources

import pytest

from db.reference.files import read_shipped, shipped_bytes
from db.reference.rules import check_rows
from db.reference.rules.names import families_named
from db.reference.rules.types import Context
from db.reference.tables import TABLES


@pytest.fixture(scope="module")
def shipped():
    return read_shipped({table: shipped_bytes(table) for table in TABLES})


@pytest.fixture(scope="module")
def everything(shipped):
    text = resources.files("nlp").joinpath("data", "models.jsonl").read_text("utf-8")
    return Context(shipped, models=frozenset(json.loads(line)["id"] for line in text.splitlines()))


def scaled(row, factor):
    """The row with all its prices times a factor."""
    return row | {
        column: value * factor for column, value in row.items() if "usd_per" in column and isinstance(value, float)
    }


def share_caught(table, right, wrong, context):
    caught = {row for row in (violation.row for violation in check_rows(table, wrong, context)) if row is not None}
    changed = {i for i, (before, after) in enumerate(zip(right, wrong, strict=True)) if before != after}
    assert caught <= changed
    return len(caught) / len(changed)


def held(shipped, table):
    return [row for row in shipped[table] if not row["superseded_at"] and not row["implausible"]]


@pytest.mark.parametrize(
    ("name", "families"),
    [
        ("gpu_8x_h100_sxm5", {"nvidia-h100"}),
        ("1H100.80S.32V", {"nvidia-h100"}),
        ("n3-A100x8-NVLink", {"nvidia-a100"}),
        ("BM.GPU.A100-v2.8", {"nvidia-a100"}),
        ("gpu-l40s-d_4gpu-128vcpu-768gb", {"nvidia-l40s"}),
        ("MI300X-192GB", {"amd-mi300x"}),
        ("GH100", set()),
        ("H1000", set()),
        ("a2-highgpu-8g", set()),
        ("p5.48xlarge", set()),
        ("", set()),
    ],
)
def test_a_name_of_an_instance_tells_its_family_where_it_says_so(name, families, everything):
    assert families_named(name, everything.families) == families


@pytest.mark.parametrize(
    ("instance", "part", "other"),
    [
        ("p5.48xlarge", "nvidia-h100-sxm5-80gb", "nvidia-a100-sxm4-80gb"),
        ("p4de.24xlarge", "nvidia-a100-sxm4-80gb", "nvidia-a100-sxm4-40gb"),
        ("p5en.48xlarge", "nvidia-h200-sxm-141gb", "nvidia-h100-sxm5-80gb"),
        ("A100-SXM-80GB", "nvidia-a100-sxm4-80gb", "nvidia-a100-sxm4-40gb"),
        ("A100-PCIe-40GB", "nvidia-a100-pcie-40gb", "nvidia-a100-sxm4-40gb"),
        ("gpu_8x_h100_sxm5", "nvidia-h100-sxm5-80gb", "nvidia-h100-nvl-94gb"),
        ("BM.GPU.H200.8", "nvidia-h200-sxm-141gb", "nvidia-h100-sxm5-80gb"),
    ],
)
def test_an_instance_under_another_parts_id_is_caught(shipped, everything, instance, part, other):
    [row, *_] = [row for row in held(shipped, "cloud_prices") if row["instance_type"] == instance]

    wrong = check_rows("cloud_prices", [row | {"accelerator_id": other}], everything)

    assert row["accelerator_id"] == part
    assert "cloud-instance-has-part" in [violation.rule for violation in wrong]


@pytest.mark.parametrize(
    ("table", "factor", "few"),
    [("cloud_prices", 0.6, 0.01), ("cloud_prices", 1.2, 0.03), ("api_prices", 0.6, 0), ("api_prices", 0.25, 0.02)],
)
def test_honest_changes_of_all_prices_raise_almost_no_objection(shipped, everything, table, factor, few):
    new = [scaled(row, factor) for row in held(shipped, table)]

    assert len({violation.row for violation in check_rows(table, new, everything)}) <= few * len(new)


def test_doubled_spot_prices_are_believed_below_the_price_on_demand(shipped, everything):
    rows = [row for row in held(shipped, "cloud_prices") if row["spot_usd_per_gpu_hour"]]
    rows = [row for row in rows if 2 * row["spot_usd_per_gpu_hour"] < (row["ondemand_usd_per_gpu_hour"] or 0)]

    doubled = [row | {"spot_usd_per_gpu_hour": 2 * row["spot_usd_per_gpu_hour"]} for row in rows]

    assert len(doubled) > 50
    assert check_rows("cloud_prices", doubled, everything) == []


def test_yuan_taken_for_dollars_are_caught_where_the_offer_is_known(shipped, everything):
    for table, share in (("api_prices", 1.0), ("cloud_prices", 0.95)):
        rows = held(shipped, table)
        caught = {violation.row for violation in check_rows(table, [scaled(row, 7.2) for row in rows], everything)}

        assert len(caught) >= share * len(rows)


@pytest.mark.parametrize(
    ("table", "factor"),
    [
        ("cloud_prices", 100),
        ("cloud_prices", 730),
        ("cloud_prices", 1 / 60),
        ("api_prices", 1000),
        ("api_prices", 1e-3),
    ],
    ids=["cents", "by month", "by minute", "per token in thousandths", "per 1,000 tokens"],
)
def test_a_document_in_another_unit_is_caught_row_by_row(shipped, everything, table, factor):
    right = held(shipped, table)

    assert share_caught(table, right, [scaled(row, factor) for row in right], everything) == 1


def test_a_document_with_prices_of_whole_instances_is_caught_in_nine_rows_of_ten(shipped, everything):
    right = [row for row in held(shipped, "cloud_prices") if row["ondemand_usd_per_gpu_hour"]]
    wrong = [scaled(row, row["gpu_count"] if row["gpu_count"] >= 8 else 1) for row in right]

    assert share_caught("cloud_prices", right, wrong, everything) >= 0.9
