"""A process gets PolyTask's middleware defaults unless somebody chose others."""

import os

import pytest
import rclpy

from polytask_ros import runtime


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
