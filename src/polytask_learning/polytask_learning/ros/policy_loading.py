"""A policy from the folder of its run, ready to act at once."""

from pathlib import Path
from typing import Any

import dm_env
import numpy as np

from polytask_contract.episodes.form import Form
from polytask_contract.errors import PolyTaskError
from polytask_contract.specification import Specification
from polytask_learning.compute import ComputeSettings
from polytask_learning.distilling.unified_policy import UnifiedPolicy


class NotLoadable(PolyTaskError):
    """A folder holds no policy that can be used here; the message says why."""


def load_policy(run: str, compute: ComputeSettings) -> UnifiedPolicy:
    """Return the unified policy of `run`, after it has acted once.

    Raise NotLoadable for no folder, an expert's, an unfinished or a damaged one.
    """
    if not run:
        raise NotLoadable("run is empty; valid: the folder of a unified policy")
    path = Path(run).absolute()
    try:
        policy = UnifiedPolicy(path, compute)
        _rehearse(policy)
    except PolyTaskError as error:
        raise NotLoadable(str(error)) from error
    except OSError as error:
        raise NotLoadable(f"the policy in {path} cannot be read: {error}") from error
    return policy


def _rehearse(policy: UnifiedPolicy) -> None:
    """Let `policy` understand and act once: what is loaded and made then would delay an episode."""
    form = policy.folder.form
    seen: dict[str, Any] = {"state": np.zeros(form.state_size, np.float32)}
    if form.image:
        seen["image"] = np.zeros((*form.image, 3), np.uint8)
    for modality in policy.book.modalities:
        policy.policy_for(policy.tasks[0], modality)(dm_env.restart(seen))
    if "language" in policy.book.modalities:
        # The text model is not asked for the sentences that the policy has learnt with.
        policy.book.modality("language")(policy.tasks[0])


def check_fits(policy: UnifiedPolicy, specification: Specification) -> None:
    """Raise InvalidEpisode unless `policy` was made for an environment of this `specification`.

    Who acts on states does not care about pictures.
    """
    found, valid = Form.of(specification), policy.folder.form
    if valid.image is None:
        found = found._replace(image=None)
    found.check(valid, "the environment")
