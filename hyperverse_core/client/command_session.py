"""Sessions of the command language, for clients."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from ..universe.address.point import Point
from ..universe.address.surface import Surface
from .api import ClientApi, check_script, raise_first, results_of
from .arguments import as_flag, as_point
from .tables import Results

__all__ = ["CommandSession"]


@attrs.frozen
class CommandSession:
    """A session of the command language.

    The machine keeps its working point, and ends a session that has not been used for an hour.

    Made by :meth:`Client.open_session`.

    Attributes:
        surface: the address of its commands.
    """

    _client: ClientApi
    surface: Surface

    async def exec(
        self,
        text: str,
        *,
        check: bool = True,
        keep_going: bool = False,
        working: Point | str | None = None,
        files: Mapping[str, bytes] | None = None,
        wait: float | None = None,
    ) -> Results:
        """Runs a command or a script, and returns the result of each command. Raises the error of the first that
        fails.

        Args:
            text: one command, or several separated by ``;``.
            check: whether to raise the error of a failed command. With False a failure is a result like the others.
            keep_going: whether to continue after a command that failed.
            working: sets the session's working point to this point first.
            files: contents of the files that the commands name, by name.
            wait: seconds to wait for all commands together; 15 when None.
        """
        check_script(text, files)
        as_flag("check", check)
        as_flag("keep_going", keep_going)
        body: dict[str, Any] = {"text": text, "keep_going": keep_going, "files": dict(files or {})}
        if working is not None:
            body["working"] = as_point("working", working).text
        topic = str(self.surface.topic)
        pong = await self._client.ping(self.surface.point, "Ext<Exec>", body, topic=topic, wait=wait)
        found = Results(results_of(text, pong))
        return raise_first(found) if check else found
