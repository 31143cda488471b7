"""From the scopes of a bind to text: one scope a level, so that what means the same is printed the same."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..text.version import Version
from .bind_scopes import Condition, MethodScope, RouteScope
from .filters import print_filters
from .pipeline import DIRECT

__all__ = ["print_bind", "print_selector"]


def print_bind(routes: Iterable[RouteScope], version: Version) -> str:
    """The document that has these routes."""
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
    """A scope's name with what it demands: ``[Topic<*>]::Route(auth)/users``."""
    topic = "" if condition.topic is None else f"[{condition.topic}]::"
    path = "" if condition.path is None else str(condition.path)
    return f"{topic}{name}{print_filters(condition.filters)}{path}"
