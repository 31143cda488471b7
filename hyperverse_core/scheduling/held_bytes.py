"""HeldBytes: counts the memory of waiting waves, for a machine and for each holder."""

from __future__ import annotations

from ..errors import Unavailable

__all__ = ["HeldBytes"]

_RETRY_AFTER = 0.1


class HeldBytes:
    """Counts the bytes that are held, and refuses more beyond a limit.

    Args:
        limit: bytes that may be held in total.
        each: bytes that one holder may have.

    Attributes:
        now: bytes that are held now.
        most: highest value that ``now`` has had.
        refused: number of times that bytes were refused.
    """

    __slots__ = ("_by_holder", "_each", "limit", "most", "now", "refused")

    def __init__(self, limit: int, each: int) -> None:
        self.limit = limit
        self._each = each
        self._by_holder: dict[object, int] = {}
        self.now = self.most = self.refused = 0

    def take(self, weight: int) -> None:
        """Adds ``weight`` bytes. Raises Unavailable if they are too many for the machine."""
        if self.now + weight > self.limit:
            self.refused += 1
            raise Unavailable(
                f"waves that wait on this machine take {self.now} bytes; {self.limit} are allowed",
                hint="see `limits.bytes` in the configuration",
                retry_after=_RETRY_AFTER,
            )
        self.now += weight
        self.most = max(self.most, self.now)

    def take_for(self, holder: object, weight: int, what: str) -> None:
        """Adds ``weight`` bytes for one holder.

        Raises:
            Unavailable: they are too many for the holder or for the machine.

        Args:
            holder: the holder of the bytes.
            weight: the bytes.
            what: name of the holder in an error.
        """
        held = self._by_holder.get(holder, 0) + weight
        if held > self._each:
            self.refused += 1
            raise Unavailable(
                f"waves that wait for {what} take {held - weight} bytes; {self._each} are allowed",
                hint="see `limits.mailbox_bytes` in the configuration",
                retry_after=_RETRY_AFTER,
            )
        self.take(weight)
        self._by_holder[holder] = held

    def give_for(self, holder: object, weight: int) -> None:
        """Subtracts ``weight`` bytes for one holder."""
        self.now -= weight
        left = self._by_holder[holder] - weight
        if left:
            self._by_holder[holder] = left
        else:
            del self._by_holder[holder]
