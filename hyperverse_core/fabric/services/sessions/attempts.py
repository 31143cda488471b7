"""Attempts: slows a client that presents wrong tokens, by its key and by its address, before the policy is asked.

The first few wrong tokens cost nothing. After that, attempts from the same source take turns at a fixed rate, and an
attempt that would wait too long is refused with 429. A token that was accepted before is not slowed, so others behind
the same address cannot lock anybody out. docs/reference/access.md#wrong-tokens.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import ipaddress
from collections import OrderedDict
from collections.abc import AsyncIterator
from typing import Final

import attrs

from ....contracts.policy import Credentials
from ....errors import PolicyError, TooMany

__all__ = ["Attempts"]

_FREE_BY_KEY: Final = 5
_FREE_BY_ADDRESS: Final = 20
"""Number of wrong tokens from one source that cost nothing."""
_FORGIVEN: Final = 0.2
"""Number of wrong tokens that are forgotten per second."""
_PACE: Final = 0.05
"""Seconds between two attempts from one key or address that has presented too many wrong tokens."""
_AT_ONCE: Final = 32
"""Number of concurrent questions to the policy. At most that many more wrong tokens are checked before the first is
counted."""
_LONGEST: Final = 1.0
"""The longest that an attempt waits for its turn, in seconds."""
_MOST: Final = 10_000
"""Number of keys, of addresses and of tokens that are remembered; those not seen for the longest time are forgotten."""


@attrs.define
class _Source:
    """A key or an address that has presented wrong tokens.

    Attributes:
        mistakes: number of wrong tokens minus those already forgotten, at the time ``at``.
        at: the time of the last update of ``mistakes``.
        turn: when the next attempt may be made.
    """

    mistakes: float
    at: float
    turn: float = 0.0

    def left(self, now: float) -> float:
        """Returns the mistakes that still count."""
        return max(0.0, self.mistakes - (now - self.at) * _FORGIVEN)


class Attempts:
    """Counts the wrong tokens presented to one machine."""

    def __init__(self) -> None:
        self._sources: tuple[OrderedDict[str, _Source], OrderedDict[str, _Source]] = (OrderedDict(), OrderedDict())
        self._good: OrderedDict[bytes, None] = OrderedDict()
        self._asking = asyncio.Semaphore(_AT_ONCE)

    def __len__(self) -> int:
        """Returns how many keys, addresses and tokens are remembered."""
        return len(self._sources[0]) + len(self._sources[1]) + len(self._good)

    @contextlib.asynccontextmanager
    async def attempt(self, shown: Credentials) -> AsyncIterator[None]:
        """Wraps the identification of a client by these credentials, and first waits for its turn. Raises TooMany if
        the wait would be too long, and the errors raised inside; a refusal counts as a mistake."""
        waited = False
        while True:
            async with self._asking:
                wait = 0.0 if waited else self._wait(shown)
                if not wait:
                    try:
                        yield
                    except PolicyError:
                        self._wrong(shown)
                        raise
                    self._right(shown)
                    return
            await asyncio.sleep(wait)
            waited = True

    def _wait(self, shown: Credentials) -> float:
        """Returns the seconds until its turn. Raises TooMany if that is too long."""
        if not shown.token or _digest(shown) in self._good:
            return 0.0
        now = asyncio.get_running_loop().time()
        slowed = [found for found, free in self._found(shown) if found is not None and found.left(now) >= free]
        turn = max((now, *(source.turn for source in slowed)))
        if turn - now > _LONGEST:
            raise TooMany(
                "too many wrong tokens came from this key or address",
                hint="check the token; `hyperverse login` saves the right one",
                retry_after=_LONGEST,
            )
        for source in slowed:
            source.turn = turn + _PACE
        return turn - now

    def _wrong(self, shown: Credentials) -> None:
        """Counts a token that the policy does not know."""
        if not shown.token:
            return  # not a guess
        self._good.pop(_digest(shown), None)
        now = asyncio.get_running_loop().time()
        for sources, name in zip(self._sources, _names(shown), strict=True):
            if name is None:
                continue
            found = sources.get(name)
            if found is None:
                found = sources[name] = _Source(0.0, now)
                if len(sources) > _MOST:
                    sources.popitem(last=False)
            found.mistakes, found.at = found.left(now) + 1.0, now
            sources.move_to_end(name)

    def _right(self, shown: Credentials) -> None:
        """Remembers a token that the policy knows."""
        if not shown.token:
            return
        digest = _digest(shown)
        self._good[digest] = None
        self._good.move_to_end(digest)
        if len(self._good) > _MOST:
            self._good.popitem(last=False)

    def _found(self, shown: Credentials) -> list[tuple[_Source | None, int]]:
        key, address = _names(shown)
        by_key, by_address = self._sources
        return [
            (None if key is None else by_key.get(key), _FREE_BY_KEY),
            (None if address is None else by_address.get(address), _FREE_BY_ADDRESS),
        ]


def _digest(shown: Credentials) -> bytes:
    return hashlib.sha256(shown.token.encode("utf-8", "surrogatepass")).digest()


def _names(shown: Credentials) -> tuple[str | None, str | None]:
    """Returns key and address. An IPv6 host has every address with the same prefix, so the prefix counts."""
    address = shown.address
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return shown.peer_key or None, address
    if parsed.version == 6 and parsed.ipv4_mapped is None:
        address = str(ipaddress.ip_network((int(parsed) >> 64 << 64, 64)))
    return shown.peer_key or None, address
