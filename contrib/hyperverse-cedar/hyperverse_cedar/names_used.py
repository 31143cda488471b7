"""The names that a policy uses: the particles whose records it reads, their properties, the context, and single
actions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

import attrs

from hyperverse_core.errors import BadRequest, did_you_mean
from hyperverse_core.values import Point

from .vocabulary import ACTION, ATTRIBUTES, COMMANDS, CONTEXT, GROUPS, PARTICLE, is_action

__all__ = ["Chain", "Misuse", "Uses", "names_used"]

Chain: TypeAlias = tuple[str, ...]
"""The path of a policy to a particle: ``principal``, ``resource`` or a point, then ``owner`` and ``parent``."""
Node: TypeAlias = Any
"""A part of a policy in Cedar's JSON format."""

_STEPS = ("owner", "parent")
_MAPS = ("properties", "numbers")
_VARIABLES = ("principal", "resource")


class Misuse(ValueError):
    """A policy that can be parsed, but has no meaning here.

    Args:
        what: what is wrong.
        word: the wrong word of the policy, to find its line.
    """

    def __init__(self, what: str, word: str) -> None:
        super().__init__(what)
        self.word = word


@attrs.define
class Uses:
    """The names that one or several policies use.

    Attributes:
        read: the particles whose records are read. It includes the shorter chains that lead to each chain.
        properties: names of the properties that are read.
        context: names of the values that are read from the context.
        names_action: whether a single action is named, not only groups of actions.
    """

    read: set[Chain] = attrs.field(factory=set)
    properties: set[str] = attrs.field(factory=set)
    context: set[str] = attrs.field(factory=set)
    names_action: bool = False

    def add(self, other: Uses) -> None:
        """Adds the names that ``other`` uses."""
        self.read |= other.read
        self.properties |= other.properties
        self.context |= other.context
        self.names_action |= other.names_action


def names_used(policy: Mapping[str, Any]) -> Uses:
    """Returns the names that a policy in Cedar's JSON format uses.

    Raises:
        Misuse: it names a type, an attribute, an action or a point that does not exist, or an attribute of an
            expression that does not identify a particle.
    """
    uses = Uses()
    for variable in ("principal", "action", "resource"):
        for node in _constraints(policy[variable]):
            _check_uid(node, uses)
    for condition in policy["conditions"]:
        _walk(condition["body"], uses)
    return uses


def _constraints(constraint: Node) -> Iterator[Node]:
    """The entities that a constraint of the scope names. Raises Misuse for a type that does not exist."""
    if "entity_type" in constraint:
        _check_type(constraint["entity_type"])
        if "in" in constraint:
            yield constraint["in"]["entity"]
    if "entity" in constraint:
        yield constraint["entity"]
    yield from constraint.get("entities", ())


def _walk(node: Node, uses: Uses) -> None:
    if isinstance(node, list):
        for part in node:
            _walk(part, uses)
    elif isinstance(node, dict):
        ((operator, of),) = node.items() if len(node) == 1 else (("", node),)
        if operator in (".", "has"):
            _attribute(operator, of["left"], of["attr"], uses)
        elif operator == "Var":
            _variable(str(of), uses)
        elif operator == "Value":
            _value(of, uses)
        elif operator in ("hasTag", "getTag"):
            raise Misuse("a particle has no tags; it has `properties`", operator)
        elif operator == "is":
            _check_type(of["entity_type"])
            _walk([of["left"], of.get("in", [])], uses)
        elif operator == "Record":
            _walk(list(of.values()), uses)
        else:
            _walk(list(of.values()) if isinstance(of, dict) else of, uses)


def _attribute(operator: str, left: Node, name: str, uses: Uses) -> None:
    """``left.name``, or ``left has name``."""
    chain = _chain(left)
    if chain is not None:
        if name not in ATTRIBUTES:
            raise Misuse(
                f"a particle has no attribute {name!r}; it has {', '.join(ATTRIBUTES)}{did_you_mean(name, ATTRIBUTES)}",
                name,
            )
        if operator == "." and name in _MAPS:
            raise Misuse(f"`{name}` needs the name of a property, as in `{name}.level`", name)
        uses.read.add(chain)
        _walk(left, uses)
        return
    owner_of_map = _of_map(left)
    if owner_of_map is not None:
        uses.read.add(owner_of_map)
        uses.properties.add(name)
        _walk(left["."]["left"], uses)
    elif left == {"Var": "context"}:
        if name not in CONTEXT:
            raise Misuse(f"the context has no {name!r}; it has {', '.join(CONTEXT)}{did_you_mean(name, CONTEXT)}", name)
        uses.context.add(name)
    elif isinstance(left, dict) and "Record" in left:
        _walk(left, uses)
    else:
        raise Misuse(
            f"it is unclear to which particle {name!r} belongs; write it after `principal`, `resource`, their "
            "`owner` or `parent`, or a point",
            name,
        )


def _chain(node: Node) -> Chain | None:
    """Returns the path of a policy to the particle that ``node`` identifies; None if it identifies none."""
    if not isinstance(node, dict):
        return None
    if node.get("Var") in _VARIABLES:
        return (node["Var"],)
    uid = node["Value"].get("__entity") if isinstance(node.get("Value"), dict) else None
    if uid is not None and uid["type"] == PARTICLE:
        return (_point(uid["id"]),)
    step = node.get(".")
    if step is None or step["attr"] not in _STEPS:
        return None
    before = _chain(step["left"])
    return None if before is None else (*before, step["attr"])


def _of_map(node: Node) -> Chain | None:
    """Returns the particle whose ``properties`` or ``numbers`` the ``node`` is; None if it is something else."""
    step = node.get(".") if isinstance(node, dict) else None
    return _chain(step["left"]) if step is not None and step["attr"] in _MAPS else None


def _variable(name: str, uses: Uses) -> None:
    if name == "context":
        raise Misuse(f"`context` needs a name, one of {', '.join(CONTEXT)}", name)
    if name == "action":
        uses.names_action = True


def _value(value: Node, uses: Uses) -> None:
    if isinstance(value, dict) and "__entity" in value:
        _check_uid(value["__entity"], uses)


def _check_uid(uid: Node, uses: Uses) -> None:
    kind, name = uid["type"], uid["id"]
    _check_type(kind)
    if kind == PARTICLE:
        _point(name)
    elif name not in GROUPS:
        if not is_action(name):
            known = (*GROUPS, *COMMANDS)
            raise Misuse(
                f"there is no action {name!r}; an action is a method such as Ext<Add>, a command such as "
                f"{COMMANDS[0]}, or a group such as {GROUPS[0]}{did_you_mean(name, known)}",
                name,
            )
        uses.names_action = True


def _check_type(name: str) -> None:
    if name in (PARTICLE, ACTION):
        return
    raise Misuse(
        f"there is no type {name!r}: every particle is a {PARTICLE}, and `principal.base` is its Kind",
        name.rpartition("::")[2],
    )


def _point(text: str) -> str:
    try:
        if Point.parse(text).text == text:
            return text
    except BadRequest as exc:
        raise Misuse(f"{text!r} is not a point: {exc.message}", text) from exc
    raise Misuse(f"the point {text!r} must be written as {Point.parse(text).text!r}", text)
