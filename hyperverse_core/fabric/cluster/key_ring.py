"""KeyRing: the interface through which an administrator changes the admitted machines."""

from __future__ import annotations

from collections.abc import Mapping

from ...config import Config
from ...contracts.lane import LaneTransport
from ...errors import BadRequest, ConfigError
from .trusted_keys import TrustedKeys

__all__ = ["KeyRing"]


class KeyRing:
    """Lists and changes the keys of a data directory, and refuses invalid names and keys.

    Args:
        keys: the key files.
        transport: knows the form of a key.
    """

    def __init__(self, keys: TrustedKeys, transport: LaneTransport) -> None:
        self._keys = keys
        self._transport = transport

    def names(self) -> Mapping[str, str]:
        """Returns the admitted public keys, by the name of the machine."""
        return self._keys.let_in()

    def check(self, machine: str, key: str) -> None:
        """Raises BadRequest if ``machine`` is not a valid name of a machine, or ``key`` is not a valid public key."""
        try:
            Config(name=machine)  # the configuration defines the rule
        except ConfigError:
            raise BadRequest(
                f"{machine!r} is not the name of a machine",
                hint="a name has lower-case letters and digits, a letter first; `hyperverse status` shows it there",
            ) from None
        try:
            self._transport.check_key(key)
        except BadRequest as exc:
            raise BadRequest(
                f"{key!r} is not the public key of a machine: {exc.message}",
                hint=f"{exc.hint}; `hyperverse keys show` on that machine prints its key",
            ) from exc

    def allow(self, machine: str, key: str) -> None:
        """Admits ``machine`` with ``key``. Raises BadRequest as :meth:`check`, and Conflict as
        :meth:`TrustedKeys.allow`."""
        self.check(machine, key)
        self._keys.allow(machine, key)

    def remove(self, machine: str) -> None:
        """Revokes the admission of ``machine``. Raises NotFound."""
        self._keys.remove(machine)
