"""Templates of points, with variables or relative to a working point: docs/reference/points.md#templates.

A `PointVar` may contain ``${variable}``, ``.`` and ``..``. Replacing its variables by their values makes a `PointCtx`;
resolving that against a working point makes a `Point`.
"""

from __future__ import annotations

from typing import Self

import attrs

from ...errors import BadRequest, ParseError
from .address import Address, Form, fail_behind, scan_address
from .env import Env
from .point import ROOT, Point
from .route import Route, RouteKind
from .segment import Segment, SegmentKind

__all__ = ["PointCtx", "PointVar", "scan_point_var"]

_RELATIVE = (SegmentKind.WORKING, SegmentKind.POP)


@attrs.frozen
class _Relative:
    """The common part of both forms.

    Attributes:
        text: the address as printed.
        route: the part before ``::``.
        segments: all segments, including ``.``, ``..`` and variables.
    """

    text: str
    route: Route = attrs.field(eq=False)
    segments: tuple[Segment, ...] = attrs.field(eq=False)

    @classmethod
    def _of(cls, address: Address) -> Self:
        return cls(address.text, address.route, address.segments)

    def __str__(self) -> str:
        return self.text


@attrs.frozen
class PointCtx(_Relative):
    """An address that may start with ``.`` or ``..``, and is then relative to a working point."""

    @classmethod
    def parse(cls, text: str) -> PointCtx:
        """Reads ``text`` as an address that may be relative. Raises ParseError."""
        return cls._of(_whole(text, Form.CONTEXT))

    def resolve(self, working: Point) -> Point:
        """Returns the point that this address names, seen from ``working``.

        ``.`` stands for ``working``, and each ``..`` for one segment less. The route of this address replaces that of
        ``working``.

        Raises:
            BadRequest: there are more ``..`` than ``working`` has segments.
            ParseError: the names after ``.`` or ``..`` do not make a point below it.
        """
        leading = [segment for segment in self.segments if segment.kind in _RELATIVE]
        if not leading:
            return Point.parse(self.text)
        base = working if self.route.is_local else Point.parse(self.route.prefix + working.text[working.body_start :])
        for segment in leading:
            if segment.kind is SegmentKind.POP:
                base = self._pop(base, working)
        body = self.text[len(self.route.prefix) :]
        rest = body[sum(len(segment.text) + 1 for segment in leading) :]
        return base.child(rest) if rest else base

    def _pop(self, base: Point, working: Point) -> Point:
        if base.parent is None:
            raise BadRequest(
                f"{self.text!r} leads above ROOT, seen from '{working}'",
                hint=f"'{working}' has {len(working.segments)} segments",
            )
        return base.parent


@attrs.frozen
class PointVar(_Relative):
    """An address that may contain variables and may be relative, such as ``localhost:users:${user}``.

    Example:
        >>> env = Env(Point.parse("localhost:app"), {"user": "scott"})
        >>> str(PointVar.parse("..:users:${user}").resolve(env))
        'localhost:users:scott'
    """

    @classmethod
    def parse(cls, text: str) -> PointVar:
        """Reads ``text`` as a template. Raises ParseError."""
        return cls._of(_whole(text, Form.VARIABLE))

    @classmethod
    def of(cls, point: Point) -> PointVar:
        """Returns the template that always resolves to ``point``."""
        return cls(point.text, point.route, point.segments)

    @property
    def variables(self) -> tuple[str, ...]:
        """The names of the variables, in the order of the text."""
        names = [segment.text[2:-1] for segment in self.segments if segment.kind is SegmentKind.VAR]
        return (self.route.name, *names) if self.route.kind is RouteKind.VAR else tuple(names)

    def substitute(self, env: Env) -> PointCtx:
        """Returns the address with its variables replaced by their values in ``env``.

        A value may be several segments. Where the template starts with it, it may be relative. It cannot change the
        route of the template.

        Raises:
            BadRequest: a variable is not set.
            ParseError: the result is not an address.
        """
        if not self.variables:
            return PointCtx(self.text, self.route, self.segments)
        text = self.text
        for name in dict.fromkeys(self.variables):
            # Values are not searched for variables again, so a value must not contain one.
            value = env.variable(name)
            if "$" in value:
                raise ParseError(f"the variable {name!r} cannot be {value!r} here", text=value, offset=value.index("$"))
            text = text.replace(f"${{{name}}}", value)
        found = PointCtx.parse(text)
        if found.route != self._expected_route(env) and not self._starts_with_variable:
            raise ParseError(
                f"the variables of {self.text!r} make {text!r}, which has another route",
                text=text,
                hint="a value is one or more segments; it cannot contain a route",
            )
        return found

    @property
    def _starts_with_variable(self) -> bool:
        return self.route.is_local and bool(self.segments) and self.segments[0].kind is SegmentKind.VAR

    def _expected_route(self, env: Env) -> Route:
        return Route.parse(env.variable(self.route.name)) if self.route.kind is RouteKind.VAR else self.route

    def resolve(self, env: Env) -> Point:
        """Returns the point that the template names in ``env``.

        Raises:
            BadRequest: a variable is not set, or the template leads above ROOT.
            ParseError: the result is not a point.
        """
        return self.substitute(env).resolve(env.working)

    def collapse(self) -> Point:
        """Returns the point that the template names without variables, seen from ROOT.

        Raises:
            BadRequest: the template has variables, or leads above ROOT.
            ParseError: the result is not a point.
        """
        if self.variables:
            raise BadRequest(f"{self.text!r} has variables: {', '.join(self.variables)}")
        return PointCtx(self.text, self.route, self.segments).resolve(ROOT)


def _whole(text: str, form: Form) -> Address:
    address, end = scan_address(text, 0, form)
    if end < len(text):
        fail_behind(text, end)
    return address


def scan_point_var(text: str, pos: int) -> tuple[PointVar, int]:
    """Reads the template at ``pos``; returns it and the offset after it. Raises ParseError."""
    address, end = scan_address(text, pos, Form.VARIABLE)
    return PointVar(address.text, address.route, address.segments), end
