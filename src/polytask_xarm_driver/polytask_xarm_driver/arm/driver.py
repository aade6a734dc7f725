"""The arm's driver: from connecting to standing still, whatever happens."""

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable

from polytask_xarm_driver.arm.arm import Arm
from polytask_xarm_driver.arm.attendant import Attendant
from polytask_xarm_driver.arm.command import Command
from polytask_xarm_driver.arm.errors import ArmError, ArmLost, CommandRefused
from polytask_xarm_driver.arm.faults import describe
from polytask_xarm_driver.arm.motion_sense import MotionSense
from polytask_xarm_driver.arm.periodic import Periodic
from polytask_xarm_driver.arm.phase import Phase
from polytask_xarm_driver.arm.preparation import Preparation
from polytask_xarm_driver.arm.pursuit import Pursuit
from polytask_xarm_driver.arm.settings import Settings
from polytask_xarm_driver.arm.standstill import Standstill
from polytask_xarm_driver.arm.status import Status, status_of
from polytask_xarm_driver.arm.watch import Watch

# How long a moving arm may take to come to rest before it is stopped otherwise [s].
EASING = 1.0
LOOK_AGAIN = 0.01
NO_COMMAND = "no command has come yet"
NOT_ENABLED = "the arm is not enabled"
STOPPED_ON_REQUEST = "the arm was told to stop"
RESTING = "the arm was told to rest"


