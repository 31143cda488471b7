"""Prints the scopes of a bind. Each level is a scope of its own, so binds that mean the same print the same."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..text.version import Version
from .bind_scopes import Condition, MethodScope, RouteScope
from .filters import print_filters
from .pipeline import DIRECT

__all__ = ["print_bind", "print_selector"]


def print_bind(routes: Iterable[RouteScope], version: Version) -> str:
    """Returns the text of the bind with these routes."""
    lines = [f"Bind(version={version}) {{"]
    for route in routes:
        lines.append(f"  {print_selector('Route', route.condition)} {route.condition.arrow} {{")
        for wave in route.waves:
            lines.append(f"    {print_selector(wave.kind or '*', wave.condition)} {wave.condition.arrow} {{")
            lines.extend(f"      {line}" for method in wave.methods for line in _print_method(method))
            lines.append("    }")
        lines.append("  }")
    return "\n".join((*lines, "}"))


def _print_method(scope: MethodScope) -> Iterator[str]:
    selector = print_selector(scope.method.name or "*", scope.condition)
    if scope.condition.arrow == DIRECT:
        yield f"{selector} {scope.pipeline};"
    else:
        yield f"{selector} {scope.condition.arrow} {{ {scope.pipeline} }}"


def print_selector(name: str, condition: Condition) -> str:
    """Returns the name of a scope with its conditions, such as ``[Topic<*>]::Route(auth)/users``."""
    topic = "" if condition.topic is None else f"[{condition.topic}]::"
    path = "" if condition.path is None else str(condition.path)
    return f"{topic}{name}{print_filters(condition.filters)}{path}"
