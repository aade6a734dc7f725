"""A viewer of what `live` shows: Foxglove's protocol over a socket, as a browser speaks it."""

import base64
import hashlib
import json
import os
import socket
import struct
import time
from collections.abc import Callable
from typing import Any, NamedTuple

PROTOCOL = "foxglove.sdk.v1"
PATIENCE = 30.0
# What RFC 6455 has a server add to the key that it is given, to show that it has understood.
ACCEPTS = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TEXT, BINARY, END, PING, PONG = 1, 2, 8, 9, 10
MASKED, LAST_FRAME = 0x80, 0x80
MESSAGE_DATA = 1
# What the server says to a client that asks for a channel quicker than it can serve it.
TOO_EARLY = "Unknown channel ID: "


class Shown(NamedTuple):
    """A message as it was shown: its topic, when it was taken [ns], and its bytes in CDR."""

    topic: str
    stamp: int
    data: bytes


class Viewer:
    """A connection to `live` and everything that came by it.

    `said` holds what the server said in JSON, `channels` what it offers by topic, `shown` the
    messages.
    """

    def __init__(self, port: int, address: str = "127.0.0.1") -> None:
        """Connect; raise OSError where nobody listens, ValueError where it is somebody else."""
        self.said: list[dict[str, Any]] = []
        self.channels: dict[str, dict[str, Any]] = {}
        self.shown: list[Shown] = []
        self._looking: dict[int, str] = {}
        self._socket = socket.create_connection((address, port), timeout=PATIENCE)
        self._rest = b""
        try:
            self._greet(f"{address}:{port}")
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Be gone, without a word, as a browser that is closed."""
        self._socket.close()

    def __enter__(self) -> "Viewer":
        """Return the viewer."""
        return self

    def __exit__(self, *_: object) -> None:
        """Be gone."""
        self.close()

    def say(self, **words: Any) -> None:
        """Send a text of JSON."""
        self._send(TEXT, json.dumps(words).encode())

    def send_message(self, channel: int, data: bytes) -> None:
        """Send a message on a channel of this client's own."""
        self._send(BINARY, struct.pack("<BI", MESSAGE_DATA, channel) + data)

    def look_at(self, topic: str) -> None:
        """Subscribe to a topic, as soon as it is offered."""
        self.until(lambda: topic in self.channels)
        number = len(self._looking) + 1
        self._looking[number] = topic
        self._ask(number)

    def look_away(self, topic: str) -> None:
        """End a subscription."""
        number = next(key for key, value in self._looking.items() if value == topic)
        self.say(op="unsubscribe", subscriptionIds=[number])

    def of(self, topic: str) -> list[Shown]:
        """Return what was shown of a topic."""
        return [one for one in self.shown if one.topic == topic]

    def until(self, done: Callable[[], Any], patience: float = PATIENCE) -> Any:
        """Take note of what comes until `done` returns something true, and return that.

        Raise TimeoutError when that takes too long, and ConnectionError when the server is gone.
        """
        deadline = time.monotonic() + patience
        while not (answer := done()):
            if time.monotonic() > deadline:
                raise TimeoutError(f"not within {patience:g} s; said was {self.said[-3:]}")
            self.listen(0.05)
        return answer

    def listen(self, seconds: float) -> None:
        """Take note of one thing that comes, or of none in so many seconds."""
        self._socket.settimeout(seconds)
        try:
            first = self._take(1)
        except TimeoutError:
            return
        self._socket.settimeout(PATIENCE)
        kind, payload = first[0] & 0x0F, self._payload()
        if kind == END:
            raise ConnectionError("the server has ended the connection")
        if kind == PING:
            self._send(PONG, payload)
        elif kind == TEXT:
            self._hear(json.loads(payload))
        elif kind == BINARY and payload[0] == MESSAGE_DATA:
            number, stamp = struct.unpack_from("<IQ", payload, 1)
            self.shown.append(Shown(self._looking[number], stamp, payload[13:]))

    def _ask(self, number: int) -> None:
        channel = self.channels[self._looking[number]]["id"]
        self.say(op="subscribe", subscriptions=[{"id": number, "channelId": channel}])

    def _hear(self, said: dict[str, Any]) -> None:
        self.said.append(said)
        if said["op"] == "advertise":
            self.channels.update({channel["topic"]: channel for channel in said["channels"]})
        elif said["op"] == "unadvertise":
            gone = set(said["channelIds"])
            self.channels = {
                topic: channel
                for topic, channel in self.channels.items()
                if channel["id"] not in gone
            }
        elif said["op"] == "status" and said["message"].startswith(TOO_EARLY):
            for number, topic in self._looking.items():
                if said["message"] == f"{TOO_EARLY}{self.channels[topic]['id']}":
                    self._ask(number)

    def _send(self, kind: int, payload: bytes) -> None:
        """Send a frame, which a client must combine with a key."""
        size, key = len(payload), os.urandom(4)
        head = bytes([LAST_FRAME | kind])
        head += bytes([MASKED | size]) if size < 126 else struct.pack("!BH", MASKED | 126, size)
        masked = bytes(byte ^ key[place % 4] for place, byte in enumerate(payload))
        self._socket.sendall(head + key + masked)

    def _greet(self, host: str) -> None:
        key = base64.b64encode(os.urandom(16)).decode()
        lines = ["GET / HTTP/1.1", f"Host: {host}", "Upgrade: websocket", "Connection: Upgrade"]
        lines += [f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13"]
        lines += [f"Sec-WebSocket-Protocol: {PROTOCOL}", "", ""]
        self._socket.sendall("\r\n".join(lines).encode())
        while b"\r\n\r\n" not in self._rest:
            self._receive()
        answer, _, self._rest = self._rest.partition(b"\r\n\r\n")
        digest = hashlib.sha1((key + ACCEPTS).encode(), usedforsecurity=False).digest()
        if base64.b64encode(digest) not in answer or PROTOCOL.encode() not in answer:
            raise ValueError(f"not the server that was wanted: {answer.decode()}")

    def _payload(self) -> bytes:
        (size,) = self._take(1)
        if size == 126:
            (size,) = struct.unpack("!H", self._take(2))
        elif size == 127:
            (size,) = struct.unpack("!Q", self._take(8))
        return self._take(size)

    def _take(self, count: int) -> bytes:
        while len(self._rest) < count:
            self._receive()
        taken, self._rest = self._rest[:count], self._rest[count:]
        return taken

    def _receive(self) -> None:
        came = self._socket.recv(1 << 16)
        if not came:
            raise ConnectionError("the server is gone")
        self._rest += came
