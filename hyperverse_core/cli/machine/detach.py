"""Starts a machine in a process of its own that outlives this one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ...errors import ConfigError, HyperverseError, Unavailable, error_for_status

__all__ = ["start_detached", "tell_parent"]

_START_LIMIT = 60.0


def start_detached(args: Sequence[str], log_dir: Path) -> dict[str, Any]:
    """Runs ``hyperverse up`` with ``args`` in a session of its own and waits until it is ready.

    What the process prints (there should be nothing) goes to ``console.log`` in ``log_dir``.

    Returns:
        the machine's status.

    Raises:
        HyperverseError: the machine did not start; this is the error it died of.
    """
    reading, writing = os.pipe()
    command = [sys.executable, "-m", "hyperverse_core.cli", "up", *args, "--ready-fd", str(writing)]
    with (log_dir / "console.log").open("wb") as console:
        try:
            child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                pass_fds=(writing,),
                start_new_session=True,
            )
        finally:
            os.close(writing)
    said = _read_all(reading)
    if not said:
        code = child.wait()
        tail = (log_dir / "console.log").read_text("utf-8", "replace").strip().splitlines()[-1:]
        raise Unavailable(f"the machine ended with {code} before it was ready", hint=" ".join(tail))
    answer: dict[str, Any] = json.loads(said)
    if "error" in answer:
        child.wait()
        raise _told(answer) from (HyperverseError(answer["why"]) if "why" in answer else None)
    child.returncode = 0  # it goes on without us: no warning that it still runs
    return answer


def _told(answer: Mapping[str, Any]) -> HyperverseError:
    """The error that the child died of, from what it has said of it."""
    status, hint = answer.get("status", 500), answer.get("hint", "")
    if "faults" in answer:
        return ConfigError(faults=answer["faults"], hint=hint)
    if status == ConfigError.status:
        return ConfigError(answer["error"], hint=hint)
    return error_for_status(status, answer["error"], hint=hint)


def _read_all(descriptor: int) -> bytes:
    """What the child writes until it closes its end; Unavailable when it takes too long."""
    import select

    said, end = b"", time.monotonic() + _START_LIMIT
    with os.fdopen(descriptor, "rb", buffering=0) as pipe:
        while True:
            readable, _, _ = select.select([pipe], [], [], max(0.0, end - time.monotonic()))
            if not readable:
                raise Unavailable(
                    f"the machine is not ready after {_START_LIMIT:.0f} s", hint="look at: hyperverse logs"
                )
            part = pipe.read(65536)
            if not part:
                return said
            said += part


def tell_parent(descriptor: int, answer: dict[str, Any]) -> None:
    """Says to the process that started this one that it is ready, or why it will never be."""
    with os.fdopen(descriptor, "wb") as pipe:
        pipe.write(json.dumps(answer).encode())
