"""Starts ``other_process.py`` and ends it with the test."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from patience import START

__all__ = ["OtherProcess", "other_process"]

SCRIPT = Path(__file__).with_name("other_process.py")


class OtherProcess:
    """One running second process."""

    def __init__(self, *words: str) -> None:
        self._process = subprocess.Popen([sys.executable, str(SCRIPT), *words], stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        self._out = self._process.stdout.fileno()
        os.set_blocking(self._out, False)
        self._text = b""

    async def line(self, within: float = START) -> str:
        """The next line that it says."""
        async with asyncio.timeout(within):
            while b"\n" not in self._text:
                await self._more()
        line, _, self._text = self._text.partition(b"\n")
        return line.decode()

    async def _more(self) -> None:
        loop = asyncio.get_running_loop()
        readable = loop.create_future()
        loop.add_reader(self._out, lambda: None if readable.done() else readable.set_result(None))
        try:
            await readable
        finally:
            loop.remove_reader(self._out)
        news = os.read(self._out, 65_536)
        assert news, f"the other process ended; its last words: {self._text!r}"
        self._text += news

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()


@contextlib.contextmanager
def other_process(*words: str) -> Iterator[OtherProcess]:
    """Runs ``other_process.py`` with ``words``."""
    process = OtherProcess(*words)
    try:
        yield process
    finally:
        process.end()
