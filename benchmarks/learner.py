"""The learner's hot paths beside figures of the paper's authors' code: updates, rewards, replay.

With `--peer FOLDER`, a checkout of their repository, their code takes turns with ours in this run,
in a process of its own, on as many threads. Without it the peer's figures are constants: measured
once with that code in eager PyTorch 2.13 on two threads of a quiet machine of this kind. Figures
are medians; `least` is our quickest round. A ratio above 1 says that ours is the better one.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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

from benchmarks._authors import AGENT, authors, is_theirs
from benchmarks._children import SPAWN, Children, ended_in_order
from benchmarks._report import report, say
from polytask_contract.episodes.episode import Episode
from polytask_learning.agents.expert import Expert
from polytask_learning.compute import ComputeSettings
from polytask_learning.data.replay import Replay
from polytask_learning.networks.encoder import PictureEncoder, StateEncoder
from polytask_learning.settings import PRESETS, ExpertSettings
from polytask_learning.training.rewarding import MatchingRewards
from polytask_learning.types import Batch

STATUS = Path("/proc/self/status")
# The peer sees a state of 39 numbers beside a goal of 38.
SEEN, ACTION, FEATURES, BATCH, STACK, SIZE = 39 + 38, 4, 512, 256, 3, (84, 84)
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
# Lets the peer do a work once, by name; None where there are constants in its place.
Peer = Callable[[str], None] | None
PEER_CODE = "the authors' code, taking turns in this run"


def settings_of(kind: str, preset: str) -> ExpertSettings:
    """Return the preset; of states, with a critic's inputs as many as the peer's."""
    settings = PRESETS[preset]
    if (kind, preset) != ("state", "paper"):
        return settings
    return replace(settings, action_copies=SEEN // ACTION)


def expert(kind: str, preset: str, compute: ComputeSettings) -> Expert:
    """Return an expert of states or of pixels."""
    settings = settings_of(kind, preset)
    if kind == "state":
        states = StateEncoder(torch.zeros(SEEN), torch.ones(SEEN))
        return Expert(states, SEEN, ACTION, settings, 0, compute=compute)
    pictures = PictureEncoder(3 * STACK, SIZE, FEATURES)
    return Expert(pictures, FEATURES, ACTION, settings, 0, compute=compute)


def batch(kind: str, count: int) -> Batch:
    """Return `count` transitions of nothing in particular."""
    shape = (count, SEEN) if kind == "state" else (count, 3 * STACK, *SIZE)
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
            compute.prepare_process()
            begun = time.perf_counter()
            work()
            if turn:
                took[name].append(time.perf_counter() - begun)
    return took


def timed(
    name: str,
    rounds: int,
    make: Callable[[ComputeSettings], Callable[[], object]],
    peer: Peer,
) -> dict[str, Case]:
    """Return the cases of `name`: the claim, on one thread, and in float32."""
    works = {name + suffix: (make(compute), compute) for suffix, compute in VARIANTS.items()}
    if peer is not None:
        works[PEER_CODE] = (partial(peer, name), QUICK)
    took = taking_turns(works, rounds)
    theirs = median(took.pop(PEER_CODE)) if peer else None
    cases = {}
    for case, ours in took.items():
        cases[case] = compared(name, median(ours), theirs, "s") | {"least": min(ours)}
        say(f"{case}: {median(ours):.4f} s, peer {cases[case]['peer']:.4g} s")
    return cases


def compared(name: str, ours: float, theirs: float | None, unit: str) -> Case:
    """Return a row with the peer's figure of this run, or else the constant."""
    source = PEER_SOURCE if theirs is None else PEER_CODE
    theirs = PEER[name] if theirs is None else theirs
    ratio = theirs / ours if unit == "s" else ours / theirs
    return {"ours": ours, "peer": theirs, "ratio": ratio, "unit": unit, "peer_source": source}


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
    ComputeSettings().prepare_process()
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


def sampled_by(peer: Peer) -> float | None:
    """Return how many samples a second the peer draws, if it is here."""
    if peer is None:
        return None
    took = taking_turns({"peer": (partial(peer, "replay_sampling"), QUICK)}, ROUNDS["state"])
    return BATCH / median(took["peer"])


def full_replay(peer: Peer) -> dict[str, Case]:
    """Return the cases of a full replay, in a process of its own."""
    with Children() as children:
        channel, theirs = SPAWN.Pipe()
        children.start(fill_and_sample, theirs)
        grown, rate = children.receive(channel)
    say(f"replay: {grown:.2f} GiB when full, {rate:.0f} samples/s")
    memory = {"ours": grown, "peer": None, "ratio": None, "unit": "GiB", "bound": PEER["memory"]}
    return {
        "replay_sampling": compared("replay_sampling", rate, sampled_by(peer), "samples/s"),
        "memory": memory,
    }


@contextmanager
def peer_of(folder: Path | None) -> Iterator[Peer]:
    """Give the peer in `folder`, or None."""
    if folder is None:
        yield None
    else:
        with authors(folder, THREADS) as peer:
            yield peer


def parse(arguments: list[str], name: str, about: str | None) -> argparse.Namespace:
    """Return the options of the benchmark `name`, or end the process with what is valid."""
    parser = argparse.ArgumentParser(prog=f"./run bench {name}", description=about)
    parser.add_argument("--peer", type=Path, help="a checkout of the paper's authors' repository")
    options = parser.parse_args(arguments)
    if options.peer is not None and not is_theirs(options.peer):
        parser.error(f"--peer {options.peer} has no {AGENT}; valid: the authors' repository")
    return options


def main() -> None:
    """Measure every case and print the result."""
    options = parse(sys.argv[1:], "learner", __doc__)
    with ended_in_order("learner"), peer_of(options.peer) as peer:
        cases = timed("state_update", ROUNDS["state"], partial(updates, "state", "paper"), peer)
        cases |= {"state_update_fast_preset": fast_preset()}
        cases |= timed("pixel_update", ROUNDS["pixel"], partial(updates, "pixel", "paper"), peer)
        cases |= timed("ot_reward", ROUNDS["ot"], rewarding, peer)
        cases |= full_replay(peer)
    report("learner", cases)


if __name__ == "__main__":
    main()
