"""Commands, binds and patterns, made up."""

from __future__ import annotations

from typing import Any

import attrs
from hypothesis import strategies as st

from hyperverse_core.universe.address.point_template import PointTemplate
from hyperverse_core.universe.commands.body import Upload
from hyperverse_core.universe.commands.command import (
    Chown,
    Create,
    Delete,
    Explain,
    Get,
    Grant,
    Grants,
    Into,
    PingCommand,
    Publish,
    Read,
    Revoke,
    RippleCommand,
    Select,
    Set,
    SignalCommand,
    Strategy,
    Write,
)
from hyperverse_core.universe.kind_defs.properties import PropertyChange, SetProperty, UnsetProperty
from hyperverse_core.universe.routing.bind import BindConfig, Condition, MethodScope, RouteScope, WaveScope
from hyperverse_core.universe.routing.filters import Filter
from hyperverse_core.universe.routing.method_pattern import MethodPattern
from hyperverse_core.universe.routing.path_regex import PathRegex
from hyperverse_core.universe.routing.pattern import (
    ANY_BODY,
    NO_BODY,
    Count,
    KindShape,
    MapShape,
    Pattern,
    Validator,
)
from hyperverse_core.universe.routing.pipeline import Arrow, Direction, Pipeline, Step
from hyperverse_core.universe.routing.route_selector import RouteSelector
from hyperverse_core.universe.routing.stop import CORE, REFLECT, Call, PointStop
from hyperverse_core.universe.routing.substance import SUBSTANCES, Format
from hyperverse_core.universe.waves.wave import BOUNCE, Method, MethodKind
from universe.strategies import bases, grant_kinds, kind_templates, point_vars, selectors, topics

methods = st.sampled_from(["Cmd<Bounce>", "Cmd<Read>", "Ext<Add>", "Ext<X9>", "Http<Get>", "Hyp<Assign>"]).map(
    Method.parse
)
paths = st.from_regex(r"\A(/|/[a-z]{1,4}(/[a-z0-9._:-]{0,4}){0,2}(\?a=b)?)\Z")
uploads = st.from_regex(r"\A[A-Za-z0-9._-]{1,8}\Z").map(Upload)
_scalars = st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
_json = st.recursive(
    _scalars | st.none(), lambda x: st.lists(x, max_size=3) | st.dictionaries(st.text(), x, max_size=3), max_leaves=8
)
some_bodies = _scalars | uploads | _json.filter(lambda body: body is not None)
bodies = st.none() | some_bodies

keys = st.from_regex(r"\A[a-z0-9.-]{1,8}\Z")


def _last_of_each(changes: list[PropertyChange]) -> tuple[PropertyChange, ...]:
    return tuple({change.key: change for change in changes}.values())


changes = st.lists(
    st.builds(SetProperty, keys, st.text(), st.booleans()) | st.builds(UnsetProperty, keys), max_size=4
).map(_last_of_each)


@st.composite
def point_templates(draw: st.DrawFn) -> PointTemplate:
    """What may be created: names with numbers, below all sorts of parents."""
    child = draw(bases | st.just("%") | bases.map("{}-%".format) | bases.map("{}%x".format))
    if draw(st.booleans()):
        return PointTemplate.parse(child)
    above = str(draw(point_vars()))
    mesh = above.partition(":/")[0]
    return PointTemplate.parse(f"{mesh}:{child}")


def _sendable(command: Any) -> Any:
    """A Bounce takes no body."""
    return attrs.evolve(command, body=None) if command.method == BOUNCE else command


_plain = st.just("/"), st.none()
commands = st.one_of(
    st.builds(Create, point_templates(), kind_templates, changes, st.sampled_from(Strategy)),
    st.builds(Publish, uploads, point_vars(), st.sampled_from([Strategy.COMMIT, Strategy.ENSURE])),
    st.builds(Delete, selectors()),
    st.builds(Select, selectors(), st.sampled_from(Into)),
    st.builds(Get, point_vars(), st.none() | st.lists(keys, max_size=3).map(tuple)),
    st.builds(
        Set, point_vars() | selectors().filter(lambda selector: not {*"*+<("}.isdisjoint(str(selector))), changes
    ),
    st.builds(Read, point_vars()),
    st.builds(Write, point_vars(), some_bodies),
    st.builds(PingCommand, point_vars(), methods, paths, bodies).map(_sendable),
    st.builds(SignalCommand, point_vars(), methods, paths, bodies).map(_sendable),
    st.builds(RippleCommand, selectors(), methods, paths, bodies).map(_sendable),
    st.builds(Grant, grant_kinds, selectors(), selectors()),
    st.builds(Grants, st.none() | selectors(), st.none() | selectors()),
    st.builds(Revoke, st.integers(0, 10**17)),
    st.builds(Chown, selectors(), point_vars()),
    st.builds(Explain, point_vars(), point_vars(), st.none() | methods),
)

