"""What a message is made of, in the text that rosbag2, rosbags and Foxglove read from an MCAP file.

A definition is the message's own file, then the file of every message inside it, however deep, each
after a line of 80 equals signs and one that names it.
"""

import re
from collections.abc import Callable, Iterator

from polytask_contract.errors import PolyTaskError

SEPARATOR = "=" * 80
# What a field is made of where it is no message.
PRIMITIVES = {
    *("bool", "byte", "char", "string", "wstring", "float32", "float64"),
    *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)),
}
# A type, perhaps bounded, perhaps an array, then a name.
FIELD = re.compile(r"\s*([\w/]+)(?:<=\d+)?(?:\[[^\]]*\])?\s+[a-zA-Z]\w*")


class DefinitionNotFound(PolyTaskError):
    """A type of message is not installed here, or is none; the message names it."""


# Returns the text of a message's file, given its package and name; raises DefinitionNotFound.
Find = Callable[[str, str], str]


def full_definition(kind: str, find: Find) -> str:
    """Return the definition of a type such as sensor_msgs/msg/Image, with all that it is made of.

    Raise DefinitionNotFound where one of them is not there.
    """
    package, name = split_type(kind)
    texts = {f"{package}/{name}": find(package, name)}
    open_ones = [f"{package}/{name}"]
    while open_ones:
        outer = open_ones.pop(0)
        for inner in _messages(texts[outer], outer.split("/")[0]):
            if inner not in texts:
                texts[inner] = find(*inner.split("/"))
                open_ones.append(inner)
    parts = iter(texts.items())
    _, first = next(parts)
    return first + "".join(f"\n{SEPARATOR}\nMSG: {name}\n{text}" for name, text in parts)


def split_type(kind: str) -> tuple[str, str]:
    """Return package and name of a type; raise DefinitionNotFound unless it is a message's."""
    parts = kind.split("/")
    if len(parts) != 3 or parts[1] != "msg":
        raise DefinitionNotFound(
            f"{kind!r} is no type of message; valid: such as std_msgs/msg/Bool"
        )
    return parts[0], parts[2]


def _messages(text: str, package: str) -> Iterator[str]:
    """Yield the messages that the fields of a file of `package` are, as package/name."""
    for line in text.splitlines():
        field = FIELD.match(line)
        # Constants and defaults have such types only.
        if field is not None and field[1] not in PRIMITIVES:
            parts = field[1].split("/")
            yield f"{parts[0] if len(parts) > 1 else package}/{parts[-1]}"
