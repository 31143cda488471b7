"""The rules for repeated waves on which both ends of a lane agree."""

from __future__ import annotations

from ..universe.waves.wave import Pong

__all__ = ["HARMLESS", "NoAnswer"]

HARMLESS = frozenset({"Cmd<Bounce>", "Cmd<Read>", "Http<Get>", "Http<Head>", "Http<Options>"})
"""Methods that change nothing. A wave with one of them may run any number of times."""


class NoAnswer(Pong, eq=False):
    """The reply of this side if the star that received a wave did not answer. The handler may or may not have run.

    Attributes:
        incarnation: incarnation of the star to which the wave was sent.
    """

    incarnation: int = 0
