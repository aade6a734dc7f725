"""Build description of polytask_xarm_driver."""

from setuptools import find_packages, setup

PACKAGE = "polytask_xarm_driver"

setup(
    name=PACKAGE,
    version="0.1.0",
    packages=find_packages(include=[PACKAGE, f"{PACKAGE}.*"]),
    package_data={
        PACKAGE: ["py.typed", "joysticks/*.yaml", "robots/*.yaml"],
        f"{PACKAGE}.ros": ["*.yaml"],
    },
    data_files=[
        ("share/ament_index/resource_index/packages", [f"resource/{PACKAGE}"]),
        (f"share/{PACKAGE}", ["package.xml"]),
    ],
    install_requires=[
        "setuptools",
        "av",
        "dm-env",
        "evdev-binary",
        "mcap",
        "numpy",
        "pillow",
        "PyYAML",
        "xarm-python-sdk",
    ],
    zip_safe=False,
    maintainer="PolyTask maintainers",
    maintainer_email="maintainers@polytask.invalid",
    description="A UFACTORY xArm 7, its camera, a joystick and a recorder for PolyTask.",
    license="Apache-2.0",
    entry_points={
        "console_scripts": [
            "arm = polytask_xarm_driver.ros.arm_node:main",
            "camera = polytask_xarm_driver.ros.camera_node:main",
            "joystick = polytask_xarm_driver.ros.joystick_node:main",
            "live = polytask_xarm_driver.ros.live_node:main",
            "recorder = polytask_xarm_driver.ros.recorder_node:main",
            "robot_environment = polytask_xarm_driver.ros.robot_environment_node:main",
            "teleop = polytask_xarm_driver.ros.teleop_node:main",
        ],
    },
)
