"""Node parameters as data: a YAML file in generate_parameter_library's schema.

Each file next to a node holds one top-level key, under which every parameter states its `type`,
`default_value`, `description`, optionally `read_only`, and a `validation` of it. Groups nest, and
their parameters are called `group.name`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from typing import Any

import yaml
from rcl_interfaces.msg import (
    FloatingPointRange,
    IntegerRange,
    ParameterDescriptor,
    SetParametersResult,
)
from rclpy.exceptions import (
    InvalidParameterTypeException,
    InvalidParameterValueException,
    ParameterUninitializedException,
)
from rclpy.node import Node
from rclpy.parameter import Parameter

from polytask_contract.errors import PolyTaskError

TYPES = {
    "bool": Parameter.Type.BOOL,
    "int": Parameter.Type.INTEGER,
    "double": Parameter.Type.DOUBLE,
    "string": Parameter.Type.STRING,
    "bool_array": Parameter.Type.BOOL_ARRAY,
    "int_array": Parameter.Type.INTEGER_ARRAY,
    "double_array": Parameter.Type.DOUBLE_ARRAY,
    "string_array": Parameter.Type.STRING_ARRAY,
}

# Each answers "what is valid" for the arguments of a rule, and whether a value is.
Rule = tuple[Callable[..., bool], str]
RULES: dict[str, Rule] = {
    "bounds<>": (lambda value, low, high: low <= value <= high, "from {} to {}"),
    "gt<>": (lambda value, low: value > low, "above {}"),
    "gt_eq<>": (lambda value, low: value >= low, "at least {}"),
    "lt<>": (lambda value, high: value < high, "below {}"),
    "lt_eq<>": (lambda value, high: value <= high, "at most {}"),
    "one_of<>": (lambda value, valid: value in valid, "one of {}"),
    "not_empty<>": (lambda value: len(value) > 0, "not empty"),
    "fixed_size<>": (lambda value, size: len(value) == size, "{} values"),
    "element_bounds<>": (
        lambda value, low, high: all(low <= element <= high for element in value),
        "each from {} to {}",
    ),
    "unique<>": (lambda value: len(set(value)) == len(value), "each value once"),
}


class InvalidParameter(PolyTaskError):
    """A parameter has a value that its schema forbids, or nobody declares it."""


class InvalidSchema(PolyTaskError):
    """A schema file does not describe its parameters fully."""


@dataclass(frozen=True)
class Declaration:
    """One parameter as its schema states it."""

    name: str
    type: str
    default: Any
    description: str
    read_only: bool
    validation: Mapping[str, Sequence[Any]]

    def __post_init__(self) -> None:
        """Refuse what is not documented, of unknown type or of unknown rules."""
        if self.type not in TYPES:
            raise InvalidSchema(f"{self.name} has type {self.type!r}; valid: {', '.join(TYPES)}")
        if not self.description:
            raise InvalidSchema(f"{self.name} has no description")
        unknown = sorted(set(self.validation) - set(RULES))
        if unknown:
            raise InvalidSchema(f"{self.name} has rule {unknown[0]!r}; valid: {', '.join(RULES)}")
        if self.default is not None:
            self.check(self.default)

    def check(self, value: Any) -> None:
        """Raise InvalidParameter when `value` breaks a rule."""
        for rule, arguments in self.validation.items():
            holds, valid = RULES[rule]
            if not holds(value, *arguments):
                expected = valid.format(*arguments)
                raise InvalidParameter(f"parameter {self.name} is {value!r}; valid: {expected}")

    def descriptor(self) -> ParameterDescriptor:
        """Return what `ros2 param describe` shows."""
        described = ParameterDescriptor(
            name=self.name,
            type=TYPES[self.type].value,
            description=self.description,
            read_only=self.read_only,
            additional_constraints=self.constraints(),
        )
        bounds = self.validation.get("bounds<>")
        if bounds and self.type == "int":
            described.integer_range = [IntegerRange(from_value=bounds[0], to_value=bounds[1])]
        elif bounds and self.type == "double":
            low, high = map(float, bounds)
            described.floating_point_range = [FloatingPointRange(from_value=low, to_value=high)]
        return described

    def constraints(self) -> str:
        """Return every rule in words."""
        rules = (RULES[rule][1].format(*given) for rule, given in self.validation.items())
        return "; ".join(rules)


def read_schema(package: str, file: str) -> list[Declaration]:
    """Return the parameters that `file`, inside the Python package `package`, declares."""
    schema = yaml.safe_load(files(package).joinpath(file).read_text(encoding="utf-8"))
    if not isinstance(schema, dict) or len(schema) != 1:
        raise InvalidSchema(f"{file} must hold exactly one top-level key")
    return list(_declarations("", next(iter(schema.values()))))


def _declarations(prefix: str, group: Mapping[str, Any]) -> Iterator[Declaration]:
    for name, entry in group.items():
        if "type" not in entry:
            yield from _declarations(f"{prefix}{name}.", entry)
            continue
        yield Declaration(
            name=prefix + name,
            type=entry["type"],
            default=entry.get("default_value"),
            description=entry.get("description", ""),
            read_only=entry.get("read_only", False),
            validation=entry.get("validation", {}),
        )


def declare_parameters(
    node: Node, package: str, file: str, defaults: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Declare every parameter of a schema on `node` and return their values.

    `defaults` take the place of the schema's, where a node shares it and knows better. Raise
    InvalidParameter for a value of another type or against a rule, and for a missing one that has
    no default. Later changes are held to the same rules.
    """
    declarations = {declaration.name: declaration for declaration in read_schema(package, file)}
    for name, default in (defaults or {}).items():
        declarations[name] = replace(declarations[name], default=default)
    values = {name: _declare(node, entry) for name, entry in declarations.items()}

    def check(changed: list[Parameter]) -> SetParametersResult:
        try:
            for parameter in changed:
                if parameter.name in declarations:
                    declarations[parameter.name].check(parameter.value)
        except InvalidParameter as error:
            return SetParametersResult(successful=False, reason=str(error))
        return SetParametersResult(successful=True)

    node.add_on_set_parameters_callback(check)
    return values


def _declare(node: Node, declaration: Declaration) -> Any:
    default = TYPES[declaration.type] if declaration.default is None else declaration.default
    try:
        node.declare_parameter(declaration.name, default, declaration.descriptor())
        value = node.get_parameter(declaration.name).value
    except ParameterUninitializedException:
        text = f"parameter {declaration.name} is missing; valid: {declaration.constraints()}"
        raise InvalidParameter(text) from None
    except InvalidParameterTypeException:
        text = f"parameter {declaration.name} is of another type; valid: {declaration.type}"
        raise InvalidParameter(text) from None
    except InvalidParameterValueException as error:
        text = f"parameter {declaration.name}: {error}; valid: {declaration.constraints()}"
        raise InvalidParameter(text) from None
    declaration.check(value)
    return value


def refuse_undeclared(node: Node) -> None:
    """Raise InvalidParameter when a parameter was given that `node` has not declared.

    ROS passes over such a parameter in silence, so a misspelt limit would be no limit. Call it once
    everything is declared.
    """
    # rclpy offers no public view of the values that came with the command line and the launch file.
    given = node._parameter_overrides
    declared = sorted(node._parameters)
    unknown = sorted(name for name in given if not node.has_parameter(name))
    if unknown:
        raise InvalidParameter(
            f"no parameter is called {unknown[0]!r}; valid: {', '.join(declared)}"
        )
