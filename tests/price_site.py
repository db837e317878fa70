"""Catalogues of prices for the tests of a refresh: CSV files as SkyPilot and gpuhunt have them, recorded as WARC, and a
world of two weeks: of its documents one is fine, one changed, one implausible, one broken, one vanished.
"""

from __future__ import annotations

import csv
import io
import json
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from aiwire.cli import cli
from db.connection import open_existing
from ingest.http.warc import Recorder

BASE = "https://prices.example"
H100, A100 = "nvidia-h100-sxm5-80gb", "nvidia-a100-sxm4-80gb"
GONE = 404


def skypilot(*offers: tuple[Any, ...]) -> bytes:
    """A `vms.csv`; an offer is instance type, name of the accelerator, how many, price and spot price of the instance,
    and region."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["InstanceType", "AcceleratorName", "AcceleratorCount", "vCPUs", "MemoryGiB", "GpuInfo", "Price",
                     "SpotPrice", "Region"])  # fmt: skip
    for instance, name, count, price, spot, region in offers:
        writer.writerow([instance, name, count, 16, 128, "", price, spot, region])
    return text.getvalue().encode()


def gpuhunt(*offers: tuple[Any, ...]) -> bytes:
    """A catalogue's CSV; an offer is instance, location, price of it, how many, name and memory of the GPU, spot."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["instance_name", "location", "price", "cpu", "memory", "gpu_count", "gpu_name", "gpu_memory",
                     "spot", "disk_size", "gpu_vendor", "flags", "cpu_arch", "provider_data"])  # fmt: skip
    for instance, location, price, count, name, memory, spot in offers:
        writer.writerow([instance, location, price, 16, 128, count, name, memory, spot, "", "nvidia", "", "x86", ""])
    return text.getvalue().encode()


def address(name: str) -> str:
    """Where the settings of `settings_of` look for a document."""
    catalog, _, cloud = name.partition("/")
    if catalog == "skypilot":
        return f"{BASE}/skypilot/v9/{cloud}/vms.csv"
    return f"{BASE}/gpuhunt/{cloud}/latest/catalog.zip" if catalog == "gpuhunt" else f"{BASE}/{name}.csv"


def settings_of(folder: Path, *documents: str, base: str = BASE, **more: Any) -> Path:
    """An aiwire.toml in `folder` that asks for these documents; a price list is NAME:TABLE."""
    lists: dict[str, list[str]] = {"skypilot": [], "gpuhunt": [], "": []}
    for name in documents:
        catalog, _, cloud = name.partition("/")
        if ":" in name:
            list_name, table = name.split(":")
            lists[""].append(f"{list_name} {table} {base}/{list_name}.csv")
        else:
            lists[catalog].append(f"v9/{cloud}" if catalog == "skypilot" else cloud)
    lines = [
        f'skypilot_url = "{base}/skypilot"',
        f"skypilot_catalogs = {lists['skypilot']!r}",
        f'gpuhunt_url = "{base}/gpuhunt"',
        f"gpuhunt_catalogs = {lists['gpuhunt']!r}",
        f"price_lists = {lists['']!r}",
        *(f"{name} = {value!r}" for name, value in more.items()),
    ]
    path = folder / "aiwire.toml"
    path.write_text("\n".join(lines).replace("'", '"') + "\n")
    return path


def archive(path: Path, now: datetime, documents: Mapping[str, bytes | int], *, etags: Mapping[str, str] = {}) -> Path:
    """A WARC of answers: by the document's name its bytes, or a status that is no 200."""
    with Recorder(path, now=now) as recorder:
        for name, answer in documents.items():
            status, body = (200, answer) if isinstance(answer, bytes) else (answer, b"no")
            headers = [(b"Content-Type", b"text/csv"), *((b"ETag", etags[name].encode()) for _ in range(name in etags))]
            recorder.write(url=address(name), status=status, headers=headers, body=body)
    return path


