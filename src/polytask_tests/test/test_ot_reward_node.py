"""Rewards from another process: the same numbers, and what becomes of them when it dies."""

import contextlib
import itertools
import os
import signal
import subprocess
import time
from array import array
from pathlib import Path

import numpy as np
import pytest
import rclpy
import torch
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor

from polytask_contract.episodes.collect import attempt
from polytask_contract.episodes.recording import Recording
from polytask_contract.specification import Observations
from polytask_contract.suites import find_suite
from polytask_learning.networks.encoder import StateEncoder
from polytask_learning.rewards.errors import InvalidFeatures
from polytask_learning.rewards.match import best_match
from polytask_learning.rewards.matching import MATCHINGS
from polytask_learning.rewards.settings import RewardSettings
from polytask_learning.ros import reward_client
from polytask_learning.ros.reward_client import RewardService
from polytask_learning.training.rewarding import MatchingRewards
from polytask_msgs.msg import Tensor
from polytask_msgs.srv import ComputeReward
from polytask_ros import names, qos
from polytask_ros.messages import tensor_message
from polytask_ros.node_process import NodeProcess, executable
from polytask_ros.runtime import initialize
from polytask_tests.asking import ask

# As the service has it: with other numbers of threads, sums are rounded otherwise.
torch.set_num_threads(1)

PATIENCE = 60.0
TASK = "north_east"
Request, Response = ComputeReward.Request, ComputeReward.Response

numbers = itertools.count()


def walk(steps=20, seed=0, kind=torch.float32, size=6):
    """Features that drift, as those of an episode do."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(steps, size, generator=generator, dtype=kind).cumsum(0)


def three(kind=torch.float32):
    """Demonstrations of different lengths."""
    return [walk(steps, seed, kind) for seed, steps in ((1, 15), (2, 33), (3, 20))]


def same(one, other):
    alike = one.rewards.dtype == other.rewards.dtype
    return alike and torch.equal(one.rewards, other.rewards) and one[1:] == other[1:]


def serving(namespace, parameters=None, **options):
    path = executable("polytask_learning", "ot_reward")
    return NodeProcess(path, namespace=namespace, parameters=parameters, **options)


@pytest.fixture
def namespace():
    return f"/rewards_{next(numbers)}"


@pytest.fixture
def start(namespace):
    """Start servers in the test's namespace, and end them with it."""
    with contextlib.ExitStack() as stack:

        def start(**parameters):
            return stack.enter_context(serving(namespace, parameters))

        yield start


@pytest.fixture
def said():
    return []


@pytest.fixture
def connect(namespace, said):
    """Make clients in the test's namespace, and close them with it."""
    with contextlib.ExitStack() as stack:

        def connect(**options):
            options = {"timeout": PATIENCE, "say": said.append, **options}
            service = RewardService(namespace=namespace, **options)
            return stack.enter_context(contextlib.closing(service))

        yield connect


# One server for what it does not notice


@pytest.fixture(scope="module")
def shared():
    """A namespace with a server."""
    with serving("/rewards_shared"):
        yield "/rewards_shared"


@pytest.fixture(scope="module")
def service(shared):
    with contextlib.closing(
        RewardService(namespace=shared, timeout=PATIENCE, say=pytest.fail)
    ) as made:
        yield made


@pytest.mark.parametrize("kind", [torch.float32, torch.float64])
@pytest.mark.parametrize("matching", MATCHINGS)
def test_the_services_match_is_that_of_this_process_bit_for_bit(service, matching, kind):
    for seed, epsilon in ((10, 0.01), (11, 0.5)):
        given = (walk(24, seed, kind), three(kind), RewardSettings(matching, epsilon))
        assert same(service(*given), best_match(*given))


def test_all_settings_reach_the_service(service):
    episode, demonstrations = walk(), three()
    results = []
    for settings in (
        RewardSettings(iterations=3),
        RewardSettings(iterations=80),
        RewardSettings(iterations=80, tolerance=0.5),
        RewardSettings(iterations=80, epsilon=0.3),
    ):
        match = service(episode, demonstrations, settings)
        assert same(match, best_match(episode, demonstrations, settings))
        results.append(match.marginal_error)
    assert len(set(results)) == 4


