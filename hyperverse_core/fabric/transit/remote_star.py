"""Stars of other machines, as places to which waves can be sent."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, Protocol

from ...errors import HyperverseError, Unavailable
from ...protocol.repeats import NoAnswer
from ...universe.address.star_key import StarKey
from ...universe.waves.wave import Directed, Ping, Pong
from ..cluster.directory import Directory
from ..stars.star import Star

__all__ = ["RemoteStar", "RemoteStars"]


class RequestPort(Protocol):
    """Carries waves to stars of other machines."""

    async def ask(self, remote: RemoteStar, wave: Directed, only: int = 0) -> Pong: ...

    def tell(self, remote: RemoteStar, wave: Directed) -> None: ...


class RemoteStar:
    """One star of another machine. It is also its own ``star``, as in ``remote.star.text``.

    Attributes:
        key, text: key of the star, and the key as text.
    """

    __slots__ = ("_requests", "key", "star", "text")

    remote = True

    def __init__(self, requests: RequestPort, key: StarKey) -> None:
        self._requests = requests
        self.key = key
        self.text = str(key)
        self.star = self

    def receive(self, wave: Directed) -> Coroutine[Any, Any, Pong]:
        """Sends a wave and waits for the answer. Raises NotHostedHere if the star does not have the particle."""
        return self._requests.ask(self, wave)

    def accept(self, wave: Directed) -> None:
        """Passes a Signal to the lane. Raises Unavailable if there is none."""
        self._requests.tell(self, wave)


class RemoteStars:
    """The stars of other machines, one object for each."""

    def __init__(self, directory: Directory, requests: RequestPort, home: Star) -> None:
        self._directory = directory
        self._requests = requests
        self._home = home
        self._known: dict[StarKey, RemoteStar] = {}

    def of(self, key: StarKey) -> RemoteStar:
        """Returns the object for a star of another machine. Raises Unavailable if no such star is announced."""
        if key not in self._directory.records:
            raise Unavailable(f"{key} is not in the directory of stars", retry_after=1.0)
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = RemoteStar(self._requests, key)
        return known

    async def ask_again(self, lost: NoAnswer, wave: Ping) -> Pong:
        """Repeats an unanswered Ping at the same star in the same incarnation, because the machine may have restarted
        without this machine knowing it."""
        try:
            return await self._requests.ask(self.of(StarKey.parse(lost.star)), wave, lost.incarnation)
        except HyperverseError as exc:
            return self._home.refusal(wave, exc)
