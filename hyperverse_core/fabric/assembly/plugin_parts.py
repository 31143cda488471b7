"""The first step: the parts that plugins provide, and the lock of the data directory."""

from __future__ import annotations

from typing import Any

import attrs

from ...config import Choice, Config, Control
from ...config.check import Fault
from ...config.schema import DEFAULT_BLOBS
from ...config.setting_faults import faults_of_table
from ...contracts.blobs import Blobs
from ...contracts.lane import LaneTransport
from ...contracts.policy import SecurityPolicy
from ...contracts.registry import Registry
from ...data_dir.registry_in_use import check_registry_in_use, note_registry_in_use
from ...errors import ConfigError, NotFound
from ..closing import ClosingStack
from ..machine_lock import MachineLock
from ..parts import Given
from ..services.drivers.no_blobs import NoBlobs
from .for_clients import TransportForClients, transport_for_clients

__all__ = ["PluginParts", "open_plugin_parts"]


@attrs.frozen
class PluginParts:
    """The parts that plugins provide to a machine.

    Attributes:
        registry: the registry, open.
        transport, policy: not open yet.
        for_clients: the transport for clients; it may be that of the lanes.
        policy_name: the name of the policy in errors.
        blobs: the blob store, open.
        lock: the lock on this machine's folder of the data directory.
    """

    registry: Registry
    transport: LaneTransport
    for_clients: TransportForClients
    policy: SecurityPolicy
    policy_name: str
    blobs: Blobs
    lock: MachineLock


async def open_plugin_parts(given: Given, closing: ClosingStack) -> PluginParts:
    """Makes the parts that the config names, takes the lock and opens the registry. Raises ConfigError, Conflict,
    Unavailable, PluginError, NotFound."""
    config, plugins = given.config, given.plugins
    settings = config.registry_settings(given.data_dir)
    in_file = given.registry is None and config.registry.driver == "sql"
    _check_choices(given)
    if in_file:
        check_registry_in_use(given.data_dir, settings)
    registry = given.registry or plugins.registry(config.registry.driver, settings)
    with faults_of_table("lanes"):
        transport = given.transport or plugins.transport(config.lanes.driver, config.transport_settings())
    for_clients = transport_for_clients(given, transport)
    policy = given.policy or plugins.policy(config.security.driver, _policy_settings(config))
    lock = MachineLock(given.data_dir, config.name)
    await lock.acquire()
    closing.close("the lock", lock.release)
    closing.close("the registry", registry.close)
    with plugins.opening("registry", config.registry.driver if given.registry is None else type(registry).__name__):
        await registry.open()
    if in_file:
        note_registry_in_use(given.data_dir, settings)
    blobs = await _open_blobs(given, closing)
    closing.close("the transport", transport.close)
    if for_clients.transport is not transport:
        closing.close("the transport for clients", for_clients.transport.close)
    closing.close("the policy", policy.close)
    name = config.security.driver if given.policy is None else type(policy).__name__
    return PluginParts(registry, transport, for_clients, policy, name, blobs, lock)


async def _open_blobs(given: Given, closing: ClosingStack) -> Blobs:
    """Opens the blob store. Without a plugin for the default store, the machine has none. Raises ConfigError,
    PluginError, Unavailable."""
    config, plugins = given.config, given.plugins
    name = config.blobs.driver
    if name == DEFAULT_BLOBS and not plugins.who_provides("blob store", name):
        return NoBlobs()
    blobs = plugins.blobs(name, config.blobs_settings(given.data_dir))
    closing.close("the blob store", blobs.close)
    with plugins.opening("blob store", name):
        await blobs.open()
    return blobs


def _check_choices(given: Given) -> None:
    """Raises ConfigError if the config chooses a part that no plugin provides."""
    config, plugins = given.config, given.plugins
    chosen: tuple[tuple[str, str, Choice | Control, object], ...] = (
        ("registry", "registry", config.registry, given.registry),
        ("transport", "lanes", config.lanes, given.transport),
        ("policy", "security", config.security, given.policy),
        ("blob store", "blobs", config.blobs, NoBlobs if config.blobs.driver == DEFAULT_BLOBS else None),
    )
    if config.control.driver and config.control.enabled:
        chosen += (("transport", "control", config.control, None),)
    faults = []
    for thing, table, choice, made in chosen:
        try:
            if made is None:
                plugins.check(thing, choice.driver)
        except NotFound as exc:
            faults.append(str(Fault(f"{table}.driver", exc.message, exc.hint)))
    if faults:
        raise ConfigError(faults=faults)


def _policy_settings(config: Config) -> dict[str, Any]:
    """Returns the settings of the policy itself; its time limit is for the gate."""
    return {key: value for key, value in config.security.settings.items() if key != "timeout"}
