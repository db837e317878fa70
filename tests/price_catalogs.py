"""Catalogues of prices as the two projects write them, with figures that were made up."""

import csv
import io
import zipfile

SKYPILOT_COLUMNS = (
    "InstanceType", "vCPUs", "MemoryGiB", "AcceleratorName", "AcceleratorCount", "GpuInfo", "Region",
    "AvailabilityZone", "Price", "SpotPrice",
)  # fmt: skip
GPUHUNT_COLUMNS = (
    "instance_name", "location", "price", "cpu", "memory", "gpu_count", "gpu_name", "gpu_memory", "spot", "disk_size",
    "gpu_vendor", "flags", "cpu_arch", "provider_data",
)  # fmt: skip


def csv_bytes(columns, rows):
    """Return a CSV file with a head; cells that a row does not name are blank."""
    file = io.StringIO(newline="")
    writer = csv.DictWriter(file, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue().encode()


def gpu_info(name, count, mib):
    """Return the cell that SkyPilot's collectors write: the repr of a dict."""
    return repr(
        {"Gpus": [{"Name": name, "Count": count, "MemoryInfo": {"SizeInMiB": mib}}], "TotalGpuMemoryInMiB": mib}
    )


def skypilot_row(instance="", name="", count="", price="", *, spot="", region="north-1", zone="", mib=None, info=None):
    """Return one row of a vms.csv."""
    if info is None:
        info = gpu_info(name, count, mib) if mib is not None else ""
    return {
        "InstanceType": instance, "AcceleratorName": name, "AcceleratorCount": count, "GpuInfo": info,
        "Region": region, "AvailabilityZone": zone, "Price": price, "SpotPrice": spot,
    }  # fmt: skip


def skypilot_csv(*rows, columns=SKYPILOT_COLUMNS):
    """Return a vms.csv."""
    return csv_bytes(columns, [{name: row[name] for name in columns if name in row} for row in rows])


def gpuhunt_row(instance, name, count, price, *, memory="", spot=False, location="north-1", flags=""):
    """Return one row of a provider's file."""
    return {
        "instance_name": instance, "location": location, "price": price, "cpu": 8, "memory": 64.0, "gpu_count": count,
        "gpu_name": name, "gpu_memory": memory, "spot": spot, "flags": flags, "cpu_arch": "x86", "provider_data": "{}",
    }  # fmt: skip


def gpuhunt_csv(*rows):
    """Return a provider's CSV file."""
    return csv_bytes(GPUHUNT_COLUMNS, rows)


def zipped(**files):
    """Return a zip archive: `aws=...` becomes aws.csv."""
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(f"{name}.csv", content)
    return body.getvalue()
