"""A WASI command as a particle: the body of the wave is its standard input, its standard output is the reply."""

from __future__ import annotations

from typing import Any, Final

import attrs

from hyperverse_core import Ctx, Pong
from hyperverse_core.errors import BadRequest, HandlerFailed

from .bodies import to_bytes, to_reply
from .code import Code
from .document import Document
from .host.command import Finished, run_command
from .host.grants import WasiGrants
from .instances import recipe_of, stand_ins_of, stand_ins_there
from .library import Library
from .worker_messages import RunCommand
from .workers import Workers

__all__ = ["run_for_wave"]

_LOGGED: Final = 200
_KEYS: Final = frozenset({"stdin", "args", "env"})


async def run_for_wave(ctx: Ctx, code: Code, document: Document, library: Library) -> Pong:
    """Runs the command for a wave, in a worker process when the document asks for one.

    Args:
        library: of the machine: the command ends with it.

    Raises:
        HandlerFailed: it exited with a code other than 0, or trapped.
        TimedOut: it did not finish in time.
        OutcomeUnknown: its worker process died.
    """
    grants, stdin = _granted(ctx, document)
    if document.isolation == "process":
        done = await _run_apart(code, document, grants, stdin, library.workers)
    else:
        done = await run_command(
            code.module,
            document.name,
            grants,
            document.limits,
            stdin=stdin,
            start=document.start,
            stand_ins=stand_ins_there(stand_ins_of(code.report, document.stand_ins)),
            owner=library,
        )
    for line in done.stderr.decode(errors="replace").splitlines()[:_LOGGED]:
        ctx.log.info("%s", line)
    if document.reply == "run":
        return Pong(200, {"exit_code": done.code, "stdout": _readable(done.stdout), "stderr": _readable(done.stderr)})
    if done.code:
        raise HandlerFailed(_told(done))
    return to_reply(done.stdout, ctx.wave.body, document.reply)


async def _run_apart(code: Code, document: Document, grants: WasiGrants, stdin: bytes, workers: Workers) -> Finished:
    command = RunCommand(
        0,
        recipe_of(code, document, {}),
        document.name,
        document.start,
        grants.arguments,
        grants.environment,
        [(each.host, each.guest, each.write) for each in grants.folders],
        stdin,
    )
    return Finished(*await workers.run(command, document.limits.seconds))


def _told(done: Finished) -> str:
    last = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
    return f"the command ended with exit code {done.code}" + (f": {last[0][:500]}" if last else "")


def _readable(output: bytes) -> str | bytes:
    try:
        return output.decode("utf-8")
    except UnicodeDecodeError:
        return output


def _granted(ctx: Ctx, document: Document) -> tuple[WasiGrants, bytes]:
    grants, body = document.grants, ctx.wave.body
    if document.request == "environment":
        own = {
            "HV_METHOD": ctx.wave.method.text,
            "HV_PATH": ctx.wave.path,
            "HV_POINT": ctx.point.text,
            "HV_AGENT": ctx.agent.text,
            **{f"HV_HEADER_{_name(key)}": value for key, value in (ctx.wave.headers or {}).items()},
        }
        grants = attrs.evolve(grants, environment={**own, **grants.environment})
    if document.reply != "run" or not isinstance(body, dict):
        return grants, to_bytes(body)
    return _of_run(grants, body)


def _of_run(grants: WasiGrants, body: dict[str, Any]) -> tuple[WasiGrants, bytes]:
    """Returns the grants and the standard input for a body that is a map: it may add arguments and variables."""
    args, env = body.get("args", []), body.get("env", {})
    texts = isinstance(args, list) and isinstance(env, dict) and all(isinstance(v, str) for v in (*args, *env.values()))
    if not texts or body.keys() - _KEYS or any("\0" in text for text in (*args, *env, *env.values())):
        raise BadRequest(
            "the body does not fit: it takes stdin, args (a list of texts) and env (a map of texts)",
            hint='send {"stdin": "text", "args": ["one"], "env": {"NAME": "value"}}',
        )
    more = attrs.evolve(grants, arguments=(*grants.arguments, *args), environment={**grants.environment, **env})
    return more, to_bytes(body.get("stdin"))


def _name(header: str) -> str:
    return "".join(char if char.isalnum() else "_" for char in header.upper())
