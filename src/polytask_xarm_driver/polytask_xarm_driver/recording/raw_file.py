"""An MCAP file of messages as they came, written aside until its episode is kept."""

import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from mcap.writer import CompressionType, Writer

SUFFIX = ".mcap"
# Begins with a dot, names the seed of its episode, and is nobody's to read.
ASIDE = ".raw-*.partial.mcap"
# So much is held in memory, uncompressed [bytes].
CHUNK = 1 << 20
# What a file of MCAP begins and ends with.
MAGIC = b"\x89MCAP0\r\n"
METADATA = "polytask"


class RawTopic(NamedTuple):
    """A topic: its name, its type such as sensor_msgs/msg/Image, and the type's full definition."""

    name: str
    kind: str
    definition: str


class RawFile:
    """Messages of some topics, in the order of their arrival.

    At most CHUNK bytes are in memory. A file that is not kept is removed, by whoever records next
    if need be. Everything raises OSError where the disk refuses.
    """

    def __init__(self, folder: Path, seed: int, topics: Mapping[str, RawTopic]) -> None:
        """Open a file in `folder` for an episode of `seed`; `topics` by the names that add uses."""
        self._aside = folder / f".raw-{seed}-{secrets.token_hex(4)}.partial{SUFFIX}"
        self._file = self._aside.open("xb")
        # Pictures hardly get smaller, and zstd would take four times as long to find out.
        self._writer = Writer(self._file, chunk_size=CHUNK, compression=CompressionType.LZ4)
        self._writer.start(profile="ros2", library="polytask")
        self._channels = {
            key: self._writer.register_channel(
                topic=topic.name,
                message_encoding="cdr",
                schema_id=self._writer.register_schema(
                    topic.kind, "ros2msg", topic.definition.encode()
                ),
            )
            for key, topic in topics.items()
        }

    def add(self, topic: str, data: bytes, arrived: int, published: int) -> None:
        """Add a message in CDR; the times of both are since the epoch [ns]."""
        self._writer.add_message(self._channels[topic], arrived, data, published)

    def complete(self, facts: Mapping[str, str]) -> None:
        """End the file with `facts` about the episode and bring it to the disk, still aside."""
        self._writer.add_metadata(METADATA, dict(facts))
        self._writer.finish()
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()

    def keep(self, path: Path) -> None:
        """Give the complete file the name `path`, over what an episode that is no more left."""
        self._aside.replace(path)

    def discard(self) -> None:
        """Remove the file, unless it was kept."""
        # What a full disk does not take is not wanted any more.
        with suppress(OSError):
            self._file.close()
        self._aside.unlink(missing_ok=True)


def left_aside(folder: Path) -> dict[Path, int]:
    """Return the files that a killed recorder left in `folder`, and the seeds of their episodes."""
    return {path: int(path.name.split("-")[1]) for path in folder.glob(ASIDE)}


def is_complete(path: Path) -> bool:
    """Tell whether the file at `path` was ended."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - len(MAGIC)))
        return file.read() == MAGIC and path.stat().st_size > len(MAGIC)
