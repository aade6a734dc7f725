"""Why things are unknown, each reason once."""

from collections.abc import Mapping


def by_reason(unknown: Mapping[str, str]) -> dict[str, str]:
    """Return reasons with the names that each is of, from names with the reason of each."""
    names = dict[str, list[str]]()
    for name, reason in unknown.items():
        names.setdefault(reason, []).append(name)
    return {reason: ", ".join(some) for reason, some in names.items()}
