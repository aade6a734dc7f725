"""One connection of the maker's SDK; the only file that imports it.

Importing the SDK makes a folder for logs in the home folder and prints to standard output.
Connecting prints too, and sets the process's default timeout of sockets to one second.
"""

import threading
from collections.abc import Callable
from typing import Any

from polytask_xarm_driver.arm.errors import ArmError, ArmLost

# How long the controller may take to answer one request [s].
REPLY_TIMEOUT = 1.0
# How long the SDK's threads may take to end [s].
ENDING = 3.0
# The SDK's threads that its disconnect does not always wait for.
THREADS = ("_report_thread", "_feedback_thread")
# What the thread that hands feedback on takes for a frame about nothing.
NOTHING = bytes(21)

Report = Callable[[Any, dict[str, Any]], None]


class SdkConnection:
    """A connection with reports of one kind; its methods are for one thread at a time.

    It is opened within a time, and closed with all the SDK's threads and sockets.
    """

    def __init__(self, address: str, reports: str, timeout: float, see: Report) -> None:
        """Connect to `address` when opened, within `timeout` [s], and let `see` have each report.

        `reports` is one of the SDK's: real comes a hundred times a second, rich five times.
        """
        self._address, self._reports, self._timeout, self._see = address, reports, timeout, see
        self._api: Any = None

    @property
    def connected(self) -> bool:
        """Whether the connection holds, as far as the SDK knows."""
        api = self._api
        return api is not None and bool(api.connected)

    @property
    def api(self) -> Any:
        """The SDK's object; raise ArmLost when the connection was not opened."""
        if self._api is None:
            raise ArmLost("the controller is not connected")
        return self._api

    def open(self) -> None:
        """Connect; raise ArmLost when the controller cannot be reached or does not answer."""
        api = self._api = _load_sdk()(
            self._address,
            is_radian=True,
            do_not_open=True,
            report_type=self._reports,
            # It would clear an error of the controller to change the speed of the gripper's line.
            baud_checkset=False,
            timed_comm=False,
            forbid_uds=True,
        )
        api.register_report_callback(lambda item: self._see(api, item))
        failures: list[str] = []
        # The SDK tries for minutes where somebody listens but does not answer.
        attempt = threading.Thread(target=_connect, args=(api, failures), daemon=True)
        attempt.start()
        attempt.join(self._timeout)
        if attempt.is_alive():
            self.close()
            raise ArmLost(
                f"the controller at {self._address} did not answer within {self._timeout:g} s"
            )
        if failures:
            self.close()
            raise ArmLost(f"the controller at {self._address} cannot be reached: {failures[0]}")
        api.set_timeout(REPLY_TIMEOUT)

    def close(self) -> None:
        """Disconnect, and wait for the SDK's threads; does nothing when not connected."""
        api, self._api = self._api, None
        if api is None:
            return
        api.release_report_callback(None)
        inner = api._arm
        stream = inner._stream
        if stream is not None and stream.is_alive():
            # First of all: while it holds, a lost stream of reports is opened again.
            stream.close()
            stream.join(ENDING)
        api.disconnect()
        # One of them looks only once a second whether it shall end, unless something comes.
        inner._feedback_que.put(NOTHING)
        for name in THREADS:
            thread = getattr(inner, name)
            if thread is not None:
                thread.join(ENDING)


def _connect(api: Any, failures: list[str]) -> None:
    try:
        api.connect()
    except Exception as error:  # noqa: BLE001  # the SDK raises nothing more particular
        failures.append(str(error))


def _load_sdk() -> Any:
    try:
        # It makes a folder for logs.
        from xarm.core.utils.log import logger  # noqa: PLC0415
        from xarm.wrapper import XArmAPI  # noqa: PLC0415
    except ImportError as error:
        raise ArmError(f"the maker's SDK, xarm-python-sdk, cannot be imported: {error}") from None
    except OSError as error:
        raise ArmError(
            "the maker's SDK keeps logs in .UFACTORY in the home folder, which cannot be written: "
            f"{error}"
        ) from None
    # What fails is said once, by whoever asked for it.
    logger.setLevel(logger.CRITICAL)
    return XArmAPI
