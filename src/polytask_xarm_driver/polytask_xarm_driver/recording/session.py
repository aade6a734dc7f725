"""A recording of several episodes: which is next, what was kept, and when it is over."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

from polytask_contract.environment import check_seed
from polytask_contract.errors import PolyTaskError
from polytask_xarm_driver.recording.take import Seen, Take, Word


class RecordingFailed(PolyTaskError):
    """Too many episodes in a row were thrown away; what was kept before stays."""


class Phase(IntEnum):
    """What goes on; the values are those of the feedback of polytask_msgs/RecordDemonstration."""

    WAITING = 0
    RECORDING = 1
    WRITING = 2


@dataclass(frozen=True)
class Rules:
    """When an episode begins, when it is kept, and when recording breaks off.

    `wait_for_operator`: each begins with the operator's word. `hold_steps`: success must be up for
    so many steps in a row, 0 for never. `longest_episode`: of more steps none is kept. `patience`:
    so many thrown away in a row end the recording.
    """

    wait_for_operator: bool
    hold_steps: int
    longest_episode: int
    patience: int


class Session:
    """The state of a recording, moved on by what is said, seen and written."""

    def __init__(self, count: int, seeds: Iterator[int], rules: Rules) -> None:
        """Want `count` episodes; each try takes the next of `seeds`.

        Raise InvalidSeed, as `keep` and `discard` do, where the seeds have run out.
        """
        self._count = count
        self._seeds = seeds
        self._rules = rules
        self._discarded_in_a_row = 0
        self.take: Take | None = None
        self.files: list[Path] = []
        self.discarded = 0
        self._wait()

    @property
    def phase(self) -> Phase:
        """What goes on: without a take it waits, with a verdict it writes."""
        if self.take is None:
            return Phase.WAITING
        return Phase.RECORDING if self.take.verdict is None else Phase.WRITING

    @property
    def seed(self) -> int:
        """The seed of the take, or of the next one while there is none."""
        return self._seed

    @property
    def finished(self) -> bool:
        """Whether as many episodes were kept as were wanted."""
        return len(self.files) >= self._count

    def hear(self, word: Word) -> None:
        """Note what the operator says."""
        if self.take is not None:
            self.take.hear(word)
        elif word == Word.START and not self.finished:
            self._begin()

    def see(self, seen: Seen) -> None:
        """Note an observation."""
        if self.take is not None:
            self.take.see(seen)

    def keep(self, path: Path) -> None:
        """Note that the episode was written to `path`."""
        self.files.append(path)
        self._discarded_in_a_row = 0
        self._wait()

    def discard(self, reason: str) -> None:
        """Note that the episode was thrown away; raise RecordingFailed if it is one too many."""
        self.discarded += 1
        self._discarded_in_a_row += 1
        self.take = None
        if self._discarded_in_a_row >= self._rules.patience:
            raise RecordingFailed(
                f"{self._discarded_in_a_row} episodes in a row were thrown away, the last one "
                f"because {reason}"
            )
        self._wait()

    def _wait(self) -> None:
        self.take = None
        if self.finished:
            return
        seed = next(self._seeds)
        check_seed(seed)
        self._seed = seed
        if not self._rules.wait_for_operator:
            self._begin()

    def _begin(self) -> None:
        self.take = Take(self._rules.hold_steps, self._rules.longest_episode)
