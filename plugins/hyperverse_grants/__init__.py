"""The plugin ``grants``: the default security policy."""

from __future__ import annotations

from hyperverse_core import Register, hookimpl

__all__ = ["hyperverse_register_policies"]


@hookimpl
def hyperverse_register_policies(register: Register) -> None:
    """``[security] driver = "grants"``."""
    register("grants", "hyperverse_grants.policy:GrantsPolicy")
