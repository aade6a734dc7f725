"""The demo, as a user runs it: in processes of its own, asked well and asked wrongly."""

import os
import signal
import subprocess
import time

import pytest
from PIL import Image

from polytask_ros.node_process import executable
from polytask_sim.suites.point import EPISODE_LENGTH, PLACES


def demo(*arguments, **options):
    command = [str(executable("polytask_sim", "demo")), *map(str, arguments)]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options
    )


def servers():
    """Return the processes of this test run's domain that serve an environment."""
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
        if b"sim_environment" in command and domain in environment:
            found.append(process)
    return found


def test_every_task_is_solved_and_the_picture_moves(tmp_path):
    output = tmp_path / "a folder" / "point.gif"
    with demo("--output", output) as process:
        text, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    for task in PLACES:
        assert f"{task:<12} {EPISODE_LENGTH:>5}" in text
    assert text.count("True") == len(PLACES)
    assert f"wrote {output}" in text
    with Image.open(output) as picture:
        assert picture.n_frames > EPISODE_LENGTH // 2
    assert [path.name for path in output.parent.iterdir()] == ["point.gif"]
    assert servers() == []


def test_an_interrupted_demo_leaves_no_process_behind(tmp_path):
    with demo("--output", tmp_path / "point.gif") as process:
        for line in process.stdout:
            if "connected to process" in line:
                break
        process.send_signal(signal.SIGINT)
        assert process.wait(20) in (0, 130)
    deadline = time.monotonic() + 5
    while servers() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert servers() == []


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--seed", "-1"], "--seed is -1; valid: 0 to 2**64 - 1"),
        (["--seed", "one"], "invalid int value: 'one'"),
        (["--speed", "1"], "unrecognized arguments: --speed 1"),
    ],
)
def test_a_wrong_command_line_is_answered_in_one_sentence(arguments, text):
    with demo(*arguments) as process:
        _, errors = process.communicate(timeout=20)
    assert process.returncode == 2
    assert text in errors
    assert "Traceback" not in errors


def test_an_output_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with demo("--output", tmp_path / "file" / "point.gif") as process:
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert errors.splitlines()[-1].startswith("error: ")
    assert str(tmp_path / "file") in errors
    assert "Traceback" not in errors


def test_ros_arguments_that_cannot_be_read_are_named():
    command = [executable("polytask_sim", "sim_environment"), "--ros-args", "-r", "__ns:=bad"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert ended.returncode == 1
    assert "error: the ROS arguments cannot be read" in ended.stderr
    assert "Traceback" not in ended.stderr
