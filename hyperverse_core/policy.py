"""The contract of a security policy.

For authors of policies. Subclass :class:`SecurityPolicy`, register the class with the hook
``hyperverse_register_policies``, and test it with :class:`hyperverse_core.testing.PolicyConformance`. Permissions,
grants and scopes are in :mod:`hyperverse_core.values`. The names of this module are public: Semantic Versioning covers
them.
"""

from __future__ import annotations

from .contracts.administration import AccessChange, Administration, Holders, Holding, IssuedToken, Preview
from .contracts.policy import (
    ACCESS_CHANGES,
    ANYTHING,
    Anything,
    Credentials,
    Decision,
    Explanation,
    HoldsFor,
    Identified,
    Need,
    PolicyView,
    Reason,
    Request,
    RestsOn,
    SecurityPolicy,
    Vouched,
)
from .contracts.tokens import token_digest

__all__ = [
    "ACCESS_CHANGES",
    "ANYTHING",
    "AccessChange",
    "Administration",
    "Anything",
    "Credentials",
    "Decision",
    "Explanation",
    "Holders",
    "Holding",
    "HoldsFor",
    "Identified",
    "IssuedToken",
    "Need",
    "PolicyView",
    "Preview",
    "Reason",
    "Request",
    "RestsOn",
    "SecurityPolicy",
    "Vouched",
    "token_digest",
]
