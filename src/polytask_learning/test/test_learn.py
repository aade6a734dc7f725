"""`polytask learn`: solves the known-answer world, resumes exactly, and refuses what cannot be."""

import shutil
import signal
import subprocess
import time
from dataclasses import replace

import numpy as np
import pytest

from polytask_contract.cli import command
from polytask_contract.episodes.store import EpisodeStore
from polytask_learning.training.checkpoint import read_checkpoint, same

WORDS = ["--suite", "point", "--task", "north_east", "--steps", "800", "--evaluate-every", "200"]


def polytask(*words):
    done = [*map(str, words)]
    command_line = ["polytask", *done]
    return subprocess.run(command_line, capture_output=True, text=True, check=False)


def refused(capsys, *words):
    """Return the one sentence with which a command line is refused, in this process."""
    assert command.main(["learn", *map(str, words)]) in (1, 2)
    (sentence,) = capsys.readouterr().err.splitlines()
    return sentence


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    root = tmp_path_factory.mktemp("learn") / "demonstrations"
    words = ["--suite", "point", "--task", "north_east", "--output", root]
    assert polytask("demos", "collect", *words).returncode == 0
    return root


@pytest.fixture(scope="module")
def whole(store):
    """Return the folder of a run that nobody interrupted, and what it said."""
    folder = store.parent / "whole"
    done = polytask("learn", *WORDS, "--demonstrations", store, "--output", folder)
    assert (done.returncode, done.stderr) == (0, "")
    return folder, done.stdout


def states(folder):
    return [
        read_checkpoint(folder / "checkpoints" / f"{name}.checkpoint")
        for name in ("latest", "best")
    ]


def test_the_task_is_solved_and_said_so(whole):
    folder, said = whole
    assert "success 100% held" in said
    assert states(folder)[1]["progress"]["best"] == 1.0
    assert "the best policy is in checkpoints/best.checkpoint" in said
    assert said.rstrip().endswith("report.html: the report")


def metrics(folder):
    path = folder / "metrics.jsonl"
    return path.read_text() if path.exists() else ""


def killed_in_practice(words, folder):
    """Begin a run, kill it when it has told of an episode, and return how it ended."""
    running = subprocess.Popen([*words, str(folder)], stdout=subprocess.DEVNULL)
    # The first line tells of the policy that practice begins with; a checkpoint follows it.
    while metrics(folder).count("\n") < 2 and running.poll() is None:
        time.sleep(0.005)
    running.kill()
    return running.wait()


def test_a_run_that_was_killed_ends_as_one_that_was_not(store, whole, tmp_path):
    words = ["polytask", "learn", *WORDS, "--demonstrations", str(store), "--output"]
    folders = (tmp_path / f"killed_{number}" for number in range(10))
    # On a busy machine the kill may come when all is learnt already; the next one may not.
    for folder in folders:
        status = killed_in_practice(words, folder)
        if metrics(folder) != metrics(whole[0]):
            break
    assert status == -signal.SIGKILL
    assert metrics(folder) != metrics(whole[0])
    done = polytask(*words[1:], folder)
    assert done.returncode == 0, done.stderr
    for one, other in zip(states(whole[0]), states(folder), strict=True):
        assert same(one, other)
    assert metrics(folder) == metrics(whole[0])


def test_a_finished_run_is_left_as_it_is(store, whole):
    before = states(whole[0])
    done = polytask("learn", *WORDS, "--demonstrations", store, "--output", whole[0])
    assert done.returncode == 0
    assert "steps:" not in done.stdout
    assert all(same(one, other) for one, other in zip(before, states(whole[0]), strict=True))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--task", "up"], "there is no task 'up'; valid: north_west"),
        (["--suite", "nowhere"], "there is no suite 'nowhere'; valid: "),
        (["--task", "south_east"], "has 0 demonstrations of point south_east; valid: at least 1"),
        (["--demos", "9"], "has 1 demonstrations of point north_east; valid: at least 9"),
        (["--seed", "5", "--output", "WHOLE"], "has seed 0, not 5"),
    ],
)
def test_what_cannot_be_learnt_is_refused_in_one_sentence(
    store, whole, tmp_path, capsys, words, message
):
    words = [str(whole[0]) if word == "WHOLE" else word for word in words]
    output = tmp_path / "run"
    options = [*WORDS, "--demonstrations", store, "--output", output, *words]
    assert message in refused(capsys, *options)
    assert not output.exists()


def test_a_damaged_checkpoint_is_refused_and_stays(store, whole, tmp_path, capsys):
    folder = tmp_path / "copy"
    shutil.copytree(whole[0], folder)
    path = folder / "checkpoints" / "latest.checkpoint"
    damaged = path.read_bytes()[:-1]
    path.write_bytes(damaged)
    sentence = refused(capsys, *WORDS, "--demonstrations", store, "--output", folder)
    assert "latest.checkpoint is not a whole checkpoint" in sentence
    assert path.read_bytes() == damaged


def test_demonstrations_of_another_form_are_refused(store, tmp_path, capsys):
    (episode,) = EpisodeStore(store).episodes("point", "north_east")
    other = replace(episode, actions=np.zeros((len(episode), 5), np.float32))
    EpisodeStore(tmp_path / "other").add(other)
    place = ["--demonstrations", tmp_path / "other", "--output", tmp_path / "run"]
    sentence = refused(capsys, *WORDS, *place)
    assert "action_size of the episode of point north_east is 5; valid: 2" in sentence
    assert not (tmp_path / "run").exists()
