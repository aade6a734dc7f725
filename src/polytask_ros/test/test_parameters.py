"""Parameters are what their schema says, and a wrong one is named before a node does anything."""

import pytest
import rclpy
import yaml
from rclpy.parameter import Parameter

from polytask_ros import parameters
from polytask_ros.parameters import (
    InvalidParameter,
    InvalidSchema,
    declare_parameters,
    read_schema,
    refuse_undeclared,
)

SCHEMA = """
example:
  name: {type: string, default_value: one, description: "Which.",
         validation: {one_of<>: [[one, two]]}}
  count: {type: int, default_value: 3, description: "How many [-].", validation: {bounds<>: [1, 5]}}
  limits:
    speed: {type: double, description: "How fast [m/s].", validation: {gt<>: [0.0]}}
    joints: {type: double_array, default_value: [0.5, 1.0], description: "Each [rad].",
             validation: {fixed_size<>: [2], element_bounds<>: [0.0, 3.2]}}
  fixed: {type: bool, default_value: true, read_only: true, description: "Never changes."}
"""


@pytest.fixture
def schema(monkeypatch):
    class Folder:
        text = SCHEMA

        def joinpath(self, _name):
            return self

        def read_text(self, encoding):
            assert encoding == "utf-8"
            return self.text

    folder = Folder()
    monkeypatch.setattr(parameters, "files", lambda _package: folder)
    return folder


@pytest.fixture
def declared(schema):  # noqa: ARG001  # the schema file is replaced by it
    nodes = []
    rclpy.init()

    def declare(**values):
        overrides = [
            Parameter(name.replace("__", "."), value=value) for name, value in values.items()
        ]
        node = rclpy.create_node("example", parameter_overrides=overrides)
        nodes.append(node)
        return node, declare_parameters(node, "any", "any.yaml")

    yield declare
    for node in nodes:
        node.destroy_node()
    rclpy.shutdown()


def test_values_are_defaults_or_what_was_given(declared):
    _, values = declared(limits__speed=0.25, count=5)
    assert values["name"] == "one"
    assert values["count"] == 5
    assert values["limits.speed"] == 0.25
    assert list(values["limits.joints"]) == [0.5, 1.0]


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({}, "limits.speed is missing; valid: above 0.0"),
        ({"limits__speed": 0.0}, "limits.speed is 0.0; valid: above 0.0"),
        ({"limits__speed": 1.0, "name": "six"}, r"name is 'six'; valid: one of \['one', 'two'\]"),
        ({"limits__speed": 1.0, "count": 6}, "count.*valid: from 1 to 5"),
        ({"limits__speed": 1.0, "count": "many"}, "count is of another type; valid: int"),
        ({"limits__speed": 1.0, "limits__joints": [1.0]}, "joints.*valid: 2 values"),
        ({"limits__speed": 1.0, "limits__joints": [1.0, 9.0]}, "valid: each from 0.0 to 3.2"),
    ],
)
def test_a_wrong_value_is_named_with_the_valid_ones(declared, given, text):
    with pytest.raises(InvalidParameter, match=text):
        declared(**given)


def test_a_parameter_nobody_declares_is_refused(declared):
    node, _ = declared(limits__speed=1.0, limits__sped=2.0)
    with pytest.raises(InvalidParameter, match=r"'limits.sped'; valid: .*limits.speed"):
        refuse_undeclared(node)
    node, _ = declared(limits__speed=1.0)
    refuse_undeclared(node)


def test_later_changes_are_held_to_the_same_rules(declared):
    node, _ = declared(limits__speed=1.0)
    refused = node.set_parameters([Parameter("name", value="six")])[0]
    assert not refused.successful
    assert "valid: one of" in refused.reason
    assert not node.set_parameters([Parameter("fixed", value=False)])[0].successful
    assert node.set_parameters([Parameter("name", value="two")])[0].successful


def test_a_descriptor_documents_and_bounds(declared):
    node, _ = declared(limits__speed=1.0)
    descriptor = node.describe_parameter("count")
    assert descriptor.description == "How many [-]."
    assert (descriptor.integer_range[0].from_value, descriptor.integer_range[0].to_value) == (1, 5)
    assert node.describe_parameter("fixed").read_only
    assert node.describe_parameter("limits.speed").additional_constraints == "above 0.0"


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"description": ""}, "count has no description"),
        ({"type": "number"}, "'number'; valid: bool, int"),
        ({"validation": {"between": [1, 2]}}, "'between'; valid: bounds<>"),
    ],
)
def test_an_incomplete_schema_is_refused(schema, change, text):
    entries = yaml.safe_load(SCHEMA)
    entries["example"]["count"].update(change)
    schema.text = yaml.safe_dump(entries)
    with pytest.raises(InvalidSchema, match=text):
        read_schema("any", "any.yaml")


def test_a_default_against_its_own_rules_is_refused(schema):
    schema.text = SCHEMA.replace("default_value: 3", "default_value: 9")
    with pytest.raises(InvalidParameter, match="count is 9; valid: from 1 to 5"):
        read_schema("any", "any.yaml")


def test_a_file_of_two_nodes_is_refused(schema):
    schema.text = "one: {}\ntwo: {}\n"
    with pytest.raises(InvalidSchema, match="exactly one"):
        read_schema("any", "any.yaml")
