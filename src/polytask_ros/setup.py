"""Build description of polytask_ros."""

from setuptools import setup

PACKAGE = "polytask_ros"

setup(
    name=PACKAGE,
    version="0.1.0",
    packages=[PACKAGE],
    package_data={PACKAGE: ["py.typed", "fastdds.xml", "*.yaml"]},
    data_files=[
        ("share/ament_index/resource_index/packages", [f"resource/{PACKAGE}"]),
        (f"share/{PACKAGE}", ["package.xml"]),
    ],
    install_requires=["setuptools", "numpy", "PyYAML"],
    zip_safe=False,
    maintainer="PolyTask maintainers",
    maintainer_email="maintainers@polytask.invalid",
    description="What every PolyTask node shares.",
    license="Apache-2.0",
)
