"""Sessions of the command language, as a client has them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from ..universe.address.point import Point
from ..universe.address.surface import Surface
from .api import ClientApi, Result, results_of

__all__ = ["CliSession"]


@attrs.frozen
class CliSession:
    """A session whose working point is kept on the machine's side. One that nobody uses for an hour is over.

    Attributes:
        surface: where its commands are sent to.
    """

    _client: ClientApi
    surface: Surface

    async def exec(
        self,
        text: str,
        *,
        keep_going: bool = False,
        working: Point | str | None = None,
        files: Mapping[str, bytes] | None = None,
        wait: float | None = None,
    ) -> list[Result]:
        """Runs a command or a script.

        Args:
            keep_going: whether the commands behind one that failed are run too.
            working: moves the session to another working point first.
            files: content of the files that the commands name.
            wait: seconds for all of it; 15 when None.
        """
        body: dict[str, Any] = {"text": text, "keep_going": keep_going, "files": dict(files or {})}
        if working is not None:
            body["working"] = str(working)
        topic = str(self.surface.topic)
        pong = await self._client.ping(self.surface.point, "Ext<Exec>", body, topic=topic, wait=wait)
        return results_of(text, pong)
