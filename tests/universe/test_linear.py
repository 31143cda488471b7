"""Long texts cost in proportion to their length: counted in executed lines, not in seconds.

Regular expressions run inside one line; those here are possessive or are anchored piece by piece, and
`tests/bench/bench_language.py` measures them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from hyperverse_core.errors import ParseError
from hyperverse_core.universe.access.permissions import Privileges
from hyperverse_core.universe.access.scope import Scope
from hyperverse_core.universe.address.point import Point
from hyperverse_core.universe.address.point_template import PointTemplate
from hyperverse_core.universe.address.template import PointVar
from hyperverse_core.universe.kinds.kind import Kind
from hyperverse_core.universe.selectors.hierarchy import Hierarchy
from hyperverse_core.universe.selectors.selector import Selector


def lines_of(act: Callable[[], object]) -> int:
    """How many lines run during ``act``."""
    count = 0

    def trace(_: FrameType, event: str, __: Any) -> Any:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        act()
    except ParseError:
        pass
    finally:
        sys.settrace(before)
    return count


_TEXTS: dict[str, tuple[Callable[[str], object], Callable[[int], str]]] = {
    "a point of many bases": (lambda t: Point.parse(t).segments, lambda n: "a" + ":b" * n),
    "a point of many directories": (lambda t: Point.parse(t).segments, lambda n: "a:/" + "b/" * n),
    "a point that goes wrong at the end": (Point.parse, lambda n: "a" + ":b" * n + ":C"),
    "a template of many variables": (PointVar.parse, lambda n: "a" + ":${b}" * n),
    "a climb": (PointVar.parse, lambda n: ".." + ":.." * n),
    "a template with a number": (PointTemplate.parse, lambda n: "a" + ":b" * n + ":c%"),
    "a selector of many hops": (Selector.parse, lambda n: "a" + ":**" * n),
    "a selector with many Kinds": (Selector.parse, lambda n: "a<B<C>>+" + ":*<B>" * n),
    "its query root": (lambda t: Selector.parse(t).query_root, lambda n: "a" + ":b" * n + ":C:d"),
    "a hierarchy": (Hierarchy.parse, lambda n: "a<A>" + ":b<B>" * n),
    "privileges": (Privileges.parse, lambda n: "a" + ", b" * n),
    "a scope": (Scope.parse, lambda n: "{priv a on b" + ", priv a on b" * n + "}"),
}


@pytest.mark.parametrize("what", _TEXTS)
def test_twice_the_text_is_at_most_twice_the_work(what: str) -> None:
    act, text = _TEXTS[what]
    short, long = (lines_of(lambda n=n: act(text(n))) for n in (1_000, 2_000))
    assert long <= 2.2 * short + 200


@pytest.mark.parametrize("hops", ["**:a:**:b", ":".join(["**", "a"] * 12) + ":b", ":".join(["**<A>", "a"] * 20) + ":b"])
def test_twice_the_path_is_at_most_twice_the_matching(hops: str) -> None:
    selector = Selector.parse(hops)

    def matching(count: int) -> int:
        point = Point.parse(":".join(["a"] * count))
        kinds = [Kind.parse("A")] * count
        assert len(point.segments) == count
        selector.matches(point, kinds)
        return lines_of(lambda: selector.matches(point, kinds))

    assert matching(2_000) <= 2.2 * matching(1_000) + 200
