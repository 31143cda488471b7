"""The gateways of a machine: opened when it can serve, closed before anything else."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...config import Config
from ...config.check import Fault
from ...contracts.gateway import Gateway, GatewayHost
from ...contracts.registry import Registration, Registry, Status, Strategy, TokenRecord
from ...contracts.tokens import token_digest
from ...data_dir.tokens import ensure_token
from ...errors import ConfigError, HyperverseError, NotFound, PluginError, described
from ...plugins import PluginSet
from ...scheduling.cancellation import ends_task
from ...universe.address.point import HYPERUSER, Point
from ...universe.kinds.kind import Kind

__all__ = ["CONTROL", "Gateways"]

CONTROL = "control"
"""The gateway for the ``hyperverse`` program and for Python clients; its settings are those of ``[control]``."""
_FIRST = (
    (Point.parse("hyperspace"), Kind("Space")),
    (Point.parse("hyperspace:users"), Kind("UserBase")),
    (HYPERUSER, Kind("User")),
)
"""What there is from the first start on, besides the root."""
_log = logging.getLogger("hyperverse.gateway")


class Gateways:
    """Makes, opens and closes the gateways that the config asks for.

    Args:
        config: has ``[control]`` and ``[gateways.NAME]``.
        plugins: bring the gateways.
        host: what each of them may use.
        registry: is given the owner's token.
        data_dir: where the owner's token lies.
    """

    def __init__(
        self, config: Config, plugins: PluginSet, host: GatewayHost, registry: Registry, data_dir: Path
    ) -> None:
        self._config = config
        self._plugins = plugins
        self._host = host
        self._registry = registry
        self._data_dir = data_dir
        self._made: dict[str, Gateway] = {}

    def check(self) -> None:
        """Raises ConfigError when the config names a gateway that no plugin brings."""
        faults = []
        for name in self._config.gateways:
            if name == CONTROL:
                faults.append(str(Fault(f"gateways.{name}", "is built in", "its settings stand in [control]")))
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
        """Opens them, one after the other. Raises what keeps one from opening: ConfigError, Unavailable,
        PluginError."""
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
        """Makes the token file of the data directory, unless it is there. Whoever can read it is the hyperuser."""
        known = token_digest(ensure_token(self._data_dir))
        label = f"owner of {self._data_dir}"
        if await self._registry.token(known) is None:
            await self._registry.add_token(TokenRecord(known, HYPERUSER, label, created=time.time()))
        for token in await self._registry.tokens():  # an earlier content of the file opens nothing any more
            if token.agent == HYPERUSER and token.label == label and token.digest != known:
                await self._registry.revoke_token(token.digest)

    async def _found_users(self) -> None:
        """Registers the space of the platform's own users, unless it is there."""
        known = await self._registry.records([point for point, _ in _FIRST])
        for point, kind in _FIRST:
            if point not in known:
                registration = Registration(point, kind, HYPERUSER, strategy=Strategy.ENSURE, status=Status.READY)
                await self._registry.register(registration)

    def get(self, name: str) -> Gateway | None:
        """The gateway of that name, if it was made."""
        return self._made.get(name)

    def addresses(self) -> dict[str, str]:
        """Where agents connect, by the name of the gateway."""
        return {name: gateway.address for name, gateway in self._made.items()}

    async def close(self) -> None:
        """Closes them, the last one first. One that fails does not keep the others."""
        for name, gateway in reversed(self._made.items()):
            try:
                await gateway.close()
            except HyperverseError as exc:
                _log.warning("the gateway %s could not be closed: %s", name, exc)
            except BaseException as exc:
                if ends_task(exc):
                    raise
                _log.exception("the gateway %s could not be closed", name)
