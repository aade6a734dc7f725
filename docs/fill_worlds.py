"""Fills the figures of docs/worlds.md in from docs/results/experts-*.json.

The page is written by hand but for the last columns of its tables: under a heading "## `suite`",
a row that begins with a task's name ends with how often the suite's expert accomplished it.
`./run study experts SUITE` makes the figures.
"""

import json
import re
from pathlib import Path
from typing import Any

DOCS = Path(__file__).resolve().parent
PAGE = DOCS / "worlds.md"


def figures(row: dict[str, Any]) -> list[str]:
    """Return the cells that tell one task's result."""
    episodes = row["episodes"]
    return [
        f"{row['successes']} of {episodes}",
        f"{100 * row['low']:.0f} to {100 * row['high']:.0f} %",
        f"{row['any']} of {episodes}",
        f"{row['demonstrations']} of {episodes}",
        f"{row['median_steps_to_success']:.0f}",
    ]


def filled(text: str) -> str:
    """Return the page with the newest figures; rows of a suite without any are left alone."""
    results: dict[str, Any] = {}
    lines = []
    for line in text.splitlines():
        heading = re.match(r"## `(\w+)`", line)
        if heading:
            path = DOCS / "results" / f"experts-{heading[1]}.json"
            found = path.is_file()
            results = json.loads(path.read_text(encoding="utf-8"))["tasks"] if found else {}
        row = re.match(r"\| `([\w-]+)` \| ([^|]+) \|", line)
        if row and row[1] in results:
            lines.append(f"| {' | '.join([f'`{row[1]}`', row[2], *figures(results[row[1]])])} |")
        else:
            lines.append(line)
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write the page anew."""
    text = filled(PAGE.read_text(encoding="utf-8"))
    aside = PAGE.with_suffix(".partial")
    aside.write_text(text, encoding="utf-8")
    aside.rename(PAGE)


if __name__ == "__main__":
    main()
