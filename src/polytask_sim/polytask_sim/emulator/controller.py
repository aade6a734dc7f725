"""The controller: enabled or not, its mode and state, errors, and where the joints are to be."""

from collections.abc import Callable
from enum import IntEnum
from typing import NamedTuple

import numpy as np

from polytask_sim.emulator.errors import MotionFault, Refused
from polytask_sim.emulator.guard import COLLISION, Guard
from polytask_sim.emulator.motion.chain import Chain
from polytask_sim.emulator.motion.motion import Motion
from polytask_sim.emulator.motion.servo import Braking, Servo
from polytask_sim.emulator.motion.velocity import JointVelocity, ToolVelocity
from polytask_sim.emulator.orders import Order, Orders, Ticket
from polytask_sim.emulator.settings import Settings
from polytask_sim.emulator.wire.framing import HAS_ERROR, HAS_WARNING, NOT_READY, Result
from polytask_sim.xarm.kinematics import JOINTS, LOWER, UPPER, Vector

ALL_JOINTS, ALL_BITS = 8, 0x7F
EMERGENCY, SERVO_JUMP = 1, 60
# In servo mode a target farther away than this is an error [rad].
LONGEST_JUMP = 0.5
# The arm has arrived when each joint is as near [rad] and as slow [rad/s], or after so long [s].
ARRIVED, AT_REST, LONGEST_SETTLING = 1e-4, 5e-3, 0.6
# How fast a pause slows down and speeds up again [1/s].
PAUSE_RATE = 5.0


class Mode(IntEnum):
    """What kind of motion commands count."""

    POSITION = 0
    SERVO = 1
    TEACH = 2
    JOINT_VELOCITY = 4
    TOOL_VELOCITY = 5


class State(IntEnum):
    """What the controller reports of itself."""

    MOVING = 1
    STANDBY = 2
    PAUSED = 3
    STOPPED = 4
    RESET = 5


class Seen(NamedTuple):
    """What the arm does: joints [rad], speeds [rad/s], torques of motors and contacts [N m]."""

    joints: Vector
    speeds: Vector
    torques: Vector
    contacts: Vector


