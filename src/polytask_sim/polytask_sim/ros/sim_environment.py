"""Any suite over ROS."""

from typing import Any

from polytask_contract.errors import InvalidSpecification
from polytask_contract.specification import Observations
from polytask_contract.suites import Photographed, find_suite
from polytask_ros.environment_server import EnvironmentServer
from polytask_ros.parameters import declare_parameters
from polytask_sim.ros.sim_camera import SimCamera
from polytask_sim.suite_world import SuiteWorld


class SimEnvironment(EnvironmentServer):
    """Serves the suite that its parameters name, and a camera that looks at it."""

    def __init__(self) -> None:
        """Open the node `sim_environment`; raise PolyTaskError for a bad parameter."""
        self._camera: SimCamera | None = None
        super().__init__("sim_environment")

    def make_world(self) -> SuiteWorld:
        """Return the suite's world with the observations asked for."""
        settings = declare_parameters(self, "polytask_sim.ros", "sim_environment.yaml")
        image = picture_size(settings, "image_height", "image_width")
        observations = Observations(state=settings["state"], image=image)
        self._suite_world = SuiteWorld(find_suite(settings["suite"]), observations)
        camera = picture_size(settings, "camera.height", "camera.width")
        if camera and isinstance(self._suite_world.environment, Photographed):
            rate, full = settings["camera.rate"], settings["camera.full_quality"]
            self._camera = SimCamera(self, camera, rate, full=full)
        return self._suite_world

    def observed(self, header: Any) -> None:
        """Let the camera publish what it sees at the moment of an observation."""
        environment = self._suite_world.environment
        if self._camera is not None and isinstance(environment, Photographed):
            frame = self.get_parameter("frame_id").value
            self._camera.publish(environment, header.stamp, frame)


def picture_size(settings: dict[str, Any], height: str, width: str) -> tuple[int, int] | None:
    """Return (rows, columns) from the parameters called `height` and `width`; None when both are 0.

    Raise InvalidSpecification when only one of them is.
    """
    rows, columns = settings[height], settings[width]
    if bool(rows) != bool(columns):
        raise InvalidSpecification(
            f"{height} is {rows} and {width} is {columns}; valid: both at least 1, or both 0"
        )
    return (rows, columns) if rows else None
