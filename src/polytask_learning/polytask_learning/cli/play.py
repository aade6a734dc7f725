"""`polytask play`: a unified policy does what it is asked for, on film."""

import argparse
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from polytask_contract.cli import argument_types
from polytask_contract.cli.verb import UsageError
from polytask_contract.durable import replacing
from polytask_contract.seeds import TESTS

if TYPE_CHECKING:
    from polytask_learning.distilling.unified_policy import UnifiedPolicy
    from polytask_learning.training.acting import ActingPolicy


class Asked(NamedTuple):
    """What is asked for: the policy with the goal in front of it, the task's world, and words."""

    policy: "ActingPolicy"
    task: str
    said: str


class Play:
    """Lets a policy act in an episode, and writes a video of it."""

    summary = "ask a policy for a task, by a sentence or otherwise, and film what it does"

    def describe(self, parser: argparse.ArgumentParser) -> None:
        """Add its arguments."""
        add = parser.add_argument
        add("run", type=Path, help="the policy's folder")
        goal = parser.add_mutually_exclusive_group(required=True)
        goal.add_argument("--goal", metavar="SENTENCE", help='what to do, as "open the drawer"')
        goal.add_argument("--goal-image", type=Path, metavar="FILE", help="a picture of it done")
        goal.add_argument("--onehot", metavar="TASK", help="one of its tasks, by a one-hot goal")
        goal.add_argument("--index", metavar="TASK", help="one of its tasks, by an index goal")
        add("--task", help="whose world to act in, by default that of the goal's task")
        add("--seed", type=argument_types.seed, default=TESTS.start, help="of the episode")
        add("--output", type=Path, default=Path("play.mp4"), help="the video")

    def perform(self, options: argparse.Namespace) -> int:
        """Act, write the video, and say how it went."""
        # Torch takes seconds to import, which listing the verbs should not.
        from polytask_learning.distilling.unified_policy import UnifiedPolicy  # noqa: PLC0415
        from polytask_learning.reports.filming import filmed  # noqa: PLC0415

        policy = UnifiedPolicy(options.run)
        asked = _asked(policy, options)
        print(f"{asked.said}, in the world of {asked.task}", flush=True)
        with closing(policy.environment(asked.task)) as environment:
            clip = filmed(environment, asked.policy, options.seed)
        with replacing(options.output) as aside:
            aside.write_bytes(clip.mp4)
        ended = "accomplished" if clip.success else "not accomplished"
        print(f"{options.output}: {asked.task} {ended}, seed {clip.seed}, {clip.steps} steps")
        return 0


def _asked(policy: "UnifiedPolicy", options: argparse.Namespace) -> Asked:
    if options.goal is not None:
        meant = policy.understood(options.goal)
        said = f"{options.goal!r} is {meant.task} ({meant.alike:.2f})"
        shown = policy.policy_for(meant.task, "language")
        return Asked(shown, options.task or meant.task, said)
    if options.goal_image is not None:
        if options.task is None:
            valid = ", ".join(policy.tasks)
            raise UsageError(f"a picture does not say in which world to act; give --task: {valid}")
        from polytask_contract.episodes.picture_file import read_picture  # noqa: PLC0415

        goal = read_picture(options.goal_image)
        said = f"the goal is {options.goal_image}"
        return Asked(policy.policy_of("image", goal), options.task, said)
    modality = "onehot" if options.onehot is not None else "index"
    task = options.onehot if options.onehot is not None else options.index
    shown = policy.policy_for(task, modality)
    return Asked(shown, options.task or task, f"{modality} goal of {task}")
