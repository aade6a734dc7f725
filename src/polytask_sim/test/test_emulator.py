"""The emulator with clients at its sockets: many at once, faults, bringing up and tearing down."""

import contextlib
import itertools
import os
import socket
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polytask_contract.errors import UnknownName
from polytask_sim.emulator.emulator import Emulator
from polytask_sim.emulator.errors import AddressUnavailable, EmulatorBusy, InvalidFirmware
from polytask_sim.emulator.table_world import TableWorld
from polytask_sim.suites.xarm import TASKS

PATIENCE = 20
SIZES = {30001: 145, 30002: 587, 30003: 135}
NOBODY = 65534
# Each process that runs tests has a domain of its own, and so addresses that no other has.
domain = os.environ["ROS_DOMAIN_ID"]
addresses = itertools.cycle(f"127.3.{domain}.{number}" for number in range(1, 251))


def may_listen():
    """Tell whether this process may listen at the control port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((next(addresses), 502))
        except PermissionError:
            return False
    return True


needs_port = pytest.mark.skipif(not may_listen(), reason="this user may not listen at port 502")


class Client:
    """Speaks the controller's protocol as it is on the wire."""

    def __init__(self, address, port=502):
        self.socket = socket.create_connection((address, port), timeout=PATIENCE)
        self.file = self.socket.makefile("rb")
        self.count = 0

    def send(self, code, payload=b"", protocol=2):
        self.count += 1
        body = bytes([code]) + payload
        self.socket.sendall(struct.pack(">HHH", self.count, protocol, len(body)) + body)

    def receive(self):
        """Return the next frame: its header, code, status and payload."""
        header = struct.unpack(">HHH", self.exactly(6))
        body = self.exactly(header[2])
        return header, body[0], body[1], body[2:]

    def ask(self, code, payload=b""):
        self.send(code, payload)
        _, answered, status, answer = self.receive()
        assert answered == code
        return status, answer

    def exactly(self, size):
        data = self.file.read(size)
        if len(data) < size:
            raise EOFError("the other side closed")
        return data

    def close(self):
        self.file.close()
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def wait_until(condition):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "what was waited for did not happen"
        time.sleep(0.01)


def closed(client):
    """Wait until the other side has closed the connection."""
    try:
        while client.file.read(1):
            pass
    except ConnectionResetError:
        pass
    return True


@pytest.fixture
def address():
    return next(addresses)


@pytest.fixture
def emulator(address):
    with Emulator(address) as emulator:
        yield emulator


@pytest.fixture
def control(emulator, address):
    del emulator
    with Client(address) as client:
        yield client


def switch_on(client, mode=0):
    for code, payload in ((11, bytes([8, 1])), (19, bytes([mode])), (12, b"\0")):
        client.ask(code, payload)


@needs_port
class TestClients:
    @pytest.mark.parametrize("port", SIZES)
    def test_reports_keep_coming_at_their_size(self, emulator, address, port):
        with Client(address, port) as first, Client(address, port) as second:
            for client in (first, second):
                for _ in range(4):
                    frame = client.exactly(SIZES[port])
                    assert struct.unpack(">I", frame[:4])[0] == SIZES[port]
        assert emulator.alive

    def test_several_are_answered_each_its_own(self, emulator, address):
        clients = [Client(address) for _ in range(5)]
        for number, client in enumerate(clients):
            client.count = 100 * number
            client.send(13)
        for number, client in reversed(list(enumerate(clients))):
            header, code, _, payload = client.receive()
            assert (header[0], code, payload) == (100 * number + 1, 13, bytes([4]))
            client.close()
        assert emulator.alive

    def test_requests_in_one_piece_or_byte_by_byte_are_the_same(self, control):
        request = struct.pack(">HHH", 7, 2, 1) + bytes([13])
        control.socket.sendall(request * 3)
        answers = [control.receive() for _ in range(3)]
        for byte in request:
            control.socket.sendall(bytes([byte]))
        answers.append(control.receive())
        assert all(answer == answers[0] for answer in answers)

    def test_heartbeats_are_not_answered(self, control):
        control.socket.sendall(bytes([0, 0, 0, 1, 0, 2, 0, 0]))
        assert control.ask(13)[1] == bytes([4])

    def test_a_stream_that_makes_no_sense_ends_that_connection_alone(self, emulator, address):
        with Client(address) as garbled, Client(address) as other:
            garbled.socket.sendall(b"GET / HTTP/1.1\r\n\r\n")
            assert closed(garbled)
            assert other.ask(13)[1] == bytes([4])
        assert emulator.alive

    def test_no_bytes_end_the_emulator(self, emulator, address):
        @settings(max_examples=25)
        @given(st.lists(st.binary(max_size=60), max_size=4))
        def send(pieces):
            # The emulator may close the connection in the middle of it.
            with Client(address) as client, contextlib.suppress(ConnectionError):
                for piece in pieces:
                    client.socket.sendall(piece)

        send()
        assert emulator.alive
        with Client(address) as client:
            assert client.ask(1)[1].startswith(b"7,7,")

    def test_one_that_goes_in_mid_move_is_not_missed(self, emulator, address):
        with Client(address) as client:
            switch_on(client)
            client.ask(254, b"\2")
            target = np.array([0.4, *[np.inf] * 6, 1.0, 10.0, 0.0], "<f4")
            client.ask(23, target.tobytes())
        with Client(address) as client:
            wait_until(lambda: client.ask(13)[1] == bytes([2]))
            joints = np.frombuffer(client.ask(42)[1], "<f4")
        assert joints[0] == pytest.approx(0.4, abs=1e-3)
        assert emulator.alive

    def test_who_wants_feedback_is_told_and_nobody_else(self, emulator, address):
        del emulator
        target = np.array([0.2, *[np.inf] * 6, 1.0, 10.0, 0.0], "<f4").tobytes()
        with Client(address) as client, Client(address) as other:
            switch_on(client)
            client.ask(254, b"\2")
            client.ask(23, target)
            asked = client.count
            header, code, _, payload = client.receive()
            assert (header[0], code) == (asked, 0xFF)
            assert payload[:2] == bytes([2, 23])
            assert payload[4] == 0
            assert other.ask(13)[1] == bytes([2])


