"""The learner's hot paths beside figures of the paper's authors' code: updates, rewards, replay.

The peer's figures are constants: measured once with its own code in eager PyTorch 2.13 on two
threads of a quiet machine of this kind. Ours are medians of this run, variants taking turns, on
whatever machine it runs on, busy or not; `least` is the quickest round. A ratio above 1 says that
ours is the better one.
"""

import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from multiprocessing.connection import Connection
from os import sched_getaffinity
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks._children import SPAWN, Children, ended_in_order
from benchmarks._report import refuse_arguments, report, say
from polytask_contract.episodes.episode import Episode
from polytask_learning.agents.expert import Expert
from polytask_learning.compute import ComputeSettings
from polytask_learning.data.replay import Replay
from polytask_learning.networks.encoder import PictureEncoder, StateEncoder
from polytask_learning.settings import PRESETS
from polytask_learning.training.rewarding import MatchingRewards
from polytask_learning.types import Batch

STATUS = Path("/proc/self/status")
STATE, ACTION, FEATURES, BATCH, STACK, SIZE = 39, 4, 512, 256, 3, (84, 84)
STEPS, TRANSITIONS, DISCOUNT = 125, 150_000, 0.99
PEER_SOURCE = "constant: the authors' code on a quiet machine of this kind, 2 threads"
PEER = {
    "state_update": 0.155,
    "pixel_update": 5.95,
    "ot_reward": 0.33,
    "replay_sampling": 18_400.0,
    "memory": 3.5,
}
THREADS = len(sched_getaffinity(0))
QUICK = ComputeSettings(precision="bfloat16", channels_last=True, threads=THREADS)
VARIANTS = {
    "": QUICK,
    "_one_thread": ComputeSettings(precision="bfloat16", channels_last=True),
    "_float32": ComputeSettings(threads=THREADS),
}
ROUNDS = {"state": 31, "pixel": 5, "ot": 15}

Case = dict[str, Any]


def expert(kind: str, preset: str, compute: ComputeSettings) -> Expert:
    """Return an expert of states or of pixels."""
    if kind == "state":
        states = StateEncoder(torch.zeros(STATE), torch.ones(STATE))
        return Expert(states, STATE, ACTION, PRESETS[preset], 0, compute=compute)
    pictures = PictureEncoder(3 * STACK, SIZE, FEATURES)
    return Expert(pictures, FEATURES, ACTION, PRESETS[preset], 0, compute=compute)


def batch(kind: str, count: int) -> Batch:
    """Return `count` transitions of nothing in particular."""
    shape = (count, STATE) if kind == "state" else (count, 3 * STACK, *SIZE)
    seen = torch.randint(0, 256, shape, dtype=torch.uint8)
    if kind == "state":
        seen = seen / 255
    column = torch.rand(count, 1)
    nothing = torch.zeros(count, dtype=torch.int64)
    return Batch(seen, torch.rand(count, ACTION) * 2 - 1, column, column, seen.clone(), nothing)


def updates(kind: str, preset: str, compute: ComputeSettings) -> Callable[[], object]:
    """Return what does one update on one fixed batch, with demonstrations beside or within it."""
    settings = PRESETS[preset]
    shown = round(settings.batch * (settings.demonstrated or 1.0))
    fresh = settings.batch - shown if settings.demonstrated else settings.batch
    learner = expert(kind, preset, compute)
    one, other = batch(kind, fresh), batch(kind, shown)
    return partial(learner.update, one, other)


def rewarding(compute: ComputeSettings) -> Callable[[], object]:
    """Return what rewards an episode for matching a demonstration, as a run does.

    Both are encoded; a demonstration's features are kept until the encoder's copy is renewed.
    """
    encoder = compute.placed(PictureEncoder(3 * STACK, SIZE, FEATURES))
    rewards = MatchingRewards([noise(0)], encoder, STACK, compute=compute)
    return partial(rewards.practised, noise(1))


def taking_turns(
    works: dict[str, tuple[Callable[[], object], ComputeSettings]], rounds: int
) -> dict[str, list[float]]:
    """Return how long each of `works` took in each of `rounds` rounds [s]."""
    took: dict[str, list[float]] = {name: [] for name in works}
    for turn in range(rounds + 1):
        for name, (work, compute) in works.items():
            compute.use_threads()
            begun = time.perf_counter()
            work()
            if turn:
                took[name].append(time.perf_counter() - begun)
    return took


