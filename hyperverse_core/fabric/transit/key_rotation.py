"""KeyRotation: replaces the key of this machine while it and the other machines keep running.

The new key is admitted everywhere, then proved on the lanes to other machines, and then on a separate listener, whose
address is announced in the directory. Both keys are valid for a while. Each lane is replaced once the new lane is up,
so no wave is lost.
"""

from __future__ import annotations

import asyncio

from ...contracts.lane import LaneTransport
from ...errors import BadRequest, HyperverseError, Unavailable
from ...scheduling.guarded_log import guarded_log
from ..cluster.admission import Admission
from ..cluster.membership import Listening, Membership
from ..cluster.trusted_keys import TrustedKeys
from .switchboard import Switchboard

__all__ = ["KeyRotation"]

_log = guarded_log("hyperverse.lane")
_NEWS = 1.0
"""Seconds in which other machines learn about a key."""
_SECONDS = 5.0
"""Seconds in which the lanes to other machines are replaced; a machine that needs longer counts as unreachable."""
_AGAIN = 1.0
"""Seconds until ending a key is tried again if the registry cannot be reached."""


class KeyRotation:
    """Replaces the key of this machine.

    Args:
        machine: name of this machine.
        lease: seconds within which the other machines have read where this machine listens.
        transport: makes keys.
        keys: stores them.
        admission: admits keys, and ends them.
        board: the lanes.
        membership: announces where this machine listens.
    """

    def __init__(
        self,
        machine: str,
        lease: float,
        *,
        transport: LaneTransport,
        keys: TrustedKeys,
        admission: Admission,
        board: Switchboard,
        membership: Membership,
    ) -> None:
        self._machine = machine
        self._lease = lease
        self._transport = transport
        self._keys = keys
        self._admission = admission
        self._board = board
        self._membership = membership
        self._endpoint = "stars"
        self._turn = asyncio.Lock()
        self._ends: set[asyncio.Task[None]] = set()
        self._closed = False

    async def rotate(self, keep: float, address: str = "", advertise: str = "") -> dict[str, str]:
        """Switches to a new key. Returns the ``key``, and the ``address`` of its listener.

        Args:
            keep: seconds for which the previous key stays valid; at least a lease, so that every machine can follow.
            address: the address to listen at with the new key until the next start; empty for the configured address.
            advertise: the address announced to others; empty for the address of the listener.

        Raises:
            BadRequest: the transport proves no keys.
            Conflict: the config fixes the address.
            ConfigError: the key cannot be stored.
            Unavailable: the registry cannot be reached, or the machine is stopping. The previous key then stays valid.
        """
        if not self._transport.proves_peers:
            raise BadRequest("the transport uses no keys, so no key can be replaced")
        async with self._turn:
            if self._closed:
                raise Unavailable("the machine is stopping", retry_after=1.0)
            identity = self._transport.new_identity()
            endpoint, told = await self._board.listener.open_beside(identity, address, advertise)
            before = await self._admission.announce(identity.public)
            await asyncio.sleep(_NEWS)
            await self._board.prove(identity, _SECONDS)
            self._keys.replace(self._machine, identity)
            self._admission.take(identity.public)
            await self._membership.listen_at(Listening(told, identity.public))
            seconds = max(keep, self._lease)
            task = asyncio.get_running_loop().create_task(
                self._end_later(self._endpoint, before, seconds), name="the end of a key"
            )
            self._ends.add(task)
            task.add_done_callback(self._ends.discard)
            self._endpoint = endpoint
        _log.info("this machine has a new key, at %s; the previous one stays valid for %g s", told, seconds)
        return {"key": identity.public, "address": told}

    async def _end_later(self, endpoint: str, key: str, seconds: float) -> None:
        await asyncio.sleep(seconds)
        self._board.end_key(endpoint)
        while True:
            try:
                await self._admission.end(key)
            except HyperverseError as exc:  # the next start also tries it
                _log.warning("the previous key could not be ended: %s", exc)
                await asyncio.sleep(_AGAIN)
            else:
                _log.info("the previous key has ended")
                return

    async def close(self) -> None:
        """Stops waiting for keys that have not ended; the next start ends them."""
        self._closed = True
        for task in self._ends:
            task.cancel()
        await asyncio.gather(*self._ends, return_exceptions=True)
