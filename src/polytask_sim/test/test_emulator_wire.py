"""Laws of what goes over the emulated controller's sockets."""

import contextlib
import struct

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from polytask_sim.emulator.commands.call import Call, Session
from polytask_sim.emulator.commands.table import COMMANDS, answer
from polytask_sim.emulator.controller import ALL_BITS, ALL_JOINTS, Mode, State
from polytask_sim.emulator.errors import GarbledStream, InvalidFirmware
from polytask_sim.emulator.firmware import Firmware
from polytask_sim.emulator.gripper import COUNTS_PER_TURN, HOLDING, MOVING, STOPPED, Gripper
from polytask_sim.emulator.orders import Silence
from polytask_sim.emulator.reports import REPORTS
from polytask_sim.emulator.robot import Robot
from polytask_sim.emulator.table_world import TableWorld
from polytask_sim.emulator.wire.framing import (
    HAS_ERROR,
    INVALID,
    LONGEST,
    NOT_READY,
    Kind,
    Request,
    Result,
    Splitter,
    feedback,
)
from polytask_sim.emulator.wire.payload import Payload, floats
from polytask_sim.xarm.kinematics import HOME

# All examples share one world, which none changes.
of_one_world = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def world():
    return TableWorld("reach", 0)


@pytest.fixture
def robot(world):
    return Robot(Firmware.parse("2.5.5"), world)


def ask(robot, code, payload=b"", protocol=2, session=None):
    request = Request(7, protocol, code, payload)
    return answer(robot, request, Call(Payload(payload), session or Session(), Silence()))


def status_and_payload(frame):
    length = struct.unpack(">H", frame[4:6])[0]
    assert len(frame) == 6 + length
    return frame[7], frame[8:]


def switch_on(robot, mode=Mode.POSITION):
    robot.controller.enable(ALL_JOINTS, on=True)
    robot.controller.set_mode(mode)
    robot.controller.set_state(0)


requests = st.builds(
    Request,
    st.integers(0, 0xFFFF),
    st.sampled_from([0, 2, 3, 9]),
    st.integers(0, 255),
    st.binary(max_size=60),
)


def bytes_of(request):
    body = bytes([request.code]) + request.payload
    return struct.pack(">HHH", request.transaction, request.protocol, len(body)) + body


class TestFraming:
    @of_one_world
    @given(st.lists(requests, max_size=6), st.data())
    def test_requests_are_the_same_however_they_are_cut(self, sent, data):
        stream = b"".join(map(bytes_of, sent))
        cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
        splitter, received = Splitter(), []
        for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
            received += splitter.feed(stream[start:end])
        assert received == sent

    @of_one_world
    @given(st.lists(st.binary(max_size=40), max_size=10))
    def test_any_bytes_are_requests_or_garbled(self, pieces):
        splitter, received = Splitter(), []
        with contextlib.suppress(GarbledStream):
            for piece in pieces:
                received += splitter.feed(piece)
        assert all(isinstance(one, Request) for one in received)
        # Nothing is made up: requests are no longer than what came.
        assert sum(len(bytes_of(one)) for one in received) <= len(b"".join(pieces))

    def test_heartbeats_and_empty_frames_are_passed_over(self):
        heartbeat = bytes([0, 0, 0, 1, 0, 2, 0, 0])
        empty = bytes([0, 5, 0, 2, 0, 0])
        request = Request(1, 2, 13, b"")
        assert list(Splitter().feed(heartbeat + empty + bytes_of(request))) == [request]

    def test_a_frame_that_is_too_long_is_garbled(self):
        with pytest.raises(GarbledStream, match=str(LONGEST)):
            list(Splitter().feed(struct.pack(">HHH", 1, 2, LONGEST + 1)))

    def test_feedback_is_a_frame_of_its_own(self):
        request = Request(515, 3, 21, b"")
        frame = feedback(request, 0x10, Kind.FINISH, Result.DISCARDED, 77)
        assert len(frame) == 21
        assert frame[:10] == bytes([2, 3, 0, 3, 0, 15, 0xFF, 0x10, 2, 21])
        assert frame[12] == 2
        assert struct.unpack(">Q", frame[13:])[0] == 77


