"""Admission: machines that the registry admits, in addition to those whose keys are in the data directory.

A new host joins with an invitation. Using the invitation puts its key into the registry, where every machine finds it
and where the new host finds the keys of the others. A further machine of a data directory is admitted because another
machine of that directory is. A removed key is not admitted anywhere, even if it is in a data directory.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Callable, Iterable

import attrs

from ...contracts.lane import LaneTransport
from ...contracts.registry import Change, ChangeKind, MachineKey, Registry
from ...contracts.tokens import token_digest
from ...errors import BadRequest, ConfigError, Conflict, HyperverseError, NotFound, Unauthorized, did_you_mean
from ...scheduling.guarded_log import guarded_log
from .trusted_keys import TrustedKeys

__all__ = ["Admission"]

_log = guarded_log("hyperverse.lane")
_BYTES = 32
_FORM = re.compile(r"inv_[A-Za-z0-9_-]{43}")
"""Bytes that the 43 characters of an invitation encode."""
_AGAIN = 0.5
"""Seconds until keys are read again if the registry could not be reached."""


class Admission:
    """Gets this machine admitted, admits and removes other machines, and follows the keys in the registry.

    Args:
        machine: name of this machine.
        transport_name: the configured name of the transport; each transport has its own form of keys.
        invitation: the invitation with which this machine joins; empty for none.
        registry: stores the keys.
        keys: the keys that lanes accept; gets the keys of the registry.
        transport: makes the keys of this machine.
        changed: called when the set of admitted keys has changed.
        dismissed: called once if the key of this machine is removed.
    """

    def __init__(
        self,
        machine: str,
        transport_name: str,
        invitation: str,
        *,
        registry: Registry,
        keys: TrustedKeys,
        transport: LaneTransport,
        changed: Callable[[], None],
        dismissed: Callable[[], None],
    ) -> None:
        self._machine = machine
        self._transport_name = transport_name
        self._invitation = invitation
        self._registry = registry
        self._keys = keys
        self._transport = transport
        self._changed = changed
        self._dismissed = dismissed
        self._own = ""
        self._stale = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    # -- this machine -------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Gets this machine admitted, and follows the keys from now on.

        Raises:
            ConfigError: there is an invitation, and the transport has no keys or the registry keeps none.
            Unauthorized: the invitation is not valid, or this machine was removed.
            Conflict: another machine of the same name is admitted.
            Unavailable: the registry cannot be reached.
        """
        if not self._transport.proves_peers:
            if self._invitation:
                raise ConfigError(
                    f"the transport {self._transport_name!r} proves no keys, so invitations do not work",
                    hint="start without it: machines show `machine_credentials` of [lanes] there",
                )
            return
        self._own = self._keys.own(self._machine, self._transport).public
        await self._come_in()
        for key in self._keys.replaced(self._machine):  # this process does not use them
            await self.end(key)
        await self._read()
        self._task = asyncio.get_running_loop().create_task(self._follow(), name="keys of machines")

    async def _come_in(self) -> None:
        known = [key for key in await self._registry.machine_keys() if key.transport == self._transport_name]
        mine = next((key for key in known if key.key == self._own), None)
        if mine is not None and mine.admitted:
            return
        here = MachineKey(self._machine, self._transport_name, self._own)
        others = {key.key for key in known if key.admitted}
        if mine is None and not others.isdisjoint(self._keys.own_keys()):
            await self._registry.set_machine_keys([here])
        elif self._invitation:
            await self._spend(here, known)
        elif mine is not None:
            raise Unauthorized(
                f"machine {self._machine!r} was removed from this Hyperverse",
                hint="to admit it again, run `hyperverse machines invite` on an admitted machine, and start this "
                "one with the invitation",
            )

    async def _spend(self, here: MachineKey, known: Iterable[MachineKey]) -> None:
        self._check_form()
        if self._holders(here, known):
            raise self._name_is_taken(here)
        try:
            await self._registry.set_machine_keys([here], invitation=token_digest(self._invitation))
        except NotFound:
            raise Unauthorized(
                "the invitation is not valid: it was already used, has expired, or is for another Hyperverse",
                hint="`hyperverse machines invite` on an admitted machine prints a new one; the registry of that "
                "machine and of this one must be the same: see [registry]",
            ) from None
        if self._holders(here, await self._registry.machine_keys()):  # both joined at the same moment
            await self._registry.set_machine_keys([attrs.evolve(here, admitted=False)])
            raise self._name_is_taken(here)
        _log.info("machine %s was admitted by an invitation", here.machine)

    def _check_form(self) -> None:
        """Raises Unauthorized if the text cannot be an invitation, for example because it was truncated."""
        if _FORM.fullmatch(self._invitation) is None:
            raise Unauthorized(
                f"the invitation is not valid: it has {len(self._invitation)} characters, but must have 47 and begin "
                "with 'inv_'",
                hint="copy the whole line that `hyperverse machines invite` prints",
            )

    def _holders(self, here: MachineKey, known: Iterable[MachineKey]) -> list[MachineKey]:
        """Returns the admitted keys of other machines with this machine's name."""
        return [
            key
            for key in known
            if (key.transport, key.machine) == (here.transport, here.machine) and key.key != here.key and key.admitted
        ]

    def _name_is_taken(self, here: MachineKey) -> Conflict:
        return Conflict(
            f"a machine {here.machine!r} with another key is already admitted",
            hint="choose another name with `--name`; if this is the same machine with new keys, run `hyperverse "
            f"machines remove {here.machine}` on another one first",
        )

    async def announce(self, key: str) -> str:
        """Gets another key of this machine admitted everywhere, in addition to the current one. Returns the current
        one. Raises ConfigError, Unavailable."""
        before = self._own
        self._keys.keep_replaced(self._machine, [*self._keys.replaced(self._machine), before, key])
        both = [MachineKey(self._machine, self._transport_name, one) for one in (before, key)]
        await self._registry.set_machine_keys(both)
        return before

    def take(self, key: str) -> None:
        """Switches this machine to a key that it has announced. Raises ConfigError."""
        self._own = key
        self._drop_replaced(key)

    async def end(self, key: str) -> None:
        """Ends a former key of this machine, which is then no longer admitted. Raises ConfigError, Unavailable."""
        if key != self._own:
            ended = MachineKey(self._machine, self._transport_name, key, admitted=False)
            await self._registry.set_machine_keys([ended])
        self._drop_replaced(key)

    def _drop_replaced(self, key: str) -> None:
        left = [other for other in self._keys.replaced(self._machine) if other != key]
        self._keys.keep_replaced(self._machine, left)

    # -- other machines -----------------------------------------------------------------------------------

    async def invite(self, seconds: float) -> str:
        """Returns the text of an invitation for one host. From now on the registry admits the machines of this data
        directory, so that the new host accepts them.

        Args:
            seconds: seconds for which the invitation is valid.

        Raises BadRequest if the transport has no keys by which machines could be admitted, and Unavailable.
        """
        if not self._transport.proves_peers:
            raise BadRequest(
                f"the transport {self._transport_name!r} proves no keys, so nobody can be invited",
                hint="machines show `machine_credentials` of [lanes] instead",
            )
        known = {key.key for key in await self._registry.machine_keys() if key.transport == self._transport_name}
        own = self._keys.own_keys()
        new = [MachineKey(name, self._transport_name, key) for key, name in own.items() if key not in known]
        if new:
            await self._registry.set_machine_keys(new)
        text = f"inv_{secrets.token_urlsafe(_BYTES)}"
        await self._registry.add_invitation(token_digest(text), seconds)
        return text

    async def keys_of(self, machine: str) -> list[MachineKey]:
        """Returns the keys of a machine that are admitted anywhere, as far as this machine knows: by the registry, by
        this data directory, or announced with its stars. Raises NotFound, and BadRequest for this machine itself."""
        if machine == self._machine:
            raise BadRequest(
                f"machine {machine!r} cannot remove itself", hint="ask another machine, or stop it: `hyperverse down`"
            )
        known = await self._registry.machine_keys()
        found = {(key.transport, key.key): key for key in known if key.machine == machine}
        announced = {star.server_key for star in await self._registry.stars() if star.machine == machine}
        by_hand = {key for name, key in self._keys.names().items() if name == machine}
        for text in (announced | by_hand) - {"", *(key.key for key in known)}:
            found[self._transport_name, text] = MachineKey(machine, self._transport_name, text)
        admitted = [key for key in found.values() if key.admitted]
        if not admitted:
            names = {key.machine for key in known if key.admitted} | set(self._keys.names())
            raise NotFound(
                f"no machine {machine!r} is admitted{did_you_mean(machine, names)}", hint="see `hyperverse machines`"
            )
        return admitted

    async def remove(self, keys: Iterable[MachineKey]) -> None:
        """Removes the admission of the holders of keys everywhere, and removes their stars from the directory. Raises
        Unavailable."""
        removed = [attrs.evolve(key, admitted=False) for key in keys]
        await self._registry.set_machine_keys(removed)
        names = {key.machine for key in removed}
        await self._registry.withdraw([star for star in await self._registry.stars() if star.machine in names])

    # -- following the registry ---------------------------------------------------------------------------

    def changed(self, change: Change) -> None:
        """Handles a change of the registry."""
        if change.kind is ChangeKind.MACHINE:
            self._stale.set()

    def lost(self) -> None:
        """Reads the keys again, because changes were missed."""
        self._stale.set()

    async def _follow(self) -> None:
        while True:
            await self._stale.wait()
            self._stale.clear()
            try:
                await self._read()
            except HyperverseError as exc:  # admitted keys stay admitted until something else is known
                _log.warning("the keys of machines could not be read: %s", exc)
                self._stale.set()
                await asyncio.sleep(_AGAIN)

    async def _read(self) -> None:
        known = [key for key in await self._registry.machine_keys() if key.transport == self._transport_name]
        if not self._keys.share({key.key: key.machine if key.admitted else "" for key in known}):
            return
        self._changed()
        if any(key.key == self._own and not key.admitted for key in known):
            _log.error("machine %s was removed from this Hyperverse, so it stops", self._machine)
            self._dismissed()

    async def close(self) -> None:
        """Stops following."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
