"""One goal of the recorder while it runs: from its checks to its last episode."""

from itertools import count
from pathlib import Path
from typing import Any

from rclpy.node import Node

from polytask_contract.episodes.episode import Episode
from polytask_contract.episodes.form import Form, InvalidEpisode
from polytask_contract.errors import EnvironmentLost, PolyTaskError
from polytask_contract.seeds import check_demonstrated
from polytask_contract.specification import Specification
from polytask_msgs.action import RecordDemonstration
from polytask_msgs.msg import Observation
from polytask_ros import names
from polytask_ros.messages import MalformedMessage
from polytask_ros.until import Until
from polytask_xarm_driver.recording.raw_file import RawFile
from polytask_xarm_driver.recording.session import Rules, Session
from polytask_xarm_driver.recording.take import Take, Verdict, Word
from polytask_xarm_driver.recording.task_folder import NotWritable, TaskFolder
from polytask_xarm_driver.ros.raw_topics import RawTopics, find_topics
from polytask_xarm_driver.ros.recorded_environment import RecordedEnvironment, seen

RELEASE_TIMEOUT = 1.0


class InvalidGoal(PolyTaskError):
    """A field of the goal is not valid; the message names it."""


class RecordingRun:
    """Prepares a goal, records its episodes, and holds what that takes until it is closed."""

    def __init__(
        self,
        node: Node,
        environment: RecordedEnvironment,
        handle: Any,
        settings: dict[str, Any],
    ) -> None:
        """Serve the goal of `handle` by the recorder's parameters `settings`."""
        self._node = node
        self._environment = environment
        self._handle = handle
        self._settings = settings
        self._folder: TaskFolder | None = None
        self._topics: RawTopics | None = None
        self._raw: RawFile | None = None
        self._refused: OSError | None = None
        self._observation: str = node.resolve_topic_name(names.OBSERVATION)
        # Of which nobody knows yet whether they are part of the episode.
        self._held: list[tuple[bytes, int, int]] = []
        self._told: Any = None
        self._ends = False
        self.session: Session | None = None

    @property
    def cancelled(self) -> bool:
        """Whether somebody asked for the goal's end, or the node's."""
        return self._ends or bool(self._handle.is_cancel_requested)

    def end(self) -> None:
        """Break off as if the goal was cancelled: the node ends."""
        self._ends = True

    async def prepare(self) -> None:
        """Find and check everything; nothing moves yet. Raise PolyTaskError for what is amiss."""
        goal = self._handle.request
        if goal.count < 1:
            raise InvalidGoal("count is 0; valid: at least 1")
        if not goal.folder:
            raise InvalidGoal("folder is empty; valid: the path of a folder, made when missing")
        check_demonstrated(goal.seed)
        self._specification: Specification = await self._environment.find()
        self._specification.check_task(goal.task)
        timeout = self._settings["environment_timeout"]
        topics = await find_topics(self._node, goal.raw_topics, timeout)
        self._topics = RawTopics(self._node, topics, self._settings["raw_depth"], self._receive)
        await self._environment.meet()
        root = Path(goal.folder).absolute()
        self._folder = TaskFolder(root, Form.of(self._specification), goal.task)
        taken = self._folder.seeds
        seeds = (seed for seed in count(goal.seed) if seed not in taken)
        rules = Rules(**{name: self._settings[name] for name in Rules.__annotations__})
        self.session = Session(goal.count, seeds, rules)

    async def record(self) -> None:
        """Record until there are enough episodes or the goal is cancelled.

        Raise EnvironmentBusy, EnvironmentLost, ResetFailed, NotWritable or RecordingFailed.
        """
        session = self._prepared
        while not session.finished and not self.cancelled:
            self.tell()
            await Until(lambda: session.take is not None or self.cancelled)
            if session.take is not None and not self.cancelled:
                await self._record_episode(session.take)

    def hear(self, word: Word) -> None:
        """Note what the operator says."""
        if self.session is not None:
            self.session.hear(word)

    def observe(self, message: Observation, published: int) -> None:
        """Note an observation and when it was published [ns]; a malformed one ends its episode."""
        if self.session is None or self.session.take is None:
            return
        try:
            self.session.see(seen(message, published))
        except MalformedMessage as error:
            self.session.take.give_up(str(error))
        self._add_held(self.session.take)

    def tell(self) -> None:
        """Publish how far the recording is, where that has changed."""
        if self.session is None:
            return
        take = self.session.take
        feedback = RecordDemonstration.Feedback(
            phase=int(self.session.phase),
            kept=len(self.session.files),
            discarded=self.session.discarded,
            step=take.steps if take else 0,
        )
        if feedback != self._told:
            self._told = feedback
            self._handle.publish_feedback(feedback)

    def close(self) -> None:
        """Let go of the folder and the topics; what is not an episode yet is removed."""
        self._discard_raw()
        if self._topics is not None:
            self._topics.close()
        if self._folder is not None:
            self._folder.close()
        self._topics = self._folder = None

    @property
    def _prepared(self) -> Session:
        if self.session is None:
            raise InvalidGoal("the goal was not prepared")
        return self.session

    async def _record_episode(self, take: Take) -> None:
        seed = self._prepared.seed
        task = self._handle.request.task
        self._open_raw(seed)
        self.tell()

        def over() -> bool:
            return bool(take.verdict or self._refused or self.cancelled)

        first = await self._environment.reset(task, seed, over)
        if first is not None:
            take.begin(first)
        await Until(lambda: over() or self._lost(take))
        if not over():
            raise EnvironmentLost(f"the environment {self._lost(take)}")
        if self._topics is not None:
            self._topics.take_arrived()
            self._add_held(take)
        # The world stops now, not when the episode is written.
        released = self._environment.let_go()
        if self._refused is not None:
            raise NotWritable(f"the raw topics cannot be written: {self._refused}")
        if take.verdict is not None:
            self.tell()
            self._settle(take, take.verdict)
        self._discard_raw()
        await Until(released.done, RELEASE_TIMEOUT)

    def _lost(self, take: Take) -> str:
        """Return why nothing more can be expected of the episode; empty while something can."""
        if self._environment.gone():
            return "is gone"
        patience = self._settings["silence_timeout"]
        return f"was silent for {patience:g} s" if take.silence > patience else ""

    def _settle(self, take: Take, verdict: Verdict) -> None:
        """Write the episode, or throw it away."""
        session, log = self._prepared, self._node.get_logger()
        seed, reason = session.seed, verdict.reason
        if verdict.kept:
            try:
                episode = take.episode(self._specification, self._handle.request.task, seed)
            except InvalidEpisode as error:
                reason = str(error)
            else:
                path = self._write(take, episode)
                log.info(f"kept {path}: seed {seed}, {len(episode)} steps; {reason}")
                session.keep(path)
                return
        log.warning(f"threw an episode away: seed {seed}, {take.steps} steps; {reason}")
        session.discard(reason)

    def _write(self, take: Take, episode: Episode) -> Path:
        facts = {
            "suite": episode.suite,
            "task": episode.task,
            "seed": str(episode.seed),
            "episode": str(take.number),
            "stamps": " ".join(map(str, take.stamps)),
        }
        if self._folder is None:
            raise NotWritable("the folder was let go")
        path = self._folder.add(episode, self._raw, facts)
        self._raw = None
        return path

    # Raw topics

    def _open_raw(self, seed: int) -> None:
        if self._folder is not None and self._topics is not None and self._topics.described:
            self._held = []
            self._raw = self._folder.open_raw(seed, self._topics.described)
            self._topics.repeat_latched()

    def _discard_raw(self) -> None:
        if self._raw is not None:
            self._raw.discard()
            self._raw = None

    def _receive(self, topic: str, data: bytes, arrived: int, published: int) -> None:
        # Between two episodes of ours others may act for hours.
        if self._raw is None:
            return
        # Observations are read twice, here and where it is decided when the episode is over: only
        # what was read there is known to be part of it.
        if topic == self._observation:
            self._held.append((data, arrived, published))
        else:
            self._add(topic, data, arrived, published)

    def _add_held(self, take: Take) -> None:
        """Add the observations that were held back, up to the newest one of the episode."""
        held, self._held = self._held, []
        for message in held:
            if message[-1] <= take.published:
                self._add(self._observation, *message)
            else:
                self._held.append(message)

    def _add(self, topic: str, data: bytes, arrived: int, published: int) -> None:
        if self._raw is None or self._refused is not None:
            return
        try:
            self._raw.add(topic, data, arrived, published)
        except OSError as error:
            self._refused = error
