"""Build description of polytask_tests."""

from setuptools import setup

PACKAGE = "polytask_tests"

setup(
    name=PACKAGE,
    version="0.1.0",
    packages=[PACKAGE],
    package_data={PACKAGE: ["py.typed"]},
    data_files=[
        ("share/ament_index/resource_index/packages", [f"resource/{PACKAGE}"]),
        (f"share/{PACKAGE}", ["package.xml"]),
    ],
    install_requires=["setuptools"],
    zip_safe=False,
    maintainer="PolyTask maintainers",
    maintainer_email="maintainers@polytask.invalid",
    description="System tests across the packages of PolyTask.",
    license="Apache-2.0",
)
