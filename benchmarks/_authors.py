"""The code of the paper's authors, out of a folder of theirs, in a process of its own.

Nothing of it is here: it is imported from the folder, and packages that it imports but that no
work needs are stood in for.
"""

import importlib
import importlib.util
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import repeat
from multiprocessing.connection import Connection
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch

from benchmarks._children import SPAWN, Children

AGENT = Path("polytask", "agent", "drqv2.py")
UNUSED = {"hydra": (), "omegaconf": ("OmegaConf",), "einops": ()}
STATE, ACTION, BATCH, PICTURES, STEPS = 39, 4, 256, (9, 84, 84), 125
# Of the replay, which draws an episode and then a step of it: more would cost memory alone.
EPISODES = 20


def is_theirs(folder: Path) -> bool:
    """Tell whether `folder` is a checkout of the authors' repository."""
    return (folder / AGENT).is_file()


@contextmanager
def authors(folder: Path, threads: int) -> Iterator[Callable[[str], None]]:
    """Give a function that lets the authors' code do one of its works once, by name."""
    with Children() as children:
        channel, theirs = SPAWN.Pipe()
        children.start(work_on_request, str(folder), threads, theirs)

        def request(name: str) -> None:
            channel.send(name)
            children.receive(channel)

        yield request


def work_on_request(folder: str, threads: int, channel: "Connection[Any, Any]") -> None:
    """Do each work that is asked for, and say so."""
    torch.set_num_threads(threads)
    sys.path.insert(0, str(Path(folder) / "polytask"))
    for name, parts in UNUSED.items():
        if importlib.util.find_spec(name) is None:
            module = sys.modules[name] = ModuleType(name)
            for part in parts:
                setattr(module, part, None)
    works: dict[str, Callable[[], object]] = {}
    with tempfile.TemporaryDirectory() as replay:
        makers: dict[str, Callable[[], Callable[[], object]]] = {
            "state_update": partial(update, "states"),
            "pixel_update": partial(update, "pixels"),
            "distil_update": distil_update,
            "ot_reward": reward,
            "replay_sampling": partial(sampling, Path(replay)),
        }
        while True:
            name = channel.recv()
            if name not in works:
                works[name] = makers[name]()
            works[name]()
            channel.send(name)


def agent(kind: str) -> Any:
    """Return their agent with their published numbers, which sees `kind`."""
    drqv2 = importlib.import_module("agent.drqv2")
    return drqv2.DrQv2Agent(
        obs_shape=PICTURES if kind == "pixels" else (STATE,),
        action_shape=(ACTION,),
        device="cpu",
        lr=1e-4,
        hidden_dim=1024,
        critic_target_tau=0.01,
        num_expl_steps=0,
        update_every_steps=1,
        stddev_schedule=0.1,
        stddev_clip=0.3,
        use_tb=False,
        augment=True,
        obs_type=kind,
        train_encoder=True,
        rewards="sinkhorn_cosine",
        sinkhorn_rew_scale=1.0,
        update_target_every=20_000,
        auto_rew_scale=True,
        auto_rew_scale_factor=10.0,
        pcgrad=False,
    )


def update(kind: str) -> Callable[[], object]:
    """Return what does one update with the imitation term, on one batch.

    Their agent is given a goal, and with pictures encodes one for each row; ours has none.
    """
    shape = PICTURES if kind == "pixels" else (STATE,)
    # Half of the features that their state actor expects are the goal's, an even number of them.
    goal = PICTURES if kind == "pixels" else (STATE - 1,)
    seen, ahead = (torch.randint(0, 256, (BATCH, *shape), dtype=torch.uint8) for _ in range(2))
    wanted = torch.randint(0, 256, (BATCH, *goal), dtype=torch.uint8)
    action, column = torch.rand(BATCH, ACTION) * 2 - 1, torch.rand(BATCH, 1)
    learner = agent(kind)
    practised = [repeat((seen, action, column, column, ahead, wanted))]
    shown = [repeat((ahead, action, wanted))]
    return partial(learner.update, practised, shown, 1, bc_regularize=True)


def student() -> Any:
    """Return their policy of many tasks with their published numbers, which sees pictures."""
    distill = importlib.import_module("agent.distill")
    return distill.DistillAgent(
        obs_shape=PICTURES,
        action_shape=(ACTION,),
        device="cpu",
        lr=5e-5,
        hidden_dim=1024,
        stddev_schedule=0.1,
        stddev_clip=0.3,
        use_tb=False,
        augment=True,
        obs_type="pixels",
        goal_modality="pixels",
        goal_dim=512,
        pcgrad=False,
    )


def distil_update() -> Callable[[], object]:
    """Return what does one update of a distillation, on one batch of one task.

    A goal image goes with each row, and each is encoded.
    """
    seen, wanted = (torch.randint(0, 256, (BATCH, *PICTURES), dtype=torch.uint8) for _ in range(2))
    rows = repeat((seen, torch.rand(BATCH, ACTION) * 2 - 1, wanted))
    return partial(student().update, [rows], None, 1)


def reward() -> Callable[[], object]:
    """Return what rewards an episode for matching one demonstration."""
    one, shown = (
        np.random.default_rng(seed).integers(0, 256, (STEPS + 1, *PICTURES)) for seed in (0, 1)
    )
    return partial(agent("pixels").ot_rewarder, one.astype(np.uint8), [shown.astype(np.uint8)], 1)


def sampling(folder: Path) -> Callable[[], object]:
    """Return what samples a batch of their replay, in this process."""
    replay = importlib.import_module("replay_buffer")
    length = STEPS + 1
    episode = {
        "observation": np.zeros((length, *PICTURES), np.uint8),
        "goal": np.zeros((length, *PICTURES), np.uint8),
        "action": np.zeros((length, ACTION), np.float32),
        "reward": np.zeros((length, 1), np.float32),
        "discount": np.ones((length, 1), np.float32),
    }
    for number in range(EPISODES):
        replay.save_episode(episode, folder / f"0_{number}_{STEPS}.npz")
    dataset = replay.ReplayBuffer(folder, 150_000, 0, 3, 0.99, 1000, save_snapshot=True)
    loader = torch.utils.data.DataLoader(dataset, batch_size=BATCH)
    return partial(next, iter(loader))
