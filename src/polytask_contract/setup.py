"""Build description of polytask_contract."""

from setuptools import setup

PACKAGE = "polytask_contract"

setup(
    name=PACKAGE,
    version="0.1.0",
    packages=[PACKAGE],
    package_data={PACKAGE: ["py.typed"]},
    data_files=[
        ("share/ament_index/resource_index/packages", [f"resource/{PACKAGE}"]),
        (f"share/{PACKAGE}", ["package.xml"]),
    ],
    install_requires=["setuptools", "dm-env", "numpy"],
    zip_safe=False,
    maintainer="PolyTask maintainers",
    maintainer_email="maintainers@polytask.invalid",
    description="What every side of PolyTask agrees on, without ROS.",
    license="Apache-2.0",
)
