"""The end of a failed command: a line that says what is wrong, one that says why, one with the remedy, and the exit
code."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

import click

from .shown import indented, shown
from .streams import drop_output

if TYPE_CHECKING:
    from ...errors import HyperverseError

__all__ = ["DONE", "FAILED", "INTERRUPTED", "NO_MACHINE", "USAGE", "Stop", "describe", "reported"]

DONE, FAILED, USAGE, NO_MACHINE, INTERRUPTED = 0, 1, 2, 3, 130


class Stop(Exception):
    """Ends a command with an exit code. The command has reported the reason itself."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


def reported(invoke: Callable[[], object], args: Sequence[str]) -> int:
    """Runs a command and reports its failure on stderr.

    Args:
        invoke: runs the command.
        args: the words of the command line; ``--debug`` and ``--json`` among them determine the form of the report.

    Returns:
        The exit code.
    """
    options = list(args[: args.index("--")] if "--" in args else args)
    debug, as_json = "--debug" in options, "--json" in options
    try:
        result = invoke()
        sys.stdout.flush()
    except Stop as stop:
        return stop.code
    except click.exceptions.Exit as done:
        return done.exit_code
    except click.UsageError as exc:
        _misused(exc, as_json)
        return USAGE
    except (click.Abort, KeyboardInterrupt):
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output has closed the pipe, as `head` does
        drop_output()
        return DONE
    except Exception as exc:
        if debug:
            import traceback

            from ...config.secrets import masked

            print(masked(traceback.format_exc()), end="", file=sys.stderr)
        return _failed(exc, as_json, debug)
    return result if isinstance(result, int) else DONE


def _misused(exc: click.UsageError, as_json: bool) -> None:
    """Prints the usage of a command, what is wrong, and what would be right. A command that was given no words at all
    prints only its help."""
    from .usage import cure, wrong

    if isinstance(exc, click.exceptions.NoArgsIsHelpError):
        exc.show()
        return
    said, hint = wrong(exc), cure(exc)
    if as_json:
        said, _, told = said.partition("\n  hint: ")
        _say({"error": said, **({"hint": hint or told} if hint or told else {})}, as_json)
        return
    if exc.ctx is not None:
        click.echo(f"{exc.ctx.get_usage()}\nTry '{exc.ctx.command_path} --help' for help.\n", err=True)
    click.echo(f"Error: {indented(said)}" if "\n  hint: " not in said else f"Error: {said}", err=True)
    if hint:
        click.echo(f"  hint: {hint}", err=True)


def _failed(exc: Exception, as_json: bool, debug: bool) -> int:
    from ...errors import ConfigError, HyperverseError

    if isinstance(exc, click.ClickException) and isinstance(exc.__cause__, HyperverseError):
        exc = exc.__cause__  # a plugin's command has wrapped the error for click
    if isinstance(exc, HyperverseError):
        _say(describe(exc), as_json)
        if isinstance(exc, ConfigError):
            return USAGE
        return NO_MACHINE if type(exc).__name__ == "NoMachine" else FAILED
    if isinstance(exc, click.ClickException):
        _say({"error": exc.format_message()}, as_json)
        return exc.exit_code
    if isinstance(exc, OSError):
        _say({"error": _os_error(exc)} if exc.filename or _is_somewhere() else _NOWHERE, as_json)
        return FAILED
    hint = "please report this" if debug else "please report this with the output of the same command with --debug"
    _say({"error": f"internal error: {type(exc).__name__}: {exc}", "hint": hint}, as_json)
    return FAILED


def _is_somewhere() -> bool:
    """Whether the current directory exists."""
    try:
        os.getcwd()  # noqa: PTH109  # the same, without an import
    except FileNotFoundError:
        return False
    return True


_NOWHERE: Final = {
    "error": "the current directory no longer exists",
    "hint": "change to one that exists, for example with: cd",
}


def _os_error(exc: OSError) -> str:
    where = f"{exc.filename}: " if exc.filename else ""
    return f"{where}{exc.strerror or exc}"


def describe(exc: HyperverseError) -> dict[str, Any]:
    """Returns what is wrong (``error``), why (``why``) and what to do (``hint``), as far as known, with the reasons of
    a refusal (``explain``)."""
    from ...errors import ConfigError, ParseError

    said: dict[str, Any] = {"status": exc.status, "error": exc.message}
    if isinstance(exc, ConfigError) and exc.faults:
        said["error"] = "the configuration cannot be used"
        said["faults"] = list(exc.faults)
    if isinstance(exc, ParseError):
        said["error"] = exc.told
        said["line"], said["column"] = exc.line, exc.column
        if exc.text:
            said["caret"] = exc.caret()
    cause = exc.__cause__
    why = _why(cause) if isinstance(cause, Exception) else ""
    if why and why.partition("\n")[0] not in exc.message:  # what a library adds is about its own use
        said["why"] = why
    if exc.hint:
        said["hint"] = exc.hint
    explanation = getattr(exc, "explanation", None)
    if explanation is not None:
        said["explain"] = explanation
    return _without_secrets(said)


def _why(cause: Exception) -> str:
    from ...errors import HyperverseError

    if isinstance(cause, OSError):
        return cause.strerror or str(cause)
    return cause.message if isinstance(cause, HyperverseError) else str(cause)


def _say(said: dict[str, Any], as_json: bool) -> None:
    said = _without_secrets(said)
    if as_json:
        from .output import json_text

        print(json_text(said, sys.stderr.encoding), file=sys.stderr)
        return
    style = sys.stderr.isatty() and not os.environ.get("NO_COLOR")
    print(
        f"{click.style('error', fg='red', bold=True) if style else 'error'}: {indented(str(said['error']))}",
        file=sys.stderr,
    )
    for line in said.get("caret", "").splitlines():
        print(f"  {shown(line)}", file=sys.stderr)
    for fault in said.get("faults", ()):
        print(f"  {shown(str(fault))}", file=sys.stderr)
    for key in ("why", "hint"):
        if said.get(key):
            print(f"  {key}: {indented(str(said[key]))}", file=sys.stderr)
    if said.get("explain"):
        _say_why(said["explain"])


def _say_why(explain: Any) -> None:
    from .explained import refusal_lines

    for line in refusal_lines(explain):
        print(f"  {shown(line)}", file=sys.stderr)


def _without_secrets(said: dict[str, Any]) -> dict[str, Any]:
    from ...config.secrets import masked

    hidden: dict[str, Any] = {}
    for key, value in said.items():
        if isinstance(value, list):
            hidden[key] = [masked(item) if isinstance(item, str) else item for item in value]
        else:
            hidden[key] = masked(value) if isinstance(value, str) else value
    return hidden
