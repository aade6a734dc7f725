"""The controller's sockets: answers on the control port, reports on the others."""

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any

from polytask_sim.emulator.commands.call import Call, Session
from polytask_sim.emulator.commands.table import answer
from polytask_sim.emulator.errors import GarbledStream
from polytask_sim.emulator.faults import Faults
from polytask_sim.emulator.listening import listen
from polytask_sim.emulator.reports import REPORTS
from polytask_sim.emulator.robot import Robot
from polytask_sim.emulator.wire.framing import Kind, Request, Result, Splitter, feedback
from polytask_sim.emulator.wire.payload import Payload

CONTROL_PORT = 502
READ_SIZE = 4096
# How often a stalled connection looks whether it may go on [s].
STALLED_PERIOD = 0.02

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]]


class Server(threading.Thread):
    """Serves any number of clients in a thread of its own, until it is closed."""

    def __init__(self, address: str, robot: Robot, lock: threading.Lock, faults: Faults) -> None:
        """Listen at `address` and serve `robot`, which is only touched while `lock` is held.

        Raise AddressUnavailable.
        """
        super().__init__(name="emulator server", daemon=True)
        self._robot, self._lock, self._faults = robot, lock, faults
        self._sockets = listen(address, [CONTROL_PORT, *REPORTS])
        self._loop = asyncio.new_event_loop()
        self._closing = asyncio.Event()
        self._control: set[asyncio.StreamWriter] = set()
        self._reports: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[Any]] = set()

    def drop_control(self) -> None:
        """Close the control connections there are; new ones are welcome."""
        self._loop.call_soon_threadsafe(_abort, self._control)

    def drop_reports(self) -> None:
        """Close the report connections there are; new ones are welcome."""
        self._loop.call_soon_threadsafe(_abort, self._reports)

    def close(self) -> None:
        """Close every socket and end the thread."""
        self._loop.call_soon_threadsafe(self._closing.set)
        self.join()

    def run(self) -> None:
        """Serve until closed."""
        try:
            self._loop.run_until_complete(self._serve())
        finally:
            self._loop.close()

    async def _serve(self) -> None:
        control, *others = self._sockets
        servers = [await self._start(control, self._control, self._converse)]
        for listening in others:
            servers.append(await self._start(listening, self._reports, self._report))
        await self._closing.wait()
        for server in servers:
            server.close()
        _abort(self._control | self._reports)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for server in servers:
            await server.wait_closed()

    async def _start(
        self, listening: Any, writers: set[asyncio.StreamWriter], serve: Serve
    ) -> asyncio.Server:
        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            if task is not None:
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
            writers.add(writer)
            try:
                with contextlib.suppress(OSError, GarbledStream, asyncio.CancelledError):
                    await serve(reader, writer)
            finally:
                writers.discard(writer)
                writer.transport.abort()

        return await asyncio.start_server(connected, sock=listening)

    # Control

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        splitter, session = Splitter(), Session()
        while data := await reader.read(READ_SIZE):
            for request in splitter.feed(data):
                while self._faults.stall_control:
                    await asyncio.sleep(STALLED_PERIOD)
                await self._answer(request, session, writer)

    async def _answer(
        self, request: Request, session: Session, writer: asyncio.StreamWriter
    ) -> None:
        ticket = _Ticket(self, request, session.feedback, writer)
        with self._lock:
            frame = answer(self._robot, request, Call(Payload(request.payload), session, ticket))
        if frame is None:
            return
        if self._faults.answer_delay > 0:
            await asyncio.sleep(self._faults.answer_delay)
        writer.write(self._faults.passed(frame))
        await writer.drain()

    # Reports

    async def _report(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        make, period = REPORTS[writer.get_extra_info("sockname")[1]]
        due = time.monotonic()
        while not reader.at_eof():
            if not self._faults.stall_reports:
                with self._lock:
                    frame = make(self._robot)
                writer.write(frame)
                await writer.drain()
            now = time.monotonic()
            due = max(due + period, now)
            await asyncio.sleep(due - now)

    def send_later(self, writer: asyncio.StreamWriter, frame: bytes) -> None:
        """Send `frame` to a client, from any thread and after what is being sent."""

        def send() -> None:
            if not writer.is_closing():
                writer.write(frame)

        # A client may go, and the server with it, while its move still runs.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(send)

    @property
    def status(self) -> int:
        """The status bits that feedback carries."""
        return self._robot.controller.status


class _Ticket:
    """Tells a client of its request, if it wanted to know when it asked."""

    def __init__(
        self, server: Server, request: Request, wanted: int, writer: asyncio.StreamWriter
    ) -> None:
        self._server, self._request, self._wanted = server, request, wanted
        self._writer = writer

    def tell(self, kind: Kind, result: Result) -> None:
        """Send feedback of `kind`, unless it was not wanted."""
        if self._wanted & kind:
            now = time.monotonic_ns() // 1000
            frame = feedback(self._request, self._server.status, kind, result, now)
            self._server.send_later(self._writer, frame)


def _abort(writers: set[asyncio.StreamWriter]) -> None:
    for writer in list(writers):
        writer.transport.abort()
