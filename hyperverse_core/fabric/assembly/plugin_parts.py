"""The first step: what plugins bring, and the lock of the data directory."""

from __future__ import annotations

from typing import Any

import attrs

from ...config import Config
from ...config.check import Fault
from ...contracts.lane import LaneTransport
from ...contracts.policy import SecurityPolicy
from ...contracts.registry import Registry
from ...data_dir.registry_in_use import check_registry_in_use, note_registry_in_use
from ...errors import ConfigError, NotFound
from ..closing import ClosingStack
from ..machine_lock import MachineLock
from ..parts import Given

__all__ = ["PluginParts", "open_plugin_parts"]


@attrs.frozen
class PluginParts:
    """What plugins bring to a machine.

    Attributes:
        registry: it is open.
        transport, policy: they are not open yet.
        policy_name: as the policy is named in errors.
        lock: held on this machine's folder of the data directory.
    """

    registry: Registry
    transport: LaneTransport
    policy: SecurityPolicy
    policy_name: str
    lock: MachineLock


async def open_plugin_parts(given: Given, closing: ClosingStack) -> PluginParts:
    """Makes what the config names, takes the lock and opens the registry. Raises ConfigError, Conflict, Unavailable,
    PluginError, NotFound."""
    config, plugins = given.config, given.plugins
    settings = config.registry_settings(given.data_dir)
    in_file = given.registry is None and config.registry.driver == "sql"
    _check_choices(given)
    if in_file:
        check_registry_in_use(given.data_dir, settings)
    registry = given.registry or plugins.registry(config.registry.driver, settings)
    transport = given.transport or plugins.transport(config.lanes.driver, config.transport_settings())
    policy = given.policy or plugins.policy(config.security.driver, _policy_settings(config))
    lock = MachineLock(given.data_dir, config.name)
    await lock.acquire()
    closing.close("the lock", lock.release)
    closing.close("the registry", registry.close)
    with plugins.opening("registry", config.registry.driver if given.registry is None else type(registry).__name__):
        await registry.open()
    if in_file:
        note_registry_in_use(given.data_dir, settings)
    closing.close("the transport", transport.close)
    closing.close("the policy", policy.close)
    name = config.security.driver if given.policy is None else type(policy).__name__
    return PluginParts(registry, transport, policy, name, lock)


def _check_choices(given: Given) -> None:
    """Raises ConfigError when the config chooses what no plugin brings."""
    config, plugins = given.config, given.plugins
    chosen = (
        ("registry", "registry", config.registry, given.registry),
        ("transport", "lanes", config.lanes, given.transport),
        ("policy", "security", config.security, given.policy),
    )
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
    """What is for the policy; how long it may take is for the gate."""
    return {key: value for key, value in config.security.settings.items() if key != "timeout"}
