"""The directory of stars."""

from __future__ import annotations

import abc
from collections.abc import Collection, Sequence

from ...universe.address.star_key import StarKey
from .records import StarRecord

__all__ = ["StarRegistry"]


class StarRegistry(abc.ABC):
    """The part of a :class:`Registry` with the directory of stars. :class:`Registry` says what holds for every
    method."""

    @abc.abstractmethod
    async def announce(self, star: StarRecord) -> StarRecord:
        """Enters ``star`` into the directory with its next incarnation. From then on, no assignment to an earlier
        incarnation holds, nor to the incarnation of the given record or an earlier one, whatever the directory says: a
        restored store may know of fewer incarnations than there were. A machine may announce again a star that it holds
        already.

        Returns:
            the record with its new incarnation, and 0 renewals.

        Raises:
            Conflict: another machine holds the star.
        """

    @abc.abstractmethod
    async def renew(self, stars: Sequence[StarRecord]) -> None:
        """Counts one renewal for each of ``stars``, and stores ``particles``, ``kinds``, ``links``, ``address``,
        ``server_key``, ``draining`` and ``facts`` of the given records. Renews all or none, in one small write. The
        change feed does not report changes of ``particles`` and ``facts``.

        Raises:
            NotHostedHere: one of the incarnations is no longer the announced one. The message names the star.
        """

    @abc.abstractmethod
    async def withdraw(self, stars: Sequence[StarRecord]) -> None:
        """Removes those of ``stars`` from the directory whose incarnation is the announced one, and skips the others.
        No assignment to them holds from then on."""

    @abc.abstractmethod
    async def expire(self, star: StarRecord) -> bool:
        """Withdraws ``star`` if its incarnation and ``renewals`` are still those of the given record.

        The caller has seen both unchanged for so long that the star must have stopped serving.

        Returns:
            whether the star was withdrawn.
        """

    @abc.abstractmethod
    async def stars(self, keys: Collection[StarKey] | None = None) -> list[StarRecord]:
        """Returns those of the stars with ``keys`` that are announced, or the whole directory when ``keys`` is None, in
        the order of their keys. The cost of reading some keys does not depend on the number of stars."""
