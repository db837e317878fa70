"""Names of Google's TPU slices: how many chips is `tpu-v5p-3840`?

v2, v3, v4 and v5p slices are named by TensorCores, of which a chip has two; v5e (`v5litepod`) and v6e by chips. Checked
against the prices per chip that gpuhunt has: `tpu-v5p-3840` at 8,064 USD is 4.20 for each of 1,920 chips, and
`tpu-v6e-64` at 172.80 is 2.70 for each of 64.
"""

from __future__ import annotations

import re

from ingest.catalogs.cells import BadCellError

__all__ = ["tpu_slice"]

_SLICE = re.compile(r"(?:tpu-)?(v[0-9]{1,2}[a-z]{0,8})-([0-9]{1,6})")
_NAMED_BY_CORES = frozenset(["v2", "v3", "v4", "v5p"])
_NAMED_BY_CHIPS = frozenset(["v5e", "v5litepod", "v6e"])
_CORES_PER_CHIP = 2


def tpu_slice(name: str) -> tuple[str, int] | None:
    """Return generation (`tpu-v5p`) and number of chips of a slice; None: the name is of no TPU.

    Raises:
        BadCellError: a TPU of which the name does not tell the chips.
    """
    plain = name.casefold()
    match = _SLICE.fullmatch(plain)
    if match is None:
        if plain.startswith("tpu"):
            raise BadCellError(f"{name}: the name does not tell how many chips")
        return None
    generation, number = match[1], int(match[2])
    if generation in _NAMED_BY_CHIPS and number:
        return f"tpu-{generation}", number
    if generation in _NAMED_BY_CORES and number and number % _CORES_PER_CHIP == 0:
        return f"tpu-{generation}", number // _CORES_PER_CHIP
    raise BadCellError(f"{name}: it is not known whether the number counts cores or chips")
