"""SecurityPolicy: who somebody is, and what they may do."""

from __future__ import annotations

import abc
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import attrs

from ..universe.access.access import Access
from ..universe.access.scope import Scope
from ..universe.address.point import Point
from .registry import ParticleRecord, Registry

__all__ = ["Knock", "Need", "PolicyView", "SecurityPolicy"]


@attrs.frozen
class Knock:
    """What a client shows at the door.

    Attributes:
        token: the secret it shows, empty for none.
        peer_key: the public key its connection has proved, empty for none.
        address: where it comes from, for logs.
    """

    token: str = attrs.field(default="", repr=False)
    peer_key: str = ""
    address: str = ""


@attrs.frozen
class Need:
    """What a target must grant.

    Attributes:
        permission: one of ``c s d r w x`` (create, select, delete children; read, write, execute), or empty.
        privilege: the name of a privilege that is needed too, or empty.
    """

    permission: str = ""
    privilege: str = ""


@attrs.frozen
class PolicyView:
    """What a policy may ask: the registry, and the fabric's cached records.

    Attributes:
        registry: the registry of this Hyperverse.
        records: looks many records up, from the fabric's cache where it can.
    """

    registry: Registry
    records: Callable[[tuple[Point, ...]], Awaitable[Mapping[Point, ParticleRecord]]]


class SecurityPolicy(abc.ABC):
    """Contract of a policy. The fabric asks it once and keeps the answer until something that it may rest on
    changes in the registry (an owner, a grant, a deletion), so an answer must depend on the arguments and the
    registry only, never on the time or the content of a wave.

    Args:
        settings: the policy's own table of the config.
    """

    def __init__(self, settings: Mapping[str, Any] | None = None) -> None:
        self.settings = dict(settings or {})

    @abc.abstractmethod
    async def open(self, view: PolicyView) -> None:
        """Called once before anything else is asked."""

    async def close(self) -> None:
        """Called once when the machine stops."""

    @abc.abstractmethod
    async def authenticate(self, knock: Knock) -> Point:
        """The agent that the bearer of ``knock`` acts as. Raises Unauthorized; the text names no secret."""

    @abc.abstractmethod
    async def authorize(
        self, agent: Point, need: Need, target: ParticleRecord, *, scope: Scope | None = None
    ) -> Access:
        """What ``agent`` may do on ``target``, if that covers ``need``. Raises Forbidden with the reason otherwise.

        Args:
            scope: bounds that are set on the wave; None sets none.
        """

    @abc.abstractmethod
    async def access(self, agent: Point, target: ParticleRecord) -> Access:
        """All that ``agent`` may do on ``target``."""

    def forget(self) -> None:
        """Something in the registry has changed that answers may rest on: drop what is cached."""
