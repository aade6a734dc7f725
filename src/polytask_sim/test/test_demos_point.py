"""The installed command, from a suite's scripts to pictures and a dataset, as a user types it."""

import os
import signal
import subprocess
import time

import numpy as np
import pytest

from polytask_contract.episodes.collect import HOLD
from polytask_contract.episodes.episode_file import read_episode
from polytask_contract.episodes.store import EpisodeStore, episode_paths
from polytask_contract.specification import Observations
from polytask_contract.suites import find_suite


def polytask(*words, **options):
    return subprocess.run(
        ["polytask", *map(str, words)],  # noqa: S607  # found as a user finds it
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        **options,
    )


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Two demonstrations of each task."""
    root = tmp_path_factory.mktemp("demos") / "demonstrations"
    words = ["--suite", "point", "--task", "all", "--count", 2, "--output", root]
    done = polytask("demos", "collect", *words)
    assert (done.returncode, done.stderr) == (0, "")
    return root


def test_every_verb_is_listed():
    listed = polytask("--help")
    assert listed.returncode == 0
    for verb in ("collect", "show", "export", "import"):
        assert f"polytask demos {verb}" in listed.stdout


def test_demonstrations_end_in_success_and_hold_it(store):
    suite = find_suite("point")
    for task in suite.tasks:
        for episode in EpisodeStore(store).episodes("point", task):
            assert episode.successes[-HOLD:] == [True] * HOLD
            assert not episode.successes[-HOLD - 1]
            assert episode.verdicts == {"any": True, "held": True}
            episode.check_against(suite.make(task, 0, Observations()).specification)


def test_the_last_frame_shows_the_goal(store):
    suite = find_suite("point")
    for task in suite.tasks:
        environment = suite.make(task, 0, Observations())
        for episode in EpisodeStore(store).episodes("point", task):
            environment.reset(episode.seed)
            for action in episode.actions:
                timestep = environment.step(action)
            assert timestep.observation["success"]
            assert np.array_equal(timestep.observation["image"], episode.goal_image)


def test_show_export_and_import_work_as_typed(store, tmp_path):
    for words, wrote in (
        (["show", store, "--size", "120x160", "--output", "shown"], "shown/episodes.mp4"),
        (["export", store, "--output", "dataset"], "dataset/meta/info.json"),
        (["import", "--format", "lerobot", "dataset", "--output", "back"], "back/point"),
    ):
        done = polytask("demos", *words, cwd=tmp_path)
        assert (done.returncode, done.stderr) == (0, "")
        assert (tmp_path / wrote).exists()
    assert len(episode_paths([tmp_path / "back"])) == 8


def test_an_unknown_suite_is_one_sentence_without_a_trace(tmp_path):
    words = ["--suite", "nowhere", "--task", "all", "--output", tmp_path / "x"]
    done = polytask("demos", "collect", *words)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("polytask: there is no suite 'nowhere'; valid: ")
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "x").exists()


@pytest.fixture
def interruptible():
    """Let programs that are started hear SIGINT, also where this one was started deaf to it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize(("sent", "status"), [(signal.SIGINT, 130), (signal.SIGKILL, -9)])
def test_what_was_collected_outlives_an_interruption(tmp_path, sent, status):
    words = ["--suite", "point", "--task", "all", "--count", "100000", "--output", str(tmp_path)]
    with subprocess.Popen(
        ["polytask", "demos", "collect", *words],  # noqa: S607
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    ) as running:
        told = [running.stdout.readline().partition(":")[0] for _ in range(5)]
        time.sleep(0.02)
        running.send_signal(sent)
        told += [line.partition(":")[0] for line in running.communicate(timeout=30)[0].splitlines()]
    assert running.returncode == status
    kept = [str(path) for path in episode_paths([tmp_path])]
    assert set(told) <= set(kept)
    assert len(kept) <= len(told) + 1
    for path in episode_paths([tmp_path]):
        assert all(read_episode(path).successes[-HOLD:])
