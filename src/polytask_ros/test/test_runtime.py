"""A process gets PolyTask's middleware defaults, unless others are chosen; last words arrive."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest
import rclpy
from rclpy.context import Context
from rclpy.duration import Duration
from std_msgs.msg import String

from polytask_ros import qos, runtime


@pytest.fixture
def started(monkeypatch):
    for name in (*runtime.PROFILE_VARIABLES, *runtime.DISCOVERY_VARIABLES):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(rclpy, "init", lambda **_: None)
    return monkeypatch


def profiles():
    return [os.environ[name] for name in runtime.PROFILE_VARIABLES]


def test_profile_and_discovery_have_defaults(started):
    started.setattr(os, "environ", dict(os.environ))
    runtime.initialize()
    assert profiles() == [str(runtime.PROFILE)] * 2
    assert runtime.PROFILE.is_file()
    assert os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] == "LOCALHOST"


@pytest.mark.parametrize("name", runtime.PROFILE_VARIABLES)
def test_another_profile_is_used_under_whichever_name_it_was_given(started, name):
    started.setattr(os, "environ", {**os.environ, name: "mine.xml"})
    runtime.initialize()
    assert profiles() == ["mine.xml"] * 2


@pytest.mark.parametrize("name", runtime.DISCOVERY_VARIABLES)
def test_another_discovery_range_is_left_alone(started, name):
    started.setattr(os, "environ", {**os.environ, name: "SUBNET"})
    runtime.initialize()
    assert os.environ[name] == "SUBNET"
    assert sum(key in os.environ for key in runtime.DISCOVERY_VARIABLES) == 1


READER = """
import rclpy
from std_msgs.msg import String
from polytask_ros import qos
from polytask_ros.runtime import initialize

initialize()
node = rclpy.create_node("reader")
node.create_subscription(String, "last_words", lambda _: None, qos.LATCHED)
rclpy.spin(node)
"""


@pytest.fixture
def reader():
    """Return a process that reads last_words reliably."""
    process = subprocess.Popen([sys.executable, "-c", READER])
    yield process
    process.kill()
    process.wait()


@pytest.fixture
def publisher(reader):
    """Return what publishes to it."""
    context = Context()
    runtime.initialize(context=context)
    node = rclpy.create_node("writer", context=context)
    publisher = node.create_publisher(String, "last_words", qos.LATCHED)
    deadline = time.monotonic() + 60
    while not publisher.get_subscription_count():
        assert reader.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    publisher.publish(String(data="before"))
    assert publisher.wait_for_all_acked(Duration(seconds=60))
    yield publisher
    node.destroy_node()
    context.shutdown()


def stop(process):
    """Stop a child, and return when each of its threads stands still."""
    process.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, process.pid, os.WSTOPPED)


def acknowledged(publisher):
    return publisher.wait_for_all_acked(Duration(seconds=0))


def test_a_slow_reader_has_the_last_words_when_the_wait_ends(publisher, reader, monkeypatch):
    monkeypatch.setattr(runtime, "LONGEST_FAREWELL", 60.0)
    stop(reader)
    publisher.publish(String(data="last"))
    assert not acknowledged(publisher)
    threading.Timer(0.2, reader.send_signal, [signal.SIGCONT]).start()
    runtime.let_arrive(publisher)
    assert acknowledged(publisher)


def test_a_reader_that_hears_nothing_does_not_hold_up_the_end(publisher, reader):
    stop(reader)
    publisher.publish(String(data="last"))
    runtime.let_arrive(publisher)
    assert not acknowledged(publisher)
    reader.send_signal(signal.SIGCONT)
