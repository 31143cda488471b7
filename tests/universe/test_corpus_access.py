"""Permissions, access, scopes, properties and layers, against the cases of the corpus."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pytest

from hyperverse_core.errors import HyperverseError
from hyperverse_core.universe.access.access import AccessGrant, evaluate
from hyperverse_core.universe.access.grant import GrantKind
from hyperverse_core.universe.access.permissions import Permissions, PermissionsMask, check_privilege_name
from hyperverse_core.universe.access.scope import Scope, ScopeGrant
from hyperverse_core.universe.address.layer import PLANS, Layer
from hyperverse_core.universe.address.point import HYPERUSER, Point
from hyperverse_core.universe.kind_defs.properties import PropertiesConfig, PropertyDef, SetProperty, UnsetProperty
from hyperverse_core.universe.kind_defs.standard_kinds import STANDARD_KINDS
from hyperverse_core.universe.kinds.kind import Kind
from hyperverse_core.universe.selectors.selector import Selector
from universe.corpus import cases, load, settle
from universe.test_corpus_points import attempt

_PARSERS: dict[str, Callable[[str], Any]] = {
    "permissions": Permissions.parse,
    "mask": PermissionsMask.parse,
    "particle_permissions": Permissions.parse_particle,
    "privilege": check_privilege_name,
    "grant_kind": GrantKind.parse,
}


@pytest.mark.parametrize("case", cases("permissions"))
def test_permissions_are_read_and_masked_as_the_corpus_says(case: dict[str, Any]) -> None:
    if case["what"] == "apply":
        permissions = Permissions.parse(case["start"])
        for mask in case["masks"]:
            permissions = PermissionsMask.parse(mask).apply(permissions)
        settle("permissions", case, str(permissions) == case["result"], permissions)
        return
    found = attempt(_PARSERS[case["what"]], case["input"])
    settle("permissions", case, (found is not None) == case["valid"], found)
    if found is not None and case["what"] != "particle_permissions":
        assert str(found) == case["input"]


class Tree:
    """Particles, owners and grants as a scenario builds them."""

    def __init__(self, particles: list[dict[str, str]]) -> None:
        self.owners = {Point.parse(p["point"]): Point.parse(p["owner"]) for p in particles}
        self.own_kinds = {Point.parse(p["point"]): Kind.parse(p["kind"]) for p in particles}
        self.granted: list[AccessGrant] = []

    def owner(self, point: Point) -> Point | None:
        return self.owners.get(point)

    def kinds(self, point: Point) -> Sequence[Kind]:
        path = [point, *point.ancestors()][:-1]
        return [self.own_kinds[p] for p in reversed(path)] if all(p in self.own_kinds for p in path) else ()

    def grants(self, root: Point) -> Iterable[AccessGrant]:
        return [grant for grant in self.granted if grant.query_root == root]

    def is_user(self, point: Point) -> bool:
        return point == HYPERUSER or self.own_kinds.get(point) == Kind.parse("User")

    def access(self, to: str, on: str) -> Any:
        # The scenarios know no rule about a shared owner: it is ours.
        return evaluate(Point.parse(to), Point.parse(on), self, same_owner=False)

    def step(self, step: dict[str, Any]) -> None:
        match step["op"]:
            case "grant":
                kind = GrantKind.parse(f"{step['kind']} {step.get('data', '')}".strip())
                on, to = Selector.parse(step["on"]), Selector.parse(step["to"])
                self.granted.append(AccessGrant(kind, on, to, Point.parse(step["by"]), len(self.granted) + 1))
            case "access":
                self._expect(self.access(step["to"], step["on"]), step["expect"])
            case "chown":
                assert self._chown(step) == (step["expect"] == "ok")
            case _:
                assert Selector.parse(step["on"]).matches_root

    @staticmethod
    def _expect(access: Any, expected: dict[str, Any]) -> None:
        for key, value in expected.items():
            match key:
                case "permissions":
                    assert str(access.permissions()) == value
                case "privileges":
                    assert access.privileges.names == frozenset(value)
                case "access":
                    assert access.kind.value == value
                case _:
                    assert getattr(access, key) == value

    def _chown(self, step: dict[str, Any]) -> bool:
        selector = Selector.parse(step["selector"])
        points = [p for p in self.owners if selector.matches(p, self.kinds(p))]
        if not all(self.access(step["by"], str(point)).has_super for point in points):
            return False
        self.owners.update(dict.fromkeys(points, Point.parse(step["owner"])))
        return True


@pytest.mark.parametrize("scenario", [pytest.param(s, id=s["scenario"]) for s in load("access")])
def test_a_scenario_of_access_goes_as_the_corpus_says(scenario: dict[str, Any]) -> None:
    tree = Tree(scenario["particles"])
    for step in scenario["steps"]:
        tree.step(step)


def _scope(text: str) -> Scope:
    if not text.startswith("{"):
        return Scope.parse(text)
    names = [name for name in text.strip("{}").split(",") if name]
    return Scope.of(ScopeGrant(Selector.parse("**"), GrantKind.priv(name)) for name in names)


@pytest.mark.parametrize("case", cases("scope_algebra"))
def test_scopes_are_combined_as_the_corpus_says(case: dict[str, Any]) -> None:
    left, right = _scope(case["left"]), _scope(case["right"])
    found = left & right if case["op"] == "&" else left | right
    settle("scope_algebra", case, found == _scope(case["result"]), found)


def _config(definitions: list[dict[str, Any]]) -> PropertiesConfig:
    return PropertiesConfig(PropertyDef(**definition) for definition in definitions)


def _changes(arg: dict[str, str | None]) -> list[SetProperty | UnsetProperty]:
    return [UnsetProperty(k) if v is None else SetProperty(k, v) for k, v in arg.items()]


def _check(config: PropertiesConfig, case: dict[str, Any]) -> None:
    match case["op"]:
        case "check_read":
            config.check_read(case["arg"])
        case "define":
            PropertyDef("x", **case["arg"])
        case "fill_create_defaults":
            config.check_create(config.fill_create_defaults(_changes(case["arg"])))
        case op:
            getattr(config, op)(_changes(case["arg"]))


@pytest.mark.parametrize(
    "case",
    [pytest.param(c, id=f"{c['config']} {c['op']} {c['arg']}") for c in load("properties")["cases"]],
)
def test_properties_are_checked_as_the_corpus_says(case: dict[str, Any]) -> None:
    config = _config(load("properties")["configs"][case["config"]])
    try:
        _check(config, case)
        ok = True
    except HyperverseError:
        ok = False
    assert ok == case["ok"]


def test_the_standard_properties_are_those_of_the_corpus() -> None:
    wanted = _config(load("properties")["configs"]["User"])
    without_doc = [
        (d.key, d.pattern, d.required, d.mutable, d.source, d.default, d.constant, d.permits) for d in wanted
    ]
    assert [
        (d.key, d.pattern, d.required, d.mutable, d.source, d.default, d.constant, d.permits)
        for d in STANDARD_KINDS["User"].properties
    ] == without_doc


def test_layers_follow_one_another_as_the_corpus_says() -> None:
    told = load("traversal")
    for name, layers in told["plans"].items():
        assert [str(layer) for layer in PLANS[name].layers] == layers
    for step in told["steps"]:
        plan, layer = PLANS[step["plan"]], Layer.parse(step["layer"])
        inward, outward = plan.towards_core(layer), plan.towards_fabric(layer)
        assert (inward and str(inward)) == step["towards_core"]
        assert (None if outward is None else str(outward)) == step["towards_fabric"]
    extended = {kind.name for kind in STANDARD_KINDS.values() if kind.layers == "extended"}
    assert extended == set(told["extended_kinds"])
