"""The plugin ``cedar``: a security policy written in Cedar."""

from __future__ import annotations

from hyperverse_core import Register, hookimpl

__all__ = ["hyperverse_register_policies"]


@hookimpl
def hyperverse_register_policies(register: Register) -> None:
    """``[security] driver = "cedar"``."""
    register("cedar", "hyperverse_cedar.policy:CedarPolicy")
