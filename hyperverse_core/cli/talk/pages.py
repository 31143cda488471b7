"""Fetches the pages of a ``select`` one after the other."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any

import attrs

from ...universe.address.point import GLOBAL_EXECUTOR

if TYPE_CHECKING:
    from ...client.api import ClientApi, Result

__all__ = ["select", "whole", "with_later_pages"]


async def _page(client: ClientApi, command: str, after: str) -> dict[str, Any]:
    """Returns one page of a select. Raises HyperverseError if the machine refuses it."""
    body = {"text": command, "after": after}
    answer = await client.ask(GLOBAL_EXECUTOR, "Cmd<RawCommand>", body)
    (result,) = answer["results"]
    if not 200 <= result["status"] < 300:
        from ...universe.waves.wave import Pong

        Pong(result["status"], result["body"]).unwrap()
    page: dict[str, Any] = result["body"]
    return page


def _after(body: Any) -> str:
    found = body.get("after") if isinstance(body, Mapping) and "items" in body else None
    return str(found) if found else ""


async def select(client: ClientApi, selector: str) -> AsyncIterator[dict[str, Any]]:
    """Yields point, Kind and status of every particle that a selector matches, in the order of the points.

    Raises:
        HyperverseError: the machine refuses the select.
    """
    after = ""
    while True:
        page = await _page(client, f"select {selector}", after)
        for item in page["items"]:
            yield item
        after = _after(page)
        if not after:
            return


async def with_later_pages(client: ClientApi, result: Result) -> AsyncIterator[Result]:
    """Yields a result and, if it is the first page of a select, one result for each further page."""
    yield result
    after = _after(result.body)
    while after:
        page = await _page(client, result.command, after)
        after = _after(page)
        yield attrs.evolve(result, body=page)


async def whole(client: ClientApi, result: Result) -> Result:
    """Returns a result with the items of all pages in its body."""
    if not _after(result.body):
        return result
    items = [item async for page in with_later_pages(client, result) for item in page.body["items"]]
    return attrs.evolve(result, body={"items": items, "after": None})
