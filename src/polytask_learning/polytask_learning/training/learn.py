"""One run: an expert of one task, from demonstrations to its best checkpoint."""

from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

import numpy as np

from polytask_contract.environment import Environment
from polytask_contract.episodes.form import Form
from polytask_contract.specification import Observations
from polytask_contract.success import RULES
from polytask_contract.suites import find_suite
from polytask_learning.data.episode_log import EpisodeLog
from polytask_learning.training.assembly import Maker, make_expert, make_loop
from polytask_learning.training.demonstrations import Shown, demonstrated
from polytask_learning.training.holding import held
from polytask_learning.training.loop import Loop, Progress
from polytask_learning.training.means import Means
from polytask_learning.training.patience import patiently
from polytask_learning.training.request import Request
from polytask_learning.training.run_folder import MADE_WITH, SIMULATED, RunFolder
from polytask_learning.training.versions import versions

# Is told the metrics of each episode and each evaluation; all have `steps`.
Sink = Callable[[Mapping[str, float]], None]


def learn(
    request: Request,
    store: Shown,
    path: Path,
    sink: Sink,
    means: Means | None = None,
    make: Maker = make_expert,
) -> RunFolder:
    """Learn in the suite's environment until solved or out of steps, as `learn_in` does."""
    suite = find_suite(request.suite)

    def made(observations: Observations) -> closing[Environment]:
        return closing(suite.make(request.task, request.seed, observations))

    with made(request.practised_with) as environment:
        if request.practised_with == request.looked_at:
            return learn_in(environment, request, store, path, sink, means, make)
        with made(request.looked_at) as lean:
            both = (environment, lean)
            return learn_in(both, request, store, path, sink, means, make)


def learn_in(
    environments: Environment | tuple[Environment, Environment],
    request: Request,
    store: Shown,
    path: Path,
    sink: Sink,
    means: Means | None = None,
    make: Maker = make_expert,
) -> RunFolder:
    """Learn in an environment, going on where a run in `path` was stopped.

    Of two `environments` the first is practised in, and policies are judged in the second. `make`
    makes the expert; where it begins as another one, `request.start` says as which.
    What has been learnt when anything is raised is in the folder, and the next call goes on from
    there. Raise what `demonstrated`, `held`, RunFolder and the environment do, and NotFinite.
    """
    means = means or Means()
    means.compute.prepare_process()
    both = environments if isinstance(environments, tuple) else (environments, environments)
    environment = both[0]
    shown = demonstrated(request, store, environment)
    manifest = {
        "request": asdict(request),
        "settings": asdict(request.settings),
        "matching": asdict(request.matching) if request.reward == "ot" else None,
        "compute": asdict(means.compute),
        "form": Form.of(environment.specification)._asdict(),
        "demonstrations": [one.hash for one in shown],
        MADE_WITH: {SIMULATED: environment.specification.simulated, **versions()},
    }
    with held(path):
        folder = RunFolder.begin(path, manifest)
        episodes = [one.episode for one in shown]
        loop, logs = make_loop(request, both, episodes, folder, means, make)
        _Run(loop, logs, folder, sink, means).go_on()
    return folder


class _Run:
    """A loop and the folder that it is kept in."""

    def __init__(
        self,
        loop: Loop,
        logs: Mapping[str, EpisodeLog],
        folder: RunFolder,
        sink: Sink,
        means: Means,
    ) -> None:
        self._loop, self._logs, self._folder, self._sink = loop, logs, folder, sink
        self._watch, self._pace = means.watch, means.episodes_per_checkpoint

    def go_on(self) -> None:
        """Learn to the end, from the beginning or where it was stopped."""
        progress = self._restored()
        while not progress.finished:
            before = progress.steps
            self._tell(patiently(self._loop.run_episode, self._watch))
            due = self._loop.is_due(before)
            if due:
                self._judge()
            if due or progress.episodes % self._pace == 0:
                self._keep()

    def _restored(self) -> Progress:
        """Bring the loop to where it was stopped, or to where practice begins."""
        loop, folder = self._loop, self._folder
        state = folder.latest()
        if state is not None:
            loop.restore(state)
        for count, log in self._logs.items():
            log.restore(getattr(loop.progress, count))
        folder.forget_after(loop.progress.steps if state else -1)
        if state is None:
            loop.imitate()
            self._judge()
            self._keep()
        return loop.progress

    def _judge(self) -> None:
        result, better = patiently(self._loop.judge, self._watch)
        if better:
            self._folder.keep_best(self._loop.state())
        rates = {f"evaluation/{rule}": result.rate(rule) for rule in RULES}
        earned = float(np.mean(result.returns))
        steps = float(self._loop.progress.steps)
        count = float(len(result.seeds))
        measured = {"evaluation/return": earned, "evaluation/episodes": count}
        self._tell({"steps": steps, **rates, **measured})

    def _tell(self, metrics: Mapping[str, float]) -> None:
        self._folder.tell(metrics)
        self._sink(metrics)

    def _keep(self) -> None:
        self._folder.keep_latest(self._loop.state())
        for log in self._logs.values():
            log.forget()
