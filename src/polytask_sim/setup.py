"""Build description of polytask_sim."""

from setuptools import find_packages, setup

PACKAGE = "polytask_sim"

setup(
    name=PACKAGE,
    version="0.1.0",
    packages=find_packages(include=[PACKAGE, f"{PACKAGE}.*"]),
    package_data={PACKAGE: ["py.typed"], f"{PACKAGE}.ros": ["*.yaml"]},
    data_files=[
        ("share/ament_index/resource_index/packages", [f"resource/{PACKAGE}"]),
        (f"share/{PACKAGE}", ["package.xml"]),
    ],
    install_requires=[
        "setuptools",
        "dm-env",
        "numpy",
        "pillow",
        "metaworld",
        "mujoco",
        "dm-control",
        "gymnasium-robotics",
        "farama-notifications",
    ],
    zip_safe=False,
    maintainer="PolyTask maintainers",
    maintainer_email="maintainers@polytask.invalid",
    description="Worlds of PolyTask: suites of simulated tasks.",
    license="Apache-2.0",
    entry_points={
        "polytask.suites": [
            "point = polytask_sim.suites.point:PointSuite",
            "metaworld = polytask_sim.suites.metaworld:MetaworldSuite",
            "metaworld_all = polytask_sim.suites.metaworld:MetaworldAllSuite",
            "dmc = polytask_sim.suites.dmc:DmcSuite",
            "kitchen = polytask_sim.suites.kitchen:KitchenSuite",
            "xarm = polytask_sim.suites.xarm:XarmSuite",
        ],
        "console_scripts": [
            "sim_environment = polytask_sim.ros.sim_environment_node:main",
            "xarm_emulator = polytask_sim.ros.xarm_emulator_node:main",
        ],
    },
)
