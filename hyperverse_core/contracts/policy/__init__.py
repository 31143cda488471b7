"""SecurityPolicy: who a client or a machine is, and what an agent may do.

The fabric asks through one gate, for waves and for commands alike. It keeps an answer until something changes that
the answer rests on, so a policy says with each answer what that is. The rules that the built-in policy follows are in
``docs/reference/access.md``; ``docs/how-to/write-a-policy.md`` writes another one.
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
