"""The demo, as a user runs it: in processes of its own, interrupted, and asked wrongly."""

import os
import re
import signal
import subprocess
import time

import pytest

from polytask_ros.node_process import executable

NODES = (b"sim_environment", b"expert_learner", b"distiller", b"polytask_learning/policy")
MINUTES = 240


def demo(*arguments, **options):
    command = [str(executable("polytask_learning", "demo")), *map(str, arguments)]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options
    )


def nodes():
    """Return the processes of this test run's domain that are nodes of a demo."""
    found = []
    for process in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{process}/cmdline", "rb") as file:
                command = file.read()
            with open(f"/proc/{process}/environ", "rb") as file:
                environment = file.read().split(b"\0")
        except OSError:
            continue
        domain = f"ROS_DOMAIN_ID={os.environ['ROS_DOMAIN_ID']}".encode()
        if any(name in command for name in NODES) and domain in environment:
            found.append(process)
    return found


@pytest.mark.timeout(MINUTES)
def test_an_interrupted_demo_goes_on_and_shows_everything(tmp_path):
    place = tmp_path / "a folder"
    with demo("--quick", "--output", place) as process:
        for line in process.stdout:
            if "an expert after" in line:
                break
        process.send_signal(signal.SIGINT)
        rest, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "goes on" in rest
    assert "Traceback" not in errors
    deadline = time.monotonic() + 5
    while nodes() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert nodes() == []
    first = (place / "experts" / "north_west" / "manifest.json").stat().st_mtime_ns

    with demo("--quick", "--output", place) as process:
        text, errors = process.communicate(timeout=MINUTES)
    assert process.returncode == 0, text + errors
    # What was learnt was not learnt again.
    assert (place / "experts" / "north_west" / "manifest.json").stat().st_mtime_ns == first
    assert "one demonstration" not in text
    assert len(re.findall(r"north_west +3 of 3", text)) == 2
    assert len(re.findall(r"south_east +3 of 3", text)) == 2
    page = (place / "report.html").read_text()
    assert str(place / "report.html") in text
    assert page.count("<video") == 2
    assert "drive to the north west" in page
    for link in re.findall(r'href="([^"]+)"', page):
        assert (place / link).is_file()
    assert nodes() == []


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--robot", "ur5"], "invalid choice: 'ur5'"),
        (["--speed", "1"], "unrecognized arguments: --speed 1"),
        (["--quick", "--robot", "emulated"], "valid with it: --robot sim"),
    ],
)
def test_a_wrong_command_line_is_answered_in_one_sentence(arguments, text):
    with demo(*arguments) as process:
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 2
    assert text in errors
    assert "Traceback" not in errors


def test_an_output_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with demo("--quick", "--output", tmp_path / "file" / "demo") as process:
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert errors.splitlines()[-1].startswith("error: ")
    assert str(tmp_path / "file") in errors
    assert "Traceback" not in errors


def test_a_node_that_ends_is_named_with_its_last_words(tmp_path):
    with demo("--quick", "--output", tmp_path / "demo") as process:
        for line in process.stdout:
            if "nodes are up" in line:
                break
        (learner,) = (pid for pid in nodes() if b"expert_learner" in command_of(pid))
        os.kill(int(learner), signal.SIGKILL)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "the node expert_learner has ended" in errors
    assert nodes() == []


def command_of(pid):
    with open(f"/proc/{pid}/cmdline", "rb") as file:
        return file.read()


def test_a_demo_that_is_killed_takes_its_nodes_with_it(tmp_path):
    with demo("--quick", "--output", tmp_path / "demo") as process:
        for line in process.stdout:
            if "nodes are up" in line:
                break
        assert nodes()
        process.kill()
    deadline = time.monotonic() + 10
    while nodes() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert nodes() == []


def test_ros_arguments_that_cannot_be_read_are_named():
    command = [executable("polytask_sim", "sim_environment"), "--ros-args", "-r", "__ns:=bad"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert ended.returncode == 1
    assert "error: the ROS arguments cannot be read" in ended.stderr
    assert "Traceback" not in ended.stderr
