"""Tab completion in ``hyperverse term``: words, points, Kinds, methods and properties, each in their place."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable
from typing import TYPE_CHECKING, Any

from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document

from ...errors import HyperverseError
from ...universe.commands.script import complete
from .results import items_of
from .term_place import TypedPlace, place_of

if TYPE_CHECKING:
    from ...client import Client

__all__ = ["TermCompleter"]

_MACHINE = "GLOBAL::machine"
_WAIT = 1.0
_MOST = 50


class TermCompleter(Completer):
    """Asks the machine for points, Kinds, methods and properties; offers none if the machine does not answer within a
    second."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._kinds: list[str] | None = None
        self._details: dict[str, dict[str, Any]] = {}

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        """Offers nothing: ``prompt_toolkit`` calls the asynchronous method."""
        return ()

    async def get_completions_async(
        self, document: Document, complete_event: CompleteEvent
    ) -> AsyncGenerator[Completion, None]:
        """Offers what may end at the cursor: words of the language where nothing else may, and in addition to
        points."""
        before = document.text_before_cursor
        place = place_of(before)
        for text in await self._things(place):
            yield Completion(text, start_position=-len(place.start))
        if place.sort in ("word", "point"):
            word = before.rpartition(" ")[2]
            for name in complete(before):
                if name.startswith(word):
                    yield Completion(name, start_position=-len(word))

    async def _things(self, place: TypedPlace) -> list[str]:
        if place.sort == "kind":
            return [f"{name}>" for name in await self._kind_names(place.start)]
        if place.sort == "point":
            return await self._points(place.start)
        if place.sort == "word":
            return []
        kind = place.of if place.sort == "new property" else await self._kind_of(place.of)
        details = await self._details_of(kind)
        if place.sort == "method":
            found = [str(entry["takes"]) for entry in details.get("handlers", ())]
            found += ["Cmd<Bounce>", "Cmd<Read>"]
        else:
            found = [str(entry["property"]) for entry in details.get("properties", ())]
        return [text for text in dict.fromkeys(found) if text.startswith(place.start)]

    async def _kind_of(self, point: str) -> str:
        body = {"text": f"select {point}"}
        items = items_of(await self._ask("GLOBAL::executor", "Cmd<Command>", body)) or []
        kinds = {str(item["kind"]).partition("<")[0] for item in items if isinstance(item, dict) and "kind" in item}
        return kinds.pop() if len(kinds) == 1 else ""

    async def _details_of(self, kind: str) -> dict[str, Any]:
        if kind and kind not in self._details:
            found = await self._ask(_MACHINE, "Ext<Kind>", {"kind": kind})
            if isinstance(found, dict):
                self._details[kind] = found
        return self._details.get(kind, {})

    async def _ask(self, point: str, method: str, body: dict[str, Any]) -> Any:
        """Returns the body of an answer; None if there is none in time."""
        try:
            reply = await self._client.ping(point, method, body, wait=_WAIT)
        except HyperverseError:
            return None
        return reply.body if reply.ok else None

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
        found = items_of(await self._ask("GLOBAL::executor", "Cmd<Command>", body)) or []
        return [str(point) for point in found if str(point).startswith(start)][:_MOST]
