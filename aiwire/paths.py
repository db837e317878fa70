"""Where the files that ship with aiwire are. Pure but for looking whether a file exists."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

__all__ = ["metadata_path", "package_file"]


def package_file(*parts: str) -> Path:
    """Return the path of a data file inside the `aiwire` package: `package_file("sample", "gold.jsonl")`."""
    return Path(str(resources.files("aiwire"))).joinpath(*parts)


def metadata_path() -> Path:
    """Return `datasette_metadata.json`: the wheel's copy, else the checkout's own at the top of the project."""
    packaged = package_file("datasette_metadata.json")
    return packaged if packaged.is_file() else packaged.parent.parent / packaged.name
