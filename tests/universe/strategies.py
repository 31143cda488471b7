"""Values of the text language, made up."""

from __future__ import annotations

from hypothesis import strategies as st

from hyperverse_core.universe.access.grant import AccessGrant, GrantKind
from hyperverse_core.universe.access.permissions import MaskKind, Permissions, PermissionsMask, Privileges
from hyperverse_core.universe.access.scope import Scope, ScopeGrant
from hyperverse_core.universe.address.layer import Layer
from hyperverse_core.universe.address.point import Point
from hyperverse_core.universe.address.route import Route
from hyperverse_core.universe.address.star_key import StarKey
from hyperverse_core.universe.address.surface import Surface
from hyperverse_core.universe.address.template import PointVar
from hyperverse_core.universe.address.topic import Topic
from hyperverse_core.universe.kind_defs.kind_template import KindTemplate
from hyperverse_core.universe.kinds.kind import Kind
from hyperverse_core.universe.kinds.kind_selector import KindSelector
from hyperverse_core.universe.kinds.specific import Specific, SpecificSelector
from hyperverse_core.universe.selectors.hierarchy import Hierarchy
from hyperverse_core.universe.selectors.selector import Selector
from hyperverse_core.universe.text.version import Version, VersionReq

numbers = st.integers(0, 3) | st.integers(0, 2**64 - 1)
versions = st.builds(Version, numbers, numbers, numbers, st.sampled_from(["", "a", "alpha-1", "0", "7", "-"]))
_comparators = st.from_regex(r"\A(>=|<=|>|<|=|\^|~)?[0-3](\.[0-3](\.[0-3](-[a-z]{1,2})?)?)?\Z") | st.just("1.*")
version_reqs = st.lists(_comparators, min_size=1, max_size=3).map(", ".join).map(VersionReq.parse)

domains = st.from_regex(r"\A[a-z0-9][a-z0-9.-]{0,6}\Z").filter(lambda t: t not in (".", ".."))
skewers = st.from_regex(r"\A[a-z][A-Za-z0-9-]{0,4}\Z")
camels = st.from_regex(r"\A[A-Z][A-Za-z0-9]{0,4}\Z")
star_keys = st.builds(
    StarKey,
    st.from_regex(r"\A[a-z][a-z0-9]{0,4}\Z"),
    st.from_regex(r"\A[a-z][a-z0-9]{0,4}\Z"),
    st.integers(0, 65535),
)
routes = st.one_of(
    st.sampled_from([".", "LOCAL", "REMOTE", "GLOBAL", "HYPER"]),
    domains,
    skewers.map("[{}]".format),
    star_keys.map("<<{}>>".format),
).map(Route.parse)

spaces = st.from_regex(r"\A[a-z][a-z0-9-]{0,3}(\.[a-z0-9-]{1,3}){0,2}\Z")
bases = st.from_regex(r"\A[a-z][a-z0-9-]{0,4}\Z")
names = st.from_regex(r"\A[A-Za-z0-9._-]{1,5}\Z").filter(lambda t: t not in (".", ".."))


@st.composite
def points(draw: st.DrawFn) -> Point:
    """Points of every form."""
    prefix = draw(routes).prefix
    if draw(st.integers(0, 9)) == 0:
        return Point.parse(f"{prefix}ROOT")
    mesh = [draw(spaces), *draw(st.lists(bases, max_size=3))]
    mesh += [str(version) for version in draw(st.lists(versions, max_size=1))]
    files = ""
    if draw(st.booleans()):
        files = ":/" + "".join(f"{name}/" for name in draw(st.lists(names, max_size=2)))
        files += draw(st.one_of(st.just(""), names))
    return Point.parse(prefix + ":".join(mesh) + files)