def test_features_as_a_network_hands_them_out_are_sent(service):
    episode = torch.nn.Linear(6, 4)(walk())
    demonstrations = [walk(40, size=4)[::2]]
    assert episode.requires_grad
    match = service(episode, demonstrations, RewardSettings())
    assert same(match, best_match(episode, demonstrations, RewardSettings()))
    assert not match.rewards.requires_grad


def test_long_episodes_and_wide_features_pass(service):
    given = (walk(300, size=4000), [walk(250, 1, size=4000)] * 4, RewardSettings())
    assert same(service(*given), best_match(*given))


@pytest.fixture(scope="module")
def lived():
    """Demonstrations of the point's world, and episodes of who does not know what to do there."""
    environment = find_suite("point").make(TASK, 0, Observations(image=None))
    script = find_suite("point").demonstrator(TASK)
    shown = [attempt(environment, script, seed) for seed in range(2)]
    random, episodes = np.random.default_rng(3), []
    for seed in range(4):
        timestep = environment.reset(seed)
        recording = Recording(timestep)
        while not timestep.last():
            action = random.uniform(-1, 1, 2).astype(np.float32)
            timestep = environment.step(action)
            recording.add(action, timestep)
        episodes.append(recording.episode(environment.specification, TASK, seed, "policy"))
    environment.close()
    return shown, episodes


def earned(lived, after=lambda: None, **options):
    """Return what episodes earn, one after the other, for matching."""
    shown, episodes = lived
    encoder = StateEncoder(torch.zeros(2), torch.ones(2))
    settings = RewardSettings("sinkhorn_euclidean", epsilon=0.05)
    rewarding = MatchingRewards(shown, encoder, 0, settings, **options)
    rewards = []
    for episode in episodes:
        rewards.append(rewarding.practised(episode).rewards)
        after()
    return rewards


def test_a_learner_earns_the_rewards_that_it_would_in_process(service, lived):
    assert np.array_equal(earned(lived, match=service), earned(lived))


# What is refused


class Asker:
    """Sends requests as anybody may, and listens to the diagnostics."""

    def __init__(self, namespace):
        self.context = Context()
        initialize(context=self.context)
        options = {"namespace": namespace, "start_parameter_services": False}
        self.node = rclpy.create_node("asker", context=self.context, **options)
        self.executor = SingleThreadedExecutor(context=self.context)
        self.executor.add_node(self.node)
        self.told = []
        self.node.create_subscription(
            DiagnosticArray,
            names.DIAGNOSTICS,
            lambda array: self.told.extend(array.status),
            qos.EVENT,
        )

    def close(self):
        self.executor.shutdown()
        self.node.destroy_node()
        self.context.shutdown()

    def wait_for(self, done):
        end = time.monotonic() + PATIENCE
        while not done():
            assert time.monotonic() < end, "it did not come"
            self.executor.spin_once(timeout_sec=0.1)

    def ask(self, **fields):
        question = request(**fields)
        name = names.COMPUTE_REWARD
        return ask(self.node, self.wait_for, "ot_reward", ComputeReward, name, question)

    def numbers(self, namespace):
        """Return the newest numbers in the diagnostics of a namespace's server."""
        name = f"{namespace.strip('/')}/ot_reward: requests"
        mine = [status for status in self.told if status.name == name]
        return {pair.key: pair.value for pair in mine[-1].values} if mine else {}


@pytest.fixture(scope="module")
def asker(shared):
    with contextlib.closing(Asker(shared)) as made:
        yield made


def message(values):
    return tensor_message(values.numpy())


def raw(shape, data=b"", dtype=Tensor.FLOAT32):
    return Tensor(dtype=dtype, shape=array("I", shape), data=array("B", data))


def request(**fields):
    given = {
        "trajectory": message(walk()),
        "demonstrations": [message(one) for one in three()],
        "matching": Request.SINKHORN_COSINE,
        "epsilon": 0.01,
        "iterations": 100,
        "tolerance": 0.0,
    }
    return Request(**{**given, **fields})


