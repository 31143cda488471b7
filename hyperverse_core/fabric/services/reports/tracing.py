"""Traces: records all hops of one wave, and of the waves that its handlers send, on all machines.

While nobody traces, no machine has a recorder, and a wave costs nothing extra. A trace switches the recorders of all
machines on, sends its wave, collects the recorded hops and switches the recorders off. A recorder that is never stopped
removes itself.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from typing import Any

import attrs

from ....contracts.driver import Sender
from ....errors import BadRequest, HyperverseError, TooMany, did_you_mean
from ....universe.address.star_key import StarKey
from ....universe.waves.origin import WaveOptions
from ....universe.waves.wave import Body
from ...cluster.directory import Directory
from ...delivery.outbound import Outbound
from ...delivery.star_requests import ask_star
from ...interception.interceptors import Interceptors
from ...interception.trace_recorder import TraceRecorder
from .trace_tree import waves_of

__all__ = ["SENT_AS", "TraceWave", "Tracing"]

SENT_AS = ("ping", "signal", "ripple")
_AT_ONCE = 8
"""Greatest number of traces in which a machine takes part at the same time."""
_LONGEST = 600.0
"""The longest that a trace may last, in seconds."""
_MARGIN = 10.0
"""Seconds for switching on and collecting, in addition to those of the wave itself."""
_ASKED = 3.0
"""Seconds that another machine may take to answer."""


@attrs.frozen
class TraceWave:
    """The wave to trace.

    Attributes:
        to: a point; for a Ripple a selector.
        method, path, body: the request.
        sent_as: ``ping``, ``signal`` or ``ripple``.
        wait: seconds for the answer.
        retries: how often a Ping is sent again.
        linger: seconds for which recording continues after the answer, for Signals and background tasks.
    """

    to: str
    method: str
    body: Body = None
    path: str = "/"
    sent_as: str = "ping"
    wait: float = 15.0
    retries: int = 0
    linger: float = 0.2

    def __attrs_post_init__(self) -> None:
        if self.sent_as not in SENT_AS:
            near = did_you_mean(self.sent_as, SENT_AS)
            raise BadRequest(f"a wave cannot be sent as {self.sent_as!r}{near}", hint=f"known: {', '.join(SENT_AS)}")
        if not 0 <= self.linger < _LONGEST or not 0 < self.wait < _LONGEST or self.lasts > _LONGEST:
            raise BadRequest(f"a trace lasts at most {_LONGEST:g} s", hint="give a shorter wait, or a shorter linger")

    @property
    def lasts(self) -> float:
        """Returns the seconds after which no machine records it any more."""
        return self.wait + self.linger + _MARGIN


@attrs.define(eq=False)
class _Recording:
    """A recorder that is switched on, and the timer that switches it off."""

    recorder: TraceRecorder
    timer: asyncio.TimerHandle


class Tracing:
    """Sends traced waves, and records the hops of traces on this machine.

    Args:
        interceptors: recorders are attached to them only while a trace lasts.
        outbound: sends from the star that represents this machine.
        directory: the other machines.
    """

    def __init__(self, interceptors: Interceptors, outbound: Outbound, directory: Directory) -> None:
        self._interceptors = interceptors
        self._outbound = outbound
        self._directory = directory
        self._on: dict[str, _Recording] = {}

    # -- on every machine ---------------------------------------------------------------------------------

    def begin(self, trace: str, seconds: float) -> None:
        """Records the hops of that trace for that many seconds, or until :meth:`end`. Raises TooMany."""
        if trace in self._on:
            return
        if len(self._on) >= _AT_ONCE:
            raise TooMany(f"{_AT_ONCE} traces are in progress on this machine", retry_after=1.0)
        recorder = TraceRecorder(trace)
        timer = asyncio.get_running_loop().call_later(min(seconds, _LONGEST), self.end, trace)
        self._on[trace] = _Recording(recorder, timer)
        self._interceptors.add(recorder)

    def end(self, trace: str) -> dict[str, Any]:
        """Switches a recorder off. Returns what it has recorded: ``hops``, with seconds since this machine first saw
        the trace, and ``left_out``."""
        recording = self._on.pop(trace, None)
        if recording is None:
            return {"hops": [], "left_out": 0}
        recording.timer.cancel()
        recorder = recording.recorder
        self._interceptors.remove(recorder)
        first = min((hop.at for hop in recorder.hops), default=0.0)
        hops = [attrs.asdict(hop) | {"at": hop.at - first} for hop in recorder.hops]
        return {"hops": hops, "left_out": recorder.left_out}

    async def close(self) -> None:
        """Switches all recorders off."""
        for trace in list(self._on):
            self.end(trace)

    # -- on the machine that received the request ---------------------------------------------------------

    async def run(self, sender: Sender, wave: TraceWave) -> dict[str, Any]:
        """Sends a wave and returns its hops: ``trace``, ``waves`` (each after the wave whose handler sent it),
        ``left_out``, and ``silent``, the machines that could not be asked, with the reason.

        Args:
            sender: sends it, with the rights of the caller.

        Raises ParseError for an invalid point, selector or method, and BadRequest, TooMany, Forbidden.
        """
        trace = secrets.token_hex(16)
        self.begin(trace, wave.lasts)
        try:
            silent = _failures(await self._ask_all(trace, wave.lasts))
            try:
                await _send(sender, wave, {"traceparent": f"00-{trace}-{secrets.token_hex(8)}-01"})
                await asyncio.sleep(wave.linger)
            finally:
                answers = await self._ask_all(trace, 0.0)
        finally:
            own = self.end(trace)
        silent = _failures(answers) | silent
        found = {self._directory.machine: own}
        found |= {name: answer for name, answer in answers.items() if not isinstance(answer, str)}
        return {
            "trace": trace,
            "waves": waves_of({name: answer["hops"] for name, answer in found.items()}),
            "left_out": sum(answer["left_out"] for answer in found.values()),
            "silent": [{"machine": name, "why": why} for name, why in sorted(silent.items())],
        }

    async def _ask_all(self, trace: str, seconds: float) -> dict[str, dict[str, Any] | str]:
        """Makes all other machines start to record, or stop if ``seconds`` is 0. Returns what each has recorded, or why
        it has not answered."""
        names = sorted(self._directory.machines())
        body = {"trace": trace, "seconds": seconds}
        stars = [StarKey("machine", name, 0) for name in names]
        asked = (ask_star(self._outbound, star, "Hyp<Hop>", body, wait=_ASKED) for star in stars)
        replies = await asyncio.gather(*asked)
        return {name: reply.body if reply.ok else reply.error for name, reply in zip(names, replies, strict=True)}


async def _send(sender: Sender, wave: TraceWave, headers: Mapping[str, str]) -> None:
    options: WaveOptions = {"headers": headers, "path": wave.path}
    if wave.sent_as == "signal":
        await sender.signal(wave.to, wave.method, wave.body, **options)
        return
    options["wait"] = wave.wait
    if wave.sent_as == "ping":
        options["retries"] = wave.retries
        await sender.ping(wave.to, wave.method, wave.body, **options)
        return
    try:
        await sender.ripple(wave.to, wave.method, wave.body, **options)
    except HyperverseError as exc:
        if exc.status == BadRequest.status:
            raise
        # Otherwise its recipients could not be found, which the hops show.


def _failures(answers: Mapping[str, dict[str, Any] | str]) -> dict[str, str]:
    return {name: answer for name, answer in answers.items() if isinstance(answer, str)}
