"""A robot at a table as a world: episodes of real time, out of what is commanded and sensed."""

import time
from collections.abc import Callable, Generator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import dm_env
import numpy as np

from polytask_contract.environment import Action
from polytask_contract.errors import ResetFailed, WorldStopped
from polytask_contract.specification import Specification
from polytask_contract.table import (
    ACTION_SIZE,
    CONTROL_PERIOD,
    STATE_SIZE,
    TOOL_SIZE,
    Grasp,
    table_state,
    tool_state,
)
from polytask_contract.world import Progress
from polytask_xarm_driver.arm.pose import Pose
from polytask_xarm_driver.robot.approach import approach
from polytask_xarm_driver.robot.robot_task import RobotTask, RobotTasks
from polytask_xarm_driver.robot.senses import Senses, Sight

# What is commanded is never further from the tool than this [m] when a period begins: an arm that
# is held back must not jump when it is let go.
LONGEST_LEAD = 0.015
# How long a reset waits for the arm, the camera and the scene to be there [s].
PATIENCE = 5.0
# How old a tool pose may be on the way to a start [s]: nothing is observed then, and the tool is
# led by a hand's breadth at most, so that a hiccup of a busy machine need not end it.
RESET_AGE = 1.0
# How far from its start [m] a tool may rest, and how often it is led there: an arm runs on when it
# is told to rest, and further where the machine that tells it has paused.
NEAR_START, ATTEMPTS = 0.005, 5


@dataclass(frozen=True)
class RobotSettings:
    """How a robot is used: the time of a step [s], pictures, and how fast a reset moves.

    `things` tells whether the state has the scene's things in it, `success` who says that a task
    is accomplished: `operator`, `scene` or `none`. `speed` is in m/s, `turn_speed` in rad/s.
    """

    control_period: float = CONTROL_PERIOD
    image: tuple[int, int] | None = (84, 84)
    things: bool = False
    success: str = "operator"
    speed: float = 0.15
    turn_speed: float = 0.8


