"""The elements of an SVG, everything in them escaped. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from markupsafe import Markup, escape

__all__ = ["area", "element", "line", "path", "rect", "svg", "text"]

Point = tuple[float, float]


def element(name: str, content: Markup | str = "", /, **attributes: object) -> Markup:
    """Return an element. `class_` is class, other underscores are hyphens; None leaves an attribute out."""
    said = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_written(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    return Markup(f"<{name}{said}>{escape(content)}</{name}>")  # noqa: S704 (all parts are escaped, names are ours)


def svg(width: float, height: float, parts: Iterable[Markup], *, title: str, description: str, class_: str) -> Markup:
    """Return a whole drawing of `width` x `height` units that scales with its place on the page.

    Args:
        title: what it shows, read out.
        description: what can be seen in it, in sentences: its text alternative; "": the table beside it says all.
        class_: for the style sheet.
    """
    label = f"{title}. {description}" if description else title
    return element(
        "svg", Markup("").join(parts), xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {_written(width)} {_written(height)}", role="img", aria_label=label, class_=class_,
    )  # fmt: skip


def line(points: Sequence[Point], *, class_: str, title: str | None = None) -> Markup:
    """Return a line through points."""
    return path("M" + "L".join(f"{_written(x)} {_written(y)}" for x, y in points), class_=class_, title=title)


def area(upper: Sequence[Point], lower: Sequence[Point], *, class_: str) -> Markup:
    """Return the area between two lines over the same places."""
    around = [*upper, *reversed(lower)]
    return path("M" + "L".join(f"{_written(x)} {_written(y)}" for x, y in around) + "Z", class_=class_)


def path(d: str, *, class_: str, title: str | None = None) -> Markup:
    """Return a path of SVG commands."""
    return element("path", _titled(title), d=d, class_=class_)


def rect(x: float, y: float, width: float, height: float, *, class_: str, title: str | None = None) -> Markup:
    """Return a rectangle; the title shows where the pointer rests."""
    return element("rect", _titled(title), x=x, y=y, width=max(width, 0.0), height=max(height, 0.0), class_=class_)


def text(x: float, y: float, content: str, *, class_: str = "label", anchor: str = "start") -> Markup:
    """Return a text. `anchor`: start, middle or end."""
    return element("text", escape(content), x=x, y=y, class_=class_, text_anchor=anchor)


def _titled(title: str | None) -> Markup:
    return element("title", escape(title)) if title else Markup("")


def _written(value: object) -> str:
    """Return a number with a tenth of a unit, which is less than a pixel; all else as it is."""
    if isinstance(value, float):
        return f"{value:.1f}".removesuffix(".0")
    return str(value)
