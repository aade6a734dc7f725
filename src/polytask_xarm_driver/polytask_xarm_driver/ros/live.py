"""The node `live`: topics of a robot or a learner, shown in a browser or on another computer."""

from functools import partial

from rclpy.clock import Clock, ClockType
from rclpy.node import Node

from polytask_ros.parameters import declare_parameters, refuse_undeclared
from polytask_xarm_driver.recording.message_definition import DefinitionNotFound, full_definition
from polytask_xarm_driver.ros.live_topic import LiveTopic
from polytask_xarm_driver.ros.raw_topics import definition_file, full_name
from polytask_xarm_driver.viewing.audience import Audience
from polytask_xarm_driver.viewing.foxglove_server import FoxgloveServer, is_private

# How often it looks who publishes, and how [s].
LOOK_PERIOD = 1.0


class Live(Node):  # type: ignore[misc]  # rclpy is not typed
    """Shows topics to viewers who connect by WebSocket. They can look, and nothing else.

    Everything happens in one thread; those of the server only wake it. Viewers know a topic by its
    name without this node's namespace, so that one layout shows any robot.
    """

    def __init__(self) -> None:
        """Open the node `live` and listen; raise PolyTaskError where that cannot be."""
        super().__init__("live")
        settings = declare_parameters(self, "polytask_xarm_driver.ros", "live.yaml")
        refuse_undeclared(self)
        # Full names, by those that viewers know.
        self._names = {
            f"/{topic.lstrip('/')}": full_name(self, topic, "topics")
            for topic in settings["topics"]
        }
        self._topics: dict[str, LiveTopic] = {}
        # Each fault is told once, until it is over.
        self._faults: dict[str, str] = {}
        self._audience = Audience(self.create_guard_condition(self._follow).trigger)
        address = settings["address"]
        self._server = FoxgloveServer(
            address, settings["port"], settings["backlog"], self._audience
        )
        self.create_timer(LOOK_PERIOD, self._look, clock=Clock(clock_type=ClockType.STEADY_TIME))
        self._say_where(address)

    def destroy_node(self) -> None:
        """Let the viewers go and end the node."""
        self._server.close()
        for topic in self._topics.values():
            topic.close()
        super().destroy_node()

    def _say_where(self, address: str) -> None:
        place = f"[{address}]" if ":" in address else address
        self.get_logger().info(f"viewers connect to ws://{place}:{self._server.port}")
        if not is_private(address):
            self.get_logger().warning(
                f"EVERYBODY who reaches this machine at {address} sees what the robot sees: there "
                "is no password, and nothing is encrypted; the default, 127.0.0.1, is for this "
                "machine alone"
            )

    def _look(self) -> None:
        """Offer the topics that have come to be, and listen to those who publish by now."""
        for shown, topic in self._names.items():
            publishers = self.get_publishers_info_by_topic(topic)
            kinds = sorted({publisher.topic_type for publisher in publishers})
            offered = self._topics.get(shown)
            # Publishers may be found one by one, and others may come in their place.
            if kinds and (offered is None or kinds != [offered.kind]):
                self._withdraw(shown)
                self._offer(shown, topic, kinds)
        self._follow()

    def _offer(self, shown: str, topic: str, kinds: list[str]) -> None:
        if len(kinds) > 1:
            self._tell(shown, f"is published as {' and as '.join(kinds)}")
            return
        try:
            definition = full_definition(kinds[0], definition_file)
            self._topics[shown] = LiveTopic(
                self, topic, kinds[0], partial(self._server.send, shown)
            )
        except DefinitionNotFound as error:
            self._tell(shown, str(error))
            return
        self._faults.pop(shown, None)
        self._server.offer(shown, kinds[0], definition)

    def _withdraw(self, shown: str) -> None:
        topic = self._topics.pop(shown, None)
        if topic is not None:
            topic.close()
            self._server.withdraw(shown)
            self._audience.forget(shown)

    def _tell(self, shown: str, fault: str) -> None:
        if self._faults.get(shown) != fault:
            self._faults[shown] = fault
            self.get_logger().error(f"topic {self._names[shown]} cannot be shown: {fault}")

    def _follow(self) -> None:
        """Listen to what viewers look at, and to nothing else."""
        newcomers = self._audience.take_newcomers()
        for shown, topic in self._topics.items():
            topic.follow(wanted=self._audience.looks_at(shown))
            if shown in newcomers:
                topic.repeat_latched()
