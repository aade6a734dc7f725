"""What the learner's tests share."""

import argparse
import dataclasses
import hashlib
import shlex
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from polytask_contract.episodes.collect import attempt
from polytask_contract.episodes.form import Form
from polytask_contract.episodes.store import EpisodeStore
from polytask_contract.specification import Observations
from polytask_contract.suites import find_suite
from polytask_learning.compute import ComputeSettings
from polytask_learning.data.relabelled_data import parts_of
from polytask_learning.data.relabelled_file import Label, Part, PartsWriter
from polytask_learning.training.assembly import make_expert
from polytask_learning.training.relabel import RELABELLED
from polytask_learning.training.request import Request
from polytask_learning.training.run_folder import RunFolder

# Several threads wait for each other longer than these small networks take, the more so beside
# other tests.
torch.set_num_threads(1)

SIZE = (24, 24)


def formula(states, task):
    """Return what solves a task of the point's world at `states`, one a row."""
    acts = find_suite("point").demonstrator(task)
    seen = (SimpleNamespace(observation={"state": state}) for state in states)
    return np.stack([acts(one) for one in seen])


def walked(count, seed, image):
    """Return states and pictures of the point's world on its way to one place and another."""
    suite, random = find_suite("point"), np.random.default_rng(seed)
    environment = suite.make(suite.tasks[0], seed, Observations(image=image))
    states, pictures = [], []
    while len(states) < count:
        acts = suite.demonstrator(suite.tasks[random.integers(len(suite.tasks))])
        timestep = environment.reset(int(random.integers(2**30)))
        while not timestep.last():
            states.append(timestep.observation["state"])
            pictures.append(timestep.observation.get("image"))
            action = acts(timestep) + random.normal(0, 0.3, 2)
            timestep = environment.step(np.clip(action, -1, 1).astype(np.float32))
    environment.close()
    return np.stack(states[:count]), np.stack(pictures[:count])


def make_teacher(path, task, *, steps=400, observations="state", goal=True, seed=0, **form):
    """Make a run at `path` whose relabelled file says what the formula does in `task`.

    `form` says what is unlike the point's world.
    """
    request = Request("point", task, observations=observations)
    stack = request.frame_stack
    form = Form("point", 2, 2, SIZE if stack else None, 0.1)._replace(**form)
    manifest = {
        "request": dataclasses.asdict(request),
        "settings": dataclasses.asdict(request.settings),
        "form": form._asdict(),
    }
    folder = RunFolder.begin(path, manifest | {"demonstrations": []})
    expert = make_expert(dataclasses.replace(request, seed=seed), form, ComputeSettings())
    folder.keep_best({"expert": expert.state_dict(), "progress": {"steps": 25}})
    states, pictures = walked(steps, seed, form.image)
    hashed = hashlib.sha256(task.encode()).hexdigest() if goal else None
    label = Label(
        form.suite,
        task,
        folder.manifest["request"],
        form,
        stack,
        folder.best_hash(),
        keep=30_000,
        episodes=10,
        goal=hashed,
        count=steps,
    )
    parts = parts_of(label, steps)
    if goal:
        parts["goal"] = Part("U8", (*SIZE, 3))
    with (path / RELABELLED).open("w+b") as file:
        writer = PartsWriter(file, label, parts)
        actions = np.zeros((steps, form.action_size), np.float32)
        actions[:, :2] = formula(states, task)
        writer.append("actions", actions)
        writer.append("state", np.resize(states, (steps, form.state_size)).astype(np.float32))
        if stack:
            writer.append("rows", np.arange(steps)[:, None].repeat(stack, axis=1))
            writer.append("image", pictures.transpose(0, 3, 1, 2))
        if goal:
            writer.append("goal", _done(task))
        writer.seal()
    return path


def _done(task):
    suite = find_suite("point")
    environment = suite.make(task, 0, Observations(image=SIZE))
    acts, timestep = suite.demonstrator(task), environment.reset(0)
    while not timestep.last():
        timestep = environment.step(acts(timestep))
    environment.close()
    return timestep.observation["image"]


@pytest.fixture(name="make_teacher", scope="session")
def teacher_maker():
    """Return what makes experts whose answers are known, as runs that have been relabelled."""
    return make_teacher


@pytest.fixture(name="parsed", scope="session")
def command_parser():
    """Return what tells the verb of a command line, of some, and the options that it means."""

    def parsed(line, verbs):
        words = shlex.split(line)
        assert words[0] == "polytask"
        ((name, verb),) = [
            one for one in verbs.items() if tuple(words[1 : 1 + len(one[0])]) == one[0]
        ]
        parser = argparse.ArgumentParser(exit_on_error=False)
        verb().describe(parser)
        return name, parser.parse_args(words[1 + len(name) :])

    return parsed


@pytest.fixture(name="formula", scope="session")
def known_answer():
    """Return what solves the tasks of the point's world."""
    return formula


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Return a store with a demonstration of each task of the point's world."""
    store = EpisodeStore(tmp_path_factory.mktemp("store") / "demonstrations")
    suite = find_suite("point")
    for task in suite.tasks:
        environment = suite.make(task, 0, Observations())
        store.add(attempt(environment, suite.demonstrator(task), 0))
        environment.close()
    return store