class TestAnswers:
    @of_one_world
    @given(request=requests)
    def test_no_request_breaks_the_controller(self, world, request):
        robot = Robot(Firmware.parse("2.5.5"), world)
        switch_on(robot)
        call = Call(Payload(request.payload), Session(), Silence())
        frame = answer(robot, request, call)
        for _ in range(3):
            robot.controller.tick(world.seen, 0.004)
        if request.protocol == 9:
            assert frame is None
        else:
            assert frame[:4] == bytes_of(request)[:4]
            assert frame[6] == request.code
            assert len(frame) == 6 + struct.unpack(">H", frame[4:6])[0]

    @of_one_world
    @given(
        mode=st.sampled_from(list(Mode)),
        commands=st.lists(
            st.tuples(
                st.sampled_from(sorted(COMMANDS)),
                st.lists(st.floats(width=32), max_size=14),
                st.binary(max_size=6),
            ),
            min_size=1,
            max_size=5,
        ),
    )
    def test_no_numbers_break_the_controller(self, world, mode, commands):
        robot = Robot(Firmware.parse("2.5.5"), world)
        switch_on(robot, mode)
        for code, numbers, tail in commands:
            ask(robot, code, floats(numbers) + tail)
            for _ in range(3):
                robot.controller.tick(world.seen, 0.004)
        assert np.isfinite(robot.controller.joints).all()
        for port in REPORTS:
            assert len(REPORTS[port][0](robot)) > 0

    @pytest.mark.parametrize("code", [0, 3, 99, 131, 250, 255])
    def test_an_unknown_code_is_refused(self, robot, code):
        assert status_and_payload(ask(robot, code)) == (INVALID | NOT_READY, b"")

    @pytest.mark.parametrize("code", sorted(COMMANDS))
    def test_what_is_refused_is_answered_in_full(self, robot, code):
        status, payload = status_and_payload(ask(robot, code))
        if status & INVALID:
            assert payload == bytes(COMMANDS[code].size)

    def test_the_status_tells_of_readiness_and_errors(self, robot):
        assert status_and_payload(ask(robot, 13)) == (NOT_READY, bytes([State.STOPPED]))
        assert status_and_payload(ask(robot, 11, bytes([8, 1])))[0] == NOT_READY
        assert status_and_payload(ask(robot, 12, bytes([0])))[0] == 0
        assert status_and_payload(ask(robot, 13)) == (0, bytes([State.STANDBY]))
        robot.controller.fail(31)
        assert status_and_payload(ask(robot, 15)) == (HAS_ERROR | NOT_READY, bytes([31, 0]))

    @pytest.mark.parametrize("firmware", ["1.11.4", "2.5.5"])
    def test_the_version_leaves_room_for_its_end(self, world, firmware):
        _, payload = status_and_payload(ask(Robot(Firmware.parse(firmware), world), 1))
        assert len(payload) == 40
        assert payload.rstrip(b"\0").endswith(f",v{firmware}".encode())
        assert payload[-1] == 0

    def test_an_old_firmware_knows_no_feedback(self, world):
        old = Robot(Firmware.parse("1.11.4"), world)
        assert status_and_payload(ask(old, 254, bytes([2])))[0] & INVALID
        session = Session()
        ask(Robot(Firmware.parse("2.0.102"), world), 254, bytes([2]), session=session)
        assert session.feedback == Kind.FINISH

    @pytest.mark.parametrize("pdu", [b"", b"\1\0\0\0\1", b"\3", b"\3\0\x40\0\2", b"\x10\0\0"])
    def test_standard_modbus_is_answered_by_an_exception(self, robot, pdu):
        frame = ask(robot, 1, pdu, protocol=0)
        assert frame[7] & 0x80
        assert frame[8] in (1, 2, 3)

    def test_standard_modbus_reads_mode_and_state(self, robot):
        switch_on(robot, Mode.TOOL_VELOCITY)
        frame = ask(robot, 1, b"\3\0\x20\0\2", protocol=0)
        assert frame[6:] == bytes([1, 3, 4, 0, 5, 0, 2])

    @pytest.mark.parametrize("text", ["", "2.5", "v2.5.5", "2.5.5.1", "1.8.99", "10.0.0"])
    def test_a_firmware_that_is_none_is_refused_by_name(self, text):
        with pytest.raises(InvalidFirmware, match=r"valid: X\.Y\.Z"):
            Firmware.parse(text)


class TestSettings:
    def test_reduced_limits_are_read_back(self, robot):
        ask(robot, 47, floats([250.0]))
        ask(robot, 48, floats([1.5]))
        ask(robot, 52, np.array([500, 100, 300, -300, 400, 20], "<i4").tobytes())
        ranges = np.tile([-1.0, 1.0], 7)
        ask(robot, 58, floats(ranges))
        ask(robot, 50, b"\1")
        ask(robot, 59, b"\1")
        _, payload = status_and_payload(ask(robot, 53))
        assert len(payload) == 79
        assert payload[0] == 1
        assert struct.unpack(">6h", payload[1:13]) == (500, 100, 300, -300, 400, 20)
        assert struct.unpack("<2f", payload[13:21]) == pytest.approx((250.0, 1.5))
        told = np.frombuffer(payload[21:77], "<f4").reshape(7, 2)
        assert np.allclose(told[:, 1], 1.0)
        # No range is wider than the arm's own.
        assert told[3, 0] == pytest.approx(-0.19198)
        assert payload[77:] == bytes([1, 0])

    @pytest.mark.parametrize(
        ("code", "payload"),
        [
            (37, bytes([6])),
            (38, bytes([0])),
            (47, floats([-1.0])),
            (52, np.array([100, 500, 1, 0, 1, 0], "<i4").tobytes()),
            (58, floats(np.tile([1.0, -1.0], 7))),
            (19, bytes([6])),
            (12, bytes([9])),
        ],
    )
    def test_what_makes_no_sense_is_refused(self, robot, code, payload):
        assert status_and_payload(ask(robot, code, payload))[0] & INVALID


