"""A star of another machine, as a place that takes waves."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from ...universe.address.star_key import StarKey
from ...universe.waves.wave import Directed, Pong

if TYPE_CHECKING:
    from ..machine import Machine

__all__ = ["RemoteStar"]


class RemoteStar:
    """Hands waves to the exchange. It stands for its own star: ``far.star.text``.

    Attributes:
        key, text: of the star.
        incarnation: in which it is announced, kept up by the switchboard.
    """

    __slots__ = ("_machine", "incarnation", "key", "text")

    remote = True

    def __init__(self, machine: Machine, key: StarKey) -> None:
        self._machine = machine
        self.key = key
        self.text = str(key)
        self.incarnation = 0

    @property
    def star(self) -> RemoteStar:
        """Itself."""
        return self

    def receive(self, wave: Directed) -> Coroutine[Any, Any, Pong]:
        """Sends it and waits for the answer. Raises NotHostedHere when the star does not have the particle."""
        return self._machine.exchange.ask(self, wave)

    def accept(self, wave: Directed) -> None:
        """Hands a Signal to the lane. Raises Unavailable when there is none."""
        self._machine.exchange.tell(self, wave)
