"""A tap between the arm's driver and a controller: passes everything on and notes when it passed.

It listens on the controller's ports at one address and connects to those at another, so that
neither side knows of it.
"""

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Callable
from types import TracebackType

CONTROL_PORT, REAL_REPORT_PORT = 502, 30003
PORTS = (CONTROL_PORT, 30001, 30002, REAL_REPORT_PORT)
# Of the controller's protocol: a request's header, its code for a cartesian velocity (six floats),
# and where a report of the fast kind has the tool's place [mm] in its fixed length.
HEADER = struct.Struct(">HHHB")
CARTESIAN_VELOCITY = 82
REPORT_SIZE, POSE = 135, struct.Struct("<3f")
POSE_OFFSET = 35
CHUNK = 65536

Watcher = Callable[[float, bytes], None]


class WireTap:
    """Notes each commanded velocity [mm/s, rad/s] and each reported place of the tool [mm].

    `velocities` and `places` are lists of (time by the monotonic clock [s], values).
    """

    def __init__(self, listen: str, target: str) -> None:
        """Listen at the address `listen` for what is meant for `target`."""
        self._target = target
        self.velocities: list[tuple[float, tuple[float, ...]]] = []
        self.places: list[tuple[float, tuple[float, ...]]] = []
        self._sockets: list[socket.socket] = []
        for port in PORTS:
            server = socket.create_server((listen, port))
            self._sockets.append(server)
            threading.Thread(target=self._accept, args=(server, port), daemon=True).start()

    def __enter__(self) -> "WireTap":
        """Return the tap."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close every connection."""
        for each in self._sockets:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _accept(self, server: socket.socket, port: int) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = server.accept()
                try:
                    controller = socket.create_connection((self._target, port))
                except OSError:
                    client.close()
                    continue
                for each in (client, controller):
                    each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._sockets += [client, controller]
                requests = (
                    _Cutter(_request_size, self._on_request) if port == CONTROL_PORT else None
                )
                for pumped in ((client, controller, requests), (controller, client, None)):
                    threading.Thread(target=_pump, args=pumped, daemon=True).start()

    def watch_tool(self) -> None:
        """Follow the controller's reports by a connection of its own, whatever others do."""
        witness = socket.create_connection((self._target, REAL_REPORT_PORT))
        self._sockets.append(witness)
        cutter = _Cutter(lambda _: REPORT_SIZE, self._on_report)
        threading.Thread(target=_follow, args=(witness, cutter), daemon=True).start()

    def _on_request(self, now: float, frame: bytes) -> None:
        if frame[6] == CARTESIAN_VELOCITY:
            self.velocities.append((now, struct.unpack_from("<6f", frame, HEADER.size)))

    def _on_report(self, now: float, frame: bytes) -> None:
        self.places.append((now, POSE.unpack_from(frame, POSE_OFFSET)))


class _Cutter:
    """Cuts a stream into frames, of the size that their beginning tells."""

    def __init__(self, size: Callable[[bytes], int], watch: Watcher) -> None:
        self._size, self._watch, self._rest = size, watch, b""

    def take(self, now: float, data: bytes) -> None:
        self._rest += data
        while len(self._rest) >= HEADER.size and len(self._rest) >= self._size(self._rest):
            size = self._size(self._rest)
            frame, self._rest = self._rest[:size], self._rest[size:]
            self._watch(now, frame)


def _request_size(beginning: bytes) -> int:
    return 6 + int(HEADER.unpack_from(beginning)[2])


def _follow(source: socket.socket, cutter: _Cutter) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(CHUNK):
            cutter.take(time.monotonic(), data)


def _pump(source: socket.socket, sink: socket.socket, cutter: _Cutter | None) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(CHUNK):
            now = time.monotonic()
            sink.sendall(data)
            if cutter is not None:
                cutter.take(now, data)
    for each in (source, sink):
        with contextlib.suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
