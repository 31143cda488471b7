"""The default policy passes the kit, in each of its settings."""

from __future__ import annotations

from hyperverse_core.contracts.policy import SecurityPolicy
from hyperverse_core.testing import PolicyConformance
from hyperverse_grants.policy import GrantsPolicy


class TestGrants(PolicyConformance):
    def make(self) -> SecurityPolicy:
        return GrantsPolicy()


class TestGrantsForAnybody(PolicyConformance):
    def make(self) -> SecurityPolicy:
        return GrantsPolicy({"anonymous": True})


class TestGrantsWithoutTheRuleOfTheSameOwner(PolicyConformance):
    def make(self) -> SecurityPolicy:
        return GrantsPolicy({"same_owner": False})
