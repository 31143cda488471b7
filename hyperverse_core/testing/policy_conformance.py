"""PolicyConformance: the requirements for every security policy, whatever its rules are.

::

    class TestMyPolicy(PolicyConformance):
        reads_grants = False            # what the policy declares about itself: see below

        def make(self) -> SecurityPolicy:
            return MyPolicy({"a-setting": 1})

The tests are asynchronous: pytest-asyncio has to be in its ``auto`` mode.
"""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite("hyperverse_core.testing.policy_kit")

from .policy_kit.answers import Answers, Explanations  # noqa: E402  # asserts are rewritten from here on
from .policy_kit.changes import Changing, GrantsGroup  # noqa: E402
from .policy_kit.failures import Failures  # noqa: E402
from .policy_kit.identity import Clients, Machines  # noqa: E402
from .policy_kit.rules import Refusals, Rules, Scopes  # noqa: E402
from .policy_kit.world import PolicyWorld  # noqa: E402

__all__ = ["PolicyConformance", "PolicyWorld"]


class PolicyConformance(
    Rules, Refusals, Scopes, Clients, Machines, Answers, Explanations, GrantsGroup, Changing, Failures
):
    """The whole kit. A subclass implements ``make`` and declares what its policy does.

    Attributes:
        reads_grants: whether grants of the registry count; the tests about them are skipped otherwise.
        reads_tokens: whether tokens of the registry count; likewise.
        knows_what_it_rests_on: whether answers name the points that they rest on; False for a policy that answers
            ``ANYTHING``, so that every change drops its answers.
        strangers_may: the letters of the permissions that every registered agent has on every particle, without a
            grant, such as ``"sr"``.
    """
