"""Gateways: how agents outside of the Hyperverse reach it.

For authors of gateways. Subclass :class:`Gateway`, and register it with the hook ``hyperverse_register_gateways``. The
names of this module are public: Semantic Versioning covers them. The modules in this package are internal: they are the
control gate, which the ``hyperverse`` program and :class:`hyperverse_core.Client` connect to.
"""

from __future__ import annotations

from ..contracts.gateway import Gateway, GatewayHost, Replays, Session, SessionLimits, Sessions

__all__ = ["Gateway", "GatewayHost", "Replays", "Session", "SessionLimits", "Sessions"]
