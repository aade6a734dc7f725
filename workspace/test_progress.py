"""What a step shows, waits for, and asks the system for."""

import fcntl
import os
import subprocess
import sys
import threading
import time
from contextlib import suppress

import pytest

from workspace.failure import SetupError
from workspace.layout import Layout
from workspace.progress import Progress, cause
from workspace.setup_lock import setup_lock
from workspace.system_packages import SystemPackage, SystemPackages, install_command


@pytest.fixture
def progress(tmp_path):
    """A step under way."""
    with (
        setup_lock(tmp_path / "log" / "lock") as lock,
        Progress("[1/1] the step", tmp_path / "log" / "step.log", lock) as started,
    ):
        yield started


class TestLock:
    def test_waits_for_the_holder_and_says_so(self, tmp_path, capfd):
        order = []
        said = ""
        deadline = time.monotonic() + 60

        def second():
            with setup_lock(tmp_path / "lock"):
                order.append("second")

        with setup_lock(tmp_path / "lock"):
            thread = threading.Thread(target=second)
            thread.start()
            while "waiting" not in said and time.monotonic() < deadline:
                thread.join(0.2)
                said += capfd.readouterr().err
            order.append("first")
        thread.join()
        assert order == ["first", "second"]
        assert "waiting" in said

    def test_is_kept_by_a_child_that_outlives_a_killed_set_up(self, tmp_path):
        with setup_lock(tmp_path / "lock") as lock:
            child = subprocess.Popen(["/bin/sleep", "60"], pass_fds=[lock])
        with (tmp_path / "lock").open() as file:
            with pytest.raises(BlockingIOError):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            child.kill()
            child.wait()
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


class TestProgress:
    def test_failed_command_says_which_step_why_and_where_to_read_on(self, progress, tmp_path):
        script = "print('ERROR: no such wheel'); print('bye'); raise SystemExit(3)"
        with pytest.raises(SetupError) as failure:
            progress.call([sys.executable, "-IS", "-c", script], os.environ)
        assert str(failure.value) == (
            f"the step failed\n  ERROR: no such wheel\n  bye\n  log: {tmp_path}/log/step.log"
        )

    def test_line_says_what_how_long_and_whether_to_the_end(self, tmp_path, capfd):
        with setup_lock(tmp_path / "lock") as lock, suppress(SetupError):
            with Progress("[1/4] one", tmp_path / "one.log", lock):
                pass
            with Progress("[2/4] two", tmp_path / "two.log", lock):
                raise SetupError("no")
        said = "[1/4] one … 0 s\n[2/4] two … 0 s (not finished)\n"
        assert capfd.readouterr().err == said

    def test_cause_is_the_first_error_without_colours(self):
        output = "fine\n\x1b[31mCMake Error at CMakeLists.txt:3\x1b[0m\n\n  no rosidl\nlater\n"
        assert cause(output).split("\n")[0] == "  CMake Error at CMakeLists.txt:3"

    def test_cause_without_an_error_is_the_end(self):
        assert cause("\n".join("abcdefghijklmnop")).split() == list("ghijklmnop")


class TestSystemPackages:
    @pytest.fixture
    def absent(self, monkeypatch):
        def make(is_needed):
            packages = [SystemPackage("libegl1", "rendering", is_needed, lambda: False)]
            monkeypatch.setattr("workspace.system_packages._packages", lambda: packages)
            monkeypatch.setattr("workspace.system_packages._administrator", lambda: None)
            monkeypatch.setattr(os, "geteuid", lambda: 1000)

        return make

    def test_optional_one_is_told_once(self, tmp_path, absent, capfd):
        absent(is_needed=False)
        step = SystemPackages(Layout(tmp_path), is_built=lambda: False)
        assert not step.is_done()
        with (
            setup_lock(tmp_path / "lock") as lock,
            Progress("[1/4] system packages", tmp_path / "system.log", lock) as progress,
        ):
            step.work(progress)
        assert step.is_done()
        assert "\n  sudo apt install libegl1\n" in capfd.readouterr().err

    def test_needed_one_stops_with_the_line_to_type(self, tmp_path, absent, progress):
        absent(is_needed=True)
        with pytest.raises(SetupError, match=r"sudo apt install libegl1$"):
            SystemPackages(Layout(tmp_path), is_built=lambda: False).work(progress)

    def test_needed_one_is_not_missed_after_the_build(self, tmp_path, absent):
        absent(is_needed=True)
        assert SystemPackages(Layout(tmp_path), is_built=lambda: True).is_done()

    def test_line_names_every_package(self):
        packages = [SystemPackage(name, "", False, lambda: False) for name in ("one", "two")]
        assert install_command(packages).endswith("apt install one two")
