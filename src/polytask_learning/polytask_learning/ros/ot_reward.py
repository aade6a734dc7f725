"""The node `ot_reward`: what episodes earn for matching demonstrations, for whoever asks."""

import time
from typing import Any

import torch
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from torch import Tensor

from polytask_contract.errors import PolyTaskError
from polytask_learning.compute import ComputeSettings
from polytask_learning.rewards.errors import InvalidFeatures
from polytask_learning.rewards.match import Match, best_match
from polytask_learning.rewards.matching import MATCHINGS
from polytask_learning.rewards.settings import RewardSettings
from polytask_learning.settings import InvalidSetting
from polytask_msgs.srv import ComputeReward
from polytask_ros import names, qos
from polytask_ros.messages import MalformedMessage, tensor_array, tensor_message
from polytask_ros.parameters import declare_parameters, refuse_undeclared

DIAGNOSTICS_PERIOD = 1.0
Request, Response = ComputeReward.Request, ComputeReward.Response
NAMES = {getattr(Request, name.upper()): name for name in MATCHINGS}


class OtReward(Node):  # type: ignore[misc]  # rclpy is not typed
    """Answers every request for itself: nothing is kept from one to the next.

    So any number of these nodes may serve one name, and any may be killed and started again.
    """

    def __init__(self) -> None:
        """Open the node `ot_reward`; raise PolyTaskError for a bad parameter."""
        super().__init__("ot_reward")
        settings = declare_parameters(self, "polytask_learning.ros", "ot_reward.yaml")
        refuse_undeclared(self)
        compute = ComputeSettings(device=settings["device"], threads=settings["threads"])
        compute.prepare_process()
        self._device = compute.device
        self._most_elements: int = settings["most_elements"]
        self._most_iterations: int = settings["most_iterations"]
        self._answered = self._refused = 0
        self._took = 0.0
        self._refusal = ""
        self._diagnostics = self.create_publisher(DiagnosticArray, names.DIAGNOSTICS, qos.EVENT)
        self.create_service(ComputeReward, names.COMPUTE_REWARD, self._on_request)
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(DIAGNOSTICS_PERIOD, self._diagnose, clock=steady)

    def _on_request(self, request: Any, response: Any) -> Any:
        begun = time.monotonic()
        try:
            fill(response, self._match(request))
        except PolyTaskError as error:
            self._refuse(response, str(error))
        except torch.OutOfMemoryError:
            # Who else computes there may have taken it.
            self._refuse(response, f"{self._device} has no memory left; valid: a smaller request")
        else:
            self._answered += 1
            self._refusal = ""
        self._took = time.monotonic() - begun
        return response

    def _refuse(self, response: Any, reason: str) -> None:
        self._refused += 1
        self._refusal = reason
        self.get_logger().warning(f"request refused: {reason}", throttle_duration_sec=1.0)
        response.code, response.message = Response.INVALID_GOAL, reason

    def _match(self, request: Any) -> Match:
        settings = settings_of(request, self._most_iterations)
        episode = features_of("the episode", request.trajectory)
        demonstrations = [
            features_of(f"demonstration {index}", message)
            for index, message in enumerate(request.demonstrations)
        ]
        check_size(episode, demonstrations, self._most_elements)
        return best_match(
            episode.to(self._device), [one.to(self._device) for one in demonstrations], settings
        )

    def _diagnose(self) -> None:
        values = {
            "answered": str(self._answered),
            "refused": str(self._refused),
            "time of the last one [s]": f"{self._took:.4f}",
        }
        status = DiagnosticStatus(
            level=DiagnosticStatus.OK,
            name=f"{self.get_fully_qualified_name().lstrip('/')}: requests",
            message=f"the last one was refused: {self._refusal}" if self._refusal else "answered",
            hardware_id=self._device,
            values=[KeyValue(key=key, value=value) for key, value in values.items()],
        )
        message = DiagnosticArray(status=[status])
        message.header.stamp = self.get_clock().now().to_msg()
        self._diagnostics.publish(message)


def settings_of(request: Any, most_iterations: int) -> RewardSettings:
    """Return how to match; raise InvalidSetting for what cannot be, or would take for ever."""
    if request.matching not in NAMES:
        valid = ", ".join(f"{code} ({name})" for code, name in NAMES.items())
        raise InvalidSetting(f"matching is {request.matching}; valid: {valid}")
    if request.iterations > most_iterations:
        valid = f"1 to {most_iterations}, the node's most_iterations"
        raise InvalidSetting(f"iterations is {request.iterations}; valid: {valid}")
    if not request.tolerance >= 0:
        valid = "above 0, or 0 to make all iterations"
        raise InvalidSetting(f"tolerance is {request.tolerance}; valid: {valid}")
    return RewardSettings(
        NAMES[request.matching],
        request.epsilon,
        request.iterations,
        request.tolerance or None,
        first_total=None,
    )


def features_of(whose: str, message: Any) -> Tensor:
    """Return a copy of the features in `message`; raise PolyTaskError when it holds none."""
    # More dimensions than numpy has would not come as far as its own refusal.
    if len(message.shape) != 2:
        found = f"the features of {whose} have {len(message.shape)} dimensions"
        raise InvalidFeatures(f"{found}; valid: 2, which are steps and features")
    try:
        return torch.tensor(tensor_array(message))
    except MalformedMessage as error:
        raise MalformedMessage(f"the features of {whose}: {error}") from None


def check_size(episode: Tensor, demonstrations: list[Tensor], most: int) -> None:
    """Raise InvalidFeatures where some array would have more than `most` elements.

    The shorter demonstrations are filled up, so that few bytes on the wire can become many.
    """
    longest = max(map(len, demonstrations), default=0)
    steps, size = episode.shape
    *_, second, first = sorted((steps, longest, size))
    needed = len(demonstrations) * first * second
    if needed > most:
        raise InvalidFeatures(
            f"{len(demonstrations)} demonstrations of up to {longest} steps, against an episode of "
            f"{steps} steps and {size} features, need arrays of {needed} elements; valid: up to "
            f"{most}, the node's most_elements"
        )


def fill(response: Any, match: Match) -> None:
    """Write `match` into a response, as a success."""
    response.code = Response.SUCCESS
    response.rewards = tensor_message(match.rewards.cpu().numpy())
    response.demonstration = match.demonstration
    response.distance = match.distance
    response.marginal_error = match.marginal_error
