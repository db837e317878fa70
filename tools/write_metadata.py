"""Write the canned queries of the code into datasette_metadata.json, for those who use that file without our plugin.

    python tools/write_metadata.py            rewrites the file
    python tools/write_metadata.py --check    says whether it is stale, and ends with 1 if so

Words on tables and columns are written by hand in that file, and stay.
"""

from __future__ import annotations

import json
import sys

from aiwire.paths import metadata_path
from aiwire.web.metadata import metadata


def main(arguments: list[str]) -> int:
    """Rewrite or check the file; return the exit code."""
    path = metadata_path()
    written = json.dumps(metadata(), indent=2, ensure_ascii=False) + "\n"
    if path.read_text(encoding="utf-8") == written:
        return 0
    if "--check" in arguments:
        print(f"{path} is stale: run python tools/write_metadata.py", file=sys.stderr)
        return 1
    path.write_text(written, encoding="utf-8")
    print(f"wrote {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
