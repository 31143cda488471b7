"""Kept: answers of some seconds ago, for pages that are asked for again every two seconds."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any
from weakref import WeakKeyDictionary

from hyperverse_core.gateway import Session

__all__ = ["Kept"]


class Kept:
    """Answers of each session by their names. They go when the session does."""

    def __init__(self) -> None:
        self._answers: WeakKeyDictionary[Session, dict[str, tuple[float, Any]]] = WeakKeyDictionary()

    async def get(self, session: Session, name: str, seconds: float, ask: Callable[[], Awaitable[Any]]) -> Any:
        """The answer that was given in the last so many seconds, or else a new one.

        Args:
            session: of whoever looks.
            name: of the answer.
            seconds: how old it may be.
            ask: gives a new one.
        """
        return (await self.aged(session, name, seconds, ask))[0]

    async def aged(
        self, session: Session, name: str, seconds: float, ask: Callable[[], Awaitable[Any]]
    ) -> tuple[Any, float]:
        """The same, and how many seconds ago it was given."""
        answers = self._answers.setdefault(session, {})
        at, known = answers.get(name, (0.0, None))
        if not at or time.monotonic() - at > seconds:
            known = await ask()
            at = time.monotonic()
            answers[name] = (at, known)
        return known, time.monotonic() - at
