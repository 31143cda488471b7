"""The contract of a registry is five small ones in one."""

from __future__ import annotations

from collections import Counter

from hyperverse_core.registry import (
    FeedRegistry,
    ParticleRegistry,
    PlaceRegistry,
    Registry,
    StarRegistry,
    TrustRegistry,
)

_PARTS = (ParticleRegistry, PlaceRegistry, StarRegistry, TrustRegistry, FeedRegistry)


def _public(contract: type) -> set[str]:
    return {name for name in vars(contract) if not name.startswith("_")}


def test_each_method_but_those_of_its_life_belongs_to_one_part() -> None:
    owners = Counter(name for part in _PARTS for name in _public(part))
    assert {name for name, times in owners.items() if times > 1} == set()
    assert _public(Registry) == {"open", "close", "trouble", "troubles"}
    assert Registry.__bases__ == _PARTS
