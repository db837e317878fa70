"""What people type for an input of a cost comparison: on the command line, and in the form of the site. Pure."""

from __future__ import annotations

from aiwire.exceptions import ConfigError
from aiwire.tco.inputs import INPUTS, checked
from aiwire.tco.scenario import Figure

__all__ = ["country_of", "figure_of", "setting_of"]


def country_of(code: str) -> str:
    """Return a country's code in capital letters.

    Raises:
        ConfigError: it is none.
    """
    if len(code) != 2 or not code.isascii() or not code.isalpha():
        raise ConfigError(f"--country {code!r}: accepted is a code of two letters, as DE (ISO 3166-1)")
    return code.upper()


def setting_of(text: str) -> tuple[str, Figure]:
    """Return the input and the figure of NAME=VALUE or NAME=LOW:MID:HIGH.

    Raises:
        ConfigError: it is neither, or the value is not allowed for this input.
    """
    name, equals, value = text.rpartition("=")
    if not equals or not name.strip():
        raise ConfigError(
            f"--set {text!r}: accepted is NAME=VALUE or NAME=LOW:MID:HIGH; `aiwire tco --inputs` lists names"
        )
    return name.strip(), figure_of(name.strip(), value)


def figure_of(key: str, text: str) -> Figure:
    """Return a value or a range, as the user writes it.

    Raises:
        ConfigError: it is neither, or not allowed for this input.
    """
    try:
        values = [float(part) for part in text.split(":")]
    except ValueError:
        values = []
    if len(values) not in (1, 3):
        spec = INPUTS.get(key.rpartition(".")[2])
        accepted = f"; accepted is {spec.accepts()}, in {spec.unit}" if spec else ""
        raise ConfigError(f"input {key}: {text.strip()!r} is neither VALUE nor LOW:MID:HIGH{accepted}")
    low, mid, high = values * 3 if len(values) == 1 else values
    for value in (low, mid, high):
        checked({key: value})
    if not low <= mid <= high:
        raise ConfigError(f"input {key}: {text.strip()!r} is not in rising order; accepted is LOW:MID:HIGH")
    return Figure(low, mid, high)
