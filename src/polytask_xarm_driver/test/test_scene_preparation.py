"""Laws of asking for a scene: it is asked for until it is answered, and every failure is told."""

import pytest
from rclpy.task import Future

from polytask_contract.errors import ResetFailed
from polytask_msgs.srv import PrepareScene
from polytask_xarm_driver.ros.scene_preparation import ScenePreparation

Response = PrepareScene.Response
REQUEST = PrepareScene.Request(task="reach", seed=3)


class Server:
    """Stands in for a client and its server; answers are given by hand."""

    service_name = "/lab/scene/prepare"

    def __init__(self):
        self.up = True
        self.now = 0.0
        self.asked = []
        self.forgotten = []

    def service_is_ready(self):
        return self.up

    def call_async(self, request):
        assert request == REQUEST
        self.asked.append((self.now, Future()))
        return self.asked[-1][1]

    def remove_pending_request(self, future):
        self.forgotten.append(future)

    def answer(self, code, message=""):
        self.asked[-1][1].set_result(Response(code=code, message=message))

    def times(self):
        return [when for when, _ in self.asked]


@pytest.fixture
def server():
    return Server()


@pytest.fixture
def preparation(server):
    return ScenePreparation(server, REQUEST, lambda: server.now)


def pass_time(server, preparation, end):
    """Look ten times a second until `end` [s]."""
    while server.now < end:
        server.now = round(server.now + 0.1, 1)
        assert not preparation.done()


def test_it_is_asked_for_once_where_it_is_answered(server, preparation):
    assert not preparation.done()
    pass_time(server, preparation, 1.5)
    server.answer(Response.SUCCESS)
    assert preparation.done()
    assert server.times() == [0.0]


def test_a_server_that_comes_late_is_waited_for(server, preparation):
    server.up = False
    pass_time(server, preparation, 4.0)
    server.up = True
    pass_time(server, preparation, 5.5)
    server.answer(Response.SUCCESS)
    assert preparation.done()
    assert server.times() == [4.1]


def test_where_nobody_offers_it_that_is_said(server, preparation):
    server.up = False
    pass_time(server, preparation, 5.0)
    server.now = 5.1
    with pytest.raises(ResetFailed, match="nobody offers /lab/scene/prepare, which prepare_scene"):
        preparation.done()


def test_a_lost_answer_is_asked_for_again_with_ever_more_time(server, preparation):
    preparation.done()
    pass_time(server, preparation, 19.9)
    assert server.times() == [0.0, 2.1, 6.2, 14.3]
    # Whoever gave up waiting for them keeps none of them.
    assert server.forgotten[1:] == [future for _, future in server.asked[:-1]]
    server.answer(Response.SUCCESS)
    assert preparation.done()


def test_who_is_busy_is_asked_again_at_once(server, preparation):
    preparation.done()
    server.answer(Response.BUSY, "a reset is under way")
    server.now = 0.1
    assert not preparation.done()
    assert server.times() == [0.0, 0.1]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [((), "no answer came"), ((Response.BUSY, "the arm moves"), "the arm moves")],
)
def test_what_takes_too_long_fails_with_the_last_reason(server, preparation, answer, reason):
    preparation.done()
    pass_time(server, preparation, 20.0)
    server.now = 20.1
    if answer:
        server.answer(*answer)
    with pytest.raises(ResetFailed, match=f"/lab/scene/prepare took over 20 s: {reason}"):
        preparation.done()


def test_what_cannot_be_prepared_is_told(server, preparation):
    preparation.done()
    server.answer(Response.UNKNOWN_TASK, "there is no task 'juggle'")
    with pytest.raises(ResetFailed, match="could not be prepared: there is no task 'juggle'"):
        preparation.done()
