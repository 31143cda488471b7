"""SecurityPolicy: identifies clients and machines, and decides what an agent may do.

The fabric asks through one gate, for waves and for commands alike. It keeps an answer until something changes that the
answer rests on, and a policy names that with each answer. The rules of the built-in policy are in
``docs/reference/access.md``; ``docs/how-to/write-a-policy.md`` shows how to write another one.
"""

from __future__ import annotations

from .answers import ANYTHING, Anything, Decision, Explanation, HoldsFor, Reason, RestsOn
from .contract import ACCESS_CHANGES, PolicyView, SecurityPolicy
from .questions import Credentials, Identified, Need, Request, Vouched

__all__ = [
    "ACCESS_CHANGES",
    "ANYTHING",
    "Anything",
    "Credentials",
    "Decision",
    "Explanation",
    "HoldsFor",
    "Identified",
    "Need",
    "PolicyView",
    "Reason",
    "Request",
    "RestsOn",
    "SecurityPolicy",
    "Vouched",
]
