"""Who looks at what: told by the server's threads, asked by the node's."""

import threading
from collections.abc import Callable
from typing import Any


class Audience:
    """The viewers of each channel; any thread may call anything.

    It is what Foxglove's SDK calls a server listener, of which it asks these two methods.
    """

    def __init__(self, changed: Callable[[], object]) -> None:
        """Begin without viewers; `changed` is called in any thread when somebody comes or goes."""
        self._changed = changed
        self._lock = threading.Lock()
        self._looking: dict[str, set[int]] = {}
        self._newcomers: set[str] = set()

    def on_subscribe(self, client: Any, channel: Any) -> None:
        """Take note that a client looks at a channel from now on."""
        with self._lock:
            self._looking.setdefault(channel.topic, set()).add(client.id)
            self._newcomers.add(channel.topic)
        self._changed()

    def on_unsubscribe(self, client: Any, channel: Any) -> None:
        """Take note that a client looks at a channel no more, or is gone."""
        with self._lock:
            self._looking.get(channel.topic, set()).discard(client.id)
        self._changed()

    def forget(self, topic: str) -> None:
        """Take note that a channel is not offered any more; its viewers are not told of as gone."""
        with self._lock:
            self._looking.pop(topic, None)
            self._newcomers.discard(topic)

    def looks_at(self, topic: str) -> bool:
        """Tell whether somebody looks at the channel of that topic."""
        with self._lock:
            return bool(self._looking.get(topic))

    def take_newcomers(self) -> set[str]:
        """Return the topics at which somebody began to look since this was last asked."""
        with self._lock:
            newcomers, self._newcomers = self._newcomers, set()
        return newcomers
