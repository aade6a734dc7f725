"""What asking for rewards promises where no server, or a bad one, answers."""

import threading
import time
from contextlib import closing
from pathlib import Path

import pytest
import rclpy
import torch
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node

from polytask_learning.rewards.errors import InvalidFeatures
from polytask_learning.rewards.match import best_match
from polytask_learning.rewards.matching import MATCHINGS
from polytask_learning.rewards.settings import RewardSettings
from polytask_learning.ros import ot_reward
from polytask_learning.ros.reward_client import RewardLost, RewardService
from polytask_msgs.srv import ComputeReward
from polytask_ros import names
from polytask_ros.messages import MalformedMessage, tensor_message
from polytask_ros.runtime import initialize

SETTINGS = RewardSettings()
NOWHERE = "/rewards_nowhere"


def walk(steps=20, seed=0, kind=torch.float32, size=6):
    """Features that drift, as those of an episode do."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(steps, size, generator=generator, dtype=kind).cumsum(0)


def same(one, other):
    return torch.equal(one.rewards, other.rewards) and one[1:] == other[1:]


@pytest.fixture
def said():
    return []


@pytest.fixture
def client(said):
    """Make clients, and close them with the test."""
    made = []

    def client(namespace=NOWHERE, **options):
        made.append(RewardService(namespace=namespace, say=said.append, **options))
        return made[-1]

    yield client
    for one in made:
        one.close()


@pytest.fixture
def serve():
    """Serve a node of this process in a thread."""
    initialize()
    executor = SingleThreadedExecutor()
    nodes = []
    ending = threading.Event()

    def spin():
        while not ending.is_set():
            executor.spin_once(timeout_sec=0.05)

    thread = threading.Thread(target=spin)

    def serve(make):
        nodes.append(make())
        executor.add_node(nodes[-1])
        thread.start()

    yield serve
    ending.set()
    thread.join()
    executor.shutdown()
    for node in nodes:
        node.destroy_node()
    rclpy.try_shutdown()


def test_the_services_constants_are_the_names_of_the_matchings():
    request = ComputeReward.Request
    constants = {name for name in dir(type(request)) if name.isupper() and name[0].isalpha()}
    assert {name.lower() for name in constants} == set(MATCHINGS)
    assert sorted(ot_reward.NAMES) == list(range(len(MATCHINGS)))


def test_a_service_that_never_answers_is_given_up_and_named(client, said):
    begun = time.monotonic()
    service = client(timeout=0.3, give_up_after=2.0)
    # On a busy machine it may notice late; that it does not too early is asserted below.
    waited = r"([2-9]|\d{2,})\.\d s"
    message = (
        rf"^/rewards_nowhere/reward/compute has not answered for {waited}: no ot_reward serves"
    )
    with pytest.raises(RewardLost, match=message):
        service(walk(), [walk(seed=1)], SETTINGS)
    assert time.monotonic() - begun >= 2.0
    # Of several attempts one was worth a word.
    assert len(said) == 1
    assert "/rewards_nowhere/reward/compute" in said[0]
    assert "asking again for up to 2 s" in said[0]


def test_one_answer_is_waited_for_however_little_patience_there_is(client):
    begun = time.monotonic()
    with pytest.raises(RewardLost):
        client(timeout=0.5, give_up_after=0.0)(walk(), [walk()], SETTINGS)
    assert time.monotonic() - begun >= 0.5


def test_falling_back_is_said_once_and_gives_the_same_numbers(client, said):
    service = client(timeout=0.3, fall_back=True)
    for seed in range(3):
        given = (walk(seed=seed), [walk(seed=8), walk(31, seed=9)], SETTINGS)
        assert same(service(*given), best_match(*given))
    assert len(said) == 1
    assert "rewards are computed in process" in said[0]


class BrokenOff(Exception):
    pass


def test_what_waiting_raises_ends_the_wait(client, said):
    calls = []

    def waiting():
        calls.append(time.monotonic())
        if len(calls) == 4:
            raise BrokenOff

    service = client(timeout=60.0, waiting=waiting)
    for _ in range(2):
        with pytest.raises(BrokenOff):
            service(walk(), [walk()], SETTINGS)
        assert len(calls) == 4
        calls.clear()
    assert said == []


@pytest.mark.parametrize(
    ("episode", "demonstrations", "message"),
    [
        (walk(), [], "0 demonstrations"),
        (walk()[0], [walk()], r"the episode are \(6,\); valid: \(steps, D\)"),
        (walk(), [walk(), walk(size=7)], r"demonstration 1 are \(20, 7\); valid: \(steps, 6\)"),
        (walk(), [walk(kind=torch.float64)], r"torch.float64; valid: torch.float32"),
        (walk().bfloat16(), [walk()], "bfloat16; valid: float32, float64"),
        (walk(), [walk().log()], "of demonstration 0 is nan; valid: finite"),
    ],
)
@pytest.mark.parametrize("fall_back", [False, True])
def test_what_cannot_be_compared_is_refused_without_a_server(
    client, said, episode, demonstrations, message, fall_back
):
    service = client(timeout=60.0, fall_back=fall_back)
    with pytest.raises(InvalidFeatures, match=message):
        service(episode, demonstrations, SETTINGS)
    assert said == []


def test_more_iterations_than_can_be_sent_are_refused(client):
    with pytest.raises(InvalidFeatures, match="iterations is 4294967296; valid: up to 4294967295"):
        client()(walk(), [walk()], RewardSettings(iterations=2**32))


def test_rewards_of_another_length_are_refused(serve, client):
    def answer(_request, response):
        response.code = response.SUCCESS
        response.rewards = tensor_message(walk(7)[:, 0].numpy())
        return response

    def liar():
        node = Node("liar", namespace="/rewards_liar", start_parameter_services=False)
        node.create_service(ComputeReward, names.COMPUTE_REWARD, answer)
        return node

    serve(liar)
    with pytest.raises(MalformedMessage, match=r"float32 of shape \(7,\); valid: .* \(20,\)"):
        client("/rewards_liar", timeout=30.0)(walk(), [walk()], SETTINGS)


def test_a_device_without_memory_refuses_and_the_node_goes_on(serve, client, monkeypatch):
    def exhausted(*_):
        raise torch.OutOfMemoryError

    serve(ot_reward.OtReward)
    service = client("", timeout=30.0)
    with monkeypatch.context() as patched:
        patched.setattr(ot_reward, "best_match", exhausted)
        with pytest.raises(InvalidFeatures, match=r"^cpu has no memory left; valid: a smaller"):
            service(walk(), [walk()], SETTINGS)
    given = (walk(), [walk(seed=1)], SETTINGS)
    assert same(service(*given), best_match(*given))


def test_a_closed_client_leaves_no_thread_behind():
    """The middleware's threads are none of Python's, so the kernel is asked."""
    tasks = Path("/proc/self/task")
    with closing(RewardService(say=pytest.fail, namespace=NOWHERE)):
        open_ = len(list(tasks.iterdir()))
    closed = len(list(tasks.iterdir()))
    for _ in range(3):
        with closing(RewardService(say=pytest.fail, namespace=NOWHERE)):
            pass
    assert open_ > closed
    assert len(list(tasks.iterdir())) <= closed
