"""Opens the gateways of a machine once it can serve, and closes them before all other parts."""

from __future__ import annotations

import platform
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Final

from ....config import Config
from ....config.check import Fault
from ....contracts.gateway import Gateway, GatewayHost
from ....contracts.registry import Registration, Registry, Status, Strategy, TokenRecord
from ....contracts.tokens import token_digest
from ....data_dir.tokens import ensure_token
from ....errors import ConfigError, HyperverseError, NotFound, PluginError, described
from ....plugins import PluginSet
from ....scheduling.cancellation import ends_task
from ....scheduling.guarded_log import guarded_log
from ....universe.address.point import HYPERUSER, Point
from ....universe.kinds.kind import Kind

__all__ = ["CONTROL", "Gateways"]

CONTROL = "control"
"""The gateway for the ``hyperverse`` program and for Python clients; its settings are those of ``[control]``."""
_FIRST = (
    (Point.parse("hyperspace"), Kind("Space")),
    (Point.parse("hyperspace:users"), Kind("UserBase")),
    (HYPERUSER, Kind("User")),
)
"""The particles that exist from the first start on, in addition to the root."""
_OPERATE = ("stop", "drain")
_OF_OPERATORS: Final = "{{perm +csd-rwX on GLOBAL::machine, {}}}".format(
    ", ".join(f"priv machine:{what} on GLOBAL::machine" for what in _OPERATE)
)
"""The scope of a person who can read the token file of a data directory that has joined a Hyperverse: the machines of
that data directory, and no particle."""
_log = guarded_log("hyperverse.gateway")


class Gateways:
    """Creates, opens and closes the gateways in the config.

    Args:
        config: ``[control]`` and ``[gateways.NAME]`` describe the gateways.
        plugins: provides the gateways.
        host: the access of each gateway to the machine.
        registry: gets the owner's token.
        data_dir: the directory with the owner's token.
        admitted: receives the owner's token once the registry has it.
    """

    def __init__(
        self,
        config: Config,
        plugins: PluginSet,
        host: GatewayHost,
        registry: Registry,
        data_dir: Path,
        admitted: Callable[[str], Awaitable[None]],
    ) -> None:
        self._config = config
        self._plugins = plugins
        self._host = host
        self._registry = registry
        self._data_dir = data_dir
        self._admitted = admitted
        self._made: dict[str, Gateway] = {}
        on_a_server = "url" in config.registry.settings and config.registry.driver != Config().registry.driver
        self._shares_registry = on_a_server or bool(config.invitation)

    def check(self) -> None:
        """Raises ConfigError if the config names a gateway that no plugin provides."""
        faults = []
        for name in self._config.gateways:
            if name == CONTROL:
                faults.append(str(Fault(f"gateways.{name}", "is built in", "its settings are in [control]")))
                continue
            try:
                self._plugins.check("gateway", name)
            except NotFound as exc:
                faults.append(str(Fault(f"gateways.{name}", exc.message, exc.hint)))
        if faults:
            raise ConfigError(faults=faults)

    def _wanted(self) -> Mapping[str, Mapping[str, Any]]:
        control = {CONTROL: {"address": self._config.control.address}} if self._config.control.enabled else {}
        return {**control, **self._config.gateways}

    async def open(self) -> None:
        """Opens the gateways, one after the other. Raises ConfigError, Unavailable or PluginError if one cannot be
        opened."""
        wanted = self._wanted()
        if wanted:
            await self._found_users()
            await self._admit_owner()
        for name, settings in wanted.items():
            gateway = self._made[name] = self._plugins.gateway(name, settings)
            try:
                await gateway.open(self._host)
            except HyperverseError:
                raise
            except BaseException as exc:
                if ends_task(exc):
                    raise
                plugin = self._plugins.who_provides("gateway", name)
                raise PluginError(
                    f"the gateway {name!r} of plugin {plugin!r} cannot be opened: {described(exc)}"
                ) from exc

    async def _admit_owner(self) -> None:
        """Makes the token file of the data directory, unless it exists. A person who can read it is the hyperuser if
        the Hyperverse began with this data directory; if it has joined later, that person operates its machines."""
        own = ensure_token(self._data_dir)
        known = token_digest(own)
        tokens = [token for token in await self._registry.tokens() if token.agent == HYPERUSER]
        labels = [f"owner of {self._data_dir}{where}" for where in (f" on {platform.node()}", "")]
        if all(token.digest != known for token in tokens):
            joins = self._shares_registry and any(not token.scope and token.label not in labels for token in tokens)
            scope = _OF_OPERATORS if joins else ""
            await self._registry.add_token(TokenRecord(known, HYPERUSER, labels[0], scope, created=time.time()))
        for token in tokens:  # the earlier content of the file is revoked
            if token.label in labels[: 1 if self._shares_registry else 2] and token.digest != known:
                await self._registry.revoke_token(token.digest)
        await self._admitted(own)

    async def _found_users(self) -> None:
        """Registers the space of the platform's own users, unless it exists."""
        known = await self._registry.records([point for point, _ in _FIRST])
        for point, kind in _FIRST:
            if point not in known:
                registration = Registration(point, kind, HYPERUSER, strategy=Strategy.ENSURE, status=Status.READY)
                await self._registry.register(registration)

    def get(self, name: str) -> Gateway | None:
        """Returns the gateway of that name, or None if it was not created."""
        return self._made.get(name)

    async def rotate_key(self, keep: float, address: str) -> dict[str, str]:
        """Makes the gateway for clients present a new key; see :meth:`Gateway.rotate_key`. Returns the key, and the
        address where it is presented. Raises NotFound if there is no such gateway, and the errors of that method."""
        gateway = self._made.get(CONTROL)
        if gateway is None:
            raise NotFound("this machine has no gateway for clients", hint="see `enabled` in the table [control]")
        key = await gateway.rotate_key(keep, address)
        return {"key": key, "address": gateway.address}

    def addresses(self) -> dict[str, str]:
        """Returns the addresses for agents, by the name of the gateway."""
        return {name: gateway.address for name, gateway in self._made.items()}

    def invitations(self) -> dict[str, str]:
        """Returns the one-time addresses for the owner, by the name of the gateway."""
        return {name: gateway.invitation for name, gateway in self._made.items() if gateway.invitation}

    async def close(self) -> None:
        """Closes the gateways in reverse order. A failure of one does not prevent the others from closing."""
        for name, gateway in reversed(self._made.items()):
            try:
                await gateway.close()
            except HyperverseError as exc:
                _log.warning("the gateway %s could not be closed: %s", name, exc)
            except BaseException as exc:
                if ends_task(exc):
                    raise
                _log.exception("the gateway %s could not be closed", name)
