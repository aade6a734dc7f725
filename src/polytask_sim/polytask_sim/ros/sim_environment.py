"""Any suite over ROS."""

from polytask_contract.specification import Observations
from polytask_contract.suites import find_suite
from polytask_ros.environment_server import EnvironmentServer
from polytask_ros.parameters import declare_parameters
from polytask_sim.suite_world import SuiteWorld


class SimEnvironment(EnvironmentServer):
    """Serves the suite that its parameters name."""

    def __init__(self) -> None:
        """Open the node `sim_environment`; raise PolyTaskError for a bad parameter."""
        super().__init__("sim_environment")

    def make_world(self) -> SuiteWorld:
        """Return the suite's world with the observations asked for."""
        settings = declare_parameters(self, "polytask_sim.ros", "sim_environment.yaml")
        rows, columns = settings["image_height"], settings["image_width"]
        image = (rows, columns) if rows or columns else None
        observations = Observations(state=settings["state"], image=image)
        return SuiteWorld(find_suite(settings["suite"]), observations)
