"""Gateways: how agents outside of the Hyperverse reach it.

For authors of gateways. The names of this module are public: Semantic Versioning covers them; there are none yet. The
modules in this package are internal: the control gate, which the ``hyperverse`` program and
:class:`hyperverse_core.Client` connect to, and the sessions of its clients.
"""

from __future__ import annotations

__all__: list[str] = []
