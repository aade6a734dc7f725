"""Makes the exact pins of requirements/*.txt anew from the `# wanted:` lines at their heads.

Run it as `./run shell -c 'python -m workspace.pins'` with the oldest Python we support, and then
set up with the newest, to see that every pin exists there too. All files are resolved together, so
that they agree; each lists everything it needs, so that each can be installed by itself.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from workspace.layout import Layout

WANTED = "# wanted: "
PINS_FOLLOW = "# pinned:\n"


def wanted(text: str) -> list[str]:
    """Read what a file asks for by itself, before anything that brings."""
    return [line.removeprefix(WANTED) for line in text.splitlines() if line.startswith(WANTED)]


def head(text: str) -> str:
    """Keep the hand-written part of a requirements file, up to its pins."""
    return text.partition(PINS_FOLLOW)[0]


def resolve(requirements: list[str]) -> dict[str, Any]:
    """Ask pip what it would install for these into an empty place: metadata by canonical name."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed"]
    answer = subprocess.run(
        [*command, "--report", "-", *requirements], check=True, stdout=subprocess.PIPE, text=True
    )
    found = json.loads(answer.stdout)["install"]
    return {canonicalize_name(item["metadata"]["name"]): item["metadata"] for item in found}


def closure(requirements: list[str], resolved: dict[str, Any]) -> set[str]:
    """Name these requirements and everything they bring, directly or not."""
    reached: set[tuple[str, str]] = set()
    waiting = [Requirement(text) for text in requirements]
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        for extra in {"", *requirement.extras}:
            if (name, extra) in reached:
                continue
            reached.add((name, extra))
            brought = [Requirement(text) for text in resolved[name].get("requires_dist", [])]
            waiting += [
                one
                for one in brought
                if one.marker is None or one.marker.evaluate({"extra": extra})
            ]
    return {name for name, _ in reached}


def pin(names: set[str], resolved: dict[str, Any]) -> str:
    """Write one `name==version` a line, without the suffix (+cpu) that only some indexes have."""
    lines = [f"{name}=={resolved[name]['version'].partition('+')[0]}\n" for name in sorted(names)]
    return "".join(lines)


def main() -> None:
    """Rewrite the pins of every requirements file."""
    files: list[Path] = Layout.here().requirement_files()
    texts = {path: path.read_text() for path in files}
    resolved = resolve([line for text in texts.values() for line in wanted(text)])
    for path, text in texts.items():
        pins = pin(closure(wanted(text), resolved), resolved)
        path.write_text(head(text) + PINS_FOLLOW + pins)


if __name__ == "__main__":
    main()
