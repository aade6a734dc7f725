"""Fills the measured times into docs/safety.md.

The page is written by hand but for what stands between `<!-- filled: stop_times -->` and
`<!-- end -->`: that is made of docs/results/stop.json, which `./run bench stop` prints.
"""

import json
import re
from pathlib import Path
from typing import Any

DOCS = Path(__file__).resolve().parent
PAGE, RESULT = DOCS / "safety.md", DOCS / "results" / "stop.json"
BLOCK = re.compile(r"(<!-- filled: stop_times -->\n).*?(<!-- end -->)", flags=re.DOTALL)
HEAD = (
    "| event | wire: median, p99 | tool: median, p99, worst | n |",
    "| --- | --- | --- | --- |",
)


def table(result: dict[str, Any]) -> str:
    """Return the times of each case [s]; the wire has none where nobody is left to send."""
    lines = [*HEAD]
    for name, case in result["cases"].items():
        wire, tool = case["wire"], case["tool"]
        sent = f"{wire['median']:.3f}, {wire['p99']:.3f} s" if wire["n"] else "-"
        rest = f"{tool['median']:.3f}, {tool['p99']:.3f}, {tool['worst']:.3f} s"
        lines.append(f"| {name} | {sent} | {rest} | {tool['n']} |")
    return "\n".join([*lines, "", f"On {result['device']}."])


def filled(text: str) -> str:
    """Return the page with the newest figures between its marks, which stay."""
    told = "Not measured yet: `./run bench stop` does it."
    if RESULT.is_file():
        told = table(json.loads(RESULT.read_text(encoding="utf-8")))
    return BLOCK.sub(lambda mark: f"{mark[1]}\n{told}\n\n{mark[2]}", text)


def main() -> None:
    """Write the page anew."""
    text = filled(PAGE.read_text(encoding="utf-8"))
    aside = PAGE.with_suffix(".partial")
    aside.write_text(text, encoding="utf-8")
    aside.rename(PAGE)


if __name__ == "__main__":
    main()
