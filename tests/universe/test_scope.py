"""Scopes: their algebra, and what they leave of an access."""

from __future__ import annotations

import pytest
from hypothesis import given

from hyperverse_core.errors import BadRequest
from hyperverse_core.universe.access.access import Access, Permissions, Privileges
from hyperverse_core.universe.access.grant import GrantKind
from hyperverse_core.universe.access.scope import Scope, ScopeGrant, ScopeKind
from hyperverse_core.universe.address.point import Point
from hyperverse_core.universe.kinds.kind import Kind
from hyperverse_core.universe.selectors.selector import Selector
from universe.strategies import scope_grants, scopes


@given(scopes, scopes, scopes, scope_grants)
def test_scopes_make_a_lattice(one: Scope, two: Scope, three: Scope, grant: ScopeGrant) -> None:
    assert one & two == two & one
    assert one | two == two | one
    assert (one & two) & three == one & (two & three)
    assert (one | two) | three == one | (two | three)
    assert _has(one & two, grant) == (_has(one, grant) and _has(two, grant))
    assert _has(one | two, grant) == (_has(one, grant) or _has(two, grant))


def _has(scope: Scope, grant: ScopeGrant) -> bool:
    return scope.kind is ScopeKind.FULL or grant in scope.grants


_POINT, _KINDS = Point.parse("a:b"), [Kind.parse("Space"), Kind.parse("Base")]


@pytest.mark.parametrize(
    ("scope", "left"),
    [
        ("Full", "CSD-RWX"),
        ("None", "csd-rwx"),
        ("{}", "csd-rwx"),
        ("{perm +csd-RwX on a+:**}", "csd-RwX"),
        ("{perm +csd-RwX on a+:**, perm &csd-Rwx on **<Base>}", "csd-Rwx"),
        ("{perm +csd-RwX on a}", "csd-rwx"),
    ],
)
def test_a_scope_leaves_what_it_names(scope: str, left: str) -> None:
    assert str(Scope.parse(scope).bound(Access.OWNER, _POINT, _KINDS).permissions()) == left


def test_a_scope_never_adds() -> None:
    little = Access.enumerated(Permissions.of("r"), Privileges({"p"}))
    wide = Scope.parse("{perm +CSD-RWX on +:**, priv * on +:**}")
    assert wide.bound(little, _POINT, _KINDS) == little
    assert Scope.parse("{priv q on +:**}").bound(little, _POINT, _KINDS) == Access.NONE
    assert Scope.parse("{priv q on +:**}").bound(Access.SUPER, _POINT, _KINDS).has_privilege("q")


def test_a_scope_holds_no_super() -> None:
    with pytest.raises(BadRequest, match="'super'"):
        ScopeGrant(Selector.parse("**"), GrantKind.super())
    assert Scope.of([]).kind is ScopeKind.GRANTS
