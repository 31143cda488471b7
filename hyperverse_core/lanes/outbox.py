"""Outbox: the frames that wait for one peer: bounded, by priority, large frames cut into pieces."""

from __future__ import annotations

import asyncio
from collections import deque

from ..errors import BadRequest, HyperverseError, LaneFull

__all__ = ["PRIORITIES", "Outbox", "Piece"]

PRIORITIES = 5
Piece = bytes | memoryview


class Outbox:
    """Frames that wait to be sent.

    A frame leaves as one piece, or as several if it is larger than ``piece``. Each piece travels with a *word* that
    tells the other side what it needs to know: ``size << 4 | priority << 1 | more``. The pieces of a frame leave in
    order, but a frame of higher priority may come between them.

    Args:
        max_frames: greatest number of frames that may wait.
        max_bytes: greatest number of bytes that may wait. An empty outbox accepts one frame of any size.
        piece: the largest piece (bytes).
    """

    __slots__ = (
        "_max_bytes",
        "_max_frames",
        "_newest",
        "_piece",
        "_queues",
        "_waiters",
        "_wanted",
        "bytes_waiting",
        "frames_waiting",
    )

    def __init__(self, *, max_frames: int = 8192, max_bytes: int = 16 * 1024 * 1024, piece: int = 128 * 1024) -> None:
        self._max_frames = max_frames
        self._max_bytes = max_bytes
        self._piece = piece
        self._queues: tuple[deque[tuple[int, Piece]], ...] = tuple(deque() for _ in range(PRIORITIES))
        self._newest = self._queues[0]  # the queue that was last added to
        self._waiters: list[asyncio.Future[None]] = []
        self._wanted = -1  # bytes of the frame last refused; -1 if none was
        self.frames_waiting = 0
        self.bytes_waiting = 0

    def put(self, frame: bytes, priority: int = 3) -> None:
        """Queues a frame.

        Args:
            frame: the frame.
            priority: 0 goes first, 4 last.

        Raises:
            LaneFull: there is no room; nothing has changed.
            BadRequest: there is no such priority.
        """
        size = len(frame)
        if self.frames_waiting and (
            self.frames_waiting >= self._max_frames or self.bytes_waiting + size > self._max_bytes
        ):
            self._wanted = size
            raise LaneFull(
                f"the peer does not keep up: {self.frames_waiting} frames ({self.bytes_waiting} bytes) wait for it",
                hint="await drain(), or send less",
                retry_after=0.05,
            )
        if not 0 <= priority < PRIORITIES:
            raise BadRequest(f"there is no priority {priority!r}", hint=f"0 goes first, {PRIORITIES - 1} last")
        self.frames_waiting += 1
        self.bytes_waiting += size
        self._newest = queue = self._queues[priority]
        if size <= self._piece:
            queue.append((size << 4 | priority << 1, frame))
        else:
            self._put_pieces(frame, size, priority)

    def _put_pieces(self, frame: bytes, size: int, priority: int) -> None:
        view = memoryview(frame)
        for start in range(0, size, self._piece):
            part = view[start : start + self._piece]
            more = start + self._piece < size
            self._queues[priority].append((len(part) << 4 | priority << 1 | more, part))

    def take_lone(self) -> tuple[int, Piece] | None:
        """Takes out the word and the piece of the only waiting frame, like :meth:`take`. If several frames or pieces
        wait, returns None and takes nothing. Where waves are sent one by one, no other method is called."""
        queue = self._newest
        if self.frames_waiting != 1 or len(queue) != 1:  # all pieces of a frame are in one queue
            return None
        lone = queue.popleft()
        self.frames_waiting = self.bytes_waiting = 0
        if self._wanted >= 0:
            self._wake()
        return lone

    def take(self, budget: int) -> tuple[list[int], list[Piece]]:
        """Takes out the pieces to send now.

        Args:
            budget: most bytes to take, where each word counts as four. One piece is taken even if it is larger.

        Returns:
            the words and the pieces; both empty if nothing waits.
        """
        words: list[int] = []
        pieces: list[Piece] = []
        left = budget
        for queue in self._queues:
            while queue:
                word, piece = queue[0]
                left -= (word >> 4) + 4
                if left < 0 and words:
                    if self._wanted >= 0:
                        self._wake()
                    return words, pieces
                queue.popleft()
                words.append(word)
                pieces.append(piece)
                self.bytes_waiting -= word >> 4
                self.frames_waiting -= not word & 1
        if self._wanted >= 0:
            self._wake()
        return words, pieces

    def _wake(self) -> None:
        if not self._has_room():
            return
        self._wanted = -1
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    def _has_room(self) -> bool:
        """Whether the outbox is below half and has room for the frame that was refused last, so that it is not refused
        again at once."""
        room = min(self._max_bytes // 2, max(0, self._max_bytes - self._wanted))
        return self.frames_waiting <= self._max_frames // 2 and self.bytes_waiting <= room

    async def drained(self) -> None:
        """Returns once frames are accepted again, which is immediately unless one was refused since the last time."""
        if self._wanted < 0:
            return
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        await waiter

    def fail(self, error: HyperverseError) -> None:
        """Drops every frame. Each waiting :meth:`drained` raises ``error``."""
        for queue in self._queues:
            queue.clear()
        self.frames_waiting = self.bytes_waiting = 0
        self._wanted = -1
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_exception(error)

    def __bool__(self) -> bool:
        """Whether a frame is waiting."""
        return self.frames_waiting > 0
