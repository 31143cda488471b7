"""Recorder: a receiver that remembers, and can be waited for."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence

from ...contracts.lane import Peer

__all__ = ["Recorder"]


class Recorder:
    """Records all calls of a transport.

    Attributes:
        ups, downs: peers, in order; a reason belongs to each down.
        calls: ``(what, peer)`` for each call, in order.
    """

    def __init__(self, patience: float) -> None:
        self.ups: list[Peer] = []
        self.downs: list[tuple[Peer, str]] = []
        self.calls: list[tuple[str, Peer]] = []
        self._frames: dict[Peer, list[bytes]] = {}
        self._patience = patience
        self._thread = threading.get_ident()
        self._strayed = ""
        self._waiting: list[tuple[Callable[[], bool], asyncio.Future[None]]] = []

    def lane_up(self, peer: Peer) -> None:
        self.ups.append(peer)
        self._note("up", peer)

    def lane_frames(self, peer: Peer, frames: Sequence[bytes]) -> None:
        self._frames.setdefault(peer, []).extend(frames)
        self._note("frames", peer)

    def lane_down(self, peer: Peer, reason: str) -> None:
        self.downs.append((peer, reason))
        self._note("down", peer)

    def _note(self, what: str, peer: Peer) -> None:
        self.calls.append((what, peer))
        if threading.get_ident() != self._thread:
            self._strayed = f"lane_{what}"
            return
        for condition, future in self._waiting:
            if not future.done() and condition():
                future.set_result(None)

    def frames(self, peer: Peer | None = None) -> list[bytes]:
        """Returns the frames from ``peer``, or from the only peer."""
        if peer is None:
            return next(iter(self._frames.values()), [])
        return self._frames.setdefault(peer, [])

    def count(self) -> int:
        """Returns the number of frames from all peers."""
        return sum(map(len, self._frames.values()))

    def downs_of(self, peer: Peer) -> int:
        """Returns how often ``peer`` was reported down."""
        return sum(down is peer for down, _ in self.downs)

    async def until(self, condition: Callable[[], bool], *, what: str) -> None:
        """Waits until ``condition`` holds; fails when that takes longer than the kit's patience."""
        self._check_thread()
        if condition():
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        entry = (condition, future)
        self._waiting.append(entry)
        try:
            async with asyncio.timeout(self._patience):
                await future
        except TimeoutError:
            self._check_thread()
            raise AssertionError(
                f"waited {self._patience:g} s for {what}; so far {len(self.ups)} up, {self.count()} frames, "
                f"{len(self.downs)} down"
            ) from None
        finally:
            self._waiting.remove(entry)

    def _check_thread(self) -> None:
        assert not self._strayed, (
            f"{self._strayed} was called in another thread: a transport calls its receivers on the event loop"
        )

    async def have(self, number: int, peer: Peer | None = None) -> list[bytes]:
        """The frames of ``peer``, as soon as there are ``number`` of them."""
        await self.until(lambda: len(self.frames(peer)) >= number, what=f"{number} frames")
        return self.frames(peer)

    async def have_up(self, number: int = 1) -> Peer:
        """The newest peer, as soon as ``number`` have come."""
        await self.until(lambda: len(self.ups) >= number, what=f"lane_up number {number}")
        return self.ups[number - 1]

    async def have_down(self, peer: Peer) -> str:
        """Why ``peer`` is down, as soon as it is."""
        await self.until(lambda: self.downs_of(peer) > 0, what=f"lane_down of {peer.name}")
        return next(reason for down, reason in self.downs if down is peer)
