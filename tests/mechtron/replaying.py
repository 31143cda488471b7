"""What was recorded of a core Mechtron, replayed: ``python -m mechtron.replaying MODULE RECORD`` prints the replies."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import msgspec
import wasmtime

from hyperverse_core.errors import HandlerFailed
from hyperverse_mechtron.host.core import CoreGuest
from hyperverse_mechtron.host.engine import engine
from hyperverse_mechtron.host.limits import GuestLimits
from hyperverse_mechtron.wave_services import WaveServices

__all__ = ["ANSWERS", "Recorded", "Recording"]

ANSWERS = ("ask", "get", "put", "header", "path", "agent", "carries_bytes", "now", "random")
"""What a guest is answered."""


class Recorded(msgspec.Struct):
    """One call: what came in, what the guest was answered, and its reply."""

    method: str
    body: bytes
    answers: list[tuple[str, Any]]
    reply: bytes = b""


class Recording(WaveServices):
    """Services that note their answers in ``Recording.calls``."""

    calls: list[Recorded] = []  # of the one test that records

    def __init__(self, ctx: Any, state: Any, most: int) -> None:
        super().__init__(ctx, state, most)
        self.call = Recorded(ctx.wave.method.name, ctx.wave.body, [])
        Recording.calls.append(self.call)

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        if name not in ANSWERS:
            return found
        answers = self.call.answers
        if name == "ask":

            async def asked(*args: Any) -> Any:
                answers.append((name, await found(*args)))
                return answers[-1][1]

            return asked

        def answered(*args: Any) -> Any:
            answers.append((name, found(*args)))
            return answers[-1][1]

        return answered


class _Replaying:
    answer = b""

    def __init__(self, call: Recorded) -> None:
        self._answers = iter(call.answers)

    def log(self, text: str) -> None:
        pass

    def __getattr__(self, name: str) -> Any:
        def answered(*args: Any) -> Any:
            asked, answer = next(self._answers)
            assert asked == name, f"it asks for {name}, and asked for {asked}"
            return answer

        async def later(*args: Any) -> Any:
            return tuple(answered(*args))

        return later if name == "ask" else answered


async def _replies(binary: bytes, calls: list[Recorded]) -> list[bytes]:
    guest = CoreGuest(wasmtime.Module(engine().wasm, binary), GuestLimits(seconds=60), wasi=False)
    replies = []
    for call in calls:
        try:
            replies.append(await guest.handle(_Replaying(call), call.method, call.body))  # type: ignore[arg-type]
        except HandlerFailed as exc:
            replies.append(exc.message.encode())
    guest.close()
    return replies


if __name__ == "__main__":
    recorded = msgspec.msgpack.decode(Path(sys.argv[2]).read_bytes(), type=list[Recorded])
    found = asyncio.run(_replies(Path(sys.argv[1]).read_bytes(), recorded))
    sys.stdout.buffer.write(msgspec.msgpack.encode(found))
