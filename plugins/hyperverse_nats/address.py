"""Addresses and subjects. An address has the form ``nats:NAME``, whichever server of a cluster carries it."""

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
    """Returns the name in an address. Raises BadRequest when the text is not an address."""
    found = _NAME.fullmatch(address)
    if found is None:
        raise BadRequest(
            f"not an address: {address!r}", hint="nats:NAME, where NAME has up to 64 letters, digits, '-' and '_'"
        )
    return found[1]


def address_of(name: str) -> str:
    """Returns the address with that name."""
    return f"nats:{name}"


def chosen_name(endpoint: Endpoint) -> str:
    """Returns a name for an endpoint that was given none. The name is derived from the endpoint's key, so a machine
    keeps its address when it starts again, and no other machine has the same one on any host."""
    key = hashlib.sha256(f"{endpoint.name} {endpoint.identity.public}".encode()).hexdigest()
    return f"{re.sub(r'[^A-Za-z0-9_-]', '-', endpoint.name)[:24]}-{key[:24]}"


@attrs.frozen
class Subjects:
    """The subjects that machines use.

    Attributes:
        prefix: the first part of every subject.
    """

    prefix: str

    def listener(self, name: str) -> str:
        """The subject to which peers send to connect to an address."""
        return f"{self.prefix}.listen.{name}"

    def inbox(self, session: bytes, link: bytes) -> str:
        """The subject at which one end of one connection gets its messages."""
        return f"{self.prefix}.in.{session.hex()}.{link.hex()}"

    def inboxes(self, session: bytes) -> str:
        """All inboxes of a session."""
        return f"{self.prefix}.in.{session.hex()}.*"

    def here(self, session: bytes) -> str:
        """The subject on which a session announces that it is alive."""
        return f"{self.prefix}.here.{session.hex()}"
