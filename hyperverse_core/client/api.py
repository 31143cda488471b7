"""What every client can do, whether it is connected over a socket or lives in the process of the machine."""

from __future__ import annotations

import abc
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any, Unpack

import attrs

from ..contracts.driver import Sender
from ..errors import BadRequest, HyperverseError, ParseError, ProtocolError, described
from ..universe.address.point import GLOBAL_EXECUTOR, Point
from ..universe.selectors.selector import Selector
from ..universe.waves.origin import WaveOptions
from ..universe.waves.wave import Body, Method, Outcome, Pong, Receipt

__all__ = ["GLOBAL_MACHINE", "ClientApi", "Result", "check_script", "expected", "results_of"]

GLOBAL_MACHINE = Point.parse("GLOBAL::machine")
_RAW_COMMAND = Method.parse("Cmd<RawCommand>")
_RECEIPT = tuple(field.name for field in attrs.fields(Receipt))


@attrs.frozen
class Result:
    """The result of one command of the command language.

    Attributes:
        command: its text; empty when the script could not be read any further.
        status, outcome, body: of its answer; for a failure the body is ``{"error": text}``, perhaps with
            ``hint``.
        receipt: what became of the wave that carried it.
        line, column: where it stands in the script, from 1.
    """

    command: str
    status: int
    outcome: Outcome
    body: Body
    receipt: Receipt
    line: int = 1
    column: int = 1

    @property
    def ok(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status < 300

    @property
    def error(self) -> str:
        """The reason of a failure, empty for a success."""
        return Pong(self.status, self.body).error

    def unwrap(self) -> Body:
        """Returns the body of a success. Raises the error that the status stands for otherwise."""
        return Pong(self.status, self.body).unwrap()


@attrs.frozen
class _Command:
    """A command, and where it stands in the text of the user."""

    text: str
    line: int = 1
    column: int = 1


class ClientApi(Sender):
    """Waves, commands and the state of the machine.

    :meth:`ping`, :meth:`signal` and :meth:`ripple` are those of every sender: they return replies, and what
    went wrong is in their status. :meth:`ask` and the methods that return plain values raise it.
    """

    @property
    @abc.abstractmethod
    def agent(self) -> Point:
        """The agent in whose name this client sends waves."""

    @abc.abstractmethod
    async def ping(
        self,
        to: Point | str,
        method: Method | str,
        body: Body = None,
        *,
        expect: Any = None,
        **options: Unpack[WaveOptions],
    ) -> Pong:
        """Sends a Ping, and returns its Pong, also for a failure. Arguments that are not named here are those of
        :meth:`Sender.ping`.

        Args:
            expect: a type, such as ``int``, ``list[str]`` or an attrs class, that the body of a success is
                converted to; None leaves it as it came.
            **options: how it is sent, see :class:`WaveOptions`.

        Raises:
            ParseError: ``to`` or ``method`` is malformed.
            BadRequest: the body cannot be sent, because it is not made of plain values.
            ProtocolError: the body of the answer does not fit ``expect``.
        """

    async def ask(
        self,
        to: Point | str,
        method: Method | str,
        body: Body = None,
        *,
        expect: Any = None,
        **options: Unpack[WaveOptions],
    ) -> Any:
        """Sends a Ping, with the arguments of :meth:`ping`, and returns the body of its Pong, or raises the error that
        its status stands for::

            total = await client.ask("localhost:hits", "Ext<Add>", {"by": 3}, expect=int)
        """
        pong = await self.ping(to, method, body, expect=expect, **options)
        return pong.unwrap()

    # -- commands -----------------------------------------------------------------------------------------

    async def exec(
        self,
        text: str,
        *,
        keep_going: bool = False,
        working: Point | str | None = None,
        files: Mapping[str, bytes] | None = None,
        wait: float | None = None,
    ) -> list[Result]:
        """Runs one or several commands, and returns the result of each.

        Args:
            text: the commands, with ``;`` between them.
            keep_going: whether to continue after a command that failed.
            working: the point that relative points start from; ROOT when None.
            files: content of the files that the commands name (``^[ bundle.zip ]``), by name.
            wait: seconds to wait for each command; 15 when None.
        """
        return [r async for r in self.run(text, keep_going=keep_going, working=working, files=files, wait=wait)]

    async def run(
        self,
        text: str,
        *,
        keep_going: bool = False,
        working: Point | str | None = None,
        files: Mapping[str, bytes] | None = None,
        wait: float | None = None,
        typed: bool = True,
    ) -> AsyncIterator[Result]:
        """As :meth:`exec`, with the same arguments, but yields each result as soon as it arrives.

        Args:
            typed: whether a person has typed the text, so that its last command may lack the ``;``. Use False for a
                script from a file: if the file was cut off, its last command is not run.
        """
        if type(text) is not str or files is not None:
            check_script(text, files)
        commands = _split(text, typed=typed)
        while True:
            try:
                command = next(commands, None)
            except ParseError as exc:
                yield _unreadable(exc)
                return
            if command is None:
                return
            body: dict[str, Any] = {"text": command.text}
            if working is not None:
                body["working"] = str(working)
            named = {name: content for name, content in files.items() if name in command.text} if files else None
            if named:
                body["files"] = named
            pong = await self.ping(GLOBAL_EXECUTOR, _RAW_COMMAND, body, wait=wait)
            for result in _results(command, pong):
                yield result
                if not result.ok and not keep_going:
                    return

    async def select(self, selector: Selector | str) -> AsyncIterator[dict[str, Any]]:
        """Yields the particles that match, with point, Kind and status, ordered by point. Fetches them page by page.

        Raises:
            ParseError: ``selector`` is not one.
            Forbidden: the agent may select none of them.
        """
        if not isinstance(selector, Selector | str):
            raise BadRequest(f"a {type(selector).__name__} is no selector", hint="write 'localhost:*'")
        text = f"select {Selector.parse(selector) if isinstance(selector, str) else selector}"
        after: str | None = ""
        while after is not None:
            pong = await self.ping(GLOBAL_EXECUTOR, _RAW_COMMAND, {"text": text, "after": after})
            page = results_of(text, pong)[0].unwrap()
            for item in page["items"]:
                yield item
            after = page.get("after")

    # -- the machine --------------------------------------------------------------------------------------

    async def status(self) -> dict[str, Any]:
        """Returns the state of the machine, its stars, drivers and plugins, and why a part is not ready."""
        found: dict[str, Any] = await self.ask(GLOBAL_MACHINE, "Ext<Status>")
        return found

    async def stars(self) -> list[dict[str, Any]]:
        """Returns every star of the Hyperverse."""
        found: list[dict[str, Any]] = await self.ask(GLOBAL_MACHINE, "Ext<Stars>")
        return found

    async def kinds(self) -> list[dict[str, Any]]:
        """Returns every Kind that the machine knows, and which plugin serves it."""
        found: list[dict[str, Any]] = await self.ask(GLOBAL_MACHINE, "Ext<Kinds>")
        return found

    async def stop(self) -> None:
        """Stops the machine gracefully. Raises Forbidden for every agent but the hyperuser."""
        await self.ask(GLOBAL_MACHINE, "Ext<Stop>")


def check_script(text: object, files: object) -> None:
    """Checks what a caller wants to be run. Raises BadRequest.

    Args:
        text: the commands.
        files: the content of files by name, or None.
    """
    if not isinstance(text, str):
        raise BadRequest(f"commands are a text, not a {type(text).__name__}")
    if files is None:
        return
    if not isinstance(files, Mapping) or not all(isinstance(name, str) for name in files):
        raise BadRequest("files are a map from names to their content", hint="files={'bundle.zip': content}")


def expected(pong: Pong, expect: Any) -> Pong:
    """Returns ``pong``, with the body of a success converted to the type ``expect``. Raises ProtocolError."""
    if expect is None or not pong.ok:
        return pong
    import cattrs  # most programs never need it

    from ..protocol.strict_conversion import converter

    try:
        pong.body = converter.structure(pong.body, expect)
    except cattrs.BaseValidationError as exc:
        raise _unexpected(pong, expect, "; ".join(cattrs.transform_error(exc))) from exc
    except (TypeError, ValueError, HyperverseError) as exc:
        raise _unexpected(pong, expect, str(exc)) from exc
    except Exception as exc:
        raise BadRequest(
            f"no body can be converted to what is expected: {described(exc)}",
            hint="expect is a type such as int, list[str] or an attrs class; the handler ran",
        ) from exc
    return pong


def _unexpected(pong: Pong, expect: Any, said: str) -> ProtocolError:
    return ProtocolError(
        f"the answer of {pong.sender.text!r} is not a {getattr(expect, '__name__', expect)}: {said}",
        hint="the handler ran; only its answer could not be converted",
    )


def _split(text: str, *, typed: bool) -> Iterator[_Command]:
    """Yields the commands of ``text``; see `iter_script`."""
    if typed and ";" not in text:
        yield _Command(text)
        return
    from ..universe.commands.script import iter_script  # reading scripts needs the grammars

    for one in iter_script(text, typed=typed):
        yield _Command(one.source, one.line, one.column)


def _unreadable(error: ParseError) -> Result:
    pong = Pong.failure(error)
    place = {"line": error.line, "column": error.column, "expected": list(error.expected)}
    pong.body |= {**place, "caret": error.caret()}
    return Result("", pong.status, pong.outcome, pong.body, pong.receipt, error.line, error.column)


def results_of(text: str, pong: Pong) -> list[Result]:
    """Returns the result of each command of ``text``, from the reply of the executor."""
    return list(_results(_Command(text), pong))


def _results(command: _Command, pong: Pong) -> Iterator[Result]:
    """Yields the results in a reply of the executor; one result with the reason when there are none."""
    entries = pong.body.get("results") if pong.ok and isinstance(pong.body, Mapping) else None
    if not isinstance(entries, list) or not all(isinstance(entry, Mapping) for entry in entries):
        yield Result(command.text, pong.status, pong.outcome, pong.body, pong.receipt, command.line, command.column)
        return
    for entry in entries:
        yield _result(command, pong, entry)


def _result(command: _Command, pong: Pong, entry: Mapping[str, Any]) -> Result:
    status, outcome = int(entry.get("status", pong.status)), Outcome(entry.get("outcome", pong.outcome))
    line, column = int(entry.get("line", 1)), int(entry.get("column", 1))
    given = entry.get("receipt")
    changes: dict[str, Any] = {}
    if isinstance(given, Mapping) and given.get("star"):  # else it needed no wave of its own
        changes = {name: given[name] for name in _RECEIPT if name in given}
    receipt = attrs.evolve(pong.receipt, **{**changes, "status": status, "outcome": outcome})
    return Result(
        str(entry.get("command", command.text)),
        status,
        outcome,
        entry.get("body"),
        receipt,
        command.line + line - 1,
        column if line > 1 else command.column + column - 1,
    )
