"""The arm's node on a driver of a few lines: what is asked of it, whatever else is under way."""

import math
import threading
import time

import pytest
import rclpy
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rclpy.executors import SingleThreadedExecutor
from std_srvs.srv import Trigger

from polytask_msgs.action import RecoverArm
from polytask_msgs.msg import ArmStatus, ToolCommand
from polytask_ros import names, qos
from polytask_ros.runtime import initialize
from polytask_tests.asking import action_client, ask
from polytask_xarm_driver.arm.phase import Phase
from polytask_xarm_driver.arm.status import Status
from polytask_xarm_driver.ros import arm as arm_module

PATIENCE = 30.0
STOPPED = (Phase.STOPPED, "the arm was told to stop")


class StubDriver:
    """A driver that takes its time over a stop and over a recovery."""

    def __init__(self, _arm, _settings, _changed):
        self.phase, self.reason = Phase.READY, ""
        self.stopping = 0.0
        self.rested, self.disabled = 0, False
        self.recovering, self.may_end = threading.Event(), threading.Event()
        self.failure = None

    def status(self):
        if self.stopping and time.monotonic() > self.stopping:
            self.phase, self.reason = STOPPED
        return Status(
            self.phase, self.reason, False, 5, 2, 0, 0, math.nan, 0, "", 0, math.nan, ""
        )  # fmt: skip

    @property
    def stands(self):
        return self.status().phase != Phase.READY

    def stop(self):
        self.stopping = time.monotonic() + 1.0

    def rest(self):
        self.rested += 1

    def recover(self, progress):
        progress("recovering")
        self.recovering.set()
        assert self.may_end.wait(PATIENCE)
        if self.failure:
            raise self.failure

    def configure(self):
        pass

    def enable(self):
        self.disabled = False

    def disable(self):
        self.disabled = True

    def close(self):
        self.disabled = True


class Site:
    """The node with its stub, and somebody who asks, in one executor."""

    def __init__(self):
        self.node = arm_module.ArmNode()
        self.driver = self.node._driver
        self.asker = rclpy.create_node("asker", start_parameter_services=False)
        self.statuses = []
        self.asker.create_subscription(ArmStatus, names.ARM_STATUS, self.statuses.append, qos.EVENT)
        self._executor = SingleThreadedExecutor()
        for node in (self.node, self.asker):
            self._executor.add_node(node)
        self.wait_for(lambda: self.statuses)

    def wait_for(self, condition):
        end = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < end, "waited in vain"
            self._executor.spin_once(timeout_sec=0.01)

    def answer(self, future):
        self.wait_for(future.done)
        return future.result()

    def ask(self, kind, name, question):
        return ask(self.asker, self.wait_for, "arm", kind, name, question)

    def recoveries(self):
        return action_client(self.asker, self.wait_for, RecoverArm, names.ARM_RECOVER)

    def change(self, transition):
        question = ChangeState.Request(transition=Transition(id=transition))
        return self.ask(ChangeState, "arm/change_state", question).success

    def close(self):
        self.driver.may_end.set()
        self._executor.shutdown()
        self.asker.destroy_node()
        self.node.destroy_node()


@pytest.fixture
def site(monkeypatch):
    monkeypatch.setattr(arm_module, "ArmDriver", StubDriver)
    initialize(["--ros-args", "-r", "__ns:=/arm_requests"])
    site = Site()
    yield site
    site.close()
    rclpy.try_shutdown()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_recovery_that_breaks_by_what_nobody_foresaw_is_no_success_and_is_named(site):
    site.driver.failure = OSError("the socket broke")
    site.driver.may_end.set()
    with site.recoveries() as client:
        handle = site.answer(client.send_goal_async(RecoverArm.Goal()))
        result = site.answer(handle.get_result_async()).result
    assert result.code == RecoverArm.Result.FAILED
    assert result.message == "OSError: the socket broke"


def test_while_a_stop_is_awaited_statuses_and_commands_go_on(site):
    commands = site.asker.create_publisher(ToolCommand, names.ARM_COMMAND, qos.COMMAND)
    site.wait_for(commands.get_subscription_count)
    stops = site.asker.create_client(Trigger, names.ARM_STOP)
    site.wait_for(stops.service_is_ready)
    asked = stops.call_async(Trigger.Request())
    site.wait_for(lambda: site.driver.stopping)
    site.statuses.clear()

    def goes_on():
        commands.publish(ToolCommand(rest=True))
        return site.driver.rested and len(site.statuses) > 3

    site.wait_for(goes_on)
    assert not asked.done()
    assert {status.phase for status in site.statuses} == {ArmStatus.READY}
    answer = site.answer(asked)
    assert (answer.success, answer.message) == (True, "the arm was told to stop")


def test_during_a_recovery_a_transition_is_refused_at_once_and_is_possible_afterwards(site, capfd):
    assert site.change(Transition.TRANSITION_CONFIGURE)
    assert site.change(Transition.TRANSITION_ACTIVATE)
    with site.recoveries() as client:
        handle = site.answer(client.send_goal_async(RecoverArm.Goal()))
        site.wait_for(site.driver.recovering.is_set)
        capfd.readouterr()
        # A driver that deactivates waits until the recovery has ended, and its node with it.
        for transition in (
            Transition.TRANSITION_DEACTIVATE,
            Transition.TRANSITION_ACTIVE_SHUTDOWN,
        ):
            assert not site.change(transition)
        assert not site.driver.disabled
        said = capfd.readouterr().err
        for name in ("deactivate", "shutdown"):
            assert f"the transition {name} is not possible now: a recovery is under way" in said
        site.driver.may_end.set()
        assert site.answer(handle.get_result_async()).result.code == RecoverArm.Result.SUCCESS
    assert site.change(Transition.TRANSITION_DEACTIVATE)
    assert site.driver.disabled
