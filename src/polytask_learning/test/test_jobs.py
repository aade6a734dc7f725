"""Many jobs at once: all are told about, none outlives what started it, and learners are learnt."""

import argparse
import json
import os
import re
import secrets
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from polytask_contract.cli import command
from polytask_contract.cli.verb import UsageError
from polytask_contract.suites import find_suite
from polytask_learning.jobs import on_ray
from polytask_learning.jobs.choices import executor_of, tasks_of, workers
from polytask_learning.jobs.job import Finished, Job
from polytask_learning.jobs.leash import leashed
from polytask_learning.jobs.local import LocalExecutor
from polytask_learning.jobs.many import learn_many

# How long something that must happen is waited for [s].
PATIENCE = 60.0
SAYS_WHO_IT_IS = "import os, pathlib, sys; pathlib.Path(sys.argv[1]).write_text(str(os.getpid()));"
SLEEPS = SAYS_WHO_IT_IS + "import time; time.sleep(600)"
# Deaf to SIGTERM before it says who it is.
DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);" + SLEEPS
# Runs the jobs that it is given, as a process that can be killed.
RUNNER = """
import json, sys
from polytask_learning.jobs.job import Job
from polytask_learning.jobs.many import _sigterm_raises
from polytask_learning.jobs.choices import executor_of
jobs = [Job(*fields) for fields in json.loads(sys.argv[2])]
from contextlib import closing
with _sigterm_raises(), closing(executor_of(sys.argv[1], 2).run(jobs)) as ended:
    for one in ended:
        print(json.dumps([one.job.name, one.status, one.problem]), flush=True)
"""


def job(folder, name, program):
    who = folder / f"{name}.pid"
    words = (sys.executable, "-c", program, str(who))
    environment = {"MARK": name, "PYTHONPATH": os.environ["PYTHONPATH"]}
    return Job(name, words, environment, str(folder), str(folder / f"{name}.log"))


def until(ready):
    """Wait until `ready` gives something true, and return that."""
    limit = time.monotonic() + PATIENCE
    while not (found := ready()):
        assert time.monotonic() < limit, "it did not happen"
        time.sleep(0.02)
    return found


def pid_of(folder, name):
    path = folder / f"{name}.pid"
    return int(until(lambda: path.exists() and path.read_text()))


def gone(pid):
    """Tell whether a process is no more, or a zombie that nobody has buried yet."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return True
    return state in "ZX"


@pytest.fixture
def interruptible():
    """Let programs that are started hear SIGINT, also where this one was started deaf to it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def start_runner(executor, jobs, **options):
    fields = json.dumps(
        [[one.name, one.command, one.environment, one.folder, one.log] for one in jobs]
    )
    words = [sys.executable, "-c", RUNNER, executor, fields]
    return subprocess.Popen(words, stdout=subprocess.PIPE, text=True, **options)


def test_each_job_is_told_about_whatever_became_of_the_others(tmp_path):
    programs = {
        "well": "print('said')",
        "says why": "import sys; sys.exit('polytask: there is no sun')",
        "trace": "raise ValueError('bad')",
        "mute": "import sys; sys.exit(7)",
        "killed": "import os; os.kill(os.getpid(), 9)",
    }
    jobs = [job(tmp_path, name, program) for name, program in programs.items()]
    nowhere = Job("nowhere", ("true",), {}, str(tmp_path / "missing"), str(tmp_path / "log"))
    found = {
        one.job.name: (one.status, one.problem) for one in LocalExecutor(2).run([nowhere, *jobs])
    }
    assert found.pop("nowhere")[1].startswith("[Errno 2] No such file or directory")
    assert found == {
        "well": (0, ""),
        "says why": (1, "there is no sun"),
        "trace": (1, "ValueError: bad"),
        "mute": (7, "ended with status 7"),
        "killed": (-9, "ended by signal 9 (Killed)"),
    }


def test_what_a_job_says_is_added_to_its_log_and_an_older_problem_is_not_told_again(tmp_path):
    for program in ("import sys; sys.exit('first')", "import sys; sys.exit(1)"):
        (ended,) = LocalExecutor(1).run([job(tmp_path, "one", program)])
    assert ended.problem == "ended with status 1"
    assert (tmp_path / "one.log").read_text() == "first\n"


def test_a_job_has_its_environment_and_begins_in_its_folder(tmp_path):
    (ended,) = LocalExecutor(1).run(
        [job(tmp_path, "one", "import os; print(os.environ['MARK'], os.getcwd())")]
    )
    assert ended.status == 0
    assert (tmp_path / "one.log").read_text() == f"one {tmp_path}\n"


