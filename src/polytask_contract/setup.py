"""Build description of polytask_contract."""

from setuptools import find_packages, setup

PACKAGE = "polytask_contract"

setup(
    name=PACKAGE,
    version="0.1.0",
    packages=find_packages(include=[PACKAGE, f"{PACKAGE}.*"]),
    package_data={PACKAGE: ["py.typed"]},
    data_files=[
        ("share/ament_index/resource_index/packages", [f"resource/{PACKAGE}"]),
        (f"share/{PACKAGE}", ["package.xml"]),
    ],
    install_requires=[
        "setuptools",
        "dm-env",
        "numpy",
        "safetensors",
        "pillow",
        "av",
        "h5py",
        "pyarrow",
    ],
    zip_safe=False,
    maintainer="PolyTask maintainers",
    maintainer_email="maintainers@polytask.invalid",
    description="What every side of PolyTask agrees on, without ROS.",
    license="Apache-2.0",
    entry_points={
        "polytask.verbs": [
            "demos.collect = polytask_contract.cli.demos_collect:CollectDemonstrations",
            "demos.show = polytask_contract.cli.demos_show:ShowDemonstrations",
            "demos.export = polytask_contract.cli.demos_export:ExportDemonstrations",
            "demos.import = polytask_contract.cli.demos_import:ImportDemonstrations",
        ],
        "console_scripts": ["polytask = polytask_contract.cli.command:main"],
    },
)
