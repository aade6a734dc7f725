"""Messages as numpy arrays and back, without lists.

Reading gives a view into the message. Writing copies once, into the array.array that the message
keeps: rclpy takes that type as it is, while a list is checked element by element.
"""

import math
from array import array
from collections.abc import Sequence
from typing import Any

import dm_env
import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import Image

from polytask_contract.errors import PolyTaskError
from polytask_contract.specification import Specification
from polytask_msgs.msg import EnvironmentSpec, Observation, Tensor

DTYPES: dict[int, np.dtype[Any]] = {
    Tensor.UINT8: np.dtype("u1"),
    Tensor.FLOAT32: np.dtype("<f4"),
    Tensor.FLOAT64: np.dtype("<f8"),
    Tensor.INT64: np.dtype("<i8"),
}
CODES = {dtype: code for code, dtype in DTYPES.items()}
# As many axes as every version of numpy has.
MOST_AXES = 32


class MalformedMessage(PolyTaskError):
    """A message contradicts itself; the text names the field."""


def packed(values: NDArray[Any], typecode: str) -> "array[Any]":
    """Return the bytes of `values` as an array of `typecode`, copied once."""
    result = array(typecode)
    result.frombytes(np.ascontiguousarray(values).reshape(-1).view(np.uint8).data)
    return result


def image_message(picture: NDArray[np.uint8]) -> Image:
    """Return `picture` (rows, columns, RGB) as an rgb8 image; its header is left empty."""
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
        found = f"{picture.dtype} of shape {picture.shape}"
        raise MalformedMessage(f"a picture is uint8 of shape (rows, columns, 3), not {found}")
    message = Image()
    message.height, message.width = picture.shape[:2]
    message.encoding = "rgb8"
    message.step = 3 * message.width
    message.data = packed(picture, "B")
    return message


def image_array(message: Image) -> NDArray[np.uint8]:
    """Return the pixels of an rgb8 image as a view (rows, columns, RGB)."""
    if message.encoding != "rgb8":
        raise MalformedMessage(f"the image's encoding is {message.encoding!r}; valid: 'rgb8'")
    expected = message.height * message.width * 3
    if message.step != 3 * message.width or len(message.data) != expected:
        found = f"step {message.step} and {len(message.data)} bytes"
        size = f"{message.height} x {message.width}"
        raise MalformedMessage(f"an rgb8 image of {size} pixels cannot have {found}")
    return np.frombuffer(message.data, np.uint8).reshape(message.height, message.width, 3)


def tensor_message(values: NDArray[Any]) -> Tensor:
    """Return an array of a type that Tensor has as a message."""
    dtype = values.dtype.newbyteorder("<")
    if dtype not in CODES:
        valid = ", ".join(str(known) for known in CODES)
        raise MalformedMessage(f"a tensor of {values.dtype} cannot be sent; valid: {valid}")
    return Tensor(
        dtype=CODES[dtype],
        shape=array("I", values.shape),
        data=packed(values.astype(dtype, copy=False), "B"),
    )


def tensor_array(message: Tensor) -> NDArray[Any]:
    """Return the tensor as a view of its type and shape."""
    if message.dtype not in DTYPES:
        raise MalformedMessage(f"a tensor's dtype is {message.dtype}; valid: {sorted(DTYPES)}")
    dtype = DTYPES[message.dtype]
    shape = tuple(message.shape)
    if len(shape) > MOST_AXES:
        raise MalformedMessage(f"a tensor has {len(shape)} axes; valid: up to {MOST_AXES}")
    if len(message.data) != math.prod(shape) * dtype.itemsize:
        found = f"{len(message.data)} bytes"
        raise MalformedMessage(f"a tensor of shape {shape} and type {dtype} cannot have {found}")
    return np.frombuffer(message.data, dtype).reshape(shape)


def spec_message(specification: Specification, pacing: int) -> EnvironmentSpec:
    """Return a specification as a message; `pacing` is a constant of EnvironmentSpec."""
    rows, columns = specification.image or (0, 0)
    bounds = specification.action_spec()
    return EnvironmentSpec(
        suite=specification.suite,
        tasks=list(specification.tasks),
        action_size=specification.action_size,
        action_minimum=packed(np.broadcast_to(bounds.minimum, bounds.shape), "f"),
        action_maximum=packed(np.broadcast_to(bounds.maximum, bounds.shape), "f"),
        state_size=specification.state_size,
        image_height=rows,
        image_width=columns,
        control_period=specification.control_period,
        episode_length=specification.episode_length,
        simulated=specification.simulated,
        pacing=pacing,
    )


def specification_of(message: EnvironmentSpec) -> Specification:
    """Return the specification that a message states, or raise InvalidSpecification."""
    image = (message.image_height, message.image_width)
    return Specification(
        suite=message.suite,
        tasks=tuple(message.tasks),
        action_size=message.action_size,
        state_size=message.state_size,
        image=image if any(image) else None,
        control_period=message.control_period,
        episode_length=message.episode_length,
        simulated=message.simulated,
    )


STEP_TYPES: Sequence[dm_env.StepType] = (
    dm_env.StepType.FIRST,
    dm_env.StepType.MID,
    dm_env.StepType.LAST,
)


def fill_observation(message: Observation, timestep: dm_env.TimeStep) -> None:
    """Write what `timestep` shows and earned into `message`; turn and stamp are the sender's."""
    message.step_type = int(timestep.step_type)
    message.reward = float(timestep.reward or 0.0)
    message.discount = 1.0 if timestep.discount is None else float(timestep.discount)
    if timestep.last():
        ended = message.discount == 0.0
        message.ending = Observation.TERMINATED if ended else Observation.TRUNCATED
    observation = timestep.observation
    message.success = bool(observation["success"])
    if "image" in observation:
        message.image = image_message(observation["image"])
    if "state" in observation:
        message.state = packed(np.asarray(observation["state"], np.float32), "f")


def timestep_of(message: Observation) -> dm_env.TimeStep:
    """Return the time step in `message`; state and image are views into it."""
    observation: dict[str, Any] = {"success": np.array(message.success)}
    if message.image.data:
        observation["image"] = image_array(message.image)
    if message.state:
        observation["state"] = np.frombuffer(message.state, np.float32)
    first = message.step_type == Observation.FIRST
    return dm_env.TimeStep(
        step_type=STEP_TYPES[message.step_type],
        reward=None if first else message.reward,
        discount=None if first else message.discount,
        observation=observation,
    )
