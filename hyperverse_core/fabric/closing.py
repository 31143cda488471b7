"""Closing: the parts of a machine close in the opposite order of their opening, and none keeps the others."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

from ..errors import HyperverseError
from ..scheduling.at_most import at_most
from ..scheduling.cancellation import ends_task

__all__ = ["closing"]

_log = logging.getLogger("hyperverse.machine")
_CLOSE = 2.0
"""Seconds that closing one part may take."""


async def _awaited(close: Callable[[], Awaitable[object]]) -> None:
    await close()


def closing(stack: AsyncExitStack, name: str, close: Callable[[], Awaitable[object]]) -> None:
    """Has a part closed when the stack is left. One that fails, or takes longer than two seconds, is logged and does
    not keep the others."""

    async def guarded() -> None:
        try:
            await at_most(_CLOSE, _awaited(close))
        except (HyperverseError, TimeoutError, OSError) as exc:
            _log.warning("%s could not be closed: %s", name, str(exc) or "it took too long")
        except BaseException as exc:
            if ends_task(exc):
                raise
            _log.exception("%s could not be closed", name)

    stack.push_async_callback(guarded)