class TestReports:
    @pytest.mark.parametrize(("port", "size"), [(30001, 145), (30002, 587), (30003, 135)])
    @pytest.mark.parametrize("on", [False, True])
    def test_frames_are_as_long_as_they_say(self, robot, port, size, on):
        if on:
            switch_on(robot, Mode.JOINT_VELOCITY)
        frame = REPORTS[port][0](robot)
        assert len(frame) == size
        assert struct.unpack(">I", frame[:4])[0] == size
        state = State.STANDBY if on else State.STOPPED
        assert frame[4] == (state | (Mode.JOINT_VELOCITY << 4) if on else state)
        assert np.allclose(np.frombuffer(frame[7:35], "<f4"), HOME, atol=1e-4)
        point = np.frombuffer(frame[35:47], "<f4")
        assert np.allclose(point, 1000 * robot.controller.chain.forward(HOME)[:3, 3], atol=0.1)

    @pytest.mark.parametrize("port", [30001, 30002])
    def test_they_tell_errors_and_enabled_joints(self, robot, port):
        switch_on(robot)
        assert REPORTS[port][0](robot)[87:91] == bytes([ALL_BITS, ALL_BITS, 0, 0])
        robot.controller.fail(31)
        assert REPORTS[port][0](robot)[87:91] == bytes([0, 0, 31, 0])

    def test_the_rich_one_is_of_an_xarm_7_that_is_no_simulation(self, robot):
        frame = REPORTS[30002][0](robot)
        assert frame[145:147] == bytes([7, 7])
        assert frame[314] == 0
        assert frame[151:].startswith(b"v2.5.5\0")


class TestGripper:
    def exchange(self, robot, hexadecimal):
        status, payload = status_and_payload(ask(robot, 124, bytes.fromhex(hexadecimal)))
        return status & INVALID, payload.hex()

    def test_what_is_written_is_acknowledged_and_read_back(self, robot):
        assert self.exchange(robot, "0908 10 0100 0001 02 0001") == (0, "090810" + "01000001")
        assert self.exchange(robot, "0908 03 0100 0001") == (0, "090803" + "020001")

    def test_a_position_takes_eight_bytes(self, robot):
        assert len(self.exchange(robot, "0908 03 0702 0002")[1]) == 16

    @pytest.mark.parametrize("words", ["0909 03 0000 0001", "0908 06 0000 0001", "0908 03"])
    def test_nobody_else_answers(self, robot, words):
        assert self.exchange(robot, words) == (INVALID, "")

    def test_it_moves_no_faster_than_it_was_told_and_arrives(self):
        gripper = Gripper(0.042)
        gripper.write(0x0100, 1)
        gripper.write(0x0303, 1000)
        gripper.write(0x0700, 400)
        opening, openings = 0.042, []
        for _ in range(1000):
            opening = gripper.tick(opening, 0.004)
            openings.append(opening)
            if len(openings) == 20:
                assert gripper.status == MOVING
        speeds = np.abs(np.diff(openings)) / 0.004 / 0.042 * 850
        assert speeds.max() <= 1000 * COUNTS_PER_TURN * (1 + 1e-6)
        assert (gripper.status, gripper.position) == (STOPPED, 400)

    def test_something_between_the_fingers_is_held(self):
        gripper = Gripper(0.03)
        gripper.write(0x0100, 1)
        gripper.write(0x0700, -10)
        for _ in range(1000):
            gripper.tick(0.02, 0.004)
        assert gripper.status == HOLDING

    def test_it_stays_where_it_is_until_it_is_enabled(self):
        gripper = Gripper(0.042)
        gripper.write(0x0700, 0)
        assert gripper.tick(0.042, 0.004) == pytest.approx(0.042)

    def test_the_tool_board_tells_the_buss_speed(self, robot):
        assert status_and_payload(ask(robot, 128, bytes([9, 0x0A, 0x0B])))[1] == bytes(
            [0, 0, 0, 11]
        )
