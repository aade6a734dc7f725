"""What the demo is shown in: a simulated suite, or the emulated robot; its nodes and its tasks."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from polytask_msgs.action import TrainExpert

Goal = TrainExpert.Goal
DRIVER, SIM, LEARNING = "polytask_xarm_driver", "polytask_sim", "polytask_learning"


@dataclass(frozen=True)
class Part:
    """A process of the demo; others are started once it has said that it is `ready`."""

    package: str
    executable: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    ready: str = ""


@dataclass(frozen=True)
class Asked:
    """A task, and how a person might ask for it: in none of the words that it was learnt by."""

    task: str
    words: str


@dataclass(frozen=True)
class DemoWorld:
    """Where the demo happens, and how long it may take.

    `steps` are actions of practice at most, `episodes` those of an evaluation and those that an
    expert plays to be distilled, `updates` those of the distillation; `requests` is how often each
    task is asked for in each way.
    """

    suite: str
    parts: Sequence[Part]
    tasks: Sequence[Asked]
    reward: int
    steps: int
    evaluate_every: int
    episodes: int
    updates: int
    requests: int

    @property
    def has_arm(self) -> bool:
        """Whether a driven arm is part of it, which may stop."""
        return any(part.package == DRIVER for part in self.parts)

    def learner(self) -> Part:
        """Return the learner that practises here."""
        pace = {"evaluate_every": self.evaluate_every, "evaluation_episodes": self.episodes}
        return Part(LEARNING, "expert_learner", pace | {"played": self.episodes})


def address() -> str:
    """Return a loopback address that another demo, of another process, does not have."""
    number = os.getpid()
    return f"127.2.{number // 250 % 250}.{number % 250 + 1}"


def simulated() -> DemoWorld:
    """Return four of Meta-World's tasks, learnt from the environment's rewards."""
    blind = {"suite": "metaworld", "image_height": 0, "image_width": 0}
    return DemoWorld(
        suite="metaworld",
        parts=[Part(SIM, "sim_environment", blind)],
        tasks=[
            Asked("button-press-topdown", "push the button from above"),
            Asked("door-open", "pull the door open"),
            Asked("drawer-close", "push the drawer shut"),
            Asked("drawer-open", "pull the drawer open"),
        ],
        reward=Goal.ENVIRONMENT_REWARD,
        steps=15_000,
        evaluate_every=2500,
        episodes=10,
        updates=8000,
        requests=10,
    )


def emulated() -> DemoWorld:
    """Return two tasks of the emulated xArm, in real time, learnt from demonstrations alone."""
    place = address()
    sees = {"success": "scene", "things": True, "prepare_scene": True}
    blind = {"image_height": 0, "image_width": 0}
    return DemoWorld(
        suite="xarm",
        parts=[
            Part(SIM, "xarm_emulator", {"address": place}, ready="an xArm 7 with firmware"),
            Part(DRIVER, "arm", {"address": place, "autostart": True}),
            Part(DRIVER, "robot_environment", sees | blind),
        ],
        tasks=[
            Asked("pour-left", "pour it to the left"),
            Asked("pour-right", "pour it to the right"),
        ],
        reward=Goal.TRANSPORT_REWARD,
        steps=480,
        evaluate_every=120,
        episodes=3,
        updates=4000,
        requests=2,
    )


def quick() -> DemoWorld:
    """Return a world of a point on a table, in which everything takes seconds."""
    return DemoWorld(
        suite="point",
        parts=[
            Part(SIM, "sim_environment", {"suite": "point", "image_height": 0, "image_width": 0})
        ],
        tasks=[
            Asked("north_west", "drive to the north west"),
            Asked("south_east", "drive to the south east"),
        ],
        reward=Goal.ENVIRONMENT_REWARD,
        steps=600,
        evaluate_every=300,
        episodes=5,
        updates=1000,
        requests=3,
    )


WORLDS = {"sim": simulated, "emulated": emulated, "quick": quick}
