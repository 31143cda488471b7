"""A part of the fifth step: the sessions of clients."""

from __future__ import annotations

import attrs

from ...config import without_secrets
from ...contracts.gateway import SessionLimits
from ..parts import Given
from ..services.sessions.gateway_host import LocalGatewayHost
from ..services.sessions.gateways import Gateways
from ..services.sessions.sessions import LocalSessions
from ..services.sessions.shares import AgentLimits, Shares
from ..services.sessions.surfaces import LocalSurfaces
from .core import CoreParts
from .delivery import DeliveryParts
from .plugin_parts import PluginParts

__all__ = ["SessionParts", "make_sessions"]


@attrs.frozen
class SessionParts:
    """The parts that accept clients.

    Attributes:
        sessions, gateways: for clients outside the process.
        surfaces: for clients inside the process.
        shares: the use of resources by each agent.
    """

    sessions: LocalSessions
    gateways: Gateways
    surfaces: LocalSurfaces
    shares: Shares


def make_sessions(given: Given, plugged: PluginParts, core: CoreParts, delivery: DeliveryParts) -> SessionParts:
    """Builds them. The homes of the particles must be filled before.

    Raises ConfigError if the config names a gateway that no plugin provides."""
    most = given.config.limits
    limits = SessionLimits(most.client_waves, most.body)
    shares = Shares(AgentLimits(most.agent_waves, most.agent_bytes, most.agent_sessions, most.agent_rate), core.held)
    home = core.homes[core.home.key]
    sessions = LocalSessions(core.answers, home, delivery.outbound, limits, shares, core.interceptors, core.audit)
    gateways = _gateways(given, plugged, core, sessions, limits)
    return SessionParts(sessions, gateways, LocalSurfaces(home), shares)


def _gateways(
    given: Given, plugged: PluginParts, core: CoreParts, sessions: LocalSessions, limits: SessionLimits
) -> Gateways:
    """Returns the gateways for clients. Raises ConfigError if the config names one that no plugin provides."""
    config = given.config
    host = LocalGatewayHost(
        machine=config.name,
        life=given.life,
        data_dir=given.data_dir,
        directory=plugged.lock.directory,
        sessions=sessions,
        limits=limits,
        transport=plugged.for_clients.transport,
        transport_name=plugged.for_clients.name,
        transport_settings=without_secrets(plugged.for_clients.settings),
        chance=given.chance,
        pool=core.pool,
    )
    gateways = Gateways(config, given.plugins, host, plugged.registry, given.data_dir, sessions.know_owner)
    gateways.check()
    return gateways
