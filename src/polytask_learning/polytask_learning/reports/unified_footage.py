"""What a unified policy does, filmed: an episode of each of its tasks."""

from contextlib import closing
from typing import NamedTuple

from polytask_contract.episodes.form import Form
from polytask_contract.errors import PolyTaskError
from polytask_contract.seeds import TESTS
from polytask_learning.distilling.unified_policy import UnifiedPolicy
from polytask_learning.reports.filming import Clip, filmed

SEED = TESTS.start
# Many of them are to stay a small file.
SMALL = (192, 192)


class Films(NamedTuple):
    """Of some tasks a film, of the others why there is none."""

    clips: dict[str, Clip]
    problems: dict[str, str]


def film_tasks(policy: UnifiedPolicy, modality: str) -> Films:
    """Return the episode of SEED of each task, asked by a goal of `modality`."""
    films = Films({}, {})
    for task in policy.tasks:
        try:
            films.clips[task] = _filmed(policy, task, modality)
        except PolyTaskError as error:
            films.problems[task] = str(error)
    return films


def _filmed(policy: UnifiedPolicy, task: str, modality: str) -> Clip:
    form = policy.folder.form
    with closing(policy.environment(task)) as environment:
        Form.of(environment.specification).check(form, f"the suite {form.suite}")
        return filmed(environment, policy.policy_for(task, modality), SEED, SMALL)
