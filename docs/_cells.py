"""Figures of results as the cells of tables in Markdown."""

from collections.abc import Iterable, Sequence
from typing import Any

NOTHING = "-"

Result = dict[str, Any]
Row = dict[str, str]


def table(rows: Sequence[Row]) -> str:
    """Return a table under the names of its first row's cells, or nothing without rows."""
    head = list(rows[0]) if rows else []
    lines = [head, ["---"] * len(head), *(row.values() for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) if rows else ""


def percent(share: float, digits: int = 0) -> str:
    """Return a share, 1 being all, in parts of a hundred."""
    return f"{100 * share:.{digits}f} %"


def points(difference: float) -> str:
    """Return a difference of two shares in points of a hundred, never as minus zero."""
    return f"{round(100 * difference, 1) + 0.0:.1f}"


def span(numbers: Iterable[float]) -> str:
    """Return a number, or the least and the greatest of several."""
    low, high = min(known := list(numbers)), max(known)
    return f"{low:,.0f}" if low == high else f"{low:,.0f} to {high:,.0f}"


def counted(row: Result) -> str:
    """Return how often a task succeeded, with Wilson's interval."""
    interval = f"{100 * row['low']:.0f} to {percent(row['high'])}"
    return f"{row['successes']} of {row['episodes']} ({interval})"


def effective(found: Result) -> Row:
    """Return the effective tasks, of how many; where returns are measured, also of each."""
    number, tasks = found["effective_tasks"], len(found["tasks"])
    each = f" ({number / tasks:.2f} each)" if found.get("full_return") else ""
    return {"effective tasks": f"{number:.2f} of {tasks}{each}"}


def kept(found: Result) -> str:
    """Return what is left of a policy's experts, with its interval where that is known."""
    left = percent(found["retention"], 1)
    if "retention_interval" in found:
        low, high = found["retention_interval"]
        left += f" ({100 * low:.1f} to {percent(high, 1)})"
    return left


def against(found: Result) -> Row:
    """Return what compares a policy with its experts."""
    taught = f"{found['experts_effective_tasks']:.2f}"
    return effective(found) | {"experts'": taught, "retention": kept(found)}


def effort(found: Result) -> Row:
    """Return what a result stands on; a task's tests are those of all seeds."""
    return {
        "seeds": str(len(found["seeds"])),
        "tests a task": span(row["episodes"] for row in found["tasks"].values()),
        "computed on": found["device"],
        "command": f"`{found['command']}`",
    }
