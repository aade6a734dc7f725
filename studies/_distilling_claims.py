"""What `./run study distilling` can show."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from polytask_contract.suites import find_suite


@dataclass(frozen=True)
class Claim:
    """Policies of the experts that one claim of `./run study learning` has made.

    Tasks join one after another if it is `lifelong`, otherwise all are there at once. `words` are
    more of the command line; where there are `variants`, each has still others. `tasks` are the
    suite's unless they are given.
    """

    text: str
    suite: str
    experts: str
    goals: tuple[str, ...] = ("onehot",)
    lifelong: bool = False
    words: tuple[str, ...] = ()
    variants: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    tasks: tuple[str, ...] = ()

    @property
    def all_tasks(self) -> tuple[str, ...]:
        """The tasks, by default all of the suite."""
        return self.tasks or find_suite(self.suite).tasks


# Of Meta-World's policy, with 64 features of a goal: from 0.1 to 20 million weights.
WIDTHS = {
    "0.1M": "256 256",
    "0.5M": "616 616",
    "1M": "900 900",
    "4M": "1110 1110 1110 1110",
    "10M": "1780 1780 1780 1780",
    "20M": "2540 2540 2540 2540",
}
CLAIMS = {
    "distill_metaworld": Claim(
        "one policy of all 16 tasks of Meta-World from states, asked by goals of three kinds",
        "metaworld",
        "metaworld_state",
        goals=("onehot", "language", "image"),
        words=("--updates", "40000"),
    ),
    "distill_kitchen": Claim(
        "one policy of all six tasks of the kitchen from states",
        "kitchen",
        "kitchen_state",
    ),
    "distill_xarm": Claim(
        "one policy of all ten tasks at the xArm's table from states",
        "xarm",
        "xarm_ot",
    ),
    "distill_dmc": Claim(
        "one policy of three cheetahs from states",
        "dmc",
        "dmc_state",
        tasks=("torso-1", "torso-5", "torso-10"),
    ),
    "lifelong_metaworld": Claim(
        "16 tasks of Meta-World that join a policy one after another",
        "metaworld",
        "metaworld_state",
        lifelong=True,
    ),
    "lifelong_metaworld_2000": Claim(
        "16 tasks of Meta-World that join a policy one after another, 2,000 steps kept of each",
        "metaworld",
        "metaworld_state",
        lifelong=True,
        words=("--keep", "2000"),
    ),
    "distill_kept": Claim(
        "one policy of 16 tasks of Meta-World from so many kept steps of each",
        "metaworld",
        "metaworld_state",
        variants={str(keep): ("--keep", str(keep)) for keep in (250, 500, 1000, 2000, 5000, 30000)},
    ),
    "distill_sizes": Claim(
        "one policy of 16 tasks of Meta-World with so many weights, 2,000 updates of each",
        "metaworld",
        "metaworld_state",
        # The largest take a tenth of a second an update on a processor, and even the smallest
        # has learnt by then what 20,000 updates teach it.
        words=("--precision", "bfloat16", "--updates", "2000"),
        variants={name: ("--hidden", *widths.split()) for name, widths in WIDTHS.items()},
    ),
    "distill_pcgrad": Claim(
        "one policy of 16 tasks of Meta-World, with and without gradient surgery",
        "metaworld",
        "metaworld_state",
        variants={"without": (), "with": ("--pcgrad",)},
    ),
    "distill_privileged": Claim(
        "one policy that sees pictures, of four experts of Meta-World that saw states",
        "metaworld",
        "metaworld_teachers",
        words=(
            "--obs",
            "pixels",
            "--precision",
            "bfloat16",
            "--channels-last",
            "--updates",
            "8000",
        ),
        tasks=("door-open", "drawer-close", "drawer-open", "button-press-topdown"),
    ),
    "lifelong_kitchen": Claim(
        "six tasks of the kitchen that join a policy one after another",
        "kitchen",
        "kitchen_state",
        lifelong=True,
    ),
}