_called = st.sampled_from(["Ext<Add>", "Http<Get>"]).map(Method.parse)
_call_paths = st.from_regex(r"\A(/|/[a-z]{1,4}(/\$\{[a-z]{1,3}\})?)\Z")
# A stop starts with a letter, a dot or a variable.
_stop_points = point_vars().filter(lambda point: str(point)[0].isalpha() or str(point)[0] in ".$<[")
calls = st.builds(Call, _stop_points, _called, _call_paths)
_calls_of_stops = st.builds(Call, _stop_points, _called, _call_paths, st.booleans())
stops = st.sampled_from([CORE, REFLECT]) | st.builds(PointStop, _stop_points, st.booleans()) | _calls_of_stops

counts = st.builds(Count) | st.integers(0, 9).flatmap(lambda low: st.builds(Count, st.just(low), st.integers(low, 20)))
_formats = st.none() | st.sampled_from(Format)
_validators = st.none() | st.builds(Validator, calls, st.none() | _stop_points)
_kinds = st.builds(KindShape, st.sampled_from(SUBSTANCES), st.none() | counts)
_leaves = st.sampled_from([ANY_BODY, NO_BODY]) | st.builds(Pattern, _kinds, _formats, _validators)
patterns = st.recursive(
    _leaves,
    lambda inner: st.builds(
        Pattern,
        st.builds(
            MapShape,
            st.lists(st.tuples(st.from_regex(r"\A[A-Za-z0-9_.-]{1,4}\Z"), inner), max_size=2).map(tuple),
            st.none() | inner,
        ),
        _formats,
        _validators,
    ),
    max_leaves=4,
)
_ways = st.sampled_from(Direction)
arrows = st.one_of(_ways.map(lambda way: Arrow(way, None, way)), st.builds(Arrow, _ways, patterns, _ways))
steps = st.builds(lambda arrow, stop: Step(arrow.entry, arrow.pattern, arrow.exit, stop), arrows, stops)
pipelines = st.lists(steps, min_size=1, max_size=3).map(tuple).map(Pipeline)

path_regexes = st.sampled_from(
    ["/", "/users", "/users/(?P<user>[^/]+)", "/a{2}/.*", r"/x\{y", "/(?P<rest>.*)$", "/;"]
).map(PathRegex.parse)
filters = st.sampled_from([Filter("auth"), Filter("noauth"), Filter("auth", "localhost:users"), Filter("auth", "")])
conditions = st.builds(
    Condition,
    st.none() | topics,
    st.lists(filters, max_size=2).map(tuple),
    st.none() | path_regexes,
    st.just(Arrow()) | arrows,
)
_names = {
    MethodKind.HYP: ["Assign", "Search"],
    MethodKind.CMD: ["Read", "Bounce"],
    MethodKind.HTTP: ["Get", "Post"],
    MethodKind.EXT: ["Add", "Get"],
    None: ["Add", "Get", "Read"],
}


@st.composite
def wave_scopes(draw: st.DrawFn) -> WaveScope:
    """Scopes of a family, with methods of it."""
    kind = draw(st.sampled_from(list(_names)))
    names = st.none() | st.sampled_from(_names[kind])
    scopes = st.builds(MethodScope, st.builds(MethodPattern, st.just(kind), names), pipelines, conditions)
    return WaveScope(kind, tuple(draw(st.lists(scopes, max_size=2))), draw(conditions))


binds = st.lists(st.builds(RouteScope, st.lists(wave_scopes(), max_size=2).map(tuple), conditions), max_size=2).map(
    lambda routes: BindConfig(tuple(routes))
)

method_patterns = st.one_of(
    st.just(MethodPattern()),
    wave_scopes().filter(lambda scope: bool(scope.methods)).map(lambda scope: scope.methods[0].method),
)
route_selectors = st.builds(
    RouteSelector,
    method_patterns,
    path_regexes,
    st.none() | topics,
    st.lists(filters, max_size=2).map(tuple),
)
