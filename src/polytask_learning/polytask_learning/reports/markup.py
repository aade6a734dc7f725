"""HTML and SVG as text, in which everything is escaped that is not markup made here."""

from collections.abc import Iterable, Sequence
from html import escape


class Markup(str):
    """Text that is markup already."""

    __slots__ = ()


def element(name: str, *inside: str, **attributes: object) -> Markup:
    """Return an element; what is `inside` is escaped unless it is Markup.

    `_` in an attribute's name stands for `-`, and at its end for nothing, as in `class_`. An
    attribute that is True has no value, one that is False or None is left out.
    """
    written = "".join(
        _attribute(key.rstrip("_").replace("_", "-"), value)
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    return Markup(f"<{name}{written}>{joined(inside)}</{name}>")


def joined(parts: Iterable[str]) -> Markup:
    """Return `parts` one after another, escaped unless they are Markup."""
    return Markup("".join(part if isinstance(part, Markup) else escape(part) for part in parts))


def table(rows: Iterable[Sequence[str]], head: Sequence[str] = (), class_: str = "") -> Markup:
    """Return a table whose rows begin with what they are about."""
    body = [
        element(
            "tr", element("th", row[0], scope="row"), *(element("td", cell) for cell in row[1:])
        )
        for row in rows
    ]
    titles = [element("th", title, scope="col") for title in head]
    top = [element("thead", element("tr", *titles))] if head else []
    inner = element("table", *top, element("tbody", *body), class_=class_ or None)
    # A table that is wider than a phone scrolls by itself, not the page.
    return element("div", inner, class_="wide")


def _attribute(name: str, value: object) -> str:
    return f" {name}" if value is True else f' {name}="{escape(str(value))}"'
