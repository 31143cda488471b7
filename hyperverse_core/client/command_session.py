"""Sessions of the command language, on the side of a client."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from ..universe.address.point import Point
from ..universe.address.surface import Surface
from .api import ClientApi, Result, check_script, results_of

__all__ = ["CommandSession"]


@attrs.frozen
class CommandSession:
    """A session of the command language.

    The machine keeps its working point, and ends a session that is not used for an hour.

    Made by :meth:`Client.open_session`.

    Attributes:
        surface: where its commands are sent.
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
        """Runs a command or a script, and returns the result of each command.

        Args:
            text: one command, or several with ``;`` between them.
            keep_going: whether the commands behind one that failed are run too.
            working: moves the session to this working point first.
            files: content of the files that the commands name.
            wait: seconds for all of it; 15 when None.
        """
        check_script(text, files)
        body: dict[str, Any] = {"text": text, "keep_going": keep_going, "files": dict(files or {})}
        if working is not None:
            body["working"] = str(working)
        topic = str(self.surface.topic)
        pong = await self._client.ping(self.surface.point, "Ext<Exec>", body, topic=topic, wait=wait)
        return results_of(text, pong)
