"""The questions to a policy: who a client or machine is, and whether an agent may do something."""

from __future__ import annotations

import attrs

from ...universe.access.scope import Scope
from ...universe.address.point import Point
from ..registry import ParticleRecord

__all__ = ["Credentials", "Identified", "Need", "Request", "Vouched"]


@attrs.frozen
class Vouched:
    """An agent that a gateway has identified itself, for example with an OpenID provider, in place of a token.

    Attributes:
        agent: the agent in whose name the client acts.
        expires: when this identification expires, in seconds since 1970.
        name: the name of what proved it, for people; it contains no secret.
    """

    agent: Point
    expires: float
    name: str = ""


@attrs.frozen
class Credentials:
    """What a client, or a machine on a lane without proven keys, presents when it connects.

    Attributes:
        token: the secret that it presents, empty for none.
        peer_key: the public key that its connection has proved, empty for none.
        address: the address of its host, for logs; empty for a process of this computer.
        vouched: the agent that a gateway of this machine has identified; None for none. It is never set from outside. A
            policy that ignores it sees credentials without a token.
    """

    token: str = attrs.field(default="", repr=False)
    peer_key: str = ""
    address: str = ""
    vouched: Vouched | None = None


@attrs.frozen
class Identified:
    """The agent that a client is, as proved by its credentials.

    Attributes:
        agent: the agent in whose name it acts.
        scope: bounds of what it does in that name; None for none.
        expires: when the credentials expire, in seconds since 1970; None for never. The session ends then.
        name: the name of the credentials, for people; it contains no secret.
    """

    agent: Point
    scope: Scope | None = None
    expires: float | None = None
    name: str = ""


@attrs.frozen
class Need:
    """What a target must grant.

    Attributes:
        permission: ``c s d r w x`` (create, select, delete children; read, write, execute): one of them, several that
            are all required, or none.
        privilege: the name of a privilege that is also required, or empty.
        power: the access that a command about access requires: ``full`` access (``grant``, ``revoke``, ``token``),
            ``super`` access (``chown``), or empty. Only :meth:`SecurityPolicy.explain` is asked about it; the policy's
            administration carries out such commands, and decides for itself.
    """

    permission: str = ""
    privilege: str = ""
    power: str = ""

    def __str__(self) -> str:
        power = f"{self.power} access" if self.power else ""
        return " and ".join(part for part in (self.permission, self.privilege, power) if part) or "nothing"


@attrs.frozen
class Request:
    """One question to a policy: may ``agent`` do this?

    Attributes:
        agent: the agent in whose name it would be done.
        action: the method of a wave as text (``Ext<Add>``, ``Ext<Drain>``), or a command: ``create``, ``delete``,
            ``select``, ``get``, ``set``, ``watch``, ``grant``, ``revoke``, ``chown``, ``explain``, ``access``,
            ``token``. ``keys`` is reserved for a command that the platform does not carry out yet.
        need: what the target must grant for it.
        record: the target. For ``create``, ``delete`` and ``select`` it is the parent of the particles in question.
        scope: the bounds that the sender of the wave has set; None for none.
        chain: texts of the points whose handlers wait for the answer, outermost first.
        session: the session that the wave belongs to, empty for none.
        path: the path of the wave (``/products/cup``); ``/`` for a command, and for a wave without a path. An answer
            that rests on it holds for this request only.
    """

    agent: Point
    action: str
    need: Need
    record: ParticleRecord
    scope: Scope | None = None
    chain: tuple[str, ...] = ()
    session: str = ""
    path: str = "/"
