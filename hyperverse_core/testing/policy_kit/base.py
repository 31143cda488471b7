"""The common part of the test groups of the kit."""

from __future__ import annotations

import abc

import pytest

from ...contracts.policy import SecurityPolicy
from .world import LETTERS, PolicyWorld

__all__ = ["PolicyKitBase"]


class PolicyKitBase(abc.ABC):
    """The declarations of a subclass about its policy.

    Attributes:
        reads_grants: whether grants of the registry count; the tests about them are skipped otherwise.
        reads_tokens: whether tokens of the registry count; likewise.
        knows_what_it_rests_on: whether answers name the points that they rest on; False for a policy that answers
            ``ANYTHING``, so that every change drops its answers.
        strangers_may: the letters of the permissions that every registered agent has on every particle, without a
            grant. Agents that are not registered, and the anonymous one, may have some of them.
    """

    reads_grants = True
    reads_tokens = True
    knows_what_it_rests_on = True
    strangers_may = ""

    def whose_move(self) -> str:
        """The person who has to change something when a test fails."""
        return f"the author of the policy {type(self.make()).__qualname__}"

    def refused_letter(self) -> str:
        """The letter of a permission that a stranger does not have; skips the test when there is none."""
        letter = next((letter for letter in reversed(LETTERS) if letter not in self.strangers_may), "")
        if not letter:
            pytest.skip("strangers may do everything")
        return letter

    @abc.abstractmethod
    def make(self) -> SecurityPolicy:
        """A new policy that has not been opened."""

    async def world(self) -> PolicyWorld:
        """A world with a new policy in it."""
        return await PolicyWorld.make(self.make())

    def needs_grants(self) -> None:
        """Skips the test if grants do not count."""
        if not self.reads_grants:
            pytest.skip("this policy does not read grants")

    def needs_tokens(self) -> None:
        """Skips the test if tokens do not count."""
        if not self.reads_tokens:
            pytest.skip("this policy does not read tokens")
