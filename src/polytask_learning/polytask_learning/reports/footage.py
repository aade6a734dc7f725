"""What an expert does, filmed: its first success and its first failure."""

from collections.abc import Iterator
from contextlib import closing

from polytask_contract.environment import Environment
from polytask_contract.episodes.rerun import Unrepeatable
from polytask_contract.suites import Policy
from polytask_learning.compute import ComputeSettings
from polytask_learning.reports.filming import Clip, filmed
from polytask_learning.reports.headline import RULE, Headline
from polytask_learning.training.evaluate import evaluate
from polytask_learning.training.run_folder import RunFolder
from polytask_learning.training.trained import TrainedExpert


def film(folder: RunFolder, shown: Headline) -> list[Clip]:
    """Return the first success and the first failure on the headline's seeds, if there are such.

    Raise what TrainedExpert and `find_suite` do, and Unrepeatable for an environment that cannot be
    photographed or in which an episode goes another way than it went.
    """
    compute = ComputeSettings()
    compute.prepare_process()
    trained = TrainedExpert(folder.path, compute)
    policy = trained.policy()
    with closing(trained.environment()) as environment:
        trained.check(environment)
        first: dict[bool, int] = {}
        for seed, success in _verdicts(shown, environment, policy):
            first.setdefault(success, seed)
            if len(first) == 2:
                break
        return [
            _filmed(environment, policy, first[success], success=success)
            for success in (True, False)
            if success in first
        ]


def _verdicts(
    shown: Headline, environment: Environment, policy: Policy
) -> Iterator[tuple[int, bool]]:
    """Yield seeds and whether they were a success, found out only where it is not known."""
    if shown.verdicts:
        yield from zip(shown.seeds, shown.verdicts, strict=True)
        return
    for seed in shown.seeds:
        yield seed, evaluate(environment, policy, [seed]).verdicts[0][RULE]


def _filmed(environment: Environment, policy: Policy, seed: int, *, success: bool) -> Clip:
    clip = filmed(environment, policy, seed)
    if clip.success is not success:
        raise Unrepeatable(f"the episode of seed {seed} went another way when it was filmed")
    return clip