def timed(
    name: str, rounds: int, make: Callable[[ComputeSettings], Callable[[], object]]
) -> dict[str, Case]:
    """Return the cases of `name`: the claim, on one thread, and in float32."""
    works = {name + suffix: (make(compute), compute) for suffix, compute in VARIANTS.items()}
    cases = {}
    for case, took in taking_turns(works, rounds).items():
        middle = median(took)
        cases[case] = compared(name, middle, PEER[name] / middle, "s") | {"least": min(took)}
        say(f"{case}: {middle:.4f} s, peer {PEER[name]} s")
    return cases


def compared(name: str, ours: float, ratio: float, unit: str) -> Case:
    """Return a row with the peer's constant."""
    row = {"ours": ours, "peer": PEER[name], "ratio": ratio, "unit": unit}
    return row | {"peer_source": PEER_SOURCE}


def fast_preset() -> Case:
    """Return the case of the preset that has no peer."""
    compute = ComputeSettings()
    took = taking_turns({"fast": (updates("state", "fast", compute), compute)}, ROUNDS["state"])
    return {"ours": median(took["fast"]), "peer": None, "ratio": None, "unit": "s"}


def noise(seed: int) -> Episode:
    """Return an episode of pictures of nothing."""
    random = np.random.default_rng(seed)
    pictures = random.integers(0, 256, (STEPS + 1, *SIZE, 3), np.uint8)
    black = episode()
    return replace(black, observations={**black.observations, "image": pictures})


def episode() -> Episode:
    """Return an episode of pictures, black ones: what is in them costs nothing."""
    return Episode(
        suite="none",
        task="none",
        seed=0,
        source="policy",
        control_period=0.1,
        observations={
            "image": np.zeros((STEPS + 1, *SIZE, 3), np.uint8),
            "success": np.zeros(STEPS + 1, bool),
        },
        actions=np.zeros((STEPS, ACTION), np.float32),
        rewards=np.zeros(STEPS),
        discounts=np.ones(STEPS),
    )


def resident() -> float:
    """Return the largest amount of memory that this process has held so far [GiB].

    Of the program that runs: what getrusage tells begins at what the parent held.
    """
    (line,) = (line for line in STATUS.read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 2**20


def fill_and_sample(channel: "Connection[Any, Any]") -> None:
    """Fill a replay of the paper's size; send how memory grew and how many samples a second."""
    ComputeSettings().use_threads()
    one, before = episode(), resident()
    room = TRANSITIONS + TRANSITIONS // STEPS
    replay = Replay(one.form, room, n_step=3, discount=DISCOUNT, frame_stack=STACK)
    for _ in range(TRANSITIONS // STEPS):
        replay.add(one)
    filled, random, rates = resident() - before, np.random.default_rng(0), []
    for _ in range(50):
        begun = time.perf_counter()
        replay.sample(BATCH, random)
        rates.append(BATCH / (time.perf_counter() - begun))
    channel.send((filled, median(rates)))


def full_replay() -> dict[str, Case]:
    """Return the cases of a full replay, in a process of its own."""
    with Children() as children:
        channel, theirs = SPAWN.Pipe()
        children.start(fill_and_sample, theirs)
        grown, rate = children.receive(channel)
    say(f"replay: {grown:.2f} GiB when full, {rate:.0f} samples/s")
    ratio = rate / PEER["replay_sampling"]
    memory = {"ours": grown, "peer": None, "ratio": None, "unit": "GiB", "bound": PEER["memory"]}
    return {
        "replay_sampling": compared("replay_sampling", rate, ratio, "samples/s"),
        "memory": memory,
    }


def main() -> None:
    """Measure every case and print the result."""
    refuse_arguments()
    with ended_in_order("learner"):
        cases = timed("state_update", ROUNDS["state"], partial(updates, "state", "paper"))
        cases |= {"state_update_fast_preset": fast_preset()}
        cases |= timed("pixel_update", ROUNDS["pixel"], partial(updates, "pixel", "paper"))
        cases |= timed("ot_reward", ROUNDS["ot"], rewarding)
        cases |= full_replay()
    report("learner", cases)


if __name__ == "__main__":
    main()
