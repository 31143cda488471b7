"""Tab completion in ``hyperverse term``: words of the command language, points of particles, and Kinds."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Iterable
from typing import TYPE_CHECKING

from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document

from ...errors import HyperverseError
from ...universe.commands.script import complete
from .results import items_of

if TYPE_CHECKING:
    from ...client import Client

__all__ = ["TermCompleter"]

_POINT = re.compile(r"[a-z0-9:._\-/]*$", re.IGNORECASE)
_KIND = re.compile(r"<([A-Za-z]*)$")
_WAIT = 1.0
_MOST = 50


class TermCompleter(Completer):
    """Asks the machine for points and Kinds; offers none when the machine does not answer within a second."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._kinds: list[str] | None = None

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        """Offers nothing: ``prompt_toolkit`` calls the asynchronous method."""
        return ()

    async def get_completions_async(
        self, document: Document, complete_event: CompleteEvent
    ) -> AsyncGenerator[Completion, None]:
        """Offers Kinds after a ``<``; elsewhere words of the language, and points where one may stand."""
        before = document.text_before_cursor
        kind = _KIND.search(before)
        if kind is not None and " " in before.strip():
            for name in await self._kind_names(kind.group(1)):
                yield Completion(f"{name}>", start_position=-len(kind.group(1)))
            return
        word = before.rpartition(" ")[2]
        for name in complete(before):
            if name.startswith(word):
                yield Completion(name, start_position=-len(word))
        point = _POINT.search(before)
        if " " in before.lstrip() and point is not None:
            for text in await self._points(point.group()):
                yield Completion(text, start_position=-len(point.group()))

    async def _kind_names(self, start: str) -> list[str]:
        if self._kinds is None:
            try:
                self._kinds = sorted(str(kind["kind"]) for kind in await self._client.kinds())
            except HyperverseError:
                return []
        return [name for name in self._kinds if name.startswith(start)]

    async def _points(self, start: str) -> list[str]:
        """Returns points that begin with ``start``: children of its last whole segment."""
        parent = start.rpartition(":")[0]
        selector = f"{parent}:*" if parent else "*"
        body = {"text": f"select {selector} into points"}
        try:
            reply = await self._client.ping("GLOBAL::executor", "Cmd<Command>", body, wait=_WAIT)
        except HyperverseError:
            return []
        found = (items_of(reply.body) or []) if reply.ok else []
        return [str(point) for point in found if str(point).startswith(start)][:_MOST]