class RobotWorld:
    """A World whose physics is real.

    `aim` is given the pose and the fingers' way from the middle [m] that the arm shall have from
    now on, or None when it shall come to rest at once. `prepare` begins to put a task's things in
    place, by a seed, and returns what tells whether that is done; it raises ResetFailed.
    """

    def __init__(
        self,
        tasks: RobotTasks,
        settings: RobotSettings,
        senses: Senses,
        aim: Callable[[tuple[Pose, float] | None], None],
        prepare: Callable[[str, int], Callable[[], bool]] | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Stand still; without `prepare` the things are where somebody has put them."""
        self._tasks, self._settings, self._senses = tasks.tasks, settings, senses
        self._aim, self._prepare, self._now = aim, prepare, now
        self._specification = Specification(
            suite=tasks.suite,
            tasks=tuple(tasks.tasks),
            action_size=ACTION_SIZE,
            state_size=STATE_SIZE if settings.things else TOOL_SIZE,
            image=settings.image,
            control_period=settings.control_period,
            episode_length=max(task.steps for task in tasks.tasks.values()),
            simulated=False,
        )
        # The newest reset's; empty before the first.
        self.task_name = ""
        self._grasp = Grasp(np.zeros(3), 0.0, 0.0)
        self._base = self._grasp
        self.steps = 0
        self._accomplished = self._rests = False
        self.sight: Sight | None = None

    @property
    def specification(self) -> Specification:
        """What the environment is."""
        return self._specification

    @property
    def _task(self) -> RobotTask:
        return self._tasks[self.task_name]

    def begin(self, task: str, seed: int) -> Generator[Progress, None, dm_env.TimeStep]:
        """Raise the tool, have the things put in place, and go to a start drawn from `seed`."""
        try:
            return (yield from self._go_to_start(task, seed))
        except BaseException:
            # However it ended: a command that is left would move an arm that has recovered.
            self._aim(None)
            raise

    def _go_to_start(self, task: str, seed: int) -> Generator[Progress, None, dm_env.TimeStep]:
        self.task_name = task
        start = self._task.start.draw(np.random.default_rng(seed))
        yield from self._wait_until_ready()
        yield from self._lead("raising the tool", 0.2, self._above(self._pose().position))
        if self._prepare is not None:
            yield from self._come_to_rest()
            yield from self._prepare_scene(task, seed)
        yield from self._lead("going to the start", 0.6, self._above(start), start)
        yield from self._rest_near(start)
        self._grasp = self._base = Grasp(start, self._task.fingers, 0.0)
        self.steps, self._accomplished, self._rests = 0, False, True
        return dm_env.restart(self._observe((yield from self._wait_for_sight())))

    def anticipate(self, action: Action) -> None:
        """Move the tool from where the period began, or from where it rests."""
        if self._rests:
            if not action.any():
                return
            self._rests = False
            self._begin_here()
        share = self._settings.control_period / CONTROL_PERIOD
        task = self._task
        self._grasp = self._base.moved(action, task.box, tilts=task.tilts, share=share)
        self._aim_at_grasp()

    def advance(self, action: Action) -> dm_env.TimeStep:
        """Return what is seen now; raise WorldStopped when the arm stopped or nothing is seen."""
        del action
        sight = self._look()
        self.steps += 1
        ahead = self._grasp.point - sight.pose.position
        ahead *= min(1.0, LONGEST_LEAD / max(float(np.linalg.norm(ahead)), 1e-9))
        self._base = self._grasp = self._grasp._replace(point=sight.pose.position + ahead)
        observation = self._observe(sight)
        reward = 1.0 if observation["success"] else 0.0
        if self.steps < self._task.steps:
            return dm_env.transition(reward, observation)
        self._aim(None)
        return dm_env.truncation(reward, observation)

    def halt(self, reason: str) -> None:
        """Rest; the next action moves on from there. `reason` is told by who asked."""
        del reason
        self._aim(None)
        self._rests = True

    def stop(self, reason: str) -> None:
        """Rest until the next reset."""
        self.halt(reason)

    def accomplish(self) -> None:
        """Take somebody's word that the running episode's task is accomplished."""
        self._accomplished = True

    def close(self) -> None:
        """Let the arm rest."""
        self._aim(None)

    def _look(self) -> Sight:
        settings = self._settings
        scene = settings.things or settings.success == "scene"
        self.sight = self._senses.look(picture=settings.image is not None, scene=scene)
        if scene and self.sight.scene is not None and self.sight.scene.task != self.task_name:
            raise WorldStopped(
                f"the scene is told of {self.sight.scene.task!r}; valid: {self.task_name!r}"
            )
        return self.sight

    def _observe(self, sight: Sight) -> dict[str, Any]:
        seen = Grasp(sight.pose.position, sight.fingers, self._grasp.tilt)
        success, state = self._accomplished, tool_state(seen)
        if sight.scene is not None:
            if self._settings.success == "scene":
                success = sight.scene.success
            if self._settings.things:
                state = table_state(seen, sight.scene.things, sight.scene.measures)
        observation: dict[str, Any] = {"success": np.array(success)}
        observation["state"] = state.astype(np.float32)
        if sight.picture is not None:
            observation["image"] = sight.picture
        return observation

    def _begin_here(self) -> None:
        # Where nobody knows where the tool is, no command is followed either.
        with suppress(ResetFailed):
            self._base = self._grasp = self._grasp._replace(point=self._pose().position)

    def _aim_at_grasp(self) -> None:
        pose = Pose(self._grasp.point, self._grasp.rotation(self._task.turned))
        self._aim((pose, self._grasp.fingers))

    # The parts of a reset

    def _pose(self) -> Pose:
        """Return where the tool is; raise ResetFailed when the arm has stopped or is not heard."""
        try:
            condition = self._senses.condition()
            pose = self._senses.tool.newest(max(RESET_AGE, self._senses.patience.tool))[1]
        except WorldStopped as stopped:
            raise ResetFailed(str(stopped)) from None
        if not condition.ready:
            raise ResetFailed(f"the arm takes no commands: {condition.reason}")
        return pose

    def _above(self, point: Any) -> Any:
        """Return the place over `point` at the top of the box, where nothing stands."""
        return np.array([point[0], point[1], self._task.box.high[2]])

    def _wait_until_ready(self) -> Generator[Progress, None, None]:
        deadline = self._now() + PATIENCE
        while True:
            try:
                self._pose()
            except ResetFailed:
                if self._now() > deadline:
                    raise
            else:
                return
            yield Progress("waiting for the arm", 0.0)

    def _lead(self, phase: str, share: float, *points: Any) -> Generator[Progress, None, None]:
        task, settings = self._task, self._settings
        corners = [Pose(point, task.turned) for point in points]

        def aim(pose: Pose) -> None:
            self._aim((pose, task.fingers))

        speeds = (settings.speed, settings.turn_speed)
        for _ in approach(corners, speeds, self._pose, aim, self._now):
            yield Progress(phase, share)

    def _rest_near(self, start: Any) -> Generator[Progress, None, None]:
        """Come to rest; where that is too far from `start`, lead the tool there again."""
        for _ in range(ATTEMPTS):
            yield from self._come_to_rest()
            away = float(np.linalg.norm(self._pose().position - start))
            if away <= NEAR_START:
                return
            yield from self._lead("going to the start", 0.8, start)
        raise ResetFailed(
            f"the tool rests {1000 * away:.1f} mm from its start after {ATTEMPTS} attempts; "
            f"valid: at most {1000 * NEAR_START:g} mm"
        )

    def _come_to_rest(self) -> Generator[Progress, None, None]:
        # Where it is, it stays: to the last tenth of a millimetre takes the arm a second.
        self._aim(None)
        # What it told before does not count.
        told, arrived = (self._senses.arm, self._senses.tool), self._now()
        deadline = arrived + PATIENCE
        while (
            max(sense.age for sense in told) >= self._now() - arrived
            or self._senses.condition().moving
        ):
            self._pose()
            if self._now() > deadline:
                raise ResetFailed(f"the arm has not come to rest for {PATIENCE:g} s")
            yield Progress("coming to rest", 0.85)

    def _prepare_scene(self, task: str, seed: int) -> Generator[Progress, None, None]:
        prepare = self._prepare
        if prepare is None:
            return
        done = prepare(task, seed)
        while not done():
            yield Progress(f"preparing {task}", 0.4)
        yield from self._wait_until_ready()

    def _wait_for_sight(self) -> Generator[Progress, None, Sight]:
        deadline = self._now() + PATIENCE
        while True:
            yield Progress(f"looking at {self.task_name}", 0.9)
            try:
                return self._look()
            except WorldStopped as stopped:
                if self._now() > deadline:
                    raise ResetFailed(str(stopped)) from None
