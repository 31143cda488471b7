"""The transport by which clients come in: that of the lanes, or one of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from ...config.default_transport import default_transport
from ...contracts.lane import LaneTransport
from ..parts import Given

__all__ = ["TransportForClients", "transport_for_clients"]


@attrs.frozen
class TransportForClients:
    """How clients come in.

    Attributes:
        transport: listens for them.
        name: what the config calls it.
        settings: it was made with these.
    """

    transport: LaneTransport
    name: str
    settings: Mapping[str, Any]


def transport_for_clients(given: Given, lanes: LaneTransport) -> TransportForClients:
    """Takes the transport of the lanes, or makes the one that ``[control]`` names. When it names none and the lanes
    need a broker, it makes the default one: an operator reaches the machine while the broker is away.

    Args:
        given: what the machine is made with. A transport that it hands over counts for clients too, unless
            ``[control]`` names one.
        lanes: the transport of the lanes.

    Raises:
        UnknownTransport, ConfigError, PluginError: the one that it names cannot be made.
    """
    config, control = given.config, given.config.control
    if not control.driver and lanes.needs_broker and control.enabled:
        name = default_transport(given.data_dir, "clients.key", control.address, may_load=config.plugins.may_load)
        return TransportForClients(given.plugins.transport(name, {}), name, {})
    shared = config.shares_transport() and (not control.driver or given.transport is None)
    if shared or not control.enabled:
        return TransportForClients(lanes, config.lanes.driver, config.transport_settings())
    return TransportForClients(
        given.plugins.transport(control.driver, control.settings), control.driver, control.settings
    )
