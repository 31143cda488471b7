"""The transport for clients: the transport of the lanes, or a separate one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from ...config.default_transport import default_transport
from ...config.setting_faults import faults_of_table
from ...contracts.lane import LaneTransport
from ..parts import Given

__all__ = ["TransportForClients", "transport_for_clients"]


@attrs.frozen
class TransportForClients:
    """The transport for clients.

    Attributes:
        transport: listens for them.
        name: its name in the config.
        settings: the settings with which it was made.
    """

    transport: LaneTransport
    name: str
    settings: Mapping[str, Any]


def transport_for_clients(given: Given, lanes: LaneTransport) -> TransportForClients:
    """Returns the transport of the lanes, or makes the one that ``[control]`` names. If ``[control]`` names none and
    the lanes need a broker, makes the default one: an operator can then reach the machine while the broker is down.

    Args:
        given: the inputs of the machine. A transport among them also serves clients, unless ``[control]`` names one.
        lanes: the transport of the lanes.

    Raises:
        UnknownTransport, ConfigError, PluginError: the transport that ``[control]`` names cannot be made.
    """
    config, control = given.config, given.config.control
    if not control.driver and lanes.needs_broker and control.enabled:
        name = default_transport(given.data_dir, "clients.key", control.address, may_load=config.plugins.may_load)
        return TransportForClients(given.plugins.transport(name, {}), name, {})
    shared = config.shares_transport() and (not control.driver or given.transport is None)
    if shared or not control.enabled:
        return TransportForClients(lanes, config.lanes.driver, config.transport_settings())
    with faults_of_table("control"):
        transport = given.plugins.transport(control.driver, control.settings)
    return TransportForClients(transport, control.driver, control.settings)