class ArmDriver:
    """Follows commands with one arm, and stands still for every reason there is.

    Its own thread sends velocities, a period each, and looks for trouble; the rest is called from
    anywhere. A silent commander makes the arm stand still until the next command. Everything else
    ends in the phase STOPPED, which only `recover`, or `disable` and `enable`, can end. No error of
    the controller is cleared except by `recover`.
    """

    def __init__(self, arm: Arm, settings: Settings, changed: Callable[[], None]) -> None:
        """Drive `arm`; `changed` is called, from any thread, when `status` says something new."""
        self._arm, self._settings, self._changed = arm, settings, changed
        self._pursuit = Pursuit(settings)
        self._attendant = Attendant(arm, settings)
        self._sense = MotionSense()
        self._watch = Watch(arm, settings.feedback_timeout)
        self._preparation = Preparation(arm, settings, self._watch, self._attendant, self._pursuit)
        self._standstill = Standstill(arm)
        # Held while the controller is told something: one thread at a time does.
        self._telling = threading.RLock()
        self._thread: Periodic | None = None
        self._phase, self._reason = Phase.OFFLINE, "not connected"
        self._wanted_stop: deque[str] = deque(maxlen=1)
        self._easing = False

    # From connecting to following

    def configure(self) -> None:
        """Connect, check the firmware, set the limits and read them back; the motors are off then.

        A controller with an error takes no limits: the recovery sets them. Raise ArmError when any
        of it fails; whatever is raised, nothing is left behind.
        """
        with self._telling:
            try:
                self._preparation.connect()
            except BaseException:
                self._arm.close()
                raise
            self._enter(Phase.IDLE, NOT_ENABLED)
        self._thread = Periodic("arm control", self._settings.period, self.tick)
        self._attendant.start()

    def enable(self) -> None:
        """Follow commands, or be stopped by an error that is there; raise ArmError if neither."""
        with self._telling:
            try:
                self._preparation.connect_again(lambda _: None)
                if error := self._arm.fault()[0]:
                    self._enter(Phase.STOPPED, describe(error))
                    return
                self._preparation.keep_limits()
                self._preparation.enable()
            except BaseException:
                self._switch_off(surely=False)
                raise
            self._standstill.forget()
            self._pursuit.commands.restart()
            self._enter(Phase.READY, NO_COMMAND)

    def disable(self) -> None:
        """Come to rest, stop, and switch the motors off; raise ArmError when that is not sure."""
        self.ease()
        with self._telling:
            was_ready = self._phase == Phase.READY
            self._enter(Phase.IDLE, NOT_ENABLED)
            self._switch_off(surely=was_ready)

    def close(self) -> None:
        """Disable and disconnect; leave no thread and no connection behind."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        if self._phase != Phase.OFFLINE:
            # If it fails, the controller's own timeout has stopped the arm.
            with contextlib.suppress(ArmError):
                self.disable()
        thread.end()
        self._attendant.end()
        with self._telling:
            self._arm.close()
            self._sense.forget()
            self._enter(Phase.OFFLINE, "not connected")

    def recover(self, progress: Callable[[str], None]) -> None:
        """Clear the controller's errors and take commands again, after any stop; move nothing.

        Raise ArmError while a cause is still there; the arm then stays as it was. An arm that is
        not enabled is not enabled by this either.
        """
        with self._telling:
            # It may have waited while the arm was disconnected.
            if self._thread is None:
                raise ArmError("the arm is not connected; configure its node")
            if self._phase == Phase.READY:
                return
            enabled = self._phase == Phase.STOPPED
            self._wanted_stop.clear()
            try:
                self._preparation.recover(progress, enabled=enabled)
            except BaseException:
                self._standstill.stop()
                raise
            self._standstill.forget()
            end = (Phase.READY, NO_COMMAND) if enabled else (Phase.IDLE, NOT_ENABLED)
            self._enter(*end)

    def _switch_off(self, *, surely: bool) -> None:
        try:
            self._arm.disable()
            self._standstill.forget()
        except ArmError as error:
            self._standstill.owe(str(error))
            self._enter(Phase.OFFLINE, str(error))
            if surely:
                raise

    # What comes from outside

    def command(self, command: Command) -> str:
        """Follow `command`, or return why not; a refused command is as good as none."""
        refusal = self._judge(command)
        if refusal:
            self._pursuit.commands.refuse(refusal)
            self._changed()
        return refusal

    def _judge(self, command: Command) -> str:
        if self._phase != Phase.READY or self._easing:
            return f"the arm takes no commands: {self._reason}"
        bounds, first = self._settings.commands, self._pursuit.commands.newest() is None
        try:
            target = bounds.target(command, self._watch.report().pose, first=first)
        except (CommandRefused, ArmLost) as refused:
            return str(refused)
        self._pursuit.commands.accept(target)
        self._attendant.want(command.opening)
        return ""

    def refuse(self, refusal: str) -> None:
        """Count a command that could not even be judged."""
        self._pursuit.commands.refuse(refusal)
        self._changed()

    def rest(self) -> None:
        """Come to rest within the acceleration limit; the next command goes on."""
        self._pursuit.commands.forget(RESTING)
        self._attendant.leave()

    def stop(self, reason: str = STOPPED_ON_REQUEST) -> None:
        """Stop within a period, and take no command until recovered; do not wait for it."""
        self._wanted_stop.append(reason)
        if self._thread is not None:
            self._thread.wake()

    def ease(self) -> None:
        """Come to rest, if the arm follows commands, and wait for it, but not for long."""
        self._easing = True
        self.rest()
        deadline = time.monotonic() + EASING
        while self._phase == Phase.READY and not self._pursuit.still:
            if time.monotonic() > deadline:
                break
            time.sleep(LOOK_AGAIN)
        self._easing = False

    def status(self) -> Status:
        """Return how the arm is."""
        moving = self._sense.moving or not self._pursuit.still
        phase, reason = self._phase, self._reason
        if phase == Phase.STOPPED:
            reason += self._standstill.complaint
        return status_of(self._arm, self._attendant, self._pursuit.commands, phase, reason, moving)

    @property
    def stands(self) -> bool:
        """Whether no velocity is sent, and the controller knows it if it is connected."""
        return self._phase != Phase.READY and self._standstill.sure

    # What the thread does

    def tick(self) -> None:
        """Look at the arm, and send the next velocity if it follows commands."""
        with self._telling:
            now = time.monotonic()
            report = self._arm.feedback
            if report is not None and now - report.at < self._settings.feedback_timeout:
                self._sense.see(report)
            else:
                self._sense.forget()
            told = self._wanted_stop.pop() if self._wanted_stop else ""
            if self._phase == Phase.READY:
                if trouble := told or self._trouble(now):
                    self._halt(trouble)
                else:
                    self._follow()
            else:
                self._standstill.catch_up()
            if self._phase == Phase.IDLE and (trouble := self._watch.silence(now)):
                self._enter(Phase.OFFLINE, trouble)
            self._attendant.may_grip = self._phase == Phase.READY

    def _trouble(self, now: float) -> str:
        """Return why the arm must not go on, in one sentence; empty when it may."""
        return (
            self._watch.silence(now)
            or self._watch.explained(self._watch.trouble(now))
            or self._attendant.limits_trouble
        )

    def _follow(self) -> None:
        followed = self._pursuit.following
        twist = self._pursuit.step(self._watch.report().pose, easing=self._easing)
        if self._pursuit.following and not followed:
            self._enter(Phase.READY, "")
        elif followed and not self._pursuit.following:
            self._enter(Phase.READY, self._pursuit.commands.pause)
        if twist is None:
            return
        try:
            self._arm.move(twist, self._settings.controller_timeout)
        except ArmLost as lost:
            self._halt(str(lost))
        except ArmError as error:
            self._halt(self._watch.explained(str(error)))

    def _halt(self, reason: str) -> None:
        self._attendant.leave()
        # What follows may take seconds: all must know at once, and why.
        self._standstill.owe()
        self._enter(Phase.STOPPED, reason)
        told = self._standstill.stop()
        report = self._arm.feedback
        if report is not None:
            self._pursuit.begin(report.pose)
        if told:
            self._enter(Phase.STOPPED, self._watch.explained(reason))

    def _enter(self, phase: Phase, reason: str) -> None:
        if (phase, reason) != (self._phase, self._reason):
            self._phase, self._reason = phase, reason
            self._changed()
