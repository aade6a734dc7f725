"""A page as one file: nothing in it is fetched from anywhere."""

import base64
from pathlib import Path

from polytask_contract.durable import replacing
from polytask_learning.reports.markup import Markup, element
from polytask_learning.reports.style import STYLE

REPORT = "report.html"

# A browser keeps to this even if something slipped in: what is not in the file is not loaded.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; media-src data:"


def page(title: str, *parts: str) -> str:
    """Return an HTML document."""
    head = "".join(
        (
            '<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            element("title", title),
            f"<style>{STYLE}</style>",
        )
    )
    body = element("body", element("main", *parts))
    return f'<!doctype html>\n<html lang="en"><head>{head}</head>{body}</html>\n'


def write_page(folder: Path, text: str) -> Path:
    """Write a page as the report in `folder`, whole or not at all, and return its path."""
    path = folder / REPORT
    with replacing(path) as aside:
        aside.write_text(text, encoding="utf-8")
    return path


def section(title: str, *parts: str) -> Markup:
    """Return a part of a page under its title."""
    return element("section", element("h2", title), *parts)


def card(title: str, *parts: str, class_: str = "card") -> Markup:
    """Return a box under its title."""
    return element("div", element("h3", title), *parts, class_=class_)


def pair(*parts: str, class_: str = "pair") -> Markup:
    """Return parts side by side, where there is room."""
    return element("div", *parts, class_=class_)


def video(mp4: bytes, caption: str, about: str) -> Markup:
    """Return a film that is part of the page."""
    source = "data:video/mp4;base64," + base64.b64encode(mp4).decode("ascii")
    shown = element("video", src=source, controls=True, loop=True, muted=True, playsinline=True)
    return element("figure", element("figcaption", caption, element("small", f" {about}")), shown)