@needs_port
class TestRealTime:
    def test_a_velocity_that_is_not_renewed_expires(self, control):
        switch_on(control, mode=5)
        # Long enough to be seen on a slow machine: it is the arm's time that counts.
        speeds = np.array([0, 10, 0, 0, 0, 0], "<f4").tobytes()
        control.ask(82, speeds + b"\0" + np.float32(2.0).tobytes())
        assert control.ask(13)[1] == bytes([1])
        wait_until(lambda: control.ask(13)[1] == bytes([2]))
        place = np.frombuffer(control.ask(41)[1], "<f4")[1]
        assert place == pytest.approx(20, abs=0.3)

    def test_time_that_was_lost_is_told(self, emulator):
        assert emulator.lost_time >= 0
        before = emulator.lost_time
        with emulator.held() as robot:
            ticks = robot.ticks
            time.sleep(0.5)
        wait_until(lambda: emulator.lost_time > before)
        with emulator.held() as robot:
            assert robot.ticks > ticks


@needs_port
class TestFaults:
    def test_control_that_is_dropped_can_come_back(self, emulator, control, address):
        control.ask(13)
        emulator.drop_control()
        assert closed(control)
        with Client(address) as again:
            again.ask(13)

    def test_reports_that_are_dropped_can_come_back(self, emulator, control, address):
        with Client(address, 30002) as reports:
            reports.exactly(587)
            emulator.drop_reports()
            assert closed(reports)
        with Client(address, 30002) as again:
            again.exactly(587)
        control.ask(13)

    def test_a_stall_holds_answers_back(self, emulator, control):
        emulator.faults.stall_control = True
        control.send(13)
        control.socket.settimeout(0.3)
        with pytest.raises(TimeoutError):
            control.socket.recv(1)
        control.socket.settimeout(PATIENCE)
        emulator.faults.stall_control = False
        assert control.socket.recv(100)[7:] == bytes([0x10, 4])

    def test_stalled_reports_stay_connected_and_go_on(self, emulator, address):
        with Client(address, 30003) as reports:
            reports.exactly(135)
            emulator.faults.stall_reports = True
            reports.socket.settimeout(0.3)
            # What was on its way still comes.
            with contextlib.suppress(TimeoutError):
                while reports.socket.recv(4096):
                    pass
            with pytest.raises(TimeoutError):
                reports.socket.recv(1)
            emulator.faults.stall_reports = False
            reports.socket.settimeout(PATIENCE)
            assert len(reports.socket.recv(135)) == 135

    def test_answers_come_later(self, emulator, control):
        emulator.faults.answer_delay = 0.3
        start = time.monotonic()
        control.ask(13)
        assert time.monotonic() - start >= 0.3

    def test_as_many_frames_are_spoilt_as_were_asked_for(self, emulator, control):
        emulator.faults.corrupt_frames = 2
        codes = []
        for _ in range(4):
            control.send(13)
            codes.append(control.receive()[1])
        assert codes == [13 ^ 0xFF, 13 ^ 0xFF, 13, 13]

    def test_motors_that_refuse_say_so(self, emulator, control):
        emulator.refuse_enable(refuse=True)
        assert control.ask(11, bytes([8, 1]))[0] & 0x08
        emulator.refuse_enable(refuse=False)
        assert not control.ask(11, bytes([8, 1]))[0] & 0x08

    def test_an_error_is_told_to_every_client(self, emulator, control, address):
        switch_on(control)
        emulator.fail(31)
        with Client(address) as other:
            for client in (control, other):
                assert client.ask(15)[1] == bytes([31, 0])