@pytest.mark.parametrize("most", [1, 2, 3])
def test_never_more_run_at_once_than_may_and_as_many_as_may(tmp_path, most):
    # Each waits until as many as may run have begun, and counts those that run.
    program = f"""
import os, pathlib, time
here = pathlib.Path({str(tmp_path)!r})
name = os.environ["MARK"]
(here / (name + ".runs")).touch()
(here / (name + ".begun")).touch()
while len(list(here.glob("*.begun"))) < {most}:
    time.sleep(0.01)
print(len(list(here.glob("*.runs"))))
time.sleep(0.1)
(here / (name + ".runs")).unlink()
"""
    jobs = [job(tmp_path, str(number), program) for number in range(5)]
    assert {one.status for one in LocalExecutor(most).run(jobs)} == {0}
    counted = [int((tmp_path / f"{number}.log").read_text()) for number in range(5)]
    assert max(counted) == most


def test_killing_one_job_leaves_the_others(tmp_path):
    jobs = [job(tmp_path, "victim", SLEEPS), job(tmp_path, "other", "print('done')")]
    ended = LocalExecutor(2).run(jobs)
    first = next(ended)
    assert (first.job.name, first.status) == ("other", 0)
    os.kill(pid_of(tmp_path, "victim"), signal.SIGKILL)
    (last,) = ended
    assert (last.job.name, last.status) == ("victim", -9)


def test_closing_the_iterator_ends_every_job_also_a_deaf_one(tmp_path, monkeypatch):
    monkeypatch.setattr("polytask_learning.jobs.local.GRACE", 0.2)
    jobs = [job(tmp_path, "deaf", DEAF), job(tmp_path, "hears", SLEEPS)]
    ended = LocalExecutor(3).run([job(tmp_path, "quick", "pass"), *jobs])
    next(ended)
    pids = [pid_of(tmp_path, name) for name in ("deaf", "hears")]
    ended.close()
    assert all(gone(pid) for pid in pids)


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize(
    ("sent", "status"),
    [(signal.SIGINT, -signal.SIGINT), (signal.SIGTERM, 143), (signal.SIGKILL, -signal.SIGKILL)],
)
def test_no_job_outlives_its_runner(tmp_path, sent, status):
    jobs = [job(tmp_path, name, SLEEPS) for name in ("one", "two", "three")]
    with start_runner("local", jobs, stderr=subprocess.DEVNULL) as running:
        pids = [pid_of(tmp_path, name) for name in ("one", "two")]
        assert not any(gone(pid) for pid in pids)
        running.send_signal(sent)
        assert running.wait(PATIENCE) == status
    for pid in pids:
        until(lambda pid=pid: gone(pid))
    assert not (tmp_path / "three.pid").exists()


def test_a_command_whose_parent_has_ended_before_is_not_begun(tmp_path):
    begun = tmp_path / "begun"
    words = leashed([sys.executable, "-c", "import sys; open(sys.argv[1], 'w')", str(begun)])
    assert subprocess.run(words, check=False).returncode == 0
    assert begun.exists()
    begun.unlink()
    # Of another parent than the one named, as an orphan is.
    words[words.index(str(os.getpid()))] = "1"
    assert subprocess.run(words, check=False).returncode == 0
    assert not begun.exists()


def test_the_words_of_a_call_mean_what_they_say():
    suite = find_suite("point")
    assert tasks_of(["all"], suite) == suite.tasks
    named = ["north_east", "south_west", "north_east"]
    assert tasks_of(named, suite) == ("north_east", "south_west")
    assert tasks_of([*named, "all"], suite)[:2] == ("north_east", "south_west")
    assert sorted(tasks_of([*named, "all"], suite)) == sorted(suite.tasks)
    with pytest.raises(UsageError, match=r"there is no task 'up'; valid: north_west, .*; or all"):
        tasks_of(["north_east", "up"], suite)
    assert workers("auto") == len(os.sched_getaffinity(0))
    assert workers("3") == 3
    for text in ("0", "-1", "many"):
        with pytest.raises(argparse.ArgumentTypeError):
            workers(text)


class Remembering:
    """An executor that keeps its jobs, and ends them at once."""

    def run(self, jobs):
        self.jobs = list(jobs)
        for one in jobs:
            yield Finished(one, 0, 0.0, "")


def test_a_learner_is_given_the_same_options_but_its_own_task_and_folder(tmp_path):
    executor = Remembering()
    options = argparse.Namespace(
        suite="point", task=["all"], output=Path("x"), jobs=2, executor="local", seed=3, steps=9,
        demonstrations=Path("d"), evaluate_every=None, quick=True, goal=False,
    )  # fmt: skip
    assert learn_many({"a": tmp_path / "a"}, options, executor, lambda _: None) == 0
    (one,) = executor.jobs
    shared = [
        "--demonstrations=d",
        "--no-goal",
        "--quick",
        "--seed=3",
        "--steps=9",
        "--suite=point",
    ]
    place = tmp_path / "a"
    assert one.command[-9:] == ("learn", *shared, "--task=a", f"--output={place}")
    assert (one.log, one.folder) == (f"{place}.log", str(Path.cwd()))
    assert one.environment["OMP_NUM_THREADS"] == "1"
    options.several = ["a", "b"]
    with pytest.raises(UsageError, match=r"--several .* is for one task; valid: text and numbers"):
        learn_many({"a": tmp_path / "a"}, options, executor, lambda _: None)