class Controller:
    """Takes commands at any time and moves the commanded joints from tick to tick.

    It is switched on stopped, in position mode and not enabled.
    """

    def __init__(self, joints: Vector) -> None:
        """Begin at `joints` (7) [rad]."""
        self.settings = Settings()
        self.joints = joints.copy()
        self.chain = Chain(self.settings.tcp_offset)
        self.seen = Seen(joints.copy(), *(np.zeros(JOINTS) for _ in range(3)))
        self.mode = Mode.POSITION
        self.error = self.warning = 0
        self.enabled = 0
        self.refuse_enable = False
        self._state = State.STOPPED
        self._pressed = False
        self._guard = Guard(self.settings)
        self._orders = Orders()
        self._stream: Servo | JointVelocity | ToolVelocity | None = None
        self._speed = np.zeros(JOINTS)
        self._brake: Braking | None = None
        self._rate, self._settling = 1.0, 0.0

    # What it reports

    @property
    def state(self) -> State:
        """The state as a client reads it."""
        if self._state is State.STANDBY and self.moving:
            return State.MOVING
        return self._state

    @property
    def moving(self) -> bool:
        """Whether the arm moves, is to move, or has not arrived yet."""
        return self._commanding or self._settling > 0

    @property
    def ready(self) -> bool:
        """Whether motion commands count."""
        paused = self._state is State.PAUSED and self.mode is Mode.POSITION
        return (self._state is State.STANDBY or paused) and self.enabled == ALL_BITS

    @property
    def command_count(self) -> int:
        """How many moves are not over."""
        return len(self._orders)

    @property
    def status(self) -> int:
        """The status bits of every answer."""
        error = HAS_ERROR if self.error else 0
        warning = HAS_WARNING if self.warning else 0
        return error | warning | (0 if self.ready else NOT_READY)

    @property
    def _commanding(self) -> bool:
        streaming = self._stream is not None and not self._stream.finished
        return self._brake is not None or self._orders.busy or streaming

    # What a client asks for

    def enable(self, axis: int, *, on: bool) -> None:
        """Switch the motor of joint `axis` (1 to 7, 8 for all) on or off; raise Refused."""
        if not 1 <= axis <= ALL_JOINTS:
            raise Refused(f"axis {axis}; valid: 1 to {ALL_JOINTS}")
        if on and (self.refuse_enable or self._pressed):
            raise Refused("the motors cannot be switched on")
        bits = ALL_BITS if axis == ALL_JOINTS else 1 << (axis - 1)
        self.enabled = self.enabled | bits if on else self.enabled & ~bits
        if not on:
            self._stop(State.STOPPED)

    def set_state(self, value: int) -> None:
        """Run (0), pause (3) or stop (4, 6); raise Refused for another value."""
        if value == 0:
            if not self.error and self.enabled == ALL_BITS:
                self._state = State.STANDBY
        elif value == State.PAUSED:
            if self._state is State.STANDBY:
                if self.mode is not Mode.POSITION:
                    self._stop(State.PAUSED)
                self._state = State.PAUSED
        elif value in (4, 6):
            self._stop(State.STOPPED)
        else:
            raise Refused(f"state {value}; valid: 0, 3, 4 and 6")

    def set_mode(self, value: int) -> None:
        """Change the mode, which stops the arm; raise Refused for one that is not emulated."""
        if value not in list(Mode):
            raise Refused(f"mode {value}; valid: {[mode.value for mode in Mode]}")
        self.reset()
        self.mode = Mode(value)

    def reset(self) -> None:
        """Stop because a setting changes; a client sets state 0 afterwards."""
        self._stop(State.STOPPED if self._state is State.STOPPED else State.RESET)

    def set_tcp_offset(self, offset: Vector) -> None:
        """Put the tool's point at `offset` (6) [m, rad] from the flange, which stops the arm."""
        self.reset()
        self.settings.tcp_offset = offset
        self.chain = Chain(offset)

    def clean_error(self) -> None:
        """Forget the error, unless the emergency stop is still pressed."""
        if not self._pressed:
            self.error = 0

    def order(self, make: Callable[[Vector], Motion], ticket: Ticket) -> None:
        """Let a move wait for its turn; raise Refused outside of position mode."""
        self._need(Mode.POSITION)
        if self.ready:
            self._orders.add(Order(make, ticket))

    def servo(self, target: Callable[[Vector], Vector]) -> None:
        """Run to the joints that `target` makes of the present ones; raise Refused."""
        self._need(Mode.SERVO)
        if not self.ready:
            return
        try:
            joints = target(self.joints)
            if float(np.abs(joints - self.joints).max()) > LONGEST_JUMP:
                raise MotionFault(SERVO_JUMP, "the target is too far away for servo mode")  # noqa: TRY301
            self._guard.check_end(self.chain, joints)
        except MotionFault as fault:
            self.fail(fault.code)
            return
        if not isinstance(self._stream, Servo):
            self._stream = Servo(self.joints, self.settings.limits.joint_speed)
        self._stream.command(joints)

    def joint_velocity(self, speeds: Vector, duration: float) -> None:
        """Turn the joints at `speeds` [rad/s] for `duration` [s]; raise Refused."""
        self._need(Mode.JOINT_VELOCITY)
        if not self.ready:
            return
        if not isinstance(self._stream, JointVelocity):
            self._stream = JointVelocity()
        limit = self.settings.limits.joint_speed
        self._stream.command(np.clip(speeds, -limit, limit), duration)

    def tool_velocity(self, speeds: Vector, duration: float, *, in_tool: bool) -> None:
        """Move the tool at `speeds` [m/s, rad/s] for `duration` [s]; raise Refused."""
        self._need(Mode.TOOL_VELOCITY)
        if not self.ready:
            return
        if not isinstance(self._stream, ToolVelocity):
            self._stream = ToolVelocity(self.chain, self.joints)
        length = float(np.linalg.norm(speeds[:3]))
        limit = self.settings.limits.tool_speed
        if length > limit:
            speeds = np.concatenate([speeds[:3] * (limit / length), speeds[3:]])
        self._stream.command(speeds, duration, in_tool=in_tool)

    def check_end(self, joints: Vector) -> None:
        """Raise MotionFault when no motion may end at `joints`."""
        self._guard.check_end(self.chain, joints)

    def check_point(self, point: Vector) -> None:
        """Raise MotionFault when the tool may not be at `point` [m]."""
        self._guard.check_point(point)

    # What happens to it

    def fail(self, code: int) -> None:
        """Stop with the error `code`, which the first one keeps until it is cleaned."""
        self.error = self.error or code
        self._stop(State.STOPPED, Result.FAILED)
        self.mode, self.enabled = Mode.POSITION, 0

    def press_emergency_stop(self, *, pressed: bool) -> None:
        """Press or release the button; while it is pressed its error stays."""
        self._pressed = pressed
        if pressed:
            self.error = EMERGENCY
            self.fail(EMERGENCY)

    def tick(self, seen: Seen, step: float) -> Vector:
        """Return where the joints are to be `step` [s] from now, given where they are seen."""
        self.seen = seen
        collision = self._guard.feel(seen.contacts, step)
        if collision and self.enabled and not self.error:
            self.fail(COLLISION)
            # Give way: what is pressed against is not pressed any more.
            self.joints = np.clip(seen.joints, LOWER, UPPER)
            self._brake = None
            self._guard.forget()
        before = self.joints
        try:
            self.joints = self._advance(before, step)
        except MotionFault as fault:
            self.fail(fault.code)
        self._speed = (self.joints - before) / step
        self._settle(step)
        return self.joints

    def _settle(self, step: float) -> None:
        far = float(np.abs(self.joints - self.seen.joints).max()) > ARRIVED
        if self._commanding:
            self._settling = LONGEST_SETTLING
        elif far or float(np.abs(self.seen.speeds).max()) > AT_REST:
            self._settling = max(0.0, self._settling - step)
        else:
            self._settling = 0.0

    def _advance(self, joints: Vector, step: float) -> Vector:
        if self._brake is not None:
            after = np.clip(self._brake.advance(joints, step), LOWER, UPPER)
            if self._brake.finished:
                self._brake = None
            return np.asarray(after)
        motion = self._present(joints)
        target = 0.0 if self._state is State.PAUSED else 1.0
        self._rate += float(np.clip(target - self._rate, -PAUSE_RATE * step, PAUSE_RATE * step))
        if motion is None or motion.finished or self._rate == 0:
            return joints
        after = motion.advance(joints, step * self._rate)
        self._guard.check_step(self.chain, joints, after, step)
        return after

    def _present(self, joints: Vector) -> Motion | None:
        if self.mode is Mode.POSITION:
            return self._orders.motion(joints, at_rest=self._settling <= 0)
        return self._stream

    def _stop(self, state: State, result: Result = Result.DISCARDED) -> None:
        self._orders.clear(result)
        self._stream = None
        if self._speed.any() and self._brake is None:
            self._brake = Braking(self._speed)
        self._rate = 1.0
        self._state = state

    def _need(self, mode: Mode) -> None:
        if self.mode is not mode:
            raise Refused(f"the controller is in mode {self.mode.value}; valid: {mode.value}")