def call(*arguments: object) -> Result:
    """A command of `aiwire reference` in this process."""
    return CliRunner().invoke(cli, ["reference", *map(str, arguments)], standalone_mode=False)


def rows(path: Path, sql: str, *values: object) -> list[tuple[Any, ...]]:
    """What a query says of a database."""
    db = open_existing(path)
    try:
        return db.execute(sql, list(values)).fetchall()
    finally:
        db.close()


@cache
def loaded() -> bytes:
    """The bytes of a database with the shipped reference: to load it anew for each test takes its time."""
    with tempfile.TemporaryDirectory() as folder:
        assert call("load", "--db", Path(folder, "news.db")).exception is None
        return Path(folder, "news.db").read_bytes()


# ---------------------------------------------------------------- two weeks


FIRST = datetime(2026, 11, 24, 6, tzinfo=UTC)
SECOND = datetime(2026, 12, 1, 6, tzinfo=UTC)
NAMES = ("skypilot/fine", "skypilot/changed", "skypilot/implausible", "skypilot/broken", "skypilot/vanished")
LIST = "ours:api_prices"
HTML = b"<!DOCTYPE html><html><head><title>Rate limit exceeded</title></head><body>Try later</body></html>"
API_HEAD = b"provider,model,input_usd_per_mtok,output_usd_per_mtok,source\n"


def three(prices: tuple[float, ...] = (20.0, 22.0, 24.0)) -> bytes:
    """A document with an offer in each of some regions."""
    return skypilot(*(("h8", "H100-SXM", 8, price, "", f"region-{n}") for n, price in enumerate(prices)))


BEFORE: dict[str, bytes | int] = {
    "skypilot/fine": three(),
    "skypilot/changed": three(),
    "skypilot/implausible": three(),
    "skypilot/broken": three(),
    "skypilot/vanished": three(),
    "gpuhunt/other": gpuhunt(("a8", "eu", 12.0, 8, "A100", 80, "False"), ("a8", "eu", 6.0, 8, "A100", 80, "True")),
    "ours": API_HEAD + b"openai,house-model,1.5,6,contract 7\n",
}
AFTER: dict[str, bytes | int] = {
    "skypilot/fine": three(),
    "skypilot/changed": three((20.0, 11.0)),
    "skypilot/implausible": three((20.0, 22_000.0, 24.0)),
    "skypilot/broken": HTML,
    "skypilot/vanished": GONE,
    "gpuhunt/other": 503,
    "ours": API_HEAD + b"openai,house-model,cheap,6,contract 7\n",
}
ETAGS = {"skypilot/fine": '"1"'}
OFFERS = """
    SELECT region, ondemand_usd_per_gpu_hour, as_of, superseded_at, implausible IS NOT NULL FROM cloud_prices
    WHERE provider = ? ORDER BY region, as_of
"""


def two_weeks(folder: Path) -> Path:
    """Fill a folder with settings, a database and the archives 1 and 2, a week apart."""
    (folder / "news.db").write_bytes(loaded())
    settings_of(folder, *NAMES, "gpuhunt/other", LIST)
    archive(folder / "1.warc.gz", FIRST, BEFORE, etags=ETAGS)
    archive(folder / "2.warc.gz", SECOND, AFTER, etags=ETAGS)
    return folder


def refresh(folder: Path, number: int, *more: str) -> dict[str, Any]:
    """The report of a refresh from an archive of a folder."""
    result = call(
        "refresh", "--config", folder / "aiwire.toml", "--db", folder / "news.db", "--replay",
        folder / f"{number}.warc.gz", "--json", *more,
    )  # fmt: skip
    assert result.exception is None, result.output
    return dict(json.loads(result.stdout))


def lines(report: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The lines of a report by document."""
    return {line["name"]: line for line in report["lines"]}


def prices(folder: Path, provider: str, sql: str = OFFERS) -> list[tuple[Any, ...]]:
    """What a query says of a cloud in a folder's database."""
    return rows(folder / "news.db", sql, provider)
