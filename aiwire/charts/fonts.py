"""Which installed fonts have the glyphs of a text: DejaVu Sans, which comes with matplotlib, has no CJK."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import lru_cache

from matplotlib.font_manager import FontProperties, findfont, findSystemFonts, fontManager, get_font

__all__ = ["BASE", "families", "lacking"]

BASE = "DejaVu Sans"
# in this order; the names of Linux, macOS and Windows
CANDIDATES = (
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "Noto Sans CJK KR",
    "Noto Sans SC",
    "Source Han Sans SC",
    "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei",
    "Droid Sans Fallback",
    "PingFang SC",
    "Hiragino Sans GB",
    "Apple SD Gothic Neo",
    "Microsoft YaHei",
    "SimHei",
    "Malgun Gothic",
    "Noto Sans",
    "Noto Sans Symbols2",
    "Arial Unicode MS",
)


def families(texts: Iterable[str]) -> tuple[str, ...]:
    """Return the fonts for these texts: the base, and those candidates that have glyphs which it lacks."""
    return tuple(_chosen(_chars(texts)))


def lacking(texts: Iterable[str]) -> str:
    """Return the characters that no font here can show, ascending; they would be boxes in a PNG."""
    chars = _chars(texts)
    for family in _chosen(chars):
        chars -= _glyphs(family)
    return "".join(sorted(chars))


def _chars(texts: Iterable[str]) -> frozenset[str]:
    return frozenset(char for text in texts for char in text if not char.isspace())


def _chosen(chars: frozenset[str]) -> Iterator[str]:
    yield BASE
    left = chars - _glyphs(BASE)
    for installed in (_known, _found):  # the second only if the first do not do
        if not left:
            return
        names = installed()
        for family in CANDIDATES:
            if family in names and left & _glyphs(family):
                left -= _glyphs(family)
                yield family


def _known() -> set[str]:
    """Return the families in matplotlib's list, which it made when it first ran here."""
    return {font.name for font in fontManager.ttflist}


def _found() -> set[str]:
    """Return the families again, with those that were installed since."""
    listed = {font.fname for font in fontManager.ttflist}
    for path in sorted(set(findSystemFonts()) - listed):
        with suppress(OSError, RuntimeError):  # no font that FreeType can read
            fontManager.addfont(path)
    return _known()


@lru_cache(maxsize=len(CANDIDATES) + 1)
def _glyphs(family: str) -> frozenset[str]:
    try:
        font = get_font(findfont(FontProperties(family=family), fallback_to_default=False))
    except (OSError, RuntimeError, ValueError):  # it was taken away since matplotlib made its list, or is damaged
        return frozenset()
    return frozenset(map(chr, font.get_charmap()))