@st.composite
def point_vars(draw: st.DrawFn) -> PointVar:
    """Templates with variables and relative parts."""
    variables = skewers.map("${{{}}}".format)
    prefix = draw(st.one_of(st.just(""), routes.map(lambda route: route.prefix), variables.map("{}::".format)))
    head = draw(st.one_of(spaces, variables, st.sampled_from([".", "..", "..:.."])))
    mesh = [head, *draw(st.lists(st.one_of(bases, variables), max_size=3))]
    files = ""
    if draw(st.booleans()):
        files = ":/" + "".join(f"{name}/" for name in draw(st.lists(st.one_of(names, variables), max_size=2)))
        files += draw(st.one_of(st.just(""), names, variables))
    return PointVar.parse(prefix + ":".join(mesh) + files)


specifics = st.builds(Specific, domains, domains, skewers, skewers, versions)
_any = st.just("*")
specific_selectors = st.builds(
    SpecificSelector, domains | _any, domains | _any, skewers | _any, skewers | _any, version_reqs
)
kinds = st.one_of(
    st.builds(Kind, camels),
    st.builds(Kind, camels, camels),
    st.builds(Kind, camels, camels, specifics),
)
kind_selectors = st.builds(KindSelector, camels | _any, camels | _any, st.none() | specific_selectors)
kind_templates = st.one_of(
    st.builds(KindTemplate, camels), st.builds(KindTemplate, camels, camels, st.none() | specific_selectors)
)


@st.composite
def selectors(draw: st.DrawFn) -> Selector:
    """Selectors of every form."""
    some_kinds = st.one_of(st.just(""), kind_selectors.map(str))
    plus = st.sampled_from(["", "+"])
    mesh = st.tuples(st.one_of(bases, st.sampled_from(["*", "**"])), some_kinds, plus).map("".join)
    hops = draw(st.lists(mesh, min_size=1, max_size=4))
    if draw(st.booleans()):
        version = st.one_of(versions.map(str), version_reqs.map("({})".format))
        hops.append(draw(st.tuples(version, some_kinds, plus).map("".join)))
    text = ":".join(hops)
    if text.startswith("*") and draw(st.booleans()):
        text = f"+:{text}"
    if draw(st.booleans()):
        inside = st.one_of(names, st.sampled_from(["*", "**"]))
        text += ":/" + "".join(draw(st.lists(st.tuples(inside, st.just("/"), plus).map("".join), max_size=2)))
        text += draw(st.one_of(st.just(""), st.tuples(inside, plus).map("".join)))
    return Selector.parse(text)


@st.composite
def hierarchies(draw: st.DrawFn) -> Hierarchy:
    """Points with a Kind for each segment."""
    point = draw(points())
    count = len(point.segments)
    return Hierarchy(point, tuple(draw(st.lists(kinds, min_size=count, max_size=count))))


topics = st.one_of(
    st.sampled_from(["Topic<*>", "Topic<!>", "Topic<Cli>"]),
    st.from_regex(r"\A[a-z0-9-]{1,6}\Z").map("Topic<Uuid>({})".format),
    st.lists(skewers, min_size=1, max_size=3).map(":".join).map("Topic<Path>({})".format),
).map(Topic.parse)
surfaces = st.builds(Surface, points(), st.sampled_from(Layer), st.none() | topics)

permissions = st.builds(Permissions, st.integers(0, 63))
masks = st.builds(PermissionsMask, st.sampled_from(MaskKind), permissions)
privilege_names = st.from_regex(r"\A[a-z0-9:-]{1,8}\Z")
privileges = st.builds(Privileges, st.frozensets(privilege_names | _any, max_size=3))
bounded_kinds = st.one_of(masks.map(GrantKind.perm), (privilege_names | _any).map(GrantKind.priv))
grant_kinds = st.just(GrantKind.super()) | bounded_kinds
grants = st.builds(AccessGrant, grant_kinds, selectors(), selectors(), points())
scope_grants = st.builds(ScopeGrant, selectors(), bounded_kinds)
scopes = st.one_of(st.sampled_from([Scope.FULL, Scope.NONE]), st.frozensets(scope_grants, max_size=3).map(Scope.of))
