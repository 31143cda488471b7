"""Commands that make particles: create and publish. docs/reference/commands.md#particles."""

from __future__ import annotations

from typing import Generic, TypeVar

import attrs

from ...errors import BadRequest
from ..address.env import Env
from ..address.point import Point
from ..address.point_template import PointTemplate, ResolvedTemplate
from ..address.template import PointVar
from ..kind_defs.kind_template import KindTemplate
from ..kind_defs.properties import PropertyChange
from .body import Upload, print_body
from .command_parts import P, content_of, names_of, print_changes
from .strategy import Strategy

__all__ = ["Create", "Publish"]


W = TypeVar("W", PointTemplate, ResolvedTemplate)
"""The place of a particle to create: a template, or an absolute parent and a child."""


@attrs.frozen
class Create(Generic[W]):
    """Creates a particle: ``create[?|!] POINT<KIND>{ ... }``.

    Attributes:
        where: the point to create. A ``%`` in its last segment stands for the parent's next sequence number.
        kind: the Kind of the particle.
        properties: its properties.
        strategy: what to do if it exists already.
        state: the state with which it starts, as the content of a file; None for no state. The text of the command does
            not contain it.
    """

    where: W
    kind: KindTemplate
    properties: tuple[PropertyChange, ...] = ()
    strategy: Strategy = Strategy.COMMIT
    state: Upload | bytes | None = attrs.field(default=None, repr=False)

    @property
    def uploads(self) -> tuple[str, ...]:
        """Names of the files that must be sent with the command."""
        return names_of(self.state)

    def resolve(self: Create[PointTemplate], env: Env) -> Create[ResolvedTemplate]:
        """Returns the command with an absolute point. Raises what `PointTemplate.resolve` and `Env.file` raise."""
        where = self.where.resolve(env)
        return Create(where, self.kind, self.properties, self.strategy, content_of(self.state, env))

    def __str__(self) -> str:
        changes = print_changes(self.properties) if self.properties else ""
        return f"create{self.strategy.mark} {_print_where(self.where)}<{self.kind}>{changes}"


@attrs.frozen
class Publish(Generic[P]):
    """Creates a Bundle from the content of a file: ``publish[?] ^[ bundle.zip ]-> POINT``.

    Attributes:
        upload: the file, or its content.
        point: the point of the Bundle. Its last segment is a version.
        strategy: what to do if it exists already.
    """

    upload: Upload | bytes = attrs.field(repr=False)
    point: P
    strategy: Strategy = Strategy.COMMIT

    @property
    def uploads(self) -> tuple[str, ...]:
        """Names of the files that must be sent with the command."""
        return names_of(self.upload)

    def resolve(self: Publish[PointVar], env: Env) -> Publish[Point]:
        """Returns the command with an absolute point and the content of the file."""
        content = content_of(self.upload, env)
        assert content is not None  # Env.file raises if the content is missing
        return Publish(content, self.point.resolve(env), self.strategy)

    def as_create(self: Publish[Point]) -> Create[ResolvedTemplate]:
        """Returns the `Create` that does the same. Raises BadRequest if the point is ROOT."""
        parent = self.point.parent
        if parent is None:
            raise BadRequest("a bundle cannot be ROOT", hint="publish ^[ bundle.zip ]-> localhost:repo:my:1.0.0")
        where = ResolvedTemplate(parent, self.point.name)
        return Create(where, KindTemplate("Bundle"), (), self.strategy, self.upload)

    def __str__(self) -> str:
        return f"publish{self.strategy.mark} {print_body(self.upload)}-> {self.point}"


def _print_where(where: PointTemplate | ResolvedTemplate) -> str:
    if isinstance(where, PointTemplate):
        return str(where)
    parent = where.parent
    if parent.is_root:
        return f"{parent.route.prefix}{where.child}"
    return f"{parent}{where.child}" if parent.text.endswith("/") else f"{parent}:{where.child}"
