"""Addresses and subjects. An address is ``nats:NAME``: it is the same whichever server of a cluster carries it."""

from __future__ import annotations

import hashlib
import re
from typing import Final

import attrs

from hyperverse_core.errors import BadRequest
from hyperverse_core.transport import Endpoint

__all__ = ["Subjects", "address_of", "chosen_name", "name_of"]

_NAME: Final = re.compile(r"nats:([A-Za-z0-9_-]{1,64})")


def name_of(address: str) -> str:
    """The name in an address. Raises BadRequest when it is not an address."""
    found = _NAME.fullmatch(address)
    if found is None:
        raise BadRequest(
            f"not an address: {address!r}", hint="nats:NAME, where NAME has up to 64 letters, digits, '-' and '_'"
        )
    return found[1]


def address_of(name: str) -> str:
    """The address with that name."""
    return f"nats:{name}"


def chosen_name(endpoint: Endpoint) -> str:
    """A name for an endpoint that was given none. It comes from its key: so a machine that starts again has the same
    address, and no other one has it, on whatever host."""
    key = hashlib.sha256(f"{endpoint.name} {endpoint.identity.public}".encode()).hexdigest()
    return f"{re.sub(r'[^A-Za-z0-9_-]', '-', endpoint.name)[:24]}-{key[:24]}"


@attrs.frozen
class Subjects:
    """The subjects that machines use.

    Attributes:
        prefix: their first part.
    """

    prefix: str

    def listener(self, name: str) -> str:
        """Where those attempt who want to connect to an address."""
        return f"{self.prefix}.listen.{name}"

    def inbox(self, session: bytes, link: bytes) -> str:
        """Where one end of one connection gets its messages."""
        return f"{self.prefix}.in.{session.hex()}.{link.hex()}"

    def inboxes(self, session: bytes) -> str:
        """All inboxes of a session."""
        return f"{self.prefix}.in.{session.hex()}.*"

    def here(self, session: bytes) -> str:
        """Where a session says that it lives."""
        return f"{self.prefix}.here.{session.hex()}"
