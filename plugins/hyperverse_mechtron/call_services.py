"""Services that a guest can use without leaving its process: its state, the log, and the facts of the wave."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import Final

from .host.faults import HostFault
from .kept import OWN_KEY

__all__ = ["CallServices"]

_LINES: Final = 1000
_KEY: Final = 256
_OK, _TOO_LARGE = 200, 413


class CallServices:
    """The services for one call, without those that send waves.

    Args:
        state: the state when the wave came; None when the Mechtron keeps none.
        most: bytes of state at most, keys included.
        headers: of the wave.
        path: of the wave.
        agent: the point in whose name the wave was sent.
        carries_bytes: whether the body of the wave is bytes.

    Attributes:
        answer: the answer that the guest can fetch with ``take``.
        changed: the state entries that the guest has set.
        lines: the lines that the guest has logged.
    """

    def __init__(
        self,
        *,
        state: Mapping[str, bytes] | None,
        most: int,
        headers: Mapping[str, str],
        path: str,
        agent: str,
        carries_bytes: bool,
    ) -> None:
        self._state = state
        self._most = most
        self._headers = headers
        self._path = path
        self._agent = agent
        self._carries_bytes = carries_bytes
        self.lines: list[str] = []
        self.answer = b""
        self.changed: dict[str, bytes] = {}

    def log(self, text: str) -> None:
        """Stores a line, to be written to the log after the call, because a guest may run in another thread."""
        if len(self.lines) < _LINES:
            self.lines.append(text)

    def get(self, key: str) -> bytes | None:
        """Returns the state under a key."""
        if self._state is None:
            raise HostFault("the guest asks for its state, and its document says +state=none;")
        return self.changed.get(key, self._state.get(key))

    def put(self, key: str, value: bytes) -> int:
        """Changes the state. It is saved when the call has succeeded. Returns 200, or 413 when it is too large."""
        if self._state is None:
            raise HostFault("the guest changes its state, and its document says +state=none;")
        if key == OWN_KEY:
            raise HostFault(f"the guest changes its state under {key!r}, which is the platform's")
        whole = {**self._state, **self.changed, key: value}
        if len(key) > _KEY or sum(len(k) + len(v) for k, v in whole.items()) > self._most:
            return _TOO_LARGE
        self.changed[key] = value
        return _OK

    def header(self, name: str) -> str | None:
        """A header of the wave."""
        found = self._headers.get(name)
        return found if found is not None else self._headers.get(name.lower())

    def path(self) -> str:
        """The path of the wave."""
        return self._path

    def carries_bytes(self) -> bool:
        """Whether the body of the wave is bytes."""
        return self._carries_bytes

    def agent(self) -> str:
        """The point in whose name the wave was sent."""
        return self._agent

    def now(self) -> int:
        """Nanoseconds since 1970."""
        return time.time_ns()

    def random(self, size: int) -> bytes:
        """Random bytes."""
        return os.urandom(size)
