"""A portal for HTTP: browsers and programs reach particles at URLs, each request with the rights of its agent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hyperverse_core import hookimpl

if TYPE_CHECKING:
    from hyperverse_core import Register

__all__ = ["hyperverse_register_gateways"]


@hookimpl
def hyperverse_register_gateways(register: Register) -> None:
    """Registers the gateway. The modules that import uvicorn are loaded only if the configuration uses it."""
    register("portal", "hyperverse_portal.gateway:PortalGateway", extra="portal")