@needs_port
class TestScene:
    @pytest.mark.parametrize("task", TASKS)
    def test_every_task_can_be_laid_under_the_arm(self, emulator, task):
        with emulator.held() as robot:
            before = robot.world.seen.joints
        emulator.prepare(task, 3)
        with emulator.held() as robot:
            assert robot.world.task.name == task
            assert np.allclose(robot.world.seen.joints, before, atol=2e-3)
            assert not robot.world.read().accomplished
            assert robot.controller.error == 0

    def test_it_is_not_while_the_arm_moves(self, emulator, control):
        switch_on(control, mode=4)
        control.ask(81, np.full(7, 0.05, "<f4").tobytes() + b"\0")
        with pytest.raises(EmulatorBusy):
            emulator.prepare("pour-left", 0)

    def test_a_task_that_there_is_not_is_refused_by_name(self, emulator):
        with pytest.raises(UnknownName, match="reach"):
            emulator.prepare("juggle", 0)

    def test_the_arm_stays_where_it_was_driven(self, emulator, control):
        switch_on(control)
        target = np.array([0.5, *[np.inf] * 6, 2.0, 10.0, 0.0], "<f4")
        control.ask(23, target.tobytes())
        wait_until(lambda: control.ask(13)[1] == bytes([2]))
        emulator.prepare("insert-green", 0)
        with emulator.held() as robot:
            assert robot.world.seen.joints[0] == pytest.approx(0.5, abs=1e-3)
            peg = robot.world.data.site("peg_top").xpos
            tool = robot.world.data.site("tool").xpos
            assert np.linalg.norm(peg - tool) < 0.08

    def test_the_seed_says_where_things_stand(self):
        first, same, other = (TableWorld("pour-left", seed) for seed in (5, 5, 6))
        assert np.array_equal(first.data.qpos, same.data.qpos)
        assert not np.array_equal(first.data.qpos, other.data.qpos)


class TestBringingUp:
    @needs_port
    def test_an_address_in_use_is_refused_in_one_sentence(self, emulator, address):
        with pytest.raises(AddressUnavailable, match=r"listens at .*:502 already; valid: a free"):
            Emulator(address)
        assert emulator.alive

    @needs_port
    def test_what_was_opened_before_the_refusal_is_closed_again(self, address):
        with socket.socket() as other:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            other.bind((address, 30003))
            other.listen()
            with pytest.raises(AddressUnavailable, match=":30003"):
                Emulator(address)
        with Emulator(address):
            pass

    @pytest.mark.parametrize("address", ["203.0.113.7", "nowhere"])
    def test_an_address_of_another_machine_is_refused(self, address):
        with pytest.raises(AddressUnavailable, match=address):
            Emulator(address)

    def test_firmware_and_task_are_checked(self, address):
        with pytest.raises(InvalidFirmware, match="banana"):
            Emulator(address, firmware="banana")
        with pytest.raises(UnknownName, match="banana"):
            Emulator(address, task="banana")

    @needs_port
    def test_twenty_in_a_row_leave_nothing_behind(self, address):
        def open_files():
            return len(list(Path("/proc/self/fd").iterdir()))

        with Emulator(address):
            pass
        threads, files = threading.active_count(), open_files()
        for _ in range(20):
            with Emulator(address) as emulator:
                client, reports = Client(address), Client(address, 30003)
                client.ask(13)
                reports.exactly(135)
            assert not emulator.alive
            assert closed(client)
            assert closed(reports)
            client.close()
            reports.close()
        assert threading.active_count() == threads
        assert open_files() == files

    def test_who_may_not_listen_is_told_the_ways_out(self, address):
        if os.geteuid() != 0:
            pytest.skip("only root can become a user who may not")
        port = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")
        if int(port.read_text(encoding="ascii")) <= 502:
            pytest.skip("on this machine everybody may listen at port 502")
        # The listening alone, in a child that gives up being root: it could read no module then.
        finished = subprocess.run(
            [sys.executable, "-c", UNPRIVILEGED, address],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert finished.returncode == 0, finished.stderr
        sentence = finished.stdout.strip()
        assert sentence.count("\n") == 0
        for word in (f"{address}:502", "root", "ip_unprivileged_port_start", "unshare"):
            assert word in sentence


UNPRIVILEGED = f"""
import os, sys
from polytask_sim.emulator.errors import AddressUnavailable
from polytask_sim.emulator.listening import listen
os.setgid({NOBODY})
os.setuid({NOBODY})
try:
    listen(sys.argv[1], [502])
except AddressUnavailable as refused:
    print(refused)
"""
