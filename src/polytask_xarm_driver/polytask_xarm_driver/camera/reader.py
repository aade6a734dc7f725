"""Reads a source in a thread of its own, so that a device that blocks blocks nobody else."""

import threading
from collections.abc import Callable
from dataclasses import dataclass

from polytask_xarm_driver.camera.errors import CameraError, VideoEnded
from polytask_xarm_driver.camera.frame import Frame
from polytask_xarm_driver.camera.source import CameraSource, PictureStream

# A thread that does not end within this is blocked by its device, and left behind [s].
GRACE = 1.0


@dataclass(frozen=True)
class News:
    """What became of a source: opened, at `rate` [1/s], or lost, and `rate` is None."""

    text: str
    rate: float | None = None


class CameraReader:
    """Keeps a source open; what comes of it can be taken: pictures, and News in between.

    A picture that was not taken is overwritten by the next.

    A source that is lost is opened again and again, until that succeeds or the reader is stopped. A
    device that neither gives a picture nor an error cannot be opened anew before the system lets go
    of it; the reader goes on as soon as it does either.
    """

    def __init__(
        self, source: CameraSource, wake: Callable[[], None], reopen_period: float
    ) -> None:
        """Read `source`; call `wake`, in the thread, whenever there is something to take."""
        self._source, self._wake, self._period = source, wake, reopen_period
        self._lock = threading.Lock()
        self._untaken: list[Frame | News] = []
        self._first = threading.Event()
        self._stopped = threading.Event()
        self._refusal: CameraError | None = None
        self._thread = threading.Thread(target=self._run, name="camera reader", daemon=True)

    def start(self, patience: float) -> None:
        """Begin to read; raise CameraError when the source cannot be opened.

        Return when it is open, or after `patience` seconds while it still opens.
        """
        self._thread.start()
        self._first.wait(patience)
        if self._refusal is not None:
            self.stop()
            raise self._refusal

    def take(self) -> list[Frame | News]:
        """Return what has come since the last time, in the order in which it came."""
        with self._lock:
            taken, self._untaken = self._untaken, []
        return taken

    def stop(self) -> None:
        """Close the source and end; a thread that its device blocks ends with the process."""
        self._stopped.set()
        self._thread.join(GRACE)

    def _run(self) -> None:
        ended = "the thread that reads the camera has ended by a mistake, which is printed above"
        try:
            while not self._stopped.is_set():
                try:
                    self._read(self._open())
                except VideoEnded as end:
                    ended = str(end)
                    return
                except CameraError as error:
                    self._lose(error)
                self._stopped.wait(self._period)
        finally:
            self._tell(News(ended))

    def _open(self) -> PictureStream:
        stream = self._source.open()
        rows, columns = stream.size
        text = f"{self._source.description}: {columns} x {rows} at {stream.rate:g} a second"
        self._tell(News(text, stream.rate))
        self._first.set()
        return stream

    def _read(self, stream: PictureStream) -> None:
        try:
            while not self._stopped.is_set():
                self._tell(stream.read())
        finally:
            stream.close()

    def _lose(self, error: CameraError) -> None:
        if not self._first.is_set():
            self._refusal = error
            self._first.set()
        self._tell(News(f"{error}; it is opened again every {self._period:g} s"))

    def _tell(self, what: Frame | News) -> None:
        with self._lock:
            untaken = self._untaken
            if isinstance(what, Frame) and untaken and isinstance(untaken[-1], Frame):
                untaken.pop()
            untaken.append(what)
        if not self._stopped.is_set():
            self._wake()
