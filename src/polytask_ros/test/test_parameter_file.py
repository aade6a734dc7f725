"""A file of parameters is refused where ROS would pass over a part of it in silence."""

import pytest
import rclpy
from rclpy.context import Context

from polytask_ros.parameter_file import InvalidParameterFile, check_parameter_file

NODES = {"arm": ("address",), "camera": ()}
SECTIONS = {
    "arm": "arm:\n  ros__parameters: {speed: 0.1}\n",
    "/arm": "/arm:\n  ros__parameters: {speed: 0.1}\n",
    "/left/arm": "/left/arm:\n  ros__parameters: {speed: 0.1}\n",
    "left: arm": "left:\n  arm:\n    ros__parameters: {speed: 0.1}\n",
    "/a/b/arm": "/a/b/arm:\n  ros__parameters: {speed: 0.1}\n",
    "/**/arm": "/**/arm:\n  ros__parameters: {speed: 0.1}\n",
    "/*/arm": "/*/arm:\n  ros__parameters: {speed: 0.1}\n",
    "/a/**/arm": "/a/**/arm:\n  ros__parameters: {speed: 0.1}\n",
}


def what_ros_takes(path, namespace):
    """Return the parameters of the file that a node `arm` in `namespace` would be given."""
    context = Context()
    rclpy.init(args=["--ros-args", "--params-file", str(path)], context=context)
    try:
        node = rclpy.create_node("arm", namespace=namespace, context=context)
        taken = {name: value.value for name, value in node._parameter_overrides.items()}
        node.destroy_node()
        return taken
    finally:
        context.try_shutdown()


@pytest.mark.parametrize("namespace", ["", "/", "left", "/left", "a/b", "/a/b/c"])
@pytest.mark.parametrize("section", SECTIONS)
def test_a_section_is_valid_exactly_where_ros_takes_it(tmp_path, section, namespace):
    path = tmp_path / "lab.yaml"
    path.write_text(SECTIONS[section])
    rooted = f"/{namespace.strip('/')}"
    taken = what_ros_takes(path, rooted)
    if taken:
        check_parameter_file(path, namespace, NODES)
    else:
        with pytest.raises(InvalidParameterFile, match="of which none is for /"):
            check_parameter_file(path, namespace, NODES)


def test_both_answers_occur(tmp_path):
    path = tmp_path / "lab.yaml"
    path.write_text(SECTIONS["arm"])
    assert what_ros_takes(path, "/") == {"speed": 0.1}
    assert what_ros_takes(path, "/left") == {}


def test_a_file_may_be_for_two_robots(tmp_path):
    path = tmp_path / "lab.yaml"
    path.write_text(SECTIONS["/left/arm"] + SECTIONS["/a/b/arm"])
    check_parameter_file(path, "left", NODES)
    check_parameter_file(path, "/a/b", NODES)
    with pytest.raises(InvalidParameterFile) as caught:
        check_parameter_file(path, "right", NODES)
    assert str(caught.value) == (
        f"{path} has '/left/arm' and '/a/b/arm', of which none is for /right/arm; valid: "
        "/right/arm, or /**/arm for that of every robot"
    )


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("/**/arn:\n  ros__parameters: {}\n", "has a section '/**/arn', which is for no node; "),
        ("/**:\n  ros__parameters: {}\n", "has a section '/**', which is for no node; "),
        ("ros__parameters: {}\n", "has a section '', which is for no node; "),
        (
            "/**/arm:\n  ros__parameters: {speed: 0.1, address: 127.0.0.1}\n",
            "sets address of arm, which no file may; see the arguments",
        ),
        ("", "has no section; valid: such as /**/arm"),
        ("/**/arm:\n  speed: 0.1\n", "has no section; valid: such as /**/arm"),
        ("- speed\n", "has no section; valid: such as /**/arm"),
        ("a: [\n", "is not YAML: while parsing a flow node"),
    ],
)
def test_what_no_node_would_take_is_refused_in_one_sentence(tmp_path, text, sentence):
    path = tmp_path / "lab.yaml"
    path.write_text(text)
    with pytest.raises(InvalidParameterFile) as caught:
        check_parameter_file(path, "", NODES)
    assert str(caught.value).startswith(f"{path} {sentence}")
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path):
    path = tmp_path / "none.yaml"
    with pytest.raises(InvalidParameterFile) as caught:
        check_parameter_file(path, "", NODES)
    assert str(caught.value) == f"{path} cannot be read: No such file or directory"


def test_a_file_that_is_not_text_is_refused(tmp_path):
    path = tmp_path / "lab.yaml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InvalidParameterFile, match="is not YAML"):
        check_parameter_file(path, "", NODES)
