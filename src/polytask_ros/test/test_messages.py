"""Arrays survive the way into a message and back, and reading a message copies nothing."""

from array import array

import dm_env
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from polytask_contract.specification import Specification
from polytask_msgs.msg import EnvironmentSpec, Observation
from polytask_ros.messages import (
    MalformedMessage,
    fill_observation,
    image_array,
    image_message,
    spec_message,
    specification_of,
    tensor_array,
    tensor_message,
    timestep_of,
)

ARRAYS = hnp.arrays(
    dtype=st.sampled_from([np.uint8, np.float32, np.float64, np.int64]),
    shape=hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5),
)
PICTURES = hnp.arrays(
    np.uint8,
    st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(3)),
    elements=st.integers(0, 255),
)


@given(ARRAYS)
def test_a_tensor_comes_back_bit_for_bit(values):
    back = tensor_array(tensor_message(values))
    assert back.dtype == values.dtype
    assert back.shape == values.shape
    assert back.tobytes() == values.tobytes()


@given(PICTURES)
def test_a_picture_comes_back_bit_for_bit_even_from_a_view(picture):
    flipped = picture[::-1]
    assert np.array_equal(image_array(image_message(flipped)), flipped)


def test_reading_shares_memory_and_writing_leaves_no_list():
    picture = np.zeros((4, 5, 3), np.uint8)
    message = image_message(picture)
    assert isinstance(message.data, array)
    assert np.shares_memory(image_array(message), np.frombuffer(message.data, np.uint8))
    tensor = tensor_message(np.zeros((2, 3), np.float32))
    assert isinstance(tensor.data, array)
    assert isinstance(tensor.shape, array)
    assert np.shares_memory(tensor_array(tensor), np.frombuffer(tensor.data, np.uint8))


@pytest.mark.parametrize(
    "picture", [np.zeros((4, 5), np.uint8), np.zeros((4, 5, 4), np.uint8), np.zeros((4, 5, 3))]
)
def test_what_is_no_picture_is_refused(picture):
    with pytest.raises(MalformedMessage, match=r"uint8 of shape \(rows, columns, 3\), not"):
        image_message(picture)


def test_a_message_that_contradicts_itself_is_refused():
    image = image_message(np.zeros((4, 5, 3), np.uint8))
    image.width = 6
    with pytest.raises(MalformedMessage, match="4 x 6 pixels cannot have step 15 and 60 bytes"):
        image_array(image)
    image.encoding = "mono8"
    with pytest.raises(MalformedMessage, match="'mono8'; valid: 'rgb8'"):
        image_array(image)
    tensor = tensor_message(np.zeros(3))
    tensor.shape = [4]
    with pytest.raises(MalformedMessage, match="cannot have 24 bytes"):
        tensor_array(tensor)
    tensor.shape = [3, *[1] * 32]
    with pytest.raises(MalformedMessage, match="33 axes; valid: up to 32"):
        tensor_array(tensor)
    tensor.dtype = 9
    with pytest.raises(MalformedMessage, match="dtype is 9; valid"):
        tensor_array(tensor)
    with pytest.raises(MalformedMessage, match="complex128 cannot be sent"):
        tensor_message(np.zeros(3, complex))


OBSERVATION = {
    "success": np.array(True),
    "state": np.array([1.5, -0.0], np.float32),
    "image": np.arange(24, dtype=np.uint8).reshape(2, 4, 3),
}


@pytest.mark.parametrize(
    ("timestep", "ending"),
    [
        (dm_env.restart(OBSERVATION), Observation.RUNNING),
        (dm_env.transition(0.1, OBSERVATION), Observation.RUNNING),
        (dm_env.truncation(0.1, OBSERVATION), Observation.TRUNCATED),
        (dm_env.termination(0.1, OBSERVATION), Observation.TERMINATED),
    ],
)
def test_a_time_step_comes_back_as_it_was(timestep, ending):
    message = Observation()
    fill_observation(message, timestep)
    assert message.ending == ending
    back = timestep_of(message)
    assert back.step_type == timestep.step_type
    assert back.reward == timestep.reward
    assert back.discount == timestep.discount
    assert set(back.observation) == set(OBSERVATION)
    for name, values in OBSERVATION.items():
        assert back.observation[name].dtype == values.dtype
        assert back.observation[name].tobytes() == values.tobytes()


@pytest.mark.parametrize(("state_size", "image"), [(3, None), (0, (8, 9)), (3, (8, 9))])
def test_a_specification_comes_back_as_it_was(state_size, image):
    specification = Specification(
        suite="example",
        tasks=("one", "two"),
        action_size=4,
        state_size=state_size,
        image=image,
        control_period=0.05,
        episode_length=125,
        simulated=False,
    )
    message = spec_message(specification, EnvironmentSpec.REALTIME)
    assert specification_of(message) == specification
    assert list(message.action_minimum) == [-1.0] * 4
    assert list(message.action_maximum) == [1.0] * 4
    assert message.pacing == EnvironmentSpec.REALTIME
