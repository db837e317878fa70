"""Small reference files for tests, and the rows in them."""

import csv
import io

from db.reference.tables import TABLES

READ = {"source": "https://example.org/a", "as_of": "2026-11-01"}

FAMILY = {"id": "acme-x1", "vendor": "Acme", "kind": "product", "name": "Acme X1", **READ}
PART = {
    "id": "acme-x1-pcie", "family_id": "acme-x1", "vendor": "Acme", "name": "Acme X1 PCIe", "variant": "PCIe",
    "segment": "datacenter",
}  # fmt: skip
FACT = {"accelerator_id": "acme-x1-pcie", "fact": "memory_gb", "value": "80", "unit": "GB", "standing": "used", **READ}
OFFER = {
    "provider": "cloudy", "region": "north", "instance_type": "x1.8", "accelerator_id": "acme-x1-pcie",
    "gpu_count": 8, "ondemand_usd_per_gpu_hour": 2.5, **READ,
}  # fmt: skip
SERVER = {
    "family_id": "acme-x1", "accelerator_id": "acme-x1-pcie", "kind": "street", "item": "card", "gpu_count": 1,
    "usd": 9000, "price_date": "2026-05", **READ,
}  # fmt: skip
MODEL = {"provider": "talky", "model": "talk-1", "input_usd_per_mtok": 1, "output_usd_per_mtok": 4, **READ}
TARIFF = {"country": "DE", "year": 2025, "sector": "industrial", "usd_per_kwh": 0.17, **READ}
CARBON = {"country": "DE", "year": 2024, "g_co2e_per_kwh": 350, **READ}
DEFAULT = {"name": "pue", "low": 1.1, "mid": 1.25, "high": 1.5, "unit": "ratio", "trust": "fair", **READ}
SHAPE = {"name": "talk-open-7b", "params_b": 7.2, "layers": 32, "kv_heads": 8, "head_dim": 128, **READ}

ONE_OF_EACH = {
    "accelerator_families": [FAMILY], "accelerators": [PART], "accelerator_facts": [FACT], "cloud_prices": [OFFER],
    "hardware_prices": [SERVER], "api_prices": [MODEL], "electricity_prices": [TARIFF], "grid_carbon": [CARBON],
    "tco_defaults": [DEFAULT], "model_shapes": [SHAPE],
}  # fmt: skip


def content(table, rows, *, columns=None, delimiter=","):
    """Return a file of a table with these rows; cells that a row lacks are empty."""
    text = io.StringIO()
    names = list(TABLES[table]) if columns is None else columns
    writer = csv.DictWriter(text, names, delimiter=delimiter, lineterminator="\n", restval="")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def ship(monkeypatch, folder, **tables):
    """Let these rows, and one row in every other table, be what ships."""
    folder.mkdir(exist_ok=True)
    for table, rows in (ONE_OF_EACH | tables).items():
        (folder / f"{table}.csv").write_bytes(content(table, rows))
    monkeypatch.setattr("db.reference.files.DATA", folder)
