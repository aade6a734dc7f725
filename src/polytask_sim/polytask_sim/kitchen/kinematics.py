"""Where the kitchen's arm and things are, told from the state alone, and how to move the hand.

A model of upstream's kitchen of our own serves as a calculator: nothing is ever simulated in it.
"""

from functools import cache
from pathlib import Path

import gymnasium_robotics
import mujoco
import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]

KITCHEN = "envs/assets/kitchen_franka/kitchen_assets/kitchen_env_model.xml"

ARM, FINGERS = 7, 2
ROBOT = ARM + FINGERS
# The state: the robot's joints and their speeds, then the things' joints and their speeds.
THINGS_IN_STATE = slice(18, 39)

# The largest change of a joint's reference in one step [rad]: 2 rad/s for 0.08 s, see upstream.
REFERENCE_STEP = 0.16
CONTROL_PERIOD = 0.08
# Upstream clips references to these [rad]; a little inside, so that the arm does not lean there.
LOWEST = np.array([-2.88, -1.75, -2.88, -3.06, -2.88, 0.02, -2.88])
HIGHEST = np.array([2.88, 1.75, 2.88, -0.42, 2.88, 2.10, 2.88])

# From the model's site between the fingers to their tips, along the hand [m].
TIP = 0.043
# A radian of misalignment weighs as much as so many metres of distance.
LEVER = 0.25
DAMPING = 0.03
# Shares of the remaining way and turn that are made in a step.
GAIN, TURN_GAIN = 0.5, 0.9
# Stiffness of the hand while it presses [N/m] and [N m/rad].
SPRING, TURN_SPRING = 500.0, 25.0
# How strongly spare motion of the arm keeps its joints away from their limits.
RELAXATION = 0.04


@cache
def kitchen_model() -> mujoco.MjModel:
    """Return upstream's kitchen, loaded once."""
    path = Path(gymnasium_robotics.__file__).parent / KITCHEN
    return mujoco.MjModel.from_xml_path(str(path))


def hand_frame(pointing: Vector) -> Vector:
    """Return the hand's axes as columns: fingers along `pointing`, opening to the sides."""
    along = pointing / np.linalg.norm(pointing)
    opening = np.cross(along, [0.0, 0.0, 1.0])
    opening /= np.linalg.norm(opening)
    return np.column_stack([np.cross(opening, along), opening, along])


class KitchenKinematics:
    """The kitchen as the last state that was seen shows it; lengths in metres, world frame."""

    def __init__(self) -> None:
        """Load the model."""
        self._model = kitchen_model()
        self._data = mujoco.MjData(self._model)
        self._hand = self._model.site("end_effector").id
        # Each servo closes this share of the gap to its reference within one control period.
        stiffness = self._model.actuator_gainprm[:ROBOT, 0]
        self._stiffness: Vector = stiffness[:ARM]
        pace = stiffness / self._model.dof_damping[:ROBOT]
        self._followed: Vector = 1 - np.exp(-pace[:ARM] * CONTROL_PERIOD)

    @property
    def positions(self) -> Vector:
        """All joints of the kitchen, in upstream's order."""
        positions: Vector = self._data.qpos
        return positions

    @property
    def tip(self) -> Vector:
        """The place between the fingers' tips."""
        tip: Vector = self._data.site_xpos[self._hand] + TIP * self.hand[:, 2]
        return tip

    @property
    def hand(self) -> Vector:
        """The hand's axes, as in `hand_frame`."""
        hand: Vector = self._data.site_xmat[self._hand].reshape(3, 3)
        return hand

    def see(self, state: NDArray[np.float32]) -> None:
        """Take arm and things from the environment's state."""
        self._data.qpos[:ROBOT] = state[:ROBOT]
        self._data.qpos[ROBOT:] = state[THINGS_IN_STATE]
        mujoco.mj_kinematics(self._model, self._data)
        mujoco.mj_comPos(self._model, self._data)

    def place(self, body: str, offset: Vector) -> Vector:
        """Return the place that `offset` names in the frame of a thing's body."""
        thing = self._data.body(body)
        place: Vector = thing.xpos + thing.xmat.reshape(3, 3) @ offset
        return place

    def misalignment(self, frame: Vector) -> Vector:
        """Return the small rotation [rad] that brings the hand towards `frame`."""
        turn: Vector = 0.5 * np.cross(self.hand, frame, axis=0).sum(axis=1)
        return turn

    def approach(self, place: Vector, frame: Vector, longest: float) -> Vector:
        """Return how far the servos should lead the arm's joints [rad] to bring the tip to `place`.

        Damped least squares: a step of at most `longest` [m] for the tip, `frame` for the hand,
        spare motion for joints that are far from their limits.
        """
        way, turn = GAIN * (place - self.tip), TURN_GAIN * self.misalignment(frame)
        way *= min(1.0, longest / max(float(np.linalg.norm(way)), 1e-9))
        joints = self.positions[:ARM]
        free = np.ones(ARM)
        # A joint that would pass its limit rests, and the others do without it.
        for _ in range(ARM):
            step = self._solve(np.concatenate([way, LEVER * turn]), free)
            beyond = (joints + step < LOWEST) | (joints + step > HIGHEST)
            if not (beyond & (free > 0)).any():
                break
            free[beyond] = 0.0
        lead: Vector = free * step / self._followed
        return lead

    def press(self, place: Vector, frame: Vector) -> Vector:
        """Return how far the servos should lead the arm's joints [rad] to draw the tip to `place`.

        The hand is as if tied to `place` and `frame` by a spring. What it touches feels a force
        along the way that is left and none across it; under `approach` it slips off the knobs.
        """
        force = SPRING * (place - self.tip)
        torque = TURN_SPRING * self.misalignment(frame)
        torques = self._jacobian().T @ np.concatenate([force, torque / LEVER])
        lead: Vector = torques / self._stiffness
        return lead

    def servo(self, lead: Vector) -> Vector:
        """Return the arm's part of the action that lets the servos lead its joints by `lead` [rad].

        A lead that is too long is shortened, its direction kept. Weight counts: upstream's servos
        start from where the arm is at each step, so under a zero action it sinks 6 mm a step.
        """
        weight = self._weight() / self._stiffness
        room = REFERENCE_STEP - float(np.abs(weight).max())
        share = min(1.0, room / max(float(np.abs(lead).max()), 1e-9))
        action: Vector = (share * lead + weight) / REFERENCE_STEP
        return action

    def _solve(self, motion: Vector, free: Vector) -> Vector:
        """Return the step of the joints that moves the hand by `motion`, only `free` ones used."""
        jacobian = self._jacobian() * free
        damped = jacobian @ jacobian.T + DAMPING**2 * np.eye(6)
        inverse = np.linalg.solve(damped, jacobian).T
        relaxed = RELAXATION * free * ((LOWEST + HIGHEST) / 2 - self.positions[:ARM])
        step: Vector = inverse @ (motion - jacobian @ relaxed) + relaxed
        return step

    def _jacobian(self) -> Vector:
        moves, turns = np.zeros((3, self._model.nv)), np.zeros((3, self._model.nv))
        body = self._model.site_bodyid[self._hand]
        mujoco.mj_jac(self._model, self._data, moves, turns, self.tip, body)
        return np.concatenate([moves[:, :ARM], LEVER * turns[:, :ARM]])

    def _weight(self) -> Vector:
        """Return the torques that hold the arm against gravity [N m]."""
        torques = np.zeros(self._model.nv)
        mujoco.mj_comVel(self._model, self._data)
        mujoco.mj_rne(self._model, self._data, 0, torques)
        return torques[:ARM]