def test_ray_is_asked_for_in_one_sentence_where_it_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(on_ray.RayMissing, match="ray is not installed; pip install ray==") as found:
        executor_of("ray", 1)
    pins = Path(__file__).parents[3] / "requirements" / "ray.txt"
    assert f"\n{str(found.value).split()[-1]}\n" in pins.read_text()


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Return a store with demonstrations of two tasks of four."""
    root = tmp_path_factory.mktemp("jobs") / "demonstrations"
    words = ["--suite", "point", "--task", "north_east", "south_west", "--image", "none"]
    assert command.main(["demos", "collect", *words, "--output", str(root)]) == 0
    return root


def learn(store, folder, tasks, executor):
    said = []
    options = argparse.Namespace(
        suite="point", demonstrations=store, steps=400, evaluate_every=200, seed=0
    )
    status = learn_many({task: folder / task for task in tasks}, options, executor, said.append)
    return status, said


# Four times torch is imported, beside whatever else runs.
@pytest.mark.timeout(400)
def test_what_cannot_be_learnt_does_not_lose_the_rest_and_a_second_call_learns_what_is_missing(
    store, tmp_path
):
    tasks = ("north_east", "south_east")
    status, said = learn(store, tmp_path, tasks, LocalExecutor(2))
    assert status == 1
    head, good, bad = said[-1].splitlines()
    assert head.split() == ["task", "success", "steps", "state"]
    assert re.fullmatch(r"north_east +\d+% +\d+ learned", good)
    sentence = f"failed: {store} has 0 demonstrations of point south_east; valid: at least 1; "
    assert bad.startswith("south_east       -       - " + sentence)
    assert sorted(line.partition(":")[0] for line in said[:-1]) == sorted(tasks)
    assert "the best policy is in" in (tmp_path / "north_east.log").read_text()
    before = {
        path: (path.read_bytes(), path.stat().st_mtime_ns)
        for path in (tmp_path / "north_east" / "checkpoints").iterdir()
    }
    status, said = learn(store, tmp_path, ("north_east", "south_west"), LocalExecutor(2))
    assert status == 0
    assert [line.split()[-1] for line in said[-1].splitlines()[1:]] == ["learned", "learned"]
    for path, (data, changed) in before.items():
        assert (path.read_bytes(), path.stat().st_mtime_ns) == (data, changed)


# Ray's own warnings and processes stay outside of this one.
CLUSTER = """
import sys, ray
ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
print(ray.get_runtime_context().gcs_address, flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="module")
def cluster():
    """Return how to reach a cluster of two CPUs, begun without our modules in its path.

    Its token is made here and known to nobody else, so that it is open to these tests alone.
    """
    entry = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    without = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    with subprocess.Popen(
        [sys.executable, "-c", CLUSTER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=without | entry,
    ) as running:
        address = running.stdout.readline().strip()
        assert address, "Ray did not start"
        yield {**os.environ, **entry, "RAY_ADDRESS": address}
        running.stdin.close()


@pytest.mark.timeout(400)
class TestRay:
    def test_each_job_is_told_about_whatever_became_of_the_others(self, tmp_path, cluster):
        programs = {
            "well": "import os; print(os.environ['MARK'])",
            "bad": "import sys; sys.exit('polytask: no')",
            "killed": "import os; os.kill(os.getpid(), 9)",
            # What runs the job is killed, as by a machine that is lost.
            "lost": "import os, time; os.kill(os.getppid(), 9); time.sleep(600)",
        }
        jobs = [job(tmp_path, name, program) for name, program in programs.items()]
        with start_runner("ray", jobs, env=cluster) as running:
            lines = running.communicate(timeout=300)[0].splitlines()
        # Ray says of a lost worker on standard output, too.
        told = [json.loads(line) for line in lines if line.startswith("[")]
        found = {name: (status, problem) for name, status, problem in told}
        assert found.pop("lost")[1].startswith("Ray lost it: ")
        assert found == {
            "well": (0, ""),
            "bad": (1, "no"),
            "killed": (-9, "ended by signal 9 (Killed)"),
        }
        assert (tmp_path / "well.log").read_text() == "well\n"

    @pytest.mark.usefixtures("interruptible")
    @pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
    def test_no_job_outlives_its_runner(self, tmp_path, cluster, sent):
        jobs = [job(tmp_path, name, SLEEPS) for name in ("one", "two")]
        with start_runner("ray", jobs, env=cluster) as running:
            pids = [pid_of(tmp_path, name) for name in ("one", "two")]
            running.send_signal(sent)
            assert running.wait(PATIENCE) != 0
        for pid in pids:
            until(lambda pid=pid: gone(pid))
