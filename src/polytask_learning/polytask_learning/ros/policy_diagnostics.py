"""The policy's diagnostics (REP-107)."""

import numpy as np
from diagnostic_msgs.msg import DiagnosticStatus, KeyValue

from polytask_learning.distilling.unified_policy import UnifiedPolicy
from polytask_learning.ros.policy_episode import PolicyEpisode

SHARES = (50, 99, 100)


def diagnose(
    name: str,
    policy: UnifiedPolicy | None,
    environment: str,
    under_way: str,
    episode: PolicyEpisode | None,
) -> DiagnosticStatus:
    """Return what the node `name` has loaded and does, and how timely it was.

    `environment` is the suite that is up, if one is; `episode` runs, or is the last one.
    """
    values = {
        "policy": "none",
        "tasks": "none",
        "environment": environment or "none",
        "under way": under_way or "nothing",
    }
    if policy is not None:
        values["policy"] = str(policy.folder.path)
        values["tasks"] = ", ".join(policy.tasks)
    missed = 0 if episode is None else episode.missed_actions
    if episode is not None:
        values |= {
            "task of the newest episode": episode.task or "none",
            "steps": str(episode.steps),
            **_delays(episode.delays),
            "actions that came too late": str(missed),
        }
    said = f"{missed} actions came too late in the newest episode" if missed else under_way
    if policy is None:
        said = "no policy is loaded"
    return DiagnosticStatus(
        level=DiagnosticStatus.WARN if missed else DiagnosticStatus.OK,
        name=f"{name}: policy",
        message=said or "ready",
        hardware_id="" if policy is None else policy.folder.form.suite,
        values=[KeyValue(key=key, value=value) for key, value in values.items()],
    )


def _delays(delays: list[float]) -> dict[str, str]:
    """Return how long it takes from an observation to its action."""
    if not delays:
        return {}
    # A copy: the thread that acts goes on.
    found = np.percentile(1e3 * np.array(delays.copy()), SHARES)
    words = ("p50", "p99", "max")
    return {
        f"observation to action, {word} [ms]": f"{value:.2f}"
        for word, value in zip(words, found, strict=True)
    }
