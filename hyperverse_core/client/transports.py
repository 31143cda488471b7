"""The lane transports of one client."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from ..contracts.lane import LaneTransport
from ..errors import UnknownTransport
from .search import SearchTarget

if TYPE_CHECKING:
    from ..plugins import PluginSet

__all__ = ["ClientTransports"]


class ClientTransports:
    """Makes a transport for each machine to which the client connects, and closes all of these transports.

    Args:
        given: transport to use for every machine instead; it is not closed.
        settings: settings by transport name, which override those that a machine has written down.
    """

    def __init__(self, given: LaneTransport | None, settings: Mapping[str, Mapping[str, Any]]) -> None:
        self._given = given
        self._settings = settings
        self._made: dict[str, tuple[dict[str, Any], LaneTransport]] = {}
        self._retired: list[LaneTransport] = []

    def of(self, target: SearchTarget) -> LaneTransport:
        """Returns the transport to a machine, creating it when it is first needed.

        Raises UnknownTransport, ConfigError if a setting is invalid, or PluginError if it cannot be created."""
        if self._given is not None:
            return self._given
        settings = {**target.settings, **self._settings.get(target.transport, {})}
        known = self._made.get(target.transport)
        if known is not None and known[0] == settings:
            return known[1]
        made = _make(target.transport, settings)
        if known is not None:
            self._retired.append(known[1])
        self._made[target.transport] = (settings, made)
        return made

    async def close(self) -> None:
        """Closes every transport that was created here. May be called twice."""
        transports = [*self._retired, *(transport for _, transport in self._made.values())]
        self._retired.clear()
        self._made.clear()
        for transport in transports:
            await transport.close()


def _make(name: str, settings: Mapping[str, Any]) -> LaneTransport:
    try:
        return _installed().transport(name, settings)
    except UnknownTransport:
        _installed.cache_clear()  # a missing plugin may have been installed since
        return _installed().transport(name, settings)


@cache
def _installed() -> PluginSet:
    """Returns the plugins. They are searched for once: that takes 15 ms, and hundreds of clients may connect at
    once."""
    from ..plugins import PluginSet

    return PluginSet.load()
