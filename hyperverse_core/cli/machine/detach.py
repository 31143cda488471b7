"""Starts a machine in a background process that outlives this one."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ...errors import ConfigError, HyperverseError, Unavailable, error_for_status
from ..terminal.program import program

__all__ = ["report_to_parent", "start_detached"]

_START_LIMIT = 60.0
_END_LIMIT = 5.0


def start_detached(args: Sequence[str], log_dir: Path, environ: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Runs ``hyperverse up`` in a new session and waits until the machine is ready.

    The output of the process, which is usually empty, goes to ``console.log`` in ``log_dir``.

    Args:
        args: words of the command line after ``up``.
        log_dir: directory of the machine's log.
        environ: variables that the process gets in addition to those of this one. Use them for values that must not
            appear in the process list.

    Returns:
        The status of the machine.

    Raises:
        HyperverseError: the machine did not start; this is the error that ended it.
    """
    reading, writing = os.pipe()
    command = [*program(), "up", *args, "--ready-fd", str(writing)]
    with (log_dir / "console.log").open("wb") as console:
        try:
            child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                pass_fds=(writing,),
                start_new_session=True,
                env={**os.environ, **(environ or {})},
            )
        finally:
            os.close(writing)
    try:
        said = _read_all(reading)
    except BaseException:  # too late, or interrupted: nobody would know that the machine runs
        _end(child)
        raise
    if not said:
        code = child.wait()
        tail = (log_dir / "console.log").read_text("utf-8", "replace").strip().splitlines()[-1:]
        raise Unavailable(f"the machine ended with exit code {code} before it was ready", hint=" ".join(tail))
    answer: dict[str, Any] = json.loads(said)
    if "error" in answer:
        child.wait()
        raise _reported(answer) from (HyperverseError(answer["why"]) if "why" in answer else None)
    child.returncode = 0  # keeps Popen from warning that the process still runs
    return answer


def _end(child: subprocess.Popen[bytes]) -> None:
    """Ends a machine for which nobody waits any more."""
    child.terminate()
    try:
        child.wait(_END_LIMIT)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def _reported(answer: Mapping[str, Any]) -> HyperverseError:
    """Returns the error that ended the child, from its report."""
    status, hint = answer.get("status", 500), answer.get("hint", "")
    if "faults" in answer:
        return ConfigError(faults=answer["faults"], hint=hint)
    if status == ConfigError.status:
        return ConfigError(answer["error"], hint=hint)
    return error_for_status(status, answer["error"], hint=hint)


def _read_all(descriptor: int) -> bytes:
    """Returns what the child writes until it closes the pipe. Raises Unavailable if that takes too long."""
    import select

    said, end = b"", time.monotonic() + _START_LIMIT
    with os.fdopen(descriptor, "rb", buffering=0) as pipe:
        while True:
            readable, _, _ = select.select([pipe], [], [], max(0.0, end - time.monotonic()))
            if not readable:
                raise Unavailable(
                    f"the machine is not ready after {_START_LIMIT:.0f} s", hint="read its log with: hyperverse logs"
                )
            part = pipe.read(65536)
            if not part:
                return said
            said += part


def report_to_parent(descriptor: int, answer: dict[str, Any]) -> None:
    """Sends the status of a machine that is ready, or the error that ended it, to the process that started it.

    Args:
        descriptor: file descriptor of the pipe to that process. It is closed afterwards.
    """
    with os.fdopen(descriptor, "wb") as pipe:
        pipe.write(json.dumps(answer).encode())
