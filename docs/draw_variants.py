"""Draws what is left of the experts by what their policy was given, as docs/pictures/learned/*.svg.

A picture for each study whose variants are in an order; its figures are those of docs/results/.
The variants are as far apart as each other, for each has some times as much as the one before.
"""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

from polytask_contract.durable import replacing
from polytask_learning.reports.markup import Markup, element, joined

DOCS = Path(__file__).resolve().parent
PICTURES = DOCS / "pictures" / "learned"
STUDIES = {
    "distill_kept": "steps kept of each task",
    "distill_sizes": "weights of the policy",
}
WIDTH, HEIGHT = 640, 300
LEFT, RIGHT, TOP, BOTTOM = 64, 610, 48, 236
# Percent of the experts, between two lines of the grid.
STEP = 1
INK, LINE, FAINT, GRID = "#24292f", "#0969da", "#8c959f", "#d8dee4"


def shares(result: dict[str, Any]) -> dict[str, list[float]]:
    """Return for each variant what is left of the experts [%]: of all seeds, then of each."""
    return {
        name: [100 * one["retention"], *(100 * seed["retention"] for seed in one["of_seeds"])]
        for name, one in result["variants"].items()
    }


def drawing(result: dict[str, Any], along: str) -> Markup:
    """Return the picture of a study's `result`; `along` tells what its variants are."""
    found = shares(result)
    low = int(min(map(min, found.values())) // STEP * STEP)
    high = int(-(-max(map(max, found.values())) // STEP) * STEP)

    def place(number: int, share: float) -> tuple[float, float]:
        right = LEFT + (RIGHT - LEFT) * (number + 0.5) / len(found)
        return right, BOTTOM - (BOTTOM - TOP) * (share - low) / (high - low)

    means = [place(number, all_seeds) for number, (all_seeds, *_) in enumerate(found.values())]
    parts = [element("rect", width=WIDTH, height=HEIGHT, rx=8, fill="white")]
    parts.append(written(f"What is left of the experts' {tasks(result)} tasks", LEFT, 26, size=15))
    for share in range(low, high + 1, STEP):
        _, y = place(0, share)
        parts.append(element("path", d=f"M{LEFT} {y:.1f}H{RIGHT}", stroke=GRID))
        parts.append(written(f"{share} %", LEFT - 8, y + 4, text_anchor="end"))
    for number, (name, (_, *seeds)) in enumerate(found.items()):
        x, _ = place(number, low)
        parts.append(written(spaced(name), x, BOTTOM + 20, text_anchor="middle"))
        parts += [dot(*place(number, share), 3, FAINT) for share in seeds]
    for (x, y), (right, down) in pairwise(means):
        way = f"M{x:.1f} {y:.1f}L{right:.1f} {down:.1f}"
        parts.append(element("path", d=way, stroke=LINE, stroke_width=2))
    parts += [dot(x, y, 4.5, LINE) for x, y in means]
    legend = f"{along}; blue: all seeds, grey: each of {len(seeds)}"
    parts.append(written(legend, (LEFT + RIGHT) / 2, BOTTOM + 44, text_anchor="middle"))
    head = {"xmlns": "http://www.w3.org/2000/svg", "viewBox": f"0 0 {WIDTH} {HEIGHT}"}
    return element("svg", joined(parts), **head, font_family="sans-serif", role="img")


def tasks(result: dict[str, Any]) -> int:
    """Return how many tasks a policy has."""
    return len(next(iter(result["variants"].values()))["tasks"])


def spaced(name: str) -> str:
    """Return a variant's name; of a number, with commas."""
    return f"{int(name):,}" if name.isdigit() else name


def written(text: str, x: float, y: float, size: int = 13, **more: object) -> Markup:
    """Return `text` at a place."""
    return element("text", text, x=f"{x:.1f}", y=f"{y:.1f}", font_size=size, fill=INK, **more)


def dot(x: float, y: float, radius: float, colour: str) -> Markup:
    """Return a dot at a place."""
    return element("circle", cx=f"{x:.1f}", cy=f"{y:.1f}", r=radius, fill=colour)


def drawn() -> dict[str, str]:
    """Return the picture of each study that has been measured, by its name."""
    found = {}
    for name, along in STUDIES.items():
        path = DOCS / "results" / f"{name}.json"
        if path.is_file():
            result = json.loads(path.read_text(encoding="utf-8"))
            found[name] = drawing(result, along) + "\n"
    return found


def main() -> None:
    """Write all pictures anew."""
    for name, picture in drawn().items():
        with replacing(PICTURES / f"{name}.svg") as aside:
            aside.write_text(picture, encoding="utf-8")


if __name__ == "__main__":
    main()
