"""Where things are found, on any path and with any ROS."""

import pytest

from workspace import cmake_paths, ros
from workspace.environment import for_building, for_running
from workspace.failure import SetupError
from workspace.layout import Layout, plain_path


@pytest.fixture
def layout(tmp_path):
    """A checkout with one Python package that has been built."""
    for folder in ("src/talker", "build/talker", "install/lib/python3.11/site-packages"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "src/talker/package.xml").write_text("<package/>")
    (tmp_path / "build/talker/setup.py").write_text("")
    return Layout(tmp_path)


class TestEnvironment:
    def test_finds_what_was_built(self, layout):
        messages = layout.install / "lib" / "python3.11" / "site-packages"
        found = for_running({"PATH": "/bin", "PYTHONPATH": "/mine"}, layout, sourced=False)
        commands = layout.install / "lib" / "polytask_contract"
        assert found["PATH"] == f"{commands}:{layout.venv}/bin:/bin"
        assert found["PYTHONPATH"] == f"{layout.build}/talker:{messages}:/mine"
        assert found["AMENT_PREFIX_PATH"] == f"{layout.install}:{layout.venv}"
        assert found["LD_LIBRARY_PATH"] == f"{layout.install}/lib"

    def test_keeps_to_this_computer_unless_told_otherwise(self, layout):
        name = "ROS_AUTOMATIC_DISCOVERY_RANGE"
        assert for_running({}, layout, sourced=False)[name] == "LOCALHOST"
        assert for_running({name: "SUBNET"}, layout, sourced=False)[name] == "SUBNET"

    def test_lets_python_keep_what_it_compiles(self, layout):
        assert "PYTHONDONTWRITEBYTECODE" not in for_running(
            {"PYTHONDONTWRITEBYTECODE": "1"}, layout, sourced=False
        )

    @pytest.mark.parametrize("sourced", [False, True])
    def test_is_the_same_inside_a_shell_of_its_own(self, layout, sourced):
        outer = {"PATH": "/bin", "AMENT_PREFIX_PATH": "/opt/ros/jazzy", "ROS_DISTRO": "jazzy"}
        once = for_running(outer, layout, sourced)
        assert for_running(once, layout, sourced) == once

    def test_with_a_sourced_ros_puts_ours_before_it(self, layout):
        outer = {"AMENT_PREFIX_PATH": "/opt/ros/jazzy", "ROS_DISTRO": "jazzy"}
        found = for_running(outer, layout, sourced=True)
        assert found["AMENT_PREFIX_PATH"] == f"{layout.install}:/opt/ros/jazzy"
        assert found["ROS_DISTRO"] == "jazzy"

    def test_lets_the_wheels_find_their_libraries_anew(self, layout):
        assert "_ROS_WHEELS_BOOTSTRAP_COMPLETE" not in for_running(
            {"_ROS_WHEELS_BOOTSTRAP_COMPLETE": "1"}, layout, sourced=False
        )

    def test_builds_without_seeing_earlier_builds(self, layout):
        outer = for_running({"PATH": "/bin"}, layout, sourced=False)
        found = for_building(outer, layout, sourced=False, jobs=3)
        assert found["AMENT_PREFIX_PATH"] == found["CMAKE_PREFIX_PATH"] == str(layout.venv)
        assert found["MAKEFLAGS"] == "-j3"
        assert "PYTHONPATH" not in found


class TestPaths:
    def test_plain_path_is_kept(self, tmp_path):
        assert plain_path(tmp_path / "plain") == tmp_path / "plain"

    def test_path_with_a_blank_is_reached_through_a_link(self, tmp_path, monkeypatch):
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        root = tmp_path / "with blank"
        root.mkdir()
        link = plain_path(root)
        assert " " not in str(link)
        assert link.resolve() == root
        assert plain_path(root) == link

    def test_link_that_cannot_be_plain_is_refused(self, tmp_path, monkeypatch):
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "a cache"))
        with pytest.raises(SetupError, match="XDG_CACHE_HOME"):
            plain_path(tmp_path / "with blank")

    def test_cmake_repair_fits_any_machine_and_is_idempotent(self, tmp_path):
        export = tmp_path / "std_msgs" / "cmake" / "std_msgs__rosidl_generator_pyExport.cmake"
        export.parent.mkdir(parents=True)
        export.write_text('X "/ci/include/python3.12;/ci/python3.12/numpy/core/include"\nY "/ci"\n')
        assert cmake_paths.repair(tmp_path, "/a/include/python3.11", "/a/numpy/_core/include")
        assert cmake_paths.repair(tmp_path, "/b/include/python3.11", "/b/numpy/_core/include")
        assert not cmake_paths.repair(tmp_path, "/b/include/python3.11", "/b/numpy/_core/include")
        assert export.read_text() == ('X "/b/include/python3.11;/b/numpy/_core/include"\nY "/ci"\n')


class TestRos:
    def test_other_distribution_is_refused_by_name(self):
        with pytest.raises(SetupError, match=r"humble.*jazzy"):
            ros.is_sourced({"ROS_DISTRO": "humble"})

    def test_is_sourced_only_with_a_prefix(self):
        assert not ros.is_sourced({})
        assert not ros.is_sourced({"ROS_DISTRO": "jazzy"})
        assert ros.is_sourced({"ROS_DISTRO": "jazzy", "AMENT_PREFIX_PATH": "/opt/ros/jazzy"})
