"""Kept: recent answers, for pages that reload every two seconds."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any
from weakref import WeakKeyDictionary

from hyperverse_core.gateway import Session

__all__ = ["Kept"]


class Kept:
    """Answers of each session by name. They are dropped with the session."""

    def __init__(self) -> None:
        self._answers: WeakKeyDictionary[Session, dict[str, tuple[float, Any]]] = WeakKeyDictionary()

    async def get(self, session: Session, name: str, seconds: float, ask: Callable[[], Awaitable[Any]]) -> Any:
        """Returns an answer that is recent enough, or a new one.

        Args:
            session: the session of the reader.
            name: name of the answer.
            seconds: the greatest age in seconds.
            ask: returns a new answer.
        """
        return (await self.aged(session, name, seconds, ask))[0]

    async def aged(
        self, session: Session, name: str, seconds: float, ask: Callable[[], Awaitable[Any]]
    ) -> tuple[Any, float]:
        """Returns the same answer as :meth:`get`, and its age in seconds."""
        answers = self._answers.setdefault(session, {})
        at, known = answers.get(name, (0.0, None))
        if not at or time.monotonic() - at > seconds:
            known = await ask()
            at = time.monotonic()
            answers[name] = (at, known)
        return known, time.monotonic() - at
