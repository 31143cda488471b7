"""The contract of a registry as a whole: its life, what is atomic, and which errors its methods raise."""

from __future__ import annotations

import abc
from collections.abc import Sequence
from typing import Self

from .feed import FeedRegistry
from .particles import ParticleRegistry
from .places import PlaceRegistry
from .records import Trouble
from .stars import StarRegistry
from .trust import TrustRegistry

__all__ = ["Registry"]


class Registry(ParticleRegistry, PlaceRegistry, StarRegistry, TrustRegistry, FeedRegistry):
    """Contract of a registry. It consists of five smaller contracts, so that code can ask for the part that it uses.

    Every method is atomic: it happens completely or not at all, and what it wrote survives a crash of the process once
    it has returned. Many tasks of one event loop may call all methods at the same time, and several processes may have
    the same registry open.

    An assignment holds as long as its star is announced in that incarnation. When the star is withdrawn, expires, or is
    announced again, the registry writes nothing for each of its particles, of which there may be a million: one STAR
    entry of the change feed informs everybody, and an assignment that no longer holds reads as None from then on.

    Names and values of properties may be any text, and are returned unchanged. (Two halves of a surrogate pair that
    stand side by side may be returned as the one character that they encode.) The other texts are those of tokens, keys
    of machines, invitations and stars. They may contain every character except NUL and single halves of surrogate
    pairs, which not every database can store. A write with one of these raises BadRequest before anything is written
    (:func:`check_texts`, :func:`check_text`), and a look-up by such a text finds nothing.

    Pages and lists of particles are in the order of the points, which is the order of their texts with ROOT first.

    Raises:
        NotFound, Conflict, NotHostedHere: as each method says. Nothing was written then.
        BadRequest: a text cannot be stored, see above. Nothing was written then.
        Unavailable: any method; the store cannot be reached or is full. Nothing was written.
        OutcomeUnknown: any method that writes; the connection to the store broke, and the registry could not find out
            whether the write was committed. A registry raises it only if that remains unknown.
        ConfigError: only :meth:`open`; the store cannot be used at all.
    """

    @abc.abstractmethod
    async def open(self) -> None:
        """Makes the registry ready. Creates an empty store if there is none: it contains only its root, the point
        ``ROOT`` of the Kind Root, owned by the hyperuser.

        Raises:
            ConfigError: the store was written by a newer version, or cannot be used.
        """

    async def __aenter__(self) -> Self:
        """Opens it, for ``async with``."""
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Closes it."""
        await self.close()

    @abc.abstractmethod
    async def close(self) -> None:
        """Finishes the calls in progress, and closes the store: who waits in :meth:`changes` gets no entries or
        Unavailable, and every later call raises Unavailable. May be called twice, also when its caller was
        cancelled."""

    def trouble(self) -> str:
        """Returns what prevents writes to the store, as ``hyperverse status`` shows it; empty when no such cause is
        known. It must return at once."""
        return ""

    def troubles(self) -> Sequence[Trouble]:
        """Returns further problems, as ``hyperverse status`` shows them: writes that take long, a log that grows. It
        must return at once. The default returns nothing."""
        return ()
