"""A small reference for the tests of cost comparisons: every figure in it is made up, but of a likely size."""

from datetime import UTC, datetime

from db_rows import ENTITIES, article, make_db, save
from sqlite_utils import Database

from aiwire.types import Entity, Price, Tagging
from db.store import sync_entities

READ = "2026-11-01"  # when all sources were read


def insert(db, table, **values):
    """Insert a row with what every observation must have; a source of its own unless it is given."""
    if table not in ("accelerator_families", "accelerators"):
        number = db.execute(f"SELECT count(*) FROM {table}").fetchone()[0] + 1
        values = {"id": number, "origin": "shipped", "source": f"https://example.org/{table}/{number}"} | values
    Database(db.conn)[table].insert({"as_of": READ} | values)


def add_part(db, part, family, *, name, watts=700.0, memory=80.0):
    insert(
        db, "accelerators", id=part, family_id=family, vendor="NVIDIA", name=name, segment="datacenter",
        status="available", memory_gb=memory, tdp_w=watts, sources="made up",
    )  # fmt: skip
    if watts:
        insert(db, "accelerator_facts", accelerator_id=part, fact="tdp_w", value=str(watts), unit="W", standing="used")


def add_family(db, family, name):
    insert(db, "accelerator_families", id=family, vendor="NVIDIA", kind="product", name=name, source="made up")


def cost_db(path=":memory:"):
    """Return a database with one family of two parts, three providers, one model, two tariffs and all defaults."""
    db = make_db(path)
    sync_entities(db, [*ENTITIES, Entity("gpt", "model", "GPT")])
    with db.atomic():
        add_family(db, "nvidia-h100", "NVIDIA H100")
        add_part(db, "nvidia-h100-sxm5-80gb", "nvidia-h100", name="H100 SXM5 80GB")
        add_part(db, "nvidia-h100-pcie", "nvidia-h100", name="H100 PCIe 80GB", watts=350.0)
        insert(
            db, "hardware_prices", family_id="nvidia-h100", kind="street", item="card", gpu_count=1, usd=23500.0,
            usd_low=20000.0, usd_high=27000.0, price_date="2026",
        )  # fmt: skip
        for provider, region, price, spot in (
            ("aws", "us-east-1", 6.88, 2.5), ("aws", "eu-west-1", 7.5, None), ("lambda", "us-east-1", 2.99, None),
        ):  # fmt: skip
            insert(
                db, "cloud_prices", provider=provider, region=region, instance_type="eight", gpu_count=8,
                accelerator_id="nvidia-h100-sxm5-80gb", ondemand_usd_per_gpu_hour=price, spot_usd_per_gpu_hour=spot,
                reserved_1y_usd_per_gpu_hour=1.99 if provider == "lambda" else None,
            )  # fmt: skip
        insert(
            db, "cloud_prices", provider="hyperstack", instance_type="one", gpu_count=1, ondemand_usd_per_gpu_hour=1.9,
            accelerator_id="nvidia-h100-pcie", region="canada-1",
        )  # fmt: skip
        insert(
            db, "api_prices", provider="openai", model="gpt-5", entity_id="gpt", input_usd_per_mtok=1.25,
            cached_input_usd_per_mtok=0.125, output_usd_per_mtok=10.0, price_date="2025-08-07",
        )  # fmt: skip
        insert(db, "electricity_prices", country="DE", year=2025, sector="industrial", usd_per_kwh=0.2)
        insert(db, "electricity_prices", country="US", year=2025, sector="industrial", usd_per_kwh=0.08)
        insert(db, "grid_carbon", country="DE", year=2025, g_co2e_per_kwh=350.0)
        for name, (low, mid, high, unit) in DEFAULTS.items():
            insert(db, "tco_defaults", name=name, applies_to="", low=low, mid=mid, high=high, unit=unit, trust="fair")
    return db


def quote(words, amount, unit, *, sentence=None, currency="USD", highest=None, qualifier=None, **of):
    """Return a price as the tagger finds it."""
    sentence = sentence or f"It costs {words}."
    start = sentence.find(words)
    return Price(
        words, amount, highest, currency, unit, qualifier, of.get("accelerator"), sentence, "text", start,
        start + len(words), product=of.get("product"),
    )  # fmt: skip


def add_article(db, name, *prices, day=datetime(2026, 10, 1, tzinfo=UTC), source_id="example"):
    """Save an article in which these prices were found."""
    text = "\n".join(price.sentence for price in prices)
    save(db, article(name, text, day=day, tagging=Tagging(prices=prices)), source_id=source_id)


DEFAULTS = {
    "hours_per_month": (730.5, 730.5, 730.5, "hours"),
    "server_factor": (1.5, 1.64, 1.8, "ratio"),
    "network_share": (0.0, 0.19, 0.19, "share of hardware"),
    "storage_usd": (0, 0, 0, "USD"),
    "spares_share": (0, 0, 0.05, "share of accelerators"),
    "residual_share": (0, 0, 0.35, "share of capital"),
    "financed_share": (0, 0, 0, "share of capital"),
    "interest_rate": (0, 0, 0, "per year"),
    "loan_months": (36, 36, 36, "months"),
    "chip_to_server": (1.5, 1.82, 2.0, "ratio"),
    "load_fraction": (0.6, 0.75, 0.9, "share of power"),
    "idle_fraction": (0.2, 0.75, 0.75, "share of power"),
    "pue": (1.1, 1.25, 1.5, "ratio"),
    "colo_usd_per_kw_month": (0, 0, 0, "USD/kW-month"),
    "colo_covers_power": (0, 0, 0, "0 or 1"),
    "maintenance_share": (0.01, 0.1, 0.15, "share of capital per year"),
    "staff_usd_per_accelerator_year": (2250, 6250, 10000, "USD/year"),
    "licence_usd_per_accelerator_year": (0, 0, 4500, "USD/year"),
    "other_usd_per_month": (0, 0, 0, "USD/month"),
    "paid_idle_share": (0, 0, 0, "share of idle hours"),
    "rework_share": (0, 0, 0, "share of hours"),
    "storage_gb": (0, 0, 0, "GB"),
    "storage_usd_per_gb_month": (0, 0, 0, "USD/GB-month"),
    "egress_gb_per_month": (0, 0, 0, "GB/month"),
    "egress_usd_per_gb": (0, 0, 0, "USD/GB"),
    "managed_share": (0, 0, 0.2, "share of rent"),
    "cached_share": (0, 0, 0, "share of input"),
}
