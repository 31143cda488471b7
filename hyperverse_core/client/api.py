"""The methods of every client, whether it is connected over a socket or runs in the process of the machine."""

from __future__ import annotations

import abc
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NoReturn, Unpack

from ..errors import BadRequest, Forbidden, HyperverseError, ParseError
from ..scheduling.guarded_log import guarded_log
from ..universe.address.point import GLOBAL_EXECUTOR, Point
from ..universe.waves.expected import expected
from ..universe.waves.origin import WaveOptions
from ..universe.waves.wave import Body, Method, Ping, Pong
from .arguments import as_flag, as_point, type_named
from .other_names import no_such_name
from .results import CommandText, Result, read_results, results_of
from .tables import Results
from .verbs import GLOBAL_MACHINE, RAW_COMMAND, Verbs
from .watching import ChangeWatch, ClientWatches, ParticleChange, as_aspects
from .wrong_calls import tells_wrong_calls

__all__ = ["GLOBAL_MACHINE", "ClientApi", "Result", "check_script", "expected", "raise_first", "results_of"]

_log = guarded_log("hyperverse.client")


@tells_wrong_calls
class ClientApi(Verbs):
    """Waves, commands, verbs and the state of the machine.

    :meth:`ping`, :meth:`signal` and :meth:`ripple` are those of every sender: they return replies, whose status reports
    failures. All other methods raise an error instead.
    """

    if not TYPE_CHECKING:  # type checkers must report the missing attribute

        def __getattr__(self, name: str) -> NoReturn:
            raise AttributeError(no_such_name(self, name), name=name, obj=self)

    @property
    @abc.abstractmethod
    def agent(self) -> Point:
        """The agent on whose behalf this client sends waves."""

    async def ping(
        self,
        to: Point | str,
        method: Method | str,
        body: Body = None,
        *,
        expect: Any = None,
        **options: Unpack[WaveOptions],
    ) -> Pong:
        """Sends a Ping and returns its Pong, even when that is a failure. Arguments that are not listed here are those
        of :meth:`Sender.ping`.

        Args:
            expect: type, such as ``int``, ``list[str]`` or an attrs class, that the body of a successful reply is
                converted to; None returns it unconverted.
            **options: how the wave is sent, see :class:`WaveOptions`.

        Raises:
            ParseError: ``to`` or ``method`` is malformed.
            BadRequest: the body cannot be sent, because it does not consist of plain values.
            ProtocolError: the body of the reply cannot be converted to ``expect``.
        """
        # Repeats what every sender does: calling ``super()`` would add another coroutine to each Ping.
        try:
            wave = self._make(Ping, to, method, body, options)
        except Forbidden as exc:
            return Pong.failure(exc)
        pong = await self._ask(wave)
        return pong if expect is None else expected(pong, expect)

    async def ask(
        self,
        to: Point | str,
        method: Method | str,
        body: Body = None,
        *,
        expect: Any = None,
        **options: Unpack[WaveOptions],
    ) -> Any:
        """Sends a Ping, with the arguments of :meth:`ping`, and returns the body of its Pong, or raises the error for
        its status::

            total = await client.ask("localhost:hits", "Ext<Add>", {"by": 3}, expect=int)
        """
        pong = await self.ping(to, method, body, expect=expect, **options)
        return pong.unwrap()

    # -- watching -----------------------------------------------------------------------------------------

    @abc.abstractmethod
    def _watching(self) -> ClientWatches:
        """The watches of this client, which from now on can receive changes."""

    def watch(self, point: Point | str, *aspects: str, values: bool = False) -> ChangeWatch:
        """Returns the changes of a particle, as they happen::

            async for change in client.watch("localhost:hits", "State", "Property"):
                print(change.point, change.aspect, change.change)

        The watch continues when the particle moves to another machine, and when this client has lost its machine and
        connected to another one. A change with ``missed`` reports that changes may have been missed.

        Args:
            point: the particle.
            aspects: which aspects of it to watch: ``Log``, ``State``, ``Property``, ``Child``; all when none is named.
            values: whether each change of the state or the properties carries the ``value`` after it. The value is read
                when you read the change, so changes in quick succession may all carry the latest value.

        Raises:
            BadRequest: ``point`` is not a point, an aspect is not one of those, or ``values`` is not a bool.
            NotFound: there is no such particle. Raised when the loop or the ``async with`` begins, as is Forbidden.
            Forbidden: the agent may not read it.
        """
        wanted = as_point("point", point), as_aspects(aspects)
        return ChangeWatch(self._watching(), *wanted, read=self._value_after if as_flag("values", values) else None)

    async def _value_after(self, change: ParticleChange) -> Any:
        """Reads the state or the properties of a particle that has changed; None if the agent may not read them, or the
        particle is gone."""
        try:
            return await self.get(change.point, [] if change.aspect == "Property" else None)
        except HyperverseError as exc:
            _log.debug("%s of %s is not read: %s", change.aspect, change.point, exc)
            return None

    # -- commands -----------------------------------------------------------------------------------------

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
        """Runs one or several commands, and returns the result of each. Raises the error of the first that fails,
        with a note that says which one it was; the commands before it have run::

            await client.exec("create? localhost<Space>; create? localhost:hits<Counter>")
            results = await client.exec("get localhost:a; get localhost:b", check=False, keep_going=True)

        Args:
            text: the commands, separated by ``;``.
            check: whether to raise the error of a failed command. With False a failure is a result like the others:
                look at its ``ok``.
            keep_going: whether to continue after a command that failed; its error is then raised at the end.
            working: the point that relative points start from; ROOT when None.
            files: contents of the files that the commands name (``^[ bundle.zip ]``), by name.
            wait: seconds to wait for each command; 15 when None.

        Raises:
            BadRequest: an argument is invalid; no command was run.
            HyperverseError: the error of the first command that failed, unless ``check`` is False.
        """
        as_flag("check", check)
        found = Results(
            [r async for r in self.run(text, keep_going=keep_going, working=working, files=files, wait=wait)]
        )
        return raise_first(found) if check else found

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
            typed: whether a person typed the text, so that its last command may lack the ``;``. Use False for a script
                from a file: if the file is truncated, its incomplete last command is not run.

        Raises:
            BadRequest: an argument is invalid; no command was run. A command that fails yields a result.
        """
        if type(text) is not str or files is not None:
            check_script(text, files)
        as_flag("keep_going", keep_going)
        where = None if working is None else as_point("working", working).text
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
            if where is not None:
                body["working"] = where
            named = {name: content for name, content in files.items() if name in command.text} if files else None
            if named:
                body["files"] = named
            pong = await self.ping(GLOBAL_EXECUTOR, RAW_COMMAND, body, wait=wait)
            for result in read_results(command, pong):
                yield result
                if not result.ok and not keep_going:
                    return


def raise_first(results: Results) -> Results:
    """Returns ``results``, or raises the error of the first one that is a failure."""
    for result in results:
        result.unwrap()
    return results


def check_script(text: object, files: object) -> None:
    """Checks the arguments of a caller that runs commands. Raises BadRequest.

    Args:
        text: the commands.
        files: the contents of files by name, or None.
    """
    if not isinstance(text, str):
        raise BadRequest(
            f"text is {type_named(text)}, not a string of commands", hint="exec('create localhost<Space>')"
        )
    if files is None:
        return
    if not isinstance(files, Mapping) or not all(isinstance(name, str) for name in files):
        raise BadRequest("files are a map from names to their content", hint="files={'bundle.zip': content}")


def _split(text: str, *, typed: bool) -> Iterator[CommandText]:
    """Yields the commands of ``text``; see `iter_script`."""
    if typed and ";" not in text:
        yield CommandText(text)
        return
    from ..universe.commands.script import iter_script  # reading scripts needs the grammars

    for one in iter_script(text, typed=typed):
        yield CommandText(one.source, one.line, one.column)


def _unreadable(error: ParseError) -> Result:
    pong = Pong.failure(error)
    place = {"line": error.line, "column": error.column, "expected": list(error.expected)}
    pong.body |= {**place, "caret": error.caret()}
    return Result("", pong.status, pong.outcome, pong.body, pong.receipt, error.line, error.column)
