"""A WebSocket server that Foxglove and programs of its protocol connect to; it shows, no more."""

import ipaddress
from typing import Any

from polytask_contract.errors import PolyTaskError
from polytask_xarm_driver.viewing.audience import Audience

# requirements/live.txt pins the same.
VERSION = "0.30.3"


class FoxgloveMissing(PolyTaskError):
    """Foxglove's SDK is not installed; the message says how to install it."""


class NotServed(PolyTaskError):
    """The server cannot listen where it was asked to; the message says why."""


class FoxgloveServer:
    """Offers channels of ROS 2 messages and sends what is published on them, as the bytes it is.

    It takes nothing from its clients but what they want to see: no messages, parameters or
    services. Its own threads tell `audience` who looks at what.
    """

    def __init__(self, address: str, port: int, backlog: int, audience: Audience) -> None:
        """Listen at `address`, one of this machine's; port 0 is any that is free.

        Of more than `backlog` messages that wait for a client the oldest are dropped. Raise
        FoxgloveMissing, or NotServed.
        """
        is_private(address)
        self._sdk = _sdk()
        # One of its own: what else this process may do with the SDK is not shown.
        self._context = self._sdk.Context()
        self._channels: dict[str, Any] = {}
        try:
            self._server = self._sdk.start_server(
                name="PolyTask",
                host=address,
                port=port,
                capabilities=[],
                server_listener=audience,
                context=self._context,
                message_backlog_size=backlog,
            )
        except (OSError, RuntimeError, ValueError) as error:
            raise NotServed(f"cannot serve at {address}, port {port}: {error}") from error

    @property
    def port(self) -> int:
        """The port that it listens at."""
        return int(self._server.port)

    def offer(self, topic: str, kind: str, definition: str) -> None:
        """Offer a channel `topic` of a type such as sensor_msgs/msg/Image, and its definition."""
        schema = self._sdk.Schema(name=kind, encoding="ros2msg", data=definition.encode())
        self._channels[topic] = self._sdk.Channel(
            topic, schema=schema, message_encoding="cdr", context=self._context
        )

    def withdraw(self, topic: str) -> None:
        """Offer a channel no more."""
        self._channels.pop(topic).close()

    def send(self, topic: str, data: bytes, arrived: int) -> None:
        """Send a message in CDR, which arrived then [ns], to those who look at an offered topic."""
        self._channels[topic].log(data, log_time=arrived)

    def close(self) -> None:
        """Let every client go and listen no more."""
        self._server.stop()


def is_private(address: str) -> bool:
    """Tell whether only this machine reaches `address`; raise NotServed for what is no address."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        raise NotServed(
            f"address is {address!r}; valid: a number such as 127.0.0.1, for this machine alone, "
            "or 0.0.0.0, for everybody who reaches it"
        ) from None


def _sdk() -> Any:
    try:
        import foxglove  # noqa: PLC0415  # 50 MB that only viewing needs
    except ImportError as error:
        raise FoxgloveMissing(
            f"foxglove-sdk is not installed; pip install foxglove-sdk=={VERSION}"
        ) from error
    return foxglove
