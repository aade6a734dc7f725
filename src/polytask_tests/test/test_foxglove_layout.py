"""What the layouts of Foxglove and RViz name is there: every topic, every field, every panel."""

import json
import re
from pathlib import Path

import pytest
import yaml
from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import PoseStamped
from sensor_msgs.msg import Image
from visualization_msgs.msg import MarkerArray

from polytask_msgs.msg import ArmStatus, LearningStatus, Observation
from polytask_ros import names
from polytask_ros.parameters import read_schema

CONFIG = Path(__file__).resolve().parents[3] / "config"
LAYOUTS = sorted((CONFIG / "foxglove").glob("*.json"))
RVIZ = CONFIG / "rviz" / "polytask.rviz"
# What is said on the topics that the layouts show.
TYPES = {
    names.CAMERA_IMAGE: Image,
    names.TOOL_POSE: PoseStamped,
    names.MARKERS: MarkerArray,
    names.ARM_STATUS: ArmStatus,
    names.LEARNER_STATUS: LearningStatus,
    names.OBSERVATION: Observation,
    names.DIAGNOSTICS: DiagnosticArray,
}
# Foxglove calls its panels so, and its SDK calls their settings so.
PANELS = {
    "3D": "ThreeDeeConfig",
    "DiagnosticSummary": "DiagnosticsSummaryConfig",
    "Image": "ImageConfig",
    "Markdown": "MarkdownConfig",
    "Plot": "PlotConfig",
    "RawMessages": "RawMessagesConfig",
    "StateTransitions": "StateTransitionsConfig",
}
# What Foxglove itself writes into files of this form beside that.
WRITTEN_BESIDE = {"foxglovePanelTitle", "cameraState", "followMode", "imageMode", "publish"}
TOPIC = re.compile(r"/[a-z][a-z0-9_/]*")


def topic_types():
    """Return the messages of the topics, by the names that a viewer knows."""
    return {f"/{name.lstrip('/')}": kind for name, kind in TYPES.items()}


def strings(thing):
    """Return every text that stands in JSON, keys as well."""
    if isinstance(thing, dict):
        return [text for pair in thing.items() for one in pair for text in strings(one)]
    if isinstance(thing, list):
        return [text for one in thing for text in strings(one)]
    return [thing] if isinstance(thing, str) else []


def faults(path):
    """Return what is wrong with a message path such as /learner/status.header.stamp."""
    topic, *fields = path.split(".")
    if topic not in topic_types():
        return [f"{topic} is no topic"]
    kind = topic_types()[topic]
    for field in fields:
        known = getattr(kind, "get_fields_and_field_types", dict)()
        if field not in known:
            return [f"{path}: {field} is no field"]
        kind = type(getattr(kind(), field))
    return []


def leaves(layout):
    """Return the panels that a layout places, each as often as it stands there."""
    if isinstance(layout, str):
        return [layout]
    assert set(layout) == {"direction", "splitPercentage", "first", "second"}
    assert layout["direction"] in {"row", "column"}
    assert 0 < layout["splitPercentage"] < 100
    return [*leaves(layout["first"]), *leaves(layout["second"])]


@pytest.fixture(params=LAYOUTS, ids=lambda path: path.stem)
def layout(request):
    return json.loads(request.param.read_text(encoding="utf-8"))


def test_there_is_a_layout():
    assert [path.stem for path in LAYOUTS] == ["polytask"]


def test_a_layout_is_of_the_form_that_foxglove_imports(layout):
    assert set(layout) == {
        *("configById", "globalVariables", "layout", "playbackConfig", "userNodes"),
    }
    assert sorted(leaves(layout["layout"])) == sorted(layout["configById"])
    assert {name.split("!")[0] for name in layout["configById"]} == set(PANELS)
    for panel, config in layout["configById"].items():
        assert "!" in panel
        assert config["foxglovePanelTitle"]


def test_a_panel_has_no_setting_that_foxglove_does_not_know(layout):
    known = pytest.importorskip("foxglove.layouts", reason="requirements/live.txt names it")

    def settings(kind):
        return set(getattr(known, kind)()._to_dict())

    for panel, config in layout["configById"].items():
        assert set(config) - WRITTEN_BESIDE <= settings(PANELS[panel.split("!")[0]]), panel
        for path in config.get("paths", []):
            series = "PlotSeries" if panel.startswith("Plot") else "StateTransitionsSeries"
            assert set(path) <= settings(series)
    scene = layout["configById"]["3D!table"]
    assert set(scene["cameraState"]) <= settings("ThreeDeeCameraState")
    assert set(scene["layers"]["table"]) <= settings("BaseRendererGridLayerSettings")
    assert set(scene["topics"]["/arm/tool_pose"]) <= settings("BaseRendererPoseTopicSettings")


def test_every_topic_and_every_field_of_a_layout_is_there(layout):
    paths = [text for text in strings(layout) if TOPIC.match(text)]
    assert {path.split(".")[0] for path in paths} == set(topic_types())
    assert [fault for path in paths for fault in faults(path)] == []
    known = {f"/{name.lstrip('/')}" for key, name in vars(names).items() if key.isupper()}
    assert set(topic_types()) <= known


@pytest.mark.parametrize(
    "path", ["/learner/success", "/learner/status.succes", "/learner/status.header.stamp.minutes"]
)
def test_a_path_that_leads_nowhere_is_found(path):
    assert len(faults(path)) == 1


def test_a_field_within_a_field_is_found():
    assert faults("/learner/status.header.stamp.sec") == []


def test_what_a_layout_shows_is_served_by_default():
    (topics,) = [
        declared.default
        for declared in read_schema("polytask_xarm_driver.ros", "live.yaml")
        if declared.name == "topics"
    ]
    assert set(TYPES) <= set(topics)
    assert set(topics) <= {name for key, name in vars(names).items() if key.isupper()}


def test_rviz_shows_topics_that_are_there_in_the_frame_of_the_base():
    manager = yaml.safe_load(RVIZ.read_text(encoding="utf-8"))["Visualization Manager"]
    topics = {
        display["Topic"]["Value"]: display["Topic"]
        for display in manager["Displays"]
        if "Topic" in display
    }
    assert set(topics) == {
        f"/{name}" for name in (names.CAMERA_IMAGE, names.MARKERS, names.TOOL_POSE)
    }
    # What is latched is missed otherwise by whoever comes late.
    assert topics[f"/{names.MARKERS}"]["Durability Policy"] == "Transient Local"
    base = next(
        declared.default
        for declared in read_schema("polytask_xarm_driver.ros", "arm.yaml")
        if declared.name == "base_frame"
    )
    assert manager["Global Options"]["Fixed Frame"] == base
    layout = json.loads((CONFIG / "foxglove" / "polytask.json").read_text(encoding="utf-8"))
    assert layout["configById"]["3D!table"]["followTf"] == base