BAD = walk()
BAD[3, 1] = float("nan")
HUGE = torch.full((20, 6), 3e38)
REFUSED = {
    "no demonstration": ({"demonstrations": []}, "there are 0 demonstrations; valid: 1 or more"),
    "other size": (
        {"demonstrations": [message(walk()), message(walk(size=7))]},
        "demonstration 1 are (20, 7); valid: (steps, 6)",
    ),
    "other type": (
        {"demonstrations": [message(walk(kind=torch.float64))]},
        "demonstration 0 are torch.float64; valid: torch.float32",
    ),
    "bytes": (
        {"trajectory": message(walk().to(torch.uint8))},
        "the episode are torch.uint8; valid: float32, float64",
    ),
    "no steps": ({"trajectory": raw((0, 6))}, "the episode are (0, 6); valid: (steps, 6)"),
    "no features": (
        {"demonstrations": [raw((6, 0))], "trajectory": raw((6, 0))},
        "the episode are (6, 0); valid: (steps, 0), neither of them 0",
    ),
    "very many of nothing": (
        {"trajectory": raw((0, 2**32 - 1))},
        "against an episode of 0 steps and 4294967295 features",
    ),
    "one dimension": (
        {"trajectory": message(walk()[0])},
        "the episode have 1 dimensions; valid: 2, which are steps and features",
    ),
    "too many dimensions": (
        {"demonstrations": [raw([1] * 100, bytes(4))]},
        "demonstration 0 have 100 dimensions; valid: 2",
    ),
    "too few bytes": (
        {"trajectory": raw((3, 4), bytes(5))},
        "the episode: a tensor of shape (3, 4) and type float32 cannot have 5 bytes",
    ),
    "unknown dtype": (
        {"demonstrations": [raw((1, 1), bytes(4), dtype=9)]},
        "demonstration 0: a tensor's dtype is 9; valid: [0, 1, 2, 3]",
    ),
    "not a number": (
        {"demonstrations": [message(walk()), message(BAD)]},
        "feature [3, 1] of demonstration 1 is nan; valid: finite",
    ),
    "infinite": ({"trajectory": message(walk() / 0)}, "of the episode is "),
    "unknown matching": (
        {"matching": 7},
        "matching is 7; valid: 0 (sinkhorn_cosine), 1 (sinkhorn_euclidean), 2 (cosine), 3 (euc",
    ),
    "no entropy": ({"epsilon": 0.0}, "epsilon is 0.0; valid: above 0"),
    "epsilon below 0": ({"epsilon": -1.0}, "epsilon is -1.0; valid: above 0"),
    "epsilon no number": ({"epsilon": float("nan")}, "epsilon is nan; valid: above 0"),
    "too little entropy": (
        {"epsilon": 1e-300},
        "the rewards are not finite in torch.float32, with features up to ",
    ),
    "too far away": (
        {"trajectory": message(HUGE), "matching": Request.EUCLIDEAN},
        "the rewards are not finite in torch.float32, with features up to 3e+38 and an epsilon of",
    ),
    "no iteration": ({"iterations": 0}, "iterations is 0; valid: at least 1"),
    "iterations for ever": (
        {"iterations": 2**32 - 1},
        "iterations is 4294967295; valid: 1 to 1000, the node's most_iterations",
    ),
    "tolerance below 0": ({"tolerance": -0.1}, "tolerance is -0.1; valid: above 0, or 0 to make"),
    "tolerance no number": ({"tolerance": float("nan")}, "tolerance is nan; valid: above 0"),
    "too long": (
        {
            "trajectory": message(walk(5000, size=1)),
            "demonstrations": [message(walk(7000, size=1))],
        },
        "1 demonstrations of up to 7000 steps, against an episode of 5000 steps and 1 features, "
        "need arrays of 35000000 elements; valid: up to 33554432, the node's most_elements",
    ),
    "too much to fill up": (
        # Of 9 MB on the wire 260 MB would be made.
        {
            "trajectory": message(walk(1, size=4096)),
            "demonstrations": [raw((1, 4096), bytes(2**14))] * 30
            + [raw((512, 4096), bytes(2**23))],
        },
        "31 demonstrations of up to 512 steps, against an episode of 1 steps and 4096 features, "
        "need arrays of 65011712 elements",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_matched_is_refused_with_the_reason(asker, case):
    fields, reason = REFUSED[case]
    answer = asker.ask(**fields)
    assert answer.code == Response.INVALID_GOAL
    assert reason in answer.message
    assert "\n" not in answer.message
    assert len(answer.rewards.data) == 0


def test_refusals_leave_the_server_as_it_was(asker):
    before = asker.ask()
    assert asker.ask(epsilon=0.0).code == Response.INVALID_GOAL
    assert asker.ask() == before
    assert (before.code, before.message) == (Response.SUCCESS, "")
    assert before.distance > 0


def test_the_diagnostics_count_what_was_asked(namespace, start):
    start()
    with contextlib.closing(Asker(namespace)) as asker:
        for epsilon in (0.1, 0.1, -1.0):
            asker.ask(epsilon=epsilon)
        asker.wait_for(lambda: asker.numbers(namespace).get("refused") == "1")
        numbers = asker.numbers(namespace)
        assert numbers["answered"] == "2"
        assert float(numbers["time of the last one [s]"]) > 0
        assert asker.told[-1].message.endswith("refused: epsilon is -1.0; valid: above 0")
        asker.ask()
        asker.wait_for(lambda: asker.numbers(namespace)["answered"] == "3")
        assert asker.told[-1].message == "answered"


def test_a_refusal_is_an_error_of_the_client_that_names_the_servers_bound(start, connect, said):
    start(most_elements=1000, most_iterations=50)
    service, settings = connect(fall_back=True), RewardSettings(iterations=50)
    small = (walk(10), [walk(50, 1)] * 2, settings)
    assert same(service(*small), best_match(*small))
    with pytest.raises(InvalidFeatures, match=r"1020 elements; valid: up to 1000, the node's most"):
        service(walk(10), [walk(51, 1)] * 2, settings)
    with pytest.raises(InvalidFeatures, match=r"iterations is 51; valid: 1 to 50, the node's most"):
        service(walk(10), [walk(50, 1)], RewardSettings(iterations=51))
    # A refusal is an answer: nothing was computed elsewhere.
    assert said == []


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ({"device": "tpu"}, "error: device is tpu; valid: cpu"),
        ({"threads": 0}, "error: parameter threads"),
        ({"thread": 1}, "error: no parameter is called 'thread'; valid: device, most_elements"),
    ],
)
def test_a_bad_parameter_ends_the_node_with_one_sentence(namespace, parameters, reason):
    with serving(namespace, parameters, stderr=subprocess.PIPE, text=True) as process:
        assert process.wait(PATIENCE) == 1
        assert reason in process.errors.read()


