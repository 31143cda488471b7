"""The particles that a selector matches, fetched page by page."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Generator
from typing import TYPE_CHECKING, Any, NoReturn

from ..errors import BadRequest
from .tables import Rows

__all__ = ["Selection"]


class Selection:
    """The particles that a selector matches, as maps with ``point``, ``kind`` and ``status``, ordered by point::

        async for row in client.select("localhost:*"):      # page by page
            print(row["point"])
        rows = await client.select("localhost:*")           # all of them in a list

    Made by ``client.select``. Each loop queries the machine again.
    """

    def __init__(self, pages: Callable[[], AsyncIterator[dict[str, Any]]]) -> None:
        self._pages = pages

    def __aiter__(self) -> AsyncIterator[dict[str, Any]]:
        return self._pages()

    def __await__(self) -> Generator[Any, None, Rows]:
        return self._all().__await__()

    async def _all(self) -> Rows:
        return Rows([row async for row in self._pages()])

    if not TYPE_CHECKING:  # type checkers must report the missing attribute

        def __iter__(self) -> NoReturn:
            raise BadRequest(
                "a selection needs `async for`, not `for`", hint="or `await client.select(...)` for a list"
            )
