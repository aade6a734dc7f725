"""What a run was made of, and what to type to make it again."""

from collections.abc import Mapping, Sequence
from typing import Any

from polytask_contract.seeds import TESTS
from polytask_learning.reports.commands import STORE, commands
from polytask_learning.reports.headline import Headline
from polytask_learning.reports.markup import Markup, element, joined, table
from polytask_learning.reports.page import card, pair
from polytask_learning.training.run_folder import MADE_WITH, SIMULATED

# What to evaluate on when nothing was evaluated on test seeds yet.
TESTED = TESTS[:50]


def particulars(manifest: Mapping[str, Any]) -> Markup:
    """Return the configuration, the demonstrations and the versions in a manifest."""
    shown = manifest.get("demonstrations", [])
    hashes = element("ol", *(element("li", str(one)) for one in shown), class_="hash")
    said = element("p", "Each file's SHA-256:", class_="soft")
    counted = card(f"{len(shown)} demonstration{'s' if len(shown) != 1 else ''}", said, hashes)
    version = manifest.get("reward_version")
    made = dict(manifest.get(MADE_WITH, {})) | ({"reward": version} if version else {})
    # Whether the world was a simulation is no version of anything.
    world = {SIMULATED: made.pop(SIMULATED)} if SIMULATED in made else {}
    left = [facts("Asked for", manifest.get("request", {}) | world), counted]
    left += [facts("Computed on", manifest["compute"])] if "compute" in manifest else []
    left += [facts("Versions", made)]
    settings = facts("Settings", manifest.get("settings", {}))
    return pair(pair(*left, class_="stack"), pair(settings, class_="stack"))


def reproduction(manifest: Mapping[str, Any], shown: Headline | None) -> Markup:
    """Return the commands."""
    seeds = shown.seeds if shown and shown.test else TESTED
    typed = commands(manifest["request"], manifest.get("compute", {}), seeds)
    note = (
        f"The demonstrations are those whose checksums are above; the first line makes {STORE} "
        "from the suite's script, where it has one."
    )
    shown_any = manifest["request"].get("demonstrations", 1)
    return to_type(typed, note if shown_any else "")


def to_type(lines: Sequence[str], note: str = "") -> Markup:
    """Return a box of command lines, under a note about them."""
    text = [element("p", note, class_="soft")] if note else []
    spans = [element("span", line) for line in lines]
    return element("div", *text, element("pre", joined(spans)), class_="card")


def facts(title: str, known: Mapping[str, Any], *notes: Markup) -> Markup:
    """Return a box of names and what they are, over notes.

    Numbers, lists and truths are written as people do, and nothing as a dash.
    """
    rows = [[name.replace("_", " "), _written(value)] for name, value in known.items()]
    return card(title, table(rows, class_="facts"), *notes)


def _written(value: Any) -> str:
    if value in ("", []):
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(_written, value))
    return f"{value:,}" if isinstance(value, int) else str(value)
