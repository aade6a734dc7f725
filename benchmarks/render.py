"""Pictures a second at 84x84 for each suite, beside the suite's own library drawing the same state.

Also memory, and how the rate scales from one to four worlds that are drawn in turn in one process.
"""

import resource
import sys
import time
from collections.abc import Callable
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks._children import SPAWN, Children, ended_in_order
from benchmarks._report import refuse_arguments, report, say
from polytask_contract.specification import Observations
from polytask_contract.suites import find_suite
from polytask_sim.scene_renderer import SceneRenderer

# isort: split
# MuJoCo asks how to draw when it is first imported, which polytask_sim answers.
import mujoco
from dm_control.suite import cheetah
from gymnasium_robotics.envs.franka_kitchen.kitchen_env import KitchenEnv
from metaworld.env_dict import ALL_V3_ENVIRONMENTS

SIZE = (84, 84)
CASES = {"metaworld": "hammer", "kitchen": "kettle", "dmc": "torso-1", "xarm": "reach"}
ROUNDS = 5
OUR_PICTURES, PEER_PICTURES = 40, 4
WORLDS = (1, 2, 4)


def peer_of(suite: str) -> Callable[[], Any]:
    """Return what draws a picture as the library of `suite` does."""
    peer: Any
    if suite == "dmc":
        peer = cheetah.run()
        peer.reset()
        return partial(peer.physics.render, *SIZE, camera_id="side")
    if suite == "xarm":
        return plain_renderer()
    if suite == "kitchen":
        peer = KitchenEnv(render_mode="rgb_array", width=SIZE[1], height=SIZE[0])
    else:
        peer = ALL_V3_ENVIRONMENTS["hammer-v3"](
            render_mode="rgb_array", camera_name="corner3", width=SIZE[1], height=SIZE[0]
        )
        peer._freeze_rand_vec, peer._set_task_called = False, True
    peer.reset()
    return partial(peer.render)


def plain_renderer() -> Callable[[], Any]:
    """Return what draws the table of the xArm by MuJoCo's own renderer, as it comes."""
    environment: Any = find_suite("xarm").make("reach", 0, Observations(image=None))
    environment.reset(0)
    renderer = mujoco.Renderer(environment.data.model, *SIZE)

    def draw() -> Any:
        renderer.update_scene(environment.data, camera="table")
        return renderer.render()

    return draw


def draw_as_peer(suite: str, channel: Connection) -> None:
    """Measure the peer's rate each time `channel` asks for it.

    In a process of its own: upstream's renderers draw with whatever context is current.
    """
    draw = peer_of(suite)
    draw()
    while channel.recv():
        channel.send(rate(draw, PEER_PICTURES))


def rate(draw: Callable[[], Any], count: int) -> float:
    """Return pictures a second over `count` of them."""
    begun = time.perf_counter()
    for _ in range(count):
        picture = np.asarray(draw())
    elapsed = time.perf_counter() - begun
    if picture.shape != (*SIZE, 3):
        raise ValueError(f"a picture of shape {picture.shape}; valid: {(*SIZE, 3)}")
    return count / elapsed


def drawer(environment: Any) -> Callable[[], Any]:
    """Return what draws a picture our way."""
    renderer: SceneRenderer = environment._observer
    return lambda: renderer.draw(environment.data)


def resident_megabytes() -> float:
    """Return the largest amount of memory that this process has held so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def compare(suite: str, task: str) -> dict[str, Any]:
    """Return the case of one suite."""
    environments: list[Any] = []
    rates, memory = {}, [resident_megabytes()]
    for count in WORLDS:
        while len(environments) < count:
            environments.append(find_suite(suite).make(task, 0, Observations(image=SIZE)))
            environments[-1].reset(0)
            memory.append(resident_megabytes())
        draws = [drawer(environment) for environment in environments]
        for draw in draws:
            draw()
        rates[count] = median(
            median(rate(draw, OUR_PICTURES // count) for draw in draws) for _ in range(ROUNDS)
        )
    pairs = []
    with Children() as children:
        channel, theirs = SPAWN.Pipe()
        children.start(draw_as_peer, suite, theirs)
        for _ in range(ROUNDS):
            channel.send(True)
            peer = children.receive(channel)
            pairs.append((rate(draws[0], OUR_PICTURES), peer))
    for environment in environments:
        environment.close()
    return {
        "ours": median(ours for ours, _ in pairs),
        "peer": median(peer for _, peer in pairs),
        "ratio": median(ours / peer for ours, peer in pairs),
        "unit": "pictures/s",
        "worlds": {str(count): rates[count] for count in WORLDS},
        "mb_per_world": (memory[-1] - memory[1]) / (WORLDS[-1] - 1),
    }


def main() -> None:
    """Compare every suite and print the result."""
    refuse_arguments()
    cases = {}
    with ended_in_order("render"):
        for suite, task in CASES.items():
            cases[suite] = compare(suite, task)
            ours, peer = cases[suite]["ours"], cases[suite]["peer"]
            say(f"{suite}: {ours:.0f} pictures/s, peer {peer:.1f}")
    report("render", cases)


if __name__ == "__main__":
    main()
