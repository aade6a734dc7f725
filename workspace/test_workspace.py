"""What a later call does again, and what the command line answers."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from workspace.colcon_build import ColconBuild
from workspace.failure import SetupError, UsageError
from workspace.layout import Layout
from workspace.pins import closure, pin, wanted
from workspace.progress import Progress
from workspace.python_environment import PinnedWheels, VirtualEnvironment
from workspace.setup_lock import setup_lock
from workspace.stamps import Stamp, digest_files
from workspace.steps import set_up
from workspace.verbs import VERBS, perform

REPOSITORY = Path(__file__).resolve().parent.parent

RESOLVED = {
    "top": {"version": "2.1+cpu", "requires_dist": ["Under_Neath>1", "odd; extra == 'odd'"]},
    "under-neath": {"version": "1.5"},
    "odd": {"version": "3"},
}


@pytest.fixture
def layout(tmp_path):
    """A checkout with one Python and one message package, not set up."""
    (tmp_path / "requirements").mkdir()
    for name in ("build", "ros", "contract", "dev"):
        (tmp_path / "requirements" / f"{name}.txt").write_text("numpy==1.0\n")
    for package, file in (("talker", "setup.py"), ("words", "CMakeLists.txt")):
        folder = tmp_path / "src" / package
        (folder / package).mkdir(parents=True)
        (folder / "package.xml").write_text("<package/>")
        (folder / file).write_text("")
    (tmp_path / "src/talker/talker/node.py").write_text("")
    (tmp_path / "src/words/words/Word.msg").write_text("string text")
    return Layout(tmp_path)


def built(layout, sourced=False):
    environment = VirtualEnvironment(layout, sourced, {})
    return ColconBuild(PinnedWheels(environment), layout, sourced, {})


@pytest.fixture
def progress(tmp_path):
    """A step under way."""
    with (
        setup_lock(tmp_path / "log" / "lock") as lock,
        Progress("[1/1] the step", tmp_path / "log" / "step.log", lock) as started,
    ):
        yield started


def run(*words, cwd=None, script=REPOSITORY / "run", **variables):
    environment = {"PATH": os.environ["PATH"], "POLYTASK_PYTHON": sys.executable, **variables}
    command = [script, *words]
    return subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )


class TestStamp:
    def test_is_fresh_only_for_the_key_it_was_written_with(self, tmp_path):
        Stamp(tmp_path / "folder" / "stamp", "one").write()
        assert Stamp(tmp_path / "folder" / "stamp", "one").is_fresh()
        assert not Stamp(tmp_path / "folder" / "stamp", "two").is_fresh()

    def test_goes_with_its_folder(self, tmp_path):
        stamp = Stamp(tmp_path / "folder" / "stamp", "one")
        stamp.write()
        shutil.rmtree(tmp_path / "folder")
        assert not stamp.is_fresh()

    def test_leaves_nothing_beside_it(self, tmp_path):
        Stamp(tmp_path / "stamp", "one").write()
        assert [path.name for path in tmp_path.iterdir()] == ["stamp"]

    def test_clearing_twice_is_clearing(self, tmp_path):
        stamp = Stamp(tmp_path / "stamp", "one")
        stamp.write()
        stamp.clear()
        stamp.clear()
        assert not stamp.is_fresh()

    def test_digest_is_of_names_and_contents_not_of_times_or_order(self, tmp_path):
        one, two = tmp_path / "one", tmp_path / "two"
        one.write_text("a")
        two.write_text("b")
        before = digest_files(tmp_path, [one, two])
        os.utime(one, (0, 0))
        assert digest_files(tmp_path, [two, one]) == before
        one.write_text("b")
        two.write_text("a")
        assert digest_files(tmp_path, [one, two]) != before


class TestWhatIsDoneAgain:
    @pytest.mark.parametrize(
        "path", ["src/talker/setup.py", "src/talker/package.xml", "src/words/words/Word.msg"]
    )
    def test_build_after_a_change_to(self, layout, path):
        before = built(layout).stamp.key
        (layout.root / path).write_text("changed")
        assert built(layout).stamp.key != before

    @pytest.mark.parametrize(
        "path", ["src/talker/share.yaml", "src/words/New.msg", "launch/new.launch.xml"]
    )
    def test_build_after_a_new_file(self, layout, path):
        before = built(layout).stamp.key
        (layout.root / path).parent.mkdir(exist_ok=True)
        (layout.root / path).write_text("")
        assert built(layout).stamp.key != before

    def test_no_build_after_a_change_to_a_python_module(self, layout):
        before = built(layout).stamp.key
        (layout.root / "src/talker/talker/node.py").write_text("changed = True")
        (layout.root / "src/talker/talker/new.py").write_text("")
        assert built(layout).stamp.key == before

    def test_build_but_not_for_the_checkers_pins(self, layout):
        before = built(layout).stamp.key
        (layout.root / "requirements/dev.txt").write_text("ruff==2\n")
        assert built(layout).stamp.key == before
        (layout.root / "requirements/ros.txt").write_text("numpy==2.0\n")
        assert built(layout).stamp.key != before

    def test_everything_when_the_checkout_moves(self, layout, tmp_path_factory):
        other = Layout(tmp_path_factory.mktemp("elsewhere") / "moved")
        shutil.copytree(layout.root, other.root)
        assert VirtualEnvironment(layout, False, {}).stamp.key != (
            VirtualEnvironment(other, False, {}).stamp.key
        )

    def test_everything_when_ros_is_sourced(self, layout):
        assert built(layout).stamp.key != built(layout, sourced=True).stamp.key

    def test_wheels_of_ros_only_without_a_sourced_ros(self, layout):
        names = {
            sourced: [path.stem for path in built(layout, sourced).wheels.files]
            for sourced in (False, True)
        }
        assert names == {
            False: ["build", "contract", "dev", "ros"],
            True: ["build", "contract", "dev"],
        }

    def test_a_torn_environment_unvouches_for_its_wheels(self, layout):
        wheels = built(layout).wheels
        wheels.environment.stamp.write()
        wheels.stamp.write()
        assert wheels.is_done()
        wheels.environment.stamp.clear()
        assert not wheels.is_done()

    def test_a_build_that_was_killed_starts_from_nothing(self, layout, progress, monkeypatch):
        build = built(layout)
        (layout.build / "left").mkdir(parents=True)
        monkeypatch.setattr(Progress, "attempt", lambda *_: 1)
        with pytest.raises(SetupError):
            build.work(progress)
        assert not (layout.build / "left").exists()

    def test_a_build_that_failed_is_continued(self, layout, progress, monkeypatch):
        build = built(layout)
        build._ground.write()
        (layout.build / "left").mkdir()
        monkeypatch.setattr(Progress, "attempt", lambda *_: 1)
        with pytest.raises(SetupError):
            build.work(progress)
        assert (layout.build / "left").exists()
        assert not build.is_done()

    def test_nothing_needs_doing_twice(self, layout, monkeypatch):
        done = built(layout)
        done.wheels.environment.stamp.write()
        done.wheels.stamp.write()
        done.stamp.write()
        monkeypatch.setattr("workspace.system_packages._packages", list)
        monkeypatch.setattr("workspace.steps.setup_lock", lambda _: pytest.fail("worked"))
        set_up(layout, False, {})


class TestPins:
    def test_closure_follows_what_is_brought(self):
        assert closure(["top"], RESOLVED) == {"top", "under-neath"}
        assert closure(["top[odd]"], RESOLVED) == {"top", "under-neath", "odd"}

    def test_pin_is_exact_and_sorted(self):
        assert pin({"under-neath", "top"}, RESOLVED) == "top==2.1\nunder-neath==1.5\n"

    def test_files_pin_exactly_and_agree(self):
        versions = {}
        for path in Layout(REPOSITORY).requirement_files():
            assert wanted(path.read_text()), f"{path.name} does not say what it wants"
            for line in path.read_text().splitlines():
                if not line.startswith("#"):
                    name, version = line.split("==")
                    assert versions.setdefault(name, version) == version


class TestCommandLine:
    def test_unknown_verb_names_the_valid_ones(self):
        finished = run("dance")
        assert finished.returncode == 2
        assert finished.stderr.count("\n") == 1
        assert all(verb in finished.stderr for verb in ("dance", "help", *VERBS))

    @pytest.mark.parametrize(("verb", "folder"), [("bench", "benchmarks"), ("study", "studies")])
    @pytest.mark.parametrize("words", [[], ["no-such"]])
    def test_unknown_script_names_the_valid_ones(self, verb, folder, words):
        finished = run(verb, *words)
        assert finished.returncode == 2
        assert finished.stderr.count("\n") == 1
        names = [script.stem for script in (REPOSITORY / folder).glob("[!_]*.py")]
        assert names
        assert all(name in finished.stderr for name in names)

    def test_benchmark_is_checked_before_anything_is_set_up(self, monkeypatch):
        monkeypatch.setattr("workspace.verbs.set_up", lambda *_: pytest.fail("set up"))
        with pytest.raises(UsageError):
            perform(["bench", "no-such"], {})

    def test_the_emulators_address_becomes_a_parameter(self, monkeypatch):
        commands = []
        monkeypatch.setattr("workspace.verbs.set_up", lambda *_: None)
        monkeypatch.setattr("workspace.verbs.for_running", lambda *_: {})
        monkeypatch.setattr("workspace.verbs._become", lambda words, _: commands.append(words))
        for arguments in ([], ["--address", "127.0.0.2", "-p", "task:=reach"]):
            perform(["emulator", *arguments], {})
        assert [command[1:] for command in commands] == [
            ["--ros-args"],
            ["--ros-args", "-p", "address:=127.0.0.2", "-p", "task:=reach"],
        ]
        assert commands[0][0].name == "xarm_emulator"

    def test_an_address_that_is_missing_is_asked_for_before_anything_is_set_up(self):
        finished = run("emulator", "--address")
        assert finished.returncode == 2
        assert finished.stderr.count("\n") == 1

    def test_other_distribution_stops_in_one_sentence(self):
        finished = run("setup", ROS_DISTRO="humble")
        assert finished.returncode == 1
        assert finished.stderr.count("\n") == 1
        assert "humble" in finished.stderr

    def test_help_from_anywhere_and_through_a_link(self, tmp_path):
        link = tmp_path / "polytask"
        link.symlink_to(REPOSITORY / "run")
        finished = run("help", cwd=tmp_path, script=link)
        assert finished.returncode == 0
        assert all(f"./run {verb}" in finished.stdout for verb in VERBS)

    def test_python_too_old_or_too_new_is_refused_by_name(self):
        finished = run("help", POLYTASK_PYTHON="/bin/false")
        assert finished.returncode == 1
        assert "3.11 or 3.12" in finished.stderr
        assert "/bin/false" in finished.stderr
