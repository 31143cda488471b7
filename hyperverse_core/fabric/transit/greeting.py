"""Greeting: determines which machines a lane admits, and which protocol number both use."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Awaitable, Callable

import attrs

from ..._version import __version__
from ...contracts.lane import Peer
from ...contracts.policy import Credentials
from ...errors import Unauthorized, Unavailable
from ...protocol.envelope import Hello
from ...protocol.versions import PROTOCOLS, Party, ProtocolRange, agreed_number
from ..cluster.trusted_keys import TrustedKeys

__all__ = ["Authenticate", "Greeting"]

Authenticate = Callable[[str, Credentials], Awaitable[None]]
"""Asks the policy whether these credentials belong to the machine of that name. Raises Unauthorized."""

_POLICY_SECONDS = 3.0


@attrs.define
class Greeting:
    """The first frame of this machine on a lane, and the checks of the frame that it receives.

    An admitted machine may act on behalf of any agent, so it must prove its identity. If the transport proves keys, the
    key of the connection is the proof. Otherwise the policy checks the credentials in its ``Hello``.

    Attributes:
        machine, constellation: the names that this machine announces.
        keys: the admitted keys.
        proves_peers: whether the transport proves the keys of peers.
        authenticate: asks the policy.
        credentials: the credentials that this machine presents if the transport does not prove keys.
        protocols: the protocol numbers that this machine understands.
    """

    machine: str
    constellation: str
    keys: TrustedKeys
    proves_peers: bool
    authenticate: Authenticate
    credentials: str = attrs.field(default="", repr=False)
    protocols: ProtocolRange = attrs.field(factory=lambda: PROTOCOLS)

    def hello(self) -> Hello:
        """The first frame of this machine, and its answer to the first frame of another."""
        numbers, shown = self.protocols, "" if self.proves_peers else self.credentials
        return Hello(numbers.speaks, self.machine, __version__, self.constellation, numbers.understands, shown)

    def proved(self, peer: Peer) -> bool:
        """Whether the transport has proved that the peer holds the key of its connection."""
        return self.proves_peers and bool(peer.key)

    def check_key(self, peer: Peer) -> None:
        """Checks the key of a connection before the peer sends anything. Raises Unauthorized."""
        if self.proved(peer) and not self.keys.holder(peer.key):
            allow = f"hyperverse keys allow NAME {shlex.quote(peer.key)}"
            raise Unauthorized(f"machine {self.machine!r} does not allow that key: allow it there: `{allow}`")

    def check_server(self, machine: str, key: str) -> None:
        """Checks that the key that another machine announced in the directory and has proved is admitted here. A
        machine whose key was removed gets only a greeting. Raises Unauthorized."""
        if self.proves_peers and key and self.keys.holder(key) != machine:
            allow = f"hyperverse keys allow {machine} {shlex.quote(key)}"
            raise Unauthorized(f"the key of machine {machine!r} is not allowed here: allow it: `{allow}`")

    def check_name(self, peer: Peer, hello: Hello) -> None:
        """Checks that a proved key belongs to the machine that says hello. Raises Unauthorized."""
        if self.keys.holder(peer.key) != hello.machine:
            raise Unauthorized(f"the key of this connection is not that of machine {hello.machine!r}")

    async def check_credentials(self, peer: Peer, hello: Hello) -> None:
        """Asks the policy about a machine whose key is not proved.

        Raises:
            Unauthorized: the policy rejects the credentials.
            Unavailable: the policy does not answer in time.
        """
        shown = Credentials(token=hello.credentials, address=peer.name)
        try:
            async with asyncio.timeout(_POLICY_SECONDS):
                await self.authenticate(hello.machine, shown)
        except TimeoutError:
            raise Unavailable(f"the policy has not answered within {_POLICY_SECONDS:g} s", retry_after=1.0) from None

    def agreed(self, hello: Hello) -> int:
        """Returns the protocol number that both machines use. Raises ProtocolError if there is none."""
        ours = Party(f"machine {self.machine!r}", __version__, self.protocols)
        theirs = ProtocolRange.announced(hello.protocol, hello.understands)
        return agreed_number(ours, Party(f"machine {hello.machine!r}", hello.version, theirs))
