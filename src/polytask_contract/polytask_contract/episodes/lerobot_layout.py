"""Where LeRobot keeps what in a dataset of version 3.0, and where episodes of ours go in it.

A row is an observation with the action taken there. An episode of T actions and T + 1 observations
has T + 1 rows; the last one repeats the last action, and nothing follows it: `next.done` is true,
`next.reward` 0. What LeRobot has no place for stands in columns of its own in the table of
episodes, each called `polytask.` and the name.
"""

from pathlib import Path

from polytask_contract.errors import PolyTaskError

VERSION = "v3.0"
INFO = Path("meta/info.json")
STATS = Path("meta/stats.json")
TASKS = Path("meta/tasks.parquet")
EPISODES_FOLDER = Path("meta/episodes")
EPISODES_FILE = EPISODES_FOLDER / "chunk-000" / "file-000.parquet"
PLACE = "chunk-{chunk_index:03d}/file-{file_index:03d}"
DATA_PATH = f"data/{PLACE}.parquet"
VIDEO_PATH = f"videos/{{video_key}}/{PLACE}.mp4"
# What LeRobot's own writer aims at; its reader takes files of any size.
CHUNKS_SIZE, DATA_MEGABYTES, VIDEO_MEGABYTES = 1000, 100, 200

STATE = "observation.state"
CAMERAS = "observation.images."
ACTION = "action"
REWARD, DISCOUNT = "next.reward", "next.discount"
DONE, SUCCESS = "next.done", "next.success"
OURS = "polytask."
SUCCESS_AT_START = f"{OURS}success_at_start"


class InvalidDataset(PolyTaskError):
    """A folder is no LeRobot dataset that can be read; the message names it and what is wrong."""

    def __init__(self, root: Path, reason: object) -> None:
        """Name the folder `root` and the `reason`, of which the first line is taken."""
        sentence = next(iter(str(reason).splitlines()), "")
        super().__init__(f"{root} is not a LeRobot dataset that can be read: {sentence}")


def frames_per_second(period: float) -> float:
    """Return the rate of a control period [s]: an int where it is one, as LeRobot likes it."""
    rate = 1 / period
    return round(rate) if abs(rate - round(rate)) < 1e-6 * rate else rate