def test_the_node_ends_when_told(start, connect):
    process = start()
    connect()(walk(), three(), RewardSettings())
    process.signal(signal.SIGINT)
    assert process.wait(PATIENCE) == 0


# Servers that die

# Takes long enough to be interrupted.
LONG = (walk(1600), [walk(1600, 1)], RewardSettings(iterations=1000))


@pytest.fixture(scope="module")
def long_match():
    return best_match(*LONG)


class Accident:
    """Happens once, in the middle of what a process computes."""

    def __init__(self, process, happen):
        self._process, self._happen = process, happen
        self._idle = None
        self.happened = False

    def __call__(self):
        """Look on; to be called while an answer is waited for."""
        if self.happened:
            return
        used = cpu_time(self._process)
        if self._idle is None:
            self._idle = used
        elif used > self._idle + 0.3:
            self.happened = True
            self._happen()


def cpu_time(process):
    """Return the time that a process has computed for [s]."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) / os.sysconf("SC_CLK_TCK")


def test_a_server_killed_between_requests_and_started_again_goes_on(start, connect, lived, said):
    lives = [start()]

    def kill_and_start():
        if len(lives) < 3:
            lives[-1].kill()
            lives.append(start())

    service = connect(timeout=5.0, give_up_after=2 * PATIENCE)
    assert np.array_equal(earned(lived, kill_and_start, match=service), earned(lived))
    assert len(lives) == 3
    # Whether anything had to be said depends on how soon the next one was there.
    assert all("/reward/compute has not answered" in word for word in said)


def test_a_server_killed_in_mid_request_and_started_again_is_asked_again(
    start, connect, said, long_match
):
    lives = [start()]
    warm = connect()
    warm(walk(), three(), RewardSettings())

    def kill_and_start():
        lives[-1].kill()
        lives.append(start())

    # Now and then it has answered before it is killed.
    while not said:
        accident = Accident(lives[-1], kill_and_start)
        service = connect(waiting=accident, timeout=8.0, give_up_after=PATIENCE)
        assert same(service(*LONG), long_match)
    assert accident.happened
    assert len(said) == 1
    assert "asking again for up to 60 s" in said[0]


def test_a_server_that_is_slower_than_was_thought_is_given_more_time(
    start, connect, said, long_match
):
    process = start()
    connect()(walk(), three(), RewardSettings())
    service = connect(timeout=0.5, give_up_after=PATIENCE)
    assert same(service(*LONG), long_match)
    assert len(said) == 1
    # What it was asked too often is not taken for answers to what comes next.
    given = (walk(), three(), RewardSettings())
    assert same(service(*given), best_match(*given))
    assert process.running()


def test_of_two_servers_one_may_be_killed_unnoticed(start, connect, said, long_match):
    first, second = start(), start()
    accident = None

    def look_on():
        if accident is not None:
            accident()

    service = connect(waiting=look_on)
    end = time.monotonic() + PATIENCE
    while service._node.count_services(service._name) < 2:
        assert time.monotonic() < end, "they are not there"
        time.sleep(0.05)
    # Both compute whatever this client asks for, once both have met it.
    for process in (first, second):
        before = cpu_time(process)
        end = time.monotonic() + PATIENCE
        while cpu_time(process) < before + 1.0:
            assert time.monotonic() < end, "it is not asked"
            service(walk(500), [walk(500, 1)], RewardSettings(iterations=1000))
    end = time.monotonic() + PATIENCE
    # Now and then the second has answered before the first has computed for long.
    while accident is None or not accident.happened:
        assert time.monotonic() < end, "the first does not compute"
        accident = Accident(first, first.kill)
        assert same(service(*LONG), long_match)
    assert second.running()
    given = (walk(), three(), RewardSettings())
    assert same(service(*given), best_match(*given))
    assert said == []


@pytest.mark.parametrize("asked", ["meanwhile", "afterwards"])
def test_a_server_that_stalls_and_comes_round_is_heard_again(
    start, connect, said, namespace, asked
):
    """For longer than it takes the middleware to hold it for dead."""
    process = start()
    given = (walk(), three(), RewardSettings())
    stalled = False

    def wake():
        if stalled and asker.node.count_services(f"{namespace}/reward/compute") == 0:
            process.signal(signal.SIGCONT)

    service = connect(timeout=2.0, give_up_after=PATIENCE, waiting=wake)
    with contextlib.closing(Asker(namespace)) as asker:
        asker.ask()
        service(*given)
        said.clear()
        process.signal(signal.SIGSTOP)
        stalled = True
        if asked == "afterwards":
            asker.wait_for(lambda: not asker.node.count_services(f"{namespace}/reward/compute"))
            process.signal(signal.SIGCONT)
        assert same(service(*given), best_match(*given))
    assert len(said) == 1 or asked == "afterwards"


def test_falling_back_ends_once_a_server_is_back(start, connect, said, monkeypatch):
    given = (walk(), three(), RewardSettings())
    expected = best_match(*given)
    process = start()
    connect()(*given)
    service = connect(fall_back=True, timeout=5.0)
    assert same(service(*given), expected)
    process.kill()
    for _ in range(3):
        assert same(service(*given), expected)
    assert len(said) == 1
    assert said[0].endswith("rewards are computed in process")
    again = start()
    # Another client notices when it is up.
    connect()(*given)
    here = []

    def counted(*given):
        here.append(given)
        return best_match(*given)

    monkeypatch.setattr(reward_client, "best_match", counted)
    end = time.monotonic() + PATIENCE
    while True:
        here.clear()
        assert same(service(*given), expected)
        if not here:
            break
        assert time.monotonic() < end, "it still computes itself"
        time.sleep(0.1)
    assert len(said) == 1
    # The next outage is another one.
    again.kill()
    assert same(service(*given), expected)
    assert here
    assert len(said) == 2


class BrokenOff(Exception):
    pass


def test_a_wait_for_an_answer_can_be_broken_off_and_another_one_begun(start, connect, long_match):
    process = start()
    connect()(walk(), three(), RewardSettings())

    def break_off():
        raise BrokenOff

    broken_off = False
    # Now and then the answer is there before anybody breaks off.
    while not broken_off:
        service = connect(waiting=Accident(process, break_off))
        try:
            assert same(service(*LONG), long_match)
        except BrokenOff:
            broken_off = True
    given = (walk(), three(), RewardSettings())
    # What was broken off is still computed, and its answer is not taken for this one.
    assert same(service(*given), best_match(*given))
    assert same(service(*LONG), long_match)
