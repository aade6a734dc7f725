"""One run: an expert of one task, from demonstrations to its best checkpoint."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from polytask_contract.environment import Environment
from polytask_contract.episodes.episode import Episode
from polytask_contract.episodes.episode_file import read_episode
from polytask_contract.episodes.form import Form
from polytask_contract.episodes.store import EpisodeStore
from polytask_contract.errors import PolyTaskError
from polytask_contract.specification import Observations
from polytask_contract.suites import find_suite
from polytask_learning.agents.expert import Expert
from polytask_learning.data.episode_log import EpisodeLog
from polytask_learning.data.replay import Replay
from polytask_learning.networks.encoder import StateEncoder
from polytask_learning.settings import PRESETS
from polytask_learning.training.loop import Loop, LoopSettings
from polytask_learning.training.run_folder import RunFolder

# A checkpoint is written after so many episodes, and after each evaluation.
EPISODES_PER_CHECKPOINT = 5

Told = Callable[[dict[str, float]], None]


class NoDemonstrations(PolyTaskError):
    """There are too few demonstrations of a task; the message says how to get some."""


@dataclass(frozen=True)
class Request:
    """What is to be learnt, and how; a run folder belongs to one of these."""

    suite: str
    task: str
    demonstrations: int
    preset: str
    steps: int
    seed: int
    evaluate_every: int = 2500


def demonstrated(request: Request, store: EpisodeStore, environment: Environment) -> list[Episode]:
    """Return the first demonstrations of the task; raise NoDemonstrations for too few.

    Raise InvalidEpisode for one that could not be recorded in `environment`.
    """
    paths = store.paths(request.suite, request.task)
    if len(paths) < request.demonstrations:
        raise NoDemonstrations(
            f"{store.root} has {len(paths)} demonstrations of {request.suite} {request.task}; "
            f"valid: at least {request.demonstrations}; get them with `polytask demos collect "
            f"--suite {request.suite} --task {request.task} --output {store.root}`"
        )
    episodes = []
    for path in paths[: request.demonstrations]:
        episode = read_episode(path)
        # A policy of states needs no pictures, so demonstrations may have them or not.
        seen = {name: values for name, values in episode.observations.items() if name != "image"}
        plain = replace(episode, observations=seen)
        plain.check_against(environment.specification)
        episodes.append(plain)
    return episodes


def learn(request: Request, store: EpisodeStore, path: Path, tell: Told) -> RunFolder:
    """Learn until solved or out of steps, going on where a run in `path` was stopped.

    `tell` is told the metrics of each evaluation. Raise what `demonstrated` and RunFolder do.
    """
    suite = find_suite(request.suite)
    with closing(suite.make(request.task, request.seed, Observations(image=None))) as environment:
        shown = demonstrated(request, store, environment)
        manifest = asdict(request) | {"settings": asdict(PRESETS[request.preset])}
        manifest["shown"] = [[one.seed, len(one), float(one.rewards.sum())] for one in shown]
        folder = RunFolder(path, manifest)
        loop, log = _prepared(request, environment, shown, folder)
        _go_on(loop, log, folder, tell)
    return folder


def _prepared(
    request: Request, environment: Environment, shown: list[Episode], folder: RunFolder
) -> tuple[Loop, EpisodeLog]:
    settings = PRESETS[request.preset]
    form = Form.of(environment.specification)
    length = environment.specification.episode_length
    # Room for everything: an episode has one observation more than it has steps.
    room = request.steps + length + (request.steps // max(1, length) + 2) * 2
    made: dict[str, Any] = {"n_step": settings.n_step, "discount": settings.discount}
    replay, imitated = Replay(form, room, **made), Replay(form, room, **made)
    # Tasks differ in what their rewards are worth: the best demonstrated step is worth 1.
    scale = 1.0 / max(1e-6, *(float(one.rewards.max()) for one in shown))

    def scaled(episode: Episode) -> Episode:
        return replace(episode, rewards=scale * episode.rewards)

    for one in shown:
        imitated.add(scaled(one))
    size = environment.specification.state_size
    encoder = StateEncoder(torch.zeros(size), torch.ones(size))
    action_size = environment.specification.action_size
    expert = Expert(encoder, size, action_size, settings, request.seed)
    pace = LoopSettings(request.steps, evaluate_every=request.evaluate_every)
    log = EpisodeLog(folder.episodes, replay)
    loop = Loop(environment, expert, (settings, pace), log, imitated, scaled, request.seed)
    return loop, log


def _go_on(loop: Loop, log: EpisodeLog, folder: RunFolder, tell: Told) -> None:
    state = folder.latest()
    if state is None:
        log.restore(0)
        folder.forget_after(-1)
        loop.imitate()
        _judge(loop, folder, tell)
        folder.keep_latest(loop.state())
    else:
        loop.restore(state)
        log.restore(loop.progress.episodes)
        folder.forget_after(loop.progress.steps)
    while not loop.progress.finished:
        before = loop.progress.steps
        loop.run_episode()
        due = loop.is_due(before)
        if due:
            _judge(loop, folder, tell)
        if due or loop.progress.episodes % EPISODES_PER_CHECKPOINT == 0:
            folder.keep_latest(loop.state())
            log.forget()


def _judge(loop: Loop, folder: RunFolder, tell: Told) -> None:
    result, better = loop.judge()
    if better:
        folder.keep_best(loop.state())
    metrics = {
        "steps": loop.progress.steps,
        "success": result.rate("held"),
        "any": result.rate("any"),
        "return": float(np.mean(result.returns)),
    }
    folder.tell(metrics)
    tell(metrics)
