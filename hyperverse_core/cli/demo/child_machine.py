"""A machine in a child process, which can be stopped and killed."""

from __future__ import annotations

import asyncio
import json
import signal
from pathlib import Path
from typing import Any

from ...errors import Unavailable
from ..terminal.program import program

__all__ = ["ChildMachine"]

_START_LIMIT = 60.0
_STOP_LIMIT = 20.0


class ChildMachine:
    """Runs ``hyperverse up`` as a child process.

    Attributes:
        data_dir: data directory of the machine. Its stderr goes to the file ``up.log`` there.
    """

    def __init__(self, config: Path, data_dir: Path) -> None:
        self._config = config
        self.data_dir = data_dir
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> dict[str, Any]:
        """Starts the machine and returns its status when it is ready. Raises Unavailable if it does not become
        ready."""
        self.data_dir.mkdir(parents=True, exist_ok=True)
        log = self.data_dir / "up.log"
        with log.open("ab") as stderr:
            self._process = process = await asyncio.create_subprocess_exec(
                *(*program(), "up", "--json"),
                *("--config", str(self._config), "--data-dir", str(self.data_dir)),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=stderr,
                limit=1 << 20,
            )
        assert process.stdout is not None  # stdout is a pipe
        try:
            async with asyncio.timeout(_START_LIMIT):
                line = await process.stdout.readline()
        except TimeoutError:
            await self.kill()
            raise Unavailable(f"the machine was not ready after {_START_LIMIT:.0f} s", hint=_tail(log)) from None
        if not line:
            code = await process.wait()
            raise Unavailable(f"the machine ended with exit code {code} before it was ready", hint=_tail(log))
        status: dict[str, Any] = json.loads(line)
        return status

    async def kill(self) -> int:
        """Kills the process with SIGKILL. Returns its exit code."""
        return await self._end(signal.SIGKILL)

    async def stop(self) -> int:
        """Stops the process with SIGTERM, or with SIGKILL if that takes too long. Returns its exit code."""
        try:
            async with asyncio.timeout(_STOP_LIMIT):
                return await self._end(signal.SIGTERM)
        except TimeoutError:
            return await self.kill()

    async def _end(self, number: signal.Signals) -> int:
        process = self._process
        if process is None:
            return 0
        if process.returncode is None:
            process.send_signal(number)
        code = await process.wait()
        self._process = None
        return code


def _tail(log: Path) -> str:
    lines = log.read_text("utf-8", "replace").strip().splitlines() if log.is_file() else []
    return " / ".join(lines[-3:])
